"""Where to write the labels of points so that they neither cover each other nor the points."""

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_DIRECTIONS = np.array([(np.cos(a), np.sin(a)) for a in np.arange(16) * np.pi / 8])
_MARKER = 4.0


def text_width(text: str, size: float) -> float:
    """Width of a text in the unit of `size`: East Asian wide characters take a full em, others about half."""
    return size * sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.56 for c in text)


def place_labels(
    points: NDArray[np.float64],
    texts: Sequence[str],
    size: float,
    box: tuple[float, float],
    radii: Sequence[float] = (10, 18, 28, 40, 54),
) -> list[tuple[float, float] | None]:
    """Choose an offset for each label, the most crowded points first.

    Args:
        points: [point, 2], in pixels (or typographic points), y upwards, within the box.
        texts: a label for each point.
        size: font size, same unit.
        box: width and height of the plotting area; labels stay inside.
        radii: distances to try, the nearest preferred.

    Returns:
        For each point the offset (right, up) of its label's centre, or None without a text or a free place.
    """
    points = np.asarray(points, dtype=float)
    half = np.array([[text_width(text, size) / 2 + 1, size * 0.6] for text in texts]).reshape(-1, 2)
    crowd = np.array([np.sum(np.hypot(*(points - point).T) < 60) for point in points])
    # Ties are broken by place and text, never by the order of the rows.
    order = sorted(range(len(points)), key=lambda i: (-crowd[i], *points[i].tolist(), texts[i]))
    centre, extent, n = np.empty_like(points), np.empty_like(points), 0
    placed: list[tuple[float, float] | None] = [None] * len(points)
    for i in order:
        if not texts[i]:
            continue
        offsets, costs = _candidates(half[i], radii)
        centres = points[i] + offsets
        outside = (np.abs(centres - np.array(box) / 2) + half[i] > np.array(box) / 2).any(axis=1)
        gaps = np.abs(centres[:, None, :] - points[None, :, :])
        covered = ((gaps < half[i] + _MARKER).all(axis=2)).sum(axis=1)
        overlaps = (np.abs(centres[:, None, :] - centre[None, :n]) < half[i] + extent[:n]).all(axis=2)
        blocked = outside | overlaps.any(axis=1)
        costs = costs + 1000.0 * covered
        if blocked.all():
            continue
        best = int(np.argmin(np.where(blocked, np.inf, costs)))
        if covered[best] > 2:
            continue
        placed[i] = (round(float(offsets[best, 0]), 1), round(float(offsets[best, 1]), 1))
        centre[n], extent[n], n = centres[best], half[i], n + 1
    return placed


def leader_end(place: tuple[float, float], text: str, size: float) -> NDArray[np.float64]:
    """Where a line from the point meets the label's frame, as an offset from the point."""
    offset = np.array(place)
    half = np.array([text_width(text, size) / 2, size * 0.55])
    reach = np.min(half / np.maximum(np.abs(offset), 1e-9))
    return offset * max(0.0, 1.0 - float(reach))


def _candidates(half: NDArray[np.float64], radii: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres around a point, pushed out by the label's own extent, and the price of each."""
    offsets = np.concatenate([_DIRECTIONS * (half + radius - _MARKER) for radius in radii])
    # Above and to the right reads best.
    taste = np.tile(np.abs(_DIRECTIONS[:, 0]) * 2 + (_DIRECTIONS[:, 1] < 0) * 1.5, len(radii))
    return offsets, (np.repeat(np.array(radii), len(_DIRECTIONS)) + taste).astype(np.float64)
