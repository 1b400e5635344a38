"""The emotions of one language, or of all, put into groups: both algorithms, for every number of groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emovec.geometry.cells import Cells
from emovec.geometry.clusters import Label, language_sets
from emovec.geometry.partition import BATCH, MOST_STARTS, cosines_of, k_means_partition, linkage_partitions
from emovec.stats.permutation import MINIMUM_EMOTIONS

ALGORITHMS = ("k-means", "average linkage")
KS = range(2, 11)


@dataclass(frozen=True)
class Grouping:
    """Partitions of one set of points: `labels[algorithm, k]` is [point], `owners` are (language, emotion)."""

    languages: str
    owners: list[Label]
    gram: np.ndarray
    labels: dict[tuple[str, int], np.ndarray]


def groupings(cells: Cells, ks: Sequence[int] = KS, seed: int = 0) -> list[Grouping]:
    """The partitions of each language's emotions and of all together; sets of fewer than four points are left out."""
    found: list[Grouping] = []
    for name, members in language_sets(cells.languages).items():
        grams, owners = point_grams(cells, np.ones((1, len(cells.topics))), members)
        if len(owners) < MINIMUM_EMOTIONS:
            continue
        usable = [k for k in ks if 2 <= k < len(owners)]
        by = partitions(cosines_of(grams), usable, seed)
        found.append(Grouping(name, owners, grams[0], {key: labels[0] for key, labels in by.items()}))
    return found


def point_grams(cells: Cells, weights: np.ndarray, languages: Sequence[str]) -> tuple[np.ndarray, list[Label]]:
    """Dot products of the vectors of some languages, one after the other, and whose they are.

    Returns:
        [draw, point, point], without the emotions that a language lacks; NaN where a draw holds no story of one.
    """
    whole = np.block([[cells.grams(weights, a, b) for b in languages] for a in languages])
    known = [cells.counts[cells.languages.index(language)].sum(axis=0) > 0 for language in languages]
    owners = [
        (language, emotion)
        for language, there in zip(languages, known, strict=True)
        for emotion, one in zip(cells.emotions, there, strict=True)
        if one
    ]
    kept = np.flatnonzero(np.concatenate(known))
    return whole[:, kept[:, None], kept], owners


def partitions(
    cosines: np.ndarray, ks: Sequence[int], seed: int, most_starts: int = MOST_STARTS
) -> dict[tuple[str, int], np.ndarray]:
    """(algorithm, k) → [matrix, point]."""
    return _found(cosines, ks, seed, most_starts, {})


def redrawn(
    cosines: np.ndarray, whole: Mapping[tuple[str, int], np.ndarray], ks: Sequence[int], seed: int
) -> dict[tuple[str, int], np.ndarray]:
    """The same of draws, whose whole has the partitions `whole` ([point], or [matrix, point] of each draw's own whole).

    The whole's partition is among the starts, so that a batch of others is enough to find a better one if there is any.
    """
    starts = {k: np.broadcast_to(whole[ALGORITHMS[0], k], cosines.shape[:2]) for k in ks}
    return _found(cosines, ks, seed, BATCH, starts)


def _found(
    cosines: np.ndarray, ks: Sequence[int], seed: int, most_starts: int, starts: Mapping[int, np.ndarray]
) -> dict[tuple[str, int], np.ndarray]:
    """Both algorithms' partitions; the trees are made once for all k, and k-means starts from them too."""
    linked = dict(zip(ks, linkage_partitions(cosines, ks), strict=True)) if len(ks) else {}
    k_means = {k: k_means_partition(cosines, k, seed, most_starts, starts.get(k), linked[k]) for k in ks}
    return {(ALGORITHMS[0], k): own for k, own in k_means.items()} | {
        (ALGORITHMS[1], k): own for k, own in linked.items()
    }
