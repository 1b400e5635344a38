"""What the place of a text tells of it: the path of its file, or its keys in nested JSON."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import yaml

from emovec.corpus.exchange.choices import ALIASES, Choices, Found
from emovec.corpus.exchange.records import is_language, record_fields, table_texts
from emovec.corpus.rows import READERS, first_line
from emovec.errors import EmovecError

TEXT_FILES = (".txt", ".md")
_NO_TEXTS = re.compile(r"(?:readme|licen[cs]e|changelog|notice|citation)\b", re.IGNORECASE)
_MEANINGLESS = {"stories", "story", "texts", "text", "data", "train", "test", "validation", "generated"}
_PLACES = ("language", "emotion", "topic")
_LEVELS: dict[int, tuple[str, ...]] = {0: (), 1: ("emotion",), 2: ("emotion", "topic")}


def files_in(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Files below a folder by their suffixes, in order; hidden ones and READMEs are no texts."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes
        and path.is_file()
        and not _NO_TEXTS.match(path.name)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def tables(source: Path, choices: Choices) -> Iterator[Found]:
    """The texts of a folder of JSONL, CSV or Parquet files, or of one; without a column the name tells the emotion."""
    files = [source] if source.is_file() else files_in(source, tuple(READERS))
    root = source.parent if source.is_file() else source
    for path, known in zip(files, _placed(files, root, choices, _named), strict=True):
        yield from table_texts(path, choices, known) if isinstance(known, dict) else [Found(path, 1, known)]


def text_files(source: Path, choices: Choices) -> Iterator[Found]:
    """The texts of a folder of `.txt` and `.md` files, one each; emotion and topic from their paths."""
    files = [source] if source.is_file() else files_in(source, TEXT_FILES)
    root = source.parent if source.is_file() else source
    for path, known in zip(files, _placed(files, root, choices, _in_folders), strict=True):
        if isinstance(known, str):
            yield Found(path, 1, known)
            continue
        try:
            text = path.read_text(encoding="utf-8-sig").strip()
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            yield Found(path, line, "bytes that are no valid UTF-8; save the file as UTF-8")
            continue
        except OSError as error:
            yield Found(path, 1, f"can't be read ({error.strerror})")
            continue
        choices.taken.setdefault("text", "each file")
        yield Found(path, 1, {**known, "text": text})


def nested_json(source: Path, choices: Choices) -> Iterator[Found]:
    """The texts of a JSON file, or of several in a folder: keys for emotions, topics or languages, lists of texts."""
    files = [source] if source.is_file() else files_in(source, (".json",))
    root = source.parent if source.is_file() else source
    for path, known in zip(files, _placed(files, root, choices, _named), strict=True):
        try:
            tree: Any = json.loads(path.read_text(encoding="utf-8-sig"))
        except json.JSONDecodeError as error:
            yield Found(path, error.lineno, f"not valid JSON ({error.msg.lower()} at column {error.colno})")
            continue
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else f"byte {error.start + 1} is none"
            raise EmovecError(f"{path}: can't be read as JSON in UTF-8 ({said}).") from error
        except (ValueError, RecursionError) as error:  # a number too long, lists too deep
            raise EmovecError(f"{path}: no JSON that can be read ({first_line(error)}).") from error
        if isinstance(known, str):
            yield Found(path, 1, known)
            continue
        levels = choices.levels if choices.levels is not None else _levels(tree, len(files), known)
        if "emotion" in levels and choices.path is None:
            known.pop("emotion", None)  # the keys tell it, so the file's name doesn't
        for level in levels:
            if level in _PLACES:
                choices.taken[level] = f"key {levels.index(level) + 1} of the nested JSON"
        try:
            for keys, fields in _leaves(tree, levels, choices):
                said = f"{_spelt(keys)}: {fields}"
                yield Found(path, 1, said if isinstance(fields, str) else {**known, **fields}, keys)
        except RecursionError as error:
            raise EmovecError(f"{path}: its lists and objects are too deep in each other to be texts.") from error


def _levels(tree: Any, n_files: int, known: Mapping[str, str]) -> tuple[str, ...]:
    """What the keys of a nested JSON mean, by how deep it is and whether the first of them are languages."""
    depth, node = 0, tree
    while isinstance(node, dict) and node and not _is_record(cast(dict[str, Any], node)):
        node = next(iter(cast(dict[str, Any], node).values()))
        depth += 1
    if depth and all(is_language(key) for key in tree):
        return ("language", *_LEVELS.get(depth - 1, _LEVELS[2]))
    if depth == 1 and n_files > 1 and "emotion" in known:
        return ("topic",)
    return _LEVELS.get(depth, _LEVELS[2])


def _is_record(node: Mapping[str, Any]) -> bool:
    if any(isinstance(node.get(alias), str) for alias in ALIASES["text"]):
        return True
    fields = {alias for aliases in ALIASES.values() for alias in aliases}
    # `content` and the like may be emotions, with lists of texts.
    return any(isinstance(node.get(name), list) for name in ("stories", "texts")) and fields.issuperset(node)


def _leaves(
    node: Any, levels: Sequence[str], choices: Choices, keys: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any] | str]]:
    """Each text below a node with its keys, and its fields or what is wrong."""
    depth = sum(isinstance(key, str) for key in keys)
    if isinstance(node, dict) and depth < len(levels):
        for key, child in cast(dict[str, Any], node).items():
            yield from _leaves(child, levels, choices, (*keys, key))
    elif isinstance(node, list):
        for position, child in enumerate(cast(list[Any], node)):
            yield from _leaves(child, levels, choices, (*keys, position))
    elif isinstance(node, dict | str):
        names = [key for key in keys if isinstance(key, str)]
        placed = {level: name for level, name in zip(levels, names, strict=False) if level in _PLACES}
        if isinstance(node, str):
            choices.taken.setdefault("text", "the nested JSON's innermost")
            yield keys, {**placed, "text": node}
        else:
            for fields in record_fields(cast(dict[str, Any], node), choices):
                yield keys, fields if isinstance(fields, str) else {**fields, **placed}
    else:
        yield keys, f"{json.dumps(node)[:40]} where a text, a list of texts or a record was expected"


def _spelt(keys: Sequence[str | int]) -> str:
    spelt = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    return spelt or "the whole"


def line_of(path: Path, keys: Sequence[str | int]) -> int:
    """The line of a value in a JSON file: JSON is YAML, whose reader knows lines; it is slow, so for errors only."""
    try:
        node = _composed(path)
        for key in keys:
            node = node.value[key] if isinstance(key, int) else next(v for k, v in node.value if k.value == key)
        return int(node.start_mark.line) + 1
    except (yaml.YAMLError, StopIteration, AttributeError, LookupError, TypeError, RecursionError):
        return 1


@lru_cache(maxsize=1)
def _composed(path: Path) -> Any:
    return yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.CSafeLoader)


def _placed(
    files: Sequence[Path],
    root: Path,
    choices: Choices,
    usual: Callable[[Sequence[Path], Choices], list[dict[str, str]]],
) -> list[dict[str, str] | str]:
    """What each file's path tells, by the user's pattern or else in the usual way."""
    relative = [path.relative_to(root) for path in files]
    if choices.path is None:
        return [*usual(relative, choices)]
    pattern, fields = path_pattern(choices.path)
    choices.placed.update(dict.fromkeys(fields, f"the path by {choices.path}"))
    found: list[dict[str, str] | str] = []
    for path in relative:
        match = pattern.fullmatch(path.with_suffix("").as_posix()) or pattern.fullmatch(path.as_posix())
        found.append(match.groupdict() if match else f"its path does not fit the pattern {choices.path}")
    return found


def path_pattern(pattern: str) -> tuple[re.Pattern[str], list[str]]:
    """A pattern such as `{language}/{emotion}/{topic}-*` as a regular expression, and the fields it names.

    Raises:
        EmovecError: if it names a field that a story has not, or one twice.
    """
    fields = re.findall(r"\{(.*?)\}", pattern)
    wrong = [name for name in fields if name not in {"id", *_PLACES} or fields.count(name) > 1]
    if wrong or not fields:
        raise EmovecError(
            f"`mapping` path={pattern}: needs some of {{language}}, {{emotion}}, {{topic}}, {{id}}, each once."
        )
    parts = re.split(r"(\{.*?\}|\*\*|\*)", pattern)
    special = {"**": ".*", "*": "[^/]*"}
    return re.compile(
        "".join(
            special[part] if part in special else f"(?P<{part[1:-1]}>[^/]+?)" if part[:1] == "{" else re.escape(part)
            for part in parts
        )
    ), fields


def _named(paths: Sequence[Path], choices: Choices) -> list[dict[str, str]]:
    """Emotion and language from names such as `angry.jsonl`, `angry_en.jsonl`, `en/angry-1.jsonl`, `stories.en.jsonl`.

    A single file's name is no sign of an emotion.
    """
    found: list[dict[str, str]] = []
    for path in paths:
        languages = [part for part in path.parts[:-1] if is_language(part)]
        words = re.split(r"[._]|-(?=\d+$|[a-z]{2}$)", path.stem)
        if is_language(words[-1]):
            languages.append(words.pop())
        words = [word for word in words if word and not word.isdigit() and word.lower() not in _MEANINGLESS]
        known = {"language": languages[-1]} if languages else {}
        if words and len(paths) > 1:
            known["emotion"] = " ".join(words)
        choices.placed.update(dict.fromkeys(known, "the file's name" if len(path.parts) == 1 else "the path"))
        found.append(known)
    return found


def _in_folders(paths: Sequence[Path], choices: Choices) -> list[dict[str, str]]:
    """Emotion and topic from `emotion/topic/file`, `emotion/file`, or `emotion-topic-1`; outermost a language."""
    folders = [path.parts[:-1] for path in paths]
    has_language = bool(folders) and all(parts and is_language(parts[0]) for parts in folders)
    found: list[dict[str, str]] = []
    for path, parts in zip(paths, folders, strict=True):
        known = {"language": parts[0]} if has_language else {}
        inner = parts[has_language:]
        if not inner:  # all in one folder: the name has to tell
            words = [word for word in re.split(r"[._-]", path.stem) if word and not word.isdigit()]
            inner = (words[0], "_".join(words[1:])) if len(words) > 1 else tuple(words)
            where = "the file's name"
        else:
            where = "the folder's name"
        known |= dict(zip(("emotion", "topic"), inner, strict=False))
        choices.placed.update(dict.fromkeys((name for name in known if name != "language"), where))
        found.append(known)
    if has_language:
        choices.placed["language"] = "the outermost folder's name"
    return found
