"""Two sets of labels compared where their vectors are spread alike."""

import numpy as np

from emovec.geometry.cells import Cells
from emovec.geometry.reliability import BLOCKS, SPLITS, Halves, halves, noise_free_rsa
from emovec.geometry.resampled import Resampled, difference
from emovec.stats.resampling import half_weights, jackknife_weights

SUBSETS = 300
"""Random subsets of half of the labels, of either set."""
LEANING = 2.0
"""How strongly a subset may lean to labels that lie far out: the log odds for each standard deviation."""
ALIKE = 0.05
"""Subsets match where their spreads, in both languages, differ by at most this share."""
FEWEST = 10
"""Matched pairs of subsets."""


def noise_free_squares(cells: Cells, language: str) -> np.ndarray:
    """Squared lengths of a language's centred vectors without noise: [label].

    Products of the same story with itself are left out: dot products of vectors from different topics, averaged over
    all pairs of topics.
    """
    at = cells.languages.index(language)
    gram, counts = cells.gram[at, :, :, at], cells.counts[at]
    whole, own = np.einsum("teuf->ef", gram), np.einsum("tetf->ef", gram)
    n = counts.sum(axis=0)
    pairs = np.outer(n, n) - counts.T @ counts
    with np.errstate(invalid="ignore", divide="ignore"):
        products = np.where(pairs > 0, (whole - own) / pairs, np.nan)
    return np.diag(products) - products.mean(axis=0) - products.mean(axis=1) + products.mean()


def matched_difference(
    emotions: Cells, reference: Cells, pair: tuple[str, str], paired: bool, seed: int
) -> dict[str, float] | None:
    """RSA without noise of two sets, in subsets of their labels whose vectors lie equally far apart.

    Random subsets of half of the smaller set's labels are drawn from both, some of them richer in labels that lie far
    out, some in labels near the mean. A subset of the emotions is matched with the first unused one of the reference
    whose spread (mean squared length without noise, relative to the variance of stories where vectors are
    standardised) is within 5 % in both languages. The values are means over the matched subsets; which subsets match
    is decided once, on all topics.

    Args:
        emotions: cells of one set.
        reference: cells of the other, in the same units.
        pair: two languages.
        paired: whether both have the same topics.
        seed: of the subsets.

    Returns:
        What `difference` gives; without a label means: over the matched subsets that don't have it, which makes the
        crossed interval a little too wide. None where fewer than ten subsets match.
    """
    size = max(min(len(emotions.emotions), len(reference.emotions)) // 2, 4)
    rng = np.random.default_rng(seed)
    squares = [np.array([noise_free_squares(own, language) for language in pair]) for own in (emotions, reference)]
    subsets = [_subsets(each.mean(axis=0), size, rng) for each in squares]
    spreads = [each[:, chosen].mean(axis=2) for each, chosen in zip(squares, subsets, strict=True)]
    matches = _matches(*spreads)
    if len(matches) < FEWEST:
        return None
    sides: list[Resampled] = []
    for own, chosen, rows in zip((emotions, reference), subsets, np.transpose(matches), strict=True):
        halved, n = _halves(own, pair, seed), len(own.emotions)
        values = np.array([_rsa(halved, n, chosen[k]) for k in rows])
        without = [values[~(chosen[rows] == label).any(axis=1), 0] for label in range(n)]
        labels = np.array([own.mean() if len(own) else np.nan for own in without])
        sides.append(Resampled(values.mean(axis=0), labels))
    return difference(sides[0], sides[1], paired)


def _subsets(squares: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Random subsets [subset, label], each with a leaning of its own to labels that lie far out or near the mean."""
    away = (squares - squares.mean()) / max(float(squares.std()), 1e-12)
    leanings = rng.uniform(-LEANING, LEANING, size=(SUBSETS, 1))
    return np.argsort(leanings * away + rng.gumbel(size=(SUBSETS, len(squares))), axis=1)[:, -size:]


def _matches(emotions: np.ndarray, reference: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of subsets with spreads [language, subset] that are alike, each subset used once."""
    with np.errstate(invalid="ignore", divide="ignore"):  # without noise, a square can fall below 0
        apart = np.abs(np.log(emotions[:, :, None] / reference[:, None, :]))
    alike = (apart <= np.log1p(ALIKE)).all(axis=0)
    free = np.ones(alike.shape[1], bool)
    found: list[tuple[int, int]] = []
    for k, row in enumerate(alike):
        there = np.flatnonzero(row & free)
        if len(there):
            free[there[0]] = False
            found.append((k, int(there[0])))
    return found


def _halves(cells: Cells, pair: tuple[str, str], seed: int) -> tuple[Halves, Halves]:
    blocks = cells.merged(BLOCKS, seed)
    n = len(blocks.topics)
    weights = np.vstack([np.ones((1, n)), jackknife_weights(n)])
    splits = half_weights(n, SPLITS, seed)
    a, b = (halves(blocks, language, weights, splits) for language in pair)
    return a, b


def _rsa(halved: tuple[Halves, Halves], n_labels: int, chosen: np.ndarray) -> np.ndarray:
    """RSA without noise over some labels: [reweighting]."""
    i, j = np.triu_indices(n_labels, 1)
    kept = np.flatnonzero(np.isin(i, chosen) & np.isin(j, chosen))
    a, b = (half.mapped(lambda values: values[..., kept]) for half in halved)
    return noise_free_rsa(a, b)
