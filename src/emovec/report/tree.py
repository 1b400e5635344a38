"""Trees of a hierarchical clustering, as lines."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def branches(linkage: NDArray[np.float64], places: Sequence[float]) -> list[list[tuple[float, float]]]:
    """The lines of a tree whose leaves stand in an order that it allows.

    Args:
        linkage: scipy's matrix, [n - 1, 4].
        places: [n], where each leaf stands.

    Returns:
        For each join the four corners (height, place) of a bracket.
    """
    ends = [(0.0, float(place)) for place in places]
    lines: list[list[tuple[float, float]]] = []
    for one, other, height, _ in linkage.tolist():
        a, b = ends[int(one)], ends[int(other)]
        lines.append([a, (height, a[1]), (height, b[1]), b])
        ends.append((height, (a[1] + b[1]) / 2))
    return lines
