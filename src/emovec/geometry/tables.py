"""The tables of the geometry stage: their columns, in order."""

from collections.abc import Iterable

import pandas as pd

COLUMNS: dict[str, tuple[str, ...]] = {
    "decoding": ("variant", "layer", "train_language", "test_language", "accuracy", "n_stories", "chance"),
    "lexical": ("features", "train_language", "test_language", "accuracy", "n_stories", "chance"),
    "rsa": (
        "variant",
        "layer",
        "language_a",
        "language_b",
        "method",
        "r",
        "p",
        "p_familywise",
        "null_mean",
        "null_95",
        "permutations",
    ),
    "crosslingual": (
        "variant",
        "layer",
        "language_a",
        "language_b",
        "same_cosine",
        "other_cosine",
        "p",
        "retrieval_ab",
        "retrieval_ba",
        "chance",
    ),
    "cosine": ("variant", "layer", "language_a", "language_b", "emotion_a", "emotion_b", "cosine"),
    "order": ("variant", "layer", "language", "position", "emotion"),
    "cross_layer": ("variant", "language_a", "language_b", "measure", "layer_a", "layer_b", "r"),
    "distance_rsa": (
        *("variant", "layer", "language_a", "language_b", "distance", "measure"),
        *("r", "p", "p_familywise", "null_95"),
    ),
    "cka": ("variant", "layer", "language_a", "language_b", "cka", "p", "p_familywise", "null_95"),
    "language_agreement": ("variant", "layer", "language_a", "language_b", "r"),
    "language_map": ("variant", "layer", "language", "x", "y", "position"),
    "clusters": ("variant", "layer", "languages", "k", "language", "emotion", "cluster"),
    "silhouette": ("variant", "layer", "languages", "k", "silhouette"),
    "umap": ("variant", "layer", "languages", "language", "emotion", "x", "y"),
    "pca": ("variant", "layer", "language", "emotion", "component", "score"),
    "pca_variance": ("variant", "layer", "language", "component", "share"),
    "axes": (
        *("variant", "layer", "language", "component", "reference", "r", "p", "p_familywise", "null_95"),
        "n_emotions",
    ),
    "poles": ("variant", "layer", "language", "cosine", "p", "p_familywise", "null_95"),
    "lens": ("language", "layer", "lens", "emotion", "side", "rank", "token_id", "token", "score"),
    "lens_hits": ("language", "layer", "lens", "k", "word_language", "hit_rate", "chance", "n_emotions"),
    "outliers": ("kind", "variant", "language", "layer", "rank", "dimension", "energy_share"),
    "intervals": (
        *("variant", "layer", "statistic", "language_a", "language_b", "reference", "estimate", "low", "high"),
        *("low_percentile", "high_percentile", "low_bca", "high_bca", "standard_error", "bootstraps"),
    ),
    "reliability": ("variant", "layer", "language", "r_half", "r", "splits"),
    "ceiling": ("variant", "layer", "language_a", "language_b", "r", "ceiling", "disattenuated", "warning"),
    "robustness": (
        *("layer", "texts", "n_texts", "choice", "option", "used", "variant"),
        *("statistic", "language_a", "language_b", "value"),
    ),
    "word_influence": (
        *("variant", "layer", "language", "source", "scale", "r", "low", "low_word", "high", "high_word"),
        *("r_without", "word", "n_emotions"),
    ),
    "controls": (
        *("variant", "layer", "language_a", "language_b", "given", "r_control", "partial"),
        *("partial_noise_free", "p", "p_familywise", "permutations"),
    ),
    "outlier_tokens": ("language", "layer", "dimension", "token", "count", "share", "position_first"),
    "geodesic": (
        *("variant", "layer", "language_a", "language_b", "k", "connected", "rsa_geodesic", "rsa_euclidean"),
        *("free_geodesic", "free_euclidean", "ceiling_geodesic", "ceiling_euclidean", "difference", "low", "high"),
    ),
    "isomap": ("variant", "layer", "language", "emotion", "x", "y", "k"),
    "manifold": (*("variant", "method", "dimensions", "layer", "language", "emotion", "x", "y", "z", "share"),),
    "cluster_quality": (
        *("variant", "layer", "languages", "algorithm", "k", "silhouette", "stability", "draws"),
        *("silhouette_chance", "silhouette_95", "stability_chance", "stability_95"),
    ),
    "cluster_agreement": (
        *("variant", "layer", "language_a", "language_b", "algorithm", "k", "ari", "p", "p_familywise"),
    ),
    "cluster_profile": (
        *("variant", "layer", "languages", "algorithm", "k", "cluster", "size", "emotions", "valence", "arousal"),
        "source",
    ),
    "confusion": ("layer", "method", "train_language", "test_language", "emotion", "predicted", "count"),
    "methods": (
        *("layer", "method", "train_language", "test_language", "accuracy", "low", "high", "n_stories", "chance"),
    ),
    "confused_pairs": ("layer", "method", "emotion_a", "emotion_b", "language", "rate"),
    "confusion_agreement": ("layer", "method", "language_a", "language_b", "r", "p", "n_pairs", "permutations"),
    "affect": (
        *("variant", "layer", "language", "source", "scale", "r", "low", "high", "p", "p_familywise", "null_95"),
        *("n_emotions", "ceiling"),
    ),
    "affect_predictions": ("variant", "layer", "language", "source", "emotion", "scale", "rating", "prediction"),
    "affect_components": (
        *("variant", "layer", "language", "source", "component", "r_valence", "r_arousal", "p_valence", "p_arousal"),
        *("r2", "r2_adjusted", "p_both", "n_emotions"),
    ),
    "procrustes": (
        *("variant", "layer", "language_a", "language_b", "components", "sample", "r2", "r2_95"),
        *("retrieval", "chance", "shuffles"),
    ),
}

_TEXT = {
    *("word", "low_word", "high_word"),
    *("scale", "sample"),
    *("statistic", "warning"),
    "given",
    *("algorithm", "emotions", "source", "predicted"),
    *("texts", "choice", "option", "statistic"),
    *("kind", "variant", "languages", "language", "language_a", "language_b", "train_language", "test_language"),
    *("word_language", "emotion", "emotion_a", "emotion_b", "features", "method", "reference", "lens", "side", "token"),
    *("distance", "measure"),
}
_WHOLE = {
    *("components", "shuffles"),
    *("bootstraps", "splits"),
    *("size", "draws", "n_pairs"),
    *("n_texts", "used"),
    *("layer", "layer_a", "layer_b", "k", "rank", "component", "position", "cluster", "dimension", "token_id"),
    *("count", "n_stories", "n_emotions", "permutations"),
    *("connected", "draws", "dimensions"),
}


def tidy(table: str, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """One table out of its parts, with exactly its columns and their types, also when there are no rows."""
    columns = list(COLUMNS[table])
    parts = [frame[columns] for frame in frames if len(frame)]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    types = {name: "str" if name in _TEXT else "int64" if name in _WHOLE else "float64" for name in columns}
    return whole.astype(types)
