"""One process at a time on a folder."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from emovec.errors import EmovecError


@contextmanager
def locked(
    folder: Path,
    name: str = ".lock",
    busy: str = "another process is working on this study",
    what: str = "the study's folder",
) -> Generator[None]:
    """Hold a folder, made where it is missing; the lock goes with the process, however that ends.

    Args:
        folder: the folder.
        name: of the file that is locked in it.
        busy: what to say if another process holds it.
        what: what a message calls the folder.

    Raises:
        EmovecError: if another process holds it, or it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / name, timeout=0)
        lock.acquire()
    except Timeout:
        raise EmovecError(f"{folder}: {busy}; wait for it, stop it, or give another `out`.") from None
    except OSError as error:
        raise EmovecError(f"{folder}: can't be used as {what} ({error.strerror}).") from error
    try:
        yield
    finally:
        lock.release()
