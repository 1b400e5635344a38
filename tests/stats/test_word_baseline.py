import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from emovec.corpus.bundled import bundled_stories
from emovec.corpus.story import Story
from emovec.geometry import decode_words
from tests.geometry.planted import make_stories

EMOTIONS = ["angry", "calm", "joyful", "sad"]
FILLER = [
    "the",
    "a",
    "house",
    "went",
    "tree",
    "road",
    "sat",
    "bright",
    "old",
    "stone",
    "water",
    "green",
    "far",
    "hand",
    "time",
    "day",
]


def written(language: str = "en", signal: str = "emotion", seed: int = 0, n_topics: int = 8) -> list[Story]:
    """Stories of filler words, with a telling word for the emotion, or for topic and emotion together."""
    rng = np.random.default_rng(seed)
    stories = []
    for story in make_stories(language, EMOTIONS, [f"t{n}" for n in range(n_topics)], repeats=2):
        words = list(rng.choice(FILLER, 12))
        if signal == "emotion":
            words += [f"word{story.emotion}"] * 3
        if signal == "topic":
            words += [f"q{hash_free(story.emotion + str(story.topic))}"] * 6
        stories.append(Story(story.id, language, story.emotion, story.topic, " ".join(words)))
    return stories


def hash_free(text: str) -> int:
    """A number with no letters in common with that of a like text."""
    return sum(ord(character) * 31**at for at, character in enumerate(text)) % 10**9


def reference(stories: list[Story], features: str) -> float:
    hits = []
    for topic in sorted({story.topic for story in stories if story.topic}):
        training = [story for story in stories if story.topic != topic]
        options = (
            {"token_pattern": r"(?u)\b\w+\b"} if features == "word" else {"analyzer": "char", "ngram_range": (1, 3)}
        )
        model = TfidfVectorizer(sublinear_tf=True, **options).fit([story.text for story in training])
        rows = model.transform([story.text for story in training]).toarray()
        mean = rows.mean(axis=0)
        centroids = {
            emotion: np.mean([row for row, s in zip(rows, training, strict=True) if s.emotion == emotion], axis=0)
            - mean
            for emotion in EMOTIONS
        }
        for story in (story for story in stories if story.topic == topic):
            x = model.transform([story.text]).toarray()[0] - mean
            cosine = {e: x @ c / np.linalg.norm(x) / np.linalg.norm(c) for e, c in centroids.items()}
            hits.append(max(cosine, key=cosine.__getitem__) == story.emotion)
    return float(np.mean(hits))


def test_equals_a_plain_computation() -> None:
    stories = [s for s in bundled_stories("controlled", ["en"]) if s.emotion in EMOTIONS]
    table = decode_words(stories).set_index("features")
    for features in ("word", "character"):
        assert table.loc[features, "accuracy"] == pytest.approx(reference(stories, features))
    assert table["n_stories"].tolist() == [48, 48]
    assert table["chance"].tolist() == [0.25, 0.25]


def test_telling_words_are_found_and_shuffled_labels_are_not() -> None:
    stories = written()
    assert (decode_words(stories)["accuracy"] == 1).all()
    accuracies = []
    for seed in range(20):
        labels = np.random.default_rng(seed).permutation([story.emotion for story in stories])
        shuffled = [
            Story(s.id, s.language, str(label), s.topic, s.text) for s, label in zip(stories, labels, strict=True)
        ]
        accuracies.append(decode_words(shuffled)["accuracy"].mean())
    assert np.mean(accuracies) == pytest.approx(0.25, abs=0.06)


def test_words_of_one_topic_are_held_out_with_it() -> None:
    stories = written(signal="topic")
    word = decode_words(stories).set_index("features")["accuracy"]["word"]
    assert word < 0.5
    without = [Story(s.id, s.language, s.emotion, None, s.text) for s in stories]
    assert decode_words(without).set_index("features")["accuracy"]["word"] > word + 0.2


def test_languages_without_spaces_have_no_word_features() -> None:
    stories = written("en") + written("ja") + written("zh-Hant") + written("ja_JP")
    table = decode_words(stories)
    assert set(zip(table["test_language"], table["features"], strict=True)) == {
        ("en", "word"),
        ("en", "character"),
        ("ja", "character"),
        ("zh-Hant", "character"),
        ("ja_JP", "character"),
    }


def test_no_stories_no_rows() -> None:
    assert decode_words([]).empty
    assert decode_words(make_stories("en", EMOTIONS, [None], text="a b c")).empty


def test_order_of_stories_changes_nothing() -> None:
    stories = written(signal="topic")
    for version in (stories, [Story(s.id, s.language, s.emotion, None, s.text) for s in stories]):
        shuffled = [version[i] for i in np.random.default_rng(1).permutation(len(version))]
        assert decode_words(version)["accuracy"].tolist() == decode_words(shuffled)["accuracy"].tolist()
