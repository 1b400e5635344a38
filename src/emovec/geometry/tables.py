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
    "layer_rsa": ("variant", "language", "layer_a", "layer_b", "r"),
    "clusters": ("variant", "layer", "languages", "k", "language", "emotion", "cluster"),
    "silhouette": ("variant", "layer", "languages", "k", "silhouette"),
    "umap": ("variant", "layer", "languages", "language", "emotion", "x", "y"),
    "pca": ("variant", "layer", "language", "emotion", "component", "score"),
    "pca_variance": ("variant", "layer", "language", "component", "share"),
    "axes": ("variant", "layer", "language", "component", "reference", "r", "n_emotions"),
    "poles": ("variant", "layer", "language", "cosine"),
    "lens": ("language", "layer", "lens", "emotion", "side", "rank", "token_id", "token", "score"),
    "lens_hits": ("language", "layer", "lens", "k", "word_language", "hit_rate", "chance", "n_emotions"),
    "outliers": ("kind", "variant", "language", "layer", "rank", "dimension", "energy_share"),
    "outlier_tokens": ("language", "layer", "dimension", "token", "count", "share", "position_first"),
}

_TEXT = {
    *("kind", "variant", "languages", "language", "language_a", "language_b", "train_language", "test_language"),
    *("word_language", "emotion", "emotion_a", "emotion_b", "features", "method", "reference", "lens", "side", "token"),
}
_WHOLE = {
    *("layer", "layer_a", "layer_b", "k", "rank", "component", "position", "cluster", "dimension", "token_id"),
    *("count", "n_stories", "n_emotions", "permutations"),
}


def tidy(table: str, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """One table out of its parts, with exactly its columns and their types, also when there are no rows."""
    columns = list(COLUMNS[table])
    parts = [frame[columns] for frame in frames if len(frame)]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    types = {name: "str" if name in _TEXT else "int64" if name in _WHOLE else "float64" for name in columns}
    return whole.astype(types)
