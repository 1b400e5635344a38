"""Do the vectors name the emotions of texts of another kind, which took no part in making them?"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from emovec.corpus.story import Story
from emovec.geometry.analysis import Activations, Analysis, OtherTexts, Outcome, Table, stories_read
from emovec.geometry.decoding import story_labels
from emovec.geometry.profiles import mean_embeddings
from emovec.geometry.transfer import shared_emotions, transfer_accuracy, transfer_texts, unshared_topics
from emovec.vectors.emotion_vectors import EmotionVectors

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

_MEASURED = (
    "source_language:str target_language:str accuracy low high top3 top3_low top3_high chance n_stories:int "
    "n_emotions:int"
)
TABLES = {
    "held_out": Table(f"variant:str layer:int {_MEASURED}"),
    "held_out_words": Table(f"features:str variant:str {_MEASURED}"),
}


def _held_out(
    vectors: EmotionVectors,
    activations: Activations,
    stories: Sequence[Story],
    held_out: OtherTexts | None,
    model: "Callable[[], LanguageModel]",
    bootstraps: int,
    seed: int,
) -> Outcome:
    if held_out is None:
        return Outcome({name: [] for name in TABLES}, {"note": "The study names no geometry.held_out."})
    layers = [layer for layer in vectors.layers if layer in held_out.vectors.layers]
    shared = shared_emotions(vectors.emotions, held_out.vectors.emotions)
    facts = {"held_out": held_out.name, "n_emotions": len(shared)}
    if not layers or len(shared) < 2:
        missing = "none of the study's layers" if not layers else "fewer than two of its emotions"
        return Outcome({name: [] for name in TABLES}, facts | {"note": f"{held_out.name} has {missing}."})

    def sides(layer: int) -> list[xr.DataArray]:
        return [
            xr.concat([own(layer, language) for language in made.languages], "story")
            for own, made in ((activations, vectors), (held_out.activations, held_out.vectors))
        ]

    frames = [
        transfer_accuracy(*sides(layer), bootstraps=bootstraps, seed=seed).assign(layer=layer) for layer in layers
    ]
    arrays = sides(layers[0])
    texts = [
        _of(stories_read(stories, activations, vectors), arrays[0]),
        _of(stories_read(held_out.stories, held_out.activations, held_out.vectors), arrays[1]),
    ]
    averaged = [
        xr.DataArray(
            mean_embeddings([story.text for story in own], model()), dims=("story", "hidden"), coords=of.coords
        )
        for own, of in zip(texts, arrays, strict=True)
    ]
    words = [
        transfer_accuracy(*averaged, bootstraps=bootstraps, seed=seed).assign(features="embeddings"),
        transfer_texts(texts[0], texts[1], bootstraps=bootstraps, seed=seed).assign(variant="raw"),
    ]
    apart = unshared_topics(*map(story_labels, arrays))
    summary = facts | ({"warning": apart} if apart else {})
    return Outcome({"held_out": frames, "held_out_words": [pd.concat(words)]}, summary)


def _of(stories: Sequence[Story], array: xr.DataArray) -> list[Story]:
    """The stories behind activations, in their order."""
    by_id = {(story.language, story.id): story for story in stories}
    return [by_id[str(a), str(b)] for a, b in zip(array["language"].values, array["id"].values, strict=True)]


ANALYSIS = Analysis("held_out", _held_out, TABLES)
