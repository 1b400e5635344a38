"""Permutation tests of labels: the draws, and p-values from the null they give."""

import numpy as np
from scipy.stats import rankdata

ALPHA = 0.05
"""The level at which a p-value speaks against chance, everywhere."""
MINIMUM_EMOTIONS = 4
"""So many it takes to compare how they are arranged: three have three pairs and six orders, which is no test."""

# Statistics that are equal in exact arithmetic must count as equal.
_TOLERANCE = 1e-12


def label_permutations(n: int, permutations: int, seed: int) -> np.ndarray:
    """`permutations` independent uniform orders of n labels: [permutations, n]."""
    return np.random.default_rng(seed).permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)


def p_values(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """p = (1 + #{null ≥ observed}) / (1 + B) (Phipson & Smyth 2010), one-sided.

    Args:
        observed: [k] statistics.
        null: [B, k], or [B, 1] for one null that serves all of them.
    """
    return (1 + (null >= observed - _TOLERANCE).sum(axis=0)) / (1 + len(null))


def familywise_p_values(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """p of each statistic against the null of the largest one (Westfall & Young 1993; Nichols & Holmes 2002).

    Args:
        observed: [k] statistics of a family.
        null: [B, k], the same permutation for all statistics of a row.
    """
    return p_values(observed, null.max(axis=1, keepdims=True))


def null_bound(null: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """What a statistic must exceed for p ≤ alpha: the ⌊alpha (1 + B)⌋-th largest value of the null.

    The quantile 1 − alpha of few values lies too low: the 95 % quantile of 20 is exceeded in 9 % of cases, while the
    largest of 19 is exceeded in 5 %.

    Args:
        null: [B, ...]; values that are not finite are left out.
        alpha: the level.

    Returns:
        [...], NaN where B is too small for any p ≤ alpha (below 19 for 0.05).
    """
    known = np.isfinite(null)
    ordered = np.sort(np.where(known, null, -np.inf), axis=0)[::-1]
    rank = np.floor(alpha * (1 + known.sum(axis=0)) + _TOLERANCE).astype(np.intp)
    at = np.clip(rank - 1, 0, max(len(null) - 1, 0))
    return np.where(rank > 0, np.take_along_axis(ordered, at[None], axis=0)[0], np.nan)


def familywise_by_p(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Family-wise p of statistics whose nulls differ in spread: the smallest p counts, not the largest statistic.

    Source: Westfall & Young 1993 (min-P), with all p-values from the same permutations as in Ge, Dudoit & Speed 2003.

    Args:
        observed: [k] statistics of a family, large where they speak against the null.
        null: [B, k], the same permutation for all statistics of a row.
    """
    every = np.vstack([observed, null]).round(12)
    shares = rankdata(-every, method="max", axis=0) / len(every)  # how many are at least as large
    return (shares.min(axis=1)[:, None] <= shares[0]).mean(axis=0)
