"""One prompt continued with and without steering, side by side."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from emovec.models.form import ask
from emovec.models.generate import generate
from emovec.models.intervene import steer
from emovec.models.language_model import LanguageModel
from emovec.models.positions import Positions
from emovec.steering.coherence import distinct, perplexity, regime
from emovec.steering.conditions import Condition, interventions
from emovec.vectors.emotion_vectors import EmotionVectors


@dataclass(frozen=True)
class Sample:
    """A continuation and how coherent it is.

    Attributes:
        times: how many times their strength the conditions had; 0 is the unsteered model.
        text: the continuation.
        perplexity_ratio: its perplexity under the unsteered model over that of the unsteered continuation.
        distinct: share of distinct pairs of words, or of characters where there are no spaces.
        regime: surgical, collapse or explosion; "" for the unsteered one.
    """

    times: float
    text: str
    perplexity_ratio: float
    distinct: float
    regime: str


def side_by_side(
    model: LanguageModel,
    prompt: str,
    vectors: EmotionVectors,
    conditions: Sequence[Condition],
    *,
    times: Sequence[float] = (1.0,),
    positions: Positions = "all",
    project_out: bool = False,
    max_new_tokens: int = 64,
    temperature: float = 0.0,
    seed: int = 0,
    chat: bool = False,
    on_tokens: Callable[[list[str]], None] | None = None,
) -> list[Sample]:
    """Continue a prompt unsteered and steered, all in one batch.

    Args:
        model: the language model.
        prompt: what to continue.
        vectors: of the model.
        conditions: what steers it, together.
        times: for each steered continuation, how many times their strength the conditions get; signs count.
        positions: which tokens.
        project_out: take the vectors out instead of adding them.
        max_new_tokens: of each continuation.
        temperature: 0 always takes the likeliest token.
        seed: of the sampling.
        chat: whether the prompt is one from `chat_prompt`; thinking before the answer is then taken away.
        on_tokens: as in `generate`: the unsteered text first.

    Returns:
        The unsteered continuation, then the steered ones.

    Raises:
        EmovecError: as in `interventions` and `generate`.
    """
    rows = [0.0, *times]
    what = interventions(conditions, vectors, rows=rows, positions=positions, project_out=project_out)
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
