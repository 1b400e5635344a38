"""What the analyses are given, and what they give back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from emovec.corpus.story import Story
from emovec.vectors.emotion_vectors import EmotionVectors

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

VARIANTS = ("raw", "standardised")
"""Vectors as they are, and with each dimension divided by its standard deviation over stories."""


@dataclass(frozen=True)
class Inputs:
    """What the analyses are computed from.

    Attributes:
        vectors: emotion vectors of all languages and layers.
        activations: (layer, language) → [story, hidden] with story coordinates id, language, emotion, topic.
        stories: the stories behind them, with their texts.
        model: loads the model; called only by analyses that need it.
        permutations: B of every permutation test.
        bootstraps: B of every bootstrap.
        seed: of everything random.
        top_k: tokens on each side of the logit lens.
        layer: for `choice` the layer that the study fixes, or None; for the others the one to show first.
        decoding: the table of the analysis `decoding`, where it has been computed already.
        norms: a CSV of human norms instead of the bundled ones.
        neutral: (layer, language) → [story, hidden] of the neutral texts; None where a language has none.
    """

    vectors: EmotionVectors
    activations: Callable[[int, str], xr.DataArray]
    stories: Sequence[Story]
    model: Callable[[], "LanguageModel"]
    permutations: int = 10_000
    bootstraps: int = 1_000
    seed: int = 0
    top_k: int = 10
    layer: int | None = None
    decoding: pd.DataFrame | None = None
    norms: str | Path | None = None
    neutral: Callable[[int, str], xr.DataArray | None] = lambda _layer, _language: None


@dataclass(frozen=True)
class AnalysisResult:
    """What an analysis found: tables by name, the parameters that shaped them, a few facts (plain JSON values)."""

    name: str
    tables: dict[str, pd.DataFrame]
    parameters: dict[str, Any]
    summary: dict[str, Any]
