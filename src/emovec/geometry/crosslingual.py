"""Is an emotion's vector in one language nearest to that emotion's in another?"""

import numpy as np
import pandas as pd
import xarray as xr

from emovec.errors import EmovecError
from emovec.geometry.analysis import Analysis, Outcome, Table, best, each_variant, language_pairs, noted
from emovec.geometry.similarity import cosine_matrices
from emovec.stats.labelled import layer_numbers
from emovec.stats.permutation import label_permutations, p_values
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "crosslingual": Table(
        "variant:str layer:int language_a:str language_b:str same_cosine other_cosine p retrieval_ab retrieval_ba "
        "chance"
    ),
}


def cross_lingual_cosine(
    vectors: xr.DataArray, language_a: str, language_b: str, permutations: int = 10_000, seed: int = 0
) -> pd.DataFrame:
    """Mean cosine between languages of the same emotion and of different ones, and retrieval both ways.

    Centring n vectors forces their mean cosine with each other to about −1/(n−1), so the same-emotion cosine is judged
    by its difference from the other-emotion cosine and by the null of permuted labels, never against zero. Retrieval
    is the share of emotions whose nearest vector (cosine) in the other language is the same emotion; chance is 1/n.

    Args:
        vectors: [language, emotion, layer, hidden].
        language_a: one language.
        language_b: the other.
        permutations: B.
        seed: of the permutations.

    Returns:
        Columns layer, language_a, language_b, same_cosine, other_cosine, p, retrieval_ab, retrieval_ba, chance.

    Raises:
        EmovecError: if the languages share fewer than two emotions.
    """
    # Permuted by code, so that swapping the languages changes no number.
    first, second = sorted((language_a, language_b))
    matrices = cosine_matrices(vectors, first, second)
    cosines = matrices.values if first == language_a else matrices.values.swapaxes(1, 2)
    n = cosines.shape[1]
    if n < 2:
        raise EmovecError(
            f"crosslingual: {language_a} and {language_b} share {n} emotions; at least two are needed to compare."
        )
    same = np.einsum("lee->l", cosines) / n
    other = (cosines.sum(axis=(1, 2)) - n * same) / (n * n - n)
    orders = np.vstack([np.arange(n), label_permutations(n, permutations, seed)])
    # The sum over all pairs never changes: same − other rises with the same-emotion mean alone.
    means = np.empty((len(orders), len(cosines)))
    for k, matrix in enumerate(matrices.values):
        means[:, k] = matrix[np.arange(n), orders].mean(axis=1)
    own = np.arange(n)
    return pd.DataFrame(
        {
            "layer": layer_numbers(matrices),
            "language_a": language_a,
            "language_b": language_b,
            "same_cosine": same,
            "other_cosine": other,
            "p": p_values(means[0], means[1:]),
            "retrieval_ab": (cosines.argmax(axis=2) == own).mean(axis=1),
            "retrieval_ba": (cosines.argmax(axis=1) == own).mean(axis=1),
            "chance": 1 / n,
        }
    )


def _crosslingual(vectors: EmotionVectors, permutations: int, seed: int) -> Outcome:
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    for a, b in language_pairs(vectors):
        if cosine_matrices(vectors.best, a, b).sizes["emotion_a"] < 2:
            notes.append(f"{a} and {b} share fewer than two emotions.")
            continue
        frames += each_variant(vectors, lambda v, a=a, b=b: cross_lingual_cosine(v, a, b, permutations, seed))
    table = TABLES["crosslingual"].of(frames)
    highest = best(table, "retrieval_ab", ["variant", "language_a", "language_b"])
    return Outcome({"crosslingual": [table]}, {"best": highest} | noted(vectors, notes))


ANALYSIS = Analysis("crosslingual", _crosslingual, TABLES)
