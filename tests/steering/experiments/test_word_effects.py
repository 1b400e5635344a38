import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emovec.emotions import DEFAULT_30
from emovec.errors import EmovecError
from emovec.languages.load import load_language
from emovec.languages.script import script_share
from emovec.models.intervene import steer
from emovec.models.language_model import LanguageModel
from emovec.steering.experiments.word_effects import (
    beside_directions,
    crossed_mean,
    frame_word,
    one_token,
    relative_changes,
    split_frame,
    word_log_probabilities,
)

FRAME = "w1 w2 w3"
WORDS = [" w4", " w5", " w6 w7 w8", " w6 w7 w5", " w9"]


@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt2"])
@pytest.mark.parametrize("batch_size", [2, 32])
def test_word_log_probabilities_equal_one_text_at_a_time(
    tiny_model: Callable[..., LanguageModel], family: str, batch_size: int
) -> None:
    model = tiny_model(family)
    split = split_frame(model, FRAME, WORDS)
    directions = np.random.default_rng(0).standard_normal((3, model.hidden_size)).astype(np.float32)
    lengths = [0.0, 1.5, 6.0]
    found = word_log_probabilities(model, split, directions, lengths, layer=1, batch_size=batch_size)
    expected = [[_slow(model, FRAME, word, d, s) for word in WORDS] for d, s in zip(directions, lengths, strict=True)]
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert np.abs(found[2] - found[0]).max() > 0.01, "steering does nothing here, so the test can't tell"


def _slow(model: LanguageModel, frame: str, word: str, direction: np.ndarray, strength: float) -> float:
    before = model.tokenizer.encode([frame])[0].ids
    ids = model.tokenizer.encode([frame + word])[0].ids
    start = next(i for i in range(len(ids)) if i >= len(before) or ids[i] != before[i])
    with torch.inference_mode(), steer(model, direction, layer=1, strength=strength, norm=1.0):
        logits = model.model(torch.tensor([ids]), use_cache=False).logits[0].double()
    return sum(float(torch.log_softmax(logits[i - 1], -1)[ids[i]]) for i in range(start, len(ids)))


def test_a_split_frame_holds_whole_texts(tiny_model: Callable[..., LanguageModel]) -> None:
    model = tiny_model("llama")
    split = split_frame(model, FRAME, WORDS)
    for word, ids in zip(WORDS, split.words, strict=True):
        assert split.prefix + ids == model.tokenizer.encode([FRAME + word])[0].ids
    assert one_token(split) == [len(ids) == 1 for ids in split.words]
    # No space, so that frame and word are one token: the word is tokenised by itself.
    assert split_frame(model, "w1", ["2", "3 w4"]).prefix == model.tokenizer.encode(["w1"])[0].ids
    with pytest.raises(EmovecError, match="has no token"):
        split_frame(model, FRAME, ["", " w4"])


def test_every_frame_and_opening_is_in_its_language() -> None:
    for language in ("en", "ja", "zh", "es", "de", "en-GB"):
        spoken = load_language(language)
        texts = [*spoken.frames.values(), *spoken.openings.values()]
        assert len(spoken.frames) >= 4
        assert len(spoken.openings) >= 3
        assert len(set(texts)) == len(texts)
        assert all(text == text.strip() and (script_share(text, language) or 0) > 0.9 for text in texts)
        assert not any(frame_word(spoken, e).strip() in text for e in DEFAULT_30 for text in texts)  # pyright: ignore
    assert load_language("fi").frames == load_language("fi").openings == {}


def test_words_bring_their_space() -> None:
    assert frame_word(load_language("en-GB"), "sad") == " sad"
    assert frame_word(load_language("ja"), "angry") == "怒り"
    assert frame_word(load_language("fi"), "sad") is None


@given(arrays(float, (3, 4), elements=st.floats(-50, 0)), arrays(float, 4, elements=st.floats(-50, 0)))
def test_relative_changes(steered: np.ndarray, baseline: np.ndarray) -> None:
    own, relative = relative_changes(steered, baseline)
    for i in range(3):
        for j in range(4):
            others = [steered[i, k] - baseline[k] for k in range(4) if k != j]
            assert own[i, j] == steered[i, j] - baseline[j]
            assert relative[i, j] == pytest.approx(own[i, j] - sum(others) / 3)


def test_one_word_has_nothing_to_be_compared_with() -> None:
    own, relative = relative_changes(np.array([[-1.0]]), np.array([-2.0]))
    assert own[0, 0] == 1
    assert math.isnan(relative[0, 0])


def _simulated(rng: np.random.Generator, sd: tuple[float, float, float], shape: tuple[int, int]) -> np.ndarray:
    n, m = shape
    emotions, frame, rest = (
        rng.standard_normal(size) * s for size, s in zip(((n, 1), (1, m), (n, m)), sd, strict=True)
    )
    return 0.7 + emotions + frame + rest


@pytest.mark.parametrize("sd", [(1.0, 0.0, 0.5), (0.5, 0.5, 0.3), (0.0, 0.0, 1.0), (0.2, 1.0, 0.5)])
@pytest.mark.parametrize("shape", [(4, 4), (8, 4)])
def test_crossed_interval_covers_the_planted_mean(sd: tuple[float, float, float], shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    found = [crossed_mean(_simulated(rng, sd, shape)) for _ in range(600)]
    covered = np.mean([each.low <= 0.7 <= each.high for each in found])
    assert covered > 0.92
    # With cells taken for independent the interval would be too narrow by far.
    if sd == (0.2, 1.0, 0.5):
        naive = []
        for _ in range(300):
            values = _simulated(rng, sd, shape)
            naive.append(abs(values.mean() - 0.7) < 1.96 * values.std(ddof=1) / values.size**0.5)
        assert np.mean(naive) < 0.8


def test_crossed_mean_equals_the_sums_of_squares_spelt_out() -> None:
    values = np.random.default_rng(3).standard_normal((5, 3)) + np.arange(5)[:, None] + np.arange(3)
    n, m = values.shape
    grand = values.mean()
    rows = sum(m * (values[i].mean() - grand) ** 2 for i in range(n)) / (n - 1)
    columns = sum(n * (values[:, j].mean() - grand) ** 2 for j in range(m)) / (m - 1)
    rest = sum(
        (values[i, j] - values[i].mean() - values[:, j].mean() + grand) ** 2 for i in range(n) for j in range(m)
    ) / ((n - 1) * (m - 1))
    found = crossed_mean(values)
    assert found.mean == pytest.approx(grand)
    half = (found.high - found.low) / 2
    df = (rows + columns - rest) ** 2 / (rows**2 / (n - 1) + columns**2 / (m - 1) + rest**2 / ((n - 1) * (m - 1)))
    from scipy import stats

    assert half == pytest.approx(stats.t.ppf(0.975, df) * math.sqrt((rows + columns - rest) / (n * m)))


def test_one_row_gets_a_t_interval_and_nothing_gets_none() -> None:
    found = crossed_mean(np.array([[1.0, 2.0, 3.0]]))
    assert found.mean == 2
    assert found.high - 2 == pytest.approx(4.302652729749464 * 1 / math.sqrt(3))
    assert math.isnan(crossed_mean(np.empty((0, 0))).mean)
    alone = crossed_mean(np.array([[1.0]]))
    assert alone.mean == 1
    assert math.isnan(alone.low)
    assert crossed_mean(np.array([[1.0, 2.0], [np.nan, 5.0]])).mean == 1.5


@pytest.mark.fault("F9")
def test_what_stands_beside_controls_holds_other_controls() -> None:
    """Each direction does something of its own in all emotions and frames, which crossing these doesn't see."""
    rng, n, held, before = np.random.default_rng(0), 400, 0, 0
    for _ in range(n):
        cells = rng.normal(0, 1, (4, 1, 1)) + rng.normal(0, 0.5, (1, 4, 1)) + rng.normal(0, 0.5, (4, 4, 4))
        crossed = crossed_mean(cells.mean(axis=0))
        found = beside_directions(crossed, cells.mean(axis=(1, 2)))
        held += found.low <= 0 <= found.high
        before += crossed.low <= 0 <= crossed.high
    assert 0.93 <= held / n <= 0.99
    assert before / n < 0.85
    assert math.isnan(beside_directions(crossed, np.ones(1)).low)
