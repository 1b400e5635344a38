"""Procrustes alignment of every two languages, judged on emotions that it has not seen."""

from typing import Any

import pandas as pd

from emovec.geometry.alignment import procrustes
from emovec.geometry.analyses.analysis import Analysis, Outcome, best, each_variant, language_pairs, noted
from emovec.geometry.inputs import Inputs
from emovec.geometry.representational import MINIMUM_EMOTIONS
from emovec.geometry.tables import tidy
from emovec.stats.labelled import in_label_order

SHUFFLES = 19
SHUFFLES_SHOWN = 99
"""At the layer shown first, where the numbers of the finding come from."""


def _alignment(inputs: Inputs) -> Outcome:
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    shuffles = {layer: SHUFFLES_SHOWN if layer == inputs.layer else SHUFFLES for layer in inputs.vectors.layers}
    for a, b in language_pairs(inputs):
        shared = in_label_order(inputs.vectors.best, a, b).sizes["emotion"]
        if shared < MINIMUM_EMOTIONS:
            notes.append(f"{a} and {b} share {shared} emotions; it takes {MINIMUM_EMOTIONS} to align them.")
            continue
        frames += each_variant(inputs, lambda v, a=a, b=b: procrustes(v, a, b, shuffles, inputs.seed))
    table = tidy("procrustes", frames)
    highest = best(table[table["sample"] == "held-out"], "r2", ["variant", "language_a", "language_b"])
    summary: dict[str, Any] = {"best": highest} | noted(inputs, notes)
    return Outcome({"procrustes": [table]}, summary, {"shuffles": SHUFFLES, "shuffles_shown": SHUFFLES_SHOWN})


ANALYSES: dict[str, Analysis] = {
    "alignment": Analysis(("procrustes",), frozenset({"vectors", "seed", "layer"}), _alignment),
}
