"""Words that name emotions, and where texts use them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.emotions import ANTHROPIC_171, DEFAULT_30
from emovec.languages.lexicon import emotion_words, labels, named_words


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_default_emotion_has_one_to_four_labels_first(language: str) -> None:
    for emotion in DEFAULT_30:
        heads = labels(language, emotion)
        words = emotion_words(language, emotion)
        assert 1 <= len(heads) <= 4
        assert words[: len(heads)] == heads
        assert len(set(words)) == len(words)
        if language == "en":
            assert heads[0] == emotion


def test_other_english_emotions_have_regular_forms() -> None:
    assert emotion_words("en", "happy") == ("happy", "happily", "happiness", "happier", "happiest")
    assert emotion_words("en", "amused") == ("amused", "amusedly", "amusedness", "amusing")
    assert emotion_words("en", "optimistic") == ("optimistic", "optimistically", "optimisticness")
    assert emotion_words("en", "miserable")[:2] == ("miserable", "miserably")
    assert emotion_words("en", "on edge") == labels("en", "on edge") == ("on edge",)
    assert all(emotion_words("en", emotion)[0] == emotion for emotion in ANTHROPIC_171)


def test_unknown_languages_and_emotions_have_no_words() -> None:
    assert emotion_words("de", "afraid") == labels("de", "afraid") == ()
    assert emotion_words("ja", "amused") == labels("ja", "amused") == ()
    assert named_words("I am afraid.", "de", "afraid") == ()


def test_a_region_makes_no_difference() -> None:
    assert emotion_words("ja-JP", "sad") == emotion_words("ja", "sad")
    assert emotion_words("en_GB", "amused") == emotion_words("en", "amused")


@pytest.mark.parametrize(
    ("text", "language", "emotion", "found"),
    [
        ("AFRAID? I feared her; she is fearless, unafraid.", "en", "afraid", ("afraid", "feared")),
        ("The glove was lovely. Beloved!", "en", "loving", ("beloved",)),
        ("The contents of the box", "en", "content", ()),
        ("It sat on\n  edge.", "en", "on edge", ("on edge",)),
        ("On edges", "en", "on edge", ()),
        ("pride's", "en", "proud", ("pride",)),
        ("彼は悲しかった。悲鳴が聞こえた。", "ja", "sad", ("悲し",)),
        ("悲鳴が聞こえた。", "ja", "sad", ()),
        ("悲しい、と言った。", "ja", "sad", ("悲しい",)),
        ("なんという可愛い歌", "ja", "loving", ()),
        ("愛している", "ja", "loving", ("愛し",)),
        ("怒鳴り声", "ja", "angry", ()),
        ("The content of the mail, and content creators", "en", "content", ()),
        ("Not content with one slice, he took two.", "en", "content", ("content",)),
        ("It was _sad_, and scary.", "en", "sad", ("sad",)),
        ("It was _sad_, and scary.", "en", "afraid", ("scary",)),
        ("She wasn't afraid.", "en", "afraid", ("afraid",)),
        ("隣の庭がうらやましい。なやましい話だ。", "ja", "guilty", ()),
        ("どこかやましい。", "ja", "guilty", ("やまし",)),
        ("子犬の可愛さ", "ja", "loving", ()),
        ("恐れ入りますが、おそれいります", "ja", "afraid", ()),
        ("恐れていた", "ja", "afraid", ("恐れ",)),
        ("不安定な椅子と心配り", "ja", "anxious", ()),
        ("不満足な結果", "ja", "content", ()),
        ("ねたまま聞いた", "ja", "jealous", ()),
        ("おもろい話", "ja", "vulnerable", ()),
        ("もう怒んないで。腹の立つ話。", "ja", "angry", ("怒ん", "腹の立")),
        ("落ち着け、と言った", "ja", "calm", ("落ち着け",)),
        ("イラッとした", "ja", "frustrated", ("イラッ",)),
        ("恥だ", "ja", "ashamed", ("恥だ",)),
    ],
)
def test_naming(text: str, language: str, emotion: str, found: tuple[str, ...]) -> None:
    assert named_words(text, language, emotion) == found


@given(
    words=st.lists(st.sampled_from([*emotion_words("en", "sad"), "sandal", "sadist", "happy", "SAD", "Sadly"])),
    between=st.sampled_from([" ", ", ", "\n", "—"]),
)
def test_english_naming_equals_a_search_word_by_word(words: list[str], between: str) -> None:
    tokens = {token.lower() for token in re.split(r"\W+", between.join(words))}
    assert set(named_words(between.join(words), "en", "sad")) == tokens & set(emotion_words("en", "sad"))
