import json
from collections import Counter
from pathlib import Path

import pytest

from emovec.emotions import DEFAULT_30
from emovec.errors import EmovecError
from emovec.languages.language import MIN_SHARE
from emovec.languages.lexicon import named_words
from emovec.languages.script import script_share
from emovec.steering.experiments.scenarios import Template, read_scenarios, read_templates

GOOD = {"language": "en", "emotion": "sad", "text": "The cup stays on the shelf."}
NUMBERED = {"language": "en", "template": "It rained for {number} days.", "values": [1, 2, 3], "rises": ["bored"]}


def test_no_bundled_text_names_any_emotion_of_the_list() -> None:
    texts = [(s.language, s.text) for s in read_scenarios()] + [(t.language, t.template) for t in read_templates()]
    named = [
        (word, text)
        for language, text in texts
        for emotion in DEFAULT_30
        for word in named_words(text, language, emotion)
    ]
    assert named == []


def test_the_bundled_scenarios_spread_over_emotions_alike_in_both_languages() -> None:
    counts = Counter((s.language, s.emotion) for s in read_scenarios())
    english, japanese = ({e: n for (code, e), n in counts.items() if code == language} for language in ("en", "ja"))
    assert english == japanese
    assert len(english) >= 12
    assert set(english) <= set(DEFAULT_30)
    assert min(english.values()) >= 2


def test_bundled_texts_are_written_in_their_language() -> None:
    for text, language in [(s.text, s.language) for s in read_scenarios()] + [
        (t.template.replace("{number}", ""), t.language) for t in read_templates()
    ]:
        assert (script_share(text, language) or 0) >= MIN_SHARE, text
        assert language == "ja" or not script_share(text, "ja"), text


def test_bundled_templates_go_both_ways() -> None:
    templates = read_templates()
    assert Counter(t.language for t in templates).keys() == {"en", "ja"}
    pleasant = {"calm", "content", "joyful", "proud", "grateful", "hopeful", "loving"}
    for language in ("en", "ja"):
        own = [t for t in templates if t.language == language]
        assert len(own) >= 8
        better = [t for t in own if set(t.rises) <= pleasant]
        assert 4 <= len(better) <= len(own) - 4  # else a larger number could pass for a mood
    for template in templates:
        assert set(template.signs) <= set(DEFAULT_30)
        assert len(set(template.texts)) == len(template.values) >= 7


def test_numbers_are_written_as_people_write_them() -> None:
    template = Template("t", "en", "{number} degrees", (36.5, 37.0, 20000.0), ("afraid",), ())
    assert template.texts == ["36.5 degrees", "37 degrees", "20000 degrees"]


def _write(path: Path, *records: object) -> Path:
    path.write_text(
        "".join(json.dumps(r) + "\n" if isinstance(r, dict) else f"{r}\n" for r in records), encoding="utf-8"
    )
    return path


def test_one_file_may_hold_both_kinds(tmp_path: Path) -> None:
    path = _write(tmp_path / "mine.jsonl", GOOD, NUMBERED, "", {**GOOD, "id": "x"})
    assert [s.id for s in read_scenarios(path)] == ["mine-1", "x"]
    (template,) = read_templates(path)
    assert (template.id, template.values, template.signs) == ("mine-2", (1.0, 2.0, 3.0), {"bored": 1})


def test_a_kind_that_a_file_lacks_is_the_bundled_one(tmp_path: Path) -> None:
    assert read_templates(_write(tmp_path / "a.jsonl", GOOD)) == read_templates()
    assert read_scenarios(_write(tmp_path / "b.jsonl", NUMBERED)) == read_scenarios()


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({**GOOD, "text": " "}, ":2: a scenario needs a text for text"),
        ({"language": "en", "text": "x"}, ":2: a scenario needs a text for emotion"),
        ("{broken", ":2: "),
        ({**GOOD, "id": "mine-1"}, ":2: the id 'mine-1' is that of line 1 already"),
    ],
)
def test_a_broken_scenario_is_told_by_file_and_line(tmp_path: Path, record: object, said: str) -> None:
    path = _write(tmp_path / "mine.jsonl", GOOD, record)
    with pytest.raises(EmovecError, match=said.replace("(", r"\(")) as raised:
        read_scenarios(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"template": "It rained."}, "must contain {number} once"),
        ({"values": [1, 1, 2]}, "at least 3 different numbers"),
        ({"values": "1,2,3"}, "list of numbers"),
        ({"values": [1, None, 3]}, "list of numbers"),
        ({"values": [1, True, 3]}, "list of numbers"),
        ({"rises": []}, "one of them must name some"),
        ({"rises": "bored"}, "lists of emotions"),
        ({"falls": ["bored"]}, "can't both rise and fall"),
        ({"language": 3}, "needs a text for language"),
    ],
)
def test_a_broken_template_is_told_by_file_and_line(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = _write(tmp_path / "mine.jsonl", NUMBERED, {**NUMBERED, **change})
    with pytest.raises(EmovecError) as raised:
        read_templates(path)
    assert f"{path}:2: " in str(raised.value)
    assert said in str(raised.value)


def test_files_that_are_missing_or_empty(tmp_path: Path) -> None:
    with pytest.raises(EmovecError, match="no such file"):
        read_scenarios(tmp_path / "none.jsonl")
    with pytest.raises(EmovecError, match="contains no records"):
        read_templates(_write(tmp_path / "empty.jsonl"))
