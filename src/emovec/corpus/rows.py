"""Rows of JSONL, CSV, TSV and Parquet files, each with its place in the file."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

from emovec.delimited import opened, read_delimited, text_encoding
from emovec.errors import EmovecError

Item = TypeVar("Item")
Row = tuple[int, Mapping[str, Any] | str]
"""A line (from 1; in Parquet the row), and its fields by column, or what is wrong with it."""

_BATCH_ROWS = 1024  # a batch becomes Python objects, several times as large


def read_rows(path: Path, wanted: Collection[str] = ()) -> tuple[list[str], Iterator[Row]]:
    """Open a table of texts.

    Args:
        path: a file whose suffix tells its format.
        wanted: the columns that are needed; of a Parquet file only these are read. By default all.

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
        return reader(path, wanted)
    except OSError as error:
        raise EmovecError(f"{path}: can't be read ({error.strerror or first_line(error)}).") from error


def read_records(
    path: Path,
    parse: Callable[[Mapping[str, Any], int], Item | str | None],
    *,
    setting: str,
    example: str,
    unique: Mapping[str, Callable[[Item], object]],
) -> list[Item]:
    """The items of a file, a record each: scenarios, activities, prompts, topics.

    Args:
        path: of any format that `read_rows` reads.
        parse: makes an item of a record and its line, says what is wrong with it, or gives None for one to pass over.
        setting: that names the file, for messages.
        example: a record as it should be, for messages.
        unique: for fields of an item what no two items may have in common.

    Raises:
        EmovecError: if the file is missing or holds no records, or one of them is wrong: its line and the reason.
    """
    if not path.is_file():
        raise EmovecError(f"{setting}: {path}: no such file; give one with records such as {example}.")
    found: list[Item] = []
    first: dict[tuple[str, object], int] = {}
    line = 0
    for line, fields in read_rows(path)[1]:
        item = fields if isinstance(fields, str) else parse(fields, line)
        if isinstance(item, str):
            raise EmovecError(f"{path}:{line}: {item}; a record looks like {example}.")
        if item is None:
            continue
        for field, of in unique.items():
            if (before := first.setdefault((field, of(item)), line)) != line:
                value = getattr(item, field)
                raise EmovecError(f"{path}:{line}: the {field} '{value}' is that of line {before} already; change one.")
        found.append(item)
    if not line:
        raise EmovecError(f"{setting}: {path}: contains no records; give one a line, such as {example}.")
    return found


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


def _jsonl(path: Path, _wanted: Collection[str]) -> tuple[list[str], Iterator[Row]]:
    seen: dict[str, None] = {}
    columns: list[str] = []

    def rows() -> Iterator[Row]:
        for line, text in json_lines(path):
            record = _json_object(text)
            if not isinstance(record, str):
                columns.extend(key for key in record if key not in seen)
                seen.update(dict.fromkeys(record))
            yield line, record

    path.open("rb").close()  # A missing right to read shows here, not at the first row.
    return columns, rows()


def json_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that aren't blank, with their numbers; the encoding is told by its first bytes.

    Raises:
        OSError: if the file can't be read.
    """
    with opened(path, text_encoding(path)) as file:
        for line, text in enumerate(file, 1):
            if text.strip():
                yield line, text.removeprefix("\ufeff")


def _csv(path: Path, wanted: Collection[str]) -> tuple[list[str], Iterator[Row]]:
    columns, _, rows = read_delimited(path, expected=wanted)
    return columns, rows


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


def _parquet(path: Path, wanted: Collection[str]) -> tuple[list[str], Iterator[Row]]:
    arrow: Any = import_module("pyarrow")
    arrow_error: type[Exception] = arrow.ArrowException
    try:
        file: Any = import_module("pyarrow.parquet").ParquetFile(path)
    except arrow_error as error:
        raise EmovecError(f"{path}: is no valid Parquet file ({first_line(error)}).") from error

    names = list(file.schema_arrow.names)
    # An embedding beside each text would take gigabytes.
    needed = [name for name in dict.fromkeys(names) if name in wanted] if wanted else None

    def rows() -> Iterator[Row]:
        row = 0
        try:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=needed):
                for record in valid_rows(batch):
                    row += 1
                    yield row, record
        except (arrow_error, OSError) as error:
            raise EmovecError(f"{path}: damaged after row {row} ({first_line(error)}).") from error

    return names, rows()


READERS: dict[str, Callable[[Path, Collection[str]], tuple[list[str], Iterator[Row]]]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".csv": _csv,
    ".tsv": _csv,
    ".tab": _csv,
    ".parquet": _parquet,
}
"""The readable formats by suffix."""
