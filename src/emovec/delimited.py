"""Tables in text files: their encoding, their separator, and their rows with the lines they start at."""

import codecs
import csv
import itertools
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from emovec.errors import EmovecError

SEPARATORS: dict[str, str] = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
"""What may stand between the fields of a row, and its name."""

_TABBED = {".tsv", ".tab"}
_FIELD_LIMIT = 1 << 24
_LOOKED_AT = 50  # rows
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        encoding: as Python names it.
        separator: between fields.
        quoted: whether quotation marks around a field are no part of it.
    """

    encoding: str
    separator: str
    quoted: bool = True

    def unusual(self, path: Path) -> str:
        """What its name doesn't tell of it; empty where that is nothing."""
        usual = "\t" if path.suffix.lower() in _TABBED else ","
        between = SEPARATORS.get(self.separator, repr(self.separator))
        parts = [f"{self.encoding.upper()}"] if self.encoding != "utf-8-sig" else []
        return ", ".join([*parts, f"{between} between fields"] if self.separator != usual else parts)


def text_encoding(path: Path) -> str:
    """The encoding of a text file, by its mark or, for UTF-16 without one, by its first zero bytes.

    Raises:
        OSError: if the file can't be read.
    """
    with path.open("rb") as file:
        start = file.read(4096)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    # A table begins with a header or a brace, and their characters have a zero byte each.
    even, odd = start[0:4:2], start[1:4:2]
    if odd == b"\0\0" and 0 not in even:
        return "utf-16-le"
    return "utf-16-be" if even == b"\0\0" and 0 not in odd else "utf-8-sig"


@contextmanager
def opened(path: Path, encoding: str) -> Generator[TextIO]:
    """A text file, with line ends as they are; bytes that are no text become lone surrogates, which no story may hold.

    Raises:
        EmovecError: while it is read, if UTF-16 or UTF-32 is cut off in a character.
    """
    errors = "surrogateescape" if encoding == "utf-8-sig" else "surrogatepass"
    try:
        with path.open(encoding=encoding, errors=errors, newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise EmovecError(
            f"{path}: is no whole {encoding.upper()} ({error.reason}); save the file as UTF-8."
        ) from error


def read_delimited(
    path: Path, *, separator: str | None = None, header: bool = True, expected: Collection[str] = ()
) -> tuple[list[str], Dialect, Iterator[tuple[int, Mapping[str, str] | str]]]:
    """Open a table.

    Args:
        path: of the file.
        separator: between fields; None to look for it.
        header: whether the first row names the columns; without, they are called 1, 2, 3, …
        expected: names of columns, by which the right one of several possible separators is told.

    Returns:
        The columns, how the table is written, and its rows: a line, and the fields by column or what is wrong.

    Raises:
        EmovecError: if the header can't be read, or several separators are possible.
        OSError: if the file can't be read.
    """
    encoding = text_encoding(path)
    if separator is None:
        separator = "\t" if path.suffix.lower() in _TABBED else _separator(path, encoding, expected)
    dialect = Dialect(encoding, separator, separator != "\t" or _quotes_hold(path, encoding))
    rest = _records(path, dialect)
    line, first = next(rest, (1, list[str]()))
    if isinstance(first, str):
        raise EmovecError(f"{path}: its {'header' if header else 'first row'} is {first}.")
    columns = [name.strip() for name in first] if header else [str(n) for n in range(1, len(first) + 1)]
    if not header and first:
        rest = itertools.chain([(line, first)], rest)

    def rows() -> Iterator[tuple[int, Mapping[str, str] | str]]:
        than = "the header has" if header else "the first row has"
        for line, fields in rest:
            if isinstance(fields, str):
                yield line, fields
            elif len(fields) != len(columns):
                named = SEPARATORS.get(separator, repr(separator))
                yield line, f"{len(fields)} fields where {than} {len(columns)} ({named} without quotes?)"
            else:
                yield line, dict(zip(columns, fields, strict=True))

    return columns, dialect, rows()


def read_small_table(
    path: str | Path, what: str, needed: Collection[str]
) -> tuple[list[str], list[tuple[int, Mapping[str, str]]]]:
    """All of a table that is a list of settings, such as synonyms: its columns, and its rows with their lines.

    Args:
        path: of the file.
        what: it is, for messages.
        needed: the columns that it must have.

    Raises:
        EmovecError: if it can't be read, a row is broken, or a column is missing or there twice.
    """
    path = Path(path)
    try:
        columns, _, found = read_delimited(path, expected=needed)
        rows = list(found)
    except OSError as error:
        raise EmovecError(f"{path}: can't be read as {what} ({error.strerror or error}).") from error
    if missing := [column for column in needed if column not in columns]:
        raise EmovecError(f"{path}: no column '{missing[0]}'; {what} has {', '.join(needed)}.")
    if twice := next((column for column in columns if columns.count(column) > 1), None):
        raise EmovecError(f"{path}: two columns are named '{twice}'; rename one.")
    read: list[tuple[int, Mapping[str, str]]] = []
    for line, row in rows:
        said = row if isinstance(row, str) else "bytes that are no UTF-8" if _is_broken(row) else None
        if said or isinstance(row, str):
            raise EmovecError(f"{path}, line {line}: {said}.")
        read.append((line, row))
    return columns, read


def _is_broken(row: Mapping[str, str]) -> bool:
    return any("\ud800" <= character <= "\udfff" for value in row.values() for character in value)


def _records(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str] | str]]:
    """The rows that aren't blank with their lines, and for those that can't be read why."""
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    with opened(path, dialect.encoding) as file:
        quoting = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
        reader = csv.reader(file, delimiter=dialect.separator, strict=True, quoting=quoting)
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
                if line == 1:
                    fields[0] = fields[0].removeprefix("\ufeff")
                yield line, fields


def _separator(path: Path, encoding: str, expected: Collection[str]) -> str:
    """The separator by which the first rows fall into equally many fields, or whose header has the expected columns."""
    tables = {each: _first_rows(path, Dialect(encoding, each)) for each in SEPARATORS}
    found = {each: rows for each, rows in tables.items() if rows and len(rows[0]) > 1}
    if len(found) > 1 and expected:
        named = {each: sum(name.strip() in expected for name in rows[0]) for each, rows in found.items()}
        if (most := max(named.values())) > 0:
            found = {each: rows for each, rows in found.items() if named[each] == most}
    if len(found) > 1:
        even = {each: rows for each, rows in found.items() if len({len(row) for row in rows}) == 1}
        found = even or found
    if len(found) > 1:
        names = " or ".join(SEPARATORS[each] for each in found)
        raise EmovecError(
            f"{path}: {names} may stand between its fields; `emovec corpus import` takes the right one as its "
            "`delimiter`, or save the file with commas and with quotes around texts."
        )
    return next(iter(found), ",")


def _first_rows(path: Path, dialect: Dialect) -> list[list[str]]:
    rows = itertools.islice(_records(path, dialect), _LOOKED_AT)
    return [fields for _, fields in rows if not isinstance(fields, str)]


def _quotes_hold(path: Path, encoding: str) -> bool:
    """Whether all quotation marks of a table with tabs stand around fields; many such tables hold raw text."""
    widths: set[int] = set()
    for _, fields in _records(path, Dialect(encoding, "\t")):
        if isinstance(fields, str) or any("\n" in field for field in fields):
            return False
        widths.add(len(fields))
    return len(widths) <= 1
