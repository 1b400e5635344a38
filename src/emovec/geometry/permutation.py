"""Permutation tests of labels: the draws, and p-values from the null they give."""

import numpy as np
from scipy.stats import rankdata

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
