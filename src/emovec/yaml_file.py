"""YAML that people write: read with the line of every value, or refused in one sentence.

Only what a settings file needs is read: mappings with words as keys, lists, words, numbers, true, false, null. Anything
by which YAML runs code, repeats itself without end or hides what it says is refused: tags, anchors, several documents.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from emovec.errors import EmovecError
from emovec.printable import shortened

MOST_BYTES = 1_000_000
MOST_DEPTH = 20
MOST_DIGITS = 40

Key = tuple[str | int, ...]
"""Where a value stands: the keys and positions that lead to it."""

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {
    word: value
    for words, value in ((("true", "yes", "on"), True), (("false", "no", "off"), False))
    for each in words
    for word in (each, each.capitalize(), each.upper())
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)([eE][-+]?[0-9]+)?$")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Written:
    """How a value stands in the file: its line, counted from 1, and its characters where it has no quotes."""

    line: int
    plain: str | None = None


@dataclass(frozen=True)
class YamlFile:
    """What a file says, and where it says it."""

    data: Any
    places: dict[Key, Written] = field(default_factory=dict[Key, Written])


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML file of settings.

    Raises:
        EmovecError: if it can't be read, is no YAML, or holds what no settings file needs: the file and the line.
        FileNotFoundError: if there is none, for the caller to say what to do.
    """
    if path.exists() and not path.is_file():
        raise EmovecError(f"{path}: is no file, so no settings can be read from it.")
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise EmovecError(f"{path}: can't be read ({error.strerror}).") from error
    if len(raw) > MOST_BYTES:
        raise EmovecError(f"{path}: is larger than {MOST_BYTES:,} bytes, so it is no file of settings.")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise EmovecError(f"{path}: is written in UTF-16; save it as UTF-8.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise EmovecError(f"{path}, line {line}: contains a byte that isn't UTF-8; save the file as UTF-8.") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> YamlFile:
    """The same for text that has been read; `where` is what messages call it."""
    places: dict[Key, Written] = {}
    try:
        events = yaml.parse(text, Loader=_LOADER)
        data = _document(events, where, places)
    except yaml.MarkedYAMLError as error:
        raise EmovecError(f"{where}{_line_of(error)}: not valid YAML: {_problem(error)}.") from error
    except yaml.YAMLError as error:
        raise EmovecError(f"{where}: not valid YAML: {' '.join(str(error).split())}.") from error
    return YamlFile(data, places)


def _document(events: Iterator[Any], where: str, places: dict[Key, Written]) -> Any:
    data: Any = None
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise EmovecError(f"{where}, {_at(event)}: '---' begins a second document; keep one in a file.")
        elif isinstance(event, yaml.NodeEvent):
            data = _value(events, event, (), where, places)
    return data


def _value(events: Iterator[Any], event: Any, key: Key, where: str, places: dict[Key, Written]) -> Any:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
        raise EmovecError(
            f"{where}, {_at(event)}: '{sign}{shortened(event.anchor, 40)}' stands for another value; write the value "
            "itself, or put the text in quotes."
        )
    if event.tag is not None:
        raise EmovecError(
            f"{where}, {_at(event)}: the tag '{shortened(event.tag, 60)}' is not read; leave it out, or put the text "
            "in quotes."
        )
    if len(key) > MOST_DEPTH:
        raise EmovecError(f"{where}, {_at(event)}: is nested more than {MOST_DEPTH} levels deep; no setting is.")
    places[key] = Written(event.start_mark.line + 1)
    if isinstance(event, yaml.SequenceStartEvent):
        listed: list[Any] = []
        while not isinstance(each := next(events), yaml.SequenceEndEvent):
            listed.append(_value(events, each, (*key, len(listed)), where, places))
        return listed
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(events, key, where, places)
    plain = event.value if event.implicit[0] else None
    places[key] = Written(event.start_mark.line + 1, plain)
    return event.value if plain is None else _scalar(plain, f"{where}, {_at(event)}")


def _mapping(events: Iterator[Any], key: Key, where: str, places: dict[Key, Written]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        here: dict[Key, Written] = {}
        name = _value(events, event, (), where, here)
        if not isinstance(name, str):
            written = here[()].plain
            remedy = f'write it in quotes: "{shortened(written, 40)}"' if written else "give a word"
            raise EmovecError(
                f"{where}, {_at(event)}: a key must be a word, and this is read as {said(name)}; {remedy}."
            )
        if name in found:
            first = places[(*key, name)].line
            raise EmovecError(
                f"{where}, {_at(event)}: '{shortened(name, 60)}' is set a second time (first on line {first}); keep "
                "one of them."
            )
        found[name] = _value(events, next(events), (*key, name), where, places)
        places[(*key, name)] = Written(event.start_mark.line + 1, places[(*key, name)].plain)
    return found


def _scalar(text: str, at: str) -> Any:
    """What a word without quotes stands for: as in YAML 1.1, but dates, times and numbers like 007 stay words."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _LEADING_ZERO.fullmatch(text):
        return text
    whole, decimal = _INTEGER.fullmatch(text), _FLOAT.fullmatch(text)
    if (whole or decimal) and len(text) > MOST_DIGITS:
        raise EmovecError(f"{at}: the number has {len(text):,} digits, more than any setting allows.")
    if whole:
        return int(text.replace("_", ""))
    if decimal:
        return float(text.replace("_", ""))
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


def dump_yaml(data: Any) -> bytes:
    """Settings as YAML that `read_yaml` reads back as they are, in their order."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True).encode()


class _Dumper(yaml.SafeDumper):
    """Puts words such as 1e5 in quotes, which YAML 1.1 takes for words and a reader for numbers."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def said(value: Any) -> str:
    """What kind of thing a value of YAML is, as a reader would say it."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return "a number"
    return {dict: "a mapping", list: "a list"}.get(type(value), "a word")


def _at(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"


def _line_of(error: yaml.MarkedYAMLError) -> str:
    mark: Any = error.problem_mark or error.context_mark
    return f", line {mark.line + 1}" if mark is not None else ""


def _problem(error: yaml.MarkedYAMLError) -> str:
    said = " ".join(" ".join(filter(None, (error.context, error.problem))).split())
    if "character that cannot start any token" in said:
        return f"{said} (a tab or a sign such as @ or %; indent with spaces, and put text with signs in quotes)"
    return said
