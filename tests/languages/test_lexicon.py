"""Words that name emotions, and where texts use them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.emotions import ANTHROPIC_171, DEFAULT_30
from emovec.languages.lexicon import emotion_words, labels, named_words


@pytest.mark.parametrize("language", ["en", "ja", "zh", "es", "de"])
def test_every_default_emotion_has_one_to_four_labels_first(language: str) -> None:
    for emotion in DEFAULT_30:
        heads = labels(language, emotion)
        words = emotion_words(language, emotion)
        assert 1 <= len(heads) <= 4
        assert words[: len(heads)] == heads
        assert len(set(words)) == len(words)
        if language == "en":
            assert heads[0] == emotion


@pytest.mark.parametrize("language", ["zh", "es", "de"])
def test_no_label_stands_for_two_emotions(language: str) -> None:
    heads = [label.casefold() for emotion in DEFAULT_30 for label in labels(language, emotion)]
    assert len(set(heads)) == len(heads)


@pytest.mark.parametrize("language", ["en", "ja", "zh", "es", "de"])
def test_labels_are_found_where_they_stand_alone(language: str) -> None:
    for emotion in DEFAULT_30:
        for label in labels(language, emotion):
            assert len(label) == 1 or label in named_words(label, language, emotion)


def test_other_english_emotions_have_regular_forms() -> None:
    assert emotion_words("en", "happy") == ("happy", "happily", "happiness", "happier", "happiest")
    assert emotion_words("en", "amused") == ("amused", "amusedly", "amusedness", "amusing")
    assert emotion_words("en", "optimistic") == ("optimistic", "optimistically", "optimisticness")
    assert emotion_words("en", "miserable")[:2] == ("miserable", "miserably")
    assert emotion_words("en", "on edge") == labels("en", "on edge") == ("on edge",)
    assert all(emotion_words("en", emotion)[0] == emotion for emotion in ANTHROPIC_171)


def test_unknown_languages_and_emotions_have_no_words() -> None:
    assert emotion_words("fr", "afraid") == labels("fr", "afraid") == ()
    assert emotion_words("ja", "amused") == labels("ja", "amused") == ()
    assert named_words("I am afraid.", "fr", "afraid") == ()


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
        ("她害怕得说不出话。", "zh", "afraid", ("害怕",)),
        ("他气得浑身发抖，生气了。", "zh", "angry", ("生气", "气得")),
        ("听到这个消息，他又焦急又不安。", "zh", "anxious", ("不安", "焦急")),
        ("我爱你，妈妈。", "zh", "loving", ("我爱",)),
        ("她为儿子感到自豪。", "zh", "proud", ("自豪",)),
        ("春天生气勃勃，很有生气。先生气派。", "zh", "angry", ()),
        ("说话很客气，天气得好才行", "zh", "angry", ()),
        ("不安全，也不安装；孤独症", "zh", "anxious", ()),
        ("可爱她", "zh", "loving", ()),
        ("爱吃糖，我爱人", "zh", "loving", ()),
        ("意外险，不满足条件", "zh", "content", ()),
        ("SE ASUSTÓ: ¡qué miedo!", "es", "afraid", ("miedo", "asustó")),
        ("Ella estaba enojada, y él, enfadadísimo.", "es", "angry", ("enojada",)),
        ("Se aburrían y todo les aburría.", "es", "bored", ("aburría", "aburrían")),
        ("Nos sentimos orgullosos y avergonzados.", "es", "proud", ("orgullosos",)),
        ("Nos sentimos orgullosos y avergonzados.", "es", "ashamed", ("avergonzados",)),
        ("Soledad y la soledad", "es", "lonely", ("soledad",)),
        ("Soledad solo bebe té, sola.", "es", "lonely", ()),
        ("Pásame el celo; entre las celosías", "es", "jealous", ()),
        ("Tiene amor propio, el ama de casa.", "es", "loving", ()),
        ("Te amo, con amor.", "es", "loving", ("amor", "te amo")),
        ("La vacuna de la rabia", "es", "angry", ()),
        ("Ihr war angst und bange, eine ängstliche Stimme", "de", "afraid", ("Angst", "ängstliche")),
        ("Er war wütend, ein ZORNIGER Mann.", "de", "angry", ("wütend", "zorniger")),
        ("Stolz trug er den stolzen Namen.", "de", "proud", ("Stolz", "stolzen")),
        ("Er hatte ein schlechtes\nGewissen.", "de", "guilty", ("schlechtes Gewissen",)),
        ("Sie freute sich, ihr frohes Lachen.", "de", "joyful", ("frohes", "freute")),
        ("Du kannst ruhig gehen. Lass mich in Ruhe lassen!", "de", "calm", ()),
        ("Sie sprach ruhig.", "de", "calm", ("ruhig",)),
        ("Er hat die Tür offen gelassen.", "de", "serene", ()),
        ("Sie blieben gelassen.", "de", "serene", ("gelassen",)),
        ("Liebe Anna, sei lieb, am liebsten gleich.", "de", "loving", ()),
        ("Ich liebe dich, aus Liebe.", "de", "loving", ("Liebe",)),
        ("Die Rohre sind zu verlegen. Sie sah verlegen weg.", "de", "embarrassed", ("verlegen",)),
        ("Sie sorgen für Brot.", "de", "anxious", ()),
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
