"""What an analysis is: what it takes, the tables it gives, and how it is run; and what all of them share."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from inspect import signature
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from emovec.corpus.story import Story
from emovec.languages.norms import NormFiles
from emovec.vectors.emotion_vectors import EmotionVectors

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

VARIANTS = ("raw", "standardised")
"""Vectors as they are, and with each dimension divided by its standard deviation over stories."""

Activations = Callable[[int, str], xr.DataArray]
"""(layer, language) → [story, hidden] with the story coordinates id, language, emotion, topic."""


@dataclass(frozen=True)
class OtherTexts:
    """What the same model makes of texts besides the study's own.

    Attributes:
        name: of the texts or their study.
        vectors: of their labels.
        activations: (layer, language) → [story, hidden], as those of the study.
        stories: the texts.
    """

    name: str
    vectors: EmotionVectors
    activations: Activations
    stories: Sequence[Story]


@dataclass(frozen=True)
class Inputs:
    """What the analyses are computed from; each takes some of these as parameters of the same names.

    Attributes:
        vectors: emotion vectors of all languages and layers.
        activations: (layer, language) → [story, hidden] with story coordinates id, language, emotion, topic.
        stories: the stories behind them, with their texts.
        model: loads the model; called only by analyses that need it.
        permutations: B of every permutation test.
        bootstraps: B of every bootstrap.
        seed: of everything random.
        top_k: tokens on each side of the logit lens.
        fixed_layer: the layer that the study's settings fix, or None.
        layer: the one to show first, as the analysis `choice` gives it; by default the one at two thirds of the depth.
        decoding: the table of the analysis `decoding`; None where it has not been computed.
        norms: a CSV of human norms instead of the bundled ones, or language → such a file.
        poles: axis (`valence`, `arousal`) → words of its high and of its low pole, in place of the post's.
        neutral: (layer, language) → [story, hidden] of the neutral texts; None where a language has none.
        reference: texts whose labels the emotions are compared with; None without.
        held_out: texts of another kind that convey the same emotions; None without.
    """

    vectors: EmotionVectors
    activations: Activations
    stories: Sequence[Story]
    model: Callable[[], "LanguageModel"]
    permutations: int = 10_000
    bootstraps: int = 1_000
    seed: int = 0
    top_k: int = 10
    fixed_layer: int | None = None
    layer: int | None = None
    decoding: pd.DataFrame | None = None
    norms: NormFiles = None
    poles: Mapping[str, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict[str, Any])
    neutral: Callable[[int, str], xr.DataArray | None] = lambda _layer, _language: None
    reference: OtherTexts | None = None
    held_out: OtherTexts | None = None


INPUTS = frozenset(field.name for field in fields(Inputs))

_TYPES = {"": "float64", "int": "int64", "str": "str"}


@dataclass(frozen=True)
class Table:
    """The columns of a table in order, with their types: `layer:int language:str r`; without a type, a number."""

    declared: str

    @property
    def types(self) -> dict[str, str]:
        """Column → pandas type."""
        parts = (column.partition(":") for column in self.declared.split())
        return {name: _TYPES[kind] for name, _, kind in parts}

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return list(self.types)

    def without(self, *names: str) -> list[str]:
        """The names of all other columns."""
        return [column for column in self.columns if column not in names]

    def of(self, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
        """One table out of its parts, with exactly its columns and their types, also when there are no rows."""
        parts = [frame[self.columns] for frame in frames if len(frame)]
        whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=self.columns)
        return whole.astype(self.types)


@dataclass(frozen=True)
class Outcome:
    """What an analysis's function gives back: the parts of each table, a few facts, and parameters of its own."""

    tables: Mapping[str, list[pd.DataFrame]]
    summary: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Analysis:
    """One analysis: what it is called, how it is run, and the tables it gives.

    The parameters of its function are names of `Inputs`: its numbers depend on these and on nothing else.

    Attributes:
        name: of its record.
        run: its function.
        tables: name → columns.
        gives: an input of other analyses that it makes, so that they run later: a table of its own, or a fact of its
            summary; empty for nothing.

    Raises:
        TypeError: if the function takes something that `Inputs` has not.
    """

    name: str
    run: Callable[..., Outcome] = field(repr=False)
    tables: Mapping[str, Table]
    gives: str = ""

    def __post_init__(self) -> None:
        """See that there is everything that the function takes."""
        if unknown := sorted(self.inputs - INPUTS):
            raise TypeError(f"The analysis '{self.name}' takes {', '.join(unknown)}, which `Inputs` has not.")

    @property
    def inputs(self) -> frozenset[str]:
        """The fields of `Inputs` that it takes."""
        return frozenset(signature(self.run).parameters)

    @property
    def passed_on(self) -> frozenset[str]:
        """The fields of `Inputs` that it gives other analyses."""
        return frozenset({self.gives} - {""})


@dataclass(frozen=True)
class AnalysisResult:
    """What an analysis found: tables by name, the parameters that shaped them, a few facts (plain JSON values)."""

    name: str
    tables: dict[str, pd.DataFrame]
    parameters: dict[str, Any]
    summary: dict[str, Any]


def each_variant(vectors: EmotionVectors, function: Callable[[xr.DataArray], pd.DataFrame]) -> list[pd.DataFrame]:
    """A table for each variant of the vectors."""
    return [function(vectors.variant(name)).assign(variant=name) for name in vectors.variants]


def language_pairs(vectors: EmotionVectors) -> list[tuple[str, str]]:
    """Every two languages, in the study's order."""
    return list(combinations(vectors.languages, 2))


def best(table: pd.DataFrame, value: str, by: list[str]) -> list[dict[str, Any]]:
    """For each group the row with the largest value; of equals the earliest layer."""
    ordered = table.sort_values([value, "layer"], ascending=[False, True], kind="stable")
    return plain(ordered.drop_duplicates(by).sort_values(by))


def plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries of plain Python values, None for what is not a number."""
    rows = [
        {str(key): getattr(v, "item", lambda v=v: v)() for key, v in row.items()} for row in table.to_dict("records")
    ]
    return [{key: None if isinstance(v, float) and math.isnan(v) else v for key, v in row.items()} for row in rows]


def stories_read(stories: Sequence[Story], activations: Activations, vectors: EmotionVectors) -> list[Story]:
    """The stories that have activations: a model may have had no room for the others."""
    layer = vectors.layers[0]
    ids = {language: set(map(str, activations(layer, language)["id"].values)) for language in vectors.languages}
    return [story for story in stories if story.id in ids.get(story.language, ())]


def noted(vectors: EmotionVectors, notes: Sequence[str]) -> dict[str, Any]:
    """The notes of an analysis that compares languages, as a part of its summary."""
    if len(vectors.languages) < 2:
        notes = ["The study has one language: there is nothing to compare it with."]
    return {"note": " ".join(notes)} if notes else {}
