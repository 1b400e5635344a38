from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from emovec.activations.extract import extract
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.models.language_model import LanguageModel
from emovec.vectors.build import build_vectors, layer_vectors, principal_components
from emovec.vectors.emotion_vectors import EmotionVectors

TinyModel = Callable[..., LanguageModel]
EMOTIONS = ("afraid", "calm", "joyful")


def random_states(seed: int, n_topics: int = 3, unbalanced: bool = False) -> xr.DataArray:
    generator = np.random.default_rng(seed)
    labels = [
        (e, f"t{t}") for e in EMOTIONS for t in range(n_topics) for _ in range(1 + unbalanced * generator.integers(3))
    ]
    values = generator.standard_normal((len(labels), 6)).astype(np.float32)
    coords = {
        name: ("story", list(column))
        for name, column in zip(("emotion", "topic"), zip(*labels, strict=True), strict=True)
    }
    return xr.DataArray(values, dims=("story", "hidden"), coords=coords)


def slow_vectors(stories: xr.DataArray, emotions: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    raw = []
    for emotion in emotions:
        rows = [
            stories.values[i].astype(np.float64) for i in range(len(stories)) if stories["emotion"].values[i] == emotion
        ]
        raw.append(sum(rows) / len(rows))
    centre = sum(raw) / len(raw)
    return np.stack(raw), np.stack([vector - centre for vector in raw])


@given(seed=st.integers(0, 1000), unbalanced=st.booleans())
def test_raw_and_centred_equal_the_loop(seed: int, unbalanced: bool) -> None:
    states = random_states(seed, unbalanced=unbalanced)
    found = layer_vectors(states, None, EMOTIONS, "emotions", "neutral", 0.5)
    raw, centred = slow_vectors(states, EMOTIONS)
    np.testing.assert_allclose(found["raw"], raw, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["centred"], centred, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["story_std"], states.values.astype(np.float64).std(0), rtol=1e-5)
    assert "denoised" not in found


@given(seed=st.integers(0, 1000), order=st.permutations(EMOTIONS), unbalanced=st.booleans())
def test_label_order_and_story_order_do_not_matter(seed: int, order: list[str], unbalanced: bool) -> None:
    states = random_states(seed, unbalanced=unbalanced)
    neutral = random_states(seed + 1, n_topics=5)
    shuffled = states.isel(story=np.random.default_rng(seed).permutation(states.sizes["story"]))
    for centring in ("emotions", "topics"):
        one = layer_vectors(states, neutral, EMOTIONS, centring, "neutral", 0.5)
        other = layer_vectors(shuffled, neutral, order, centring, "neutral", 0.5).sel(emotion=list(EMOTIONS))
        for name in ("raw", "centred", "denoised"):
            np.testing.assert_allclose(one[name], other[name], atol=1e-5)


def test_topic_centring_removes_a_topic_that_only_one_emotion_has_more_of() -> None:
    topic_effect = np.array([100.0, 0, 0, 0, 0, 0])
    labels = [("afraid", "a")] * 9 + [("afraid", "b")] + [("calm", "a")] + [("calm", "b")] * 9
    emotion_effect = {"afraid": np.array([0, 1.0, 0, 0, 0, 0]), "calm": np.array([0, -1.0, 0, 0, 0, 0])}
    values = np.stack([emotion_effect[e] + (topic_effect if t == "a" else 0) for e, t in labels]).astype(np.float32)
    coords = {"emotion": ("story", [e for e, _ in labels]), "topic": ("story", [t for _, t in labels])}
    states = xr.DataArray(values, dims=("story", "hidden"), coords=coords)
    confounded = layer_vectors(states, None, ("afraid", "calm"), "emotions", "none", 0.5)["centred"]
    balanced = layer_vectors(states, None, ("afraid", "calm"), "topics", "none", 0.5)["centred"]
    assert abs(float(confounded[0, 0])) > 10
    np.testing.assert_allclose(balanced, [[0, 1, 0, 0, 0, 0], [0, -1, 0, 0, 0, 0]], atol=1e-5)


def test_an_emotion_whose_topics_are_its_own_has_no_topic_balanced_vector() -> None:
    states = random_states(0)
    alone = states.assign_coords(topic=("story", [f"{e}-only" for e in states["emotion"].values]))
    with pytest.raises(EmovecError, match="'afraid' shares no topic with another emotion"):
        layer_vectors(alone, None, EMOTIONS, "topics", "none", 0.5)


@given(seed=st.integers(0, 1000), variance=st.floats(0.05, 0.95), n=st.integers(3, 30))
def test_components_equal_the_covariances_eigenvectors(seed: int, variance: float, n: int) -> None:
    samples = np.random.default_rng(seed).standard_normal((n, 5)) * [5, 3, 2, 1, 0.5] + 7
    components, held = principal_components(samples, variance)
    values, vectors = np.linalg.eigh(np.cov(samples.T))
    values, vectors = values[::-1], vectors[:, ::-1]
    k = next(k for k in range(1, 6) if values[:k].sum() / values.sum() >= variance)
    assert len(components) == k
    assert held == pytest.approx(values[:k].sum() / values.sum())
    np.testing.assert_allclose(components.T @ components, vectors[:, :k] @ vectors[:, :k].T, atol=1e-8)


def test_denoising_removes_what_neutral_texts_share_and_nothing_else() -> None:
    generator = np.random.default_rng(0)
    noise, signal = np.eye(6)[0], np.eye(6)[1]
    labels = [(e, f"t{t}") for e in EMOTIONS for t in range(20)]
    strength = dict(zip(EMOTIONS, (1, 0, -1), strict=True))
    values = [strength[e] * signal + generator.normal() * 5 * noise for e, _ in labels]
    coords = {"emotion": ("story", [e for e, _ in labels]), "topic": ("story", [t for _, t in labels])}
    states = xr.DataArray(np.array(values, np.float32), dims=("story", "hidden"), coords=coords)
    neutral = xr.DataArray(generator.standard_normal((50, 1)) * 5 * noise, dims=("story", "hidden"))
    found = layer_vectors(states, neutral, EMOTIONS, "emotions", "neutral", 0.5)
    assert np.abs(found["centred"][:, 0]).max() > 0.1
    np.testing.assert_allclose(found["denoised"], [strength[e] * signal for e in EMOTIONS], atol=1e-5)
    assert int(found["noise_components"]) == 1
    np.testing.assert_allclose(np.abs(found["noise_directions"].values), noise[None], atol=1e-6)


@pytest.mark.parametrize(("asked", "found"), [(1, 1), (3, 3), (99, 4)])
def test_a_number_of_components_goes_before_their_share(asked: int, found: int) -> None:
    samples = np.random.default_rng(0).standard_normal((5, 8))
    components, share = principal_components(samples, 0.5, asked)
    assert components.shape == (found, 8)
    energy = np.linalg.svd(samples - samples.mean(axis=0), compute_uv=False) ** 2
    assert share == pytest.approx(energy[:found].sum() / energy.sum())
    np.testing.assert_allclose(components, principal_components(samples, 0.9999, None)[0][:found], atol=1e-12)


def test_noise_directions_project_centred_onto_denoised(
    tiny_model: TinyModel, stories: list[Story], tmp_path: Path
) -> None:
    activations = extract(tiny_model(), stories, tmp_path, offset=3, batch_tokens=200)
    vectors = build_vectors(activations, denoise="neutral", denoise_variance=0.8)
    vectors.save(tmp_path / "vectors.safetensors")
    loaded = EmotionVectors.load(tmp_path / "vectors.safetensors")
    assert loaded.noise_directions is not None
    assert loaded.noise_components is not None
    assert loaded.denoised is not None
    for language, layer in product(loaded.languages, loaded.layers):
        at = {"language": language, "layer": layer}
        components = loaded.noise_directions.sel(at).values.astype(np.float64)
        k = int(loaded.noise_components.sel(at))
        np.testing.assert_allclose(components @ components.T, np.diag(np.arange(len(components)) < k), atol=1e-5)
        centred = loaded.centred.sel(at).values
        np.testing.assert_allclose(centred - centred @ components.T @ components, loaded.denoised.sel(at), atol=1e-5)


def test_emotion_components_are_another_recipe() -> None:
    states = random_states(3)
    found = layer_vectors(states, None, EMOTIONS, "emotions", "emotion-components", 0.5)
    _, centred = slow_vectors(states, EMOTIONS)
    first = np.linalg.svd(centred, full_matrices=False)[2][:1]
    np.testing.assert_allclose(found["denoised"], centred - centred @ first.T @ first, atol=1e-5)


def test_whole_studies_come_out_labelled(tiny_model: TinyModel, stories: list[Story], tmp_path: Path) -> None:
    activations = extract(tiny_model(), stories, tmp_path, offset=3, batch_tokens=200)
    order = ["sad", "joyful", "afraid", "calm"]
    vectors = build_vectors(activations, languages=["ja", "en"], emotions=order)
    assert (vectors.languages, vectors.emotions, vectors.layers) == (["ja", "en"], order, [0, 1, 2, 3])
    states = activations.layer(2, "en")
    expected = states.values[states["emotion"].values == "sad"].astype(np.float64).mean(0)
    np.testing.assert_allclose(vectors.raw.sel(language="en", emotion="sad", layer=2), expected, rtol=1e-5)
    assert vectors.denoised is not None
    assert float(abs(vectors.centred.mean("emotion")).max()) < 1e-5
    norms = activations.token_norms("ja").sel(layer=1).values
    assert float(vectors.residual_norm.sel(language="ja", layer=1)) == pytest.approx(np.median(norms))
    assert vectors.provenance["pooling"]["offset"] == 3
    assert vectors.provenance["model"] == Path(tiny_model().id).name


def test_neutral_texts_in_some_languages_only(tiny_model: TinyModel, stories: list[Story], tmp_path: Path) -> None:
    some = [s for s in stories if (s.language, s.emotion) != ("ja", "neutral")]
    activations = extract(tiny_model(), some, tmp_path, offset=3, batch_tokens=200)
    with pytest.raises(EmovecError, match=r"No neutral texts in ja: add some, or set vectors\.denoise: none"):
        build_vectors(activations)
    assert build_vectors(activations, languages=["en"]).denoised is not None


def test_an_emotion_without_stories_is_named(tiny_model: TinyModel, stories: list[Story], tmp_path: Path) -> None:
    some = [s for s in stories if (s.language, s.emotion) != ("ja", "sad")]
    activations = extract(tiny_model(), some, tmp_path, offset=3, batch_tokens=200)
    with pytest.raises(EmovecError, match="No story of 'sad' in 'ja'"):
        build_vectors(activations)
