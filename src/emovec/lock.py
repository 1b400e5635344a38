"""One process at a time on a folder."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from emovec.errors import EmovecError


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold a study's folder, made where it is missing; the lock goes with the process, however that ends.

    Raises:
        EmovecError: if another process holds it, or it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise EmovecError(
            f"{folder}: another process is working on this study; wait for it, stop it, or give another `out`."
        ) from None
    except OSError as error:
        raise EmovecError(f"{folder}: can't be used as the study's folder ({error.strerror}).") from error
    try:
        yield
    finally:
        lock.release()
