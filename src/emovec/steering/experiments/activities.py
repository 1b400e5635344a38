"""Activities that a model may prefer to one another: our own, or a user's file."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from emovec.corpus.rows import read_records
from emovec.errors import EmovecError
from emovec.labels import check_label

CATEGORIES = ("helpful", "engaging", "social", "self-curiosity", "neutral", "aversive", "misaligned", "unsafe")
"""The categories of the bundled activities, in the order of every table."""

_FIELDS = ("id", "category", "language", "text")


@dataclass(frozen=True)
class Activity:
    """Something one may do, as words that follow "Would you prefer to".

    Attributes:
        id: the same for one activity in every language.
        category: what kind of activity it is.
        language: of the text.
        text: the activity.
    """

    id: str
    category: str
    language: str
    text: str


def load_activities(languages: Iterable[str], path: Path | None = None, limit: int | None = None) -> list[Activity]:
    """The activities in some languages, ordered by language and category.

    Args:
        languages: which, in the order wanted.
        path: a file (JSONL, CSV, Parquet) of `id, category, language, text`; by default the 64
            bundled ones, in English and Japanese.
        limit: keeps that many of each category, for a quick look.

    Raises:
        EmovecError: if the file is missing or wrong, or has no activities in a language.
    """
    if path is None:
        with as_file(files("emovec") / "data" / "steering" / "activities.jsonl") as bundled:
            found = _read(bundled)
    else:
        found = _read(path)
    there = list(dict.fromkeys(activity.language for activity in found))
    chosen: list[Activity] = []
    for language in languages:
        own = [activity for activity in found if activity.language == language]
        if not own:
            source = "the bundled activities have" if path is None else f"{path} has"
            raise EmovecError(
                f"steering.activities: {source} none in '{language}', only in {', '.join(there)}; name a file with "
                "some, or set steering.languages."
            )
        for category in categories(own):
            chosen += [activity for activity in own if activity.category == category][:limit]
    return chosen


def categories(activities: Sequence[Activity]) -> list[str]:
    """The categories that occur: ours in their order, then others in order of appearance."""
    present = dict.fromkeys(activity.category for activity in activities)
    return [*(name for name in CATEGORIES if name in present), *(name for name in present if name not in CATEGORIES)]


def _read(path: Path) -> list[Activity]:
    found = read_records(
        path,
        _activity,
        setting="steering.activities",
        example='{"id": "sing", "category": "social", "language": "en", "text": "sing in a choir"}',
        unique={
            "id": lambda each: (each.language, _plain(each.id)),
            "text": lambda each: (each.language, _plain(each.text)),
        },
    )
    counts = Counter((activity.language, activity.category) for activity in found)
    for (language, category), count in counts.items():
        if count < 2:
            raise EmovecError(
                f"{path}: the category '{category}' has one activity in '{language}'; give at least two, so that one "
                "can be set against another."
            )
    return found


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _activity(fields: Mapping[str, Any], _line: int) -> Activity | str:
    values: dict[str, str] = {}
    for field in _FIELDS:
        value = fields.get(field)
        if not isinstance(value, str) or not value.strip():
            return f"'{field}' is missing or empty"
        values[field] = value.strip()
    try:
        values["language"] = check_label("language", values["language"])
    except EmovecError as error:
        return str(error)
    return Activity(**values)
