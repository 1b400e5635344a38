"""The space that emotions and reference labels share: planted offsets, rests and separations."""

from dataclasses import replace

import numpy as np
import pytest

from emovec.geometry.analysis import OtherTexts
from emovec.geometry.reference_space import (
    language_difference,
    noise_free_products,
    participation,
    separation,
    topic_means,
)
from emovec.geometry.registry import run_analysis
from tests.geometry.planted_cells import study_inputs

BLOCKS, LABELS, HIDDEN = 12, 30, 120


def differences(rng: np.random.Generator, offset: np.ndarray, rests: np.ndarray, noise: float = 0.1) -> np.ndarray:
    return offset + rests - rests.mean(axis=0) + noise * rng.normal(size=(BLOCKS, LABELS, HIDDEN))


def directions(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(HIDDEN, n)))[0].T


def test_products_leave_out_a_topic_with_itself() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4, 3, 5))
    slow = [
        [np.mean([a[i, x] @ b[j, y] for i in range(4) for j in range(4) if i != j]) for y in range(3)] for x in range(3)
    ]
    np.testing.assert_allclose(noise_free_products(a, b), slow)


def test_noise_alone_has_no_length() -> None:
    rng = np.random.default_rng(1)
    traces = [np.trace(noise_free_products(x, x)) for x in rng.normal(size=(200, 6, 5, 20))]
    assert abs(np.mean(traces)) < 4 * np.std(traces) / np.sqrt(len(traces))


def test_a_shared_offset_and_a_shared_rest_are_found() -> None:
    rng = np.random.default_rng(2)
    offset, basis = 2 * directions(rng, 1)[0], directions(rng, 3)
    e, r = (differences(rng, offset, 0.5 * rng.normal(size=(LABELS, 3)) @ basis) for _ in range(2))
    found = language_difference(e, r)
    square = 0.25 * 3 * (1 - 1 / LABELS)
    assert found["offset_cosine"] == pytest.approx(1, abs=0.02)
    assert found["offset_share"] == pytest.approx(4 / (4 + square), abs=0.06)
    assert found["offset_shared"] == pytest.approx(found["offset_share"], abs=0.03)
    assert 2 < found["rest_rank"] <= 3.1
    assert found["rest_by_reference"] > 0.85
    assert found["rest_by_emotions"] > 0.85
    assert found["rest_by_stories"] < 0.15


def test_other_offsets_and_rests_are_told_apart() -> None:
    rng = np.random.default_rng(3)
    far = directions(rng, 2)
    own, other = directions(rng, 3), directions(rng, 3)
    e = differences(rng, 2 * far[0], 0.5 * rng.normal(size=(LABELS, 3)) @ own)
    r = differences(rng, 2 * far[1], 0.5 * rng.normal(size=(LABELS, 3)) @ other)
    found = language_difference(e, r)
    assert abs(found["offset_cosine"]) < 0.1
    assert found["offset_shared"] < 0.02
    assert found["rest_by_emotions"] > 0.85
    assert found["rest_by_reference"] < 0.3  # two sets of three directions in 120 overlap a little


def test_how_many_directions() -> None:
    rng = np.random.default_rng(4)
    few, many = (differences(rng, np.zeros(HIDDEN), rng.normal(size=(LABELS, n)) @ directions(rng, n)) for n in (2, 25))
    assert participation(few) < 2.2
    assert participation(many) > 10


def test_labels_that_are_apart_are_placed_rightly_and_others_are_not() -> None:
    rng = np.random.default_rng(5)
    axis = directions(rng, 1)[0]
    e, r = (
        {x: rng.normal(size=(LABELS, HIDDEN)) + sign * 4 * axis + k for k, x in enumerate(("en", "ja"))}
        for sign in (1, -1)
    )
    assert separation(e, r, "en", "ja").mean() > 0.95
    same = [
        separation(*({"en": rng.normal(size=(LABELS, HIDDEN))} for _ in range(2)), "en", "en").mean() for _ in range(40)
    ]
    assert np.mean(same) == pytest.approx(0.5, abs=0.05)


def test_means_by_blocks_of_topics() -> None:
    inputs = study_inputs(6)
    states = inputs.activations(0, "ja")
    found = topic_means(inputs.activations, 0, "ja", ["calm", "sad"], [["t1", "t3"], ["t2"]])
    chosen = (states["emotion"].values == "sad") & np.isin(states["topic"].values, ["t1", "t3"])
    np.testing.assert_allclose(found[0, 1], states.values[chosen].mean(axis=0))
    assert found.shape == (2, 2, 8)
    assert np.isnan(topic_means(inputs.activations, 0, "ja", ["calm", "none"], [["t1"]])[0, 1]).all()


def test_the_analysis_says_why_there_is_nothing() -> None:
    inputs = study_inputs(7)
    assert "no geometry.reference" in run_analysis("reference_space", inputs).summary["note"]
    elsewhere = study_inputs(8, topics=("u1", "u2", "u3", "u4"))
    other = OtherTexts("elsewhere", elsewhere.vectors, elsewhere.activations, elsewhere.stories)
    found = run_analysis("reference_space", replace(inputs, reference=other))
    assert found.summary["note"] == "The study and elsewhere share fewer than 4 topics."
