"""One language, one file: every bundled one is whole, and every module reads from it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from emovec.corpus.generation.costs import characters_of_words, tokens_of
from emovec.corpus.generation.prompts import KINDS, asking_languages
from emovec.corpus.quality.synonyms import listed_synonyms, synonyms_in
from emovec.emotions import ANTHROPIC_171, CONCEPTS_30, DEFAULT_30
from emovec.errors import EmovecError
from emovec.languages import load
from emovec.languages.language_names import language_name
from emovec.languages.lexicon import emotion_words, labels, named_words, unspaced
from emovec.languages.load import BUNDLED, language_files, load_language
from emovec.languages.script import script_share, writing_of
from emovec.steering.experiments.activities import Activity
from emovec.steering.experiments.questions import chat_question
from emovec.steering.experiments.rule_requests import Prompt, Rule, Wording, combine, completion_prompt
from emovec.steering.experiments.word_effects import frame_word

FILES = language_files(BUNDLED)
STUDIED = ("en", "ja", "zh", "es", "de")
"""The languages of the bundled stories."""
RULED = ("en", "ja")
"""Those that the rules are worded in."""
OWN: dict[str, Any] = {
    **{"name": "tlhIngan Hol", "english": "Klingon", "script": ["GREEK"], "spaces": False},
    "characters_per": {"token": 2, "word": 8},
    "words": {"angry": {"labels": ["θυμο"], "forms": ["θυμε"], "synonyms": ["οργη"]}},
    "contexts": {"θυμο": "θυμο(?!ς)"},
    "frames": {"he": "αυτος ειναι"},
    "openings": {"bus": "το λεωφορειο"},
    "preferences": {"chat": "α {first} β {second}", "plain": "γ {first} δ {second} ("},
    "rules": {"examples": "ε {request} ζ", "stop": "τελος", "space": "_"},
}


@pytest.mark.parametrize("code", FILES)
def test_every_bundled_file_says_how_a_language_is_called_and_written(code: str) -> None:
    language = load_language(code)
    assert language.path == str(FILES[code])
    assert language.english
    assert language.writing
    if code in asking_languages():
        assert set(language.prompts) == set(KINDS)
        assert set(language.labels) == set(ANTHROPIC_171)
        assert 0 < language.shortest < language.longest


@pytest.mark.parametrize("code", STUDIED)
def test_a_studied_language_is_complete(code: str) -> None:
    language = load_language(code)
    assert set(yaml.safe_load(FILES[code].read_text(encoding="utf-8"))) >= {
        *("name", "english", "script", "length", "prompts", "labels", "words", "contexts"),
        *("frames", "openings", "preferences", *["rules"] * (code in RULED)),
    }
    assert set(language.words) - set(CONCEPTS_30) == set(DEFAULT_30)
    assert all(words.labels for words in language.words.values())
    assert all(language.words[emotion].synonyms for emotion in DEFAULT_30)
    everything = {word for words in language.words.values() for word in (*words.labels, *words.forms, *words.synonyms)}
    assert set(language.contexts) <= everything


def test_every_module_reads_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tlh.yaml").write_text(yaml.safe_dump(OWN, allow_unicode=True), encoding="utf-8")
    monkeypatch.setattr(load, "BUNDLED", tmp_path)
    load._bundled.cache_clear()
    try:
        spoken = load_language("tlh")
        assert language_name("tlh-QO") == "Klingon-QO"
        assert unspaced("tlh")
        assert writing_of("tlh") == spoken.writing
        assert script_share("αβ a", "tlh") == pytest.approx(2 / 3)
        assert labels("tlh", "angry") == ("θυμο",)
        assert emotion_words("tlh", "angry") == ("θυμο", "θυμε")
        assert named_words("ξθυμος θυμε", "tlh", "angry") == ("θυμε",)
        assert synonyms_in("ξοργηξ", "tlh", "angry", listed_synonyms(["tlh"])) == ("οργη",)
        assert (tokens_of(10, "tlh"), characters_of_words(10, "tlh")) == (5, 80)
        assert frame_word(spoken, "angry") == "θυμο"
        sing, sleep = (Activity(text, "x", "tlh", text) for text in ("sing", "sleep"))
        assert chat_question(spoken, sing, sleep) == "α sing β sleep"
        assert completion_prompt("sing", spoken) == "ε sing ζ"
        rule = Rule("short", "words", {"tlh": Wording("be short", {})})
        assert [each.text for each in combine([rule], [Prompt("a", "tlh", "task", "sing")], spoken)] == [
            "sing_be short"
        ]
    finally:
        load._bundled.cache_clear()


def test_a_users_file_lies_over_the_bundled_one(tmp_path: Path) -> None:
    text = yaml.safe_dump({"english": "Mine", "frames": OWN["frames"]}, allow_unicode=True)
    (tmp_path / "ja.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "notes.yaml").write_text("- none of ours", encoding="utf-8")
    mine = load_language("ja", tmp_path)
    assert (mine.english, mine.path, dict(mine.frames)) == ("Mine", str(tmp_path / "ja.yaml"), OWN["frames"])
    assert mine.openings == load_language("ja").openings
    assert load_language("ja").english == "Japanese"
    (tmp_path / "ja.yaml").write_text(text.replace("Mine", "Newer"), encoding="utf-8")
    assert load_language("ja", tmp_path).english == "Newer"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spaces": "no words"}, "line 2: spaces: give true, or false"),
        ({"characters_per": {"page": 2}}, "characters_per: give {token: 3.7, word: 5.8}"),
        ({"words": {"sad": ["triste"]}}, "words.sad: give lists of labels, forms or synonyms"),
        ({"contexts": {"sad": "("}}, "contexts.sad: no regular expression"),
        ({"frames": ["He is"]}, "frames: give a mapping to texts"),
        ({"preferences": {"chat": "{first} {second}"}}, "preferences: give a text for chat, plain, and nothing else"),
        ({"preferences": {"chat": "{first}", "plain": "{first}{second}"}}, "preferences.chat: needs {first} and {sec"),
        ({"rules": {"examples": "x", "stop": "", "space": ""}}, "rules.examples: needs {request} once, and no other"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    (tmp_path / "fr.yaml").write_text(yaml.safe_dump(change | {"zz": 1, "name": "x"}), encoding="utf-8")
    with pytest.raises(EmovecError) as error:
        load_language("fr", tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'fr.yaml'}: line ")
    assert message in str(error.value)
    assert "unknown key 'zz'" in str(error.value)


def test_what_is_missing_is_named_with_its_file() -> None:
    with pytest.raises(EmovecError, match=r"^steering.languages: \S*fr.yaml has no frames and no openings; add what"):
        load_language("fr").require("steering.languages", "frames", "openings", "script")
    with pytest.raises(EmovecError, match=r"^languages: there is no tlh.yaml, so no prompts; .* leave 'tlh' out."):
        load_language("tlh").require("languages", "prompts")
