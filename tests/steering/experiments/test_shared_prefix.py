"""Prompts that begin alike, against one run for each; every family, batch, and way to steer."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from emovec.errors import EmovecError
from emovec.models.intervene import Span, intervene, steer
from emovec.models.language_model import LanguageModel
from emovec.steering.experiments.shared_prefix import log_probabilities_after, shared_length
from tests.tiny_models import FAMILIES

TOKENS = (7, 11)
PREFIX = [0, *range(5, 27)]  # longer than the sliding windows


def prompts(n: int = 9, shared: Sequence[int] = PREFIX, seed: int = 0) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [[*shared, *(3 + rng.permutation(50)[: rng.integers(1, 12)])] for _ in range(n)]


def one_by_one(model: LanguageModel, asked: Sequence[Sequence[int]], steered: Callable[[int], object]) -> np.ndarray:
    """The reference: each prompt by itself, from its first to its last token, without cache and padding."""
    rows: list[np.ndarray] = []
    for i, ids in enumerate(asked):
        with torch.inference_mode(), steered(i):  # type: ignore[attr-defined]
            logits = model.model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0, -1]
        rows.append(torch.log_softmax(logits.double(), -1)[list(TOKENS)].numpy())
    return np.array(rows)


def pushed(model: LanguageModel, positions: object, layer: int = 1) -> object:
    vector = np.random.default_rng(5).normal(size=model.hidden_size)
    return steer(model, intervene(vector, layer=layer, strength=2.0, norm=5.0, positions=positions))  # type: ignore[arg-type]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_equals_one_run_for_each_prompt(tiny_model: Callable[..., LanguageModel], family: str) -> None:
    model, asked = tiny_model(family), prompts()
    assert shared_length(asked) >= len(PREFIX)
    found = log_probabilities_after(model, asked, TOKENS, batch_size=4)
    np.testing.assert_allclose(found, one_by_one(model, asked, lambda _: nullcontext()), atol=1e-4)


@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt2"])
@pytest.mark.parametrize("batch_size", [1, 5, 64])
@pytest.mark.parametrize("positions", ["all", "prompt", Span(3, 9), Span(20, 27), "each in the rest", "each anywhere"])
def test_equals_one_run_for_each_prompt_when_steered(
    tiny_model: Callable[..., LanguageModel], family: str, batch_size: int, positions: object
) -> None:
    model, asked = tiny_model(family), prompts()
    if positions == "each in the rest":
        positions = [Span(len(PREFIX), len(ids)) for ids in asked]
    elif positions == "each anywhere":
        positions = [Span(2 + i, 5 + 2 * i) for i in range(len(asked))]
    own = positions if isinstance(positions, list) else [positions] * len(asked)
    reference = one_by_one(model, asked, lambda i: pushed(model, own[i]))
    found = log_probabilities_after(
        model, asked, TOKENS, steered=partial(pushed, model), positions=positions, batch_size=batch_size
    )  # type: ignore[arg-type]
    np.testing.assert_allclose(found, reference, atol=1e-4)
    unsteered = log_probabilities_after(model, asked, TOKENS)
    assert np.abs(found - unsteered).max() > 1e-2


def test_generated_tokens_are_none_of_a_prompt(tiny_model: Callable[..., LanguageModel]) -> None:
    model, asked = tiny_model(), prompts()
    found = log_probabilities_after(model, asked, TOKENS, steered=partial(pushed, model), positions="generated")
    np.testing.assert_array_equal(found, log_probabilities_after(model, asked, TOKENS))


def test_reads_at_the_last_own_token_and_not_at_the_padding(tiny_model: Callable[..., LanguageModel]) -> None:
    model, asked = tiny_model(), prompts()
    reference = one_by_one(model, asked, lambda _: nullcontext())
    longest = max(map(len, asked))
    padded = [ids + ids[-1:] * (longest - len(ids)) for ids in asked]
    at_padding = one_by_one(model, padded, lambda _: nullcontext())
    shorter = [i for i, ids in enumerate(asked) if len(ids) < longest]
    assert len(shorter) > 4
    assert np.abs(at_padding - reference)[shorter].max(1).min() > 1e-3  # reading there would show
    np.testing.assert_allclose(log_probabilities_after(model, asked, TOKENS), reference, atol=1e-4)


def test_prompts_with_nothing_in_common_or_nothing_apart(tiny_model: Callable[..., LanguageModel]) -> None:
    model = tiny_model()
    for asked in ([[5, 6, 7], [8, 9], [10]], [[5, 6, 7]] * 3, [[5]], [[5, 6], [5, 6, 7, 8]]):
        reference = one_by_one(model, asked, lambda _: nullcontext())
        np.testing.assert_allclose(log_probabilities_after(model, asked, TOKENS), reference, atol=1e-4)


def test_bad_prompts_and_an_exploded_model(tiny_model: Callable[..., LanguageModel]) -> None:
    model = tiny_model()
    with pytest.raises(EmovecError, match="empty"):
        log_probabilities_after(model, [[5], []], TOKENS)
    with pytest.raises(EmovecError, match="has 97 tokens, more than the 96"):
        log_probabilities_after(model, [[5] * 97], TOKENS)
    with pytest.raises(EmovecError, match="2 spans for 1 prompts"):
        log_probabilities_after(model, [[5, 6]], TOKENS, positions=[Span(0, 1), Span(0, 1)])
    vector = np.ones(model.hidden_size)
    steered = lambda positions: steer(  # noqa: E731
        model,
        replace(intervene(vector, layer=1, norm=1.0, positions=positions), lengths=torch.tensor([[torch.inf]])),
    )
    with pytest.raises(EmovecError, match="no longer finite"):
        log_probabilities_after(model, prompts(), TOKENS, steered=steered)
