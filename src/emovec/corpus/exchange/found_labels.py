"""Several emotions of one text, as other people's tables write them: in one field, or in a column each."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_args

from emovec.corpus.exchange.choices import Choices, Several
from emovec.corpus.rows import Row
from emovec.errors import EmovecError
from emovec.labels import clean, is_missing

_ON, _OFF = {"1", "1.0"}, {"0", "0.0", ""}
_TRUE, _FALSE = {"true"}, {"false", ""}
_LOOKED_AT = 200  # rows
_NUMBERS = re.compile(r"\d+(?:\s*[,;|/ ]\s*\d+)+")


def require_several(several: str | None) -> None:
    """Refuse what is none of `Several`.

    Raises:
        EmovecError: naming them.
    """
    if several is not None and several not in get_args(Several):
        raise EmovecError(f"`several` {several}: give one of {', '.join(get_args(Several))}.")


def labels_in(value: Any, relabel: Mapping[str, str]) -> list[Any]:
    """The emotions that a field holds: those of a list, or of a text such as `1, 3, 7`, `joy; hope` or `['joy']`.

    Each once, in order, without missing ones. A text that `relabel` names as a whole is one.
    """
    if isinstance(value, list):
        values = cast("list[Any]", value)
    elif isinstance(value, str):
        text = clean(value)
        if text in relabel or (not re.search(r"[,;|\[\]]", text) and not _NUMBERS.fullmatch(text)):
            return [value]
        if found := re.fullmatch(r"[\[({](.*)[\])}]", text):
            text = found[1]
            quoted = re.findall(r"""(["'])(.*?)\1(?=\s*(?:,|$|\s))""", text)
            values = [word for _, word in quoted] or re.split(r"[,;|\s]+", text)
        else:
            values = re.split(r"[,;|/\s]+" if _NUMBERS.fullmatch(text) else r"[,;|]", text)
    else:
        return [value]
    kept = [each for each in values if each is not None and not (isinstance(each, str) and is_missing(each))]
    return list(dict.fromkeys(each.strip() if isinstance(each, str) else each for each in kept if _hashable(each)))


def one_hot_columns(rows: Iterator[Row], choices: Choices, *, least: int) -> tuple[list[str], Iterator[Row]]:
    """The columns that say of an emotion each whether a text has it, and the rows again.

    They hold nothing but 0 and 1, or nothing but true and false, in the first rows; of both kinds the commoner counts.

    Args:
        rows: of a table.
        choices: which columns are something else; there are none where one names the emotion.
        least: so many there must be.
    """
    first = list(itertools.islice(rows, _LOOKED_AT))
    records = [record for _, record in first if not isinstance(record, str)]
    columns = list(records[0]) if records else []
    if choices.column("emotion", columns):
        return [], itertools.chain(first, rows)
    known = {choices.column(name, columns) for name in ("id", "language", "topic", "text")}
    found: dict[bool, list[str]] = {False: [], True: []}
    for column in columns:
        if column in known or re.search(r"(?:^|_)id$", column, re.IGNORECASE):
            continue
        values = {str(record.get(column, "")).strip().casefold() for record in records}
        for truth, (on, off) in ((False, (_ON, _OFF)), (True, (_TRUE, _FALSE))):
            if values <= on | off and values - {""}:
                found[truth].append(column)
    columns = max(found.values(), key=len)
    return columns if len(columns) >= least else [], itertools.chain(first, rows)


def hot(record: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """Those of the columns that say yes."""
    return [column for column in columns if str(record.get(column, "")).strip().casefold() in _ON | _TRUE]


def _hashable(value: Any) -> bool:
    return isinstance(value, str | int | float)
