"""Two decoders at the chosen layer, and which emotions they take for which."""

from typing import Any

import pandas as pd

from emovec.geometry import confusion
from emovec.geometry.analyses.analysis import Analysis, Outcome, noted, plain
from emovec.geometry.inputs import Inputs
from emovec.vectors.control_vectors import usual_layer


def _confusion(inputs: Inputs) -> Outcome:
    layer = usual_layer(inputs.vectors) if inputs.layer is None else inputs.layer
    arrays = {language: inputs.activations(layer, language) for language in inputs.vectors.languages}
    predicted = confusion.predictions(arrays, inputs.seed)
    parameters = {
        "penalty": "L2",
        "C": confusion.PENALTY_C,
        "components": confusion.COMPONENTS,
        "variant": "standardised",
    }
    if predicted.empty:
        note = "No emotion has stories both to learn from and to test on."
        return Outcome({name: [] for name in _TABLES}, {"note": note}, parameters)
    counts = confusion.confusion_counts(predicted)
    methods = confusion.method_accuracies(predicted)
    agreement = confusion.confusion_agreement(counts, inputs.permutations, inputs.seed)
    tables = {
        "methods": methods,
        "confusion": counts,
        "confused_pairs": confusion.confused_pairs(counts),
        "confusion_agreement": agreement,
    }
    summary: dict[str, Any] = {"layer": layer, "accuracies": plain(methods), "agreement": plain(agreement)}
    notes = ["No two languages share enough confused emotions to compare."] if agreement.empty else []
    parts: dict[str, list[pd.DataFrame]] = {name: [table.assign(layer=layer)] for name, table in tables.items()}
    return Outcome(parts, summary | noted(inputs, notes), parameters)


_TABLES = ("methods", "confusion", "confused_pairs", "confusion_agreement")
_INPUTS = frozenset({"vectors", "activations", "layer", "permutations", "seed"})
ANALYSES: dict[str, Analysis] = {"confusion": Analysis(_TABLES, _INPUTS, _confusion)}
