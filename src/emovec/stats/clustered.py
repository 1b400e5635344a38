"""Means and shares of things that come in groups, with intervals for other groups."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from emovec.stats.shares import wilson

Floats = NDArray[np.float64]


def mean_interval(values: Floats, groups: NDArray[np.intp], level: float = 0.95) -> tuple[Floats, Floats]:
    """Student's t interval of a mean, with groups as the unit that is drawn.

    Things of one group are alike; taken for independent they would make the interval too narrow.

    Args:
        values: [thing, ...].
        groups: [thing] number of the group of each, from 0.
        level: of confidence.

    Returns:
        low and high, [...]; NaN with fewer than two groups.
    """
    mean, n_groups = values.mean(axis=0), int(groups.max()) + 1
    half = _quantile(groups, level) * np.sqrt(_variance(values, groups))
    half = np.where(n_groups > 1, half, np.nan)
    return mean - half, mean + half


def mean_p_value(values: Floats, groups: NDArray[np.intp]) -> Floats:
    """Two-sided p of a mean of 0, by the t of `mean_interval`; 1 where all values are 0, NaN where none can be had.

    Args:
        values: [thing, ...].
        groups: [thing] number of the group of each, from 0.
    """
    mean, n_groups = np.asarray(values.mean(axis=0)), int(groups.max()) + 1
    error = np.sqrt(_variance(values, groups))
    off = np.divide(np.abs(mean), error, out=np.where(mean == 0, 0.0, np.nan), where=error > 0)
    return np.where(n_groups > 1, 2 * t.sf(off, max(n_groups - 1, 1)), np.nan)


def share_interval(hits: Floats, groups: NDArray[np.intp], level: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's interval of a share, with groups as the unit that is drawn; arguments as in `mean_interval`.

    Where things of a group are alike, they count as the fewer independent ones that would vary as much (Kish 1965),
    never more, and the quantile is Student's for so many groups. It stays within 0 and 1, and has a width where all
    are hits.
    """
    share = hits.mean(axis=0)
    if np.bincount(groups).max() == 1:  # nothing needs to be estimated of how alike they are
        return wilson(share, np.asarray(float(len(hits))), float(norm.ppf((1 + level) / 2)))
    n = effective_number(share, _variance(hits, groups), len(hits))
    return wilson(share, n, _quantile(groups, level))


def effective_number(share: Floats, variance: Floats, n: int | Floats) -> Floats:
    """How many independent things would give a share that varies as much; at most n."""
    alone = np.asarray(share * (1 - share) / n)
    return n / np.maximum(1, np.divide(variance, alone, out=np.ones_like(alone), where=alone > 0))


def _variance(values: Floats, groups: NDArray[np.intp]) -> Floats:
    """[...]: of the mean; the groups' sums about it are what varies."""
    n_groups = int(groups.max()) + 1
    off = np.zeros((n_groups, *values.shape[1:]))
    np.add.at(off, groups, values - values.mean(axis=0))
    return (off**2).sum(axis=0) * n_groups / max(n_groups - 1, 1) / len(values) ** 2


def _quantile(groups: NDArray[np.intp], level: float) -> float:
    return float(t.ppf((1 + level) / 2, max(int(groups.max()), 1)))
