"""Headline numbers without each emotion in turn, for intervals over other topics and other emotions."""

import numpy as np

from emovec.geometry.reliability import Halves, noise_free_rsa, triangles
from emovec.stats.permutation import MINIMUM_EMOTIONS

GROUPS = 30
"""Left out one at a time: emotions, or where there are more of them, random groups."""


def kept_emotions(there: np.ndarray, seed: int) -> list[np.ndarray]:
    """Which emotions are kept when each, or each of some random groups, is left out: masks [emotion].

    Args:
        there: [emotion] whether it has vectors; the others are never kept.
        seed: of the groups.

    Returns:
        One mask for each of at most `GROUPS`; none where too few emotions would be left to compare.
    """
    known = np.flatnonzero(there)
    groups = min(GROUPS, len(known))
    if len(known) - -(-len(known) // max(groups, 1)) < MINIMUM_EMOTIONS:
        return []
    dealt = np.full(len(there), -1)
    dealt[known] = np.random.default_rng(seed).permutation(len(known)) % groups
    return [there & (dealt != group) for group in range(groups)]


def of_emotions(grams: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Dot products of the vectors of some emotions, centred anew over these.

    Args:
        grams: [..., emotion, emotion] of vectors centred over all emotions that have one; NaN for the others.
        kept: [emotion] mask.

    Returns:
        [..., kept emotion, kept emotion].
    """
    own = grams[..., kept, :][..., :, kept]
    known = np.isfinite(own)
    own = np.where(known, own, 0.0)
    for axis in (-2, -1):
        number = np.maximum(known.sum(axis=axis, keepdims=True), 1)
        own = np.where(known, own - own.sum(axis=axis, keepdims=True) / number, 0.0)
    return np.where(known, own, np.nan)


def noise_free_without(a: Halves, b: Halves, kept: list[np.ndarray]) -> np.ndarray:
    """The RSA of two languages without noise, without each emotion in turn: [emotion left out].

    Args:
        a: dot products [1, split, emotion, emotion] of one language from either half of the topics.
        b: of the other.
        kept: as `kept_emotions` gives them.
    """
    return np.array([noise_free_rsa(*(half.mapped(lambda g, k=k: triangles(of_emotions(g, k))) for half in (a, b)))[0]
                     for k in kept])  # fmt: skip
