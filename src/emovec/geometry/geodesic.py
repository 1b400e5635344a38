"""Distances along a neighbour graph against straight-line ones: which of the two do languages share?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
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
from emovec.geometry.cells import Cells, layer_cells
from emovec.geometry.reliability import (
    BLOCKS,
    MINIMUM_TOPICS,
    SPLITS,
    Halves,
    halves,
    noise_free_rsa,
    spearman_brown,
)
from emovec.stats.labelled import in_label_order, labels, layer_numbers, unit
from emovec.stats.permutation import MINIMUM_EMOTIONS
from emovec.stats.resampling import half_weights, jackknife_interval, jackknife_weights
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

_CHUNK_ELEMENTS = 2**21
_KEYS = ["variant", "layer", "language_a", "language_b", "k"]
_PLAIN = ["connected", "rsa_geodesic", "rsa_euclidean"]
_CORRECTED = TABLES["geodesic"].without(*_KEYS, *_PLAIN)


def chord_distances(grams: np.ndarray) -> np.ndarray:
    """Straight-line distances between unit vectors, √(2 − 2 cos).

    Args:
        grams: [..., emotion, emotion], dot products; NaN where a vector is missing.

    Returns:
        [..., emotion, emotion]; a vector of length 0 is as far from the others as one at right angles.
    """
    lengths = np.sqrt(np.clip(np.diagonal(grams, axis1=-2, axis2=-1), 0, None))
    lengths = np.where(lengths == 0, 1.0, lengths)
    distances = np.sqrt(np.clip(2 - 2 * grams / lengths[..., :, None] / lengths[..., None, :], 0, None))
    at = np.arange(grams.shape[-1])
    distances[..., at, at] = 0.0
    return distances


def geodesic_distances(distances: np.ndarray, k: int) -> np.ndarray:
    """Lengths of the shortest paths in the graph of nearest neighbours (Tenenbaum, de Silva & Langford 2000).

    Two emotions are joined where either is among the other's k nearest (of equals the one that comes first); a step is
    as long as their distance. Floyd–Warshall, all matrices at once.

    Args:
        distances: [..., emotion, emotion], symmetric.
        k: neighbours of each emotion, bounded by the number of emotions less one.

    Returns:
        [..., emotion, emotion]; infinite where no path leads.
    """
    n = distances.shape[-1]
    flat = distances.reshape(-1, n, n)
    paths = np.empty(flat.shape)
    at = np.arange(n)
    step = max(1, _CHUNK_ELEMENTS // n**2)
    for start in range(0, len(flat), step):
        chunk = flat[start : start + step]
        others = chunk.copy()
        others[:, at, at] = np.inf
        nearest = np.argsort(others, axis=-1, kind="stable")[..., : min(k, n - 1)]
        joined = np.zeros(chunk.shape, dtype=bool)
        np.put_along_axis(joined, nearest, True, axis=-1)
        lengths = np.where(joined | joined.swapaxes(-1, -2), chunk, np.inf)
        lengths[:, at, at] = 0.0
        for via in range(n):
            np.minimum(lengths, lengths[:, :, via, None] + lengths[:, None, via, :], out=lengths)
        paths[start : start + step] = lengths
    return paths.reshape(distances.shape)


def compare_distances(
    straight_a: np.ndarray, straight_b: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """RSA of two languages by geodesic and by straight-line distances (Pearson's r of upper triangles).

    Args:
        straight_a: [..., emotion, emotion] of one language.
        straight_b: the same of the other.
        k: neighbours of each emotion in the graphs.

    Returns:
        Three arrays [...]: r of geodesic distances, NaN where one of the graphs is not connected; r of straight ones;
        whether both graphs are connected.
    """
    i, j = np.triu_indices(straight_a.shape[-1], 1)
    a, b = (geodesic_distances(straight, k)[..., i, j] for straight in (straight_a, straight_b))
    connected = np.asarray(np.isfinite(a + b).all(axis=-1))
    return correlations(a, b), correlations(straight_a[..., i, j], straight_b[..., i, j]), connected


def straight_halves(
    cells: Cells, language: str, emotions: np.ndarray, weights: np.ndarray, splits: tuple[np.ndarray, np.ndarray]
) -> Halves:
    """A language's straight-line distances from either half of the topics: [reweighting, split, emotion, emotion].

    Args:
        cells: of one layer.
        language: which one.
        emotions: the numbers of those to take.
        weights: [reweighting, topic].
        splits: as `half_weights` gives them, two arrays [split, topic].
    """
    return halves(
        cells, language, weights, splits, lambda grams: chord_distances(grams[:, emotions[:, None], emotions])
    )


@dataclass(frozen=True)
class CorrectedAgreement:
    """Agreement of two languages by both distances, without noise: arrays [reweighting].

    Attributes:
        geodesic: what r of geodesic distances would be with endless topics.
        straight: the same of straight-line distances.
        ceiling_geodesic: what r could reach, given how well each language agrees with itself.
        ceiling_straight: the same of straight-line distances.
    """

    geodesic: np.ndarray
    straight: np.ndarray
    ceiling_geodesic: np.ndarray
    ceiling_straight: np.ndarray

    @property
    def difference(self) -> np.ndarray:
        """Geodesic less straight-line agreement."""
        return self.geodesic - self.straight


def corrected_agreement(a: Halves, b: Halves, k: int) -> CorrectedAgreement:
    """Agreement by geodesic and by straight-line distances, each corrected for its own reliability.

    Where an emotion changes its neighbours many paths change, so that geodesic distances of the very same geometry
    agree less than straight ones: of noise alone. Each agreement is therefore taken across halves of the topics and
    divided by the root of the two half reliabilities of the same distance (`noise_free_rsa`). Splits whose graph falls
    apart are left out. This makes a fair test of no difference; a difference that is there comes out smaller, since
    the paths themselves are those of noisy vectors.

    Args:
        a: distances of one language, as `straight_halves` gives them, of the emotions that both have.
        b: the same of the other.
        k: neighbours of each emotion in the graphs.
    """
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for curved in (True, False):
        one, other = (
            x.mapped(lambda d: _complete(geodesic_distances(d, k) if curved else d))  # noqa: B023
            for x in (a, b)
        )
        reliabilities = [spearman_brown(np.where((r := x.correlation()) > 0, r, np.nan)) for x in (one, other)]
        found.append((noise_free_rsa(one, other), np.sqrt(reliabilities[0] * reliabilities[1])))
    (geodesic, ceiling), (straight, straight_ceiling) = found
    return CorrectedAgreement(geodesic, straight, ceiling, straight_ceiling)


def _complete(distances: np.ndarray) -> np.ndarray:
    """Upper triangles [..., pair]; NaN throughout where some emotion can't be reached."""
    i, j = np.triu_indices(distances.shape[-1], 1)
    pairs = distances[..., i, j]
    return np.where(np.isfinite(pairs).all(axis=-1, keepdims=True), pairs, np.nan)


def correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's r over the last axis: [..., pair] → [...]; NaN where one doesn't vary or isn't finite."""
    finite = np.asarray(np.isfinite(a).all(axis=-1) & np.isfinite(b).all(axis=-1))
    a, b = (np.where(finite[..., None], x, 0.0) for x in (a, b))
    a, b = (x - x.mean(axis=-1, keepdims=True) for x in (a, b))
    length = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    known = finite & (length > 0)
    return np.where(known, (a * b).sum(axis=-1) / np.where(known, length, 1.0), np.nan)


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


def connected_k(distances: np.ndarray, least: int) -> int:
    """The smallest number of neighbours from `least` on whose graph [emotion, emotion] is connected."""
    n = len(distances)
    for k in range(min(least, n - 1), n):
        if np.isfinite(geodesic_distances(distances, k)).all():
            return k
    return n - 1


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


def corrected_table(cells: Cells, pairs: list[tuple[str, str]], ks: list[int], seed: int) -> pd.DataFrame:
    """Agreement by both distances, each corrected for its own reliability, and the difference with its interval.

    Args:
        cells: of one layer and variant.
        pairs: of languages.
        ks: numbers of neighbours.
        seed: of the halves and of the blocks of topics.

    Returns:
        Columns language_a, language_b, k, free_geodesic, free_euclidean, ceiling_geodesic, ceiling_euclidean,
        difference (of the free ones), low, high: Student's t with the jackknife over topics.
    """
    blocks = cells.merged(BLOCKS, seed)
    n = len(blocks.topics)
    weights = np.vstack([np.ones((1, n)), jackknife_weights(n)])
    splits = half_weights(n, SPLITS, seed)
    rows: list[tuple[object, ...]] = []
    known = {name: blocks.counts[blocks.languages.index(name)].sum(axis=0) > 0 for name in blocks.languages}
    for a, b in pairs:
        shared = np.flatnonzero(known[a] & known[b])
        first, second = (straight_halves(blocks, name, shared, weights, splits) for name in (a, b))
        for k in ks:
            found = corrected_agreement(first, second, k)
            low, high, _ = jackknife_interval(found.difference[0], found.difference[1:])
            at_all = (found.geodesic, found.straight, found.ceiling_geodesic, found.ceiling_straight, found.difference)
            rows.append((a, b, k, *(float(values[0]) for values in at_all), float(low), float(high)))
    return pd.DataFrame(rows, columns=["language_a", "language_b", "k", *_CORRECTED])


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
    columns = [*_KEYS, *_CORRECTED]
    return (pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)), units


ANALYSIS = Analysis("geodesic", _geodesic, TABLES)
