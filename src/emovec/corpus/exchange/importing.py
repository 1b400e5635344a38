"""Other people's corpora as stories: folders of JSONL, nested JSON, folders of text files, `datasets` folders."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from emovec.corpus.exchange.choices import ALIASES, Choices, Found, Several
from emovec.corpus.exchange.found_labels import labels_in, require_several
from emovec.corpus.exchange.paths import TEXT_FILES, files_in, line_of, nested_json, path_pattern, tables, text_files
from emovec.corpus.exchange.records import datasets_texts, is_datasets_folder
from emovec.corpus.read import Problem, label_text, spelt_otherwise, story_from
from emovec.corpus.rows import READERS
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.labels import LabelKind, Spellings, check_label, clean

Layout = Literal["auto", "jsonl-folder", "nested-json", "text-folder", "datasets"]
LAYOUTS: tuple[str, ...] = get_args(Layout)

_READERS: dict[str, tuple[str, Callable[[Path, Choices], Iterator[Found]], tuple[str, ...]]] = {
    "jsonl-folder": ("tables (JSONL, CSV, TSV, Parquet)", tables, tuple(READERS)),
    "nested-json": ("nested JSON", nested_json, (".json",)),
    "text-folder": ("text files, one text each", text_files, TEXT_FILES),
    "datasets": ("a folder of `datasets`", datasets_texts, ()),
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
    several: Several | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
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
        several: of a text with several emotions take the `first`, leave it out (`single`), or take it once for `each`.
        delimiter: what stands between the fields of CSV and TSV files; by default it is looked for.
        header: whether their first row names the columns; by default it does if it names one that is known.

    Raises:
        EmovecError: if the source can't be read or holds no texts, an argument can't be right, or texts have several
            emotions and `several` doesn't say what to do.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise EmovecError(f"{path}: no such file or folder.")
    if layout not in LAYOUTS:
        raise EmovecError(f"`layout` {layout}: give one of {', '.join(LAYOUTS)}.")
    layout = detect_layout(path) if layout == "auto" else layout
    choices = replace(
        _choices(mapping or {}, config),
        several=several,
        delimiter=_delimiter(delimiter),
        header=header,
        emotion_given=emotion is not None,
    )
    kinds: tuple[tuple[LabelKind, str | None], ...] = (("language", language), ("emotion", emotion))
    fixed = {kind: _given_label(f"`{kind}`", kind, value) for kind, value in kinds if value is not None}
    relabel = {clean(theirs): _given_label("`relabel`", "emotion", ours) for theirs, ours in (relabel or {}).items()}
    require_several(several)
    usable, problems, n_crowded = _read(path, layout, choices, fixed, relabel)
    stories, renamed = _with_ids(usable)
    return Imported(stories, problems, _sentence(path, layout, choices, fixed, stories, renamed, n_crowded))


def _read(
    path: Path, layout: str, choices: Choices, fixed: Mapping[str, str], relabel: Mapping[str, str]
) -> tuple[list[Story], list[Problem], int]:
    """The usable texts, what is wrong with others, and how many have several emotions; `choices` notes what is left."""
    title, reader, _ = _READERS[layout]
    spellings, read = Spellings(), set[str]()
    usable: list[Story] = []
    problems: list[Problem] = []
    crowded: list[Found] = []
    for found in _with_one_emotion(reader(path, choices), relabel, choices.several, crowded):
        story = found.fields if isinstance(found.fields, str) else _story({**found.fields, **fixed}, relabel)
        if isinstance(story, Story) and (other := spelt_otherwise(story, spellings, _where(found))):
            story = f"{other} (`relabel` THEIRS=OURS renames an emotion)"
        if isinstance(story, str):
            line = line_of(found.file, found.keys) if found.keys else found.line
            problems.append(Problem(str(found.file), line, story))
        else:
            usable.append(story)
            read.add(str(found.file))
    if crowded and choices.several is None:
        raise EmovecError(
            f"{_where(crowded[0])}: this text has several emotions (such texts here: {len(crowded):,}; texts with one "
            f"emotion: {len(usable):,}); `several` single leaves such texts out, first takes their first emotion, each "
            "takes them once for each of their emotions."
        )
    problems = _without_other_files(path, problems, read, choices)
    choices.left.extend(other_files(path, layout))
    for file, n in choices.unlabelled.items():
        choices.left.append(f"{_texts(n)} of {Path(file).name} with none of the emotions")
    if crowded and choices.several == "single":
        choices.left.append(f"{_texts(len(crowded))} with several emotions")
    if not usable and not problems:
        raise EmovecError(
            f"{path}: read as {title}, but no text is in it; `layout` takes {', '.join(LAYOUTS[1:])}."
            + (f" Left out: {'; '.join(choices.left)}." if choices.left else "")
        )
    return usable, problems, len(crowded)


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
        raise EmovecError(
            f"{path}: contains nothing that can be read as texts: no {endings}, and no `datasets` folder."
        )
    return best


def _choices(mapping: Mapping[str, str], config: str | None) -> Choices:
    unknown = [name for name in mapping if name not in _MAPPED]
    if unknown:
        raise EmovecError(f"`mapping` {unknown[0]}=…: what can be mapped is {', '.join(_MAPPED)}.")
    levels = tuple(mapping["levels"].split("/")) if "levels" in mapping else None
    for level in levels or ():
        if level not in {"language", "emotion", "topic", "_"}:
            raise EmovecError(
                f"`mapping` levels={mapping['levels']}: '{level}' is none of language, emotion, topic, or _ for a "
                "level that means nothing."
            )
    if "path" in mapping:
        path_pattern(mapping["path"])
    columns = {name: column for name, column in mapping.items() if name in ALIASES}
    return Choices(columns, mapping.get("path"), levels, config)


def _story(fields: Mapping[str, Any], relabel: Mapping[str, str]) -> Story | str:
    """A text as a story, its id empty where it has none; or what is wrong with it."""
    labels = {name: label_text(fields.get(name)) for name in ("emotion", "other")}
    ours = {name: relabel.get(clean(label), label) for name, label in labels.items() if label is not None}
    if not isinstance(fields.get("text"), str):
        return f"the text is no text: {fields.get('text')!r:.40}"
    story = story_from({**fields, **ours}, "")
    if isinstance(story, str) and fields["text"].strip():
        if label_text(fields.get("language")) == "":
            return "no language; `language` gives one for all, `mapping` language=… names the column"
        if ours.get("emotion") == "":
            return "no emotion; `mapping` emotion=… names the column, `mapping` path={emotion}/… the part of the path"
    return story


def _with_one_emotion(
    texts: Iterator[Found], relabel: Mapping[str, str], several: Several | None, crowded: list[Found]
) -> Iterator[Found]:
    """Texts of one emotion; of those that have several what is asked for, and all of these in `crowded`."""
    for found in texts:
        if isinstance(found.fields, str) or "emotion" not in found.fields:
            yield found
            continue
        emotions = labels_in(found.fields["emotion"], relabel)
        if len(emotions) > 1:
            crowded.append(found)
        taken = emotions[:1] if several == "first" or len(emotions) < 2 else emotions if several == "each" else []
        # Of an empty list of emotions the text stays, to be told of.
        for emotion in taken if emotions else [None]:
            yield replace(found, fields={**found.fields, "emotion": emotion})


def other_files(source: Path, layout: str) -> list[str]:
    """The files of a folder that a layout doesn't read, each with the reason; hidden ones aside."""
    if source.is_file() or layout == "datasets":
        return []
    reads = {name: endings for name, (_, _, endings) in _READERS.items() if endings}
    taken = set(files_in(source, reads[layout]))
    left: list[str] = []
    for path in sorted(path for path in source.rglob("*") if path.is_file() and path not in taken):
        name = path.relative_to(source)
        if any(part.startswith(".") for part in name.parts):
            continue
        ending = path.suffix.lower()
        other = next((each for each, endings in reads.items() if ending in endings), None)
        if other == layout:
            left.append(f"{name} (by its name no texts)")
        elif other:
            left.append(f"{name} (`layout` {other} reads such files)")
        else:
            left.append(f"{name} (the format '{ending}' is not read)" if ending else f"{name} (no known format)")
    return left


def _without_other_files(source: Path, problems: list[Problem], read: set[str], choices: Choices) -> list[Problem]:
    """The problems without those of files that hold no texts at all, which are named as left out."""
    if source.is_file() or not read:
        return problems
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    for file, found in by_file.items():
        if file not in read and all(problem.message.startswith("no text;") for problem in found):
            choices.left.append(f"{Path(file).relative_to(source)} ({found[0].message.partition(' (')[0]})")
            problems = [problem for problem in problems if problem.file != file]
    return problems


def _delimiter(given: str | None) -> str | None:
    words = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|"}
    delimiter = words.get(given or "", given)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise EmovecError(f"`delimiter` {given}: give one character, or tab, comma, semicolon or bar.")
    return delimiter


def _given_label(option: str, kind: LabelKind, text: str) -> str:
    try:
        return check_label(kind, text)
    except EmovecError as error:
        raise EmovecError(f"{option}: {error}.") from error


def _texts(n: int) -> str:
    return f"{n:,} text{'s' * (n != 1)}"


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


def _sentence(
    path: Path,
    layout: str,
    choices: Choices,
    fixed: Mapping[str, str],
    stories: Sequence[Story],
    renamed: bool,
    n_crowded: int,
) -> str:
    """What was taken for what, and what was left out."""
    taken = {**choices.placed, **choices.taken, **dict.fromkeys(fixed, "what you gave")}
    titles = {"emotion": "emotion", "other": "other emotion", "topic": "topic", "language": "language", "text": "text"}
    parts = [f"the {title} from {taken[name]}" for name, title in titles.items() if name in taken]
    if "topic" not in taken:
        parts.append("no topics")
    parts.append("new ids" if renamed else f"ids from {taken.get('id', 'the path')}")
    title = _READERS[layout][0]
    if choices.places:
        title += f" ({'; '.join(dict.fromkeys(choices.places))})"
    said = f"Took {path} for {title}: {_texts(len(stories))}, {', '.join(parts)}."
    left, most = choices.left, 20
    if left:
        more = [f"and {len(left) - most} more"] if len(left) > most else []
        said += f" Left out: {'; '.join([*left[:most], *more])}."
    if n_crowded and choices.several in {"first", "each"}:
        how = "for the first of them" if choices.several == "first" else "once for each of them"
        said += f" {_texts(n_crowded)} with several emotions: taken {how}."
    if numbers := sorted({story.emotion for story in stories if story.emotion.isdigit()}, key=int):
        said += f" Emotions are numbers ({', '.join(numbers[:5])}…): `relabel` {numbers[0]}=NAME names one."
    return said
