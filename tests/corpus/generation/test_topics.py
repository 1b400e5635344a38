import json
import re
from pathlib import Path

import pytest

from emovec.corpus.bundled import bundled_stories
from emovec.corpus.generation.topics import Topic, load_topics
from emovec.errors import EmovecError
from emovec.languages.lexicon import named_words, unspaced
from emovec.languages.load import load_language
from emovec.languages.script import script_share

LANGUAGES = ("en", "ja", "zh", "es", "de")


def test_a_hundred_topics_each_in_five_languages():
    topics = load_topics()

    assert len(topics) == 100
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", topic.id) for topic in topics)
    assert {tuple(topic.texts) for topic in topics} == {LANGUAGES}
    assert {story.topic for story in bundled_stories("plain")} <= {topic.id for topic in topics}


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_short_sentence_in_the_language(language: str):
    texts = [topic.texts[language] for topic in load_topics()]

    assert len(set(texts)) == 100
    for text in texts:
        assert script_share(text, language) > 0.95, text
        assert len(text) <= (40 if unspaced(language) else 100), text
        assert re.fullmatch(r"[^.。!?！？]+[.。]", text), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_topic_names_an_emotion(language: str):
    words = load_language(language).labels
    for topic in load_topics():
        text = topic.texts[language]
        for emotion, listed in words.items():
            assert not named_words(text, language, emotion), (text, emotion)
            for word in listed:
                # a single character may be a part of an unrelated word
                if unspaced(language):
                    assert len(word) == 1 or word not in text, (text, word)
                else:
                    assert not re.search(rf"\b{re.escape(word)}\b", text), (text, word)


def test_chosen_topics_come_in_the_order_asked_for():
    chosen = load_topics(["night_drive", "family_dinner"])

    assert [topic.id for topic in chosen] == ["night_drive", "family_dinner"]
    assert chosen[0] in load_topics("default-100")


def test_topics_of_a_file_beside_the_study(tmp_path: Path):
    lines = ['{"id": "ferry", "en": "On a ferry.", "fi": "Lautalla."}', "", '{"id": "sauna", "fi": "Saunassa."}']
    (tmp_path / "mine.jsonl").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())

    assert load_topics("mine.jsonl", tmp_path) == (
        Topic("ferry", {"en": "On a ferry.", "fi": "Lautalla."}),
        Topic("sauna", {"fi": "Saunassa."}),
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", ":2: not valid JSON"),
        ("[]", ":2: no JSON object"),
        ('{"en": "Somewhere."}', ":2: no id"),
        ('{"id": "there"}', ":2: no sentence in any language"),
        ('{"id": "there", "en": 5}', ":2: en: give text, not 5"),
        ('{"id": "there", "en": "  "}', ":2: en: give text"),
        ('{"id": "here", "en": "Again."}', ":2: the id 'here' is that of line 1 already"),
    ],
)
def test_a_wrong_record_is_named_by_its_line(tmp_path: Path, line: str, message: str):
    (tmp_path / "mine.jsonl").write_text(json.dumps({"id": "here", "en": "Here."}) + "\n" + line)

    with pytest.raises(EmovecError) as error:
        load_topics("mine.jsonl", tmp_path)
    assert f"mine.jsonl{message}" in str(error.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (["night_drvie"], "no topic 'night_drvie' (did you mean 'night_drive'?)"),
        (["night_drive", "picnic", "night_drive"], "named twice: night_drive"),
        ([], "the list is empty"),
        ("defualt-100", "'defualt-100' is neither default-100 nor a file in"),
        ("empty.jsonl", "empty.jsonl: contains no records"),
        ("bytes.jsonl", "bytes.jsonl"),
    ],
)
def test_unknown_topics(tmp_path: Path, source: str | list[str], message: str):
    (tmp_path / "empty.jsonl").write_text("\n\n")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\xff")

    with pytest.raises(EmovecError) as error:
        load_topics(source, tmp_path)
    assert message in str(error.value)
