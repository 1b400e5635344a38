"""Other people's tables, opened: only the columns that are needed, with or without a header."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from statistics import mean
from typing import Any, cast

from emovec.corpus.exchange.choices import ALIASES, Choices
from emovec.corpus.rows import Row, json_lines, read_rows
from emovec.delimited import read_delimited
from emovec.errors import EmovecError

_LOOKED_AT = 200  # rows
_LONGEST_LABEL = 80  # characters, on average


def table_rows(path: Path, choices: Choices) -> tuple[Choices, Iterator[Row]]:
    """The rows of a JSONL, CSV, TSV or Parquet file, and the choices with what the file itself tells of its columns.

    Raises:
        EmovecError: if it can't be read, or a column that was named for a field is not there.
    """
    suffix = path.suffix.lower()
    if suffix in {".jsonl", ".ndjson"}:
        return choices, _json_rows(path)
    if suffix == ".parquet":
        return choices, read_rows(path, _columns_needed(path, choices))[1]
    try:
        return _delimited(path, choices)
    except OSError as error:
        raise EmovecError(f"{path}: can't be read ({error.strerror}).") from error


def _json_rows(path: Path) -> Iterator[Row]:
    """JSONL in which a line may also be a bare text, or a list of texts."""
    try:
        for line, text in json_lines(path):
            try:
                value: Any = json.loads(text)
            except (ValueError, RecursionError) as error:
                yield line, f"not valid JSON ({error})"
                continue
            yield line, cast("dict[str, Any]", value) if isinstance(value, dict) else {"text": value}
    except OSError as error:
        raise EmovecError(f"{path}: can't be read ({error.strerror}).") from error


def _columns_needed(path: Path, choices: Choices) -> list[str]:
    """The columns of a Parquet file that may hold a field, or whether a text has an emotion; empty for all."""
    arrow: Any = import_module("pyarrow")
    try:
        schema = import_module("pyarrow.parquet").read_schema(path)
    except (arrow.ArrowException, OSError):
        return []  # what is wrong with the file, reading it says
    names: list[str] = list(schema.names)
    named = [part.strip() for column in choices.columns.values() for part in (column, *column.split(","))]
    flags = [f.name for f in schema if arrow.types.is_integer(f.type) or arrow.types.is_boolean(f.type)]
    known = {choices.column(name, names) for name in ALIASES}
    if choices.column("text", names) is None:
        mapped = choices.columns.get("text")
        what = f"no '{mapped}' for the text" if mapped else "no text"
        remedy = "" if mapped else " (`mapping` text=… names it)"
        raise EmovecError(f"{path}: {what}; there are {', '.join(names)}{remedy}.")
    wanted = {*named, *known, *(flags if choices.column("emotion", names) is None else ())}
    return [name for name in names if name in wanted]


def _delimited(path: Path, choices: Choices) -> tuple[Choices, Iterator[Row]]:
    expected = {*choices.columns.values(), *(alias for aliases in ALIASES.values() for alias in aliases)}
    columns, dialect, rows = read_delimited(
        path, separator=choices.delimiter, header=choices.header is not False, expected=expected
    )
    if unusual := dialect.unusual(path):
        choices.places.append(unusual)
    known = any(choices.column(name, columns) for name in ALIASES) or any(
        part.strip() in columns for column in choices.columns.values() for part in column.split(",")
    )
    if (known and choices.header is None) or choices.header:
        return choices, rows
    if choices.header is None:
        _, _, rows = read_delimited(path, separator=dialect.separator, header=False)
    first = list(itertools.islice(rows, _LOOKED_AT))
    records = [record for _, record in first if not isinstance(record, str)]
    guessed = _guess(records)
    if choices.header is None and not (guessed and _are_texts([str(record[guessed["text"]]) for record in records])):
        return choices, read_delimited(path, separator=dialect.separator)[2]  # a header after all, of unknown names
    guessed = {name: column for name, column in guessed.items() if column not in choices.columns.values()}
    for name in guessed:
        choices.taken.setdefault(name, f"column {guessed[name]} of a table without a header")
    return replace(choices, columns={**guessed, **choices.columns}), itertools.chain(first, rows)


def _guess(records: list[Mapping[str, Any]]) -> dict[str, str]:
    """Which columns hold the text and its label: the longest one, and of short ones numbers or the fewest words."""
    if not records:
        return {}
    values = {column: [str(record.get(column, "")).strip() for record in records] for column in records[0]}
    lengths = {column: mean(map(len, of)) for column, of in values.items()}
    text = max(lengths, key=lambda column: lengths[column])
    short = [column for column in values if column != text and lengths[column] <= _LONGEST_LABEL]
    if not short:
        return {"text": text}

    def likelihood(column: str) -> tuple[bool, int]:
        numbers = all(re.fullmatch(r"[\d\s,;|/]+", value) for value in values[column])
        return not numbers, len(set(values[column]))

    return {"text": text, "emotion": min(short, key=likelihood)}


def _are_texts(values: list[str]) -> bool:
    """Whether the first of some values, and most of them, are more than a word."""
    several = [bool(re.search(r"\S\s+\S|[^\x00-\x7f]", value)) for value in values]
    return several[0] and sum(several) > len(several) / 2
