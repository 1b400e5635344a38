"""Ridge predictions of ratings of emotions that the fit never saw, and how well they go with the ratings."""

from itertools import combinations

import numpy as np
from scipy.linalg import helmert

from emovec.stats.resampling import jackknife_interval

PENALTIES = np.logspace(-3, 3, 13)
"""Ridge penalties to choose from, in units of the mean eigenvalue of the Gram matrix fitted on."""

SINGLY = 40
"""Up to so many emotions each is left out by itself for the interval; of more, `BLOCKS` random groups are."""
BLOCKS = 20


def held_out_predictions(gram: np.ndarray, ratings: np.ndarray) -> np.ndarray:
    """Ridge predictions of each emotion's ratings from a fit that never saw that emotion.

    For each emotion left out, the others' vectors and ratings are centred and fitted. Each scale is fitted by itself,
    with the penalty of `PENALTIES` that has the least generalised cross-validation error for it among those others.
    Everything follows from dot products, so the cost does not depend on the hidden size.

    Source: generalised cross-validation, Golub, Heath & Wahba 1979.

    Args:
        gram: [emotion, emotion], dot products of the vectors about any origin.
        ratings: [..., emotion, scale]; leading axes hold other ratings for the same vectors, as permuted ones.

    Returns:
        [..., emotion, scale], in the ratings' units.
    """
    n = ratings.shape[-2]
    first = np.moveaxis(ratings, -2, 0)
    columns, contrasts = first.reshape(n, -1), helmert(n - 1).T
    predicted = [_fitted(gram, columns, contrasts, _others(n, out), np.array([out]))[0] for out in range(n)]
    return np.moveaxis(np.stack(predicted).reshape(first.shape), 0, -2)


def correlations_without(gram: np.ndarray, ratings: np.ndarray) -> np.ndarray:
    """The correlation of predicted with rated without each emotion in turn, all fits made anew without it.

    Args:
        gram: [emotion, emotion], as for `held_out_predictions`.
        ratings: [emotion, scale].

    Returns:
        [emotion left out, scale].
    """
    n, k = ratings.shape
    predicted, contrasts = np.empty((n, n, k)), helmert(n - 2).T
    for pair in combinations(range(n), 2):
        # A fit without two emotions predicts each of them for the case that the other is left out.
        either = _fitted(gram, ratings, contrasts, _others(n, *pair), np.array(pair))
        predicted[pair[1], pair[0]], predicted[pair] = either
    return np.stack(
        [correlations(predicted[out][rest], ratings[rest]) for out in range(n) for rest in [_others(n, out)]]
    )


def correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson correlations over emotions, NaN where one of the two doesn't vary.

    Args:
        x: [..., emotion, scale].
        y: the same, or broadcast with it.

    Returns:
        [..., scale].
    """
    x, y = x - x.mean(axis=-2, keepdims=True), y - y.mean(axis=-2, keepdims=True)
    spread = (x**2).sum(axis=-2) * (y**2).sum(axis=-2)
    along = (x * y).sum(axis=-2)
    return np.clip(np.where(spread > 1e-24, along / np.sqrt(np.where(spread > 0, spread, 1)), np.nan), -1, 1)


def correlation_interval(
    r: np.ndarray, gram: np.ndarray, ratings: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of the correlation of predicted with rated: the jackknife's, on the scale of Fisher's z.

    Args:
        r: [scale], the correlations of all emotions.
        gram: [emotion, emotion], as for `held_out_predictions`.
        ratings: [emotion, scale].
        seed: of the groups that are left out where there are more than `SINGLY` emotions.

    Returns:
        Lower and upper ends, each [scale].
    """
    n = len(ratings)
    if n <= SINGLY:
        without = correlations_without(gram, ratings)
    else:
        groups = np.array_split(np.random.default_rng(seed).permutation(n), BLOCKS)
        kept = [_others(n, *group) for group in groups]
        without = np.stack(
            [correlations(held_out_predictions(gram[np.ix_(own, own)], ratings[own]), ratings[own]) for own in kept]
        )
    return jackknife_interval(r, without, fisher=True)[:2]


def _others(n: int, *out: int) -> np.ndarray:
    return np.delete(np.arange(n), out)


def _fitted(
    gram: np.ndarray, columns: np.ndarray, contrasts: np.ndarray, rest: np.ndarray, out: np.ndarray
) -> np.ndarray:
    """Predictions [len(out), target] of columns [emotion, target] from ridge fits to the emotions `rest`.

    `contrasts` [rest, rest − 1] sum to zero over the emotions fitted: they centre vectors and ratings by themselves.
    """
    inner = gram[np.ix_(rest, rest)]
    values, turn = np.linalg.eigh(contrasts.T @ inner @ contrasts)
    values, axes = np.clip(values, 0, None), contrasts @ turn
    penalties = PENALTIES[:, None] * (values.mean() or 1.0)
    left = penalties / (values + penalties)
    scores = axes.T @ columns[rest]
    chosen = (left**2 @ scores**2 / left.sum(axis=1)[:, None] ** 2).argmin(axis=0)
    slopes = ((gram[np.ix_(out, rest)] - inner.mean(axis=0)) @ axes)[:, None] / (values + penalties)
    return np.take_along_axis(slopes @ scores, chosen[None, None], axis=1)[:, 0] + columns[rest].mean(axis=0)
