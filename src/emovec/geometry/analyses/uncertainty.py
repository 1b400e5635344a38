"""Intervals of the headline numbers over topics, and reliability within each language."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from emovec.geometry import axes
from emovec.geometry.analyses.analysis import Analysis, Outcome, noted, plain
from emovec.geometry.cells import Cells, layer_cells
from emovec.geometry.inputs import VARIANTS, Inputs
from emovec.geometry.reliability import MINIMUM_TOPICS
from emovec.geometry.tables import tidy
from emovec.geometry.uncertainty import BLOCKS, COMPONENTS, SPLITS, layer_uncertainty
from emovec.languages.norms import load_norms

_TABLES = ("intervals", "reliability", "ceiling")


def _uncertainty(inputs: Inputs) -> Outcome:
    frames: dict[str, list[pd.DataFrame]] = {name: [] for name in _TABLES}
    norms = load_norms(inputs.norms)
    scores = {variant: _scores(inputs, variant, norms) for variant in VARIANTS}
    units, notes = "", []
    for layer in inputs.vectors.layers:
        both = list(layer_cells(inputs, layer, VARIANTS))
        units = both[0][1].note
        if len(both[0][1].topics) < MINIMUM_TOPICS:
            notes = [f"There are {units}; intervals over topics take at least {MINIMUM_TOPICS}."]
            break

        def resampled(given: tuple[str, Cells], layer: int = layer) -> dict[str, pd.DataFrame]:
            variant, cells = given
            own = {language: table for (at, language), table in scores[variant].items() if at == layer}
            found = layer_uncertainty(cells, own, norms, inputs.bootstraps, inputs.seed)
            return {name: table.assign(variant=variant, layer=layer) for name, table in found.items()}

        # The linear algebra leaves the interpreter's lock, so threads do; a layer at a time bounds the memory.
        with ThreadPoolExecutor(len(VARIANTS)) as pool:
            for found in pool.map(resampled, both):
                for name, table in found.items():
                    frames[name].append(table)
    tables = {name: [tidy(name, parts)] for name, parts in frames.items()}
    intervals = tables["intervals"][0]
    shown = intervals[(intervals["layer"] == inputs.layer) & (intervals["statistic"] != "pc_norm")]
    return Outcome(
        {name: list(found) for name, found in tables.items()},
        {"units": units, "headline": plain(shown)} | noted(inputs, notes),
        {"level": 0.95, "splits": SPLITS, "blocks": BLOCKS},
    )


def _scores(inputs: Inputs, variant: str, norms: pd.DataFrame) -> dict[tuple[int, str], np.ndarray]:
    """(layer, language) → [emotion, component] of the components as they are shown, emotions sorted."""
    vectors = inputs.vectors.variant(variant)
    if vectors.sizes["emotion"] <= COMPONENTS:
        return {}
    table, _ = axes.pca(vectors, COMPONENTS, norms)
    emotions = sorted(inputs.vectors.emotions)
    found: dict[tuple[int, str], np.ndarray] = {}
    for layer in inputs.vectors.layers:
        for language in inputs.vectors.languages:
            part = table[(table["layer"] == layer) & (table["language"] == language)]
            if len(part):
                wide = part.pivot(index="emotion", columns="component", values="score").reindex(emotions)
                found[layer, language] = wide.to_numpy(np.float64)
    return found


ANALYSES: dict[str, Analysis] = {
    "uncertainty": Analysis(
        _TABLES,
        frozenset({"vectors", "activations", "norms", "bootstraps", "seed", "layer"}),
        _uncertainty,
    ),
}
