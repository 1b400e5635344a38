"""Vectors out of a few bundled stories steer Gemma 3 270M, in their own language and in others."""

import numpy as np
import pytest

from emovec import build_vectors, extract, load_model
from emovec.corpus.bundled import bundled_stories
from emovec.languages.load import load_language
from emovec.models.embedded import DEFAULT_MODEL
from emovec.steering.coherence import distinct, perplexity, regime
from emovec.steering.conditions import random_direction
from emovec.steering.experiments.word_effects import (
    frame_word,
    relative_changes,
    split_frame,
    word_log_probabilities,
)

pytestmark = pytest.mark.real
EMOTIONS = ("angry", "calm", "joyful")
LAYER = 12


def test_each_word_is_moved_most_by_its_own_vector_in_every_language(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    model = load_model(DEFAULT_MODEL, device="cpu")
    stories = [s for s in bundled_stories("plain", ["en"]) if s.emotion in EMOTIONS]
    few = [s for emotion in EMOTIONS for s in [s for s in stories if s.emotion == emotion][:4]]
    activations = extract(model, few, tmp_path_factory.mktemp("calibration"), layers=[LAYER], batch_tokens=1024)
    vectors = build_vectors(activations, languages=["en"], emotions=EMOTIONS, denoise="none")
    pushes = [vectors.best.sel(language="en", emotion=e, layer=LAYER).values for e in EMOTIONS]
    pushes += [random_direction(model.hidden_size, 0, number) for number in (1, 2)]
    assert vectors.residual_norm is not None
    length = 0.1 * float(vectors.residual_norm.sel(language="en", layer=LAYER))
    for language in map(load_language, ("en", "ja", "zh", "es", "de")):
        effects = []
        for frame in list(language.frames.values())[:2]:
            split = split_frame(model, frame, [frame_word(language, e) or "" for e in EMOTIONS])
            rows = [pushes[0], *pushes]
            found = word_log_probabilities(model, split, np.stack(rows), [0.0, *[length] * len(pushes)], LAYER)
            effects.append(relative_changes(found[1:], found[0])[1])
        mean = np.mean(effects, axis=0)
        own = np.diag(mean[:3]).mean()
        assert own > 0.5, language.code
        # Each word is moved most by its own vector, and random directions know nothing of what a word means.
        assert mean[:3].argmax(axis=0).tolist() == [0, 1, 2], language.code
        assert own > mean[3:].mean() + 0.5, language.code


def test_nonsense_explodes_and_repetition_collapses() -> None:
    model = load_model(DEFAULT_MODEL, device="cpu")
    opening = "After lunch he opened the letter. It said that"
    texts = {
        "surgical": " the meeting had been moved to the following week, and that he was welcome to come.",
        "collapse": " he was in the house, in the house, in the house, in the house, in the house, in the house",
        "explosion": " shade neighbour north raí eka side lamp zinc upon thirteen verbs cable moss",
    }
    likely = dict(zip(texts, perplexity(model, [opening] * 3, list(texts.values())), strict=True))
    plain = "surgical"
    for name, text in texts.items():
        assert regime(likely[name] / likely[plain], distinct(text), distinct(texts[plain])) == name
