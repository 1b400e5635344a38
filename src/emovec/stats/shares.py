"""Intervals of shares."""

import numpy as np
from scipy import stats


def clustered_wilson(right: np.ndarray, topics: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share of stories [story] that come in topics [story]; see `method_accuracies`."""
    n, p = len(right), float(right.mean())
    _, codes = np.unique(topics, return_inverse=True)
    n_topics = int(codes.max()) + 1
    quantile, effective = float(stats.norm.ppf((1 + level) / 2)), float(n)
    if n_topics > 1:
        quantile = float(stats.t.ppf((1 + level) / 2, n_topics - 1))
        # Linearised variance of a ratio over topics, against that of independent stories.
        residual = np.bincount(codes, weights=right - p)
        variance = n_topics / (n_topics - 1) * float(residual @ residual) / n**2
        if variance > 0:
            effective = min(float(n), p * (1 - p) / variance)
    low, high = wilson(np.array(p), np.array(effective), quantile)
    return min(p, float(low)), max(p, float(high))


def wilson(rate: np.ndarray, n: np.ndarray, quantile: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval (1927) of shares among n, which need not be whole numbers."""
    square = quantile**2 / n
    middle = (rate + square / 2) / (1 + square)
    half = quantile / (1 + square) * np.sqrt(rate * (1 - rate) / n + square / (4 * n))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
