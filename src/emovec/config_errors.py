"""What is wrong with the settings of a study: the line, the key and the remedy, instead of pydantic's own words."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from emovec.printable import shortened
from emovec.yaml_file import Key, Written, said

_TOLD = 5
"""Errors of one file that are told at once."""


def told(errors: Sequence[Any], where: str, places: Mapping[Key, Written], settings: type[BaseModel]) -> str:
    """What is wrong with a study's settings, in a sentence.

    Args:
        errors: as pydantic gives them.
        where: what to call the settings: their file.
        places: where each value stands in the file; empty for settings from Python.
        settings: the class that they were checked against.
    """
    found = list(dict.fromkeys(_explain(each, places, settings) for each in _foremost(errors)))
    line, first = found[0]
    if len(found) == 1:
        return f"{where}{f', line {line}' if line else ''}: {first}"
    more = f"; and {len(found) - _TOLD} more" * (len(found) > _TOLD)
    sentences = [f"line {line}: {sentence}" if line else sentence for line, sentence in found[:_TOLD]]
    return f"{where}: {'; '.join(sentences)}{more}"


def _foremost(errors: Sequence[Any]) -> list[Any]:
    """The errors that tell what was meant, of a setting that may be given in several ways.

    Those deepest in the file are; of several about one value those of the way that its type speaks for.
    """
    keys = [_key(error["loc"]) for error in errors]
    deepest = [
        (key, error)
        for key, error in zip(keys, errors, strict=True)
        if not any(len(other) > len(key) and other[: len(key)] == key for other in keys)
    ]
    meant = [(key, error) for key, error in deepest if error["type"] not in _NOT_MEANT.get(type(error["input"]), ())]
    reached = {key for key, _ in meant}
    return [error for _, error in meant] + [error for key, error in deepest if key not in reached]


_NOT_MEANT: dict[type, tuple[str, ...]] = {
    str: ("list_type", "model_type", "int_type"),
    list: ("string_type", "model_type", "literal_error"),
    dict: ("string_type", "list_type", "literal_error"),
    int: ("list_type", "model_type", "literal_error"),
    float: ("list_type", "model_type", "literal_error"),
    bool: ("list_type", "model_type", "literal_error"),
}
"""By the type of a value, the complaints that it is no other type, where there are better ones."""


def _key(location: Sequence[str | int]) -> Key:
    """The keys of the file that lead to a value, without pydantic's names for the ways in which it may be given."""
    ways = {"Source", "str", "int", "float", "bool", "none"}
    return tuple(
        part
        for part in location
        if isinstance(part, int) or not (part in ways or "[" in part or part.startswith(("constrained-", "function-")))
    )


def _explain(error: Any, places: Mapping[Key, Written], settings: type[BaseModel]) -> tuple[int | None, str]:
    """The line of an error, if it is known, and what is wrong there."""
    keys = _key(error["loc"])
    setting = shortened(".".join(map(str, keys)), 80)
    written = next((places[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in places), None)
    line = written.line if written else None
    if error["type"] == "extra_forbidden":
        known = _keys_beside(keys, settings)
        nearest = difflib.get_close_matches(str(keys[-1]), known, n=1, cutoff=0.0)
        guess = ".".join([*map(str, keys[:-1]), *nearest])
        return line, f"unknown setting '{setting}'; did you mean '{guess}'?"
    plain = places[keys].plain if keys in places else None
    if error["type"] == "string_type" and plain:
        return line, (
            f"{setting}: without quotes {shortened(plain, 40)} is read as {said(error['input'])}, not as a word; write "
            f'it in quotes: "{shortened(plain, 40)}"'
        )
    known = _SAID.get(error["type"])
    limits = {
        name: int(limit) if isinstance(limit, float) and limit.is_integer() else limit
        for name, limit in error.get("ctx", {}).items()
    }
    message = known.format_map(limits) if known else error["msg"].removeprefix("Value error, ")
    if not setting:  # about several settings at once, which the message names
        return line, message
    got = _shown(error["input"]) if not plain else shortened(plain, 80)
    return line, f"{setting}: {message[0].lower() + message[1:]} (got {got})"


_SAID = {
    "bool_type": "give true or false",
    "dict_type": "give a mapping, such as {{text: body}}",
    "finite_number": "give a finite number",
    "float_type": "give a number",
    "greater_than": "give a number above {gt:,}",
    "greater_than_equal": "give a number of at least {ge:,}",
    "int_from_float": "give a whole number",
    "int_type": "give a whole number",
    "less_than": "give a number below {lt:,}",
    "less_than_equal": "give a number of at most {le:,}",
    "list_type": "give a list, such as [a, b]",
    "literal_error": "give {expected}",
    "missing": "is missing",
    "model_type": "give a mapping of settings",
    "string_type": "give a word or a text",
    "too_long": "give at most {max_length}",
    "too_short": "give at least {min_length}",
}
"""What is wrong with a value, by pydantic's name for it; its own sentences speak of types of Python."""


def _shown(value: Any) -> str:
    """A value as a message shows it: a list or a mapping of any size in one short line."""
    if isinstance(value, str | int | float | None):
        return shortened(repr(value), 80)
    if isinstance(value, list) and len(value) <= 20:  # pyright: ignore[reportUnknownArgumentType]
        return shortened(repr(value), 80)
    return said(value)


def _keys_beside(keys: Key, settings: type[BaseModel]) -> list[str]:
    """The valid keys of the section in which the last of `keys` stands."""
    section = settings
    for key in keys[:-1]:
        if isinstance(key, int):
            continue
        if key not in section.model_fields:
            break
        annotation = section.model_fields[key].annotation
        candidates = [annotation, *get_args(annotation)]
        models = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not models:
            break
        section = models[0]
    return list(section.model_fields)
