"""How long steps show themselves on a terminal, and in a log file without one."""

import logging
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

import typer
from rich.logging import RichHandler
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from emovec.cli.terminal import SafeConsole

console = SafeConsole()


@contextmanager
def resumable(kept: str) -> Generator[None]:
    """A step that Ctrl-C ends with a sentence on what is kept, and with exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        console.print(f"Interrupted. {kept}: the same command goes on from there.", markup=False, soft_wrap=True)
        raise typer.Exit(130) from None


def show_findings(found: Iterable[str]) -> None:
    """Sentences one below the other, set apart from what else a command says."""
    console.print()
    for sentence in found:
        console.print(f"• {sentence}", highlight=False, markup=False)
    console.print()


@contextmanager
def track(description: str, total: int) -> Generator[Callable[[int], None]]:
    """Show a bar with percentage, elapsed time and remaining time; gives a function to advance it.

    Where there is no terminal, such as in the log of a cluster's job, a line is printed for each tenth.
    """
    if not console.is_terminal:
        yield _tenths(description, total)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("elapsed,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(description, total=total)
        yield lambda done: progress.advance(task, done)


def _tenths(description: str, total: int) -> Callable[[int], None]:
    started, done, told = time.monotonic(), 0, 0

    def advance(step: int) -> None:
        nonlocal done, told
        done += step
        if total and done * 10 // total > told:
            told = done * 10 // total
            elapsed = time.monotonic() - started
            left = elapsed * (total - done) / done
            console.print(f"{description}: {told}0%, {elapsed:.0f} s elapsed, about {left:.0f} s left", highlight=False)

    return advance


def show_log() -> None:
    """Print what the library logs above any bar."""
    handler = RichHandler(console=console, show_time=False, show_path=False, show_level=False, markup=False)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(lambda record: record.levelno < logging.ERROR)  # errors end the command, which prints them
    logger = logging.getLogger("emovec")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
