"""One prompt continued with and without steering, side by side."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from emovec.models.form import ask
from emovec.models.generate import generate
from emovec.models.intervene import Intervention, intervene, steer
from emovec.models.language_model import LanguageModel
from emovec.models.positions import Positions
from emovec.steering.coherence import distinct, perplexity, regime


@dataclass(frozen=True)
class Sample:
    """A continuation and how coherent it is.

    Attributes:
        strength: in residual norms; 0 is the unsteered model.
        text: the continuation.
        perplexity_ratio: its perplexity under the unsteered model over that of the unsteered continuation.
        distinct: share of distinct pairs of words, or of characters where there are no spaces.
        regime: surgical, collapse or explosion; "" for the unsteered one.
    """

    strength: float
    text: str
    perplexity_ratio: float
    distinct: float
    regime: str


def interventions(
    vectors: Sequence[xr.DataArray],
    strengths: Sequence[float],
    *,
    layer: int | Sequence[int],
    weights: Sequence[float] | None = None,
    positions: Positions = "all",
    project_out: bool = False,
) -> list[Intervention]:
    """What `side_by_side` does to a batch of the unsteered text and one for each strength; its arguments.

    Raises:
        EmovecError: as in `intervene`.
    """
    rows = _rows(strengths, project_out)
    return [
        intervene(
            vector, layer=layer, strength=[row * share for row in rows], positions=positions, project_out=project_out
        )
        for vector, share in zip(vectors, [1.0] * len(vectors) if weights is None else weights, strict=True)
    ]


def _rows(strengths: Sequence[float], project_out: bool) -> list[float]:
    return [0.0, 1.0] if project_out else [0.0, *strengths]


def side_by_side(
    model: LanguageModel,
    prompt: str,
    vectors: Sequence[xr.DataArray],
    strengths: Sequence[float],
    *,
    layer: int | Sequence[int],
    weights: Sequence[float] | None = None,
    positions: Positions = "all",
    project_out: bool = False,
    max_new_tokens: int = 64,
    temperature: float = 0.0,
    seed: int = 0,
    chat: bool = False,
    on_tokens: Callable[[list[str]], None] | None = None,
) -> list[Sample]:
    """Continue a prompt unsteered and at each strength, all in one batch.

    Args:
        model: the language model.
        prompt: what to continue.
        vectors: emotion vectors [layer, hidden] that steer together, with their residual norms.
        strengths: in residual norms; signs count.
        layer: block or blocks.
        weights: of each vector against the others.
        positions: which tokens.
        project_out: take the vectors out instead of adding them; one steered continuation then, of strength 1.
        max_new_tokens: of each continuation.
        temperature: 0 always takes the likeliest token.
        seed: of the sampling.
        chat: whether the prompt is one from `chat_prompt`; thinking before the answer is then taken away.
        on_tokens: as in `generate`: the unsteered text first.

    Returns:
        The unsteered continuation, then one for each strength.

    Raises:
        EmovecError: as in `intervene` and `generate`.
    """
    rows = _rows(strengths, project_out)
    what = interventions(vectors, strengths, layer=layer, weights=weights, positions=positions, project_out=project_out)
    with steer(model, what):
        options: dict[str, Any] = {
            "max_new_tokens": max_new_tokens,
            "temperature": temperature,
            "seed": seed,
            "batch_size": len(rows),
            "on_tokens": on_tokens,
        }
        prompts = [prompt] * len(rows)
        texts = [each.text for each in ask(model, prompts, **options)] if chat else generate(model, prompts, **options)
    likely = perplexity(model, [prompt] * len(rows), texts, special_tokens=not chat)
    varied = [distinct(text) for text in texts]
    samples = [Sample(0.0, texts[0], 1.0, varied[0], "")]
    for row, text, found, variety in zip(rows[1:], texts[1:], likely[1:], varied[1:], strict=True):
        ratio = found / likely[0] if likely[0] else math.nan
        samples.append(Sample(row, text, ratio, variety, regime(ratio, variety, varied[0])))
    return samples
