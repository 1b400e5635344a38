"""How commands print: labels and paths of files can neither steer the terminal nor set its colours."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from emovec.printable import printable

if TYPE_CHECKING:
    import pandas as pd


class SafeConsole(Console):
    """A console that shows text as it is: `[red]` and `:smile:` are words in it, and control characters are visible.

    Colours come from styles and from `rich.text.Text` alone.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """Segments as they go to the terminal; what is printed, in tables and in bars, comes by here."""
        for segment in super().render(renderable, options):
            clean = segment.text if segment.control else printable(segment.text)
            yield segment if clean is segment.text else Segment(clean, segment.style)


console = SafeConsole()
aside = SafeConsole(stderr=True)
"""Errors, and how far work is: what doesn't belong in the file or pipe that a command's output goes to."""
_OTHERWISE = {"mapping": "map"}
"""Parameters of the library whose option has another name."""


def say(text: str, style: str = "") -> None:
    """Print a line that is never broken, so that a path or a command in it can be copied."""
    console.print(Text(printable(text), style), soft_wrap=True)


def say_findings(found: Iterable[str]) -> None:
    """Print sentences one below the other, set apart from what else a command says."""
    console.print()
    for sentence in found:
        console.print(f"• {sentence}")
    console.print()


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    title: str = "",
    *,
    most: int | None = None,
    whole: Collection[str] = (),
) -> None:
    """Print a table, unless it has no rows. Whole numbers stand on the right; a cell may be a coloured `Text`.

    Args:
        columns: their names.
        rows: with a cell for each column.
        title: above it; where `most` is given, the number of rows is added.
        most: rows that are printed at most.
        whole: columns whose cells are kept on one line.
    """
    rows = list(rows)
    if not rows:
        return
    if title:  # as a line of its own: a table breaks its title where the table ends
        console.print(Text(title if most is None else f"{title}: {len(rows)}", "italic"))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, first in zip(columns, rows[0], strict=True):
        right = isinstance(first, int)
        table.add_column(Text(name), justify="right" if right else "left", overflow="fold", no_wrap=name in whole)
    for row in rows[:most]:
        table.add_row(*map(_cell, row))
    console.print(table)
    if most is not None and len(rows) > most:
        console.print(f"  … and {len(rows) - most} more (--all lists them)", style="dim")


def show_frame(frame: "pd.DataFrame", title: str, *, most: int | None = None, whole: Collection[str] = ()) -> None:
    """Print a data frame as `show_table` does."""
    show_table([*map(str, frame.columns)], frame.itertuples(index=False, name=None), title, most=most, whole=whole)


def _cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    if isinstance(value, float):
        return Text(f"{value:.2f}")
    return Text(f"{value:,}" if isinstance(value, int) else printable(str(value)))


def with_options(message: str, names: Collection[str]) -> str:
    """A message of the library with its parameters, `overwrite` say, spelled as the options of a command.

    Args:
        message: in which parameters stand between backticks.
        names: the parameters of the command; a list such as `layers` is an option `--layer` that is repeated.
    """

    def spelled(found: re.Match[str]) -> str:
        own = _OTHERWISE.get(found[1], found[1])
        known = next((each for each in (own, own.removesuffix("s")) if each in names), None)
        return found[0] if known is None else f"--{known.replace('_', '-')}"

    return re.sub(r"`([a-z_]+)`", spelled, message)


def count(n: int, noun: str) -> str:
    """A number with its noun: 1 story, 2,000 stories."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{n:,} {noun if n == 1 else plural}"
