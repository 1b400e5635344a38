import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.linear_model import LogisticRegression

from emovec.geometry import decode
from emovec.geometry.confusion import (
    PENALTY_C,
    confused_pairs,
    confusion_agreement,
    confusion_counts,
    method_accuracies,
    predictions,
)
from emovec.stats.shares import clustered_wilson
from tests.geometry.planted import make_stories, story_activations

EMOTIONS = ["afraid", "angry", "calm", "joyful", "sad", "serene"]
TOPICS = [f"t{i}" for i in range(5)]


def activations(
    seed: int = 0,
    alike: tuple[tuple[str, str], ...] = (),
    languages: tuple[str, ...] = ("en", "ja"),
    noise: float = 1.0,
) -> dict[str, xr.DataArray]:
    """Stories around each emotion's place; the two emotions of each pair in `alike` share theirs."""
    rng = np.random.default_rng(seed)
    places = dict(zip(EMOTIONS, 3 * rng.normal(size=(len(EMOTIONS), 20)), strict=True))
    for one, other in alike:
        places[other] = places[one]
    found = {}
    for language in languages:
        stories = make_stories(language, EMOTIONS, TOPICS, repeats=3)
        values = np.stack([places[story.emotion] for story in stories])
        found[language] = story_activations(values + noise * rng.normal(size=values.shape), stories)
    return found


def test_nearest_centroid_is_that_of_decode() -> None:
    arrays = activations(noise=4.0)
    methods = method_accuracies(predictions(arrays)).query("method == 'centroid'")
    decoded = decode(lambda layer, language: arrays[language], [0], ["en", "ja"]).query("variant == 'standardised'")
    keys = ["train_language", "test_language"]
    columns = [*keys, "accuracy", "n_stories", "chance"]
    ours, theirs = (t[columns].sort_values(keys, ignore_index=True) for t in (methods, decoded))
    pd.testing.assert_frame_equal(ours, theirs)
    assert 0.2 < ours["accuracy"].min() < ours["accuracy"].max() < 1


def test_logistic_equals_sklearn_on_all_dimensions() -> None:
    arrays = activations(3, noise=4.0, languages=("en",))
    # The folds are the topics, and one language is its own scale.
    values, labels = arrays["en"].values, arrays["en"]["emotion"].values
    expected = {}
    for topic in TOPICS:
        test = arrays["en"]["topic"].values == topic
        mean, scale = values[~test].mean(axis=0), values[~test].std(axis=0)
        standard = (values - mean) / scale
        standard /= np.sqrt((standard[~test] ** 2).sum(axis=1).mean())
        model = LogisticRegression(C=PENALTY_C, max_iter=2000, tol=1e-8).fit(standard[~test], labels[~test])
        expected |= dict(zip(arrays["en"]["id"].values[test], model.predict(standard[test]), strict=True))
    ours = predictions(arrays).query("method == 'logistic'").set_index("id")["predicted"]
    assert np.mean([ours[story] == given for story, given in expected.items()]) > 0.98


def test_more_dimensions_than_stories_change_nothing() -> None:
    """The same points in a space far larger than their number: a rotation of them, and so the same answers."""
    arrays = activations(4, noise=4.0)
    wide = {
        language: xr.concat([array, xr.zeros_like(array).isel(hidden=np.zeros(400, dtype=int))], "hidden")
        for language, array in arrays.items()
    }
    pd.testing.assert_frame_equal(predictions(arrays), predictions(wide))


def test_emotions_that_share_a_place_are_confused_and_agree() -> None:
    counts = confusion_counts(predictions(activations(1, (("afraid", "angry"), ("calm", "serene")))))
    pairs = (
        confused_pairs(counts).query("method == 'logistic'").set_index(["language", "emotion_a", "emotion_b"])["rate"]
    )
    for language in ("en", "ja"):
        assert pairs[language, "afraid", "angry"] > 0.25
        assert pairs[language, "calm", "serene"] > 0.25
        assert pairs[language, "joyful", "sad"] < 0.1
    agreement = confusion_agreement(counts, 2000).set_index("method")
    assert (agreement["r"] > 0.9).all()
    # 16 of the 720 orders keep both pairs: no test could give a p much below 0.022.
    assert (agreement["p"] < 0.05).all()
    assert (agreement["n_pairs"] == 15).all()


def test_agreement_is_the_correlation_of_rates_against_a_loop() -> None:
    counts = confusion_counts(predictions(activations(2, noise=6.0)))
    rates = confused_pairs(counts).query("method == 'centroid'")
    wide = rates.pivot(index=["emotion_a", "emotion_b"], columns="language", values="rate")
    row = confusion_agreement(counts, 300).query("method == 'centroid'").iloc[0]
    assert row["r"] == pytest.approx(np.corrcoef(wide["en"], wide["ja"])[0, 1])
    from emovec.stats.permutation import label_permutations

    square = wide["ja"].unstack().reindex(index=EMOTIONS, columns=EMOTIONS).fillna(0).to_numpy()
    square = square + square.T
    upper = np.triu_indices(len(EMOTIONS), 1)
    null = [np.corrcoef(wide["en"], square[np.ix_(o, o)][upper])[0, 1] for o in label_permutations(6, 300, 0)]
    assert row["p"] == pytest.approx((1 + sum(x >= row["r"] - 1e-12 for x in null)) / 301)


def test_independent_confusions_give_uniform_p() -> None:
    p = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        rows = [
            ("centroid", language, language, e, f, int(rng.integers(0, 5)) + 8 * (e == f))
            for language in ("en", "ja") for e in EMOTIONS for f in EMOTIONS
        ]  # fmt: skip
        columns = ["method", "train_language", "test_language", "emotion", "predicted", "count"]
        p.append(confusion_agreement(pd.DataFrame(rows, columns=columns), 199, seed)["p"].item())
    assert 0.42 < np.mean(p) < 0.58
    assert np.mean(np.array(p) <= 0.05) < 0.11


def test_counts_hold_every_story_once() -> None:
    counts = confusion_counts(predictions(activations(noise=5.0)))
    totals = counts.groupby(["method", "train_language", "test_language", "emotion"])["count"].sum()
    assert set(totals) == {15}
    assert len(totals) == 2 * 4 * 6


def test_interval_is_wilsons_for_independent_stories() -> None:
    from scipy.stats import binomtest

    right = np.random.default_rng(0).random(80) < 0.7
    ours = clustered_wilson(right, np.full(80, ""))
    theirs = binomtest(int(right.sum()), 80).proportion_ci(method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high))
    low, high = clustered_wilson(np.ones(80, dtype=bool), np.repeat(np.arange(8), 10).astype(str))
    assert (high, low < 1) == (1, True)


def test_interval_covers_the_truth_when_topics_differ() -> None:
    rng = np.random.default_rng(1)
    topics = np.repeat(np.arange(12), 30).astype(str)
    inside, naive = [], []
    for _ in range(400):
        share = np.clip(rng.normal(0.7, 0.12, 12), 0, 1)
        right = rng.random(360) < np.repeat(share, 30)
        for intervals, names in ((inside, topics), (naive, np.full(360, ""))):
            low, high = clustered_wilson(right, names)
            intervals.append(low <= 0.7 <= high)
    assert 0.92 < np.mean(inside) < 0.985
    assert np.mean(naive) < 0.85


def test_one_language_and_an_emotion_of_one_story() -> None:
    arrays = activations(languages=("en",))
    first = arrays["en"]
    keep = (first["emotion"] != "sad") | (
        np.arange(first.sizes["story"]) == np.flatnonzero(first["emotion"] == "sad")[0]
    )
    found = predictions({"en": first.isel(story=np.flatnonzero(keep))})
    assert "sad" not in set(found["emotion"])
    assert confusion_agreement(confusion_counts(found), 10).empty
