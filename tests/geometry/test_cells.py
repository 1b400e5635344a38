import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emovec.geometry import Inputs, topic_cells
from tests.geometry.planted_cells import study_inputs

TOPICS = ["t1", "t2", "t3", "t4", "t5"]


def reference_vectors(inputs: Inputs, language: str, variant: str, weights: np.ndarray) -> np.ndarray:
    """Story by story: weighted means, less their mean, denoised, scaled; [emotion, hidden] float64, emotions sorted."""
    states, vectors = inputs.activations(0, language), inputs.vectors
    weight = dict(zip(TOPICS, weights, strict=True))
    rows = []
    for emotion in sorted(vectors.emotions):
        total, n = np.zeros(states.sizes["hidden"]), 0.0
        for value, label, topic in zip(states.values, states.emotion.values, states.topic.values, strict=True):
            if label == emotion:
                total, n = total + weight[str(topic)] * value, n + weight[str(topic)]
        rows.append(total / n if n else np.full(len(total), np.nan))
    means = np.array(rows)
    centred = means - np.nanmean(means, axis=0)
    if vectors.noise_directions is not None:
        noise = vectors.noise_directions.sel(language=language, layer=0).values
        centred = centred - centred @ noise.T @ noise
    return centred / vectors.scale.sel(layer=0).values if variant == "standardised" else centred


@pytest.mark.parametrize("variant", ["raw", "standardised"])
@pytest.mark.parametrize("denoise", [False, True])
@pytest.mark.parametrize("centring", ["emotions", "topics"])
def test_equal_weights_give_the_vectors_themselves(variant: str, denoise: bool, centring: str) -> None:
    inputs = study_inputs(3, centring=centring, denoise=denoise, repeats=2, drop=0.3)
    cells = topic_cells(inputs.vectors, inputs.activations, 0, variant)
    assert cells.emotions == sorted(inputs.vectors.emotions)
    vectors = inputs.vectors.variant(variant).sel(layer=0).sortby("emotion").astype("float64")
    for a, b in (("en", "en"), ("en", "ja"), ("ja", "en")):
        x, y = (vectors.sel(language=la).values for la in (a, b))
        found = cells.grams(np.ones((1, 5)), a, b)[0]
        np.testing.assert_allclose(found, (x - x.mean(0)) @ (y - y.mean(0)).T, atol=1e-4, rtol=1e-4)


@settings(max_examples=15, deadline=None)
@given(weights=st.lists(st.integers(0, 3), min_size=5, max_size=5).filter(any), drop=st.sampled_from([0.0, 0.4]))
def test_any_weights_equal_a_loop_over_stories(weights: list[int], drop: float) -> None:
    inputs = study_inputs(5, denoise=True, drop=drop)
    cells = topic_cells(inputs.vectors, inputs.activations, 0, "standardised")
    w = np.array(weights, float)
    x, y = (reference_vectors(inputs, la, "standardised", w) for la in ("en", "ja"))
    np.testing.assert_allclose(cells.grams(w[None], "en", "ja")[0], x @ y.T, atol=1e-5)


def test_many_draws_are_each_as_if_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = study_inputs(1, drop=0.2)
    cells = topic_cells(inputs.vectors, inputs.activations, 0, "raw")
    weights = np.random.default_rng(0).integers(0, 3, (9, 5))
    monkeypatch.setattr("emovec.geometry.cells._CHUNK_ELEMENTS", 2 * cells.gram[0, :, :, 0].size // 5)
    together = cells.grams(weights, "en", "ja")
    for draw, gram in zip(weights, together, strict=True):
        np.testing.assert_allclose(cells.grams(draw[None], "en", "ja")[0], gram, rtol=1e-10)


def test_a_draw_without_an_emotion_has_none() -> None:
    inputs = study_inputs(2)
    states = inputs.activations(0, "en")
    kept = ~((states.emotion.values == "sad") & (states.topic.values != "t1"))
    short = states.isel(story=np.flatnonzero(kept))
    other = inputs.activations(0, "ja")
    cells = topic_cells(
        inputs.vectors,
        lambda _, la: short if la == "en" else other,
        0,
        "raw",
    )
    sad = cells.emotions.index("sad")
    gram = cells.grams(np.array([[0, 1, 1, 1, 1.0]]), "en", "ja")[0]
    assert np.isnan(gram[sad]).all()
    rest = np.delete(gram, sad, axis=0)
    assert np.isfinite(rest).all()
    np.testing.assert_allclose(rest.sum(axis=0), 0, atol=1e-9)


def test_stories_without_topics_are_dealt_into_groups() -> None:
    inputs = study_inputs(4, topics=[None], repeats=30)
    cells = topic_cells(inputs.vectors, inputs.activations, 0, "raw")
    assert cells.note == "20 random groups of stories: no topics"
    assert cells.counts.min() >= 1
    assert cells.counts.sum() == 2 * 5 * 30
    vectors = inputs.vectors.variant("raw").sel(layer=0, language="en").sortby("emotion").values.astype("float64")
    np.testing.assert_allclose(cells.grams(np.ones((1, 20)), "en", "en")[0], vectors @ vectors.T, atol=1e-4)
    again = topic_cells(inputs.vectors, inputs.activations, 0, "raw")
    np.testing.assert_array_equal(cells.gram, again.gram)


def test_merged_blocks_keep_the_vectors() -> None:
    inputs = study_inputs(6, drop=0.2)
    cells = topic_cells(inputs.vectors, inputs.activations, 0, "raw")
    blocks = cells.merged(2, seed=0)
    assert blocks.gram.shape == (2, 2, 5, 2, 2, 5)
    np.testing.assert_allclose(
        blocks.grams(np.ones((1, 2)), "en", "ja"), cells.grams(np.ones((1, 5)), "en", "ja"), atol=1e-9
    )
    np.testing.assert_array_equal(blocks.counts.sum(axis=1), cells.counts.sum(axis=1))
    assert cells.merged(5, seed=0) is cells
