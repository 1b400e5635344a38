"""How long work shows how far it is."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Track = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows the progress of a long step: called with its description and size, gives a function to advance it."""


def untracked(_description: str, _total: int) -> AbstractContextManager[Callable[[int], None]]:
    """A `Track` that shows nothing."""
    return nullcontext(lambda _done: None)
