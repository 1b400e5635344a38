"""Text of files and labels as it may be shown: it can't steer a terminal, and it can't fill a screen."""

import unicodedata

_KEPT = "\n\t"
# Format characters that turn the direction of what follows, so that a line reads otherwise than it is.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
MOST_SHOWN = 2_000
"""Characters of a message: what is longer is no sentence any more."""


def printable(text: str) -> str:
    """Text in which control characters, signs that turn the direction of writing and broken bytes show as '\ufffd'."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if _steers(character) else character for character in text.replace("\r\n", "\n"))


def shortened(text: str | None, most: int = 40) -> str:
    """One line of printable text with at most so many characters; '…' stands for the rest."""
    line = " ".join(printable(text or "")[: 4 * most].split())
    return line if len(line) <= most and len(text or "") <= 4 * most else f"{line[: most - 1].rstrip()}…"


def message(text: str) -> str:
    """A message as it is shown: printable, and cut in the middle where it is far too long."""
    if len(text) > MOST_SHOWN:
        half = MOST_SHOWN // 2
        text = f"{text[:half].rstrip()} … {text[-half:].lstrip()}"
    return printable(text)


def _steers(character: str) -> bool:
    return (unicodedata.category(character) in {"Cc", "Cs"} and character not in _KEPT) or character in _TURNING
