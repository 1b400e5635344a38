"""The one exception that users are meant to read."""

import difflib
from collections.abc import Iterable


class EmovecError(Exception):
    """Bad input or a broken file: one sentence that names the file, line or setting, and the remedy.

    The command line prints the message without a traceback and exits with code 2.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question, in brackets, after the known word nearest to an unknown one; nothing where none is near."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean '{found[0]}'?)" if found else ""
