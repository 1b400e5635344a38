"""The analyses of the geometry stage: what each needs, what it gives, in the order in which a study runs them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pandas as pd
import xarray as xr

from emovec.corpus.story import Story
from emovec.geometry import (
    axes,
    clusters,
    crosslingual,
    decoding,
    lens,
    lexical,
    outliers,
    representational,
    similarity,
)
from emovec.geometry.inputs import VARIANTS, AnalysisResult, Inputs
from emovec.geometry.norms import load_norms, norm_agreement
from emovec.geometry.tables import tidy

SAMPLE_TEXTS = 16
COMPONENTS = 4


@dataclass(frozen=True)
class Analysis:
    """One analysis: its tables, the fields of `Inputs` that its numbers depend on, and how it is run."""

    tables: tuple[str, ...]
    inputs: frozenset[str]
    run: Callable[[Inputs], "_Outcome"] = field(repr=False)


@dataclass(frozen=True)
class _Outcome:
    tables: dict[str, list[pd.DataFrame]]
    summary: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])


def run_analysis(name: str, inputs: Inputs) -> AnalysisResult:
    """Run one analysis of `ANALYSES`.

    Raises:
        KeyError: if there is none of that name.
    """
    analysis = ANALYSES[name]
    outcome = analysis.run(inputs)
    used = {key: getattr(inputs, key) for key in ("permutations", "seed", "top_k", "layer") if key in analysis.inputs}
    return AnalysisResult(
        name,
        {table: tidy(table, outcome.tables[table]) for table in analysis.tables},
        used | {"hook_point": "resid_post"} | outcome.parameters,
        outcome.summary,
    )


def _variants(inputs: Inputs, function: Callable[[xr.DataArray], pd.DataFrame]) -> list[pd.DataFrame]:
    return [function(inputs.vectors.variant(name)).assign(variant=name) for name in VARIANTS]


def _pairs(inputs: Inputs) -> list[tuple[str, str]]:
    return list(combinations(inputs.vectors.languages, 2))


def _layer(inputs: Inputs) -> int:
    if inputs.layer is not None:
        return inputs.layer
    return int(_choice(inputs).summary["layer"])


def _decode(inputs: Inputs) -> pd.DataFrame:
    vectors = inputs.vectors
    return decoding.decode(inputs.activations, vectors.layers, vectors.languages, inputs.seed)


def _best(table: pd.DataFrame, value: str, by: list[str]) -> list[dict[str, Any]]:
    """For each group the row with the largest value; of equals the earliest layer."""
    ordered = table.sort_values([value, "layer"], ascending=[False, True], kind="stable")
    return plain(ordered.drop_duplicates(by).sort_values(by))


def plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries of plain Python values, None for what is not a number."""
    rows = [
        {str(key): getattr(v, "item", lambda v=v: v)() for key, v in row.items()} for row in table.to_dict("records")
    ]
    return [{key: None if isinstance(v, float) and math.isnan(v) else v for key, v in row.items()} for row in rows]


def _stories_read(inputs: Inputs) -> list[Story]:
    """The stories that have activations: a model may have had no room for the others."""
    layer = inputs.vectors.layers[0]
    ids = {
        language: set(map(str, inputs.activations(layer, language)["id"].values))
        for language in inputs.vectors.languages
    }
    return [story for story in inputs.stories if story.id in ids.get(story.language, ())]


def _decoding(inputs: Inputs) -> _Outcome:
    table = _decode(inputs)
    first = [inputs.activations(inputs.vectors.layers[0], language) for language in inputs.vectors.languages]
    _, rule = decoding.assign_folds(pd.concat(map(decoding.story_labels, first), ignore_index=True), inputs.seed)
    best = _best(table, "accuracy", ["variant", "train_language", "test_language"])
    summary: dict[str, Any] = {"folds": rule, "best": best}
    if table.empty:
        summary["note"] = "No emotion has stories both to learn from and to test on."
    return _Outcome({"decoding": [table]}, summary)


def _lexical(inputs: Inputs) -> _Outcome:
    table = lexical.decode_words(_stories_read(inputs), inputs.seed)
    parameters = {"word": "TF-IDF of words, 1 + log counts", "character": "TF-IDF of 1–3 characters, 1 + log counts"}
    return _Outcome({"lexical": [table]}, {"accuracies": plain(table)}, parameters)


def _choice(inputs: Inputs) -> _Outcome:
    if inputs.layer is not None:
        reason = f"layer {inputs.layer} is fixed by the study's settings"
        return _Outcome({}, {"layer": inputs.layer, "by": "settings", "reason": reason})
    by = "decoding"
    try:
        layer, reason = decoding.choose_layer(_decode(inputs) if inputs.decoding is None else inputs.decoding)
    except ValueError:
        layers, by = inputs.vectors.layers, "depth"
        layer = layers[(2 * len(layers)) // 3]
        reason = f"layer {layer} lies at two thirds of the layers: there are too few stories to choose by decoding"
    return _Outcome({}, {"layer": layer, "by": by, "reason": reason})


def _rsa(inputs: Inputs) -> _Outcome:
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    for a, b in _pairs(inputs):
        shared = similarity.cosine_matrices(inputs.vectors.best, a, b).sizes["emotion_a"]
        if shared < representational.MINIMUM_EMOTIONS:
            notes.append(
                f"{a} and {b} share {shared} emotions; it takes {representational.MINIMUM_EMOTIONS} to compare."
            )
            continue
        frames += _variants(inputs, lambda v, a=a, b=b: representational.rsa(v, a, b, inputs.permutations, inputs.seed))
    table = tidy("rsa", frames)
    best = _best(table[table["method"] == "pearson"], "r", ["variant", "language_a", "language_b"])
    return _Outcome({"rsa": [table]}, {"best": best} | _notes(inputs, notes))


def _crosslingual(inputs: Inputs) -> _Outcome:
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    for a, b in _pairs(inputs):
        if similarity.cosine_matrices(inputs.vectors.best, a, b).sizes["emotion_a"] < 2:
            notes.append(f"{a} and {b} share fewer than two emotions.")
            continue
        frames += _variants(
            inputs, lambda v, a=a, b=b: crosslingual.cross_lingual_cosine(v, a, b, inputs.permutations, inputs.seed)
        )
    table = tidy("crosslingual", frames)
    best = _best(table, "retrieval_ab", ["variant", "language_a", "language_b"])
    return _Outcome({"crosslingual": [table]}, {"best": best} | _notes(inputs, notes))


def _notes(inputs: Inputs, notes: list[str]) -> dict[str, Any]:
    if len(inputs.vectors.languages) < 2:
        notes = ["The study has one language: there is nothing to compare it with."]
    return {"note": " ".join(notes)} if notes else {}


def _cosine(inputs: Inputs) -> _Outcome:
    tables = {"cosine": _variants(inputs, similarity.cosine_table), "order": _variants(inputs, similarity.leaf_order)}
    return _Outcome(tables, {}, {"linkage": "average on 1 − cosine, optimal leaf order"})


def _layer_rsa(inputs: Inputs) -> _Outcome:
    return _Outcome({"layer_rsa": _variants(inputs, representational.layer_rsa)}, {})


def _clusters(inputs: Inputs) -> _Outcome:
    found = {name: clusters.k_means(inputs.vectors.variant(name), seed=inputs.seed) for name in VARIANTS}
    members = [table.assign(variant=name) for name, (table, _) in found.items()]
    silhouettes = [table.assign(variant=name) for name, (_, table) in found.items()]
    best = _best(pd.concat(silhouettes, ignore_index=True), "silhouette", ["variant", "languages"])
    summary: dict[str, Any] = {"best": best} if best else {"best": [], "note": "There are too few emotions to group."}
    return _Outcome({"clusters": members, "silhouette": silhouettes}, summary, {"n_init": 10, "metric": "cosine"})


def _umap(inputs: Inputs) -> _Outcome:
    layer = _layer(inputs)
    frames = _variants(inputs, lambda v: clusters.umap_embedding(v, [layer], inputs.seed))
    parameters = {"layer": layer, "n_neighbors": 15, "metric": "cosine"}
    summary = {} if any(map(len, frames)) else {"note": f"UMAP takes at least {clusters.MINIMUM_FOR_UMAP} vectors."}
    return _Outcome({"umap": frames}, summary, parameters)


def _pca(inputs: Inputs) -> _Outcome:
    norms = load_norms(inputs.norms)
    found = {name: axes.pca(inputs.vectors.variant(name), COMPONENTS, norms) for name in VARIANTS}
    tables = {
        "pca": [scores.assign(variant=name) for name, (scores, _) in found.items()],
        "pca_variance": [shares.assign(variant=name) for name, (_, shares) in found.items()],
    }
    return _Outcome(tables, {}, {"components": COMPONENTS})


def _axes(inputs: Inputs) -> _Outcome:
    norms = load_norms(inputs.norms)

    def correlations(vectors: xr.DataArray) -> pd.DataFrame:
        return axes.axis_correlations(vectors, axes.pca(vectors, COMPONENTS, norms)[0], norms)

    tables = {"axes": _variants(inputs, correlations), "poles": _variants(inputs, axes.pole_cosines)}
    poles = {axis: axes.pole_words(inputs.vectors.emotions, axis) for axis in axes.POLES}
    absent = [f"The emotions lack a pole of the post's {axis} axis." for axis, words in poles.items() if words is None]
    summary: dict[str, Any] = {"norm_agreement": plain(norm_agreement(norms))}
    parameters = {"poles": {axis: words and {"high": words[0], "low": words[1]} for axis, words in poles.items()}}
    return _Outcome(tables, summary | ({"note": " ".join(absent)} if absent else {}), parameters)


def _lens(inputs: Inputs) -> _Outcome:
    from emovec.corpus.lexicon import labels

    model, vectors = inputs.model(), inputs.vectors
    vocabulary = model.token_texts(range(len(model.unembedding())))
    candidates: dict[str, list[int]] = {}
    for language in vectors.languages:
        words = [word for code in {language, "en"} for emotion in vectors.emotions for word in labels(code, emotion)]
        texts = (story.text for story in inputs.stories if story.language == language)
        candidates[language] = lens.candidate_tokens(texts, words, vocabulary, model)
    table = lens.logit_lens(vectors.best, model, candidates, inputs.top_k, vocabulary)
    hits = lens.lens_hits(table, vocabulary, candidates, labels)
    best = _best(hits, "hit_rate", ["language", "lens", "word_language"])
    parameters = {"candidates": {language: len(ids) for language, ids in candidates.items()}}
    return _Outcome({"lens": [table], "lens_hits": [hits]}, {"best": best}, parameters)


def _outliers(inputs: Inputs) -> _Outcome:
    from emovec.activations.tokens import token_states

    layer = _layer(inputs)
    kinds = [kind for kind in outliers.KINDS if kind != "denoised" or inputs.vectors.denoised is not None]
    dimensions = [
        outliers.outlier_dimensions(inputs.vectors.variant(name, kind)).assign(kind=kind, variant=name)
        for kind in kinds
        for name in VARIANTS
    ]
    table = tidy("outliers", dimensions)
    shown = table[(table["variant"] == "raw") & (table["layer"] == layer) & (table["rank"] == 1)]
    first = shown[shown["kind"] == "centred"]
    largest = {str(language): int(d) for language, d in zip(first["language"], first["dimension"], strict=True)}
    stories = _stories_read(inputs)
    texts = {name: outliers.sample_texts(stories, name, SAMPLE_TEXTS, inputs.seed) for name in largest}
    model = inputs.model()
    tokens = outliers.outlier_tokens(texts, lambda text: token_states(model, text, [layer]), largest, layer)
    summary = {"layer": layer, "first": plain(shown[["kind", "language", "dimension", "energy_share"]])}
    return _Outcome({"outliers": [table], "outlier_tokens": [tokens]}, summary, {"sample_texts": SAMPLE_TEXTS})


ANALYSES: dict[str, Analysis] = {
    "decoding": Analysis(("decoding",), frozenset({"vectors", "activations", "seed"}), _decoding),
    "lexical": Analysis(("lexical",), frozenset({"vectors", "activations", "stories", "seed"}), _lexical),
    "choice": Analysis((), frozenset({"decoding", "layer"}), _choice),
    "rsa": Analysis(("rsa",), frozenset({"vectors", "permutations", "seed"}), _rsa),
    "crosslingual": Analysis(("crosslingual",), frozenset({"vectors", "permutations", "seed"}), _crosslingual),
    "cosine": Analysis(("cosine", "order"), frozenset({"vectors"}), _cosine),
    "layer_rsa": Analysis(("layer_rsa",), frozenset({"vectors"}), _layer_rsa),
    "clusters": Analysis(("clusters", "silhouette"), frozenset({"vectors", "seed"}), _clusters),
    "umap": Analysis(("umap",), frozenset({"vectors", "layer", "seed"}), _umap),
    "pca": Analysis(("pca", "pca_variance"), frozenset({"vectors", "norms"}), _pca),
    "axes": Analysis(("axes", "poles"), frozenset({"vectors", "norms"}), _axes),
    "lens": Analysis(("lens", "lens_hits"), frozenset({"vectors", "stories", "model", "top_k"}), _lens),
    "outliers": Analysis(
        ("outliers", "outlier_tokens"),
        frozenset({"vectors", "activations", "stories", "model", "layer", "seed"}),
        _outliers,
    ),
}
"""In the order in which a study runs them; layer-dependent ones after `choice`."""
