from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from emovec.corpus.story import Story
from emovec.geometry import choose_layer, decode
from emovec.geometry.decoding import story_labels
from emovec.stats.folds import assign_folds, unshared_topics
from tests.geometry.planted import make_stories, story_activations

EMOTIONS = ["angry", "calm", "joyful", "sad", "afraid"]
TOPICS = [f"t{number}" for number in range(6)]


def give(*arrays: xr.DataArray) -> Callable[[int, str], xr.DataArray]:
    """One layer only: the arrays by their language."""
    by_language = {str(array["language"].values[0]): array for array in arrays}
    return lambda layer, language: by_language[language]


def planted(
    language: str,
    directions: np.ndarray,
    noise: float,
    seed: int,
    topics: list[str | None] | None = None,
    repeats: int = 1,
) -> xr.DataArray:
    """Stories that point along their emotion's direction [emotion, hidden], far away from zero."""
    stories = make_stories(language, EMOTIONS, TOPICS if topics is None else topics, repeats=repeats)
    rng = np.random.default_rng(seed)
    own = directions[[EMOTIONS.index(story.emotion) for story in stories]]
    values = own + noise * rng.normal(size=own.shape) + 50 * rng.normal(size=own.shape[1])
    return story_activations(values.astype("float32"), stories)


@pytest.mark.fault("F17")
def test_deviations_are_pooled_over_languages_even_within_one() -> None:
    """Another language in the study changes what is right within the first: only where dimensions are standardised."""
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(5, 10))
    english = planted("en", directions, 2.0, 1)
    other = planted("ja", directions, 2.0, 2) * np.geomspace(0.01, 100, 10)
    alone, beside = table_of(english), table_of(english, other)
    assert alone["raw", "en", "en"] == beside["raw", "en", "en"]
    assert alone["standardised", "en", "en"] != beside["standardised", "en", "en"]


def table_of(*arrays: xr.DataArray, seed: int = 0) -> pd.Series:
    languages = [str(array["language"].values[0]) for array in arrays]
    table = decode(give(*arrays), [4], languages, seed)
    assert set(table["layer"]) == {4}
    return table.set_index(["variant", "train_language", "test_language"])["accuracy"]


def reference(arrays: dict[str, xr.DataArray], variant: str, train: str, test: str) -> float:
    """Topic by topic, story by story, in float64."""
    hits = []
    for topic in sorted(set(np.concatenate([array["topic"].values for array in arrays.values()]))):
        training = {
            language: array.astype("float64").isel(story=array["topic"].values != topic)
            for language, array in arrays.items()
        }
        scale = np.ones(arrays[train].sizes["hidden"])
        if variant == "standardised":
            scale = np.sqrt(np.mean([array.values.var(axis=0) for array in training.values()], axis=0))
        centroids = {
            emotion: (
                training[train].isel(story=training[train]["emotion"].values == emotion).values
                - training[train].values.mean(axis=0)
            ).mean(axis=0)
            / scale
            for emotion in EMOTIONS
        }
        for story in (
            arrays[test]["story"].values if "story" in arrays[test].coords else range(arrays[test].sizes["story"])
        ):
            one = arrays[test].isel(story=int(story))
            if one["topic"].item() != topic:
                continue
            x = (one.values.astype("float64") - training[test].values.mean(axis=0)) / scale
            cosine = {e: x @ c / np.linalg.norm(x) / np.linalg.norm(c) for e, c in centroids.items()}
            hits.append(max(cosine, key=cosine.__getitem__) == one["emotion"].item())
    return float(np.mean(hits))


def test_equals_a_plain_computation() -> None:
    directions = np.random.default_rng(0).normal(size=(5, 8)) * [1, 1, 1, 1, 1, 1, 1, 30]
    arrays = {"en": planted("en", directions, 1.5, 1), "ja": planted("ja", directions, 1.5, 2)}
    table = table_of(*arrays.values())
    assert len(table) == 8
    assert 0.2 < table.min() < table.max() < 1
    for key, accuracy in table.items():
        assert accuracy == pytest.approx(reference(arrays, *key)), key


def test_each_language_is_centred_by_itself() -> None:
    directions = np.random.default_rng(0).normal(size=(5, 16))
    # The languages lie at different places, 50 times as far apart as the emotions.
    assert (table_of(planted("en", directions, 0.1, 1), planted("ja", directions, 0.1, 2)) == 1).all()


def twins(topics: bool) -> xr.DataArray:
    """Pairs of stories that share all there is to know, and that nothing links to their emotion in other topics."""
    stories = make_stories("en", EMOTIONS, [f"t{n}" for n in range(12)], repeats=2)
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=(len(stories) // 2, 400)), 2, axis=0)
    if not topics:
        stories = [Story(s.id, s.language, s.emotion, None, s.text) for s in stories]
    return story_activations(values, stories)


def test_what_a_topic_carries_is_held_out_with_it() -> None:
    assert table_of(twins(topics=True)).max() < 0.4
    # The same stories would be told apart if a twin could be in the training set.
    assert table_of(twins(topics=False)).min() > 0.8


@given(seed=st.integers(0, 1000))
def test_order_of_stories_and_languages_changes_nothing(seed: int) -> None:
    directions = np.random.default_rng(seed).normal(size=(5, 6))
    for topics in (TOPICS, [None] * 4):
        arrays = [planted(language, directions, 2, seed, topics) for language in ("en", "ja")]
        for at, array in enumerate(arrays):
            array["id"] = "story", [f"{language}{i:03d}" for i, language in enumerate(array["language"].values)]
            arrays[at] = array
        rng = np.random.default_rng(seed)
        shuffled = [array.isel(story=rng.permutation(array.sizes["story"])) for array in arrays[::-1]]
        pd.testing.assert_series_equal(table_of(*arrays).sort_index(), table_of(*shuffled).sort_index())


def test_without_signal_accuracy_is_at_chance() -> None:
    arrays = [planted("en", np.zeros((5, 10)), 1, seed, [f"t{n}" for n in range(40)]) for seed in range(10)]
    assert np.mean([table_of(array)["standardised", "en", "en"] for array in arrays]) == pytest.approx(0.2, abs=0.04)


def test_twelve_topics_stand_alone_and_more_go_into_ten_groups() -> None:
    for n, folds, words in ((12, 12, "each held out once"), (25, 10, "10 groups")):
        index = story_labels(planted("en", np.zeros((5, 2)), 1, 0, [f"t{k}" for k in range(n)]))
        numbers, rule = assign_folds(index)
        assert len(set(numbers)) == folds
        assert index.groupby("topic")["id"].apply(lambda ids, at=numbers: len(set(at[ids.index]))).max() == 1
        assert words in rule


def test_without_topics_folds_are_stratified() -> None:
    index = story_labels(planted("en", np.zeros((5, 2)), 1, 0, [None], repeats=6))
    numbers, rule = assign_folds(index)
    assert (pd.crosstab(numbers, index["emotion"]) == 1).all(axis=None)
    assert "not held out" in rule
    assert "one topic" in assign_folds(story_labels(planted("en", np.zeros((5, 2)), 1, 0, ["t"], repeats=3)))[1]


def test_one_rare_emotion_does_not_abolish_decoding(recwarn: pytest.WarningsRecorder) -> None:
    whole = planted("en", 10 * np.eye(5), 0.1, 0, [None], repeats=6)
    first = whole["id"].values == "en-None-sad-0"
    table = decode(give(whole.isel(story=(whole["emotion"].values != "sad") | first)), [0], ["en"])
    assert (table["accuracy"] == 1).all()
    assert table["n_stories"].tolist() == [24, 24]
    assert not [warning for warning in recwarn if "populated" in str(warning.message)]


@pytest.mark.parametrize(("n_topics", "rule"), [(6, "6 topics, each held out once"), (15, "10 groups of whole topics")])
def test_a_missing_topic_is_held_out_alone_and_the_others_stay_whole(n_topics: int, rule: str) -> None:
    index = story_labels(planted("en", np.zeros((5, 2)), 1, 0, [f"t{k}" for k in range(n_topics)]))
    index.loc[[3, 20], "topic"] = ""
    numbers, said = assign_folds(index)
    named = index[index["topic"] != ""]
    assert named.groupby("topic")["id"].apply(lambda ids, at=numbers: len(set(at[ids.index]))).max() == 1
    assert rule in said
    assert "2 stories without a topic" in said
    if n_topics == 6:
        assert len(set(numbers)) == 8
        assert (numbers == numbers[3]).sum() == (numbers == numbers[20]).sum() == 1
    shuffled = index.sample(frac=1, random_state=1)
    again, _ = assign_folds(shuffled.reset_index(drop=True))
    assert pd.crosstab(pd.Series(again, index=shuffled.index), pd.Series(numbers)).gt(0).sum().eq(1).all()


def test_a_story_without_fellows_is_not_tested() -> None:
    directions = 10 * np.eye(5)
    whole = planted("en", directions, 0.1, 0)
    rare = (whole["emotion"].values == "sad") & (whole["topic"].values != "t0")
    table = decode(give(whole.isel(story=~rare)), [0], ["en"])
    assert table["n_stories"].tolist() == [24, 24]
    assert (table["accuracy"] == 1).all()
    assert table["chance"].tolist() == [0.2, 0.2]
    once = planted("en", directions, 0.1, 0, [None])
    assert decode(give(once), [0], ["en"]).empty


def test_a_language_may_lack_an_emotion_or_have_topics_of_its_own() -> None:
    directions = 10 * np.eye(5)
    english, japanese = planted("en", directions, 0.1, 0), planted("ja", directions, 0.1, 1, ["u0", "u1", "u2"])
    japanese = japanese.isel(story=japanese["emotion"].values != "sad")
    table = decode(give(english, japanese), [0], ["en", "ja"]).set_index(["variant", "train_language", "test_language"])
    assert (table["accuracy"] == 1).all()
    assert table.loc[("raw", "ja", "en"), "n_stories"] == 24
    assert table.loc[("raw", "ja", "en"), "chance"] == 0.25


@pytest.mark.fault("F14")
def test_topics_named_differently_by_language_are_told() -> None:
    english = story_labels(planted("en", np.eye(5), 1, 0, ["wedding", "exam"]))
    japanese = story_labels(planted("ja", np.eye(5), 1, 0, ["結婚式", "exam"]))
    said = unshared_topics(pd.concat([english, japanese]))
    assert "en: wedding; ja: 結婚式" in said
    assert "give a topic the same name in every language" in said
    same = story_labels(planted("ja", np.eye(5), 1, 0, ["exam", "wedding"]))
    assert unshared_topics(pd.concat([english, same])) == ""
    assert unshared_topics(pd.concat([english, story_labels(planted("ja", np.eye(5), 1, 0, [None]))])) == ""
    assert unshared_topics(english) == ""


def test_neutral_texts_are_no_class() -> None:
    array = planted("en", 10 * np.eye(5), 0.1, 0)
    array["emotion"] = array["emotion"].where(array["emotion"] != "sad", "neutral")
    assert decode(give(array), [0], ["en"])["chance"].tolist() == [0.25, 0.25]


def test_the_layer_is_the_best_within_languages_and_of_equals_the_earliest() -> None:
    rows = [
        (variant, layer, train, test, accuracy)
        for variant, values in (("raw", [0.9, 0.1, 0.1]), ("standardised", [0.5, 0.7, 0.7]))
        for layer, accuracy in zip((3, 7, 9), values, strict=True)
        for train, test in (("en", "en"), ("ja", "ja"))
    ]
    rows.append(("standardised", 9, "en", "ja", 1.0))
    table = pd.DataFrame(rows, columns=["variant", "layer", "train_language", "test_language", "accuracy"])
    layer, reason = choose_layer(table.sample(frac=1, random_state=0))
    assert layer == 7
    assert "70.0%" in reason
    with pytest.raises(ValueError, match="no within-language"):
        choose_layer(table[:0])


def test_progress_counts_layers() -> None:
    seen: list[int] = []
    decode(give(planted("en", np.eye(5), 1, 0)), [0, 1, 2], ["en"], progress=seen.append)
    assert seen == [1, 1, 1]
