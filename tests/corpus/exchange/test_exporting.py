"""A dataset tells what it is, and gives back every text as it was."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emovec.config import BUNDLED
from emovec.corpus.bundled import bundled_neutral
from emovec.corpus.exchange.dataset_card import DatasetFile, Provenance, dataset_card
from emovec.corpus.exchange.exporting import export_corpus, generated_provenance, texts_to_share, write_dataset
from emovec.corpus.exchange.importing import import_corpus
from emovec.corpus.read import read_sources, read_stories
from emovec.corpus.story import Story, fingerprint
from emovec.corpus.write import write_jsonl
from emovec.errors import EmovecError
from emovec.labels import NEUTRAL


def front_matter(card: str) -> dict[str, Any]:
    start, matter, rest = card.split("---\n", 2)
    assert start == ""
    assert rest.strip()
    return yaml.safe_load(matter)


def by_language(stories: Iterable[Story]) -> list[Story]:
    """As they come back: a file for each language, read in the order of the alphabet."""
    return sorted(stories, key=lambda story: story.language)


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_corpus_comes_back_as_it_was(tmp_path: Path, name: str, format: Any) -> None:
    export_corpus(name, tmp_path / "out", format=format)
    back = import_corpus(tmp_path / "out")
    assert back.problems == []
    stories = [story for story in back.stories if story.emotion != NEUTRAL]
    neutral = [story for story in back.stories if story.emotion == NEUTRAL]
    assert fingerprint(stories) == fingerprint(read_stories(name))
    assert fingerprint(neutral) == fingerprint(bundled_neutral(dict.fromkeys(story.language for story in stories)))
    as_study_files = read_sources([str(tmp_path / "out" / "data" / "stories" / f"*.{format}")])
    assert fingerprint(as_study_files.stories) == fingerprint(by_language(read_stories(name)))


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_card_states_licence_and_counts_as_the_packages_own_does(tmp_path: Path, name: str) -> None:
    *_, readme = export_corpus(name, tmp_path / "out")
    card = readme.read_text(encoding="utf-8")
    matter = front_matter(card)
    assert matter["license"] == "cc-by-4.0"
    languages = ["en", "ja", "zh", "es", "de"] if name == "bundled" else ["en", "ja"]
    named = "English, Japanese, Chinese, Spanish, German" if name == "bundled" else "English, Japanese"
    n, what = 360 * len(languages), "concepts" if name == "bundled-concepts" else "emotions"
    assert matter["language"] == languages
    assert matter["size_categories"] == ["1K<n<10K" if name == "bundled" else "n<1K"]
    assert f"{n:,} short stories, each meant to convey one of 30 {what}, in {named}, on 12 topics" in card
    assert f"{n // 5} neutral texts" in card
    own = (Path(__file__).parents[3] / "src" / "emovec" / "data" / "README.md").read_text(encoding="utf-8")
    for title in ("How the texts came about", "What the checks found", "Known weak points"):
        section = own.split(f"## {title}\n")[1].split("\n## ")[0].strip()
        assert section in card
    for language in languages:
        assert f"| stories | {language} | 360 | 30 | 12 |" in card
        assert f"| neutral | {language} | 72 | 0 | 12 |" in card
    assert fingerprint(read_stories(name)) in card


def test_configs_and_splits_are_files_that_are_there(tmp_path: Path) -> None:
    files = export_corpus("bundled", tmp_path / "out")
    configs = front_matter(files[-1].read_text(encoding="utf-8"))["configs"]
    assert [config["config_name"] for config in configs] == ["stories", "neutral"]
    assert configs[0]["default"] is True
    named = [tmp_path / "out" / part["path"] for config in configs for part in config["data_files"]]
    assert named == files[:-1]
    for path in named:
        assert pq.read_schema(path).names == ["id", "language", "emotion", "topic", "text"]
        assert pq.read_metadata(path).num_rows in {360, 72}


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(lambda text: text.strip())
labels = st.sampled_from(["calm", "at ease", "grief-stricken", "épuisé", "嬉しい", "Weh", "a_b"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["ja", "en", "pt-BR"]), labels, st.none() | labels, texts, st.none() | labels),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["parquet", "jsonl"]),
)
def test_any_texts_come_back(tmp_path_factory: Any, rows: list[tuple[Any, ...]], format: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    stories = [Story(f"s{i}", *row) for i, row in enumerate(rows)]
    write_dataset({"stories": stories}, folder / "out", format=format)
    languages = list(dict.fromkeys(story.language for story in stories))
    grouped = [story for language in languages for story in stories if story.language == language]
    assert import_corpus(folder / "out").stories == grouped


def paired(n: int = 4) -> list[Story]:
    return [replace(story, id=f"p{story.id}", other="angry") for story in some(n)]


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_the_second_emotion_comes_back(tmp_path: Path, format: Any) -> None:
    kinds = {"stories": some(), "dialogues": paired()}
    *files, readme = write_dataset(kinds, tmp_path / "out", format=format)
    assert import_corpus(tmp_path / "out").stories == some()
    assert read_stories(files[0]) == some()
    back = import_corpus(tmp_path / "out", config="dialogues", relabel={"angry": "furious"})
    assert [story.other for story in back.stories] == ["furious"] * 4
    assert "the other emotion from 'other'" in back.sentence
    assert read_stories(files[1]) == paired()
    assert read_sources([str(files[1])]).stories == paired()
    card = readme.read_text(encoding="utf-8")
    assert "A record has six fields" in card
    assert "| `other` | in dialogues: the second emotion, the second speaker's |" in card
    if format == "parquet":
        assert [pq.read_schema(file).names.count("other") for file in files] == [0, 1]
    else:
        assert '"other"' not in files[0].read_text(encoding="utf-8")
    write_jsonl(back.stories, tmp_path / "again.jsonl")
    assert read_stories(tmp_path / "again.jsonl") == back.stories


def test_the_second_emotion_counts_in_the_fingerprint_and_in_nobody_elses() -> None:
    assert fingerprint(paired()) != fingerprint([replace(story, other="calm") for story in paired()])
    assert fingerprint(paired()) != fingerprint([replace(story, other=None) for story in paired()])
    # As it was before there were second emotions: studies made then stay valid.
    assert fingerprint(some(2)) == "10993e9e8e222405c33c152113102872152872d31d611d1dc7bc3a3728e50d10"


def some(n: int = 4, language: str = "en") -> list[Story]:
    return [Story(f"{language}{i}", language, "calm" if i % 2 else "sad", None, f"text {i}") for i in range(n)]


def test_a_card_without_a_licence_asks_for_one() -> None:
    file = DatasetFile("stories", "en", "en", "data/stories/en.jsonl", some())
    card = dataset_card([file], license=None, name="Mine", provenance=Provenance(limits=["Few texts."]))
    assert front_matter(card)["license"] == "other"
    assert "Licence: none is stated" in card
    assert "- Few texts." in card
    assert "neutral: null" in card
    assert "English: 2 stories for each emotion." in card


def test_languages_with_a_region_have_splits_that_the_hub_takes(tmp_path: Path) -> None:
    *_, readme = write_dataset({"stories": some(language="pt-BR")}, tmp_path / "out", license="mit")
    matter = front_matter(readme.read_text(encoding="utf-8"))
    assert matter["language"] == ["pt"]
    assert matter["configs"][0]["data_files"] == [{"split": "pt_BR", "path": "data/stories/pt-BR.parquet"}]
    assert import_corpus(tmp_path / "out").stories == some(language="pt-BR")


def test_checks_are_told(tmp_path: Path) -> None:
    named = Story("a", "en", "angry", "lake", "He was angry.")
    twice = Story("b", "en", "sad", "lake", "He  was angry.")
    *_, readme = write_dataset({"stories": [named, twice]}, tmp_path / "out")
    card = readme.read_text(encoding="utf-8")
    assert "2 of 2 texts are equal to another" in card
    assert "1 of 2 stories name their own emotion by the word lists (1 en)" in card


def test_generated_texts_bring_their_model_and_prompts(tmp_path: Path) -> None:
    folder = tmp_path / "s-texts"
    write_jsonl(some(), folder / "stories.en.jsonl")
    write_jsonl([Story("n", "en", NEUTRAL, "lake", "A: Hello.")], folder / "neutral.en.jsonl")
    write_jsonl([Story("m", "en", "sad", "lake", "He smiled.")], folder / "masked.en.jsonl")
    (folder / "answers.jsonl").write_text('{"status": "ok"}\n', encoding="utf-8")
    record = {
        "model": "openai/gpt-4o-mini",
        "settings": {"temperature": 0.9, "seed": 3},
        "prompts": {"en": {"system": "", "stories": "Write {n} stories."}},
        "problems": {"refusal: it said no": 2, "error: no answer from http://10.0.0.1": 1},
        "usage": {"input_tokens": 1200},
        "earlier": [{"model": "openai/gpt-4o"}],
        "emovec": "0.3.0",
    }
    (folder / "generation.json").write_text(json.dumps(record), encoding="utf-8")
    (tmp_path / "s.yaml").write_text(
        "languages: [en]\nemotions: [sad, calm]\ncorpus: {stories: generated, neutral: generated}\n", encoding="utf-8"
    )
    for source in (folder, tmp_path / "s.yaml"):
        kinds, provenance = texts_to_share(source)
        assert {kind: len(stories) for kind, stories in kinds.items()} == {"stories": 4, "neutral": 1, "masked": 1}
        assert provenance.facts["model"] == "openai/gpt-4o, then openai/gpt-4o-mini"
        assert provenance.prompts == {"stories in English": "Write {n} stories."}
    *_, readme = export_corpus(folder, tmp_path / "out")
    card = readme.read_text(encoding="utf-8")
    for said in ("Write {n} stories.", "| temperature | 0.9 |", "2 refusal, 1 error", "1,200 input tokens"):
        assert said in card
    assert "10.0.0.1" not in card
    *_, told = export_corpus(folder, tmp_path / "told", about="Three readers labelled them.")
    said = told.read_text(encoding="utf-8")
    assert "Three readers labelled them." in said
    assert "A language model wrote all texts" in said
    back = import_corpus(tmp_path / "out")
    assert [story.id for story in back.stories if story.emotion != NEUTRAL] == ["en0", "en1", "en2", "en3"]
    assert "config 'masked'" in back.sentence
    assert [story.id for story in import_corpus(tmp_path / "out", config="masked").stories] == ["m"]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("openai-api/local//home/me/models/smol", "openai-api/local/smol"),
        ("hf/~/models/smol", "hf/smol"),
        ("openai-api/together/org/model", "openai-api/together/org/model"),
    ],
)
def test_no_path_of_the_makers_machine_is_told(tmp_path: Path, model: str, told: str) -> None:
    (tmp_path / "generation.json").write_text(json.dumps({"model": model}), encoding="utf-8")
    assert generated_provenance(tmp_path).facts["model"] == told


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"model": "m", "prompts": 3}', '{"model": "m", "earlier": [1]}'])
def test_a_record_that_tells_nothing_is_told(tmp_path: Path, record: str) -> None:
    (tmp_path / "generation.json").write_text(record, encoding="utf-8")
    with pytest.raises(EmovecError, match=r"generation\.json: doesn't say how the texts were made; put it back"):
        generated_provenance(tmp_path)


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda out: write_dataset({"stories": []}, out), "no text to export"),
        (lambda out: write_dataset({"stories": [*some(), *some()]}, out), "the id 'en0' occurs twice"),
        (lambda out: write_dataset({"stories": some()}, out, format="csv"), "give one of parquet, jsonl"),
        (lambda out: write_dataset({"stories": some()}, out.parent), "already contains something"),
        (lambda out: export_corpus("bundled", out, license="mit"), "the bundled corpus is under cc-by-4.0"),
        (lambda out: export_corpus(out.parent / "broken.jsonl", out), "broken.jsonl:1: no text"),
    ],
)
def test_errors_are_one_sentence(tmp_path: Path, do: Callable[[Path], Any], said: str) -> None:
    (tmp_path / "broken.jsonl").write_text('{"language": "en", "emotion": "sad", "text": ""}\n', encoding="utf-8")
    with pytest.raises(EmovecError, match=said):
        do(tmp_path / "out")
    assert not (tmp_path / "out").exists()
