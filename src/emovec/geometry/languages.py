"""How alike many languages are: agreement of every two, a tree and a map of them."""

from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import squareform

from emovec.geometry.analysis import Analysis, Outcome, Table, each_variant
from emovec.geometry.representational import standardised
from emovec.geometry.similarity import pair_cosines
from emovec.stats.labelled import in_label_order, labels, layer_numbers
from emovec.stats.permutation import MINIMUM_EMOTIONS
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "language_agreement": Table("variant:str layer:int language_a:str language_b:str r"),
    "language_map": Table("variant:str layer:int language:str x y position:int"),
}

MINIMUM_LANGUAGES = 3
"""Two languages are always on a line."""


def language_agreement(vectors: xr.DataArray) -> pd.DataFrame:
    """RSA (Pearson) between every two languages at every layer, each pair in both orders, 1 with itself.

    Args:
        vectors: [language, emotion, layer, hidden].

    Returns:
        Columns layer, language_a, language_b, r; without pairs that share fewer than four emotions.
    """
    languages = labels(vectors, "language")
    layers = layer_numbers(in_label_order(vectors, *languages))
    frames = [pd.DataFrame({"layer": layers, "language_a": a, "language_b": a, "r": 1.0}) for a in languages]
    for a, b in combinations(languages, 2):
        if in_label_order(vectors, a, b).sizes["emotion"] < MINIMUM_EMOTIONS:
            continue
        x, y, _ = pair_cosines(vectors, a, b)
        r = (standardised(x) * standardised(y)).sum(axis=1)
        frames += [
            pd.DataFrame({"layer": layers, "language_a": first, "language_b": second, "r": r})
            for first, second in ((a, b), (b, a))
        ]
    return pd.concat(frames, ignore_index=True)


def language_map(agreement: pd.DataFrame) -> pd.DataFrame:
    """A place for each language: leaf of a tree (average linkage on 1 − r) and point of a plane, at every layer.

    The plane is classical multidimensional scaling of the distances √(2 − 2r), those between the standardised upper
    triangles. Each layer is turned (and mirrored) to lie as near as it can to the layer before, since a map has no
    orientation of its own.

    Source: average linkage, Sokal & Michener 1958, leaves ordered by Bar-Joseph et al. 2001; scaling, Torgerson 1952.

    Args:
        agreement: as `language_agreement` gives it.

    Returns:
        Columns layer, language, x, y, position; empty for fewer than three languages, or where a pair is missing.
    """
    columns = TABLES["language_map"].without("variant")
    languages = sorted(agreement["language_a"].unique())
    frames: list[pd.DataFrame] = []
    before: np.ndarray | None = None
    for layer, rows in agreement.sort_values("layer", kind="stable").groupby("layer"):
        r = _matrix(rows, languages)
        if len(languages) < MINIMUM_LANGUAGES or not np.isfinite(r).all():
            return pd.DataFrame(columns=columns)
        before = _plane(r, before)
        order = leaves_list(language_tree(r))
        frames.append(
            pd.DataFrame(
                {
                    "layer": layer,
                    "language": languages,
                    "x": before[:, 0],
                    "y": before[:, 1],
                    "position": np.argsort(order),
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def language_tree(r: np.ndarray) -> np.ndarray:
    """The linkage matrix (as scipy's) of average linkage on 1 − r, leaves in optimal order.

    Args:
        r: [language, language], agreement with 1 on the diagonal.
    """
    return linkage(squareform(np.clip(1 - r, 0, 2), checks=False), "average", optimal_ordering=True)


def _matrix(rows: pd.DataFrame, languages: list[str]) -> np.ndarray:
    wide = rows.pivot(index="language_a", columns="language_b", values="r")
    return wide.reindex(index=languages, columns=languages).to_numpy(dtype=float)


def _plane(r: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """[language, 2]. Double-centring −½(2 − 2r) leaves the double-centred r."""
    centred = r - r.mean(axis=0) - r.mean(axis=1, keepdims=True) + r.mean()
    values, axes = np.linalg.eigh(centred)
    places = (axes * np.sqrt(np.clip(values, 0, None)))[:, ::-1][:, :2]
    if before is not None:
        return places @ orthogonal_procrustes(places, before)[0]
    largest = places[np.abs(places).argmax(axis=0), [0, 1]]
    return places * np.where(largest < 0, -1, 1)


def _languages(vectors: EmotionVectors) -> Outcome:
    agreement = each_variant(vectors, language_agreement)
    maps = [language_map(table).assign(variant=table["variant"].iloc[0]) for table in agreement]
    note: dict[str, str] = {}
    if (number := len(vectors.languages)) < MINIMUM_LANGUAGES:
        words = {1: "one language", 2: "two languages"}[number]
        note = {"note": f"The study has {words}; a map of languages takes {MINIMUM_LANGUAGES}."}
    elif not any(map(len, maps)):
        note = {"note": f"A map of languages takes {MINIMUM_EMOTIONS} emotions that every two of them share."}
    tables = {"language_agreement": agreement, "language_map": maps}
    return Outcome(tables, note, {"linkage": "average on 1 − r, optimal leaf order"})


ANALYSIS = Analysis("languages", _languages, TABLES)
