"""Rows of JSONL, CSV and Parquet files, each with its place in the file."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from emovec.errors import EmovecError

Row = tuple[int, Mapping[str, Any] | str]
"""A line (from 1; in Parquet the row), and its fields by column, or what is wrong with it."""

_CSV_FIELD_LIMIT = 1 << 24


def read_rows(path: Path) -> tuple[list[str], Iterator[Row]]:
    """Open a table of texts.

    Args:
        path: a file whose suffix tells its format.

    Returns:
        Its columns, and its rows one by one, blank lines left out. A JSONL file has no header: its list of columns
        grows while the rows are read.

    Raises:
        EmovecError: if the file can't be read, or its format is not known.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise EmovecError(f"{path}: the format '{path.suffix}' can't be read; give {', '.join(READERS)}.")
    try:
        return reader(path)
    except OSError as error:
        raise EmovecError(f"{path}: can't be read ({error.strerror or first_line(error)}).") from error


def first_line(error: BaseException) -> str:
    """What an error says, in a line."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def valid_rows(batch: Any) -> list[dict[str, Any]]:
    """The rows of an Arrow record batch, which is checked first: a damaged one can end the process.

    Raises:
        ArrowInvalid: if it is damaged, or holds bytes that are no UTF-8.
    """
    batch.validate(full=True)
    return batch.to_pylist()


def _jsonl(path: Path) -> tuple[list[str], Iterator[Row]]:
    seen: dict[str, None] = {}
    columns: list[str] = []

    def rows() -> Iterator[Row]:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            for line, text in enumerate(file, 1):
                if not text.strip():
                    continue
                record = _json_object(text)
                if not isinstance(record, str):
                    columns.extend(key for key in record if key not in seen)
                    seen.update(dict.fromkeys(record))
                yield line, record

    path.open("rb").close()  # A missing right to read shows here, not at the first row.
    return columns, rows()


def _json_object(text: str) -> dict[str, Any] | str:
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        return f"not valid JSON ({error.msg.lower()} at character {error.pos + 1})"
    except (ValueError, RecursionError) as error:
        return f"not valid JSON ({error})"
    if not isinstance(record, dict):
        return 'no JSON object such as {"language": …, "emotion": …, "text": …}'
    return cast(dict[str, Any], record)


def _csv(path: Path) -> tuple[list[str], Iterator[Row]]:
    def records() -> Iterator[tuple[int, list[str] | str]]:
        csv.field_size_limit(max(csv.field_size_limit(), _CSV_FIELD_LIMIT))
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            while True:
                line = reader.line_num + 1
                try:
                    fields = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield line, f"not valid CSV ({error})"
                    continue
                if any(field.strip() for field in fields):
                    yield line, fields

    rest = records()
    _, header = next(rest, (1, list[str]()))
    if isinstance(header, str):
        raise EmovecError(f"{path}: its header is {header}.")
    columns = [name.strip() for name in header]

    def rows() -> Iterator[Row]:
        for line, fields in rest:
            if isinstance(fields, str):
                yield line, fields
            elif len(fields) != len(columns):
                yield line, f"{len(fields)} fields where the header has {len(columns)} (a comma without quotes?)"
            else:
                yield line, dict(zip(columns, fields, strict=True))

    return columns, rows()


def _parquet(path: Path) -> tuple[list[str], Iterator[Row]]:
    arrow: Any = import_module("pyarrow")
    arrow_error: type[Exception] = arrow.ArrowException
    try:
        file: Any = import_module("pyarrow.parquet").ParquetFile(path)
    except arrow_error as error:
        raise EmovecError(f"{path}: is no valid Parquet file ({first_line(error)}).") from error

    def rows() -> Iterator[Row]:
        row = 0
        try:
            for batch in file.iter_batches():
                for record in valid_rows(batch):
                    row += 1
                    yield row, record
        except (arrow_error, OSError) as error:
            raise EmovecError(f"{path}: damaged after row {row} ({first_line(error)}).") from error

    return list(file.schema_arrow.names), rows()


READERS: dict[str, Callable[[Path], tuple[list[str], Iterator[Row]]]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".csv": _csv,
    ".parquet": _parquet,
}
"""The readable formats by suffix."""
