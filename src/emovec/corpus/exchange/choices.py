"""What the user says of other people's corpora, and what is found in them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

ALIASES: dict[str, tuple[str, ...]] = {
    "id": ("id", "story_id", "uid", "_id"),
    "language": ("language", "lang", "locale"),
    "emotion": (
        "emotion",
        "label",
        "feeling",
        "affect",
        "target_emotion",
        "emotion_label",
        "category",
        "emotions",
        "labels",
    ),
    "other": ("other", "other_emotion"),
    "topic": ("topic", "theme", "situation", "scenario", "subject"),
    "text": (
        "text",
        "story",
        "content",
        "body",
        "passage",
        "narrative",
        "dialogue",
        "completion",
        "output",
        "response",
        "stories",
        "texts",
        "sentence",
        "utterance",
        "tweet",
        "comment",
    ),
}
"""Columns that are taken for a field unless another is named, the likeliest first; their case doesn't count."""

Several = Literal["first", "single", "each"]
"""What to do with a text of several emotions: take its first, leave it out, or take it once for each."""


@dataclass(frozen=True, slots=True)
class Found:
    """A text as it was found.

    Attributes:
        file: it is in.
        line: where it starts, from 1; in Parquet and Arrow the row.
        fields: by the names of a story's fields, or what is wrong with it.
        keys: where in nested JSON it is, from outside; its line then waits until it is asked for.
    """

    file: Path
    line: int
    fields: Mapping[str, Any] | str
    keys: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Choices:
    """What the user says of a source.

    Attributes:
        columns: the column for a field, where it isn't one of `ALIASES`.
        path: a pattern of the files' paths, such as `{language}/{emotion}/{topic}-*`.
        levels: of nested JSON, from outside, such as `("emotion", "topic")`; `_` for one that means nothing.
        config: the one config of a `datasets` folder that is taken.
        several: what becomes of a text with several emotions; None to refuse it.
        delimiter: what stands between the fields of CSV and TSV files; None to look for it.
        header: whether their first row names the columns; None to look whether it names any that is known.
        emotion_given: whether all texts have one emotion, whatever the source says.
        taken: filled while reading: for each field the column or key it was found in.
        placed: filled while reading: for each field the place that told it, where no column did.
        left: filled while reading: what was left out, and why.
        places: filled while reading: how delimited files are written.
        unlabelled: filled while reading: texts by file of which no column of an emotion says yes.
    """

    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    path: str | None = None
    levels: tuple[str, ...] | None = None
    config: str | None = None
    several: Several | None = None
    delimiter: str | None = None
    header: bool | None = None
    emotion_given: bool = False
    taken: dict[str, str] = field(default_factory=dict[str, str])
    placed: dict[str, str] = field(default_factory=dict[str, str])
    left: list[str] = field(default_factory=list[str])
    places: list[str] = field(default_factory=list[str])
    unlabelled: Counter[str] = field(default_factory=Counter[str])

    def column(self, name: str, columns: Iterable[str]) -> str | None:
        """The column for a field among those of a table: the one that was named for it, else the likeliest."""
        if name in self.columns:
            return self.columns[name] if self.columns[name] in columns else None
        there = {column.strip().casefold(): column for column in reversed(list(columns))}
        return next((there[alias] for alias in ALIASES[name] if alias in there), None)
