"""The same geometry from the words alone, and what the vectors share beyond it."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from emovec.geometry import controls
from emovec.geometry.analyses.analysis import Analysis, Outcome, language_pairs, noted, stories_read
from emovec.geometry.cells import layer_cells
from emovec.geometry.inputs import VARIANTS, Inputs
from emovec.geometry.reliability import MINIMUM_TOPICS, Halves, halves
from emovec.geometry.representational import MINIMUM_EMOTIONS
from emovec.geometry.uncertainty import BLOCKS, SPLITS
from emovec.labels import NEUTRAL
from emovec.languages.norms import load_norms
from emovec.stats.labelled import in_label_order, labels
from emovec.stats.resampling import half_weights


def _controls(inputs: Inputs) -> Outcome:
    valences = controls.valence(load_norms(inputs.norms))
    stories = [story for story in stories_read(inputs) if story.emotion != NEUTRAL]
    model = inputs.model()
    emotions: dict[str, list[str]] = {}
    means: dict[str, np.ndarray] = {}
    terms: dict[str, dict[str, xr.DataArray]] = {}
    for language in inputs.vectors.languages:
        own = [story for story in stories if story.language == language]
        texts, emotions[language] = [story.text for story in own], [story.emotion for story in own]
        means[language] = controls.mean_embeddings(texts, model)
        for name in controls.text_features(language):
            terms.setdefault(name, {})[language] = controls.profile_cosines(
                controls.tfidf(texts, name), emotions[language]
            )
    # As for the vectors: one scale for all languages.
    pooled = np.sqrt(np.mean([values.var(axis=0) for values in means.values()], axis=0))
    scales = {"raw": np.ones_like(pooled), "standardised": np.where(pooled > 0, pooled, 1.0)}
    halved = _halves(inputs)
    frames: list[pd.DataFrame] = []
    words: list[dict[str, Any]] = []
    notes: list[str] = []
    for a, b in language_pairs(inputs):
        shared = labels(in_label_order(inputs.vectors.best, a, b), "emotion")
        rated = sum(emotion in valences for emotion in shared)
        if len(shared) < MINIMUM_EMOTIONS:
            notes.append(f"{a} and {b} share {len(shared)} emotions; it takes {MINIMUM_EMOTIONS} to compare.")
            continue
        if rated < len(shared):
            notes.append(f"{rated} of the {len(shared)} emotions of {a} and {b} have a valence.")
        kinds = controls.control_rsa(terms, a, b, shared)
        words += [
            {"language_a": a, "language_b": b, "features_a": x, "features_b": y, "r": r} for (x, y), r in kinds.items()
        ]
        for variant in VARIANTS:
            embedded = {
                language: controls.profile_cosines(values / scales[variant], emotions[language])
                for language, values in means.items()
            }
            table = controls.control_table(
                inputs.vectors.variant(variant),
                a,
                b,
                {"embeddings": embedded, **terms},
                valences,
                inputs.permutations,
                inputs.seed,
                halved[variant],
            )
            frames.append(table.assign(variant=variant))
    parameters = {
        "embeddings": "input embeddings of a story's own tokens, averaged",
        "words": "TF-IDF of words and of 1–3 characters, 1 + log counts",
        "test": "double semi-partialling",
    }
    return Outcome({"controls": frames}, {"words": words} | noted(inputs, list(dict.fromkeys(notes))), parameters)


def _halves(inputs: Inputs) -> dict[str, dict[int, dict[str, Halves]]]:
    """Variant → layer → language → cosines from halves of the topics; no layers where there are too few topics."""
    found: dict[str, dict[int, dict[str, Halves]]] = {variant: {} for variant in VARIANTS}
    if len(inputs.vectors.languages) < 2:
        return found
    for layer in inputs.vectors.layers:
        for variant, cells in layer_cells(inputs, layer, VARIANTS):
            blocks = cells.merged(BLOCKS, inputs.seed)
            if (n := len(blocks.topics)) >= MINIMUM_TOPICS:
                splits = half_weights(n, SPLITS, inputs.seed)
                found[variant][layer] = {
                    name: halves(blocks, name, np.ones((1, n)), splits) for name in blocks.languages
                }
    return found


ANALYSES: dict[str, Analysis] = {
    "controls": Analysis(
        ("controls",),
        frozenset({"vectors", "activations", "stories", "model", "norms", "permutations", "seed"}),
        _controls,
    ),
}
