"""Activities that a model may prefer to one another: our own, or a user's file."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

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
        path: a JSONL file of `id, category, language, text`; by default the 64 bundled ones, in English and Japanese.
        limit: keeps that many of each category, for a quick look.

    Raises:
        EmovecError: if the file is missing or wrong, or has no activities in a language.
    """
    if path is None:
        name = "activities.jsonl"
        text = (files("emovec") / "data" / "steering" / name).read_text(encoding="utf-8")
    else:
        name = str(path)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise EmovecError(f"steering.activities: {path} can't be read ({error}).") from error
    found = _parse(text, name)
    there = list(dict.fromkeys(activity.language for activity in found))
    chosen: list[Activity] = []
    for language in languages:
        own = [activity for activity in found if activity.language == language]
        if not own:
            source = "the bundled activities have" if path is None else f"{name} has"
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


def _parse(text: str, name: str) -> list[Activity]:
    found: list[Activity] = []
    lines: dict[Activity, int] = {}
    seen: dict[tuple[str, str, str], int] = {}
    for position, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        activity = _activity(line, f"{name}, line {position}")
        for field in ("id", "text"):
            value = " ".join(getattr(activity, field).split()).casefold()
            first = seen.setdefault((activity.language, field, value), position)
            if first != position:
                raise EmovecError(
                    f"{name}, line {position}: the {field} '{getattr(activity, field)}' is already on line {first}; "
                    "give each activity once in a language."
                )
        lines[activity] = position
        found.append(activity)
    if not found:
        raise EmovecError(f"{name}: holds no activities; give one a line, with {', '.join(_FIELDS)}.")
    counts = Counter((activity.language, activity.category) for activity in found)
    for activity, position in lines.items():
        if counts[activity.language, activity.category] < 2:
            raise EmovecError(
                f"{name}, line {position}: the category '{activity.category}' has one activity in "
                f"'{activity.language}'; give at least two, so that one can be set against another."
            )
    return found


def _activity(line: str, where: str) -> Activity:
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EmovecError(f"{where}: not valid JSON ({error}).") from error
    if not isinstance(record, dict):
        raise EmovecError(f"{where}: holds no JSON object with {', '.join(_FIELDS)}.")
    values: list[str] = []
    for field in _FIELDS:
        value: Any = record.get(field)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if not isinstance(value, str) or not value.strip():
            raise EmovecError(f"{where}: '{field}' is missing or empty; give a text.")
        values.append(value.strip())
    try:
        values[_FIELDS.index("language")] = check_label("language", values[_FIELDS.index("language")])
    except EmovecError as error:
        raise EmovecError(f"{where}: {error}.") from error
    return Activity(*values)
