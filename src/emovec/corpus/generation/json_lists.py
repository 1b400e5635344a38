"""The texts in an answer that is JSON, or would be with better quotation marks."""

import ast
import json
import re
from typing import Any, cast

from emovec.corpus.generation.requests import Request
from emovec.languages.lexicon import unspaced

Found = tuple[list[str], bool]
"""Texts, and whether the last of them is whole."""

DIALOGUES = frozenset({"neutral", "dialogues"})
"""The kinds of text that are made of turns."""

_OPEN, _CLOSE = "\"＂“”„「『'‘", "\"＂“”」』'’"
_LEAST_LINE, _LEAST_UNSPACED = 40, 20  # characters; less is something that somebody says in a story


def json_texts(text: str, request: Request) -> Found:
    """The texts of the longest list, or run of objects, in an answer; one that is broken or cut off is left out.

    Lists that have as many texts as were asked for between them count as one.
    """
    best: list[str] = []
    each: list[str] = []
    end = 0
    for mark in list(re.finditer(r"[\[{]", text))[:40]:
        values, at = _values(text, mark.start())
        found = _flattened(values, request)
        best = max(best, found, key=len)
        if len(best) >= request.n:
            return best, True
        if mark.start() >= end and found:
            each, end = [*each, *found], at
    return each if len(each) == request.n else best, True


def _values(text: str, start: int) -> tuple[list[Any], int]:
    """The values of a JSON list, or objects that follow one another, up to the first that is broken; and their end."""
    decoder = json.JSONDecoder(strict=False)
    listed = text[start] == "["
    values: list[Any] = []
    at = start + listed
    while True:
        at += len(text[at:]) - len(text[at:].lstrip(" \n\t,，、;"))
        if not listed and text[at : at + 1] != "{":
            return values, at
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            return values, at
        if listed and (follows := text[end:].lstrip()[:1]) and follows not in ",，、;]":
            return values, at  # a quotation mark within the text has ended it before its end
        values.append(value)
        at = end


def _flattened(values: list[Any], request: Request) -> list[str]:
    if len(values) == 1 and isinstance(values[0], list) and request.n > 1:
        values = values[0]
    if len(values) == 1 and isinstance(values[0], dict):
        inner = list(cast("dict[str, Any]", values[0]).values())
        lists = [value for value in inner if isinstance(value, list) and value]
        if lists and request.n > 1:
            values = lists[0]
        elif request.n > 1 and len(inner) > 1 and all(isinstance(value, str | dict) for value in inner):
            values = inner  # {"1": "…", "2": "…"}
    if request.n == 1 and len(values) > 1 and request.kind in DIALOGUES:
        turns = [_turns([value]) for value in values]
        if all(len(turn.split("\n")) == 1 and len(turn) < 400 for turn in turns):
            return ["\n".join(turns)]
    return [text for value in values if (text := _text_of(value)).strip()]


_TEXT_KEYS = (
    "text story content dialogue dialog conversation body paragraph 本文 物語 会話 故事 正文 对话 historia texto"
)


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return _turns(cast("list[Any]", value))
    if not isinstance(value, dict):
        return ""
    record = cast("dict[str, Any]", value)
    for name in _TEXT_KEYS.split():
        if isinstance(record.get(name), str | list):
            return _text_of(record[name])
    return max((_text_of(part) for part in record.values()), key=len, default="")


def _turns(values: list[Any]) -> str:
    """The turns of a dialogue that came as a list of texts, or of objects with a speaker and what is said."""
    lines: list[str] = []
    for value in values:
        if isinstance(value, dict):
            record = {str(name).lower(): str(part) for name, part in cast("dict[Any, Any]", value).items()}
            speaker = next(
                (record[name] for name in ("speaker", "role", "name", "話者", "说话人") if name in record), ""
            )
            said = max((part for part in record.values() if part != speaker), key=len, default="")
            lines.append(f"{speaker}: {said}" if speaker else said)
        else:
            lines.append(str(value))
    return "\n".join(lines)


def quoted_lines(text: str, request: Request) -> Found:
    """Lines that each are a text in quotation marks, with or without commas, comments or list marks about them."""
    found: list[str] = []
    others = 0
    least = _LEAST_UNSPACED if unspaced(request.language) else _LEAST_LINE
    for line in filter(None, map(str.strip, text.split("\n"))):
        bare = re.sub(r"^[-*•]\s+|\s*[,，、]?\s*(?://.*)?$", "", line)
        if (said := _unquoted(bare)) is not None and len(said) >= least:
            found.append(said)
        else:
            others += len(line)
    # A story with much speech in it has lines in quotation marks as well, but others too.
    return (found, True) if len(found) >= request.n > 1 and others < 0.2 * sum(map(len, found)) else ([], False)


def _unquoted(line: str) -> str | None:
    if line.startswith('"'):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, str) else None
    match = re.fullmatch(r"「([^「」]+)」|“([^“”]+)”|『([^『』]+)』", line)
    return next(filter(None, match.groups())) if match else None


def quoted_texts(text: str, request: Request) -> Found:
    """A list whose quotation marks are typographic, single or unescaped, if it falls into as many parts as asked."""
    bracketed = re.search(rf"[\[［]\s*([{_OPEN}].*[{_CLOSE}])\s*[,，、]?\s*[\]］]", text, re.DOTALL)
    if bracketed is None:
        return [], False
    inner = bracketed[1]
    if inner[0] in "'\"":
        try:
            values: Any = ast.literal_eval(f"[{inner}]")
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            values = []
        if len(values) == request.n:
            return [str(value) for value in values], True
    parts = re.split(rf"[{_CLOSE}]\s*[,，、]\s*\n?\s*[{_OPEN}]", inner[1:-1])
    if len(parts) != request.n:
        return [], False
    return [part.replace('\\"', '"').replace("\\'", "'").replace("\\n", "\n") for part in parts], True
