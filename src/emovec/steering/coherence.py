"""How coherent a steered text is: surgical change, repetitive collapse or explosion."""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

Regime = Literal["surgical", "collapse", "explosion"]
"""`surgical`: the text stays as likely and as varied as without steering; `collapse`: likely, but it repeats itself;
`explosion`: the unsteered model finds it hardly likely at all."""

REGIMES: tuple[Regime, ...] = ("surgical", "collapse", "explosion")

EXPLOSION = 3.0
"""Perplexity over that of the unsteered text from which a text counts as exploded."""
COLLAPSE = 0.7
"""Share of distinct n-grams over that of the unsteered text below which a text counts as collapsed."""
REPETITIVE = 0.5
"""Share of distinct pairs of words below which a text repeats itself, whatever it is compared with: the first hundred
words or characters of the bundled dialogues have 0.77 to 1. A text no worse than such an unsteered one is not called
coherent."""

# Scripts written without spaces: a run of them is no word. A lone mark is a token too: "!!!!" repeats itself.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]")


def tokens(text: str) -> list[str]:
    """Words in lower case, single characters of scripts written without spaces, and punctuation marks."""
    return _TOKEN.findall(text.lower())


def distinct(text: str, n: int = 2) -> float:
    """Share of n-grams of `tokens` that are different: 1 where nothing repeats, near 0 for one thing over and over.

    It falls with the length of a text: compare texts of one length only. NaN for fewer than n tokens.
    """
    units = tokens(text)
    grams = [tuple(units[i : i + n]) for i in range(len(units) - n + 1)]
    return len(set(grams)) / len(grams) if grams else math.nan


def perplexity(
    model: "LanguageModel", prompts: Sequence[str], texts: Sequence[str], *, special_tokens: bool = True
) -> list[float]:
    """Perplexity per token of each text as the continuation of its prompt, under the model as it stands.

    Call it outside any `steer` block: it is the unsteered model that judges. `special_tokens` is False for prompts that
    hold their own, as those of a chat template do.

    Returns:
        [text]: exp of the mean negative log-probability of its tokens; NaN for an empty text.
    """
    from emovec.models.generate import token_log_probabilities

    kept = [i for i, text in enumerate(texts) if text]
    found = [math.nan] * len(texts)
    if kept:
        given, said = [prompts[i] for i in kept], [texts[i] for i in kept]
        each = token_log_probabilities(model, given, said, special_tokens=special_tokens)
        for i, log_probabilities in zip(kept, each, strict=True):
            found[i] = math.exp(min(-math.fsum(log_probabilities) / len(log_probabilities), 700.0))
    return found


def regime(perplexity_ratio: float, distinctness: float, unsteered_distinctness: float = 1.0) -> Regime:
    """Name the regime of a steered text, or of the means over several.

    Args:
        perplexity_ratio: its perplexity under the unsteered model over that of the text written without steering.
        distinctness: its share of distinct n-grams (`distinct`).
        unsteered_distinctness: that of the text written without steering.

    Returns:
        `explosion` from a ratio of `EXPLOSION`; else `collapse` below `COLLAPSE` of the unsteered distinctness, and for
        a text too short to tell (NaN): a model that falls silent is no more coherent than one that repeats itself;
        else `surgical`.
    """
    if perplexity_ratio >= EXPLOSION:
        return "explosion"
    varied = distinctness >= COLLAPSE * unsteered_distinctness  # False for NaN
    return "surgical" if varied and not math.isnan(perplexity_ratio) else "collapse"
