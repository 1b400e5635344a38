"""Command lines in messages, so that the next step can be pasted."""

import shlex
from pathlib import Path


def command(*words: str | Path, out: str | Path | None = None, limit: int | None = None) -> str:
    """`emovec WORDS…` in backticks, with every word as a shell takes it: what is told as the next step can be pasted.

    Args:
        words: the command, its arguments and options.
        out: of `--out`, where results don't lie where the study says.
        limit: of `--limit`, where the study was opened with one.
    """
    given = ["emovec", *map(str, words)]
    given += [] if out is None else ["--out", str(out)]
    given += [] if limit is None else ["--limit", str(limit)]
    return f"`{shlex.join(given)}`"
