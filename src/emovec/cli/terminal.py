"""The one way in which commands print: labels and paths of files can neither steer the terminal nor set its colours."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.segment import Segment

from emovec.printable import printable


class SafeConsole(Console):
    """A console that shows text as it is: `[red]` and `:smile:` are words in it, and control characters are visible.

    Colours come from styles and from `rich.text.Text` alone.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """Segments as they go to the terminal; what is printed, in tables and in bars, comes by here."""
        for segment in super().render(renderable, options):
            clean = segment.text if segment.control else printable(segment.text)
            yield segment if clean is segment.text else Segment(clean, segment.style)
