"""Files that are either whole or not there."""

import errno
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from emovec.errors import EmovecError
from emovec.printable import shortened

TEMPORARY = ".emovec.tmp"
"""What a file is called besides its name until it is whole: no file of a user's is called so."""


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a process killed at any moment, leaves the old file or the new one.

    Raises:
        EmovecError: if the disk is full or the folder can't be written to.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # where a folder on the way is a file
            temporary.unlink(missing_ok=True)
        raise disk_error(path, error) from error


def require_writable(path: Path) -> None:
    """Make sure, before any work, that a file can be written once the work is done; makes nothing.

    Raises:
        EmovecError: if a folder on the way is a file, or may not be written to.
    """
    there = next((parent for parent in path.parents if parent.exists()), Path())
    if not there.is_dir():
        raise EmovecError(f"{path}: can't be written: {there} is a file.")
    if not os.access(path if path.exists() else there, os.W_OK):
        raise EmovecError(f"{path}: can't be written: no permission for {path if path.exists() else there}.")


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys as in `write_bytes`."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; empty where the file is missing or broken, as if it had never been written."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def disk_error(path: Path, error: OSError) -> EmovecError:
    """What to tell a user whose disk refuses `path`."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return EmovecError(f"{path}: the disk is full. Free some space and run the same command again; it resumes.")
    return EmovecError(f"{path}: can't be written ({error.strerror or error}).")


def path_error(error: BaseException) -> EmovecError | None:
    """A sentence for a path that no file system takes, which any look at it raises; None for all other errors."""
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return EmovecError(f"{shortened(str(error.filename), 80)}: the name is too long for a file or folder.")
    looped = isinstance(error, OSError) and error.errno == errno.ELOOP
    if looped or (isinstance(error, RuntimeError) and str(error).startswith("Symlink loop")):
        return EmovecError("A path leads through a symbolic link that leads back to itself; remove the link.")
    return None
