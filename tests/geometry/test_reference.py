"""Emotions beside reference labels: each number against a slow, obvious one, and planted differences."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import t as student

from emovec.emotions import CONCEPTS_30, DEFAULT_30
from emovec.geometry import decode, jackknife_interval, rsa, topic_cells
from emovec.geometry.analysis import Inputs, OtherTexts
from emovec.geometry.matching import matched_difference, noise_free_squares
from emovec.geometry.reference import ANALYSIS, TABLES
from emovec.geometry.registry import run_analysis
from emovec.geometry.resampled import Resampled, decoding_resampled, difference, pair_resampled
from tests.geometry.planted_cells import study_inputs

EMOTIONS = ("sad", "calm", "angry", "afraid", "proud", "joyful", "ashamed", "bored")
LABELS = CONCEPTS_30[:16]
TOPICS = [f"t{k}" for k in range(6)]
NO_CONFOUNDS = np.empty((0, len(EMOTIONS) * (len(EMOTIONS) - 1) // 2))


def planted(seed: int = 0, **given: object) -> Inputs:
    return study_inputs(seed, **{"emotions": EMOTIONS, "topics": TOPICS, "noise": 0.5, "bootstraps": 20} | given)  # pyright: ignore[reportArgumentType]


def other(inputs: Inputs, name: str = "others") -> OtherTexts:
    return OtherTexts(name, inputs.vectors, inputs.activations, inputs.stories)


def made_of(inputs: Inputs, *, topic: str = "", label: str = "") -> Inputs:
    """The same study without a topic or an emotion, its vectors built anew."""
    states = {
        language: inputs.activations(0, language).pipe(
            lambda array: array.isel(
                story=np.flatnonzero((array["topic"].values != topic) & (array["emotion"].values != label))
            )
        )
        for language in inputs.vectors.languages
    }
    means = np.array(
        [
            [own.values[own["emotion"].values == e].mean(axis=0) for e in inputs.vectors.emotions if e != label]
            for own in states.values()
        ]
    )
    centred = inputs.vectors.raw.sel(emotion=[e for e in inputs.vectors.emotions if e != label]).copy(
        data=(means - means.mean(axis=1, keepdims=True))[:, :, None]
    )
    return replace(inputs, vectors=replace(inputs.vectors, centred=centred))


def plain_rsa(inputs: Inputs) -> float:
    found = rsa(inputs.vectors.centred, "en", "ja", permutations=1)
    return float(found[found["method"] == "pearson"]["r"].iloc[0])


def test_leaving_out_a_topic_or_a_label_is_building_the_vectors_without_it() -> None:
    inputs = planted(3)
    found = pair_resampled(topic_cells(inputs.vectors, inputs.activations, 0, "raw"), ("en", "ja"), NO_CONFOUNDS, 20, 0)
    expected = [plain_rsa(made_of(inputs, topic=topic)) for topic in ("", *TOPICS)]
    np.testing.assert_allclose(found["rsa"].topics, expected, atol=1e-6)
    expected = [plain_rsa(made_of(inputs, label=label)) for label in sorted(EMOTIONS)]
    np.testing.assert_allclose(found["rsa"].labels, expected, atol=1e-6)
    np.testing.assert_allclose(found["partial"].topics, found["rsa"].topics)  # no confounds: nothing is taken out
    np.testing.assert_allclose(found["partial"].labels, found["rsa"].labels)
    assert found["retrieval_ab"].draws is not None
    assert found["rsa"].draws is None


def test_decoding_is_that_of_the_table_and_its_parts_leave_out_a_topic_or_a_label() -> None:
    inputs = planted(4, noise=1.5)
    arrays = {language: inputs.activations(0, language) for language in ("en", "ja")}
    found = decoding_resampled(arrays, 0)
    table = decode(inputs.activations, [0], ["en", "ja"], 0)
    assert len(found) == len(table) == 8
    for row in table.to_dict("records"):
        own, topics = found[row["variant"], row["train_language"], row["test_language"]]
        assert own.topics[0] == pytest.approx(row["accuracy"])
        assert topics == sorted(TOPICS)
        # Each topic and each label has as many stories: the parts average to the whole.
        assert own.topics[1:].mean() == pytest.approx(row["accuracy"])
        assert own.labels.mean() == pytest.approx(row["accuracy"])
        assert len(own.labels) == len(EMOTIONS)


def test_a_difference_adds_up_the_variances() -> None:
    rng = np.random.default_rng(0)
    a, b = (Resampled(rng.normal(size=7), rng.normal(size=9)) for _ in range(2))
    paired = difference(a, b, True)
    low, high, error = jackknife_interval(a.topics[0] - b.topics[0], (a.topics - b.topics)[1:])
    assert (paired["low"], paired["high"]) == (pytest.approx(low), pytest.approx(high))

    def variance(values: np.ndarray) -> float:
        return (len(values) - 1) / len(values) * float(((values - values.mean()) ** 2).sum())

    parts = [error**2, variance(a.labels), variance(b.labels)]
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / 5 + parts[1] ** 2 / 8 + parts[2] ** 2 / 8)
    width = student.ppf(0.975, degrees) * np.sqrt(sum(parts))
    assert paired["high_crossed"] - paired["difference"] == pytest.approx(width)
    apart = difference(a, b, False)
    parts = [variance(a.topics[1:]), variance(b.topics[1:])]
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / 5 + parts[1] ** 2 / 5)
    assert apart["high"] - apart["difference"] == pytest.approx(student.ppf(0.975, degrees) * np.sqrt(sum(parts)))


def test_squares_without_noise() -> None:
    inputs = planted(5, noise=1.0)
    cells = topic_cells(inputs.vectors, inputs.activations, 0, "raw")
    states = inputs.activations(0, "ja")
    values = np.array(
        [
            [
                states.values[(states["emotion"].values == e) & (states["topic"].values == t)].mean(axis=0)
                for t in TOPICS
            ]
            for e in sorted(EMOTIONS)
        ]
    )
    centred = values - values.mean(axis=0)
    slow = [np.mean([own[i] @ own[j] for i, j in permutations(range(len(TOPICS)), 2)]) for own in centred]
    np.testing.assert_allclose(noise_free_squares(cells, "ja"), slow, rtol=1e-5)


def test_sets_of_equal_spread_match_and_others_do_not() -> None:
    small, large = planted(6), planted(7)
    cells = [topic_cells(one.vectors, one.activations, 0, "raw") for one in (small, large)]
    same = matched_difference(cells[0], cells[0], ("en", "ja"), True, 0)
    assert same is not None
    assert abs(same["difference"]) < 0.1
    wider = replace(cells[1], gram=cells[1].gram * 9)
    assert matched_difference(cells[0], wider, ("en", "ja"), True, 0) is None


def test_a_study_beside_itself_differs_in_nothing() -> None:
    inputs = planted(8, layers=3, layer=1)
    found = run_analysis("reference", with_model(replace(inputs, reference=other(inputs))))
    table = found.tables["reference"]
    assert set(table["layer"]) == {0, 1, 2}
    assert (table.loc[table["statistic"] != "rsa_matched", "difference"] == 0).all()
    paired = table[~table["statistic"].isin(["rsa_matched", "partial"])]
    assert np.allclose(paired[["low", "high"]], 0)  # the same topics in both: what they do cancels
    assert (table["high_crossed"].dropna() >= 0).all()
    sets = found.tables["reference_sets"]
    assert sets.groupby(["variant", "layer", "language"])["reliability"].nunique().eq(1).all()
    assert found.summary["paired"] is True
    depth = found.tables["reference_depth"].set_index(["variant", "statistic"])
    assert depth.loc[("raw", "late"), "emotions"] == pytest.approx(
        table.query("variant == 'raw' and statistic == 'rsa' and layer == 2")["emotions"].mean()
    )


def test_a_planted_difference_is_found() -> None:
    alike, apart = planted(9, noise=0.3, emotions=DEFAULT_30[:16]), planted(10, noise=0.3, emotions=LABELS)
    rng = np.random.default_rng(1)
    states = {language: apart.activations(0, language) for language in ("en", "ja")}
    codes = np.array([LABELS.index(e) for e in states["ja"]["emotion"].values])
    shuffled = states["ja"].copy(data=rng.normal(size=(len(LABELS), 8))[codes] + 0.3 * rng.normal(size=(len(codes), 8)))
    arrays = states | {"ja": shuffled}
    parts = [[states[x].values[codes == k].mean(axis=0) for k in range(len(LABELS))] for x in ("en",)]
    means = np.array([*parts, [shuffled.values[codes == k].mean(axis=0) for k in range(len(LABELS))]])
    centred = apart.vectors.raw.copy(data=(means - means.mean(axis=1, keepdims=True))[:, :, None])
    reference = OtherTexts(
        "apart", replace(apart.vectors, centred=centred), lambda _, language: arrays[language], apart.stories
    )
    table = run_analysis("reference", with_model(replace(alike, reference=reference))).tables["reference"]
    row = table.query("variant == 'raw' and statistic == 'rsa'").iloc[0]
    assert row["emotions"] > 0.8
    assert row["low"] > 0.2
    assert row["low_crossed"] > 0
    within = table.query("variant == 'raw' and statistic == 'decoding' and language_a == language_b")
    assert (within["difference"].abs() < 0.2).all()


def test_without_a_reference_there_is_a_note() -> None:
    found = run_analysis("reference", planted())
    assert found.summary["note"] == "The study names no geometry.reference."
    assert all(found.tables[name].empty for name in TABLES)
    assert ANALYSIS.inputs >= {"reference", "layer"}


def with_model(inputs: Inputs) -> Inputs:
    """A model whose embeddings are random: every word of the texts is one token."""

    class Words:
        def text_token_ids(self, text: str) -> list[int]:
            return [sum(map(ord, word)) % 50 for word in text.split()]

        def embeddings(self, ids: list[int]) -> np.ndarray:
            return np.random.default_rng(0).normal(size=(50, 4))[ids]

    stories = [replace(s, text=f"{s.emotion} {s.topic} {s.language} {k}") for k, s in enumerate(inputs.stories)]
    reference = inputs.reference
    assert reference is not None
    texts = [replace(s, text=f"{s.emotion} {s.topic} {s.language} {k}") for k, s in enumerate(reference.stories)]
    return replace(inputs, stories=stories, reference=replace(reference, stories=texts), model=lambda: Words())  # pyright: ignore[reportArgumentType]
