"""Other people's corpora as stories: folders of JSONL, nested JSON, folders of text files, `datasets` folders."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from emovec.corpus.foreign_places import TEXT_FILES, files_in, line_of, nested_json, path_pattern, tables, text_files
from emovec.corpus.foreign_rows import ALIASES, Choices, Found, datasets_texts, is_datasets_folder
from emovec.corpus.read import Problem, checked_story, label_text, spelt_otherwise
from emovec.corpus.rows import READERS
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.labels import LabelKind, Spellings, check_label, clean, is_missing

Layout = Literal["auto", "jsonl-folder", "nested-json", "text-folder", "datasets"]
LAYOUTS: tuple[str, ...] = get_args(Layout)

_READERS: dict[str, tuple[str, Callable[[Path, Choices], Iterator[Found]]]] = {
    "jsonl-folder": ("tables (JSONL, CSV, Parquet)", tables),
    "nested-json": ("nested JSON", nested_json),
    "text-folder": ("text files, one text each", text_files),
    "datasets": ("a folder of `datasets`", datasets_texts),
}
_MAPPED = (*ALIASES, "path", "levels")


@dataclass(frozen=True)
class Imported:
    """What was read.

    Attributes:
        stories: usable texts, in the order of their files.
        problems: records that can't be used.
        sentence: what was taken for what.
    """

    stories: list[Story]
    problems: list[Problem]
    sentence: str


def import_corpus(
    source: str | Path,
    *,
    layout: Layout = "auto",
    mapping: Mapping[str, str] | None = None,
    language: str | None = None,
    emotion: str | None = None,
    relabel: Mapping[str, str] | None = None,
    config: str | None = None,
) -> Imported:
    """Read a corpus that is laid out in another way than emovec's own.

    Args:
        source: a file or a folder.
        layout: `jsonl-folder` (tables; the emotion from a column, else from the file's name), `nested-json` (keys for
            emotions, topics, languages), `text-folder` (one text a file; emotion and topic from the path), `datasets`
            (`save_to_disk`, or as the Hub has it), or `auto`.
        mapping: columns for the fields `id, language, emotion, other, topic, text`; a `path` pattern such as
            `{emotion}/{topic}-*`; `levels` of nested JSON such as `topic/emotion`.
        language: of all texts.
        emotion: of all texts.
        relabel: other names for emotions: `{"sorrow": "sad"}`.
        config: the one config of a `datasets` folder that is wanted.

    Raises:
        EmovecError: if the source can't be read or holds no texts, or an argument can't be right.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise EmovecError(f"{path}: no such file or folder.")
    if layout not in LAYOUTS:
        raise EmovecError(f"--layout {layout}: give one of {', '.join(LAYOUTS)}.")
    chosen = detect_layout(path) if layout == "auto" else layout
    choices = _choices(mapping or {}, config)
    title, reader = _READERS[chosen]
    kinds: tuple[tuple[LabelKind, str | None], ...] = (("language", language), ("emotion", emotion))
    fixed = {kind: _given_label(f"--{kind}", kind, value) for kind, value in kinds if value is not None}
    relabel = {clean(theirs): _given_label("--relabel", "emotion", ours) for theirs, ours in (relabel or {}).items()}
    spellings = Spellings()
    usable: list[Story] = []
    problems: list[Problem] = []
    for found in reader(path, choices):
        story = found.fields if isinstance(found.fields, str) else _story({**found.fields, **fixed}, relabel)
        if isinstance(story, Story) and (other := spelt_otherwise(story, spellings, _where(found))):
            story = f"{other} (--relabel THEIRS=OURS renames an emotion)"
        if isinstance(story, str):
            line = line_of(found.file, found.keys) if found.keys else found.line
            problems.append(Problem(str(found.file), line, story))
        else:
            usable.append(story)
    if not usable and not problems:
        raise EmovecError(f"{path}: read as {title}, but no text is in it; --layout takes {', '.join(LAYOUTS[1:])}.")
    stories, renamed = _with_ids(usable)
    taken = {**choices.placed, **choices.taken, **dict.fromkeys(fixed, "what you gave")}
    return Imported(stories, problems, _sentence(path, title, taken, renamed, choices.left, len(stories)))


def detect_layout(path: Path) -> Layout:
    """The layout that a file or folder most likely has.

    Raises:
        EmovecError: if it looks like none.
    """
    if path.is_dir() and is_datasets_folder(path):
        return "datasets"
    suffixes: dict[Layout, tuple[str, ...]] = {
        "jsonl-folder": tuple(READERS),
        "nested-json": (".json",),
        "text-folder": TEXT_FILES,
    }
    files: dict[Layout, int] = {
        layout: int(path.suffix.lower() in endings) if path.is_file() else len(files_in(path, endings))
        for layout, endings in suffixes.items()
    }
    best: Layout = max(files, key=lambda layout: files[layout])
    if not files[best]:
        endings = ", ".join(ending for group in suffixes.values() for ending in group)
        raise EmovecError(f"{path}: holds nothing that can be read as texts: no {endings}, and no `datasets` folder.")
    return best


def _choices(mapping: Mapping[str, str], config: str | None) -> Choices:
    unknown = [name for name in mapping if name not in _MAPPED]
    if unknown:
        raise EmovecError(f"--map {unknown[0]}=…: what can be mapped is {', '.join(_MAPPED)}.")
    levels = tuple(mapping["levels"].split("/")) if "levels" in mapping else None
    for level in levels or ():
        if level not in {"language", "emotion", "topic", "_"}:
            raise EmovecError(
                f"--map levels={mapping['levels']}: '{level}' is none of language, emotion, topic, or _ for a level "
                "that means nothing."
            )
    if "path" in mapping:
        path_pattern(mapping["path"])
    columns = {name: column for name, column in mapping.items() if name in ALIASES}
    return Choices(columns, mapping.get("path"), levels, config)


def _story(fields: Mapping[str, Any], relabel: Mapping[str, str]) -> Story | str:
    """A text as a story, its id empty where it has none; or what is wrong with it."""
    labels: dict[str, str] = {}
    for name in ("id", "language", "emotion", "other", "topic"):
        label = label_text(fields.get(name))
        if label is None:
            return f"the {name} is no text: {fields[name]!r:.40}"
        labels[name] = label
    text = fields.get("text")
    if not isinstance(text, str):
        return f"the text is no text: {text!r:.40}"
    if not text.strip():
        return "no text"
    emotion, other = (relabel.get(clean(labels[name]), labels[name]) for name in ("emotion", "other"))
    if not labels["language"]:
        return "no language; --language gives one for all, --map language=… names the column"
    if not emotion:
        return "no emotion; --map emotion=… names the column, --map path={emotion}/… the part of the path"
    identifier = "" if is_missing(labels["id"]) else labels["id"]
    return checked_story(identifier, labels["language"], emotion, labels["topic"], text, other)


def _given_label(option: str, kind: LabelKind, text: str) -> str:
    try:
        return check_label(kind, text)
    except EmovecError as error:
        raise EmovecError(f"{option}: {error}.") from error


def _where(found: Found) -> str:
    return f"{found.file}:{found.line}"


def _with_ids(stories: list[Story]) -> tuple[list[Story], bool]:
    """The stories with ids of their own; new ones for all where one is missing or occurs twice."""
    if len({story.id for story in stories}) == len(stories) and all(story.id for story in stories):
        return stories, False
    counts: Counter[str] = Counter()
    named: list[Story] = []
    for story in stories:
        emotions = "+".join(filter(None, (story.emotion, story.other)))
        cell = "-".join(filter(None, (story.language, emotions, story.topic))).replace(" ", "_")
        counts[cell] += 1
        named.append(replace(story, id=f"{cell}-{counts[cell]}"))
    return named, True


def _sentence(path: Path, title: str, taken: Mapping[str, str], renamed: bool, left: list[str], n: int) -> str:
    titles = {"emotion": "emotion", "other": "other emotion", "topic": "topic", "language": "language", "text": "text"}
    parts = [f"the {title} from {taken[name]}" for name, title in titles.items() if name in taken]
    if "topic" not in taken:
        parts.append("no topics")
    parts.append("new ids" if renamed else f"ids from {taken.get('id', 'the path')}")
    out = f" Left out: {'; '.join(left)}." if left else ""
    return f"Took {path} for {title}: {n:,} texts, {', '.join(parts)}.{out}"
