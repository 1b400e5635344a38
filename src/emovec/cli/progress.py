"""How long steps show themselves on a terminal, and in a log file without one."""

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import typer

from emovec.cli.show import console, say

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

    Where there is no terminal, such as in the log of a cluster's job, a line is printed once a minute; nothing of
    a step that takes less.
    """
    if not console.is_terminal:
        yield _once_a_minute(description, total)
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
    with bars.Progress(*columns, console=console) as progress:
        task = progress.add_task(description, total=total)
        yield lambda done: progress.advance(task, done)


def _once_a_minute(description: str, total: int) -> Callable[[int], None]:
    started = told = time.monotonic()
    done = 0

    def advance(step: int) -> None:
        nonlocal done, told
        done += step
        now = time.monotonic()
        if now - told < _BETWEEN_LINES or not 0 < done < total:
            return
        told = now
        elapsed = now - started
        left = duration(elapsed * (total - done) / done)
        say(f"{description}: {100 * done // total} % after {duration(elapsed)}, about {left} left")

    return advance


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
