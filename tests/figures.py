"""Figures for papers take most of a small study's time: only the tests of the report draw them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def without_figures() -> Iterator[None]:
    """A block in which no figure for papers and no film is drawn, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for drawn in ("write_figures", "write_films"):
            patch.setattr(f"emovec.report.pages.study.{drawn}", lambda *_: [])  # pyright: ignore[reportUnknownLambdaType]
        yield
