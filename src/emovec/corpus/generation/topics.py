"""Everyday topics, neutral enough for every emotion, that texts are written about."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from emovec.errors import EmovecError, did_you_mean
from emovec.labels import Spellings, check_label

DEFAULT_TOPICS = "default-100"
"""The name of the 100 topics that come with the package."""


@dataclass(frozen=True)
class Topic:
    """A situation that stories of every emotion and language share.

    Attributes:
        id: short and lasting; it names the topic in corpora.
        texts: one short sentence for each language, by its code.
    """

    id: str
    texts: Mapping[str, str]


def load_topics(source: str | Sequence[str] = DEFAULT_TOPICS, folder: str | Path = ".") -> tuple[Topic, ...]:
    """The topics that a study's `generation.topics` stands for, in its order.

    Args:
        source: `default-100`, a list of ids of those, or a JSONL file with an `id` and a sentence for each language
            a line: `{"id": "night_drive", "en": "…", "ja": "…"}`.
        folder: what a relative path starts from.

    Raises:
        EmovecError: if the file or an id is unknown, or a record is wrong; the message names the line.
    """
    if source == DEFAULT_TOPICS:
        return _default()
    if isinstance(source, str):
        path = Path(folder, source)
        if not path.is_file():
            raise EmovecError(
                f"generation.topics: '{source}' is neither {DEFAULT_TOPICS} nor a file in {Path(folder).resolve()}."
            )
        return _read(path)
    known = {topic.id: topic for topic in _default()}
    for name in source:
        if name not in known:
            raise EmovecError(
                f"generation.topics: no topic '{name}'{did_you_mean(name, known)}; give topics of your own as a file."
            )
    if len(set(source)) < len(source):
        raise EmovecError(f"generation.topics: named twice: {', '.join(_repeated(source))}.")
    if not source:
        raise EmovecError("generation.topics: the list is empty; give at least one topic.")
    return tuple(known[name] for name in source)


def _default() -> tuple[Topic, ...]:
    return _read(Path(str(files("emovec") / "data" / "topics.jsonl")))


def _read(path: Path) -> tuple[Topic, ...]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EmovecError(f"{path}: can't be read as topics ({error}).") from error
    topics: dict[str, Topic] = {}
    spellings = Spellings()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        topic = _topic(line, where)
        if topic.id in topics:
            raise EmovecError(f"{where}: the id '{topic.id}' is there already; give each topic its own.")
        if other := spellings.other_spelling("topic", topic.id, where):
            raise EmovecError(f"{other}.")
        topics[topic.id] = topic
    if not topics:
        raise EmovecError(f"{path}: holds no topics; write one a line, such as {_EXAMPLE}.")
    return tuple(topics.values())


_EXAMPLE = '{"id": "night_drive", "en": "Driving home at night."}'


def _topic(line: str, where: str) -> Topic:
    try:
        fields: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EmovecError(f"{where}: no JSON ({error}); a topic looks like {_EXAMPLE}.") from error
    if not isinstance(fields, dict):
        raise EmovecError(f"{where}: no JSON object; a topic looks like {_EXAMPLE}.")
    record = cast("dict[str, Any]", fields)
    for key, value in record.items():
        if not isinstance(value, str) or not value.strip():
            raise EmovecError(f"{where}: {key}: give text, not {value!r:.40}.")
    identifier = record.pop("id", None)
    if identifier is None or not record:
        raise EmovecError(
            f"{where}: {'no sentence in any language' if identifier else 'no id'}; a topic looks like {_EXAMPLE}."
        )
    try:
        return Topic(check_label("topic", identifier), {check_label("language", code): record[code] for code in record})
    except EmovecError as error:
        raise EmovecError(f"{where}: {error}; a topic looks like {_EXAMPLE}.") from error


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
