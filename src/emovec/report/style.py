"""Colours, markers, names and number formats that the page and the paper figures share."""

import hashlib
import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from emovec.languages import language_names

OKABE_ITO = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#8C8C00",
    "#882255",
    "#AAAAAA",
)
"""Colours that stay apart under the common deficiencies of colour vision (Okabe & Ito 2008), and more."""

MARKERS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "triangle-down")
"""Marker names of plotly, one for each language in the study's order."""

DIVERGING = [
    [0.0, "#053061"], [0.1, "#2166ac"], [0.2, "#4393c3"], [0.3, "#92c5de"], [0.4, "#d1e5f0"], [0.5, "#f7f7f7"],
    [0.6, "#fddbc7"], [0.7, "#f4a582"], [0.8, "#d6604d"], [0.9, "#b2182b"], [1.0, "#67001f"],
]  # fmt: skip
"""Red–blue, symmetric about 0 (ColorBrewer RdBu, reversed)."""
CIVIDIS = [
    [0.0, "#00224e"], [0.125, "#1a386f"], [0.25, "#434e6c"], [0.375, "#62656f"], [0.5, "#7d7c78"],
    [0.625, "#9b9476"], [0.75, "#bcae6c"], [0.875, "#dec958"], [1.0, "#fee838"],
]  # fmt: skip
"""Dark to bright at an even pace, also for readers who confuse red and green (Nuñez et al. 2018)."""

FEW_LANGUAGES = 3
"""Up to so many, sentences name each pair of languages (of three there are three), and figures draw all at once."""
NOTABLE = 0.1
"""A difference in r that a reader would not call the same result."""
GREY = "#666666"
LAYER_AXIS = "layer (output of block k, 0-based)"


def language_name(code: str) -> str:
    """The English name of a language code, or the code itself; `en+ja` becomes `English + Japanese`."""
    return " + ".join(language_names.language_name(part) for part in code.split("+"))


def pair_name(language_a: str, language_b: str, sign: str = "–") -> str:
    """Two languages as words, such as `English–Japanese`."""
    return f"{language_name(language_a)}{sign}{language_name(language_b)}"


def colour(position: int) -> str:
    """The colour of the category at this position."""
    return OKABE_ITO[position % len(OKABE_ITO)]


def marker(position: int) -> str:
    """The marker of the language at this position."""
    return MARKERS[position % len(MARKERS)]


def number(value: Any, digits: int = 2) -> str:
    """A number for prose: fixed decimals, a true minus sign, a dash for what is missing."""
    value = float(value)
    if not math.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.replace("-", "")


def chance(value: Any) -> str:
    """A chance level: three decimals, since it is often below 0.05."""
    return number(value, 3)


def p_value(value: Any) -> str:
    """A p-value for prose, such as `p = 0.03` or `p < 0.0001`, with spaces that don't break."""
    value = float(value)
    if not math.isfinite(value):
        return "p not known"
    if value < 0.0001 - 5e-6:
        return "p\u00a0<\u00a00.0001"
    return f"p\u00a0=\u00a0{value:.2g}" if value >= 0.001 else f"p\u00a0=\u00a0{value:.4f}"


def percent(share: Any, digits: int = 0) -> str:
    """A share for prose, such as `94 %`; a dash for what is missing."""
    text = number(100 * float(share), digits)
    return text if text == "–" else f"{text} %"


def interval(row: Mapping[Any, Any]) -> str:
    """The 95 % intervals of a row for prose: `0.54 to 0.75 for other topics, 0.48 to 0.79 for … and emotions`."""
    topics = f"{number(row['low'])} to {number(row['high'])} for other topics"
    if not math.isfinite(row["low_crossed"]):
        return topics
    return f"{topics}, {number(row['low_crossed'])} to {number(row['high_crossed'])} for other topics and emotions"


def listed(parts: Sequence[str]) -> str:
    """Parts as one enumeration: `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentences(parts: Iterable[str]) -> str:
    """Each part as a sentence of its own."""
    return " ".join(f"{part[:1].upper()}{part[1:]}." for part in parts if part)


def plain(text: str) -> str:
    """Text that plotly shows as it stands: it would take `<b>` and `&lt;` for markup, and `$…$` for a formula."""
    return html.escape(text, quote=False).replace("$", "&#36;")


_MOST_BYTES = 200  # of the 255 that file systems allow, for ending and ".tmp"


def own_name(name: str, taken: set[str]) -> str:
    """A file's name that no other of a folder has, even where case doesn't count; `taken` remembers it.

    It is `name` wherever that is free and short enough for a file system, else the name with some digits behind it.
    """
    if name.casefold() in taken or len(name.encode()) > _MOST_BYTES:
        short = name.encode()[:_MOST_BYTES].decode(errors="ignore")
        tries = (f"{short}~{hashlib.sha256(f'{name} {n}'.encode()).hexdigest()[:10]}" for n in range(len(taken) + 1))
        name = next(each for each in tries if each.casefold() not in taken)
    taken.add(name.casefold())
    return name


def slug(text: str) -> str:
    """A file name's part: word characters of any script, and hyphens."""
    return re.sub(r"[^\w-]+", "_", text).strip("_") or "x"
