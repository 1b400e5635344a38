"""Surface features against counting, eta² against sums of squares, the surface against the words-only baseline."""

import random
import statistics
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from emovec.corpus.bundled import bundled_stories
from emovec.corpus.quality.confounds import confounds, eta_squared, surface_features
from emovec.corpus.quality.surface import predict_from_surface, word_counts
from emovec.corpus.story import Story
from emovec.geometry.word_decoding import decode_words


def shuffled_labels(stories: list[Story], seed: int = 0) -> list[Story]:
    """Emotions dealt anew among the stories of each topic."""
    rng = random.Random(seed)
    out: list[Story] = []
    for topic in dict.fromkeys(s.topic for s in stories):
        own = [s for s in stories if s.topic == topic]
        emotions = [s.emotion for s in own]
        rng.shuffle(emotions)
        out += [replace(s, emotion=emotion) for s, emotion in zip(own, emotions, strict=True)]
    return out


def test_surface_features_of_texts_by_hand() -> None:
    english, japanese = "“Stop!” she said... Why?\n\nNo, no.", "「待って！」と言った…なぜ？"
    row = surface_features([english], "en").iloc[0]
    n = len(english) - 2  # three full stops are one ellipsis
    assert (row["characters"], row["words"], row["sentences"], row["paragraphs"]) == (n, 6, 4, 2)
    for marks, count in {
        "exclamation marks": 1,
        "question marks": 1,
        "ellipses": 1,
        "commas": 1,
        "full stops": 1,
    }.items():
        assert row[marks] == pytest.approx(100 * count / n)
    assert row["quotation marks"] == pytest.approx(200 / n)
    table = surface_features([japanese, ""], "ja")
    assert "words" not in table
    assert table["sentences"].tolist() == [3, 1]
    assert table["quotation marks"][0] == pytest.approx(200 / len(japanese))


@given(
    values=st.lists(st.floats(-5, 5), min_size=4, max_size=20).filter(lambda v: statistics.pstdev(v) > 1e-3),
    data=st.data(),
)
def test_eta_squared_is_between_over_total_sum_of_squares(values: list[float], data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values)))
    mean = statistics.fmean(values)
    groups = [[v for v, k in zip(values, labels, strict=True) if k == group] for group in set(labels)]
    between = sum(len(g) * (statistics.fmean(g) - mean) ** 2 for g in groups)
    expected = between / sum((v - mean) ** 2 for v in values)
    scaled = ((np.array(values) - mean) / np.std(values))[:, None]
    assert eta_squared(scaled, np.array(labels))[0] == pytest.approx(expected, abs=1e-9)


def test_a_planted_length_is_found_and_chance_is_not() -> None:
    stories = shuffled_labels(bundled_stories("literary", ["en"]))
    null = confounds(stories, "en", permutations=99)
    assert null["p"].min() > 0.02
    assert null["eta2"].to_numpy() == pytest.approx(null["eta2_chance"].to_numpy(), abs=0.06)
    longer = [replace(s, text=f"{s.text} {s.text}") if s.emotion == "calm" else s for s in stories]
    row = confounds(longer, "en", permutations=99).set_index("feature").loc["characters"]
    assert row["p"] == pytest.approx(0.01)
    assert row["eta2"] > 0.5
    assert row["highest"] == "calm"


def test_topics_of_different_length_do_not_count_against_emotions() -> None:
    """Where each topic has its own emotions, shuffling within topics keeps what topics explain."""
    rng = random.Random(3)
    stories = [
        Story(f"{topic}{i}", "en", emotion, topic, "word " * (100 * (topic == "t") + rng.randrange(20, 40)))
        for topic, emotions in {"s": "ab", "t": "cd"}.items()
        for i in range(40)
        for emotion in emotions
    ]
    row = confounds(stories, "en").set_index("feature").loc["words"]
    assert row["eta2"] > 0.9
    assert row["eta2_chance"] > 0.9
    assert row["p"] > 0.01


@pytest.mark.parametrize("stories", [[], bundled_stories("plain", ["en"])[:1]])
def test_too_few_stories(stories: list[Story]) -> None:
    assert confounds(stories, "en").empty
    assert predict_from_surface(stories, "en").empty


def test_words_alone_give_the_accuracy_of_the_baseline() -> None:
    stories = bundled_stories("controlled", ["en"])
    baseline = decode_words(stories).set_index("features").loc["word", "accuracy"]
    # The baseline splits at apostrophes; without them the two count the same terms.
    stories = [replace(s, text=s.text.replace("'", " ").replace("’", " ")) for s in stories]
    found = predict_from_surface(stories, "en").set_index("features")
    assert found.loc["words", "accuracy"] == pytest.approx(baseline)
    assert found.loc["words", "low"] < baseline < found.loc["words", "high"]
    assert found["chance"].tolist() == pytest.approx([1 / 30] * 3)


@given(
    texts=st.lists(st.text("あいう、 A\n", max_size=8), min_size=1, max_size=4).filter(
        lambda t: any("".join(t).split())
    )
)
def test_counts_of_characters_and_pairs(texts: list[str]) -> None:
    bare = ["".join(text.split()) for text in texts]
    reference = CountVectorizer(analyzer="char", ngram_range=(1, 2)).fit_transform(bare).toarray()
    found = word_counts(texts, "ja").toarray()
    assert sorted(map(tuple, found.T)) == sorted(map(tuple, reference.T))


def test_shuffled_labels_are_told_no_better_than_chance() -> None:
    rows = predict_from_surface(shuffled_labels(bundled_stories("plain", ["ja"])), "ja")
    assert (rows["low"] < 1 / 30).all()


def test_punctuation_and_length_alone_can_tell() -> None:
    stories = [
        Story(f"{emotion}{topic}{i}", "en", emotion, f"t{topic}", f"{topic * 7 + i} words in a row" + mark)
        for emotion, mark in {"calm": ".", "angry": "!"}.items()
        for topic in range(4)
        for i in range(4)
    ]
    rows = predict_from_surface(stories, "en").set_index("features")
    assert rows.loc["length and punctuation", "accuracy"] == 1
    assert rows.loc["words", "accuracy"] < 0.8


def test_emotions_with_topics_of_their_own_are_not_compared_with_themselves() -> None:
    stories = [
        Story(f"{emotion}{i}", "en", emotion, f"{emotion}-{i % 5}", "word " * (n + i % 7))
        for emotion, n in (("calm", 50), ("sad", 150))
        for i in range(20)
    ]
    row = confounds(stories, "en").iloc[0]
    assert row["eta2"] > 0.9
    assert row["eta2_chance"] < 0.1
    assert row["p"] == 1 / 200


def test_the_control_s_interval_covers_chance_where_nothing_can_be_told() -> None:
    words = [f"w{i}" for i in range(40)]
    covered: list[bool] = []
    for seed in range(60):
        rng = random.Random(seed)
        stories: list[Story] = []
        for topic in range(8):
            own = rng.sample(words, 20)
            for emotion in ("angry", "calm", "proud", "sad"):
                for n in range(2):
                    text = " ".join(rng.choices(own, k=25))
                    stories.append(Story(f"{topic}{emotion}{n}", "en", emotion, str(topic), text))
        row = predict_from_surface(stories, "en").set_index("features").loc["words"]
        covered.append(row["low"] <= 0.25 <= row["high"])
    assert sum(covered) / len(covered) >= 0.88


def test_an_accuracy_of_one_is_not_certain() -> None:
    stories = [
        Story(f"{emotion}{topic}", "en", emotion, str(topic), f"{emotion} words here")
        for emotion in ("angry", "calm")
        for topic in range(6)
    ]
    row = predict_from_surface(stories, "en").set_index("features").loc["words"]
    assert row["accuracy"] == row["high"] == 1
    assert row["low"] < 0.9
