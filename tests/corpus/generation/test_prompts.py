import json
import re
from pathlib import Path

import pytest
import yaml

from emovec.corpus.generation.prompts import KINDS, Kind, asking_language, asking_languages, prompt_for, speaks_of
from emovec.corpus.generation.topics import Topic, load_topics
from emovec.emotions import ANTHROPIC_171, DEFAULT_30
from emovec.errors import EmovecError
from emovec.languages.lexicon import labels
from emovec.languages.script import script_share

LANGUAGES = ("en", "ja", "zh", "es", "de")
TAKEN: dict[Kind, tuple[str, ...]] = {
    "stories": ("afraid",),
    "neutral": (),
    "dialogues": ("afraid", "serene"),
    "masked": ("serene", "afraid"),
}
HERE = Topic("here", {"en": "Somebody is here."})
DOCUMENTED = re.search(
    r"```yaml\n(name: français.*?)```",
    Path(__file__).parents[3].joinpath("docs", "how-to", "add-a-language.md").read_text(encoding="utf-8"),
    re.DOTALL,
)
assert DOCUMENTED
FRENCH = DOCUMENTED[1]


def test_five_languages_come_with_the_package():
    assert set(asking_languages()) == set(LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
class TestBundled:
    def test_words_for_all_171_emotions(self, code: str):
        language = asking_language(code)

        assert set(DEFAULT_30) <= set(ANTHROPIC_171) == set(language.labels)
        assert len({language.label(emotion).casefold() for emotion in ANTHROPIC_171}) == 171
        assert all(len(set(words)) == len(words) >= 2 for words in language.labels.values())
        assert script_share("".join(map("".join, language.labels.values())), code) == 1

    def test_the_forbidden_words_of_the_30_are_more_than_the_head_word(self, code: str):
        language = asking_language(code)
        assert min(len(language.forbidden(emotion)) for emotion in DEFAULT_30) >= 2
        assert sum(len(language.forbidden(emotion)) for emotion in DEFAULT_30) >= 80

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_prompt_says_all_that_is_asked_for(self, code: str, kind: Kind):
        language, topic = asking_language(code), load_topics(["night_drive"])[0]
        prompt = prompt_for(language, kind, topic, n=7, emotions=TAKEN[kind])

        assert topic.texts[code] in prompt
        assert "7" in prompt
        assert "JSON" in prompt
        assert not re.search(r"[{}]", prompt)
        assert script_share(re.sub(r"JSON|AI|\\n", "", prompt), code) > 0.95
        for emotion in TAKEN[kind]:
            assert all(word in prompt for word in language.forbidden(emotion))
        if kind in {"stories", "masked"}:
            assert str(language.shortest) in prompt
            assert str(language.longest) in prompt
        if kind != "neutral":
            assert sum(name in prompt for name in language.people) >= 14
        assert any(variation in prompt for variation in language.variations[kind])

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_example_of_the_format_is_what_it_says(self, code: str, kind: Kind):
        example = re.findall(r'\[".*"\]', asking_language(code).prompts[kind])

        assert len(example) == 1
        texts = json.loads(example[0])
        assert len(texts) == 2
        assert all(("\n" in text) == (kind in {"neutral", "dialogues"}) for text in texts)

    def test_prompts_differ_by_the_draw_and_by_it_alone(self, code: str):
        language = asking_language(code)
        drawn = [prompt_for(language, "stories", HERE, n=2, emotions=["sad"], draw=draw) for draw in range(30)]

        assert len(set(drawn)) == 30
        assert drawn == [prompt_for(language, "stories", HERE, n=2, emotions=["sad"], draw=draw) for draw in range(30)]
        used = {name for name in language.people if any(name in prompt for prompt in drawn)}
        assert len(used) > len(language.people) / 2


@pytest.mark.parametrize("code", LANGUAGES)
def test_head_words_are_those_that_texts_are_checked_by(code: str):
    language = asking_language(code)
    assert [language.label(e) for e in DEFAULT_30] == [labels(code, e)[0] for e in DEFAULT_30]


def test_a_region_is_read_from_its_language():
    assert asking_language("en-GB").code == "en-GB"
    assert asking_language("en-GB").prompts == asking_language("en").prompts


def test_an_emotion_names_itself_in_english_only():
    assert asking_language("en").label("wistful-ish") == "wistful-ish"
    assert asking_language("ja").missing(["sad", "wistful-ish"]) == ["wistful-ish"]
    with pytest.raises(EmovecError, match=r"ja\.yaml: labels: no word for 'angyr' \(did you mean 'angry'\?\)"):
        asking_language("ja").label("angyr")


def test_as_many_emotions_as_a_kind_takes():
    with pytest.raises(ValueError, match="dialogues take 2 emotions, not 1"):
        prompt_for(asking_language("en"), "dialogues", HERE, n=1, emotions=["sad"])


def test_the_documented_file_is_a_language(tmp_path: Path):
    _write(tmp_path, FRENCH)
    french = asking_language("fr", tmp_path)

    assert french.missing(["calm", "afraid", "bored"]) == ["bored"]
    drive, ferry = load_topics(["night_drive", "ferry_crossing"])
    assert "Quelqu'un roule en voiture, la nuit." in prompt_for(french, "stories", drive, n=4, emotions=["afraid"])
    assert ferry.texts["en"] in prompt_for(french, "masked", ferry, n=4, emotions=["calm", "afraid"])
    assert not speaks_of(french, ferry)


def test_a_users_file_replaces_the_bundled_one_and_others_stay(tmp_path: Path):
    _write(tmp_path, FRENCH.replace("name: français", "name: mine"), "de")

    assert asking_language("de", tmp_path).name == "mine"
    assert asking_language("es", tmp_path).name == "español"
    assert asking_language("de").name == "Deutsch"


def test_without_variations_people_and_script_a_known_language_still_asks(tmp_path: Path):
    data = yaml.safe_load(FRENCH)
    for key in ("variations", "people", "script", "offset", "system", "topics"):
        del data[key]
    _write(tmp_path, yaml.safe_dump(data, allow_unicode=True))
    french = asking_language("fr", tmp_path)

    assert french.offset == 50
    assert french.writing.scripts == {"LATIN"}
    asked = prompt_for(french, "stories", HERE, n=1, emotions=["calm"])
    assert asked == prompt_for(french, "stories", HERE, n=1, emotions=["calm"], draw=9)


def test_doubled_braces_stay_as_one(tmp_path: Path):
    _write(tmp_path, FRENCH.replace("Situation commune à tous : {topic}", "{{x}} {topic}"))
    assert "{x} Somebody" in prompt_for(asking_language("fr", tmp_path), "stories", HERE, n=1, emotions=["calm"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: français", "name: 5", "line 1: name: give text"),
        ("people:", "peopel:", "unknown key 'peopel' (did you mean 'people'?)"),
        ("script: [LATIN]", "script: [CYRILLIC]", "prompts.stories: most letters are none of the script CYRILLIC"),
        ("script: [LATIN]", "script: [LATIN]\nsign: [GREEK]", "line 3: sign: GREEK is not among the scripts"),
        ("unit: words", "unit: lines", "line 3: length: give {unit: words"),
        ("shortest: 110", "shortest: 400", "line 3: length: give {unit: words"),
        ("offset: 52", "offset: -1", "line 4: offset: give a number of tokens"),
        ("  neutral: |", "  neutrals: |", "line 8: prompts: no neutral; add its template"),
        ("  neutral: |", "  neutrals: |", "prompts: unknown kind 'neutrals' (did you mean 'neutral'?)"),
        ("{forbidden}.\n      Elle", "rien.\n      Elle", "line 9: prompts.stories lacks {forbidden}"),
        ("{emotion}", "{emotoin}", "prompts.stories: {emotoin} is no placeholder here; there are {emotion}, "),
        ("{emotion}", "{emotion", "; write {{ and }} for braces that stay"),
        ("{emotion}", "{emotion!r}", "prompts.stories: {emotion!r} is no placeholder here"),
        ("{topic}", "{topic:5d}", "prompts.stories: {topic:5d} is no placeholder here"),
        ("{topic}", "{topic} {}", "prompts.stories: {} is no placeholder here"),
        ("  calm: [calme, sérénité]", "  calm: [peur]", "labels: 'peur' stands for both calm and afraid"),
        ("  calm: [calme, sérénité]", "  calm: [calme, calme]", "labels.calm: there twice: calme"),
        ("  calm: [calme, sérénité]", "  calm: []", "labels.calm: no word; add one"),
        ("  calm: [calme, sérénité]", "  calm: [no]", "labels.calm: give text, quoted where YAML reads it as"),
        ("  calm: [calme, sérénité]", "  calm: calme\n  calm: paix", "'calm' is set a second time"),
        ("people: [Armelle,", "people: [Henri,", "people: there twice: Henri"),
        ("variations:\n  stories:", "variations:\n  storys:", "variations: unknown kind 'storys'"),
        ("  night_drive: Quelqu'un roule en voiture, la nuit.", "  night_drive: 5", "topics.night_drive: give text"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str):
    assert old in FRENCH
    path = _write(tmp_path, FRENCH.replace(old, new, 1))

    with pytest.raises(EmovecError) as error:
        asking_language("fr", tmp_path)
    assert re.match(rf"{re.escape(str(path))}[:,] line \d", str(error.value))
    assert message in str(error.value)


def test_the_line_is_that_of_the_key(tmp_path: Path):
    text = FRENCH.replace("  afraid: [peur,", "  afraid: [calme,")
    _write(tmp_path, text)
    line = text[: text.index("  afraid: [")].count("\n") + 1

    with pytest.raises(EmovecError, match=rf": line {line}: labels: 'calme' stands for both calm and afraid"):
        asking_language("fr", tmp_path)


def test_all_problems_are_told_at_once(tmp_path: Path):
    folder = _write(tmp_path, "labels:\n  calm: calme\noffset: x\n", "tlh").parent
    with pytest.raises(EmovecError, match=r"line 1: no name; add it; line 3: offset: give a number"):
        asking_language("tlh", folder)
    _write(tmp_path, "name: tlhIngan\nlabels:\n  calm: calme\n", "tlh")
    with pytest.raises(EmovecError, match=r"^languages: .*tlh\.yaml has no script and no length and no prompts; add"):
        asking_language("tlh", folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is a mapping"),
        ("- a\n- b\n", "is a mapping"),
        ("name: [", "not valid YAML"),
        ("labels: 5\n", "labels: give"),
    ],
)
def test_files_that_are_no_language(tmp_path: Path, text: str, message: str):
    _write(tmp_path, text)
    with pytest.raises(EmovecError, match=message):
        asking_language("fr", tmp_path)


def test_unknown_languages_and_folders(tmp_path: Path):
    with pytest.raises(
        EmovecError, match=r"no 'fr' to generate texts in, only de, en, es, ja, zh; add a file fr\.yaml"
    ):
        asking_language("fr", tmp_path)
    with pytest.raises(EmovecError, match=r"generation\.languages_folder: .*nowhere is no folder"):
        asking_language("en", tmp_path / "nowhere")


def _write(folder: Path, text: str, code: str = "fr") -> Path:
    path = folder / f"{code}.yaml"
    path.write_text(text, encoding="utf-8")
    return path
