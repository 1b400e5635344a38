"""Agreement of two languages by geodesic and by straight-line distances, as observed and corrected for reliability."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from emovec.geometry.cells import Cells
from emovec.geometry.neighbour_paths import chord_distances, geodesic_distances
from emovec.geometry.reliability import (
    BLOCKS,
    SPLITS,
    Halves,
    halves,
    noise_free_rsa,
    row_correlations,
    spearman_brown,
)
from emovec.stats.resampling import half_weights, jackknife_interval, jackknife_weights

CORRECTED = ("free_geodesic", "free_euclidean", "ceiling_geodesic", "ceiling_euclidean", "difference", "low", "high")
"""Columns of what is corrected."""


def compare_distances(
    straight_a: np.ndarray, straight_b: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """RSA of two languages by geodesic and by straight-line distances (Pearson's r of upper triangles).

    Args:
        straight_a: [..., emotion, emotion] of one language.
        straight_b: the same of the other.
        k: neighbours of each emotion in the graphs.

    Returns:
        Three arrays [...]: r of geodesic distances, NaN where one of the graphs is not connected; r of straight ones;
        whether both graphs are connected.
    """
    curved_a, curved_b = (_complete(geodesic_distances(straight, k)) for straight in (straight_a, straight_b))
    connected = np.asarray(np.isfinite(curved_a + curved_b).all(axis=-1))
    straight = row_correlations(_complete(straight_a), _complete(straight_b))
    return row_correlations(curved_a, curved_b), straight, connected


def straight_halves(
    cells: Cells, language: str, emotions: np.ndarray, weights: np.ndarray, splits: tuple[np.ndarray, np.ndarray]
) -> Halves:
    """A language's straight-line distances from either half of the topics: [reweighting, split, emotion, emotion].

    Args:
        cells: of one layer.
        language: which one.
        emotions: the numbers of those to take.
        weights: [reweighting, topic].
        splits: as `half_weights` gives them, two arrays [split, topic].
    """
    return halves(
        cells, language, weights, splits, lambda grams: chord_distances(grams[:, emotions[:, None], emotions])
    )


@dataclass(frozen=True)
class CorrectedAgreement:
    """Agreement of two languages by both distances, without noise: arrays [reweighting].

    Attributes:
        geodesic: what r of geodesic distances would be with endless topics.
        straight: the same of straight-line distances.
        ceiling_geodesic: what r could reach, given how well each language agrees with itself.
        ceiling_straight: the same of straight-line distances.
    """

    geodesic: np.ndarray
    straight: np.ndarray
    ceiling_geodesic: np.ndarray
    ceiling_straight: np.ndarray

    @property
    def difference(self) -> np.ndarray:
        """Geodesic less straight-line agreement."""
        return self.geodesic - self.straight


def corrected_agreement(a: Halves, b: Halves, k: int) -> CorrectedAgreement:
    """Agreement by geodesic and by straight-line distances, each corrected for its own reliability.

    Where an emotion changes its neighbours many paths change, so that geodesic distances of the very same geometry
    agree less than straight ones: of noise alone. Each agreement is therefore taken across halves of the topics and
    divided by the root of the two half reliabilities of the same distance (`noise_free_rsa`). Splits whose graph falls
    apart are left out. This makes a fair test of no difference; a difference that is there comes out smaller, since
    the paths themselves are those of noisy vectors.

    Args:
        a: distances of one language, as `straight_halves` gives them, of the emotions that both have.
        b: the same of the other.
        k: neighbours of each emotion in the graphs.
    """
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for curved in (True, False):
        one, other = (
            x.mapped(lambda d: _complete(geodesic_distances(d, k) if curved else d))  # noqa: B023
            for x in (a, b)
        )
        reliabilities = [spearman_brown(np.where((r := x.correlation()) > 0, r, np.nan)) for x in (one, other)]
        found.append((noise_free_rsa(one, other), np.sqrt(reliabilities[0] * reliabilities[1])))
    (geodesic, ceiling), (straight, straight_ceiling) = found
    return CorrectedAgreement(geodesic, straight, ceiling, straight_ceiling)


def corrected_table(cells: Cells, pairs: list[tuple[str, str]], ks: list[int], seed: int) -> pd.DataFrame:
    """Agreement by both distances, each corrected for its own reliability, and the difference with its interval.

    Args:
        cells: of one layer and variant.
        pairs: of languages.
        ks: numbers of neighbours.
        seed: of the halves and of the blocks of topics.

    Returns:
        Columns language_a, language_b, k, free_geodesic, free_euclidean, ceiling_geodesic, ceiling_euclidean,
        difference (of the free ones), low, high: Student's t with the jackknife over topics.
    """
    blocks = cells.merged(BLOCKS, seed)
    n = len(blocks.topics)
    weights = np.vstack([np.ones((1, n)), jackknife_weights(n)])
    splits = half_weights(n, SPLITS, seed)
    rows: list[tuple[object, ...]] = []
    known = {name: blocks.counts[blocks.languages.index(name)].sum(axis=0) > 0 for name in blocks.languages}
    for a, b in pairs:
        shared = np.flatnonzero(known[a] & known[b])
        first, second = (straight_halves(blocks, name, shared, weights, splits) for name in (a, b))
        for k in ks:
            found = corrected_agreement(first, second, k)
            low, high, _ = jackknife_interval(found.difference[0], found.difference[1:])
            at_all = (found.geodesic, found.straight, found.ceiling_geodesic, found.ceiling_straight, found.difference)
            rows.append((a, b, k, *(float(values[0]) for values in at_all), float(low), float(high)))
    return pd.DataFrame(rows, columns=["language_a", "language_b", "k", *CORRECTED])


def _complete(distances: np.ndarray) -> np.ndarray:
    """Upper triangles [..., pair]; NaN throughout where some emotion can't be reached."""
    i, j = np.triu_indices(distances.shape[-1], 1)
    pairs = distances[..., i, j]
    return np.where(np.isfinite(pairs).all(axis=-1, keepdims=True), pairs, np.nan)
