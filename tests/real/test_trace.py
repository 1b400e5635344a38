"""What vectors of a handful of stories see, token by token, in Gemma 3 270M."""

import numpy as np
import pytest

from emovec import EmotionVectors, build_vectors, extract, load_model, trace
from emovec.corpus.bundled import bundled_stories
from emovec.models.embedded import DEFAULT_MODEL, embedded_folder
from emovec.models.language_model import LanguageModel
from emovec.steering.trace import by_piece
from tests.activations.reference import Reference

pytestmark = pytest.mark.real
EMOTIONS = ("afraid", "joyful", "serene")
TOPICS = ("job_interview", "family_dinner")
NEUTRAL = ["The parcel comes at nine, and the form is on the desk.", "荷物は九時に届き、用紙は机の上にある。"]


@pytest.fixture(scope="module")
def gemma() -> LanguageModel:
    return load_model(DEFAULT_MODEL, device="cpu")


@pytest.fixture(scope="module")
def vectors(gemma: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> EmotionVectors:
    stories = [s for s in bundled_stories("plain") if s.emotion in EMOTIONS and s.topic in TOPICS]
    made = extract(gemma, stories, tmp_path_factory.mktemp("trace"), batch_tokens=1024)
    return build_vectors(made, languages=["en", "ja"], emotions=EMOTIONS, denoise="none")


def test_japanese_and_rare_characters_are_shown_whole(gemma: LanguageModel, vectors: EmotionVectors) -> None:
    text = "祖母の葬式は先週だった。鱓𠮷😀"
    traced = trace(gemma, vectors, text, layers=[11], baseline=NEUTRAL)
    assert traced.attrs["language"] == "ja"
    pieces = by_piece(traced)["piece_text"].values.tolist()
    assert "".join(pieces) == text
    assert "\ufffd" not in "".join(pieces)
    assert len(pieces) < traced.sizes["token"]  # 𠮷 is several tokens


def test_projections_equal_all_hidden_states(gemma: LanguageModel, vectors: EmotionVectors) -> None:
    text = "The door handle begins, very slowly, to turn."
    found = trace(gemma, vectors, text, baseline="text", variant="standardised", language="en")
    own = Reference(embedded_folder()).token_states(text)
    for layer in (3, 11, 17):
        scale = vectors.scale.sel(layer=layer).values.astype(np.float64)
        for emotion in EMOTIONS:
            vector = vectors.best.sel(language="en", emotion=emotion, layer=layer).values / scale
            scores = own[layer] / scale @ vector / np.linalg.norm(vector)
            kept = scores[~found["sink"].sel(layer=layer).values]
            expected = (scores - kept.mean()) / kept.std()
            np.testing.assert_allclose(found.sel(emotion=emotion, layer=layer), expected, atol=2e-3)


def test_fear_and_joy_are_told_apart_in_both_languages(gemma: LanguageModel, vectors: EmotionVectors) -> None:
    texts = {
        "en": (
            "In the dark the door handle begins, very slowly, to turn.",
            "They danced and laughed, and everyone sang.",
        ),
        "ja": ("暗闇の中で、戸が内側からすうっと開いた。", "みんなで歌い、踊り、声を上げて笑い出した。"),
    }
    for language, (fear, joy) in texts.items():
        means = [
            trace(gemma, vectors, text, layers=[11], language=language, baseline=NEUTRAL).mean(("layer", "token"))
            for text in (fear, joy)
        ]
        gaps = [float(mean.sel(emotion="afraid") - mean.sel(emotion="joyful")) for mean in means]
        assert gaps[0] > gaps[1] + 0.3, language
