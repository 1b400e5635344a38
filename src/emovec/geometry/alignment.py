"""Can one language's emotions be turned onto another's, and does the turn hold for an emotion that it never saw?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from emovec.errors import EmovecError
from emovec.geometry.analysis import Analysis, Outcome, Table, best, each_variant, language_pairs, noted
from emovec.stats.labelled import in_label_order, layer_numbers, unit
from emovec.stats.permutation import MINIMUM_EMOTIONS, label_permutations, null_bound
from emovec.vectors.emotion_vectors import EmotionVectors

COMPONENTS = (1, 2, 3, 5, 10, 20)
"""Numbers of principal components to align."""
ALL = 0
"""Stands for all dimensions in the column `components`."""
SAMPLES: tuple[str, ...] = ("in-sample", "held-out", "shuffled in-sample", "shuffled held-out")

TABLES = {
    "procrustes": Table(
        "variant:str layer:int language_a:str language_b:str components:int sample:str r2 r2_95 retrieval chance "
        "shuffles:int"
    ),
}
SHUFFLES = 19
SHUFFLES_SHOWN = 99
"""At the layer shown first, where the numbers of the finding come from."""


@dataclass(frozen=True)
class _Places:
    """Coordinates of one language's emotions on principal components, about the mean of those that made them.

    Attributes:
        whole: [emotion, component], of all emotions.
        folds: [fold, emotion, component], of the emotions without emotion `fold`; that one is placed there too.
    """

    whole: np.ndarray
    folds: np.ndarray


def procrustes(
    vectors: xr.DataArray,
    language_a: str,
    language_b: str,
    shuffles: int | Mapping[int, int] = 19,
    seed: int = 0,
    components: Sequence[int] = COMPONENTS,
) -> pd.DataFrame:
    """Orthogonal Procrustes alignment of two languages' emotion vectors at every layer: in sample, held out, shuffled.

    In sample, the rotation (with one scale) of all emotions of one language onto those of the other is judged on these
    same emotions. Held out, each emotion is left out in turn: both languages' principal components, means, rotation and
    scale come from the others, and the left-out emotion is mapped. R² is 1 less the squared distance between where
    emotions are mapped and where they are, over that from the others' mean to where they are; retrieval is the share of
    emotions mapped nearest (by cosine) to themselves among all. Both are means over the two directions. Shuffled is the
    same with the emotions of one language paired at random with those of the other.

    With more dimensions than emotions the rotation can always turn one set onto another, whatever the labels: in-sample
    R² then says nothing. All is computed in as many coordinates as there are emotions, whatever the hidden size.

    Source: orthogonal Procrustes, Schönemann 1966.

    Args:
        vectors: [language, emotion, layer, hidden].
        language_a: one language.
        language_b: the other.
        shuffles: how many random pairings at each layer, or layer → how many.
        seed: of the pairings.
        components: numbers of components; those above the number of emotions less two are left out.

    Returns:
        Columns layer, language_a, language_b, components (0: all dimensions, in sample only), sample (one of
        `SAMPLES`), r2 and retrieval (mean over shuffles), r2_95 (what a shuffle exceeds in one case of 20, see
        `null_bound`; else NaN), chance (of retrieval), shuffles.

    Raises:
        EmovecError: if the languages share fewer than four emotions.
    """
    pair = in_label_order(vectors, language_a, language_b)
    n, layers = pair.sizes["emotion"], layer_numbers(pair)
    if n < MINIMUM_EMOTIONS:
        raise EmovecError(
            f"alignment: {language_a} and {language_b} share {n} emotions; at least {MINIMUM_EMOTIONS} are needed "
            "to align."
        )
    numbers = [k for k in components if k <= min(n - 2, pair.sizes["hidden"])]
    counts = dict.fromkeys(layers, shuffles) if isinstance(shuffles, int) else {k: shuffles[k] for k in layers}
    orders = label_permutations(n, max(counts.values()), seed)
    values = pair.transpose("layer", "language", "emotion", "hidden").values
    rows: list[tuple[object, ...]] = []
    for layer, (x, y) in zip(layers, values, strict=True):
        pairings = np.vstack([np.arange(n), orders[: counts[layer]]])
        rows += [(layer, language_a, language_b, *found) for found in _aligned(x, y, pairings, numbers)]
    return pd.DataFrame(rows, columns=TABLES["procrustes"].without("variant"))


def _aligned(
    x: np.ndarray, y: np.ndarray, pairings: np.ndarray, numbers: Sequence[int]
) -> Iterator[tuple[int, str, float, float, float, float, int]]:
    """Of two languages [emotion, hidden]: components, sample, R² and its bound, retrieval, chance, shuffles."""
    a, b = (_places(side, max(numbers)) for side in (x, y))
    chance = 1 / len(x)
    for k in (ALL, *numbers):
        found = [_in_sample(a, b, pairings, k)] + ([_held_out(a, b, pairings, k)] if k else [])
        for name, (r2, retrieval) in zip(SAMPLES, found, strict=False):
            yield k, name, r2[0], np.nan, retrieval[0], chance, 0
            if len(r2) > 1:
                high = float(null_bound(r2[1:]))
                yield k, f"shuffled {name}", r2[1:].mean(), high, retrieval[1:].mean(), chance, len(r2) - 1


def _places(vectors: np.ndarray, most: int) -> _Places:
    """Principal coordinates of vectors [emotion, hidden], all of them and with each emotion left out."""
    n = len(vectors)
    centred = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(centred @ centred.T)
    whole = (axes * np.sqrt(np.clip(values, 0, None)))[:, ::-1]
    rest = 1.0 - np.eye(n)
    about = whole - (rest @ whole / (n - 1))[:, None]
    basis = np.linalg.svd(about * rest[..., None], full_matrices=False)[2][:, :most]
    return _Places(whole, about @ basis.transpose(0, 2, 1))


def _in_sample(a: _Places, b: _Places, pairings: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """R² and retrieval of each pairing [pairing, emotion of b for each of a]."""
    x, y = a.whole[:, : k or None], b.whole[:, : k or None]
    partner = y[pairings]
    turn, strength = _rotation(np.einsum("jk,pjl->pkl", x, partner))
    sizes = _squares(x), _squares(y)
    forth = (strength / sizes[0])[:, None, None] * (x @ turn)
    back = (strength / sizes[1])[:, None, None] * (partner @ turn.transpose(0, 2, 1))
    r2 = strength**2 / (sizes[0] * sizes[1])
    found = _found(forth, y[None], pairings), _found(back, x[None], np.arange(len(x)))
    return r2, np.mean(found, axis=(0, 2))


def _held_out(a: _Places, b: _Places, pairings: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """R² and retrieval of each pairing, every emotion mapped by a rotation fitted without it."""
    n = len(a.whole)
    every = np.arange(n)
    rest = (1.0 - np.eye(n))[..., None]
    x_all, y_all = a.folds[..., :k], b.folds[..., :k]
    x_fit, y_fit = x_all * rest, y_all * rest
    x_out, y_out = x_all[every, every], y_all[every, every]
    x_size, y_size = (x_fit**2).sum(axis=(1, 2)), (y_fit**2).sum(axis=(1, 2))
    r2, retrieval = np.empty(len(pairings)), np.empty(len(pairings))
    for i, pairing in enumerate(pairings):
        # Leaving out emotion j of a leaves out its partner in b, so that b's fold is the partner's.
        turn, strength = _rotation(x_fit.transpose(0, 2, 1) @ y_fit[pairing[:, None], pairing[None]])
        forth = (strength / _or_one(x_size))[:, None] * np.einsum("jk,jkl->jl", x_out, turn)
        back = (strength / _or_one(y_size[pairing]))[:, None] * np.einsum("jl,jkl->jk", y_out[pairing], turn)
        r2[i] = (_explained(forth, y_out[pairing]) + _explained(back, x_out)) / 2
        found = (
            _found(forth[:, None], y_all[pairing], pairing[:, None]),
            _found(back[:, None], x_all, every[:, None]),
        )
        retrieval[i] = np.mean(found)
    return r2, retrieval


def _rotation(products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The orthogonal matrices nearest to XᵀY [..., k, k], and the sums of singular values."""
    u, s, vt = np.linalg.svd(products)
    return u @ vt, s.sum(axis=-1)


def _found(mapped: np.ndarray, places: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Whether the place with the largest cosine to each mapped point is its target; of places that tie, its share.

    Cosines, since a left-out emotion lies nearer to the mean of the others than they do, so that what is shrunk would
    be nearest to it whatever the rotation.

    Args:
        mapped: [..., point, k].
        places: [..., emotion, k].
        target: [..., point], numbers of emotions.

    Returns:
        [..., point].
    """
    cosines = unit(mapped) @ np.swapaxes(unit(places), -1, -2)
    first = cosines >= cosines.max(axis=-1, keepdims=True) - 1e-9
    hit = np.take_along_axis(first, np.broadcast_to(target, cosines.shape[:-1])[..., None], axis=-1)[..., 0]
    return hit / first.sum(axis=-1)


def _explained(mapped: np.ndarray, truth: np.ndarray) -> float:
    return 1 - ((mapped - truth) ** 2).sum() / _squares(truth)


def _squares(values: np.ndarray) -> float:
    """Sum of squares; 1 for nothing but zeros, so that shares of it are 0."""
    return float((values**2).sum()) or 1.0


def _or_one(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, 1.0)


def _alignment(vectors: EmotionVectors, layer: int, seed: int) -> Outcome:
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    shuffles = {at: SHUFFLES_SHOWN if at == layer else SHUFFLES for at in vectors.layers}
    for a, b in language_pairs(vectors):
        shared = in_label_order(vectors.best, a, b).sizes["emotion"]
        if shared < MINIMUM_EMOTIONS:
            notes.append(f"{a} and {b} share {shared} emotions; at least {MINIMUM_EMOTIONS} are needed to align them.")
            continue
        frames += each_variant(vectors, lambda v, a=a, b=b: procrustes(v, a, b, shuffles, seed))
    table = TABLES["procrustes"].of(frames)
    highest = best(table[table["sample"] == "held-out"], "r2", ["variant", "language_a", "language_b"])
    summary = {"best": highest} | noted(vectors, notes)
    return Outcome({"procrustes": [table]}, summary, {"shuffles": SHUFFLES, "shuffles_shown": SHUFFLES_SHOWN})


ANALYSIS = Analysis("alignment", _alignment, TABLES)
