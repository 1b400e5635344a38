"""Intervals for other topics and other emotions."""

import numpy as np
import pytest
import xarray as xr
from benchmarks.calibration import crossed_coverage
from scipy.stats import t as student

from emovec.geometry import run_analysis
from emovec.geometry.crossed import GROUPS, kept_emotions
from tests.geometry.planted_cells import study_inputs

EMOTIONS = ("afraid", "angry", "bored", "calm", "guilty", "proud", "sad", "serene")
TOPICS = ("t0", "t1", "t2", "t3", "t4")


def slow(states: dict[str, xr.DataArray], topics: set[str], emotions: list[str]) -> dict[str, float]:
    """RSA and cosines of two languages, from the stories on these topics of these emotions."""
    vectors = []
    for array in states.values():
        kept = array.isel(story=[topic in topics for topic in array.topic.values])
        means = np.stack([kept.values[kept.emotion.values == e].mean(axis=0) for e in emotions])
        means = means - means.mean(axis=0)
        vectors.append(means / np.linalg.norm(means, axis=1, keepdims=True))
    upper = np.triu_indices(len(emotions), 1)
    cosines = vectors[0] @ vectors[1].T
    same = float(np.diag(cosines).mean())
    r = np.corrcoef((vectors[0] @ vectors[0].T)[upper], (vectors[1] @ vectors[1].T)[upper])[0, 1]
    return {
        "rsa": float(r),
        "same_cosine": same,
        "cosine_difference": same - cosines[~np.eye(len(emotions), dtype=bool)].mean(),
    }


def test_intervals_equal_those_of_stories_left_out_by_topic_and_emotion() -> None:
    inputs = study_inputs(3, emotions=EMOTIONS, topics=TOPICS, noise=0.7, bootstraps=10)
    found = run_analysis("uncertainty", inputs).tables["intervals"]
    found = found[found["variant"] == "raw"].set_index("statistic")
    states = {language: inputs.activations(0, language) for language in ("en", "ja")}
    n, m = len(TOPICS), len(EMOTIONS)
    for name in ("rsa", "same_cosine", "cosine_difference"):
        scale = np.arctanh if name == "rsa" else np.asarray
        values = np.array(
            [
                [
                    scale(slow(states, {*TOPICS} - {topic}, [e for e in EMOTIONS if e != emotion])[name])
                    for emotion in (None, *EMOTIONS)
                ]
                for topic in (None, *TOPICS)
            ]
        )
        topics = (n - 1) / n * sum((v - values[1:, 0].mean()) ** 2 for v in values[1:, 0])
        emotions = (m - 1) / m * sum((v - values[0, 1:].mean()) ** 2 for v in values[0, 1:])
        pairs = values[1:, 1:]
        off = [pairs[i, j] - pairs[i].mean() - pairs[:, j].mean() + pairs.mean() for i in range(n) for j in range(m)]
        both = (n - 1) * (m - 1) / (n * m) * sum(value**2 for value in off)
        variance = max(topics, emotions, topics + emotions - both)
        freedom = max(variance**2 / (topics**2 / (n - 1) + emotions**2 / (m - 1)), min(n, m) - 1)
        width = student.ppf(0.975, freedom) * np.sqrt(variance)
        ends = values[0, 0] - width, values[0, 0] + width
        expected = np.tanh(ends) if name == "rsa" else ends
        assert found.loc[name, ["low_crossed", "high_crossed"]].tolist() == pytest.approx(list(expected)), name


def test_they_are_wider_than_those_over_topics_and_hold_their_estimates() -> None:
    inputs = study_inputs(4, languages=("en", "ja", "sw"), emotions=EMOTIONS, topics=TOPICS, noise=0.5, bootstraps=30)
    rows = run_analysis("uncertainty", inputs).tables["intervals"]
    rows = rows[rows["statistic"] != "pc_norm"]
    assert len(rows) == 2 * 3 * 6
    assert ((rows["low_crossed"] <= rows["estimate"]) & (rows["estimate"] <= rows["high_crossed"])).all()
    assert (rows["error_crossed"] >= rows["standard_error"] - 1e-12).all()
    counted = rows[rows["statistic"].str.startswith("retrieval")]
    assert ((counted["low_crossed"] <= counted["low"]) & (counted["high"] <= counted["high_crossed"])).all()
    assert ((counted["low_crossed"] >= 0) & (counted["high_crossed"] <= 1)).all()
    assert (counted["high_crossed"] > counted["low_crossed"]).all()  # also where every emotion is found


def test_too_few_emotions_have_none() -> None:
    inputs = study_inputs(5, emotions=EMOTIONS[:4], topics=TOPICS, bootstraps=10)
    rows = run_analysis("uncertainty", inputs).tables["intervals"]
    assert rows["low"].notna().all()
    assert rows["low_crossed"].isna().all()


def test_an_emotion_that_one_language_lacks_is_left_out_too() -> None:
    inputs = study_inputs(6, emotions=EMOTIONS, topics=TOPICS, noise=0.5, bootstraps=10, drop=0.3)
    rows = run_analysis("uncertainty", inputs).tables["intervals"]
    assert rows[rows["statistic"] == "rsa"][["low_crossed", "high_crossed"]].notna().all(axis=None)


def test_many_emotions_are_left_out_in_even_groups() -> None:
    there = np.ones(171, dtype=bool)
    there[5] = False
    kept = kept_emotions(there, 0)
    sizes = [int((there & ~mask).sum()) for mask in kept]
    assert len(kept) == GROUPS
    assert set(sizes) == {5, 6}
    assert sum(sizes) == 170
    assert not any(mask[5] for mask in kept)


def test_they_hold_what_other_topics_and_emotions_give() -> None:
    table = crossed_coverage(12, 12, 12, 0.8, 0.5, bootstraps=20).set_index("statistic")
    assert (table["holds_crossed"] >= 75).all()
    assert table.loc["rsa", "holds"] < table.loc["rsa", "holds_crossed"]
