"""Human ratings of valence, arousal and dominance, predicted for emotions left out."""

from typing import Any

import numpy as np
import pandas as pd

from emovec.geometry.affect import PENALTIES, component_affect, predict_ratings, rated
from emovec.geometry.analyses.analysis import Analysis, Outcome, best, each_variant
from emovec.geometry.axes import pca
from emovec.geometry.inputs import Inputs
from emovec.geometry.tables import tidy
from emovec.languages.norms import MINIMUM_RATED, load_norms

PERMUTATIONS = 1_000
"""At most: each redoes the fits of all emotions, at all layers."""
COMPONENTS = 2


def _affect(inputs: Inputs) -> Outcome:
    norms = load_norms(inputs.norms)
    permutations = min(inputs.permutations, PERMUTATIONS)
    found: dict[str, list[pd.DataFrame]] = {"affect": [], "affect_predictions": []}
    for name in inputs.vectors.variants:
        parts = predict_ratings(inputs.vectors.variant(name), norms, permutations, inputs.seed)
        for table, part in zip(found, parts, strict=True):
            found[table].append(part.assign(variant=name))
    found["affect_components"] = each_variant(
        inputs, lambda v: component_affect(v, pca(v, COMPONENTS, norms)[0], norms, inputs.permutations, inputs.seed)
    )
    highest = best(tidy("affect", found["affect"]), "r", ["variant", "language", "source", "scale"])
    summary: dict[str, Any] = {"best": highest, "valence_arousal": _both(inputs, norms)}
    if not highest:
        summary["note"] = (
            f"No source of human norms rates {MINIMUM_RATED} or more of the study's emotions; fewer can't carry a "
            "regression."
        )
    return Outcome(found, summary, {"permutations": permutations, "penalties": PENALTIES.tolist()})


def _both(inputs: Inputs, norms: pd.DataFrame) -> list[dict[str, Any]]:
    """How far people's valence and arousal go together over the words of this study."""
    rows: list[dict[str, Any]] = []
    for known in rated(norms, inputs.vectors.emotions, ("valence", "arousal")):
        r = float(np.corrcoef(known.values.T)[0, 1])
        rows.append({"source": known.source, "r": r, "n_emotions": len(known.emotions)})
    return rows


ANALYSES: dict[str, Analysis] = {
    "affect": Analysis(
        ("affect", "affect_predictions", "affect_components"),
        frozenset({"vectors", "norms", "permutations", "seed"}),
        _affect,
    ),
}
