"""Distances and kernels that noise does not flatter: crossnobis distances over folds of topics, and debiased CKA."""

from itertools import combinations, combinations_with_replacement

import numpy as np
import pandas as pd
import xarray as xr

from emovec.errors import EmovecError
from emovec.geometry.analysis import (
    VARIANTS,
    Activations,
    Analysis,
    Outcome,
    Table,
    best,
    each_variant,
    language_pairs,
    noted,
)
from emovec.geometry.cells import Cells, layer_cells
from emovec.geometry.representational import compare_triangles, permutation_table, permuted_products, standardised
from emovec.geometry.similarity import pair_cosines
from emovec.stats.labelled import in_label_order, labels, layer_numbers
from emovec.stats.permutation import MINIMUM_EMOTIONS, label_permutations
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "distance_rsa": Table(
        "variant:str layer:int language_a:str language_b:str distance:str measure:str r p p_familywise null_95"
    ),
    "cka": Table("variant:str layer:int language_a:str language_b:str cka p p_familywise null_95"),
}
CROSS_LAYER_TABLES = {
    "cross_layer": Table("variant:str language_a:str language_b:str measure:str layer_a:int layer_b:int r"),
}
MEASURES = ("rsa", "cka")
"""By which layers are compared with each other."""

MOST_FOLDS = 10
"""Topics are dealt into at most as many folds; up to this number each topic is one."""


def crossnobis(cells: Cells, language: str) -> xr.DataArray:
    """Cross-validated squared distances between the emotions of one language: unbiased, with a true zero.

    d²(i, j) is the mean, over all pairs of different folds f and g, of (v_fi − v_fj)·(v_gi − v_gj). Noise of different
    folds is independent, so that it adds nothing on average: two emotions without a difference are 0 apart, and
    estimates fall below 0 half of the time. Each fold is one topic, or topics dealt into `MOST_FOLDS` folds. In the
    standardised variant each dimension has been divided by its standard deviation over stories, which is univariate
    noise normalisation; in the raw variant there is none.

    Source: Walther et al. 2016; Diedrichsen et al. 2020. rsatoolbox's `crossnobis` is this divided by the number of
    dimensions.

    Args:
        cells: of one layer.
        language: one of theirs.

    Returns:
        [emotion_a, emotion_b] squared distances in the unit of the vectors squared, symmetric, 0 on the diagonal; NaN
        for two emotions that do not both have stories in two folds.
    """
    at = cells.languages.index(language)
    # Which topics make up each fold, as a matrix, so that folds are sums: [fold, topic].
    folds = min(len(cells.topics), MOST_FOLDS)
    member = (np.arange(len(cells.topics)) % folds == np.arange(folds)[:, None]).astype(float)
    counts = member @ cells.counts[at]
    present = counts > 0
    means = np.where(present, 1 / np.where(present, counts, 1), 0.0)
    sums = np.einsum("ft,teuh,gu->fegh", member, cells.gram[at, :, :, at], member, optimize=True)
    gram = sums * means[:, :, None, None] * means

    own = np.einsum("fege->fge", gram)
    products = own[:, :, :, None] + own[:, :, None, :] - gram.transpose(0, 2, 1, 3) - gram.transpose(0, 2, 3, 1)
    both = present[:, :, None] & present[:, None, :]
    usable = both[:, None] & both[None, :] & ~np.eye(folds, dtype=bool)[:, :, None, None]
    number = usable.sum(axis=(0, 1))
    total = np.where(usable, products, 0.0).sum(axis=(0, 1))
    squared = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return xr.DataArray(
        squared,
        dims=("emotion_a", "emotion_b"),
        coords={"emotion_a": cells.emotions, "emotion_b": cells.emotions},
        name="crossnobis",
    )


def crossnobis_triangles(cells: Cells, language_a: str, language_b: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Upper triangles [pair] of two languages' crossnobis distances over the emotions for which both have them all."""
    a, b = crossnobis(cells, language_a).values, crossnobis(cells, language_b).values
    known = np.isfinite(a) & np.isfinite(b)
    # An emotion's distance to itself is known where it has stories in two folds; then the emptiest leave in turn.
    keep = [e for e in range(len(cells.emotions)) if known[e, e]]
    while keep and not (rows := known[np.ix_(keep, keep)]).all():
        keep.pop(int(np.argmin(rows.sum(axis=1))))
    i, j = np.triu_indices(len(keep), 1)
    return a[np.ix_(keep, keep)][i, j], b[np.ix_(keep, keep)][i, j], [cells.emotions[e] for e in keep]


def debiased_cka(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Linear centred kernel alignment from the unbiased estimate of HSIC.

    The biased CKA of n vectors in many more than n dimensions is near 1 whatever they are; this one is about 0 for
    vectors that have nothing to do with each other, 1 for the same geometry, and can be slightly negative.

    Source: Song et al. 2012 (unbiased HSIC); Kornblith et al. 2019 (CKA); Murphy et al. 2024 (why to debias).

    Args:
        a: [..., emotion, hidden], at least four emotions.
        b: [..., emotion, hidden], the same emotions in the same order; hidden sizes may differ.

    Returns:
        [...]; 0 where the vectors of one side are all alike.
    """
    if a.shape[-2] < MINIMUM_EMOTIONS:
        raise EmovecError(f"cka: there are {a.shape[-2]} emotions; it takes at least {MINIMUM_EMOTIONS}.")
    return (kernel_triangles(a) * kernel_triangles(b)).sum(axis=-1)


def kernel_triangles(vectors: np.ndarray) -> np.ndarray:
    """Upper triangles of U-centred Gram matrices, scaled to length 1: their dot product is debiased CKA.

    The unbiased HSIC is the dot product of two U-centred matrices over n(n−3) (Székely & Rizzo 2014), so that a
    permutation of labels permutes the triangles and needs no centring again.

    Args:
        vectors: [..., emotion, hidden].

    Returns:
        [..., pair].
    """
    n = vectors.shape[-2]
    vectors = vectors.astype("float64")
    # The U-centred matrix is the same for any origin: the mean loses the least precision.
    vectors = vectors - vectors.mean(axis=-2, keepdims=True)
    gram = vectors @ vectors.swapaxes(-1, -2)
    gram[..., np.arange(n), np.arange(n)] = 0.0
    rows = gram.sum(axis=-1, keepdims=True) / (n - 2)
    centred = gram - rows - rows.swapaxes(-1, -2) + gram.sum(axis=(-1, -2), keepdims=True) / ((n - 1) * (n - 2))
    i, j = np.triu_indices(n, 1)
    triangles = centred[..., i, j]
    length = np.linalg.norm(triangles, axis=-1, keepdims=True)
    alike = length <= 1e-12 * np.linalg.norm(gram, axis=(-1, -2))[..., None]
    return np.where(alike, 0.0, triangles / np.where(alike, 1.0, length))


def cka(
    vectors: xr.DataArray, language_a: str, language_b: str, permutations: int = 10_000, seed: int = 0
) -> pd.DataFrame:
    """Debiased CKA of two languages' vectors at every layer, with a test that permutes one language's labels.

    Args:
        vectors: [language, emotion, layer, hidden].
        language_a: one language.
        language_b: the other.
        permutations: B.
        seed: of the permutations.

    Returns:
        Columns layer, language_a, language_b, cka, p, p_familywise, null_95.

    Raises:
        EmovecError: if the languages share fewer than four emotions.
    """
    # The order of the languages must change no number.
    pair = in_label_order(vectors, *sorted((language_a, language_b)))
    n = pair.sizes["emotion"]
    if n < MINIMUM_EMOTIONS:
        raise EmovecError(
            f"cka: {language_a} and {language_b} share {n} emotions; at least {MINIMUM_EMOTIONS} are needed to compare."
        )
    fixed, permuted = kernel_triangles(pair.transpose("language", "layer", "emotion", "hidden").values)
    orders = np.vstack([np.arange(n), label_permutations(n, permutations, seed)])
    found = permutation_table(permuted_products(fixed, permuted, orders), layer_numbers(pair))
    found = found.rename(columns={"r": "cka"}).assign(language_a=language_a, language_b=language_b)
    return found[TABLES["cka"].without("variant")]


def shared_emotions(vectors: xr.DataArray) -> dict[tuple[str, str], int]:
    """How many emotions every two languages share."""
    pairs = combinations(labels(vectors, "language"), 2)
    return {(a, b): in_label_order(vectors, a, b).sizes["emotion"] for a, b in pairs}


def layer_agreement(vectors: xr.DataArray) -> pd.DataFrame:
    """Compare every layer of a language with every layer of the same and of each other language.

    `rsa` is the Pearson correlation of the upper triangles of the cosine matrices, `cka` the debiased centred kernel
    alignment of the vectors.

    Args:
        vectors: [language, emotion, layer, hidden].

    Returns:
        Columns language_a, language_b, measure (rsa, cka), layer_a, layer_b, r: `layer_a` is a layer of `language_a`.
        Language pairs once, in the order of the vectors, each language with itself too; none of fewer than four
        shared emotions.
    """
    frames: list[pd.DataFrame] = []
    for a, b in combinations_with_replacement(labels(vectors, "language"), 2):
        pair = in_label_order(vectors, a, b).transpose("language", "layer", "emotion", "hidden")
        if pair.sizes["emotion"] < MINIMUM_EMOTIONS:
            continue
        cosines_a, cosines_b, layers = pair_cosines(vectors, a, b)
        kernels_a, kernels_b = kernel_triangles(pair.values)
        grid_a, grid_b = (grid.ravel() for grid in np.meshgrid(layers, layer_numbers(pair), indexing="ij"))
        for measure, r in zip(
            MEASURES, (standardised(cosines_a) @ standardised(cosines_b).T, kernels_a @ kernels_b.T), strict=True
        ):
            frames.append(
                pd.DataFrame(
                    {
                        "language_a": a,
                        "language_b": b,
                        "measure": measure,
                        "layer_a": grid_a,
                        "layer_b": grid_b,
                        "r": r.ravel(),
                    }
                )
            )
    columns = CROSS_LAYER_TABLES["cross_layer"].without("variant")
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


_Triangles = dict[tuple[str, str, str], list[tuple[np.ndarray, np.ndarray]]]


def _distances(vectors: EmotionVectors, activations: Activations, permutations: int, seed: int) -> Outcome:
    settings = (permutations, seed)
    shared = shared_emotions(vectors.best)
    found, units, kept = _crossnobis(vectors, activations, seed) if shared else ({}, "", {})
    frames: list[pd.DataFrame] = []
    kernels: list[pd.DataFrame] = []
    notes: list[str] = []
    for a, b in language_pairs(vectors):
        if shared[a, b] < MINIMUM_EMOTIONS:
            notes.append(
                f"{a} and {b} share {shared[a, b]} emotions; at least {MINIMUM_EMOTIONS} are needed to compare."
            )
            continue
        first, second = sorted((a, b))
        enough = kept[first, second] >= MINIMUM_EMOTIONS
        if not enough:
            notes.append(f"Crossnobis distances of {a} and {b} take stories on at least two topics for each emotion.")
        for variant in VARIANTS:
            names = {"variant": variant, "language_a": a, "language_b": b}
            cosines = pair_cosines(vectors.variant(variant), first, second)
            parts = {"cosine": cosines[:2]}
            if enough:
                stacks = zip(*found[variant, first, second], strict=True)
                parts["crossnobis"] = (np.stack(next(stacks)), np.stack(next(stacks)))
            # A correlation of cosines is one of cosine distances.
            frames += [
                compare_triangles(*triangles, cosines[2], *settings)
                .rename(columns={"method": "measure"})
                .assign(distance=distance, **names)
                for distance, triangles in parts.items()
            ]
            kernels.append(cka(vectors.variant(variant), a, b, *settings).assign(**names))
    table = TABLES["distance_rsa"].of(frames)
    pearson = table[(table["measure"] == "pearson") & (table["distance"] == "crossnobis")]
    summary = {"best": best(pearson, "r", ["variant", "language_a", "language_b"]), "units": units}
    parameters = {
        "folds": f"topics, dealt into at most {MOST_FOLDS} folds",
        "noise_normalisation": "none in raw; univariate, by the standard deviation over stories, in standardised",
    }
    return Outcome({"distance_rsa": [table], "cka": kernels}, summary | noted(vectors, notes), parameters)


def _crossnobis(
    vectors: EmotionVectors, activations: Activations, seed: int
) -> tuple[_Triangles, str, dict[tuple[str, str], int]]:
    """Triangles by variant and pair of languages, a list over layers; how units were made; emotions kept by pair."""
    found: _Triangles = {}
    kept: dict[tuple[str, str], int] = {}
    units = ""
    for layer in sorted(vectors.layers):
        for variant, cells in layer_cells(vectors, activations, layer, seed):
            units = cells.note
            for a, b in map(sorted, language_pairs(vectors)):
                first, second, emotions = crossnobis_triangles(cells, a, b)
                found.setdefault((variant, a, b), []).append((first, second))
                kept[a, b] = len(emotions)
    return found, units, kept


def _cross_layer(vectors: EmotionVectors) -> Outcome:
    tables = each_variant(vectors, layer_agreement)
    few = f"At least {MINIMUM_EMOTIONS} emotions are needed to compare layers."
    return Outcome({"cross_layer": tables}, {} if any(map(len, tables)) else {"note": few})


DISTANCES = Analysis("distances", _distances, TABLES)
CROSS_LAYER = Analysis("cross_layer", _cross_layer, CROSS_LAYER_TABLES)
