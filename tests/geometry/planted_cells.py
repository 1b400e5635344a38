"""Studies of stories with known vectors, topics and noise."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from emovec.geometry import Inputs
from emovec.vectors.build import layer_vectors
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.geometry.planted import make_stories, story_activations, vectors_array


def study_inputs(
    seed: int,
    languages: Sequence[str] = ("en", "ja"),
    emotions: Sequence[str] = ("sad", "calm", "angry", "afraid", "proud"),
    topics: Sequence[str | None] = ("t1", "t2", "t3", "t4", "t5"),
    hidden: int = 8,
    layers: int = 1,
    centring: str = "emotions",
    denoise: bool = False,
    repeats: int = 1,
    drop: float = 0.0,
    noise: float = 1.0,
    **given: Any,
) -> Inputs:
    """Inputs of a small study: a structure common to the languages, noise of topics and stories, and its vectors."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(layers, len(emotions), hidden))
    stories = {language: make_stories(language, emotions, topics, repeats=repeats) for language in languages}
    states: dict[tuple[int, str], xr.DataArray] = {}
    by_language: dict[str, list[xr.Dataset]] = {language: [] for language in languages}
    for language in languages:
        kept = rng.random(len(stories[language])) >= drop
        kept[:: len(topics) * repeats] = True
        stories[language] = [story for story, there in zip(stories[language], kept, strict=True) if there]
    for layer in range(layers):
        for language in languages:
            own = stories[language]
            at = [list(emotions).index(story.emotion) for story in own]
            values = common[layer][at] + noise * rng.normal(size=(len(own), hidden)) + 3.0
            states[layer, language] = story_activations(values, own)
            neutral = xr.DataArray(rng.normal(size=(6, hidden)), dims=("story", "hidden")) if denoise else None
            by_language[language].append(
                layer_vectors(states[layer, language], neutral, emotions, centring, "neutral", 0.4)  # pyright: ignore[reportArgumentType]
            )
    built = {
        name: np.stack([np.stack([part[name].values for part in by_language[la]], axis=-2) for la in languages])
        for name in ("raw", "centred", *(["denoised"] if denoise else []))
    }
    std = np.stack([np.stack([part["story_std"].values for part in by_language[la]]) for la in languages])
    coords = {"language": list(languages), "layer": range(layers)}
    story_std = xr.DataArray(std, dims=("language", "layer", "hidden"), coords=coords)
    directions = None
    if denoise:
        rows = [[part["noise_directions"].values for part in by_language[la]] for la in languages]
        most = max(len(part) for own in rows for part in own)
        padded = [[np.pad(part, ((0, most - len(part)), (0, 0))) for part in own] for own in rows]
        directions = xr.DataArray(np.array(padded), dims=("language", "layer", "component", "hidden"), coords=coords)
    arrays = {name: vectors_array(values, languages, emotions) for name, values in built.items()}
    vectors = EmotionVectors(
        raw=arrays["raw"],
        centred=arrays["centred"],
        denoised=arrays.get("denoised"),
        story_std=story_std,
        residual_norm=story_std.mean("hidden"),
        counts=xr.ones_like(arrays["raw"].isel(layer=0, hidden=0, drop=True)),
        noise_directions=directions,
        provenance={"vectors": {"centring": centring}},
    )
    every = [story for own in stories.values() for story in own]
    return Inputs(vectors, lambda layer, language: states[layer, language], every, lambda: None, **given)  # pyright: ignore[reportArgumentType]
