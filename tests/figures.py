"""What takes most of a small study's time is left out where a test asks for something else: figures, other sections."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from emovec.report.sections.registry import SECTIONS


@contextmanager
def without_figures() -> Iterator[None]:
    """A block in which no figure for papers and no film is drawn, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for drawn in ("write_figures", "write_films"):
            patch.setattr(f"emovec.report.pages.study.{drawn}", lambda *_: [])  # pyright: ignore[reportUnknownLambdaType]
        yield


@contextmanager
def only_sections(*tables: str) -> Iterator[None]:
    """A block in which reports have those sections alone that show some of the tables."""
    left = [section for section in SECTIONS if set(tables) & set(section.tables)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emovec.report.sections.registry.SECTIONS", left)
        yield
