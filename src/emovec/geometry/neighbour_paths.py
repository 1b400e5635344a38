"""Distances between unit vectors: straight lines, and shortest paths through the graph of nearest neighbours."""

import numpy as np

_CHUNK_ELEMENTS = 2**21


def chord_distances(grams: np.ndarray) -> np.ndarray:
    """Straight-line distances between unit vectors, √(2 − 2 cos).

    Args:
        grams: [..., emotion, emotion], dot products; NaN where a vector is missing.

    Returns:
        [..., emotion, emotion]; a vector of length 0 is as far from the others as one at right angles.
    """
    lengths = np.sqrt(np.clip(np.diagonal(grams, axis1=-2, axis2=-1), 0, None))
    lengths = np.where(lengths == 0, 1.0, lengths)
    distances = np.sqrt(np.clip(2 - 2 * grams / lengths[..., :, None] / lengths[..., None, :], 0, None))
    at = np.arange(grams.shape[-1])
    distances[..., at, at] = 0.0
    return distances


def geodesic_distances(distances: np.ndarray, k: int) -> np.ndarray:
    """Lengths of the shortest paths in the graph of nearest neighbours (Tenenbaum, de Silva & Langford 2000).

    Two emotions are joined where either is among the other's k nearest (of equals the one that comes first); a step is
    as long as their distance. Floyd–Warshall, all matrices at once.

    Args:
        distances: [..., emotion, emotion], symmetric.
        k: neighbours of each emotion, bounded by the number of emotions less one.

    Returns:
        [..., emotion, emotion]; infinite where no path leads.
    """
    n = distances.shape[-1]
    flat = distances.reshape(-1, n, n)
    paths = np.empty(flat.shape)
    at = np.arange(n)
    step = max(1, _CHUNK_ELEMENTS // n**2)
    for start in range(0, len(flat), step):
        chunk = flat[start : start + step]
        others = chunk.copy()
        others[:, at, at] = np.inf
        nearest = np.argsort(others, axis=-1, kind="stable")[..., : min(k, n - 1)]
        joined = np.zeros(chunk.shape, dtype=bool)
        np.put_along_axis(joined, nearest, True, axis=-1)
        lengths = np.where(joined | joined.swapaxes(-1, -2), chunk, np.inf)
        lengths[:, at, at] = 0.0
        for via in range(n):
            np.minimum(lengths, lengths[:, :, via, None] + lengths[:, None, via, :], out=lengths)
        paths[start : start + step] = lengths
    return paths.reshape(distances.shape)


def connected_k(distances: np.ndarray, least: int) -> int:
    """The smallest number of neighbours from `least` on whose graph [emotion, emotion] is connected."""
    n = len(distances)
    for k in range(min(least, n - 1), n):
        if np.isfinite(geodesic_distances(distances, k)).all():
            return k
    return n - 1
