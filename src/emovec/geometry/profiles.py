"""How the stories' words alone arrange the emotions: profiles that need no forward pass, and their cosines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from scipy.sparse import csr_array

from emovec.corpus.story import Story
from emovec.geometry.analysis import VARIANTS
from emovec.geometry.decoding import pooled_scale
from emovec.stats.word_baseline import text_features, tfidf

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel


def mean_embeddings(texts: Sequence[str], model: "LanguageModel") -> np.ndarray:
    """The input embeddings of each text's own tokens, averaged: [text, hidden] float64; no forward pass is made.

    A text without tokens gets zeros.
    """
    ids = [model.text_token_ids(text) for text in texts]
    vocabulary, columns = np.unique(np.concatenate([np.empty(0, np.int64), *ids]).astype(int), return_inverse=True)
    rows = np.repeat(np.arange(len(ids)), [len(own) for own in ids])
    share = np.repeat([1 / max(1, len(own)) for own in ids], [len(own) for own in ids])
    weights = csr_array((share, (rows, columns)), shape=(len(ids), len(vocabulary)))
    return weights @ model.embeddings(vocabulary.tolist()).astype("float64")


def profile_cosines(values: Any, emotions: Sequence[str]) -> xr.DataArray:
    """Cosines between emotions' mean profiles, less their mean over emotions.

    Args:
        values: [story, feature], dense or sparse.
        emotions: [story] labels.

    Returns:
        [emotion_a, emotion_b], both sorted by label.
    """
    names, codes = np.unique(np.asarray(emotions, dtype=str), return_inverse=True)
    members = csr_array((1 / np.bincount(codes)[codes], (codes, np.arange(len(codes)))))
    means = members @ values
    gram = means @ means.T
    gram = np.asarray(gram.todense() if hasattr(gram, "todense") else gram, dtype="float64")
    gram = gram - gram.mean(0) - gram.mean(1, keepdims=True) + gram.mean()
    length = np.sqrt(np.clip(np.diag(gram), 0, None))
    length = np.where(length > 0, length, 1.0)
    coords = {"emotion_a": names.tolist(), "emotion_b": names.tolist()}
    return xr.DataArray(gram / np.outer(length, length), dims=("emotion_a", "emotion_b"), coords=coords)


def word_cosines(
    stories: Sequence[Story], languages: Sequence[str], model: "LanguageModel"
) -> tuple[dict[str, dict[str, xr.DataArray]], dict[str, dict[str, xr.DataArray]]]:
    """Cosines of the emotions from words alone: variant → language for embeddings, kind of terms → language."""
    emotions: dict[str, list[str]] = {}
    means: dict[str, np.ndarray] = {}
    terms: dict[str, dict[str, xr.DataArray]] = {}
    for language in languages:
        own = [story for story in stories if story.language == language]
        texts, emotions[language] = [story.text for story in own], [story.emotion for story in own]
        means[language] = mean_embeddings(texts, model)
        for name in text_features(language):
            terms.setdefault(name, {})[language] = profile_cosines(tfidf(texts, name), emotions[language])
    # As for the vectors: one scale for all languages.
    pooled = pooled_scale([values.var(axis=0) for values in means.values()])
    scales = dict(zip(VARIANTS, (np.ones_like(pooled), pooled), strict=True))
    embedded = {
        variant: {language: profile_cosines(values / scale, emotions[language]) for language, values in means.items()}
        for variant, scale in scales.items()
    }
    return embedded, terms


def triangle(cosines: xr.DataArray, emotions: Sequence[str]) -> np.ndarray:
    """The upper triangle [pair] of cosines [emotion_a, emotion_b] between some emotions, in their order."""
    matrix = cosines.sel(emotion_a=list(emotions), emotion_b=list(emotions)).values
    return matrix[np.triu_indices(len(emotions), 1)]
