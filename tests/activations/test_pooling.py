import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emovec.activations.pooling import first_pooled, pool


def slow_pool(
    states: np.ndarray, own: list[int], counted: list[int], threshold: float | None
) -> tuple[np.ndarray, int, int, float]:
    norms = [float(np.sqrt((states[t].astype(np.float64) ** 2).sum())) for t in range(len(states))]
    limit = np.inf if threshold is None else threshold * np.median([norms[t] for t in own])
    kept = [t for t in counted if norms[t] <= limit]
    mean = sum(states[t].astype(np.float64) for t in kept) / len(kept) if kept else np.full(states.shape[1], np.nan)
    return mean, len(kept), len(counted) - len(kept), float(np.median([norms[t] for t in own if norms[t] <= limit]))


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(3, 20), st.integers(1, 8)),
    threshold=st.sampled_from([None, 1.5, 3.0, 10.0]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    seed=st.integers(0, 10_000),
)
def test_equals_counting_by_hand(
    shape: tuple[int, int, int], threshold: float | None, dtype: torch.dtype, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    n_texts, n_tokens, _ = shape
    values = generator.standard_normal(shape) * generator.choice([1, 1, 1, 40], (n_texts, n_tokens, 1))
    hidden = torch.from_numpy(values).to(dtype)
    start = generator.integers(0, 2, n_texts)
    end = generator.integers(start + 1, n_tokens + 1)
    skip = [generator.integers(0, e - s) for s, e in zip(start, end, strict=True)]
    position = np.arange(n_tokens)[None]
    own = (position >= start[:, None]) & (position < end[:, None])
    counted = own & (position >= (start + skip)[:, None])
    pooled = pool(hidden, torch.from_numpy(own), torch.from_numpy(counted), threshold)
    for row in range(n_texts):
        own_at, counted_at = np.flatnonzero(own[row]).tolist(), np.flatnonzero(counted[row]).tolist()
        expected = slow_pool(hidden[row].float().numpy(), own_at, counted_at, threshold)
        np.testing.assert_allclose(pooled.mean[row], expected[0], rtol=1e-5, atol=1e-6 * np.abs(values).max())
        assert (int(pooled.n_pooled[row]), int(pooled.n_sinks[row])) == expected[1:3]
        assert float(pooled.token_norm[row]) == pytest.approx(expected[3], rel=1e-5)


def test_padding_of_any_size_weighs_nothing() -> None:
    hidden = torch.ones(1, 4, 2)
    hidden[0, 3] = 1e30
    own = torch.tensor([[True, True, True, False]])
    pooled = pool(hidden, own, own, None)
    assert pooled.mean.tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("n_own", "offset", "expected"), [(100, 50, 50), (100, 0.5, 50), (7, 0.5, 3), (9, 0, 0), (9, 1, 1)]
)
def test_offsets(n_own: int, offset: float, expected: int) -> None:
    assert first_pooled(n_own, offset) == expected
