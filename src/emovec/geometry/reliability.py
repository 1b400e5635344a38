"""How well other topics reproduce a language's geometry, and what two languages would share without noise."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emovec.geometry.cells import Cells

MINIMUM_TOPICS = 4
"""With fewer a half holds a single topic."""

BLOCKS = 20
"""Left out one at a time, or dealt into halves: topics, or where there are more of them, random blocks."""
SPLITS = 30
"""Halvings of the topics."""

LOW_RELIABILITY = 0.5
"""Below it a correction for noise is guesswork."""


def triangles(grams: np.ndarray) -> np.ndarray:
    """Cosines of all pairs of emotions from dot products [..., emotion, emotion]: [..., pair], NaN where unknown."""
    length = np.sqrt(np.einsum("...ee->...e", grams))
    i, j = np.triu_indices(grams.shape[-1], 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return grams[..., i, j] / (length[..., i] * length[..., j])


def row_correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson correlation along the last axis, over the values that both have; NaN where one doesn't vary."""
    known = np.isfinite(a) & np.isfinite(b)
    n = known.sum(axis=-1, keepdims=True)

    def centred(values: np.ndarray) -> np.ndarray:
        kept = np.where(known, values, 0.0)
        return np.where(known, kept - kept.sum(axis=-1, keepdims=True) / np.maximum(n, 1), 0.0)

    a, b = centred(a), centred(b)
    length = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(length > 0, (a * b).sum(axis=-1) / length, np.nan)


@dataclass(frozen=True)
class Halves:
    """What a language's emotion pairs are from either half of the topics: two arrays [reweighting, split, pair].

    Cosines, or distances of any kind; NaN where unknown.
    """

    first: np.ndarray
    second: np.ndarray

    def correlation(self) -> np.ndarray:
        """Correlation of the two halves, mean over splits: [reweighting]."""
        return _mean(row_correlations(self.first, self.second))

    def mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> "Halves":
        """Both halves changed in the same way."""
        return Halves(change(self.first), change(self.second))


def halves(
    cells: Cells,
    language: str,
    weights: np.ndarray,
    splits: tuple[np.ndarray, np.ndarray],
    measure: Callable[[np.ndarray], np.ndarray] = triangles,
) -> Halves:
    """A language's cosines from each half of the topics, or what else is measured.

    Args:
        cells: of one layer.
        language: which one.
        weights: [reweighting, topic].
        splits: as `half_weights` gives them, two arrays [split, topic].
        measure: dot products [..., emotion, emotion] → what is kept of them, any shape after the first axes.
    """
    measured = [
        measure(cells.grams((weights[:, None] * half[None]).reshape(-1, weights.shape[1]), language, language))
        for half in splits
    ]
    first, second = (found.reshape(len(weights), -1, *found.shape[1:]) for found in measured)
    return Halves(first, second)


def _mean(of_splits: np.ndarray) -> np.ndarray:
    """Mean over the splits that are known: [reweighting, split] → [reweighting]."""
    known = np.isfinite(of_splits)
    number = known.sum(axis=1)
    return np.where(number > 0, np.where(known, of_splits, 0.0).sum(axis=1) / np.maximum(number, 1), np.nan)


def spearman_brown(r_half: np.ndarray) -> np.ndarray:
    """Reliability of the whole from the correlation of its halves (Spearman 1910; Brown 1910)."""
    return 2 * r_half / (1 + r_half)


def noise_free_rsa(a: Halves, b: Halves) -> np.ndarray:
    """What the RSA of two languages would be without noise: [reweighting].

    The correlation of one language's cosines from half of the topics with the other's from the other half, divided by
    the root of the product of the two half reliabilities (Spearman 1904), each the mean over splits. As the languages
    are read on different topics, what a topic puts into both of them doesn't count as agreement. NaN where a half
    reliability is not positive; may exceed 1.
    """
    across = (_mean(row_correlations(a.first, b.second)) + _mean(row_correlations(a.second, b.first))) / 2
    product = a.correlation() * b.correlation()
    positive = (a.correlation() > 0) & (b.correlation() > 0)
    return np.where(positive, across / np.sqrt(np.where(positive, product, 1.0)), np.nan)
