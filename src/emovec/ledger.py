"""Append-only JSONL that a kill can't spoil: what `append` has returned from is on the disk, and is read back whole."""

import errno
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emovec.errors import EmovecError
from emovec.files import disk_error, write_bytes


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add a record as a line of its own, also after a line that a kill cut short.

    Raises:
        EmovecError: if the disk is full or the file can't be written to.
    """
    line = _line(record)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One unbuffered write: a full disk or a kill leaves at most one broken line, which reading passes over.
        with path.open("a+b", buffering=0) as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else b"\n" + line
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
    except OSError as error:
        raise disk_error(path, error) from error


def read(path: Path) -> list[dict[str, Any]]:
    """Every record in its order; a line that isn't whole is as if it had never been written, and so is a missing file.

    Raises:
        EmovecError: if the file is there but can't be read.
    """
    try:
        # Undecoded: a kill may cut a character in two, and a text hold U+2028.
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EmovecError(f"{path}: can't be read ({error.strerror or error}).") from error
    records: list[dict[str, Any]] = []
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def rewrite(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Put these records in the place of all that are there, at once; errors as in `append`."""
    write_bytes(path, b"".join(map(_line, records)))


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
