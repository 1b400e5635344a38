"""Clouds of points that have no groups: what silhouette and stability come to by chance."""

from collections.abc import Sequence

import numpy as np

from emovec.geometry.clusters import Label
from emovec.geometry.grouping import Grouping, partitions, redrawn
from emovec.geometry.partition import adjusted_rand, cosines_of, silhouettes
from emovec.stats.permutation import null_bound

_DRAWS_PER_CLOUD = 5
# There are many clouds, and more starts hardly move the silhouette of points without groups.
_CLOUD_STARTS = 100


def cloud_quality(
    one: Grouping, grams: np.ndarray, ks: Sequence[int], seed: int, clouds: int
) -> dict[tuple[str, int], dict[str, float]]:
    """Silhouette and stability of clouds without groups: their mean, and what one in twenty exceeds."""
    points = _coordinates(one.gram[None])[0]
    rng = np.random.default_rng(seed)
    per_cloud = min(_DRAWS_PER_CLOUD, len(grams))
    noise = _aligned(_coordinates(grams), points) - points
    whole = np.stack([_mixing(one.owners, rng) @ points for _ in range(clouds)])
    which = np.arange(clouds * per_cloud) % len(grams)
    drawn = np.repeat(whole, per_cloud, axis=0) + noise[which]
    cosines, cosines_drawn = (cosines_of(x @ x.swapaxes(1, 2)) for x in (whole, drawn))
    labels = partitions(cosines, ks, seed, _CLOUD_STARTS)
    repeated = {key: np.repeat(own, per_cloud, axis=0) for key, own in labels.items()}
    again = redrawn(cosines_drawn, repeated, ks, seed)
    found: dict[tuple[str, int], dict[str, float]] = {}
    for key, own in labels.items():
        fit = silhouettes(cosines, own)
        ari = adjusted_rand(repeated[key], again[key]).reshape(clouds, per_cloud).mean(axis=1)
        found[key] = {
            "silhouette_chance": float(np.nanmean(fit)) if np.isfinite(fit).any() else np.nan,
            "silhouette_95": float(null_bound(fit)),
            "stability_chance": float(ari.mean()),
            "stability_95": float(null_bound(ari)),
        }
    return found


def _coordinates(grams: np.ndarray) -> np.ndarray:
    """Points [matrix, n, n] that have these dot products."""
    values, vectors = np.linalg.eigh((grams + grams.swapaxes(1, 2)) / 2)
    return vectors * np.sqrt(np.clip(values, 0, None))[:, None, :]


def _aligned(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Points [matrix, n, n] turned as close to the target [n, n] as a rotation or reflection brings them."""
    u, _, vt = np.linalg.svd(points.swapaxes(1, 2) @ target)
    return points @ u @ vt


def _mixing(owners: Sequence[Label], rng: np.random.Generator) -> np.ndarray:
    """A random rotation [point, point] of each language's emotions that keeps their mean; the same one if it can be."""
    from scipy.linalg import block_diag, helmert
    from scipy.stats import ortho_group

    languages = list(dict.fromkeys(language for language, _ in owners))
    sets = [tuple(emotion for own, emotion in owners if own == language) for language in languages]
    turns: dict[tuple[str, ...], np.ndarray] = {}
    for emotions in sets:
        if emotions not in turns:
            n = len(emotions)
            basis = helmert(n)
            turn = ortho_group.rvs(n - 1, random_state=rng) if n > 2 else np.eye(n - 1)
            turns[emotions] = basis.T @ turn @ basis + 1 / n
    return block_diag(*(turns[emotions] for emotions in sets))
