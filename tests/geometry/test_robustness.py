"""Headline numbers under other choices: against the vectors of a study, and on planted structure."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import pearsonr, spearmanr

from emovec.corpus.story import Story
from emovec.geometry.robustness import analytic_choices, balanced_sample, headline_numbers, pooling_choices

EMOTIONS = ["angry", "bored", "calm", "proud", "sad", "tense"]
RECIPE = {"centring": "emotions", "denoise": "none", "denoise_variance": 0.5}


def planted(seed: int, noise: float = 0.3) -> dict[str, xr.DataArray]:
    """Stories of two languages that share six emotions' directions; one dimension is massive in one language."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((6, 12))
    arrays = {}
    for language in ("en", "ja"):
        states = np.repeat(centres, 5, axis=0) + noise * rng.standard_normal((30, 12))
        coords = {
            "emotion": ("story", np.repeat(np.array(EMOTIONS, dtype=object), 5)),
            "topic": ("story", np.tile(np.array(list("abcde"), dtype=object), 6)),
        }
        arrays[language] = xr.DataArray(states, dims=("story", "hidden"), coords=coords)
    arrays["ja"][:, 3] += 500 * rng.standard_normal(30)
    return arrays


def test_headline_numbers_equal_plain_loops():
    rng = np.random.default_rng(0)
    vectors = xr.DataArray(
        rng.standard_normal((2, 6, 9)),
        dims=("language", "emotion", "hidden"),
        coords={"language": ["en", "ja"], "emotion": EMOTIONS},
    )
    en, ja = vectors.values

    def cosine(x: np.ndarray, y: np.ndarray) -> float:
        return float(x @ y / np.sqrt((x @ x) * (y @ y)))

    pairs = [(i, j) for i in range(6) for j in range(i + 1, 6)]
    cosines = [[1 - cosine(own[i], own[j]) for i, j in pairs] for own in (en, ja)]
    lengths = [[np.sqrt(((own[i] - own[j]) ** 2).sum()) for i, j in pairs] for own in (en, ja)]
    cross = np.array([[cosine(x, y) for y in ja] for x in en])
    difference = np.diag(cross).mean() - cross[~np.eye(6, dtype=bool)].mean()
    forth = np.mean([cross[i].argmax() == i for i in range(6)])
    back = np.mean([cross[:, i].argmax() == i for i in range(6)])
    found = {name: value for name, _, _, value in headline_numbers(vectors)}
    assert found["rsa"] == pytest.approx(pearsonr(*cosines).statistic)
    assert found["cosine_difference"] == pytest.approx(difference)
    assert found["retrieval"] == pytest.approx((forth + back) / 2)
    shuffled = vectors.isel(emotion=[3, 1, 5, 0, 2, 4])
    assert {r[0]: r[3] for r in headline_numbers(shuffled)} == pytest.approx(found)
    ranks = {name: value for name, _, _, value in headline_numbers(vectors, "euclidean", "spearman")}
    assert ranks["rsa"] == pytest.approx(spearmanr(*lengths).statistic)


def test_a_massive_dimension_shows_in_the_rows_that_leave_it_out_or_standardise():
    table = analytic_choices(planted(1), {"en": None, "ja": None}, EMOTIONS, RECIPE)
    rsa = table[table["statistic"] == "rsa"].set_index(["choice", "option", "variant"])["value"]
    assert rsa["dimensions", "all", "raw"] < 0.5
    assert rsa["dimensions", "without the 1 largest", "raw"] > 0.9
    assert rsa["dimensions", "all", "standardised"] > 0.8
    # Centring by topic changes nothing in a crossed corpus, and the study's own choices are marked.
    assert rsa["centring", "topics", "raw"] == pytest.approx(rsa["centring", "emotions", "raw"])
    used = table[table["used"] == 1].groupby("choice")["option"].unique().map(list).to_dict()
    assert used == {
        "centring": ["emotions"],
        "correlation": ["pearson"],
        "denoise": ["none"],
        "dimensions": ["all"],
        "distance": ["cosine"],
    }


def test_pooling_choices_average_the_tokens_that_they_name():
    """Tokens 0–39 carry noise, later ones the emotion: only the offset of 50 sees it; a sink hides it unless masked."""
    rng = np.random.default_rng(2)
    centres = dict(zip(EMOTIONS, rng.standard_normal((6, 16)), strict=True))
    texts = {
        language: [
            Story(f"{language}{emotion}", language, emotion, "t", f"{emotion} {language}") for emotion in EMOTIONS
        ]
        for language in ("en", "ja")
    }

    def states(text: str) -> xr.DataArray:
        emotion, language = text.split()
        own = np.random.default_rng(sum(map(ord, text)))
        tokens = np.concatenate([10 * own.standard_normal((46, 16)), np.tile(centres[emotion], (60, 1))])
        tokens[80] = 0.0
        tokens[80, 0 if language == "en" else 1] = 3000 * own.standard_normal()
        coords = {"own": ("token", np.arange(106) > 0)}
        return xr.DataArray(tokens[None].astype("float32"), dims=("layer", "token", "hidden"), coords=coords)

    table = pooling_choices(texts, states, EMOTIONS, offset=50, sink_threshold=10)
    rsa = table[(table["statistic"] == "rsa") & (table["variant"] == "raw")].set_index(["choice", "option"])["value"]
    assert rsa["offset", "50 tokens"] == pytest.approx(1, abs=1e-4)
    assert rsa["offset", "0 tokens"] < 0.9
    assert rsa["sinks", "kept"] < 0.9
    assert rsa["sinks", "left out above 10 × median"] == rsa["offset", "50 tokens"]


def test_a_sample_is_balanced_and_ignores_the_order_of_the_stories():
    stories = [Story(f"{e}{t}", "en", e, t, "x") for e in EMOTIONS for t in "abcde"]
    sample = balanced_sample(stories, "en", EMOTIONS, 2)
    assert [story.id for story in sample] == [f"{e}{t}" for e in EMOTIONS for t in "ae"]
    assert balanced_sample(stories[::-1], "en", EMOTIONS, 2) == sample
    assert balanced_sample(stories, "ja", EMOTIONS, 2) == []
