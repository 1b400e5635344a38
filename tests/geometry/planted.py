"""Vectors and stories whose truth is known."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from emovec.corpus.story import Story
from emovec.emotions import DEFAULT_30
from emovec.vectors.emotion_vectors import EmotionVectors


def vectors_array(values: np.ndarray, languages: Sequence[str], emotions: Sequence[str]) -> xr.DataArray:
    """[language, emotion, layer, hidden] with labels; layers count from 0."""
    coords = {"language": list(languages), "emotion": list(emotions), "layer": range(values.shape[2])}
    return xr.DataArray(values, dims=("language", "emotion", "layer", "hidden"), coords=coords)


def random_vectors(
    seed: int, languages: Sequence[str] = ("en", "ja"), n: int = 8, layers: int = 3, hidden: int = 12, shared: float = 0
) -> xr.DataArray:
    """Gaussian vectors; `shared` is how much of a structure common to all languages is added."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(len(languages), n, layers, hidden)) + shared * rng.normal(size=(1, n, layers, hidden))
    return vectors_array(values - values.mean(axis=1, keepdims=True), languages, DEFAULT_30[:n])


def relabelled(vectors: xr.DataArray, seed: int) -> xr.DataArray:
    """The same vectors with emotions and languages in another order."""
    rng = np.random.default_rng(seed)
    return vectors.isel(
        emotion=rng.permutation(vectors.sizes["emotion"]), language=rng.permutation(vectors.sizes["language"])
    )


def emotion_vectors(vectors: xr.DataArray, scale: np.ndarray | None = None) -> EmotionVectors:
    """A record around centred vectors; `scale` [hidden] is the standard deviation over stories."""
    std = xr.ones_like(vectors.isel(emotion=0, drop=True)) * (1 if scale is None else scale)
    return EmotionVectors(
        raw=vectors,
        centred=vectors,
        denoised=None,
        story_std=std,
        residual_norm=std.mean("hidden"),
        counts=xr.ones_like(vectors.isel(layer=0, hidden=0, drop=True)),
    )


def story_activations(values: np.ndarray, stories: Sequence[Story]) -> xr.DataArray:
    """[story, hidden] with the coordinates of the stories."""
    fields = ("id", "language", "emotion")
    coords = {name: ("story", [getattr(story, name) for story in stories]) for name in fields}
    coords["topic"] = ("story", [story.topic or "" for story in stories])
    return xr.DataArray(values, dims=("story", "hidden"), coords=coords)


def make_stories(
    language: str, emotions: Sequence[str], topics: Sequence[str | None], text: str = "", repeats: int = 1
) -> list[Story]:
    """One story (or several) for each emotion and topic."""
    return [
        Story(f"{language}-{topic}-{emotion}-{number}", language, emotion, topic, text)
        for emotion in emotions
        for topic in topics
        for number in range(repeats)
    ]
