"""Read stories from users' own files, keeping count of every record that can't be used."""

import glob
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from emovec.config import BUNDLED
from emovec.config_values import Source, as_source
from emovec.corpus.bundled import bundled_neutral, bundled_stories
from emovec.corpus.rows import READERS, read_rows
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.labels import NEUTRAL, LabelKind, Spellings, check_label, is_missing

Field = Literal["id", "language", "emotion", "topic", "text"]
FIELDS: tuple[Field, ...] = get_args(Field)
"""The fields of a story's record."""

_SHOWN = 3
_LEDGERS = {"answers.jsonl", "dropped.jsonl"}
"""What a generation writes beside its texts and its `generation.json`; no texts."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that can't be used.

    Attributes:
        file: the file it is in.
        line: where it starts, from 1 (in Parquet, which has no lines, the row).
        message: what is wrong with it.
    """

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True)
class ReadResult:
    """What reading gave: usable stories in the order of their files, and the records that are not usable."""

    stories: list[Story]
    problems: list[Problem]


def read_sources(
    sources: Iterable[str | Path | Source], *, base: Path | None = None, neutral: bool = False
) -> ReadResult:
    """Read stories from files, folders, globs or the bundled corpus.

    A record needs a text, a language and an emotion; the last two may be fixed by the source. A record without an id
    gets one made of the file's name and its line. A column `other` is a second emotion where it holds text. Labels come
    in the spelling that `check_label` gives them; a label that an earlier record spells otherwise (`Sad`, `sad`) is a
    problem. Texts stay as they are.

    Args:
        sources: paths, or `Source`s with columns mapped or fixed; `bundled` and the other names of `BUNDLED`.
        base: the folder that relative paths start from; by default the current one.
        neutral: read neutral texts: a record without an emotion is neutral, and `bundled` means the bundled dialogues.

    Returns:
        Stories and problems, in the order of sources, files (by name) and lines. Duplicate ids are problems.

    Raises:
        EmovecError: if a source names no file, or a file that can't be read or lacks a column.
    """
    parts: list[tuple[Source, Path | None]] = []
    for given in sources:
        source = given if isinstance(given, Source) else as_source(path=str(given))
        files = [None] if source.path in BUNDLED else _files(source.path, base or Path())
        parts.extend((source, file) for file in files)
    names = _id_prefixes(parts)

    stories: list[Story] = []
    problems: list[Problem] = []
    first: dict[str, str] = {}
    spellings = Spellings()
    for (source, file), name in zip(parts, names, strict=True):
        where = str(file or source.path)
        records = _bundled(source, neutral) if file is None else _records(file, source, name, neutral)
        for line, story in records:
            if isinstance(story, str):
                problems.append(Problem(where, line, story))
            elif story.id in first:
                problems.append(Problem(where, line, f"the id '{story.id}' is that of {first[story.id]} already"))
            elif other := spelt_otherwise(story, spellings, f"{where}:{line}"):
                problems.append(Problem(where, line, other))
            else:
                first[story.id] = f"{where}:{line}"
                stories.append(story)
    return ReadResult(stories, problems)


def read_stories(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    *,
    language: str | None = None,
    emotion: str | None = None,
) -> list[Story]:
    """Read stories that are all in order: from a file, folder or glob, or the bundled corpus.

    Args:
        path: JSONL, CSV or Parquet; a folder stands for all such files in it (but the ledgers of a generation);
            or a bundled corpus by its name: `bundled`, `bundled-plain`, ….
        columns: where `id, language, emotion, topic, text` are found, by the names in the files.
        language: the language of all texts, instead of a column.
        emotion: the emotion of all texts, instead of a column (`neutral` for none).

    Raises:
        EmovecError: if nothing can be read, or a record is broken: the first ones by file and line.
    """
    unknown = sorted(set(columns or {}) - set(FIELDS))
    if unknown:
        raise EmovecError(f"columns: no field '{unknown[0]}' in a story; map {', '.join(FIELDS)}.")
    source = as_source(path=str(path), columns=dict(columns or {}), language=language, emotion=emotion)
    result = read_sources([source])
    require_no_problems(result.problems)
    return result.stories


def require_no_problems(problems: Sequence[Problem], remedy: str = "fix or remove them") -> None:
    """Raise an error that names the first broken records and says how many there are.

    Raises:
        EmovecError: if there are any.
    """
    if not problems:
        return
    shown = "; ".join(str(problem) for problem in problems[:_SHOWN])
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    count = "1 record" if len(problems) == 1 else f"{len(problems)} records"
    raise EmovecError(f"corpus: {count} can't be used: {shown}{more}; {remedy}.")


def _files(path: str, base: Path) -> list[Path]:
    place = base / Path(path).expanduser()
    formats = ", ".join(READERS)
    if place.is_file():
        return [place]
    if place.is_dir():
        found = [file for file in place.iterdir() if _holds_texts(file)]
        if not found:
            raise EmovecError(
                f"{place}: the folder contains no {formats} files (for those in its subfolders give "
                f"'{path}/**/*.jsonl')."
            )
    elif glob.has_magic(path):
        pattern = str(Path(path).expanduser())
        matches = [base / match for match in glob.glob(pattern, root_dir=base, recursive=True)]  # noqa: PTH207
        found = [file for file in matches if _holds_texts(file)]
        if not found:
            raise EmovecError(f"{place}: no {formats} file matches this pattern.")
    else:
        raise EmovecError(f"{place}: no such file or folder of stories.")
    return sorted(found)


def _holds_texts(file: Path) -> bool:
    if not file.is_file() or file.suffix.lower() not in READERS:
        return False
    return file.name not in _LEDGERS or not file.with_name("generation.json").exists()


def _id_prefixes(parts: Sequence[tuple[Source, Path | None]]) -> list[str]:
    """Short names that tell the files apart, for ids: the stem, and as much more as it takes."""
    root = os.path.commonpath([file.parent.absolute() for _, file in parts if file] or ["/"])

    def path(source: Source, file: Path) -> str:
        return Path(os.path.relpath(file.absolute(), root)).as_posix()

    def fixed(source: Source, file: Path) -> str:
        return "-".join([path(source, file), *filter(None, (source.language, source.emotion))])

    namings: tuple[Callable[[Source, Path], str], ...] = (lambda _, file: file.stem, path, fixed)
    names: list[str] = []
    for naming in namings:
        names = ["" if file is None else naming(source, file) for source, file in parts]
        told_apart = [name for name in names if name]
        if len(set(told_apart)) == len(told_apart):
            break
    return names


def _bundled(source: Source, neutral: bool) -> Iterator[tuple[int, Story]]:
    if source.columns or source.language or source.emotion:
        raise EmovecError(
            f"corpus: '{source.path}' can't have columns, language or emotion: its records have their own."
        )
    return enumerate(bundled_neutral() if neutral else bundled_stories(BUNDLED[source.path]), 1)


def _records(path: Path, source: Source, name: str, neutral: bool) -> Iterator[tuple[int, Story | str]]:
    """The line of each record of a file, and the story it holds or what is wrong with it."""
    columns, rows = read_rows(path, [*(source.columns.get(field, field) for field in FIELDS), "other"])
    if columns:
        _require_columns(path, source, columns, neutral)
    line = 0
    for line, fields in rows:
        yield line, fields if isinstance(fields, str) else _story(fields, source, f"{name}-{line}", neutral)
    if columns:
        _require_columns(path, source, columns, neutral)
    if not line:
        yield 1, "the file contains no records"


def _require_columns(path: Path, source: Source, columns: Sequence[str], neutral: bool) -> None:
    given = {"language": source.language, "emotion": source.emotion or neutral}
    for field in FIELDS:
        column = source.columns.get(field, field)
        if columns.count(column) > 1:
            raise EmovecError(f"{path}: two columns are named '{column}'; rename one.")
        needed = field == "text" or (field in given and not given[field])
        if column in columns or not (needed or field in source.columns):
            continue
        remedy = f"map the right one with columns: {{{field}: …}}"
        if field in given:
            remedy += f", or give one {field} for the whole source with {field}: …"
        raise EmovecError(f"{path}: no column '{column}' for the {field}; there are {', '.join(columns)}; {remedy}.")


def _story(fields: Mapping[str, Any], source: Source, generated_id: str, neutral: bool) -> Story | str:
    """A record as a story, or what is wrong with it."""
    values: dict[str, Any] = {field: fields.get(source.columns.get(field, field)) for field in FIELDS}
    values["language"] = source.language or values["language"]
    values["emotion"] = source.emotion or values["emotion"]
    other = fields.get("other")
    values["other"] = other if isinstance(other, str) else ""
    return story_from(values, generated_id, NEUTRAL if neutral else "")


def story_from(fields: Mapping[str, Any], default_id: str, default_emotion: str = "") -> Story | str:
    """The fields of a record (those of a `Story`) as a story, or what is wrong with it.

    Args:
        fields: as they were read; a label may be a number.
        default_id: of a record without an id.
        default_emotion: of one without an emotion.
    """
    given: dict[str, str] = {}
    for field in ("id", "language", "emotion", "other", "topic"):
        label = label_text(fields.get(field))
        if label is None:
            return f"the {field} is no text: {fields[field]!r:.40}"
        given[field] = label
    text = fields.get("text")
    if text is not None and not isinstance(text, str):
        return f"the text is no text: {text!r:.40}"
    if not text or not text.strip():
        return "no text"
    if default_emotion and is_missing(given["emotion"]):
        given["emotion"] = default_emotion
    identifier = default_id if is_missing(given["id"]) else given["id"]
    return checked_story(identifier, given["language"], given["emotion"], given["topic"], text, given["other"])


def checked_story(identifier: str, language: str, emotion: str, topic: str, text: str, other: str) -> Story | str:
    """A story whose labels have their one spelling, or what is wrong with it. No topic and no other emotion are ""."""
    try:
        "".join((identifier, language, emotion, topic, text, other)).encode()
    except UnicodeEncodeError:
        return "bytes or characters that are no valid Unicode; save the file as UTF-8"
    try:
        return Story(
            identifier,
            check_label("language", language),
            check_label("emotion", emotion),
            None if is_missing(topic) else check_label("topic", topic),
            text,
            None if is_missing(other) else check_label("emotion", other),
        )
    except EmovecError as error:
        return str(error)


def spelt_otherwise(story: Story, spellings: Spellings, where: str) -> str | None:
    """What is wrong with a story of which a label was spelt otherwise before, or None."""
    labels: list[tuple[LabelKind, str | None]] = [
        ("language", story.language),
        ("emotion", story.emotion),
        ("emotion", story.other),
        ("topic", story.topic),
    ]
    found = (spellings.other_spelling(kind, label, where) for kind, label in labels if label)
    return next(filter(None, found), None)


def label_text(value: object) -> str | None:
    """A label as text, empty where there is none; None for what can't be a label."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip()
