from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from emovec.config import SteeringConfig
from emovec.models.language_model import LanguageModel
from emovec.steering.experiments.experiment import SteeringInputs
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.conftest import EMOTIONS
from tests.tiny_models import random_stories


@pytest.fixture
def inputs(tiny_model: Callable[..., LanguageModel], tiny_vectors: EmotionVectors) -> SteeringInputs:
    """What an experiment on the tiny llama is given: two emotions, one control of each kind."""
    model = tiny_model("llama")
    stories = random_stories(emotions=tuple(EMOTIONS))

    def activations(layer: int, language: str) -> xr.DataArray:
        own = [story for story in stories if story.language == language and story.emotion != "neutral"]
        values = np.random.default_rng(layer).standard_normal((len(own), model.hidden_size)).astype(np.float32)
        coords = {name: ("story", [getattr(s, name) for s in own]) for name in ("id", "language", "emotion", "topic")}
        return xr.DataArray(values, dims=("story", "hidden"), coords=coords)

    return SteeringInputs(
        model=model,
        vectors=tiny_vectors,
        settings=SteeringConfig(strengths=[0.1, 0.5], controls=1, limit=2, max_new_tokens=4),
        languages=["en", "ja"],
        emotions=["angry", "calm"],
        layer=2,
        stories=stories,
        activations=activations,
    )
