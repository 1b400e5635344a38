"""Representational similarity analysis: do two languages arrange the emotions alike?"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import rankdata

from emovec.errors import EmovecError
from emovec.geometry.analysis import Analysis, Outcome, Table, best, each_variant, language_pairs, noted
from emovec.geometry.similarity import cosine_matrices, pair_cosines
from emovec.stats.permutation import (
    MINIMUM_EMOTIONS,
    familywise_p_values,
    label_permutations,
    null_bound,
    p_values,
)
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "rsa": Table(
        "variant:str layer:int language_a:str language_b:str method:str r p p_familywise null_mean null_95 "
        "permutations:int"
    ),
}

_CHUNK_ELEMENTS = 2**18


def rsa(
    vectors: xr.DataArray, language_a: str, language_b: str, permutations: int = 10_000, seed: int = 0
) -> pd.DataFrame:
    """Correlate two languages' cosine matrices (upper triangles) at every layer, with a label-permutation test.

    One language's emotion labels are permuted, rows and columns together and alike at all layers. The p-value is
    (1 + #{r_π ≥ r}) / (1 + B); the family-wise one compares r with the largest r_π over the layers. Which of the two
    languages is permuted is decided by their codes, so their order changes no number. Where one of the matrices is
    constant r is 0.

    Source: Kriegeskorte et al. 2008; ρ_a as in Schütt et al. 2023: 12 xᵀy/(n³−n) − 3(n+1)/(n−1) for ranks x, y.

    Args:
        vectors: [language, emotion, layer, hidden].
        language_a: one language.
        language_b: the other.
        permutations: B.
        seed: of the permutations.

    Returns:
        Columns layer, language_a, language_b, method (pearson, spearman, rho_a), r, p, p_familywise, null_mean,
        null_95, permutations.

    Raises:
        EmovecError: if the languages share fewer than four emotions.
    """
    a, b, layers = pair_cosines(vectors, *sorted((language_a, language_b)))
    n = label_number(a)
    if n < MINIMUM_EMOTIONS:
        raise EmovecError(
            f"rsa: {language_a} and {language_b} share {n} emotions; at least {MINIMUM_EMOTIONS} are needed to compare."
        )
    found = compare_triangles(a, b, layers, permutations, seed).assign(language_a=language_a, language_b=language_b)
    return found[TABLES["rsa"].without("variant")]


def compare_triangles(
    a: np.ndarray, b: np.ndarray, layers: Sequence[int], permutations: int = 10_000, seed: int = 0
) -> pd.DataFrame:
    """Correlate upper triangles of any two (dis)similarities by Pearson, Spearman and ρ_a, with the test of `rsa`.

    Args:
        a: [layer, pair], pairs in the order of `numpy.triu_indices(n, 1)`.
        b: the same of the language whose labels are permuted.
        layers: their numbers.
        permutations: B.
        seed: of the permutations.

    Returns:
        The columns of `rsa` without the languages.
    """
    pairs, n = a.shape[1], label_number(a)
    ranks_a, ranks_b = rankdata(a, axis=1), rankdata(b, axis=1)
    fixed = np.concatenate([standardised(a), standardised(ranks_a)])
    permuted = np.concatenate([standardised(b), standardised(ranks_b)])
    orders = np.vstack([np.arange(n), label_permutations(n, permutations, seed)])
    products = np.split(permuted_products(fixed, permuted, orders), 2, axis=1)

    # Ranks permute with the labels, so ρ_a of every permutation follows from Spearman's: xᵀy = s_x s_y ρ + n m².
    spread = np.sqrt(((ranks_a - ranks_a.mean(1, keepdims=True)) ** 2).sum(1))
    spread = spread * np.sqrt(((ranks_b - ranks_b.mean(1, keepdims=True)) ** 2).sum(1))
    by_method = {
        "pearson": products[0],
        "spearman": products[1],
        "rho_a": 12 * spread * products[1] / (pairs**3 - pairs),
    }
    return pd.concat(
        [permutation_table(values, layers).assign(method=method) for method, values in by_method.items()],
        ignore_index=True,
    )


def permutation_table(values: np.ndarray, layers: Sequence[int]) -> pd.DataFrame:
    """What a permutation test found at each layer.

    Args:
        values: [1 + B, layer]: the statistic as observed, then permuted alike at all layers.
        layers: their numbers.

    Returns:
        Columns layer, r, p, p_familywise, null_mean, null_95, permutations.
    """
    observed, null = values[0], values[1:]
    return pd.DataFrame(
        {
            "layer": layers,
            "r": observed,
            "p": p_values(observed, null),
            "p_familywise": familywise_p_values(observed, null),
            "null_mean": null.mean(axis=0),
            "null_95": null_bound(null),
            "permutations": len(null),
        }
    )


def label_number(triangles: np.ndarray) -> int:
    """How many labels upper triangles [layer, pair] are of."""
    return round((1 + np.sqrt(1 + 8 * triangles.shape[1])) / 2)


def standardised(values: np.ndarray) -> np.ndarray:
    """Rows centred and scaled to length 1, so that a dot product is a correlation; constant rows become zero."""
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    constant = length <= 1e-12 * np.linalg.norm(values, axis=1, keepdims=True)
    return np.where(constant, 0.0, centred / np.where(constant, 1.0, length))


def permuted_products(fixed: np.ndarray, permuted: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Dot products of upper triangles, the labels of one of them permuted.

    Args:
        fixed: [k, pair].
        permuted: [k, pair].
        orders: [permutation, label].

    Returns:
        [permutation, k].
    """
    products = np.empty((len(orders), len(fixed)))
    for some, moved in permuted_pairs(orders):
        for k in range(len(fixed)):
            products[some, k] = permuted[k][moved] @ fixed[k]
    return products


def permuted_pairs(orders: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Which pair each pair of labels becomes, for some permutations at a time.

    Args:
        orders: [permutation, label].

    Yields:
        Which of the permutations, and [permutation, pair] numbers of pairs in the order of `numpy.triu_indices(n, 1)`.
    """
    n = orders.shape[1]
    i, j = np.triu_indices(n, 1)
    number = np.zeros((n, n), dtype=np.intp)
    number[i, j] = number[j, i] = np.arange(len(i))
    step = max(1, _CHUNK_ELEMENTS // len(i))
    for start in range(0, len(orders), step):
        chunk = orders[start : start + step]
        yield slice(start, start + step), number[chunk[:, i], chunk[:, j]]


def _rsa(vectors: EmotionVectors, permutations: int, seed: int) -> Outcome:
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    for a, b in language_pairs(vectors):
        shared = cosine_matrices(vectors.best, a, b).sizes["emotion_a"]
        if shared < MINIMUM_EMOTIONS:
            notes.append(f"{a} and {b} share {shared} emotions; at least {MINIMUM_EMOTIONS} are needed to compare.")
            continue
        frames += each_variant(vectors, lambda v, a=a, b=b: rsa(v, a, b, permutations, seed))
    table = TABLES["rsa"].of(frames)
    highest = best(table[table["method"] == "pearson"], "r", ["variant", "language_a", "language_b"])
    return Outcome({"rsa": [table]}, {"best": highest} | noted(vectors, notes))


ANALYSIS = Analysis("rsa", _rsa, TABLES)
