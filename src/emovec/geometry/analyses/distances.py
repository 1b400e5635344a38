"""Distances beside the cosine, and agreement between layers."""

import numpy as np
import pandas as pd

from emovec.geometry import cross_layer, distances
from emovec.geometry.analyses.analysis import Analysis, Outcome, best, each_variant, language_pairs, noted
from emovec.geometry.cells import layer_cells
from emovec.geometry.inputs import VARIANTS, Inputs
from emovec.geometry.representational import MINIMUM_EMOTIONS, compare_triangles
from emovec.geometry.similarity import pair_cosines
from emovec.geometry.tables import tidy

_Triangles = dict[tuple[str, str, str], list[tuple[np.ndarray, np.ndarray]]]


def _distances(inputs: Inputs) -> Outcome:
    vectors, settings = inputs.vectors, (inputs.permutations, inputs.seed)
    shared = distances.shared_emotions(vectors.best)
    found, units, kept = _crossnobis(inputs) if shared else ({}, "", {})
    frames: list[pd.DataFrame] = []
    kernels: list[pd.DataFrame] = []
    notes: list[str] = []
    for a, b in language_pairs(inputs):
        if shared[a, b] < MINIMUM_EMOTIONS:
            notes.append(f"{a} and {b} share {shared[a, b]} emotions; it takes {MINIMUM_EMOTIONS} to compare.")
            continue
        first, second = sorted((a, b))
        enough = kept[first, second] >= MINIMUM_EMOTIONS
        if not enough:
            notes.append(f"Crossnobis distances of {a} and {b} take stories on at least two topics for each emotion.")
        for variant in VARIANTS:
            names = {"variant": variant, "language_a": a, "language_b": b}
            cosines = pair_cosines(vectors.variant(variant), first, second)
            parts = {"cosine": cosines[:2]}
            if enough:
                stacks = zip(*found[variant, first, second], strict=True)
                parts["crossnobis"] = (np.stack(next(stacks)), np.stack(next(stacks)))
            # A correlation of cosines is one of cosine distances.
            frames += [
                compare_triangles(*triangles, cosines[2], *settings)
                .rename(columns={"method": "measure"})
                .assign(distance=distance, **names)
                for distance, triangles in parts.items()
            ]
            kernels.append(distances.cka(vectors.variant(variant), a, b, *settings).assign(**names))
    table = tidy("distance_rsa", frames)
    pearson = table[(table["measure"] == "pearson") & (table["distance"] == "crossnobis")]
    summary = {"best": best(pearson, "r", ["variant", "language_a", "language_b"]), "units": units}
    parameters = {
        "folds": f"topics, dealt into at most {distances.MOST_FOLDS} folds",
        "noise_normalisation": "none in raw; univariate, by the standard deviation over stories, in standardised",
    }
    return Outcome({"distance_rsa": [table], "cka": kernels}, summary | noted(inputs, notes), parameters)


def _crossnobis(inputs: Inputs) -> tuple[_Triangles, str, dict[tuple[str, str], int]]:
    """Triangles by variant and pair of languages, a list over layers; how units were made; emotions kept by pair."""
    found: _Triangles = {}
    kept: dict[tuple[str, str], int] = {}
    units = ""
    for layer in sorted(inputs.vectors.layers):
        for variant, cells in layer_cells(inputs, layer, VARIANTS):
            units = cells.note
            for a, b in map(sorted, language_pairs(inputs)):
                first, second, emotions = distances.crossnobis_triangles(cells, a, b)
                found.setdefault((variant, a, b), []).append((first, second))
                kept[a, b] = len(emotions)
    return found, units, kept


def _cross_layer(inputs: Inputs) -> Outcome:
    tables = each_variant(inputs, cross_layer.layer_agreement)
    few = f"It takes {MINIMUM_EMOTIONS} emotions to compare layers."
    return Outcome({"cross_layer": tables}, {} if any(map(len, tables)) else {"note": few})


ANALYSES: dict[str, Analysis] = {
    "distances": Analysis(
        ("distance_rsa", "cka"), frozenset({"vectors", "activations", "permutations", "seed"}), _distances
    ),
    "cross_layer": Analysis(("cross_layer",), frozenset({"vectors"}), _cross_layer),
}
