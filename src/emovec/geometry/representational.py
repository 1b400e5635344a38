"""Representational similarity analysis: do two languages, or two layers, arrange the emotions alike?"""

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import rankdata

from emovec.errors import EmovecError
from emovec.geometry.labelled import labels
from emovec.geometry.permutation import familywise_p_values, label_permutations, p_values
from emovec.geometry.similarity import pair_cosines

MINIMUM_EMOTIONS = 4
"""With three emotions there are three pairs and six orders: nothing to test."""

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
    pairs = a.shape[1]
    n = round((1 + np.sqrt(1 + 8 * pairs)) / 2)
    if n < MINIMUM_EMOTIONS:
        raise EmovecError(
            f"rsa: {language_a} and {language_b} share {n} emotions; it takes at least {MINIMUM_EMOTIONS} to compare."
        )
    ranks_a, ranks_b = rankdata(a, axis=1), rankdata(b, axis=1)
    standard = np.concatenate([_standardised(a), _standardised(ranks_a)])
    permuted = np.concatenate([_standardised(b), _standardised(ranks_b)])
    orders = np.vstack([np.arange(n), label_permutations(n, permutations, seed)])
    products = np.split(_permuted_products(standard, permuted, orders), 2, axis=1)

    # Ranks permute with the labels, so ρ_a of every permutation follows from Spearman's: xᵀy = s_x s_y ρ + n m².
    spread = np.sqrt(((ranks_a - ranks_a.mean(1, keepdims=True)) ** 2).sum(1))
    spread = spread * np.sqrt(((ranks_b - ranks_b.mean(1, keepdims=True)) ** 2).sum(1))
    by_method = {
        "pearson": products[0],
        "spearman": products[1],
        "rho_a": 12 * spread * products[1] / (pairs**3 - pairs),
    }
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "layer": layers,
                    "language_a": language_a,
                    "language_b": language_b,
                    "method": method,
                    "r": values[0],
                    "p": p_values(values[0], values[1:]),
                    "p_familywise": familywise_p_values(values[0], values[1:]),
                    "null_mean": values[1:].mean(axis=0),
                    "null_95": np.quantile(values[1:], 0.95, axis=0),
                    "permutations": permutations,
                }
            )
            for method, values in by_method.items()
        ],
        ignore_index=True,
    )


def layer_rsa(vectors: xr.DataArray) -> pd.DataFrame:
    """Pearson correlation of a language's cosine matrices (upper triangles) between all its layers.

    Args:
        vectors: [language, emotion, layer, hidden].

    Returns:
        Columns language, layer_a, layer_b, r; empty for languages with fewer than three emotions.
    """
    frames: list[pd.DataFrame] = []
    for language in labels(vectors, "language"):
        cosines, _, layers = pair_cosines(vectors, language, language)
        if cosines.shape[1] < 3:
            continue
        standard = _standardised(cosines)
        r = standard @ standard.T
        grid_a, grid_b = np.meshgrid(layers, layers, indexing="ij")
        frames.append(
            pd.DataFrame(
                {"language": language, "layer_a": grid_a.ravel(), "layer_b": grid_b.ravel(), "r": r.ravel()},
            )
        )
    return (
        pd.concat(frames, ignore_index=True)
        if frames
        else pd.DataFrame(columns=["language", "layer_a", "layer_b", "r"])
    )


def _standardised(values: np.ndarray) -> np.ndarray:
    """Rows centred and scaled to length 1, so that a dot product is a correlation; constant rows become zero."""
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    constant = length <= 1e-12 * np.linalg.norm(values, axis=1, keepdims=True)
    return np.where(constant, 0.0, centred / np.where(constant, 1.0, length))


def _permuted_products(fixed: np.ndarray, permuted: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Dot products of upper triangles, the labels of one of them permuted.

    Args:
        fixed: [k, pair].
        permuted: [k, pair].
        orders: [permutation, label].

    Returns:
        [permutation, k].
    """
    n = orders.shape[1]
    i, j = np.triu_indices(n, 1)
    number = np.zeros((n, n), dtype=np.intp)
    number[i, j] = number[j, i] = np.arange(len(i))
    products = np.empty((len(orders), len(fixed)))
    step = max(1, _CHUNK_ELEMENTS // len(i))
    for start in range(0, len(orders), step):
        chunk = orders[start : start + step]
        moved = number[chunk[:, i], chunk[:, j]]
        for k in range(len(fixed)):
            products[start : start + step, k] = permuted[k][moved] @ fixed[k]
    return products
