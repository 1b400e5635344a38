"""Do principal components go with an axis, or with ratings, more than with shuffled ones?

An axis made of the vectors themselves correlates highly with their first components whichever words make it, so that no
table of r tells how much is much: which words are the poles is shuffled, and the axis made anew.
"""

import numpy as np

from emovec.stats.labelled import unit
from emovec.stats.permutation import familywise_by_p, null_bound, p_values


def pole_correlations(components: np.ndarray, gram: np.ndarray, weights: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Correlation over emotions of components with the projection on an axis whose words are shuffled.

    Args:
        components: [component, emotion] scores.
        gram: [emotion, emotion] dot products of the vectors.
        weights: [emotion] that make the axis of the vectors: high pole less low pole.
        orders: [draw, emotion] which word takes which weight; the first in its own order.

    Returns:
        [draw, component]; NaN where one of the two doesn't vary.
    """
    return _rows(weights[orders] @ gram) @ _rows(components).T


def rating_correlations(components: np.ndarray, ratings: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Correlation over emotions of components with shuffled ratings: [draw, component]; as `pole_correlations`."""
    return _rows(ratings[orders]) @ _rows(components).T


def axis_cosines(gram: np.ndarray, first: np.ndarray, second: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Cosine [draw] of two axes made of the vectors by weights [emotion], the words of both shuffled together."""
    along = [weights[orders] for weights in (first, second)]
    product = np.einsum("be,bf,ef->b", along[0], along[1], gram, optimize=True)
    lengths = [np.einsum("be,bf,ef->b", own, own, gram, optimize=True) for own in along]
    spread = np.sqrt(np.prod(lengths, axis=0))
    return np.where(spread > 0, product / np.where(spread > 0, spread, 1), np.nan)


def compared(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two-sided p, its family-wise version over all statistics given (min-P), and the null's 95 % quantile of |r|.

    Args:
        values: [1 + B, ...]: as observed, then shuffled alike for all.

    Returns:
        Each [...]; NaN where the statistic is not defined.
    """
    flat = np.abs(values.reshape(len(values), -1))
    known = np.isfinite(flat).all(axis=0)
    found = np.full((3, flat.shape[1]), np.nan)
    if known.any() and len(flat) > 1:
        observed, null = flat[0, known], flat[1:, known]
        found[:, known] = p_values(observed, null), familywise_by_p(observed, null), null_bound(null)
    p, familywise, null_95 = found.reshape(3, *values.shape[1:])
    return p, familywise, null_95


def _rows(values: np.ndarray) -> np.ndarray:
    """Rows centred and scaled to length 1, so that dot products are correlations; NaN for a constant row."""
    centred = values - values.mean(axis=-1, keepdims=True)
    constant = np.linalg.norm(centred, axis=-1, keepdims=True) <= 1e-12 * np.linalg.norm(values, axis=-1, keepdims=True)
    return np.where(constant, np.nan, unit(centred))
