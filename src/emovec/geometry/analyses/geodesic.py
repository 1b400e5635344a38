"""Geodesic against straight-line distances across languages, with intervals from resampled topics, and Isomap."""

from typing import Any

import numpy as np
import pandas as pd

from emovec.geometry import geodesic
from emovec.geometry.analyses.analysis import Analysis, Outcome, each_variant, language_pairs, noted, plain
from emovec.geometry.cells import layer_cells
from emovec.geometry.inputs import VARIANTS, Inputs
from emovec.geometry.resampling import bootstrap_weights, intervals, jackknife_weights
from emovec.geometry.tables import tidy

MINIMUM_EMOTIONS = 4
OTHER_DRAWS = 200
"""Draws at most at layers other than the chosen one, where one k has an interval."""

_KEYS = ["variant", "layer", "language_a", "language_b", "k"]


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
        bounds, units = _bounds(inputs, table, main)
        frames = [table.merge(bounds, on=_KEYS, how="left").fillna({"draws": 0})]
        shown = tidy("geodesic", frames)
        shown = shown[(shown["layer"] == inputs.layer) & (shown["k"] == main)]
        summary = {"k": main, "units": units, "chosen": plain(shown)}
        parameters |= {"k": main, "draws_at_other_layers": min(inputs.bootstraps, OTHER_DRAWS), "units": units}
    maps = each_variant(inputs, geodesic.isomap)
    return Outcome({"geodesic": frames, "isomap": maps}, summary | noted(inputs, notes), parameters)


def main_k(table: pd.DataFrame) -> int:
    """The smallest k from `ISOMAP_K` on with which every graph is connected, else the largest."""
    connected = table.groupby("k")["connected"].min()
    found = [int(k) for k in connected.index[connected == 1] if k >= geodesic.ISOMAP_K]
    return min(found, default=int(table["k"].max()))


def _bounds(inputs: Inputs, table: pd.DataFrame, main: int) -> tuple[pd.DataFrame, str]:
    """Intervals of the difference: for every k at the chosen layer, for one at the others; and what was resampled."""
    rows: list[tuple[object, ...]] = []
    units = ""
    ks = sorted({int(k) for k in table["k"]})
    estimates = table.set_index(_KEYS)["difference"].to_dict()
    pairs = list(table[["language_a", "language_b"]].drop_duplicates().itertuples(index=False, name=None))
    for layer in sorted({int(layer) for layer in table["layer"]}):
        chosen = layer == inputs.layer
        draws = inputs.bootstraps if chosen else min(inputs.bootstraps, OTHER_DRAWS)
        for variant, cells in layer_cells(inputs, layer, VARIANTS):
            n = len(cells.topics)
            if n < 2:
                continue
            units = cells.note
            weights = np.concatenate([np.ones((1, n)), bootstrap_weights(n, draws, inputs.seed), jackknife_weights(n)])
            spread = {name: geodesic.chord_distances(cells.grams(weights, name, name)) for name in cells.languages}
            for a, b in pairs:
                known = np.isfinite(spread[a][0]).any(axis=0) & np.isfinite(spread[b][0]).any(axis=0)
                first, second = (spread[name][:, known][:, :, known] for name in (a, b))
                for k in ks if chosen else [main]:
                    estimate = estimates[variant, layer, a, b, k]
                    if np.isfinite(estimate):
                        curved, straight = geodesic.compare_distances(first, second, k)
                        difference = (curved - straight)[1:]
                        low, high, *_ = intervals(np.array(estimate), difference[:draws], difference[draws:])
                        used = int(np.isfinite(difference[:draws]).sum())
                        rows.append((variant, layer, a, b, k, float(low), float(high), used))
    return pd.DataFrame(rows, columns=[*_KEYS, "low", "high", "draws"]), units


ANALYSES: dict[str, Analysis] = {
    "geodesic": Analysis(
        ("geodesic", "isomap"), frozenset({"vectors", "activations", "bootstraps", "seed", "layer"}), _geodesic
    ),
}
