"""Geodesic against straight-line distances across languages, corrected for their reliability, and Isomap."""

from typing import Any

import numpy as np
import pandas as pd

from emovec.geometry import geodesic
from emovec.geometry.analyses.analysis import Analysis, Outcome, each_variant, language_pairs, noted, plain
from emovec.geometry.cells import Cells, layer_cells
from emovec.geometry.inputs import VARIANTS, Inputs
from emovec.geometry.reliability import MINIMUM_TOPICS
from emovec.geometry.tables import tidy
from emovec.geometry.uncertainty import BLOCKS, SPLITS
from emovec.stats.resampling import half_weights, jackknife_interval, jackknife_weights

MINIMUM_EMOTIONS = 4

_KEYS = ["variant", "layer", "language_a", "language_b", "k"]
_CORRECTED = ["free_geodesic", "free_euclidean", "ceiling_geodesic", "ceiling_euclidean", "difference", "low", "high"]


def _geodesic(inputs: Inputs) -> Outcome:
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    for a, b in language_pairs(inputs):
        shared = geodesic.in_label_order(inputs.vectors.best, a, b).sizes["emotion"]
        if shared < MINIMUM_EMOTIONS:
            notes.append(f"{a} and {b} share {shared} emotions; it takes {MINIMUM_EMOTIONS} to compare.")
        else:
            frames += each_variant(inputs, lambda v, a=a, b=b: geodesic.geodesic_rsa(v, a, b))
    summary: dict[str, Any] = {}
    parameters: dict[str, Any] = {"ks": list(geodesic.KS), "distance": "chord of centred unit vectors"}
    if frames:
        table = pd.concat(frames, ignore_index=True)
        main = main_k(table)
        corrected, units = _corrected(inputs, table, main)
        frames = [table.merge(corrected, on=_KEYS, how="left")]
        if corrected.empty:
            notes.append(f"There are {units}; to correct for reliability takes at least {MINIMUM_TOPICS}.")
        shown = tidy("geodesic", frames)
        shown = shown[(shown["layer"] == inputs.layer) & (shown["k"] == main)]
        summary = {"k": main, "units": units, "chosen": plain(shown)}
        parameters |= {"k": main, "splits": SPLITS, "blocks": BLOCKS, "units": units}
    maps = each_variant(inputs, geodesic.isomap)
    return Outcome({"geodesic": frames, "isomap": maps}, summary | noted(inputs, notes), parameters)


def main_k(table: pd.DataFrame) -> int:
    """The smallest k from `ISOMAP_K` on with which every graph is connected, else the largest."""
    connected = table.groupby("k")["connected"].min()
    found = [int(k) for k in connected.index[connected == 1] if k >= geodesic.ISOMAP_K]
    return min(found, default=int(table["k"].max()))


def _corrected(inputs: Inputs, table: pd.DataFrame, main: int) -> tuple[pd.DataFrame, str]:
    """Agreement without noise and its difference: for every k at the chosen layer, for one at the others; the units."""
    frames: list[pd.DataFrame] = []
    units = ""
    pairs = list(table[["language_a", "language_b"]].drop_duplicates().itertuples(index=False, name=None))
    for layer in sorted({int(layer) for layer in table["layer"]}):
        ks = sorted({int(k) for k in table["k"]}) if layer == inputs.layer else [main]
        for variant, cells in layer_cells(inputs, layer, VARIANTS):
            units = cells.note
            if len(cells.topics) >= MINIMUM_TOPICS:
                found = corrected_table(cells, pairs, ks, inputs.seed)
                frames.append(found.assign(variant=variant, layer=layer))
    columns = [*_KEYS, *_CORRECTED]
    return (pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)), units


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
        first, second = (geodesic.straight_halves(blocks, name, shared, weights, splits) for name in (a, b))
        for k in ks:
            found = geodesic.corrected_agreement(first, second, k)
            low, high, _ = jackknife_interval(found.difference[0], found.difference[1:])
            at_all = (found.geodesic, found.straight, found.ceiling_geodesic, found.ceiling_straight, found.difference)
            rows.append((a, b, k, *(float(values[0]) for values in at_all), float(low), float(high)))
    return pd.DataFrame(rows, columns=["language_a", "language_b", "k", *_CORRECTED])


ANALYSES: dict[str, Analysis] = {
    "geodesic": Analysis(("geodesic", "isomap"), frozenset({"vectors", "activations", "seed", "layer"}), _geodesic),
}
