"""A trace as a page of its own: the text coloured by one emotion, and a strip of all that are shown."""

import base64
import json
import unicodedata
from collections.abc import Sequence

import numpy as np
import xarray as xr

from emovec.report.pages.html import fill
from emovec.report.style import DIVERGING, language_name, number
from emovec.steering.trace import by_piece, token_means

LIMIT = 3.0
"""Scores beyond this many standard deviations have the end's colour."""

UNSCORED = ("#bdbdbd", "#000000")
"""Background and text colour of attention sinks: a grey that the scale does not have."""


_NO_SCORE = -32_768  # the page's number for NaN


def shade(score: float) -> tuple[str, str]:
    """The background of a score and the text colour that is legible on it: blue below 0, red above, grey for NaN."""
    if np.isnan(score):
        return UNSCORED
    at = 0.5 + 0.5 * float(np.clip(score / LIMIT, -1, 1))
    stops = [float(stop) for stop, _ in DIVERGING]
    channels = np.array([[int(str(hue)[i : i + 2], 16) for i in (1, 3, 5)] for _, hue in DIVERGING])
    red, green, blue = (round(float(np.interp(at, stops, channels[:, i]))) for i in range(3))
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 140
    return f"#{red:02x}{green:02x}{blue:02x}", "#ffffff" if dark else "#000000"


def heading(traced: xr.DataArray) -> str:
    """What the scores are."""
    attrs = traced.attrs
    return (
        f"{attrs['model']}, {language_name(attrs['language'])} vectors ({attrs['variant']}); scores against "
        f"{attrs['baseline']}, in their standard deviations"
    )


def peaks(pieces: xr.DataArray, n: int = 4) -> str:
    """The pieces [piece] with the highest scores, in words; bare punctuation and sinks are passed over."""
    order = np.argsort(-pieces.values, kind="stable")
    shown = [
        i
        for i in order
        if np.isfinite(pieces.values[i])
        and any(unicodedata.category(c)[0] in "LNS" for c in str(pieces["piece_text"].values[i]))
    ]
    return ", ".join(
        f"{str(pieces['piece_text'].values[i]).strip()} {signed(float(pieces.values[i]))}" for i in shown[:n]
    )


def signed(score: float) -> str:
    """A score with its sign."""
    return ("+" if score > 0 else "") + number(score, 1)


def page(traced: xr.DataArray, emotions: Sequence[str], layer: int) -> str:
    """One HTML file that needs nothing else: emotions to choose from, a slider over layers.

    Args:
        traced: from `trace`, with every emotion and layer that a reader may want.
        emotions: those that the strip shows first.
        layer: the one that is shown first.
    """
    pieces = by_piece(traced)
    # Hundredths of a deviation in two bytes each: numbers as text would be five times as large.
    hundredths = np.clip(pieces.values * 100, -32_000, 32_000).round()
    scores = np.where(np.isnan(hundredths), _NO_SCORE, hundredths).astype("<i2")
    data = {
        "emotions": [str(name) for name in pieces["emotion"].values],
        "layers": [int(number) for number in pieces["layer"].values],
        "pieces": [str(piece) for piece in pieces["piece_text"].values],
        "scores": base64.b64encode(np.ascontiguousarray(scores).tobytes()).decode(),
        "means": np.round(token_means(traced).values, 3).tolist(),
        "shown": list(emotions),
        "layer": layer,
        "limit": LIMIT,
        "no_score": _NO_SCORE,
        "unscored": UNSCORED,
        "colours": DIVERGING,
    }
    encoded = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    return fill(
        "trace.html.j2", heading=heading(traced), data=encoded, language=traced.attrs["language"], limit=f"{LIMIT:g}"
    )
