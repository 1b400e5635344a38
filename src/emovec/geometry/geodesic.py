"""Distances along a neighbour graph against straight-line ones: which of the two do languages share?"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import xarray as xr

from emovec.geometry.analysis import (
    Activations,
    Analysis,
    Outcome,
    Table,
    each_variant,
    language_pairs,
    noted,
    plain,
)
from emovec.geometry.cells import layer_cells
from emovec.geometry.geodesic_agreement import CORRECTED, compare_distances, corrected_table
from emovec.geometry.neighbour_paths import chord_distances, connected_k
from emovec.geometry.reliability import BLOCKS, MINIMUM_TOPICS, SPLITS
from emovec.stats.labelled import in_label_order, labels, layer_numbers, unit
from emovec.stats.permutation import MINIMUM_EMOTIONS
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "geodesic": Table(
        "variant:str layer:int language_a:str language_b:str k:int connected:int rsa_geodesic rsa_euclidean "
        "free_geodesic free_euclidean ceiling_geodesic ceiling_euclidean difference low high"
    ),
    "isomap": Table("variant:str layer:int language:str emotion:str x y k:int"),
}

KS = tuple(range(2, 11))
"""Numbers of neighbours that are tried."""

ISOMAP_K = 5
"""Isomap takes the smallest k from here on with which every emotion can be reached."""

_KEYS = ["variant", "layer", "language_a", "language_b", "k"]
_PLAIN = ["connected", "rsa_geodesic", "rsa_euclidean"]


def geodesic_rsa(vectors: xr.DataArray, language_a: str, language_b: str, ks: Sequence[int] = KS) -> pd.DataFrame:
    """Agreement of two languages by geodesic and by straight-line distances, at every layer, for every k.

    Args:
        vectors: [language, emotion, layer, hidden], centred.
        language_a: one language.
        language_b: the other.
        ks: neighbours of each emotion; those that join every emotion with every other are left out.

    Returns:
        Columns layer, language_a, language_b, k, connected (1 where both graphs are), rsa_geodesic (NaN where one is
        not), rsa_euclidean. Paths in a graph of noisy vectors are less reliable than straight lines, so that these two
        can't be compared as they are: see `corrected_agreement`.
    """
    pair = in_label_order(vectors, language_a, language_b)
    rows = unit(pair.transpose("language", "layer", "emotion", "hidden").values)
    straight_a, straight_b = chord_distances(rows @ rows.swapaxes(-1, -2))
    frames: list[pd.DataFrame] = []
    for k in usable(ks, pair.sizes["emotion"]):
        curved, straight, connected = compare_distances(straight_a, straight_b, k)
        columns = {"layer": layer_numbers(pair), "k": k, "connected": connected.astype(int)}
        r = {"rsa_geodesic": curved, "rsa_euclidean": straight}
        frames.append(pd.DataFrame(columns | r).assign(language_a=language_a, language_b=language_b))
    columns = [*_KEYS[1:], *_PLAIN]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def usable(ks: Sequence[int], n: int) -> list[int]:
    """Those numbers of neighbours that leave some of n emotions unjoined."""
    return [k for k in ks if 0 < k < n - 1]


def isomap(vectors: xr.DataArray, k: int = ISOMAP_K) -> pd.DataFrame:
    """Isomap in two dimensions, each language alone, at every layer (Tenenbaum, de Silva & Langford 2000).

    A map may be turned and mirrored at will: each layer is laid on the layer before it, and each language on the first,
    by an orthogonal rotation, which changes no distance.

    Args:
        vectors: [language, emotion, layer, hidden], centred.
        k: the least number of neighbours; more are taken until the graph is connected.

    Returns:
        Columns layer, language, emotion, x, y, k; empty for languages with fewer than four emotions.
    """
    from sklearn.manifold import Isomap

    frames: list[pd.DataFrame] = []
    first: dict[int, pd.DataFrame] = {}
    for language in labels(vectors, "language"):
        own = in_label_order(vectors, language).isel(language=0)
        emotions = labels(own, "emotion")
        if len(emotions) < MINIMUM_EMOTIONS:
            continue
        rows = unit(own.transpose("layer", "emotion", "hidden").values)
        before: pd.DataFrame | None = None
        for layer, distances in zip(layer_numbers(own), chord_distances(rows @ rows.swapaxes(-1, -2)), strict=True):
            found = connected_k(distances, k)
            fitted = Isomap(n_neighbors=found, metric="precomputed", eigen_solver="dense").fit_transform(distances)
            places = pd.DataFrame(fitted, index=emotions, columns=["x", "y"])
            places = laid_on(places, first.get(layer, before))
            before = places
            first.setdefault(layer, places)
            frame = places.rename_axis("emotion").reset_index()
            frames.append(frame.assign(layer=layer, language=language, k=found))
    columns = TABLES["isomap"].without("variant")
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def laid_on(places: pd.DataFrame, target: pd.DataFrame | None) -> pd.DataFrame:
    """Points turned and mirrored so that they lie closest to those of the same label; without a target as they are."""
    from scipy.linalg import orthogonal_procrustes

    if target is None:
        return places
    shared = places.index.intersection(target.index)
    rotation, _ = orthogonal_procrustes(places.loc[shared].to_numpy(), target.loc[shared].to_numpy())
    return pd.DataFrame(places.to_numpy() @ rotation, index=places.index, columns=places.columns)


def main_k(table: pd.DataFrame) -> int:
    """The smallest k from `ISOMAP_K` on with which every graph is connected, else the largest."""
    connected = table.groupby("k")["connected"].min()
    found = [int(k) for k in connected.index[connected == 1] if k >= ISOMAP_K]
    return min(found, default=int(table["k"].max()))


def _geodesic(vectors: EmotionVectors, activations: Activations, seed: int, layer: int) -> Outcome:
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    for a, b in language_pairs(vectors):
        shared = in_label_order(vectors.best, a, b).sizes["emotion"]
        if shared < MINIMUM_EMOTIONS:
            notes.append(f"{a} and {b} share {shared} emotions; at least {MINIMUM_EMOTIONS} are needed to compare.")
        else:
            frames += each_variant(vectors, lambda v, a=a, b=b: geodesic_rsa(v, a, b))
    summary: dict[str, Any] = {}
    parameters: dict[str, Any] = {"ks": list(KS), "distance": "chord of centred unit vectors"}
    if frames:
        table = pd.concat(frames, ignore_index=True)
        main = main_k(table)
        corrected, units = _corrected(vectors, activations, seed, layer, table, main)
        frames = [table.merge(corrected, on=_KEYS, how="left")]
        if corrected.empty:
            notes.append(f"There are {units}; to correct for reliability takes at least {MINIMUM_TOPICS}.")
        shown = TABLES["geodesic"].of(frames)
        shown = shown[(shown["layer"] == layer) & (shown["k"] == main)]
        summary = {"k": main, "units": units, "chosen": plain(shown)}
        parameters |= {"k": main, "splits": SPLITS, "blocks": BLOCKS, "units": units}
    maps = each_variant(vectors, isomap)
    return Outcome({"geodesic": frames, "isomap": maps}, summary | noted(vectors, notes), parameters)


def _corrected(
    vectors: EmotionVectors, activations: Activations, seed: int, shown: int, table: pd.DataFrame, main: int
) -> tuple[pd.DataFrame, str]:
    """Agreement without noise and its difference: for every k at the layer shown, for one at the others; the units."""
    frames: list[pd.DataFrame] = []
    units = ""
    pairs = list(table[["language_a", "language_b"]].drop_duplicates().itertuples(index=False, name=None))
    for layer in sorted({int(layer) for layer in table["layer"]}):
        ks = sorted({int(k) for k in table["k"]}) if layer == shown else [main]
        for variant, cells in layer_cells(vectors, activations, layer, seed):
            units = cells.note
            if len(cells.topics) >= MINIMUM_TOPICS:
                found = corrected_table(cells, pairs, ks, seed)
                frames.append(found.assign(variant=variant, layer=layer))
    columns = [*_KEYS, *CORRECTED]
    return (pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)), units


ANALYSIS = Analysis("geodesic", _geodesic, TABLES)
