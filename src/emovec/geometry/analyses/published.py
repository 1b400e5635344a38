"""The read-outs of the published method, and the choice of a layer."""

import logging
from typing import Any

import pandas as pd
import xarray as xr

from emovec.geometry import axes, clusters, crosslingual, decoding, lens, outliers, representational, similarity
from emovec.geometry.analyses.analysis import (
    Analysis,
    Outcome,
    best,
    each_variant,
    language_pairs,
    noted,
    plain,
    stories_read,
)
from emovec.geometry.inputs import VARIANTS, Inputs
from emovec.geometry.tables import tidy
from emovec.languages.norms import MINIMUM_RATED, load_norms, norm_agreement
from emovec.stats import word_baseline
from emovec.vectors.control_vectors import usual_layer

log = logging.getLogger(__name__)

SAMPLE_TEXTS = 16
COMPONENTS = 4


def _layer(inputs: Inputs) -> int:
    if inputs.layer is not None:
        return inputs.layer
    return int(_choice(inputs).summary["layer"])


def _decode(inputs: Inputs) -> pd.DataFrame:
    vectors = inputs.vectors
    return decoding.decode(inputs.activations, vectors.layers, vectors.languages, inputs.seed)


def _decoding(inputs: Inputs) -> Outcome:
    table = _decode(inputs)
    first = [inputs.activations(inputs.vectors.layers[0], language) for language in inputs.vectors.languages]
    stories = pd.concat(map(decoding.story_labels, first), ignore_index=True)
    _, rule = decoding.assign_folds(stories, inputs.seed)
    highest = best(table, "accuracy", ["variant", "train_language", "test_language"])
    summary: dict[str, Any] = {"folds": rule, "best": highest}
    if warning := decoding.unshared_topics(stories):
        log.warning("%s", warning)
        summary["warning"] = warning
    if table.empty:
        summary["note"] = "No emotion has stories both to learn from and to test on."
    return Outcome({"decoding": [table]}, summary)


def _lexical(inputs: Inputs) -> Outcome:
    table = word_baseline.decode_words(stories_read(inputs), inputs.seed)
    parameters = {"word": "TF-IDF of words, 1 + log counts", "character": "TF-IDF of 1–3 characters, 1 + log counts"}
    return Outcome({"lexical": [table]}, {"accuracies": plain(table)}, parameters)


def _choice(inputs: Inputs) -> Outcome:
    if inputs.layer is not None:
        reason = f"layer {inputs.layer} is fixed by the study's settings"
        return Outcome({}, {"layer": inputs.layer, "by": "settings", "reason": reason})
    by = "decoding"
    try:
        layer, reason = decoding.choose_layer(_decode(inputs) if inputs.decoding is None else inputs.decoding)
    except ValueError:
        layer, by = usual_layer(inputs.vectors), "depth"
        reason = f"layer {layer} lies at two thirds of the depth: there are too few stories to choose by decoding"
    return Outcome({}, {"layer": layer, "by": by, "reason": reason})


def _rsa(inputs: Inputs) -> Outcome:
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    for a, b in language_pairs(inputs):
        shared = similarity.cosine_matrices(inputs.vectors.best, a, b).sizes["emotion_a"]
        if shared < representational.MINIMUM_EMOTIONS:
            notes.append(
                f"{a} and {b} share {shared} emotions; it takes {representational.MINIMUM_EMOTIONS} to compare."
            )
            continue
        frames += each_variant(
            inputs, lambda v, a=a, b=b: representational.rsa(v, a, b, inputs.permutations, inputs.seed)
        )
    table = tidy("rsa", frames)
    highest = best(table[table["method"] == "pearson"], "r", ["variant", "language_a", "language_b"])
    return Outcome({"rsa": [table]}, {"best": highest} | noted(inputs, notes))


def _crosslingual(inputs: Inputs) -> Outcome:
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    for a, b in language_pairs(inputs):
        if similarity.cosine_matrices(inputs.vectors.best, a, b).sizes["emotion_a"] < 2:
            notes.append(f"{a} and {b} share fewer than two emotions.")
            continue
        frames += each_variant(
            inputs, lambda v, a=a, b=b: crosslingual.cross_lingual_cosine(v, a, b, inputs.permutations, inputs.seed)
        )
    table = tidy("crosslingual", frames)
    highest = best(table, "retrieval_ab", ["variant", "language_a", "language_b"])
    return Outcome({"crosslingual": [table]}, {"best": highest} | noted(inputs, notes))


def _cosine(inputs: Inputs) -> Outcome:
    tables = {
        "cosine": each_variant(inputs, similarity.cosine_table),
        "order": each_variant(inputs, similarity.leaf_order),
    }
    return Outcome(tables, {}, {"linkage": "average on 1 − cosine, optimal leaf order"})


def _clusters(inputs: Inputs) -> Outcome:
    found = {name: clusters.k_means(inputs.vectors.variant(name), seed=inputs.seed) for name in inputs.vectors.variants}
    members = [table.assign(variant=name) for name, (table, _) in found.items()]
    silhouettes = [table.assign(variant=name) for name, (_, table) in found.items()]
    highest = best(pd.concat(silhouettes, ignore_index=True), "silhouette", ["variant", "languages"])
    summary: dict[str, Any] = (
        {"best": highest} if highest else {"best": [], "note": "There are too few emotions to group."}
    )
    return Outcome(
        {"clusters": members, "silhouette": silhouettes},
        summary,
        {"most_starts": clusters.MOST_STARTS, "metric": "cosine"},
    )


def _umap(inputs: Inputs) -> Outcome:
    layer = _layer(inputs)
    frames = each_variant(inputs, lambda v: clusters.umap_embedding(v, [layer], inputs.seed))
    parameters = {"layer": layer, "n_neighbors": 15, "metric": "cosine"}
    summary = {} if any(map(len, frames)) else {"note": f"UMAP takes at least {clusters.MINIMUM_FOR_UMAP} vectors."}
    return Outcome({"umap": frames}, summary, parameters)


def _pca(inputs: Inputs) -> Outcome:
    norms = load_norms(inputs.norms)
    found = {name: axes.pca(inputs.vectors.variant(name), COMPONENTS, norms) for name in inputs.vectors.variants}
    tables = {
        "pca": [scores.assign(variant=name) for name, (scores, _) in found.items()],
        "pca_variance": [shares.assign(variant=name) for name, (_, shares) in found.items()],
    }
    return Outcome(tables, {}, {"components": COMPONENTS})


def _axes(inputs: Inputs) -> Outcome:
    norms = load_norms(inputs.norms)

    def correlations(vectors: xr.DataArray) -> pd.DataFrame:
        scores = axes.pca(vectors, COMPONENTS, norms)[0]
        return axes.axis_correlations(vectors, scores, norms, inputs.permutations, inputs.seed)

    cosines = each_variant(inputs, lambda v: axes.pole_cosines(v, inputs.permutations, inputs.seed))
    tables = {"axes": each_variant(inputs, correlations), "poles": cosines}
    poles = {axis: axes.pole_words(inputs.vectors.emotions, axis) for axis in axes.POLES}
    absent = [f"The emotions lack a pole of the post's {axis} axis." for axis, words in poles.items() if words is None]
    if (n := len(inputs.vectors.emotions)) < MINIMUM_RATED:
        absent = [f"There are {n} emotions; correlating components with an axis or with ratings takes {MINIMUM_RATED}."]
    summary: dict[str, Any] = {"norm_agreement": plain(norm_agreement(norms))}
    parameters = {"poles": {axis: words and {"high": words[0], "low": words[1]} for axis, words in poles.items()}}
    return Outcome(tables, summary | ({"note": " ".join(absent)} if absent else {}), parameters)


def _lens(inputs: Inputs) -> Outcome:
    from emovec.languages.lexicon import labels

    model, vectors = inputs.model(), inputs.vectors
    vocabulary = model.token_texts(range(len(model.unembedding())))
    candidates: dict[str, list[int]] = {}
    for language in vectors.languages:
        words = [word for code in {language, "en"} for emotion in vectors.emotions for word in labels(code, emotion)]
        texts = (story.text for story in inputs.stories if story.language == language)
        candidates[language] = lens.candidate_tokens(texts, words, vocabulary, model)
    table = lens.logit_lens(vectors.best, model, candidates, inputs.top_k, vocabulary)
    hits = lens.lens_hits(table, vocabulary, candidates, labels)
    highest = best(hits, "hit_rate", ["language", "lens", "word_language"])
    parameters = {"candidates": {language: len(ids) for language, ids in candidates.items()}}
    return Outcome({"lens": [table], "lens_hits": [hits]}, {"best": highest}, parameters)


def _outliers(inputs: Inputs) -> Outcome:
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
    stories = stories_read(inputs)
    texts = {name: outliers.sample_texts(stories, name, SAMPLE_TEXTS, inputs.seed) for name in largest}
    model = inputs.model()
    tokens = outliers.outlier_tokens(texts, lambda text: token_states(model, text, [layer]), largest, layer)
    summary = {"layer": layer, "first": plain(shown[["kind", "language", "dimension", "energy_share"]])}
    return Outcome({"outliers": [table], "outlier_tokens": [tokens]}, summary, {"sample_texts": SAMPLE_TEXTS})


ANALYSES: dict[str, Analysis] = {
    "decoding": Analysis(("decoding",), frozenset({"vectors", "activations", "seed"}), _decoding),
    "lexical": Analysis(("lexical",), frozenset({"vectors", "activations", "stories", "seed"}), _lexical),
    "choice": Analysis((), frozenset({"decoding", "layer"}), _choice),
    "rsa": Analysis(("rsa",), frozenset({"vectors", "permutations", "seed"}), _rsa),
    "crosslingual": Analysis(("crosslingual",), frozenset({"vectors", "permutations", "seed"}), _crosslingual),
    "cosine": Analysis(("cosine", "order"), frozenset({"vectors"}), _cosine),
    "clusters": Analysis(("clusters", "silhouette"), frozenset({"vectors", "seed"}), _clusters),
    "umap": Analysis(("umap",), frozenset({"vectors", "layer", "seed"}), _umap),
    "pca": Analysis(("pca", "pca_variance"), frozenset({"vectors", "norms"}), _pca),
    "axes": Analysis(("axes", "poles"), frozenset({"vectors", "norms", "permutations", "seed"}), _axes),
    "lens": Analysis(("lens", "lens_hits"), frozenset({"vectors", "stories", "model", "top_k"}), _lens),
    "outliers": Analysis(
        ("outliers", "outlier_tokens"),
        frozenset({"vectors", "activations", "stories", "model", "layer", "seed"}),
        _outliers,
    ),
}
"""In the order in which a study runs them; layer-dependent ones after `choice`."""
