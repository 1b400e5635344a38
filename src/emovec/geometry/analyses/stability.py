"""Groups of emotions: which ones, how stable, and whether languages agree on them."""

from typing import Any

import pandas as pd

from emovec.geometry import stability
from emovec.geometry.analyses.analysis import Analysis, Outcome, best, noted
from emovec.geometry.cells import layer_cells
from emovec.geometry.inputs import VARIANTS, Inputs
from emovec.languages.norms import load_norms
from emovec.stats.resampling import bootstrap_weights
from emovec.vectors.control_vectors import usual_layer


def _stability(inputs: Inputs) -> Outcome:
    layer = usual_layer(inputs.vectors) if inputs.layer is None else inputs.layer
    norms = load_norms(inputs.norms)
    draws = min(stability.DRAWS, inputs.bootstraps)
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in _TABLES}
    units = ""
    for at in inputs.vectors.layers:
        shown = at == layer
        for variant, cells in layer_cells(inputs, at, VARIANTS):
            units = cells.note
            found = stability.groupings(cells, seed=inputs.seed)
            weights = bootstrap_weights(len(cells.topics), draws, inputs.seed)
            clouds = stability.CLOUDS if shown else 0
            parts = {
                "cluster_quality": stability.cluster_quality(cells, found, weights, inputs.seed, shown, clouds),
                "cluster_agreement": stability.cluster_agreement(found, inputs.permutations, inputs.seed),
            }
            if shown:
                parts["cluster_profile"] = stability.cluster_profile(found, norms)
            for name, table in parts.items():
                tables[name].append(table.assign(variant=variant, layer=at))
    quality = pd.concat(tables["cluster_quality"], ignore_index=True)
    if quality.empty:
        note = f"There are too few emotions to group: it takes {stability.MINIMUM}."
        return Outcome(tables, {"note": note})
    highest = best(quality[quality["layer"] == layer], "silhouette", ["variant", "languages", "algorithm"])
    summary: dict[str, Any] = {"layer": layer, "units": units, "best": highest}
    notes = ["No two languages share enough emotions to compare their groups."]
    summary |= noted(inputs, [] if any(map(len, tables["cluster_agreement"])) else notes)
    return Outcome(tables, summary, {"draws": draws, "clouds": stability.CLOUDS, "linkage": "average on 1 − cosine"})


_TABLES = ("cluster_quality", "cluster_agreement", "cluster_profile")
_INPUTS = frozenset({"vectors", "activations", "layer", "permutations", "bootstraps", "seed", "norms"})
ANALYSES: dict[str, Analysis] = {"stability": Analysis(_TABLES, _INPUTS, _stability)}
