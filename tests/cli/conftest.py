import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emovec.cli import main
from emovec.cli.show import console

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _quiet_again() -> Iterator[None]:
    yield
    logging.getLogger("emovec").handlers.clear()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in a folder of its own: exit code, output, errors with line breaks folded.

    On a slow machine progress would print a line among the errors.
    """
    monkeypatch.setattr("emovec.cli.progress.FIRST_LINE", 3600.0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(console, "_width", 200)

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["emovec", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        printed = capsys.readouterr()
        return code, " ".join(printed.out.split()), " ".join(printed.err.split())

    return run
