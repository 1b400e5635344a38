"""How long steps show themselves on standard error: a bar on a terminal, lines in a log file."""

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import typer

from emovec.cli.show import aside, console, say

FIRST_LINE = 10.0
"""Seconds after which a step without a terminal prints its first line."""
_BETWEEN_LINES = 60.0  # seconds


@contextmanager
def resumable(kept: str) -> Generator[None]:
    """A step that Ctrl-C ends with a sentence on what is kept, and with exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"Interrupted. {kept}: the same command continues from there.")
        raise typer.Exit(130) from None


@contextmanager
def track(description: str, total: int) -> Generator[Callable[[int], None]]:
    """Show a bar with percentage, elapsed time and remaining time; gives a function to advance it.

    Where there is no terminal, such as in the log of a cluster's job, a line is printed after ten seconds and then once
    a minute; nothing of a step that takes less.
    """
    if not aside.is_terminal:
        yield _now_and_then(description, total)
        return
    from rich import progress as bars

    columns = (
        bars.SpinnerColumn(),
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeElapsedColumn(),
        bars.TextColumn("elapsed,"),
        bars.TimeRemainingColumn(),
        bars.TextColumn("left"),
    )
    # What is printed meanwhile stands above the bar, unless it goes to a file or a pipe.
    with bars.Progress(*columns, console=aside, redirect_stdout=console.is_terminal) as progress:
        task = progress.add_task(description, total=total)
        yield lambda done: progress.advance(task, done)


@contextmanager
def waiting(description: str) -> Generator[None]:
    """Show that a step of unknown length goes on; without a terminal one line, if it takes over ten seconds."""
    if aside.is_terminal:
        from rich.text import Text

        with aside.status(Text(description)):  # a string would be read as markup
            yield
        return
    line = threading.Timer(FIRST_LINE, _print_line, [f"{description} …"])
    line.daemon = True
    line.start()
    try:
        yield
    finally:
        line.cancel()


def _now_and_then(description: str, total: int) -> Callable[[int], None]:
    started = time.monotonic()
    due = started + FIRST_LINE
    done = 0

    def advance(step: int) -> None:
        nonlocal done, due
        done += step
        now = time.monotonic()
        if now < due or not 0 < done < total:
            return
        due = now + _BETWEEN_LINES
        elapsed = now - started
        left = duration(elapsed * (total - done) / done)
        _print_line(f"{description}: {100 * done // total} % after {duration(elapsed)}, about {left} left")

    return advance


def _print_line(text: str) -> None:
    aside.print(text, soft_wrap=True)


def duration(seconds: float) -> str:
    """A time as people say it: 40 seconds, 12 minutes, 3.5 hours, 2 days."""
    if seconds < 1:
        return "under a second"
    for unit, size, most in (("second", 1, 100), ("minute", 60, 100 * 60), ("hour", 3600, 72 * 3600)):
        if seconds < most:
            n = seconds / size
            shown = f"{n:.0f}" if n >= 10 or unit == "second" else f"{n:.1f}".removesuffix(".0")
            return f"{shown} {unit}{'s' * (shown != '1')}"
    return f"{seconds / 86400:.0f} days"


def show_log() -> None:
    """Print what the library logs above any bar."""
    from rich.logging import RichHandler

    handler = RichHandler(console=console, show_time=False, show_path=False, show_level=False, markup=False)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(lambda record: record.levelno < logging.ERROR)  # errors end the command, which prints them
    logger = logging.getLogger("emovec")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
