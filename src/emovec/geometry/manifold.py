"""One map of every language's emotions that moves through the layers: aligned UMAP, and the plain PCA beside it."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.linalg import orthogonal_procrustes

from emovec.geometry.analysis import Analysis, Outcome, Table, each_variant
from emovec.geometry.clusters import keep_compiled_umap
from emovec.stats.labelled import in_label_order, labels, layer_numbers, unit
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "manifold": Table("variant:str method:str dimensions:int layer:int language:str emotion:str x y z share"),
}
DIMENSIONS = (2, 3)

N_NEIGHBORS = 15
EPOCHS = 60
"""Passes of the layout: with spectral starts that are laid on each other, more change little."""
MOST_LAYERS = 30
MINIMUM_POINTS = 12
"""Fewer points have no spectral start."""

_WINDOW = 3
_REGULARISATION = 0.01
_COLUMNS = TABLES["manifold"].without("variant")


def pca_path(vectors: xr.DataArray, dimensions: int = 2) -> pd.DataFrame:
    """Principal components of all languages together at each layer, each laid on the layer before it.

    Points are unit vectors less their mean, so that a layer's own scale changes nothing. Within the plane (or space) of
    the first components the axes are turned and mirrored by orthogonal Procrustes to lie closest to the layer before,
    which changes no distance between points.

    Args:
        vectors: [language, emotion, layer, hidden], centred.
        dimensions: 2 or 3.

    Returns:
        Columns method (`pca`), dimensions, layer, language, emotion, x, y, z (NaN in two dimensions), share of the
        variance that the plane or space holds; empty where there are no more points than dimensions.
    """
    layers, points, owners = stacked(vectors)
    if len(owners) <= dimensions:
        return pd.DataFrame(columns=_COLUMNS)
    places, shares = [], []
    for rows in points:
        u, s, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
        scores = np.pad(u * s, ((0, 0), (0, max(0, dimensions - len(s)))))[:, :dimensions]
        furthest = np.take_along_axis(scores, np.abs(scores).argmax(axis=0)[None], axis=0)
        scores = scores * np.where(furthest < 0, -1.0, 1.0)
        places.append(scores @ orthogonal_procrustes(scores, places[-1])[0] if places else scores)
        shares.append(float((s[:dimensions] ** 2).sum() / max((s**2).sum(), 1e-300)))
    return _table("pca", layers, np.stack(places), owners, shares)


def aligned_umap(vectors: xr.DataArray, dimensions: int = 2, seed: int = 0, epochs: int = EPOCHS) -> pd.DataFrame:
    """Aligned UMAP over layers on cosine distance, every language in one space (McInnes et al. 2018; umap-learn).

    A point is an emotion in a language; it is held to its own place at the three layers before and after, the more the
    more neighbours it keeps. The steps are those of `umap.AlignedUMAP`, with exact neighbours and one thread: the same
    numbers at every run, and none of its half minute of compilation.

    Args:
        vectors: [language, emotion, layer, hidden], centred; at most `MOST_LAYERS` layers, evenly spread, are taken.
        dimensions: 2 or 3.
        seed: of the layout.
        epochs: passes of the layout.

    Returns:
        As `pca_path`, with method `aligned-umap` and no share; empty for fewer than `MINIMUM_POINTS` points.
    """
    layers, points, owners = stacked(spread(vectors))
    if len(owners) < MINIMUM_POINTS:
        return pd.DataFrame(columns=_COLUMNS)
    places = _layout(
        [_graph(rows, min(N_NEIGHBORS, len(rows) - 1)) for rows in points], points, dimensions, seed, epochs
    )
    return _table("aligned-umap", layers, places, owners, [np.nan] * len(layers))


def spread(vectors: xr.DataArray, most: int = MOST_LAYERS, kept: Sequence[int] = ()) -> xr.DataArray:
    """At most `most` layers, evenly spread, and those to keep."""
    layers = sorted(layer_numbers(vectors)) if "layer" in vectors.dims else []
    if len(layers) <= most:
        return vectors
    picked = {layers[i] for i in np.linspace(0, len(layers) - 1, most).round().astype(int)}
    return vectors.sel(layer=sorted(picked | set(kept)))


def stacked(vectors: xr.DataArray) -> tuple[list[int], np.ndarray, list[tuple[str, str]]]:
    """Layers, unit vectors [layer, point, hidden], and whose points they are: (language, emotion), sorted."""
    parts = [in_label_order(vectors, language) for language in sorted(labels(vectors, "language"))]
    owners = [(labels(part, "language")[0], emotion) for part in parts for emotion in labels(part, "emotion")]
    rows = [part.isel(language=0).transpose("layer", "emotion", "hidden").values for part in parts]
    return layer_numbers(parts[0]), unit(np.concatenate(rows, axis=1)), owners


def kept_neighbours(joined: np.ndarray, window: int = _WINDOW) -> np.ndarray:
    """How alike a point's neighbours are at two layers: those in both, as a share of those in either (Jaccard).

    Args:
        joined: [layer, point, point], which points are neighbours.
        window: how many layers before and after.

    Returns:
        [layer, 2 window + 1, point]; 0 at layers that there are not, 1 where a point has no neighbours in either.
    """
    n = len(joined)
    kept = np.zeros((n, 2 * window + 1, joined.shape[1]), dtype=np.float32)
    for offset in range(-window, window + 1):
        here = np.arange(max(0, -offset), min(n, n - offset))
        if not len(here):
            continue
        both = (joined[here] & joined[here + offset]).sum(axis=-1)
        either = (joined[here] | joined[here + offset]).sum(axis=-1)
        kept[here, offset + window] = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    return kept


def _graph(points: np.ndarray, n_neighbors: int) -> Any:
    """UMAP's fuzzy graph of unit vectors [point, hidden], from exact neighbours."""
    from umap.umap_ import fuzzy_simplicial_set

    keep_compiled_umap()
    distances = np.clip(1 - points @ points.T, 0, None)
    np.fill_diagonal(distances, 0)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :n_neighbors]
    known = np.take_along_axis(distances, nearest, axis=1).astype(np.float32)
    graph, *_ = fuzzy_simplicial_set(points, n_neighbors, None, "cosine", knn_indices=nearest, knn_dists=known)
    return graph


def _layout(graphs: list[Any], points: np.ndarray, dimensions: int, seed: int, epochs: int) -> np.ndarray:
    """Coordinates [layer, point, dimension] of aligned graphs, as `umap.AlignedUMAP.fit` lays them out."""
    import numba.typed
    from umap.layouts import optimize_layout_aligned_euclidean
    from umap.spectral import spectral_layout
    from umap.umap_ import make_epochs_per_sample

    listed: Any = numba.typed.List
    rng = np.random.RandomState(seed)
    starts: list[np.ndarray] = []
    edges = [graph.tocoo() for graph in graphs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rows, graph in zip(points, graphs, strict=True):
            start = spectral_layout(rows, graph, dimensions, rng)
            start = start * (10 / np.abs(start).max())
            starts.append(start @ orthogonal_procrustes(start, starts[-1])[0] if starts else start)
        n, size = len(graphs), points.shape[1]
        offsets = np.arange(n)[:, None] + np.arange(-_WINDOW, _WINDOW + 1)
        there = (offsets >= 0) & (offsets < n)
        relations = np.where(there[..., None], np.arange(size), -1).astype(np.int32)
        joined = np.stack([graph.toarray() > 0 for graph in graphs])
        places = listed([np.ascontiguousarray(start, dtype=np.float32) for start in starts])
        optimize_layout_aligned_euclidean(
            places,
            places,
            listed([edge.row.astype(np.int32) for edge in edges]),
            listed([edge.col.astype(np.int32) for edge in edges]),
            epochs,
            listed([make_epochs_per_sample(edge.data, epochs) for edge in edges]),
            kept_neighbours(joined),
            relations,
            rng.randint(np.iinfo(np.int32).min + 1, np.iinfo(np.int32).max - 1, 3).astype(np.int64),
            lambda_=_REGULARISATION,
            # Threads write into each other's layers, and no two runs are alike.
            parallel=False,
            move_other=True,
        )
    return np.stack([np.asarray(place, dtype=np.float64) for place in places])


def _table(
    method: str, layers: list[int], places: np.ndarray, owners: list[tuple[str, str]], shares: list[float]
) -> pd.DataFrame:
    """Coordinates [layer, point, dimension] as long rows."""
    dimensions = places.shape[2]
    missing = np.full(places.shape[1], np.nan)
    frames = [
        pd.DataFrame(owners, columns=["language", "emotion"])
        .assign(**dict(zip("xyz", (*rows.T, missing), strict=False)))
        .assign(method=method, dimensions=dimensions, layer=layer, share=share)
        for layer, rows, share in zip(layers, places, shares, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)[_COLUMNS]


def _manifold(vectors: EmotionVectors, layer: int, seed: int) -> Outcome:
    def paths(own: xr.DataArray) -> pd.DataFrame:
        return pd.concat([pca_path(own, d) for d in DIMENSIONS], ignore_index=True)

    frames = each_variant(vectors, paths)
    scaled = vectors.variants[-1]
    few = spread(vectors.variant(scaled), kept=(layer,))
    maps = [aligned_umap(few, d, seed).assign(variant=scaled) for d in DIMENSIONS]
    summary = {} if any(map(len, maps)) else {"note": f"Aligned UMAP takes at least {MINIMUM_POINTS} vectors."}
    parameters = {
        "metric": "cosine",
        "n_neighbors": N_NEIGHBORS,
        "epochs": EPOCHS,
        "layers": [int(at) for at in few["layer"].values],
    }
    return Outcome({"manifold": [*maps, *frames]}, summary, parameters)


ANALYSIS = Analysis("manifold", _manifold, TABLES)
