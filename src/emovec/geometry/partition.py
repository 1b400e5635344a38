"""Partitions of labelled points found from their Gram matrices, many at once: k-means, average linkage, agreement."""

from collections.abc import Sequence

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

STARTS = 20
_SWEEPS = 100


def cosines_of(gram: np.ndarray) -> np.ndarray:
    """Gram matrices [..., n, n] of the same points at length 1; a point at the origin stays there."""
    lengths = np.sqrt(np.clip(np.diagonal(gram, axis1=-2, axis2=-1), 0, None))
    lengths = np.where(lengths > 0, lengths, 1.0)
    return gram / (lengths[..., :, None] * lengths[..., None, :])


def k_means_partition(gram: np.ndarray, k: int, seed: int = 0, starts: int = STARTS) -> np.ndarray:
    """Lloyd's k-means with k-means++ starts, on dot products alone: no point is needed, and no hidden dimension.

    The squared distance of point i to the mean of cluster C is Gᵢᵢ − 2 Σⱼ Gᵢⱼ/|C| + ΣΣ Gⱼₗ/|C|² over j, l in C. Every
    matrix gets the same random numbers, so that a result doesn't depend on what else is in the batch. A cluster may
    end up empty where fewer points are distinct than k.

    Args:
        gram: [matrix, n, n] dot products.
        k: number of clusters, at most n.
        seed: of the starts.
        starts: how many; the partition with the smallest sum of squared distances is kept.

    Returns:
        [matrix, n] clusters, numbered from 0 in the order in which the points meet them.
    """
    n = gram.shape[-1]
    draws = np.random.default_rng(seed).random((starts, k))
    labels = np.stack([_start(gram, row) for row in draws], axis=1)  # [matrix, start, n]
    squares = np.diagonal(gram, axis1=1, axis2=2)
    labels = labels.reshape(-1, n)
    which = np.repeat(np.arange(len(gram)), starts)
    costs = np.empty(len(labels))
    active = np.arange(len(labels))
    for _ in range(_SWEEPS):
        distances = _to_means(gram[which[active]], labels[active], k)
        nearest = distances.argmin(axis=-1)
        costs[active] = np.take_along_axis(distances, nearest[..., None], axis=-1)[..., 0].sum(axis=-1)
        moved = (nearest != labels[active]).any(axis=-1)
        labels[active] = nearest
        active = active[moved]
        if not len(active):
            break
    costs += squares.sum(axis=1)[which]
    # Equal sums must not be told apart by rounding: the first start of the best ones is kept.
    best = np.round(costs / max(float(np.abs(squares).max(initial=0)), 1e-300), 9).reshape(-1, starts).argmin(axis=1)
    return in_order_met(labels.reshape(len(gram), starts, n)[np.arange(len(gram)), best])


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


def _start(gram: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """One k-means++ start (Arthur & Vassilvitskii 2007) for each matrix: [matrix, n] nearest of the chosen points."""
    matrices, n, _ = gram.shape
    at = np.arange(matrices)
    squares = np.diagonal(gram, axis1=1, axis2=2)
    chosen = np.full(matrices, min(int(draws[0] * n), n - 1))
    nearest, labels = np.full((matrices, n), np.inf), np.zeros((matrices, n), dtype=np.intp)
    for number in range(len(draws)):
        if number:
            mass = nearest.cumsum(axis=1)
            chosen = (mass <= draws[number] * mass[:, -1:]).sum(axis=1).clip(max=n - 1)
        distances = np.clip(squares + squares[at, chosen][:, None] - 2 * gram[at, chosen], 0, None)
        closer = distances < nearest
        nearest, labels = np.where(closer, distances, nearest), np.where(closer, number, labels)
    return labels


def _to_means(gram: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """[matrix, n, cluster] squared distances to the means of clusters, less each point's own square; inf if empty."""
    member = _members(labels, k)
    sizes = member.sum(axis=1)
    share = member / np.maximum(sizes, 1)[:, None, :]
    towards = gram @ share
    within = (share * towards).sum(axis=1)
    return np.where(sizes[:, None, :] > 0, within[:, None, :] - 2 * towards, np.inf)


def _members(labels: np.ndarray, k: int) -> np.ndarray:
    """[..., n, cluster] of ones and zeros."""
    return (labels[..., None] == np.arange(k)).astype("float64")


def _couples(counts: np.ndarray) -> np.ndarray:
    return counts * (counts - 1) / 2
