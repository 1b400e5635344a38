import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

from emovec.emotions import DEFAULT_30
from emovec.errors import EmovecError
from emovec.geometry import procrustes, run_analysis
from emovec.geometry.analysis import Inputs
from emovec.stats.permutation import label_permutations
from tests.geometry.planted import emotion_vectors, random_vectors, relabelled, vectors_array


def at(table: pd.DataFrame, components: int, sample: str, layer: int = 0) -> pd.Series:
    rows = table[(table["components"] == components) & (table["sample"] == sample) & (table["layer"] == layer)]
    assert len(rows) == 1
    return rows.iloc[0]


def principal(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    return x.mean(axis=0), np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:k].T


def slow_held_out(x: np.ndarray, y: np.ndarray, k: int) -> tuple[float, float]:
    """R² and retrieval from x to y, one emotion after another; row i of x belongs with row i of y."""
    missed, base, hits = 0.0, 0.0, 0
    for out in range(len(x)):
        rest = np.delete(np.arange(len(x)), out)
        (x_mean, x_basis), (y_mean, y_basis) = principal(x[rest], k), principal(y[rest], k)
        xs, ys = (x - x_mean) @ x_basis, (y - y_mean) @ y_basis
        turn, strength = orthogonal_procrustes(xs[rest], ys[rest])
        mapped = xs[out] @ turn * strength / (xs[rest] ** 2).sum()
        missed += ((mapped - ys[out]) ** 2).sum()
        base += (ys[out] ** 2).sum()
        cosines = ys @ mapped / np.linalg.norm(ys, axis=1)
        hits += int(cosines.argmax() == out)
    return 1 - missed / base, hits / len(x)


def slow_in_sample(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    turn, strength = orthogonal_procrustes(x, y)
    return 1 - ((x @ turn * strength / (x**2).sum() - y) ** 2).sum() / (y**2).sum()


def test_all_numbers_are_those_of_one_fit_after_another() -> None:
    vectors = random_vectors(1, n=8, layers=1, hidden=12, shared=1.5)
    table = procrustes(vectors, "en", "ja", shuffles=19, seed=4, components=(2, 3))
    emotions = sorted(DEFAULT_30[:8])
    x, y = (vectors.sel(language=code, layer=0, emotion=emotions).values for code in ("en", "ja"))
    orders = label_permutations(8, 19, 4)
    assert at(table, 0, "in-sample")["r2"] == pytest.approx(slow_in_sample(x, y))
    shuffled = [slow_in_sample(x, y[order]) for order in orders]
    assert at(table, 0, "shuffled in-sample")["r2"] == pytest.approx(np.mean(shuffled))
    assert at(table, 0, "shuffled in-sample")["r2_95"] == pytest.approx(np.sort(shuffled)[-1])
    for k in (2, 3):
        placed = [(side - principal(side, k)[0]) @ principal(side, k)[1] for side in (x, y)]
        assert at(table, k, "in-sample")["r2"] == pytest.approx(slow_in_sample(*placed))
        both = np.mean([slow_held_out(x, y, k), slow_held_out(y, x, k)], axis=0)
        assert at(table, k, "held-out")[["r2", "retrieval"]].tolist() == pytest.approx(both.tolist())
        turned = [np.mean([slow_held_out(x, y[o], k), slow_held_out(y[o], x, k)], axis=0) for o in orders]
        found = at(table, k, "shuffled held-out")
        assert found[["r2", "retrieval"]].tolist() == pytest.approx(np.mean(turned, axis=0).tolist())
        assert found["shuffles"] == 19


def test_independent_vectors_fit_perfectly_in_sample_and_not_at_all_held_out() -> None:
    vectors = random_vectors(2, n=30, layers=1, hidden=3584)
    table = procrustes(vectors, "en", "ja", shuffles=5)
    assert at(table, 0, "in-sample")["r2"] >= 0.99
    assert at(table, 0, "in-sample")["retrieval"] == 1
    assert at(table, 0, "shuffled in-sample")["r2"] >= 0.99
    held = table[table["sample"] == "held-out"]
    assert set(held["components"]) == {1, 2, 3, 5, 10, 20}
    assert (held["r2"] <= 0.05).all()
    assert (held["retrieval"] < 0.25).all()


def test_a_planted_rotation_is_found() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(20, 4)) * [4, 3, 2, 1] @ ortho_group.rvs(40, random_state=1)[:4]
    y = 2.5 * x @ ortho_group.rvs(40, random_state=2)
    values = np.stack([x, y])[:, :, None] + 0.02 * rng.normal(size=(2, 20, 1, 40))
    table = procrustes(vectors_array(values, ("en", "ja"), DEFAULT_30[:20]), "en", "ja", shuffles=20, components=(4,))
    assert at(table, 4, "held-out")["r2"] > 0.97
    assert at(table, 4, "held-out")["retrieval"] == 1
    assert at(table, 4, "shuffled held-out")["r2_95"] < 0.1


def test_retrieval_with_shuffled_labels_is_at_chance() -> None:
    table = procrustes(random_vectors(4, n=20, layers=1, hidden=30, shared=1), "en", "ja", shuffles=60)
    shuffled = table[table["sample"] == "shuffled held-out"]
    assert shuffled["retrieval"].between(0.02, 0.09).all()
    assert (shuffled["chance"] == 0.05).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_the_order_of_labels_changes_nothing(seed: int) -> None:
    vectors = random_vectors(seed, n=7, layers=2, shared=1)
    first, second = (procrustes(v, "en", "ja", shuffles=4) for v in (vectors, relabelled(vectors, seed)))
    pd.testing.assert_frame_equal(first, second, rtol=1e-6)


def test_layers_may_have_different_numbers_of_shuffles() -> None:
    table = procrustes(random_vectors(5), "en", "ja", shuffles={0: 0, 1: 5, 2: 2})
    counts = table.groupby("layer")["shuffles"].max()
    assert counts.to_dict() == {0: 0, 1: 5, 2: 2}
    assert not table.loc[table["layer"] == 0, "sample"].str.startswith("shuffled").any()


def test_three_shared_emotions_are_too_few() -> None:
    with pytest.raises(EmovecError, match="share 3 emotions"):
        procrustes(random_vectors(6, n=3), "en", "ja")


@pytest.mark.parametrize(("languages", "n", "note"), [(("en",), 8, "one language"), (("en", "ja"), 3, "share 3")])
def test_a_study_that_can_not_be_aligned_says_why(languages: tuple[str, ...], n: int, note: str) -> None:
    result = run_analysis("alignment", _inputs(random_vectors(7, languages, n=n)))
    assert note in result.summary["note"]
    assert result.tables["procrustes"].empty


def test_every_pair_of_three_languages_is_aligned() -> None:
    table = run_analysis("alignment", _inputs(random_vectors(8, ("en", "ja", "de")))).tables["procrustes"]
    assert set(zip(table["language_a"], table["language_b"], strict=True)) == {("en", "ja"), ("en", "de"), ("ja", "de")}
    assert table.loc[table["layer"] == 1, "shuffles"].max() > table.loc[table["layer"] == 0, "shuffles"].max()


def _inputs(vectors) -> Inputs:
    return Inputs(vectors=emotion_vectors(vectors), activations=None, stories=[], model=None, layer=1)
