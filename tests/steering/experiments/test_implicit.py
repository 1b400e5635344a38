import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from emovec.corpus.story import Story
from emovec.models.language_model import LanguageModel
from emovec.stats.clustered import mean_interval, share_interval
from emovec.steering.experiments.experiment import SteeringInputs
from emovec.steering.experiments.implicit import (
    CHUNK,
    EXPERIMENT,
    _beyond_words,
    rank_statistics,
    ranks,
    rounded,
    word_scores,
)
from emovec.steering.experiments.scenarios import read_scenarios
from emovec.steering.projections import project, read_texts
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.activations.reference import Reference
from tests.tiny_models import random_text


@pytest.mark.parametrize(("family", "bos"), [("llama", True), ("gemma3", True), ("gpt2", False), ("qwen3", False)])
def test_readings_equal_texts_run_one_by_one(
    tiny_model: Callable[..., LanguageModel], tiny_folder: Callable[..., Path], family: str, bos: bool
) -> None:
    model, reference = tiny_model(family, bos=bos), Reference(tiny_folder(family, bos=bos))
    generator = np.random.default_rng(3)
    texts = [random_text(generator, n) for n in (1, 7, 30, 3)]
    found = read_texts(model, texts, [0, 2, 3], sink_threshold=1.2)
    for text, own in zip(texts, found, strict=True):
        mean = reference.pooled(text, 0, 1.2)[[0, 2, 3]]
        last = reference.token_states(text)[[0, 2, 3], -1]
        np.testing.assert_allclose(own.sel(reading="mean"), mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(own.sel(reading="last"), last, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("variant", ["raw", "standardised"])
def test_projections_equal_dot_products_one_by_one(tiny_vectors: EmotionVectors, variant: str) -> None:
    generator = np.random.default_rng(0)
    std = generator.uniform(0.5, 3, tiny_vectors.story_std.shape).astype(np.float32)  # type: ignore[union-attr]
    vectors = replace(tiny_vectors, story_std=tiny_vectors.story_std.copy(data=std))  # type: ignore[union-attr]
    states = read_like(generator, vectors)
    found = project(states, vectors, "ja", variant)
    for layer in states["layer"].values:
        for emotion in vectors.emotions:
            vector = vectors.best.sel(language="ja", emotion=emotion, layer=layer).values.astype(float)
            state = states.sel(layer=layer).values[1].astype(float)
            if variant == "standardised":
                scale = np.sqrt((vectors.story_std.sel(layer=layer).values.astype(float) ** 2).mean(axis=0))  # type: ignore[union-attr]
                vector, state = vector / scale, state / scale
                unit_of = 1.0
            else:
                unit_of = float(vectors.residual_norm.sel(language="ja", layer=layer))  # type: ignore[union-attr]
            expected = state @ vector / np.linalg.norm(vector) / unit_of
            assert float(found.sel(layer=layer, emotion=emotion)[1]) == pytest.approx(expected, rel=1e-5)


def read_like(generator: np.random.Generator, vectors: EmotionVectors) -> xr.DataArray:
    layers = [1, 3]
    values = generator.standard_normal((2, len(layers), vectors.raw.sizes["hidden"])).astype(np.float32)
    return xr.DataArray(values, dims=("text", "layer", "hidden"), coords={"layer": layers})


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 3), st.integers(2, 5))
def test_ranks_count_the_scores_that_are_no_lower(seed: int, n: int, n_layers: int, n_emotions: int) -> None:
    scores = np.random.default_rng(seed).integers(-2, 3, (n, n_layers, n_emotions)).astype(float) * n
    found = ranks(scores)
    for text in range(n):
        for layer in range(n_layers):
            centred = [scores[text, layer, e] - sum(scores[:, layer, e]) / n for e in range(n_emotions)]
            for e in range(n_emotions):
                assert found[text, layer, e] == sum(other >= centred[e] for other in centred)


def test_planted_emotions_rank_first_and_no_shuffle_does_as_well() -> None:
    truth = np.repeat(np.arange(8), 3)
    scores = np.random.default_rng(0).standard_normal((24, 2, 10))
    scores[np.arange(24), 1, truth] += 20  # planted at the second layer alone
    table = rank_statistics(ranks(scores), truth, 999).set_index(["statistic", "position"])
    assert table.loc[("first", 1), ["value", "high"]].tolist() == pytest.approx([1, 1])
    assert 0.75 < table.loc[("first", 1), "low"] < 0.9  # 24 hits of 24 are no proof of always
    assert table.loc[("mean_rank", 1), "value"] == 1
    assert table.loc[("top3", 1), "p"] == pytest.approx(1 / 1000, abs=0.002)
    assert table.loc[("first", 1), "p_familywise"] < 0.01 < table.loc[("first", 0), "p_familywise"]
    assert table.loc[("first", 0), "null"] == pytest.approx(1 / 10, abs=0.05)
    assert (table["p_familywise"] >= table["p"]).all()


def test_without_an_effect_small_p_are_rare_and_intervals_hold_chance() -> None:
    generator = np.random.default_rng(5)
    truth = np.repeat(np.arange(5), 4)
    small = familywise = covered = 0
    for _ in range(100):
        table = rank_statistics(ranks(generator.standard_normal((20, 4, 8))), truth, 99).set_index(
            ["statistic", "position"]
        )
        table = table.sort_index()
        small += table.loc[("mean_rank", 0), "p"] <= 0.1
        familywise += table.loc[("mean_rank", 0) : ("mean_rank", 3), "p_familywise"].min() <= 0.1
        covered += table.loc[("mean_rank", 0), "low"] <= 4.5 <= table.loc[("mean_rank", 0), "high"]
    assert 1 <= small <= 20  # 10 expected, 3.3 standard deviations of a binomial on each side
    assert 1 <= familywise <= 20
    assert covered >= 87  # 95 % of 100, less four standard deviations


@pytest.mark.fault("F9")
@pytest.mark.parametrize("alike", [0.0, 0.3, 0.6])
def test_intervals_hold_other_emotions(alike: float) -> None:
    """Twelve emotions with three scenarios each, whose chances of a hit differ; alike: the correlation within one."""
    rng, n = np.random.default_rng(1), 600
    truth = np.repeat(np.arange(12), 3)
    spread = (1 - alike) / max(alike, 1e-9)
    chance = rng.beta(0.6 * spread, 0.4 * spread, (12, n)) if alike else np.full((12, n), 0.6)
    hits = (rng.random((36, n)) < chance[truth]).astype(float)
    for interval, least in ((share_interval, 0.94), (mean_interval, 0.92)):
        low, high = interval(hits, truth)
        assert least <= ((low <= 0.6) & (high >= 0.6)).mean() <= 0.99  # scenario by scenario 0.94, 0.86 and 0.79


@pytest.mark.fault("F9")
def test_ranks_and_the_comparison_with_words_draw_emotions() -> None:
    rng, emotions = np.random.default_rng(2), np.repeat(np.arange(12), 3)
    hits = rng.beta(0.6, 0.4, 12)[emotions] > rng.random(36)
    places = np.tile(np.arange(1, 13), (36, 1))
    places[np.arange(36), emotions] = np.where(hits, 1, 9)
    row = rank_statistics(places[:, None], emotions, 1).set_index("statistic").loc["top3"]
    assert (row["low"], row["high"]) == pytest.approx(share_interval(hits.astype(float), emotions))
    labels = ("standardised", "mean", "en", "en")
    index = pd.MultiIndex.from_arrays([range(36), emotions], names=["id", "emotion"])
    by_words = rng.permutation(hits)
    (found,) = _beyond_words(
        {labels: pd.Series(places[np.arange(36), emotions], index)}, {"en": pd.Series(np.where(by_words, 1, 9), index)}
    )
    expected = mean_interval(hits.astype(float) - by_words, emotions)
    assert (found["low"], found["high"]) == pytest.approx(expected)


def test_scenarios_of_an_emotion_that_are_alike_in_something_else_don_t_count_each_by_itself() -> None:
    """Three scenarios each lie alike along the vectors, whose names have nothing to do with it."""
    generator, small, n = np.random.default_rng(0), 0, 200
    for _ in range(n):
        truth = np.repeat(generator.choice(30, 12, replace=False), 3)
        alike = np.repeat(generator.standard_normal((12, 1, 30)), 3, axis=0)
        scores = alike + 0.3 * generator.standard_normal((36, 1, 30))
        table = rank_statistics(ranks(scores), truth, 99).set_index("statistic")
        small += int(table.loc["mean_rank", "p"] <= 0.05)
    assert 1 <= small <= 20  # 10 expected; 28 where each scenario gets a name of its own


def test_words_that_stories_share_with_a_text_name_its_emotion() -> None:
    stories = [
        Story("1", "en", "afraid", None, "dark cellar stairs shadow the"),
        Story("2", "en", "afraid", None, "shadow night stairs the"),
        Story("3", "en", "joyful", None, "sun beach dance the"),
        Story("4", "en", "joyful", None, "dance song sun the"),
        Story("5", "en", "neutral", None, "shadow beach"),
    ]
    for features in ("word", "character"):
        emotions, scores = word_scores(stories, ["The stairs lie in shadow", "A dance in the sun"], features)
        assert emotions == ["afraid", "joyful"]
        assert scores.argmax(axis=1).tolist() == [0, 1]


def test_rows_keep_five_digits() -> None:
    values = np.array([[123456.7, -0.000123456], [0.0, 1.0]])
    assert rounded(values) == [[123460.0, pytest.approx(-0.00012346)], [0.0, 1.0]]


def _run(inputs: SteeringInputs) -> tuple[dict[str, pd.DataFrame], dict]:
    units = EXPERIMENT.plan(inputs)
    assert len({unit.id for unit in units}) == len(units)
    rows = [row for unit in units for row in json.loads(json.dumps(EXPERIMENT.measure(inputs, unit)))]
    return EXPERIMENT.summarise(inputs, pd.DataFrame(rows))


@pytest.fixture
def worded(inputs: SteeringInputs, tmp_path: Path) -> SteeringInputs:
    """The inputs with scenarios in words that the tiny model tells apart: two of each emotion and language."""
    generator = np.random.default_rng(8)
    records = [
        {"language": language, "emotion": emotion, "text": random_text(generator, int(generator.integers(4, 20)))}
        for language in ("en", "ja")
        for emotion in inputs.vectors.emotions
        for _ in range(2)
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    settings = inputs.settings.model_copy(update={"scenarios": "mine.jsonl", "limit": None})
    return replace(inputs, settings=settings, base=tmp_path)


def test_vectors_made_of_the_scenarios_themselves_rank_them_first(worded: SteeringInputs) -> None:
    """Vectors that are the states of the very scenarios must name each without error; those of others must not."""
    emotions = worded.vectors.emotions
    scenarios = read_scenarios(worded.base / "mine.jsonl")
    english = [next(s.text for s in scenarios if s.language == "en" and s.emotion == emotion) for emotion in emotions]
    states = read_texts(worded.model, english, worded.vectors.layers).sel(reading="mean").values
    vectors = EmotionVectors.from_arrays(np.stack([states, states[::-1]]), languages=["en", "ja"], emotions=emotions)
    limited = replace(worded, vectors=vectors, settings=worded.settings.model_copy(update={"limit": 1}))
    tables, summary = _run(limited)
    table = tables["implicit"].query("text_language == 'en' and reading == 'mean' and statistic == 'first'")
    right, reversed_ = (table[table["vector_language"] == language]["value"] for language in ("en", "ja"))
    assert right.tolist() == [1.0] * worded.model.n_layers
    assert reversed_.tolist() == [pytest.approx(0.2)] * worded.model.n_layers  # the middle one of five stays in place
    listed = tables["implicit_scenarios"].query(
        "text_language == 'en' and vector_language == 'en' and reading == 'mean'"
    )
    assert listed["rank"].tolist() == [1] * 5
    assert listed["first_ranked"].tolist() == listed["emotion"].tolist() == emotions
    assert summary["layer"] == 2


def test_the_tables_hold_their_columns_and_no_chunk_changes_them(
    worded: SteeringInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, summary = _run(worded)
    assert {name: tuple(table.columns) for name, table in tables.items()} == EXPERIMENT.tables
    assert all(len(table) for table in tables.values())
    assert summary["scenarios"] == {"en": 10, "ja": 10}  # two scenarios of each of five emotions
    assert json.loads(json.dumps(summary)) == summary
    assert len(EXPERIMENT.plan(worded)) == 2 * -(-10 // CHUNK)
    monkeypatch.setattr("emovec.steering.experiments.implicit.CHUNK", 3)
    again, _ = _run(worded)
    pd.testing.assert_frame_equal(tables["implicit"], again["implicit"])
    pd.testing.assert_frame_equal(tables["implicit_emotions"], again["implicit_emotions"], rtol=1e-3, atol=1e-3)


def test_a_language_without_scenarios_leaves_a_note(inputs: SteeringInputs) -> None:
    tables, summary = _run(replace(inputs, languages=["fr"]))
    assert "no scenarios" in summary["note"]
    assert {name: tuple(table.columns) for name, table in tables.items()} == EXPERIMENT.tables


def test_an_emotion_without_a_vector_in_one_language_is_left_out_there(inputs: SteeringInputs) -> None:
    raw = inputs.vectors.raw.copy()
    raw.loc[{"language": "ja", "emotion": "sad"}] = np.nan
    holes = replace(inputs.vectors, raw=raw, centred=raw)
    tables, _ = _run(replace(inputs, vectors=holes))
    counts = tables["implicit"].groupby("vector_language")[["n_scenarios", "n_emotions"]].max()
    assert counts.loc["en"].tolist() == [10, 5]
    assert counts.loc["ja"].tolist() == [8, 4]


def test_a_changed_text_is_read_anew(inputs: SteeringInputs, tmp_path: Path) -> None:
    def units(text: str) -> set[str]:
        records = [{"language": "en", "emotion": e, "text": f"{text} {e}"} for e in ("sad", "calm")]
        path = tmp_path / "mine.jsonl"
        path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
        settings = inputs.settings.model_copy(update={"scenarios": "mine.jsonl"})
        return {unit.id for unit in EXPERIMENT.plan(replace(inputs, settings=settings, base=tmp_path))}

    assert units("one") == units("one")
    assert not units("one") & units("two")


@pytest.mark.fault("U6")
def test_languages_without_scenarios_are_named(inputs: SteeringInputs) -> None:
    _, summary = _run(replace(inputs, languages=["en", "fr"]))
    assert "no scenarios in fr" in summary["note"]
