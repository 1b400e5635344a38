"""Partitions of labelled points found from their Gram matrices, many at once: k-means, average linkage, agreement."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

BATCH = 20
"""Starts of k-means that are tried together."""

REPEATS = 10
"""So many starts must end in the best partition before no more are tried."""

MOST_STARTS = 300
"""After so many starts the best of them is kept, however seldom it was found."""

_TOLERANCE = 1e-9


def cosines_of(gram: np.ndarray) -> np.ndarray:
    """Gram matrices [..., n, n] of the same points at length 1; a point at the origin stays there."""
    lengths = np.sqrt(np.clip(np.diagonal(gram, axis1=-2, axis2=-1), 0, None))
    lengths = np.where(lengths > 0, lengths, 1.0)
    return gram / (lengths[..., :, None] * lengths[..., None, :])


def k_means_partition(
    gram: np.ndarray,
    k: int,
    seed: int = 0,
    most: int = MOST_STARTS,
    initial: np.ndarray | None = None,
    linked: np.ndarray | None = None,
) -> np.ndarray:
    """K-means on dot products alone: no point is needed, and no hidden dimension.

    Each start is improved by moving one point at a time, the move that lowers the sum of squared distances most, until
    none does (Hartigan 1975). Lloyd's way of moving all points to the nearest mean stops far too early where clusters
    hold few points of many dimensions, since every point pulls its own mean towards itself. The starts are average
    linkage, those given, and k-means++ in batches until `REPEATS` starts have found the best partition. Every matrix
    gets the same random numbers, so that a result doesn't depend on what else is in the batch. A cluster may end up
    empty where fewer points are distinct than k.

    Args:
        gram: [matrix, n, n] dot products.
        k: number of clusters, at most n.
        seed: of the starts.
        most: random starts at most, a multiple of `BATCH`.
        initial: [matrix, n] further partitions to start from.
        linked: [matrix, n] the k clusters of `linkage_partitions`, where they are known already.

    Returns:
        [matrix, n] clusters, numbered from 0 in the order in which the points meet them.
    """
    matrices, n, _ = gram.shape
    draws = np.random.default_rng(seed).random((max(BATCH, most), k))
    scale = np.maximum(np.abs(np.diagonal(gram, axis1=1, axis2=2)).max(axis=1, initial=0), 1e-300) * _TOLERANCE
    best, lowest, found = np.zeros((matrices, n), dtype=np.intp), np.full(matrices, np.inf), np.zeros(matrices)
    open_ = np.arange(matrices)
    given = [linkage_partitions(gram, [k])[0] if linked is None else linked, *([] if initial is None else [initial])]
    starts_of, improve = _compiled()
    for first in range(0, len(draws), BATCH):
        part = gram[open_]
        starts = [starts_of(part, draws[first : first + BATCH]), *(x[open_][None] for x in given if not first)]
        labels = np.ascontiguousarray(np.concatenate(starts), dtype=np.int64)
        costs = improve(part, labels, k)
        # Equal sums must not be told apart by rounding: of equals the first is kept.
        equal = costs <= costs.min(axis=0) + scale[open_]
        at, own = equal.argmax(axis=0), np.arange(len(open_))
        better = costs[at, own] < lowest[open_] - scale[open_]
        again = np.abs(costs[at, own] - lowest[open_]) <= scale[open_]
        # Of the first batch the given starts don't count: how often chance finds the best is the question.
        hits = equal[:BATCH].sum(axis=0)
        found[open_] = np.where(better, hits, found[open_] + np.where(again, hits, 0))
        chosen = open_[better]
        best[chosen], lowest[chosen] = labels[at, own][better], costs[at, own][better]
        open_ = open_[found[open_] < REPEATS]
        if not len(open_):
            break
    return in_order_met(best)


def linkage_partitions(cosines: np.ndarray, ks: Sequence[int]) -> np.ndarray:
    """Average linkage on 1 − cosine, cut into each number of clusters.

    Args:
        cosines: [matrix, n, n].
        ks: numbers of clusters, each at most n.

    Returns:
        [k, matrix, n] clusters, numbered from 0 in the order in which the points meet them.
    """
    distances = np.clip(1 - (cosines + cosines.swapaxes(-1, -2)) / 2, 0, None)
    cuts = [_cut(linkage(squareform(one, checks=False), "average"), ks) for one in distances]
    return in_order_met(np.stack(cuts, axis=1))


def silhouettes(cosines: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean silhouette on 1 − cosine (Rousseeuw 1987), as scikit-learn defines it: 0 for a point alone in its cluster.

    Args:
        cosines: [matrix, n, n].
        labels: [matrix, n] from 0.

    Returns:
        [matrix]; NaN where there is one cluster or every point is its own.
    """
    distances = np.clip(1 - cosines, 0, None)
    n = labels.shape[-1]
    distances[:, np.arange(n), np.arange(n)] = 0
    member = _members(labels, int(labels.max(initial=0)) + 1)
    sizes = member.sum(axis=1)[:, None, :]  # [matrix, 1, cluster]
    totals = distances @ member
    own_size = np.take_along_axis(np.broadcast_to(sizes, totals.shape), labels[..., None], axis=-1)[..., 0]
    own = np.take_along_axis(totals, labels[..., None], axis=-1)[..., 0] / np.maximum(own_size - 1, 1)
    others = np.where((sizes > 0) & (member == 0), totals / np.maximum(sizes, 1), np.inf).min(axis=-1)
    largest = np.maximum(own, others)
    with np.errstate(invalid="ignore"):
        each = np.where((own_size > 1) & (largest > 0), (others - own) / largest, 0.0)
    several = (sizes[:, 0] > 0).sum(axis=1)
    valid = (several > 1) & (several < n)
    return np.where(valid, np.where(valid[:, None], each, 0.0).mean(axis=1), np.nan)


def adjusted_rand(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Adjusted Rand index (Hubert & Arabie 1985) of many pairs of partitions: 1 if equal, 0 on average by chance.

    Args:
        a: [pair, n] clusters from 0.
        b: [pair, n] likewise.

    Returns:
        [pair]; 1 where both are trivial in the same way.
    """
    a, b = np.broadcast_arrays(a, b)
    pairs, n = a.shape
    rows, columns = int(a.max(initial=0)) + 1, int(b.max(initial=0)) + 1
    codes = (np.arange(pairs)[:, None] * rows + a) * columns + b
    table = np.bincount(codes.ravel(), minlength=pairs * rows * columns).reshape(pairs, rows, columns)
    together, in_a, in_b = (_couples(x).sum(axis=1) for x in (table.reshape(pairs, -1), table.sum(2), table.sum(1)))
    expected = in_a * in_b / (n * (n - 1) / 2)
    span = (in_a + in_b) / 2 - expected
    return np.where(span > 0, (together - expected) / np.where(span > 0, span, 1.0), 1.0)


def in_order_met(labels: np.ndarray) -> np.ndarray:
    """Clusters [..., n] renumbered from 0 in the order in which the points meet them."""
    same = labels[..., :, None] == labels[..., None, :]
    first = same.argmax(axis=-1)  # the first point of each point's cluster
    opens = first == np.arange(labels.shape[-1])
    return np.take_along_axis(opens.cumsum(axis=-1) - 1, first, axis=-1)


def _cut(tree: np.ndarray, ks: Sequence[int]) -> np.ndarray:
    """[k, n] the clusters that are left when all but the last k − 1 merges are made; SciPy's own is far slower."""
    n = len(tree) + 1
    labels, left = np.arange(n), {n: np.arange(n)}
    for merge, (a, b) in enumerate(tree[:, :2].astype(int)):
        labels[(labels == a) | (labels == b)] = n + merge
        left[n - 1 - merge] = labels.copy()
    return np.stack([left[k] for k in ks])


@cache
def _compiled() -> tuple[Any, Any]:
    """`_starts` and `_descend` as machine code, since numpy's vectors are too short here for its speed.

    It is kept on disk: compiling takes ten seconds. Only functions that call no other compiled one can be kept so.
    """
    from numba import njit

    return njit(_starts, cache=True), njit(_descend, cache=True)


def _starts(gram: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """K-means++ starts (Arthur & Vassilvitskii 2007): [start, matrix, n] the nearest of the chosen points.

    Args:
        gram: [matrix, n, n].
        draws: [start, k] random numbers from 0 to 1.
    """
    n = gram.shape[1]
    labels = np.zeros((len(draws), len(gram), n), np.int64)
    for s in range(len(draws)):
        for m in range(len(gram)):
            own, nearest = gram[m], np.full(n, np.inf)
            chosen = min(int(draws[s, 0] * n), n - 1)
            for number in range(draws.shape[1]):
                if number:
                    mass = nearest.cumsum()
                    chosen = min(int((mass <= draws[s, number] * mass[-1]).sum()), n - 1)
                for i in range(n):
                    distance = max(own[i, i] + own[chosen, chosen] - 2 * own[chosen, i], 0.0)
                    if distance < nearest[i]:
                        nearest[i], labels[s, m, i] = distance, number
    return labels


def _descend(grams: np.ndarray, labelled: np.ndarray, k: int) -> np.ndarray:
    """Move one point at a time, the one that gains most, until no move gains; changes `labelled`, gives their costs.

    Point i leaves cluster A of n points for B of m points where m/(m+1) d²(i, B) < n/(n−1) d²(i, A); the squared
    distance to the mean of C is Gᵢᵢ − 2 Σⱼ Gᵢⱼ/|C| + ΣΣ Gⱼₗ/|C|² over j, l in C.

    Args:
        grams: [matrix, n, n].
        labelled: [start, matrix, n].
        k: number of clusters.
    """
    matrices, n, costs = len(grams), grams.shape[1], np.empty(labelled.shape[:2])
    for row in range(costs.size):
        gram, labels = grams[row % matrices], labelled[row // matrices, row % matrices]
        sums, within, sizes = np.zeros((n, k)), np.zeros(k), np.zeros(k)  # of dot products with each cluster's members
        for i in range(n):
            sizes[labels[i]] += 1
            for j in range(n):
                sums[i, labels[j]] += gram[i, j]
        largest = total = 0.0
        for i in range(n):
            within[labels[i]] += sums[i, labels[i]]
            total += gram[i, i]
            largest = max(largest, abs(gram[i, i]))
        squared, leaves, joins = np.zeros(k), np.zeros(k), np.zeros(k)  # of the clusters' means, and the two factors
        while True:
            for c in range(k):
                if sizes[c] > 0:
                    squared[c], joins[c] = within[c] / sizes[c] ** 2, sizes[c] / (sizes[c] + 1)
                if sizes[c] > 1:
                    leaves[c] = sizes[c] / (sizes[c] - 1)
            most, point, to = _TOLERANCE * largest, -1, -1
            for i in range(n):
                at = labels[i]
                if sizes[at] < 2:
                    continue
                leaving = leaves[at] * (gram[i, i] - 2 * sums[i, at] / sizes[at] + squared[at])
                for c in range(k):
                    if c == at:
                        continue
                    joining = 0.0
                    if sizes[c] > 0:
                        joining = joins[c] * (gram[i, i] - 2 * sums[i, c] / sizes[c] + squared[c])
                    if leaving - joining > most:
                        most, point, to = leaving - joining, i, c
            if point < 0:
                break
            at = labels[point]
            within[at] += gram[point, point] - 2 * sums[point, at]
            within[to] += gram[point, point] + 2 * sums[point, to]
            for i in range(n):
                sums[i, at] -= gram[i, point]
                sums[i, to] += gram[i, point]
            sizes[at] -= 1
            sizes[to] += 1
            labels[point] = to
        for c in range(k):
            if sizes[c] > 0:
                total -= within[c] / sizes[c]
        costs[row // matrices, row % matrices] = total
    return costs


def _members(labels: np.ndarray, k: int) -> np.ndarray:
    """[..., n, cluster] of ones and zeros."""
    return (labels[..., None] == np.arange(k)).astype("float64")


def _couples(counts: np.ndarray) -> np.ndarray:
    return counts * (counts - 1) / 2
