"""Groups of emotions: k-means with its silhouette over k, and a UMAP picture."""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from emovec.geometry.analysis import Analysis, Outcome, Table, best, each_variant
from emovec.geometry.partition import MOST_STARTS, k_means_partition, linkage_partitions, silhouettes
from emovec.stats.labelled import in_label_order, labels, unit
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "clusters": Table("variant:str layer:int languages:str k:int language:str emotion:str cluster:int"),
    "silhouette": Table("variant:str layer:int languages:str k:int silhouette"),
}
UMAP_TABLES = {"umap": Table("variant:str layer:int languages:str language:str emotion:str x y")}

Label = tuple[str, str]

MINIMUM_FOR_UMAP = 4


def k_means(
    vectors: xr.DataArray, ks: Sequence[int] = range(2, 11), seed: int = 0, most_starts: int = MOST_STARTS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """K-means on unit-length vectors, for each language alone and for all together, at every layer.

    On the unit sphere squared Euclidean distance is 2(1 − cosine). Clusters are numbered from 0 in the order in which
    the sorted labels meet them. The silhouette (Rousseeuw 1987) is the mean over points, on cosine distance. k runs up
    to one fewer than the points.

    Args:
        vectors: [language, emotion, layer, hidden].
        ks: numbers of clusters.
        seed: of the starts.
        most_starts: random starts at most; fewer where the best partition has been found several times.

    Returns:
        Two tables: layer, languages, k, language, emotion, cluster; and layer, languages, k, silhouette.
    """
    clusters: list[tuple[int, str, int, str, str, int]] = []
    scores: list[tuple[int, str, int, float]] = []
    for name, members in language_sets(labels(vectors, "language")).items():
        at_layers = _points(vectors, members)
        cosines, owners = np.stack([points @ points.T for _, points, _ in at_layers]), at_layers[0][2]
        usable = [k for k in ks if 2 <= k < len(owners)]
        linked = linkage_partitions(cosines, usable) if usable else ()
        for k, trees in zip(usable, linked, strict=True):
            found = k_means_partition(cosines, k, seed, most_starts, linked=trees)
            fits = silhouettes(cosines, found)
            for (layer, _, _), numbers, fit in zip(at_layers, found, fits, strict=True):
                clusters += [(layer, name, k, *owner, int(c)) for owner, c in zip(owners, numbers, strict=True)]
                scores.append((layer, name, k, float(fit)))
    return (
        pd.DataFrame(clusters, columns=TABLES["clusters"].without("variant")),
        pd.DataFrame(scores, columns=TABLES["silhouette"].without("variant")),
    )


def umap_embedding(vectors: xr.DataArray, layers: Sequence[int], seed: int = 0, n_neighbors: int = 15) -> pd.DataFrame:
    """UMAP in two dimensions on cosine distance, for each language alone and for all together (McInnes et al. 2018).

    Args:
        vectors: [language, emotion, layer, hidden].
        layers: which ones: one embedding takes a good part of a second.
        seed: of the layout.
        n_neighbors: neighbours of each point, bounded by the number of points less one.

    Returns:
        Columns layer, languages, language, emotion, x, y; empty for sets of fewer than four points.
    """
    rows: list[tuple[int, str, str, str, float, float]] = []
    chosen = vectors if "layer" not in vectors.dims else vectors.sel(layer=list(layers))
    for name, members in language_sets(labels(vectors, "language")).items():
        for layer, points, owners in _points(chosen, members):
            if len(points) < MINIMUM_FOR_UMAP:
                continue
            xy = _umap(points, seed, min(n_neighbors, len(points) - 1)).embedding_
            rows += [(layer, name, *owner, float(x), float(y)) for owner, (x, y) in zip(owners, xy, strict=True)]
    return pd.DataFrame(rows, columns=UMAP_TABLES["umap"].without("variant"))


def language_sets(languages: Sequence[str]) -> dict[str, list[str]]:
    """Each language alone, then all together under their codes joined by `+`."""
    alone = {language: [language] for language in languages}
    return alone | ({"+".join(languages): sorted(languages)} if len(languages) > 1 else {})


@cache
def keep_compiled_umap() -> None:
    """Have umap-learn's slowest loops kept on disk: each process would compile them anew, for ten seconds."""
    from umap import umap_

    loops: list[Any] = [umap_.smooth_knn_dist, umap_.compute_membership_strengths]
    for loop in loops:
        loop.enable_caching()


def _points(vectors: xr.DataArray, languages: Sequence[str]) -> list[tuple[int, np.ndarray, list[Label]]]:
    """For each layer the unit vectors [point, hidden] of some languages, and whose they are."""
    parts = [in_label_order(vectors, language) for language in languages]
    owners = [(language, e) for language, part in zip(languages, parts, strict=True) for e in labels(part, "emotion")]
    return [
        (int(layer), np.concatenate([unit(part.isel(language=0, layer=at).values) for part in parts]), owners)
        for at, layer in enumerate(parts[0]["layer"].values)
    ]


def _umap(points: np.ndarray, seed: int, n_neighbors: int) -> Any:
    """A fitted UMAP of unit vectors [point, hidden]."""
    from umap import UMAP

    keep_compiled_umap()
    # With few points the neighbours are exact and cost nothing, while umap's own search takes seconds to compile.
    distances = np.clip(1 - points @ points.T, 0, None)
    np.fill_diagonal(distances, 0)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :n_neighbors]
    known = (nearest, np.take_along_axis(distances, nearest, axis=1), None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return UMAP(
            n_neighbors=n_neighbors,
            metric="cosine",
            precomputed_knn=known,
            force_approximation_algorithm=True,
            # The spectral start needs an eigenproblem larger than a handful of points.
            init="spectral" if len(points) > 10 else "random",
            random_state=seed,
            n_jobs=1,
        ).fit(points.astype("float32"))


def _clusters(vectors: EmotionVectors, seed: int) -> Outcome:
    found = {name: k_means(vectors.variant(name), seed=seed) for name in vectors.variants}
    members = [table.assign(variant=name) for name, (table, _) in found.items()]
    scores = [table.assign(variant=name) for name, (_, table) in found.items()]
    summary: dict[str, Any] = {
        "best": best(pd.concat(scores, ignore_index=True), "silhouette", ["variant", "languages"])
    }
    if not summary["best"]:
        summary["note"] = "There are too few emotions to group."
    parameters = {"most_starts": MOST_STARTS, "metric": "cosine"}
    return Outcome({"clusters": members, "silhouette": scores}, summary, parameters)


def _umap_analysis(vectors: EmotionVectors, layer: int, seed: int) -> Outcome:
    frames = each_variant(vectors, lambda v: umap_embedding(v, [layer], seed))
    summary = {} if any(map(len, frames)) else {"note": f"UMAP takes at least {MINIMUM_FOR_UMAP} vectors."}
    return Outcome({"umap": frames}, summary, {"n_neighbors": 15, "metric": "cosine"})


CLUSTERS = Analysis("clusters", _clusters, TABLES)
UMAP = Analysis("umap", _umap_analysis, UMAP_TABLES)
