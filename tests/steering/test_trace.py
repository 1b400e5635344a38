from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from emovec import EmovecError, trace
from emovec.models.language_model import LanguageModel
from emovec.steering.trace import (
    _neutral_texts,  # pyright: ignore[reportPrivateUsage]
    by_piece,
    strongest,
    text_pieces,
    token_means,
)
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.activations.reference import Reference

TEXT = "w1 w2 w9 w9 w30 w7"
NEUTRAL = ["w5 w6 w7 w8", "w40 w41 w3 w2 w1 w0"]


@pytest.mark.parametrize("variant", ["raw", "standardised"])
@pytest.mark.parametrize("baseline", [NEUTRAL, "text"])
def test_scores_equal_all_hidden_states_of_an_unbatched_run(
    tiny_model: Callable[..., LanguageModel],
    tiny_folder: Callable[..., Path],
    tiny_vectors: EmotionVectors,
    variant: str,
    baseline: str | list[str],
) -> None:
    generator = np.random.default_rng(0)
    std = generator.uniform(0.5, 3, tiny_vectors.story_std.shape).astype(np.float32)  # type: ignore[union-attr]
    vectors = replace(tiny_vectors, story_std=tiny_vectors.story_std.copy(data=std))  # type: ignore[union-attr]
    found = trace(tiny_model("llama"), vectors, TEXT, language="ja", baseline=baseline, variant=variant)
    assert found.dims == ("emotion", "layer", "token")
    assert found["token_text"].values.tolist() == TEXT.split()
    reference = Reference(tiny_folder("llama"))
    own = reference.token_states(TEXT)
    others = [own] if baseline == "text" else [reference.token_states(text) for text in NEUTRAL]
    for e, emotion in enumerate(vectors.emotions):
        for layer in range(own.shape[0]):
            vector = vectors.best.sel(language="ja", emotion=emotion, layer=layer).values.astype(np.float64)
            scale = np.sqrt((std[:, layer].astype(np.float64) ** 2).mean(axis=0)) if variant == "standardised" else 1.0
            direction = vector / scale / np.linalg.norm(vector / scale)
            against: list[float] = []
            for text in others:  # attention sinks are no neutral tokens
                norms = [float(np.linalg.norm(state)) for state in text[layer]]
                against += [
                    float(state / scale @ direction)
                    for state, norm in zip(text[layer], norms, strict=True)
                    if norm <= 10 * float(np.median(norms))
                ]
            expected = [(float(s / scale @ direction) - np.mean(against)) / np.std(against) for s in own[layer]]
            np.testing.assert_allclose(found.values[e, layer], expected, rtol=2e-3, atol=2e-3)


def test_against_the_text_itself_scores_are_standard_scores(
    tiny_model: Callable[..., LanguageModel], tiny_vectors: EmotionVectors
) -> None:
    found = trace(tiny_model("llama"), tiny_vectors, TEXT, baseline="text")
    assert not found["sink"].any()
    np.testing.assert_allclose(found.mean("token"), 0, atol=1e-9)
    np.testing.assert_allclose(found.std("token"), 1, rtol=1e-9)
    assert found.attrs["baseline"] == "the text's own tokens"


def test_a_sink_is_in_no_mean(tiny_model: Callable[..., LanguageModel], tiny_vectors: EmotionVectors) -> None:
    vectors = replace(tiny_vectors, provenance={**tiny_vectors.provenance, "pooling": {"sink_threshold": 1.02}})
    found = trace(tiny_model("llama"), vectors, TEXT, baseline="text")
    sinks = found["sink"].values
    assert 0 < sinks.sum() < sinks.size / 2
    for layer in range(found.sizes["layer"]):
        kept = found.values[:, layer, ~sinks[layer]]
        np.testing.assert_allclose(kept.mean(axis=1), 0, atol=1e-9)
        np.testing.assert_allclose(token_means(found).values[:, layer], kept.mean(axis=1), atol=1e-9)


def test_a_piece_that_is_a_sink_has_no_score(
    tiny_model: Callable[..., LanguageModel], tiny_vectors: EmotionVectors
) -> None:
    found = trace(tiny_model("llama"), tiny_vectors, TEXT, baseline="text")
    found["sink"].values[2, 0] = True
    pieces = by_piece(found)
    assert np.isnan(pieces.values[:, 2, 0]).all()
    assert np.isfinite(pieces.values).sum() == pieces.size - pieces.sizes["emotion"]
    np.testing.assert_allclose(pieces.values[:, 2, 1:], found.values[:, 2, 1:])


def test_tokens_that_split_a_character_are_one_piece(tiny_model: Callable[..., LanguageModel]) -> None:
    model = tiny_model("qwen2")  # a token for every byte
    text = "a 悲しい😀\nb"
    numbers, pieces = text_pieces(model, text)
    assert "".join(pieces) == text
    assert all(len(piece) <= 2 for piece in pieces)
    bytes_of = [numbers.count(i) for i in range(len(pieces))]
    assert bytes_of == [len(piece.encode()) for piece in pieces]


def test_pieces_average_their_tokens_and_join_to_the_text(tiny_model: Callable[..., LanguageModel]) -> None:
    model = tiny_model("qwen2")
    generator = np.random.default_rng(1)
    vectors = EmotionVectors.from_arrays(
        generator.standard_normal((1, 3, model.n_layers, model.hidden_size)).astype(np.float32),
        languages=["ja"],
        emotions=["afraid", "calm", "sad"],
    )
    traced = trace(model, vectors, "悲しいe", baseline="text")
    pieces = by_piece(traced)
    assert traced.sizes["token"] == 10
    assert pieces["piece_text"].values.tolist() == ["悲", "し", "い", "e"]
    np.testing.assert_allclose(pieces.values[..., 0], traced.values[..., :3].mean(axis=-1))
    np.testing.assert_allclose(pieces.values[..., 3], traced.values[..., 9])


def test_the_strongest_have_the_highest_means(
    tiny_model: Callable[..., LanguageModel], tiny_vectors: EmotionVectors
) -> None:
    found = trace(tiny_model("llama"), tiny_vectors, TEXT, baseline=NEUTRAL)
    means = {e: float(found.sel(emotion=e, layer=2).mean()) for e in tiny_vectors.emotions}
    assert strongest(found, 2, 3) == sorted(means, key=lambda e: -means[e])[:3]


def test_the_language_of_the_vectors_is_that_of_the_text(
    tiny_model: Callable[..., LanguageModel], tiny_vectors: EmotionVectors
) -> None:
    model = tiny_model("llama")
    assert trace(model, tiny_vectors, "悲しい 夜 だ", baseline=NEUTRAL).attrs["language"] == "ja"
    assert trace(model, tiny_vectors, "a sad night", baseline=NEUTRAL).attrs["language"] == "en"
    assert trace(model, tiny_vectors, "a sad night", baseline=NEUTRAL, language="ja").attrs["language"] == "ja"


def test_text_in_a_script_without_neutral_texts_is_its_own_baseline(
    tiny_model: Callable[..., LanguageModel], tiny_vectors: EmotionVectors
) -> None:
    found = trace(tiny_model("llama"), tiny_vectors, "Ночь и w1 w2")
    assert found.attrs["baseline"] == "the text's own tokens"


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("Una noche triste", "es", "Spanish"),
        ("Eine traurige Nacht", "de", "German"),
        ("Eine traurige Nacht", "ja", "English"),  # one script, and no vectors of its languages
        ("悲しい夜だ", "zh", "Japanese"),
        ("悲伤的夜晚", "ja", "Chinese"),
    ],
)
def test_neutral_texts_are_in_the_language_of_the_text(text: str, language: str, said: str) -> None:
    model: Any = SimpleNamespace(max_tokens=None)
    assert _neutral_texts(model, text, "neutral", language)[1] == f"the tokens of 4 neutral {said} texts"


def test_chosen_emotions_and_layers_keep_their_scores(
    tiny_model: Callable[..., LanguageModel], tiny_vectors: EmotionVectors
) -> None:
    model = tiny_model("llama")
    every = trace(model, tiny_vectors, TEXT, baseline=NEUTRAL)
    some = trace(model, tiny_vectors, TEXT, baseline=NEUTRAL, emotions=["sad", "calm"], layers=[3, 1])
    assert some["emotion"].values.tolist() == ["sad", "calm"]
    assert some["layer"].values.tolist() == [1, 3]
    np.testing.assert_allclose(some, every.sel(emotion=["sad", "calm"], layer=[1, 3]), rtol=1e-6)


def test_vectors_are_taken_from_a_file_or_a_folder(
    tiny_model: Callable[..., LanguageModel], tiny_vectors: EmotionVectors, tmp_path: Path
) -> None:
    tiny_vectors.save(tmp_path / "vectors.safetensors")
    given = trace(tiny_model("llama"), tiny_vectors, TEXT, baseline="text")
    for path in (tmp_path, tmp_path / "vectors.safetensors"):
        np.testing.assert_array_equal(trace(tiny_model("llama"), path, TEXT, baseline="text"), given)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (TEXT, {"emotions": ["angri"]}, "did you mean 'angry'"),
        (TEXT, {"language": "fr"}, "no vectors for 'fr'; there are for en, ja"),
        (TEXT, {"layers": [9]}, "not for 9"),
        (TEXT, {"baseline": "none"}, "'none' is no baseline"),
        (TEXT, {"baseline": []}, "no neutral texts are given"),
        ("", {}, "has no tokens"),
        ("w1 " * 200, {}, "reads at most 96"),
    ],
)
def test_what_cannot_be_traced_is_told(
    tiny_model: Callable[..., LanguageModel], tiny_vectors: EmotionVectors, text: str, options: dict, said: str
) -> None:
    with pytest.raises(EmovecError, match=said):
        trace(tiny_model("llama"), tiny_vectors, text, **{"baseline": "text", **options})


def test_vectors_of_another_model_are_refused(
    tiny_model: Callable[..., LanguageModel], tiny_vectors: EmotionVectors
) -> None:
    other = EmotionVectors.from_arrays(
        np.ones((1, 2, 2, 5), np.float32), languages=["en"], emotions=["sad", "calm"], model="other"
    )
    with pytest.raises(EmovecError, match="can't be used with"):
        trace(tiny_model("llama"), other, TEXT)
