"""Everyday topics, neutral enough for every emotion, that texts are written about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from emovec.corpus.rows import read_records
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


_EXAMPLE = '{"id": "night_drive", "en": "Driving home at night."}'


def _read(path: Path) -> tuple[Topic, ...]:
    spellings = Spellings()

    def topic(fields: Mapping[str, Any], line: int) -> Topic | str:
        made = _topic(fields)
        other = None if isinstance(made, str) else spellings.other_spelling("topic", made.id, f"{path}:{line}")
        return other or made

    setting = "generation.topics"
    return tuple(read_records(path, topic, setting=setting, example=_EXAMPLE, unique={"id": lambda each: each.id}))


def _topic(fields: Mapping[str, Any]) -> Topic | str:
    for key, value in fields.items():
        if not isinstance(value, str) or not value.strip():
            return f"{key}: give text, not {value!r:.40}"
    texts = {key: text for key, text in fields.items() if key != "id"}
    if "id" not in fields:
        return "no id"
    if not texts:
        return "no sentence in any language"
    try:
        return Topic(check_label("topic", fields["id"]), {check_label("language", key): texts[key] for key in texts})
    except EmovecError as error:
        return str(error)


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
