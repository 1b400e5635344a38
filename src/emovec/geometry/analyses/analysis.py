"""What an analysis is, and what all of them share."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pandas as pd
import xarray as xr

from emovec.corpus.story import Story
from emovec.geometry.inputs import Inputs


@dataclass(frozen=True)
class Outcome:
    """What an analysis's function gives back: the parts of each table, a few facts, and parameters of its own."""

    tables: dict[str, list[pd.DataFrame]]
    summary: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Analysis:
    """One analysis: its tables, the fields of `Inputs` that its numbers depend on, and how it is run."""

    tables: tuple[str, ...]
    inputs: frozenset[str]
    run: Callable[[Inputs], Outcome] = field(repr=False)


def each_variant(inputs: Inputs, function: Callable[[xr.DataArray], pd.DataFrame]) -> list[pd.DataFrame]:
    """A table for each variant of the vectors."""
    return [function(inputs.vectors.variant(name)).assign(variant=name) for name in inputs.vectors.variants]


def language_pairs(inputs: Inputs) -> list[tuple[str, str]]:
    """Every two languages, in the study's order."""
    return list(combinations(inputs.vectors.languages, 2))


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


def stories_read(inputs: Inputs) -> list[Story]:
    """The stories that have activations: a model may have had no room for the others."""
    layer = inputs.vectors.layers[0]
    ids = {
        language: set(map(str, inputs.activations(layer, language)["id"].values))
        for language in inputs.vectors.languages
    }
    return [story for story in inputs.stories if story.id in ids.get(story.language, ())]


def noted(inputs: Inputs, notes: Sequence[str]) -> dict[str, Any]:
    """The notes of an analysis that compares languages, as a part of its summary."""
    if len(inputs.vectors.languages) < 2:
        notes = ["The study has one language: there is nothing to compare it with."]
    return {"note": " ".join(notes)} if notes else {}
