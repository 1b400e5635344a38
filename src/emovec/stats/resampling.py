"""Resampling topics: the draws, and intervals from what a statistic is in each of them."""

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student


def bootstrap_weights(n_topics: int, draws: int, seed: int) -> np.ndarray:
    """How often each topic is drawn, with replacement, in each bootstrap sample: [draws, n_topics]."""
    return np.random.default_rng(seed).multinomial(n_topics, np.full(n_topics, 1 / n_topics), size=draws).astype(float)


def jackknife_weights(n: int) -> np.ndarray:
    """All topics but one, each left out in turn: [n, n]."""
    return 1.0 - np.eye(n)


def half_weights(n_topics: int, splits: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random halves of the topics, and the other halves: two arrays [splits, n_topics].

    Of an odd number one half has a topic more.
    """
    first = np.random.default_rng(seed).permuted(np.tile(np.arange(n_topics) < n_topics // 2, (splits, 1)), axis=1)
    return first.astype(float), (~first).astype(float)


def intervals(
    estimate: np.ndarray, draws: np.ndarray, jackknife: np.ndarray, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Percentile and BCa intervals (Efron 1987).

    Draws and jackknife values that are not finite are left out; where none is left the interval is NaN.

    Args:
        estimate: [...] on all topics.
        draws: [draw, ...] in bootstrap samples.
        jackknife: [unit, ...] with one unit left out.
        level: of confidence.

    Returns:
        low, high, low_bca, high_bca, each [...].
    """
    estimate, draws = np.asarray(estimate, np.float64), np.asarray(draws, np.float64)
    finite = np.isfinite(draws)
    ordered = np.sort(np.where(finite, draws, np.nan), axis=0)
    n = finite.sum(axis=0)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    low, high = (_quantile(ordered, n, np.full(n.shape, tail)) for tail in tails)

    # Ties count half: retrieval and the like take few values.
    below = ((ordered < estimate).sum(axis=0) + (ordered == estimate).sum(axis=0) / 2) / np.maximum(n, 1)
    edge = 0.5 / np.maximum(n, 1)
    bias = norm.ppf(np.clip(below, edge, 1 - edge))
    away = np.nanmean(np.where(np.isfinite(jackknife), jackknife, np.nan), axis=0) - jackknife
    spread = np.nansum(away**2, axis=0)
    acceleration = np.nansum(away**3, axis=0) / (6 * np.where(spread > 0, spread, 1) ** 1.5)
    shifted = [bias + norm.ppf(tail) for tail in tails]
    low_bca, high_bca = (
        _quantile(ordered, n, norm.cdf(bias + z / np.maximum(1 - acceleration * z, 1e-6))) for z in shifted
    )
    return low, high, low_bca, high_bca


def jackknife_interval(
    estimate: np.ndarray, jackknife: np.ndarray, level: float = 0.95, fisher: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interval of Student's t around an estimate, its standard error from leaving out one unit at a time (Tukey 1958).

    Args:
        estimate: [...] on all units.
        jackknife: [unit, ...] with one unit left out.
        level: of confidence.
        fisher: on the scale of Fisher's z, for correlations.

    Returns:
        low, high and the standard error on the statistic's own scale, each [...].
    """
    estimate, jackknife = np.asarray(estimate, np.float64), np.asarray(jackknife, np.float64)
    n = np.isfinite(jackknife).sum(axis=0)

    def error(values: np.ndarray) -> np.ndarray:
        mean = np.nansum(values, axis=0) / np.maximum(n, 1)
        spread = np.nansum((values - mean) ** 2, axis=0)
        return np.where(n > 1, np.sqrt(spread * (n - 1) / np.maximum(n, 1)), np.nan)

    t = student.ppf((1 + level) / 2, np.maximum(n - 1, 1))
    standard_error = error(jackknife)
    if not fisher:
        return estimate - t * standard_error, estimate + t * standard_error, standard_error
    centre, width = fisher_z(estimate), t * error(fisher_z(jackknife))
    return np.tanh(centre - width), np.tanh(centre + width), standard_error


def bounded_interval(
    estimate: np.ndarray, draws: np.ndarray, units: int, level: float = 0.95, low: float = 0.0, high: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interval of Student's t around a share, its standard error the spread of bootstrap draws, cut at its bounds.

    For statistics that jump or don't move at all when one unit is left out, such as how many emotions are nearest to
    themselves. Drawn units repeat, so that the draws are noisier than the estimate and lie below it where noise lowers
    the statistic: their percentiles would hold the truth far too seldom, and not even the estimate. Their spread is, if
    anything, a little too large.

    Args:
        estimate: [...] on all units.
        draws: [draw, ...] in bootstrap samples; those not finite are left out.
        units: how many were resampled.
        level: of confidence.
        low: what the statistic can't fall below.
        high: what it can't exceed.

    Returns:
        low, high and the standard error, each [...].
    """
    estimate, draws = np.asarray(estimate, np.float64), np.asarray(draws, np.float64)
    finite = np.isfinite(draws)
    n = finite.sum(axis=0)
    mean = np.where(finite, draws, 0).sum(axis=0) / np.maximum(n, 1)
    spread = np.where(finite, (draws - mean) ** 2, 0).sum(axis=0) / np.maximum(n - 1, 1)
    error = np.where(n > 1, np.sqrt(spread), np.nan)
    width = student.ppf((1 + level) / 2, max(units - 1, 1)) * error
    return np.maximum(low, estimate - width), np.minimum(high, estimate + width), error


def fisher_z(r: np.ndarray) -> np.ndarray:
    """Fisher's z of correlations, finite also where they are 1."""
    return np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))


def _quantile(ordered: np.ndarray, n: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Quantile q [...] of the first n [...] values of each sorted column [draw, ...], interpolated linearly."""
    at = np.clip(q, 0, 1) * np.maximum(n - 1, 0)
    below = np.floor(at).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(n - 1, 0))
    first = np.take_along_axis(ordered, below[None], axis=0)[0]
    second = np.take_along_axis(ordered, above[None], axis=0)[0]
    return np.where(n > 0, first + (second - first) * (at - below), np.nan)
