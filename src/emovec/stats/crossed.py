"""How much a number varies over two crossed kinds of units at once, such as topics and emotions."""

import numpy as np
from scipy.stats import t as student

from emovec.stats.resampling import fisher_z
from emovec.stats.shares import wilson


def combined_variance(first: float, second: float, both: float, n_first: int, n_second: int) -> tuple[float, float]:
    """Variance over two crossed kinds of units, from that over each and that over pairs of one of each.

    Each of the two holds what varies over pairs, so that their sum counts it twice (Cameron, Gelbach & Miller 2011).
    What is left may come out too small by chance; it is never taken to be less than the larger of the two.

    Args:
        first: variance over the units of one kind.
        second: over those of the other.
        both: over pairs of them; NaN where unknown, and then the larger of the two is all there is.
        n_first: units of the first kind.
        n_second: units of the second.

    Returns:
        The variance, and its degrees of freedom (Satterthwaite 1946), at least those of the kind with fewer units.
    """
    variance = float(np.fmax(max(first, second), first + second - both))
    fewest = max(min(n_first, n_second) - 1, 1)
    spread = first**2 / max(n_first - 1, 1) + second**2 / max(n_second - 1, 1)
    return variance, max(variance**2 / spread, fewest) if spread > 0 else float(fewest)


def crossed_jackknife(values: np.ndarray, level: float = 0.95, fisher: bool = False) -> tuple[float, float, float]:
    """Interval of Student's t around an estimate, for other units of both kinds.

    Args:
        values: [1 + unit, 1 + other unit] of a statistic: first row and column with every unit, then without each in
            turn. NaN where it is not known without one of each.
        level: of confidence.
        fisher: on the scale of Fisher's z, for correlations.

    Returns:
        low, high and the standard error on the statistic's own scale.
    """
    error = np.sqrt(_jackknife_variances(values)[0])
    scaled = fisher_z(values) if fisher else values
    variance, freedom = _jackknife_variances(scaled)
    width = student.ppf((1 + level) / 2, freedom) * np.sqrt(variance)
    low, high = scaled[0, 0] - width, scaled[0, 0] + width
    if fisher:
        low, high = np.tanh(low), np.tanh(high)
    return float(low), float(high), float(error)


def _jackknife_variances(values: np.ndarray) -> tuple[float, float]:
    """Variance and degrees of freedom by leaving out units of either kind (Tukey 1958), and one of each."""
    alone, pairs = [own[np.isfinite(own)] for own in (values[1:, 0], values[0, 1:])], values[1:, 1:]
    if min(map(len, alone)) < 2:
        return np.nan, np.nan
    off = pairs - pairs.mean(axis=0) - pairs.mean(axis=1, keepdims=True) + pairs.mean()
    n, m = pairs.shape
    both = (n - 1) * (m - 1) / (n * m) * float((off**2).sum())
    over_first, over_second = (float((len(own) - 1) * own.var()) for own in alone)
    return combined_variance(over_first, over_second, both, len(alone[0]), len(alone[1]))


def crossed_mean_variance(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Variance of a mean whose things belong to two crossed kinds of groups (Cameron, Gelbach & Miller 2011).

    Where all are of one group of a kind, each counts as a group of its own, as in `clustered_wilson`.

    Args:
        values: [thing].
        first: [thing] group of each, such as its topic.
        second: [thing] its group of the other kind, such as its emotion.

    Returns:
        The variance and its degrees of freedom.
    """
    off = values - values.mean()
    codes = [np.unique(groups, return_inverse=True)[1] for groups in (first, second)]
    codes = [own if own.max() else np.arange(len(values)) for own in codes]
    pairs = codes[0] * (int(codes[1].max()) + 1) + codes[1]
    counts = [int(own.max()) + 1 for own in codes]
    over = [float((np.bincount(own, weights=off) ** 2).sum()) / len(values) ** 2 for own in (*codes, pairs)]
    for at, n in enumerate((*counts, len(np.unique(pairs)))):
        over[at] *= n / max(n - 1, 1)
    return combined_variance(over[0], over[1], over[2], counts[0], counts[1])


def crossed_wilson(
    right: np.ndarray, topics: np.ndarray, emotions: np.ndarray, level: float = 0.95
) -> tuple[float, float]:
    """Wilson's interval of a share of stories [story] for other topics [story] and other emotions [story].

    As `clustered_wilson`: for as many independent stories as would vary as much.
    """
    n, p = len(right), float(right.mean())
    variance, freedom = crossed_mean_variance(right.astype(np.float64), topics, emotions)
    effective = min(float(n), p * (1 - p) / variance) if variance > 0 else float(n)
    low, high = wilson(np.array(p), np.array(effective), float(student.ppf((1 + level) / 2, freedom)))
    return min(p, float(low)), max(p, float(high))
