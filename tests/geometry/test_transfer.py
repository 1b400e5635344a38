import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from emovec.corpus.story import Story
from emovec.emotions import DEFAULT_30
from emovec.geometry import transfer_accuracy, transfer_texts
from emovec.geometry.transfer import unshared_topics
from tests.geometry.planted import make_stories, story_activations

EMOTIONS = DEFAULT_30[:5]
HIDDEN = 8


def planted(
    seed: int, strength: float, topics: tuple[str | None, ...] = ("a", "b", "c", "d", "e", "f"), truth: int = 0
) -> xr.DataArray:
    """Stories in two languages; emotion means, the same for every seed of one `truth`, and noise."""
    means = np.random.default_rng(1000 + truth).normal(size=(len(EMOTIONS), HIDDEN))
    rng = np.random.default_rng(seed)
    parts = []
    for shift, language in enumerate(("en", "ja")):
        stories = make_stories(language, EMOTIONS, topics, repeats=2)
        belongs = [EMOTIONS.index(story.emotion) for story in stories]
        values = strength * means[belongs] + rng.normal(size=(len(stories), HIDDEN)) + 10 * shift
        parts.append(story_activations(values, stories))
    return xr.concat(parts, "story")


def by_hand(source: xr.DataArray, target: xr.DataArray, a: str, b: str, scale: np.ndarray, hold_out: bool) -> list[int]:
    """How many emotions come before the right one, for each target story."""
    source, target = source[source["language"].values == a] / scale, target[target["language"].values == b] / scale
    ranks = []
    for story in target:
        known = source
        if hold_out:
            known = source[source["topic"].values != str(story["topic"].values)]
        mean = known.values.mean(0)
        cosines = {}
        for emotion in sorted(set(known["emotion"].values)):
            centroid = known.values[known["emotion"].values == emotion].mean(0) - mean
            asked = story.values - target.values.mean(0)
            cosines[emotion] = centroid @ asked / np.linalg.norm(centroid) / np.linalg.norm(asked)
        order = sorted(cosines, key=lambda e: -cosines[e])
        ranks.append(order.index(str(story["emotion"].values)))
    return ranks


@pytest.mark.parametrize("hold_out", [True, False])
def test_equals_naming_by_hand(hold_out: bool) -> None:
    source, target = planted(1, 0.6), planted(2, 0.6)
    table = transfer_accuracy(source, target, hold_out=hold_out, bootstraps=50)
    assert len(table) == 8
    variances = [source.values[source["language"].values == name].var(0) for name in ("en", "ja")]
    scales = {"raw": np.ones(HIDDEN), "standardised": np.sqrt(np.mean(variances, axis=0))}
    for row in table.itertuples():
        ranks = by_hand(source, target, row.source_language, row.target_language, scales[row.variant], hold_out)
        assert row.accuracy == pytest.approx(np.mean(np.array(ranks) == 0))
        assert row.top3 == pytest.approx(np.mean(np.array(ranks) < 3))
        assert row.low <= row.accuracy <= row.high
        assert row.top3_low <= row.top3 <= row.top3_high
        assert (row.chance, row.n_emotions, row.n_stories) == (0.2, 5, 60)


def test_planted_emotions_are_named_and_unrelated_ones_are_not() -> None:
    found = transfer_accuracy(planted(1, 2), planted(2, 2))
    assert (found["accuracy"] > 0.9).all()
    assert (found["low"] > 0.7).all()
    at_chance = [transfer_accuracy(planted(i, 0), planted(50 + i, 2))["accuracy"].mean() for i in range(20)]
    assert abs(np.mean(at_chance) - 0.2) < 0.05


def test_a_plot_that_both_tell_is_no_help_when_topics_are_held_out() -> None:
    """Target stories are copies of the source's, which hold nothing of the emotion."""
    source = planted(3, 0)
    assert (transfer_accuracy(source, source, hold_out=False)["accuracy"].max()) > 0.3
    held = np.mean([transfer_accuracy(planted(i, 0), planted(i, 0))["accuracy"].mean() for i in range(15)])
    assert held < 0.25


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_order_of_stories_changes_no_number(seed: int) -> None:
    source, target = planted(1, 0.6), planted(2, 0.6)
    rng = np.random.default_rng(seed)
    key = ["variant", "source_language", "target_language"]
    one = transfer_accuracy(source, target, bootstraps=20).sort_values(key, ignore_index=True)
    other = transfer_accuracy(
        source[rng.permutation(len(source))], target[rng.permutation(len(target))], bootstraps=20
    ).sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(one, other)


def test_every_emotion_counts_alike_and_only_shared_ones() -> None:
    source, target = planted(1, 3), planted(2, 3)
    right, wrong = EMOTIONS[0], EMOTIONS[1]
    keep = np.isin(target["emotion"].values, [right, wrong])
    keep &= ~((target["emotion"].values == wrong) & (target["topic"].values != "a"))
    target = target[keep]
    # Few stories of one emotion, all like another: half of the balanced accuracy.
    values = target.values.copy()
    values[target["emotion"].values == wrong] = values[target["emotion"].values == right].mean()
    values[target["emotion"].values == wrong] += values[target["emotion"].values == right][:1]
    found = transfer_accuracy(source, target.copy(data=values))
    assert set(found["n_emotions"]) == {2}
    assert set(found["chance"]) == {0.5}
    renamed = target.assign_coords(emotion=("story", ["neutral"] * len(target)))
    assert transfer_accuracy(source, renamed).empty


def test_few_topics_give_wilson_intervals() -> None:
    from scipy.stats import binomtest

    found = transfer_accuracy(planted(1, 1), planted(2, 1, (None,)))
    for row in found.itertuples():
        right = round(row.accuracy * row.n_stories)
        expected = binomtest(right, row.n_stories).proportion_ci(method="wilson")
        assert (row.low, row.high) == pytest.approx((expected.low, expected.high))


def texts(topics: tuple[str, ...], told: bool) -> list[Story]:
    rng = np.random.default_rng(len(topics))
    filler = [f"word{i}" for i in range(40)]
    return [
        dataclasses.replace(
            story, text=" ".join([*rng.choice(filler, 12), *([f"so{story.emotion}"] * 3 if told else [])])
        )
        for language in ("en", "ja")
        for story in make_stories(language, EMOTIONS, topics)
    ]


def test_words_name_emotions_that_they_tell() -> None:
    source = texts(("a", "b", "c"), told=True)
    found = transfer_texts(source, texts(("d", "e", "f", "g", "h"), told=True))
    assert set(zip(found["features"], found["source_language"], strict=True)) == {
        ("word", "en"),
        ("character", "en"),
        ("character", "ja"),
    }
    assert (found["source_language"] == found["target_language"]).all()
    assert (found["accuracy"] == 1).all()
    silent = transfer_texts(source, texts(("d", "e", "f", "g", "h"), told=False))
    assert (silent["accuracy"] < 0.6).all()


@pytest.mark.fault("F14")
def test_topics_that_share_no_name_are_told() -> None:
    source = pd.DataFrame({"language": ["en", "en", "ja"], "topic": ["wedding", "exam", "wedding"]})
    target = pd.DataFrame({"language": ["en", "ja"], "topic": ["wedding", "結婚式"]})
    said = unshared_topics(source, target)
    assert said.startswith("No topic is held out from en to ja, ja to ja:")
    assert unshared_topics(source, target.assign(topic="")) == ""
    assert unshared_topics(source, source) == ""
