"""Cosine similarity of emotion vectors, and the order in which hierarchical clustering puts them."""

from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import xarray as xr
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from emovec.geometry.analysis import Analysis, Outcome, Table, each_variant
from emovec.stats.labelled import in_label_order, labels, layer_numbers, unit
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "cosine": Table("variant:str layer:int language_a:str language_b:str emotion_a:str emotion_b:str cosine"),
    "order": Table("variant:str layer:int language:str position:int emotion:str"),
}


def cosine_matrices(vectors: xr.DataArray, language_a: str, language_b: str | None = None) -> xr.DataArray:
    """Cosine between the emotions of one language, or between those of two, at every layer.

    Args:
        vectors: [language, emotion, layer, hidden].
        language_a: language of the rows.
        language_b: language of the columns; by default the same.

    Returns:
        [layer, emotion_a, emotion_b], float64, both emotion dims sorted by label.
    """
    pair = in_label_order(vectors, language_a, language_b or language_a)
    a, b = unit(pair.transpose("language", "layer", "emotion", "hidden").values)
    emotions = labels(pair, "emotion")
    return xr.DataArray(
        a @ b.swapaxes(-1, -2),
        dims=("layer", "emotion_a", "emotion_b"),
        coords={"layer": layer_numbers(pair), "emotion_a": emotions, "emotion_b": emotions},
        name="cosine",
    )


def pair_cosines(vectors: xr.DataArray, language_a: str, language_b: str) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """The upper triangles of two languages' cosine matrices over the emotions that both have.

    Returns:
        Two arrays [layer, pair], pairs in the order of `numpy.triu_indices(n, 1)` over sorted emotions, and the layers.
    """
    pair = in_label_order(vectors, language_a, language_b)
    rows = unit(pair.transpose("language", "layer", "emotion", "hidden").values)
    i, j = np.triu_indices(pair.sizes["emotion"], 1)
    a, b = (rows @ rows.swapaxes(-1, -2))[..., i, j]
    return a, b, layer_numbers(pair)


def cosine_table(vectors: xr.DataArray) -> pd.DataFrame:
    """All cosines, within and across languages, at every layer.

    Args:
        vectors: [language, emotion, layer, hidden].

    Returns:
        Columns layer, language_a, language_b, emotion_a, emotion_b, cosine; language pairs once, in the order of the
        vectors, each language with itself too; within a pair every ordered pair of emotions.
    """
    frames = [
        cosine_matrices(vectors, a, b).to_dataframe().reset_index().assign(language_a=a, language_b=b)
        for a, b in combinations_with_replacement(labels(vectors, "language"), 2)
    ]
    return pd.concat(frames, ignore_index=True)[TABLES["cosine"].without("variant")]


def leaf_order(vectors: xr.DataArray) -> pd.DataFrame:
    """Emotions in the leaf order of average linkage on 1 − cosine, optimally ordered (Bar-Joseph et al. 2001).

    Args:
        vectors: [language, emotion, layer, hidden].

    Returns:
        Columns layer, language, position (from 0), emotion.
    """
    rows: list[tuple[int, str, int, str]] = []
    for language in labels(vectors, "language"):
        matrices = cosine_matrices(vectors, language)
        emotions = labels(matrices, "emotion_a")
        if len(emotions) < 2:
            continue
        for layer, cosines in zip(layer_numbers(matrices), matrices.values, strict=True):
            distances = np.clip(1 - (cosines + cosines.T) / 2, 0, None)
            np.fill_diagonal(distances, 0)
            tree = linkage(squareform(distances, checks=False), "average", optimal_ordering=True)
            rows += [(layer, language, at, emotions[leaf]) for at, leaf in enumerate(leaves_list(tree))]
    return pd.DataFrame(rows, columns=TABLES["order"].without("variant"))


def _cosine(vectors: EmotionVectors) -> Outcome:
    tables = {"cosine": each_variant(vectors, cosine_table), "order": each_variant(vectors, leaf_order)}
    return Outcome(tables, {}, {"linkage": "average on 1 − cosine, optimal leaf order"})


ANALYSIS = Analysis("cosine", _cosine, TABLES)
