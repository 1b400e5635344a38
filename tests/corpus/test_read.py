"""Reading: round trips through every format, and what each bad input says."""

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.config_values import Source
from emovec.corpus.read import Problem, ReadResult, read_sources, read_stories
from emovec.corpus.story import Story
from emovec.corpus.write import write_jsonl
from emovec.errors import EmovecError
from emovec.labels import NEUTRAL, is_missing


def read_one(source: str | Path | Source, base: Path | None = None) -> ReadResult:
    return read_sources([source], base=base)


FIELDS = ["id", "language", "emotion", "topic", "text", "other"]
characters = st.characters(exclude_categories=["Cs"])
label = st.text(characters, min_size=1, max_size=8).map(str.strip).filter(bool)
nasty = st.sampled_from(
    [
        '"quoted, "" twice"',
        "[bold]x[/bold]",
        "a\nb\r\nc\rd",
        "👩‍👩‍👧 é ﷽",
        "\u2028\u0085\ufeff",
        "<b>&amp;",
        ",",
        "'",
        "\\n",
    ]
)
text = st.one_of(nasty, st.text(characters, min_size=1, max_size=60)).filter(lambda t: bool(t.strip()))
languages, emotions = (
    st.sampled_from(["en", "ja", "pt-BR"]),
    st.sampled_from(["at ease", "嬉しい", "épuisé", "neutral"]),
)
topics = st.sampled_from([None, "a day off", "Wer ist da?", "<b>&amp;"])
identifiers = label.filter(lambda word: not is_missing(word))
stories = st.lists(
    st.builds(Story, identifiers, languages, emotions, topics, text), max_size=8, unique_by=lambda s: s.id
)


def write_csv(stories: list[Story], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows({k: v or "" for k, v in asdict(s).items()} for s in stories)


def write_parquet(stories: list[Story], path: Path) -> None:
    pd.DataFrame([asdict(s) for s in stories], columns=FIELDS).to_parquet(path)


WRITERS = {"jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet}


@pytest.mark.parametrize("suffix", WRITERS)
@given(stories=stories.filter(bool))
def test_every_format_gives_back_what_was_written(
    suffix: str, stories: list[Story], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("corpus") / f"stories.{suffix}"
    WRITERS[suffix](stories, path)
    result = read_one(path)
    assert result.stories == stories
    assert result.problems == []


def lines(path: Path, *records: object, end: str = "\n", start: str = "") -> Path:
    path.write_bytes((start + "".join((r if isinstance(r, str) else json.dumps(r)) + end for r in records)).encode())
    return path


GOOD = {"language": "en", "emotion": "calm", "text": "A lake."}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_jsonl_bears_bom_crlf_and_blank_lines_and_counts_lines(tmp_path: Path, end: str, start: str) -> None:
    path = lines(tmp_path / "mine.jsonl", GOOD, "", "   ", GOOD, end=end, start=start)
    result = read_one(path)
    assert [s.id for s in result.stories] == ["mine-1", "mine-4"]
    assert {s.text for s in result.stories} == {"A lake."}
    assert {s.topic for s in result.stories} == {None}
    assert not result.problems


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_bears_bom_crlf_and_blank_lines_and_counts_lines(tmp_path: Path, end: str) -> None:
    path = tmp_path / "mine.csv"
    rows = ["\ufefflanguage,emotion,text", "", 'en,calm,"two', 'lines"', "en,calm", "en,sad,rain", "en,sad,  "]
    path.write_bytes(end.join(rows).encode())
    result = read_one(path)
    assert [(s.id, s.emotion, s.text) for s in result.stories] == [
        ("mine-3", "calm", f"two{end}lines"),
        ("mine-6", "sad", "rain"),
    ]
    assert [(p.line, p.message) for p in result.problems] == [
        (5, "2 fields where the header has 3 (a comma without quotes?)"),
        (7, "no text"),
    ]


BROKEN = [
    ("{oops", "not valid JSON (expecting property name enclosed in double quotes at character 2)"),
    ("[" * 100_000, "not valid JSON"),
    ('"a string"', 'no JSON object such as {"language": …, "emotion": …, "text": …}'),
    ({**GOOD, "text": " \n "}, "no text"),
    ({**GOOD, "text": None}, "no text"),
    ({**GOOD, "text": 7}, "the text is no text: 7"),
    ({**GOOD, "language": ""}, "no language"),
    ({"language": "en", "text": "x"}, "no emotion"),
    ({**GOOD, "topic": ["a"]}, "the topic is no text: ['a']"),
    ({**GOOD, "id": True}, "the id is no text: True"),
    ({**GOOD, "text": "\ud800"}, "bytes or characters that are no valid Unicode; save the file as UTF-8"),
    ({**GOOD, "id": "first"}, "the id 'first' is that of {path}:1 already"),
]


@pytest.mark.parametrize(("record", "message"), BROKEN)
def test_broken_records_are_problems_with_file_and_line(tmp_path: Path, record: object, message: str) -> None:
    path = lines(tmp_path / "s.jsonl", {**GOOD, "id": "first"}, record, GOOD)
    result = read_one(path)
    assert [s.id for s in result.stories] == ["first", "s-3"]
    [problem] = result.problems
    assert (problem.file, problem.line) == (str(path), 2)
    assert problem.message.startswith(message.replace("{path}", str(path)))


def test_bytes_that_are_no_utf8_are_a_problem_of_their_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("language,emotion,text\nde,calm,Ruhe\nde,calm,schön\n".encode("latin-1"))
    result = read_one(path)
    assert [s.text for s in result.stories] == ["Ruhe"]
    assert [(p.line, "UTF-8" in p.message) for p in result.problems] == [(3, True)]


def test_an_open_quote_is_a_problem_where_it_starts(tmp_path: Path) -> None:
    path = tmp_path / "open.csv"
    path.write_text('language,emotion,text\nen,calm,a\nen,calm,"b\nen,calm,c\n')
    result = read_one(path)
    assert [s.text for s in result.stories] == ["a"]
    assert [p.line for p in result.problems] == [3]


@pytest.mark.parametrize("name", ["e.jsonl", "e.csv"])
def test_an_empty_file_is_a_problem(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert read_one(tmp_path / name).problems == [Problem(str(tmp_path / name), 1, "the file contains no records")]


@given(good=st.lists(st.booleans(), min_size=1, max_size=20))
def test_every_line_is_a_story_or_a_problem(good: list[bool], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("corpus") / "s.jsonl"
    lines(path, *(GOOD if fine else {**GOOD, "text": ""} for fine in good))
    result = read_one(path)
    assert [s.id for s in result.stories] == [f"s-{i}" for i, fine in enumerate(good, 1) if fine]
    assert [p.line for p in result.problems] == [i for i, fine in enumerate(good, 1) if not fine]


@pytest.mark.parametrize("suffix", WRITERS)
def test_columns_are_mapped_and_labels_fixed(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame({"n": [1, 2], "Geschichte": ["Ein See.", "Regen."], "Gefühl": ["calm", "sad"]})
    path = tmp_path / f"de.{suffix}"
    if suffix == "jsonl":
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    elif suffix == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    source = Source(path=path.name, columns={"id": "n", "text": "Geschichte", "emotion": "Gefühl"}, language="de")
    assert read_one(source, base=tmp_path).stories == [
        Story("1", "de", "calm", None, "Ein See."),
        Story("2", "de", "sad", None, "Regen."),
    ]
    assert read_stories(path, {"text": "Geschichte"}, language="de", emotion="x")[0].emotion == "x"


@pytest.mark.parametrize("suffix", WRITERS)
def test_an_absent_column_is_named_with_those_that_exist(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"s.{suffix}"
    WRITERS[suffix]([Story("1", "en", "calm", "t", "x")], path)
    with pytest.raises(
        EmovecError, match=r"no column 'story' for the text; there are id, language, emotion, topic, text[;,]"
    ):
        read_one(Source(path=str(path), columns={"text": "story"}))
    with pytest.raises(
        EmovecError, match=r"no column 'lang' for the language.*or give one language for the whole source"
    ):
        read_one(Source(path=str(path), columns={"language": "lang"}))
    with pytest.raises(EmovecError, match=r"columns: no field 'txt' in a story"):
        read_stories(path, {"txt": "text"})


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("language,emotion,text,text\nen,calm,a,b\n")
    with pytest.raises(EmovecError, match="two columns are named 'text'"):
        read_one(tmp_path / "s.csv")


def test_missing_and_unreadable_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    cases = {
        "gone.jsonl": "gone.jsonl: no such file or folder",
        "*.jsonl": r"\*.jsonl: no .jsonl, .ndjson, .csv, .tsv, .tab, .parquet file matches this pattern",
        "empty": "empty: the folder contains no .jsonl",
        "notes.txt": r"notes.txt: the format '.txt' can't be read; give .jsonl",
        "bad.parquet": "bad.parquet: is no valid Parquet file",
    }
    for path, message in cases.items():
        with pytest.raises(EmovecError, match=message):
            read_one(path, base=tmp_path)


def test_folders_and_globs_read_all_files_by_name(tmp_path: Path) -> None:
    base = tmp_path / "odd [name]"
    for name in ("b/s.jsonl", "a/s.jsonl", "c.csv"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
    lines(base / "b/s.jsonl", GOOD)
    lines(base / "a/s.jsonl", GOOD)
    (base / "c.csv").write_text("language,emotion,text\nen,sad,x\n")
    (base / "c.md").write_text("not a corpus")
    assert [s.id for s in read_one("**/*.jsonl", base=base).stories] == ["a/s.jsonl-1", "b/s.jsonl-1"]
    assert [s.id for s in read_one(".", base=base).stories] == ["c-2"]
    assert [s.id for s in read_sources(["c.csv", "a/s.jsonl"], base=base).stories] == ["c-2", "s-1"]


def test_the_ledgers_of_a_generation_are_no_texts(tmp_path: Path) -> None:
    write_jsonl([Story("a", "en", "calm", None, "x")], tmp_path / "stories.en.jsonl")
    for name in ("answers.jsonl", "dropped.jsonl"):
        write_jsonl([Story(name, "en", "calm", None, "y")], tmp_path / name)
    assert len(read_one(tmp_path).stories) == 3  # without a generation's record these are names like any other
    (tmp_path / "generation.json").write_text("{}")
    for source in (tmp_path, tmp_path / "*.jsonl"):
        assert [story.id for story in read_one(source).stories] == ["a"]


def test_one_file_read_for_two_languages_gives_different_ids(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", {"emotion": "calm", "text_en": "A lake.", "text_de": "Ein See."})
    sources = [Source(path=str(path), language=code, columns={"text": f"text_{code}"}) for code in ("en", "de")]
    result = read_sources(sources)
    assert not result.problems
    assert [(s.id, s.text) for s in result.stories] == [("p.jsonl-en-1", "A lake."), ("p.jsonl-de-1", "Ein See.")]


def test_neutral_texts_need_no_emotion(tmp_path: Path) -> None:
    path = lines(tmp_path / "n.jsonl", {"language": "en", "text": "x"}, GOOD)
    assert [s.emotion for s in read_sources([path], neutral=True).stories] == [NEUTRAL, "calm"]
    assert [p.message for p in read_one(path).problems] == ["no emotion"]


def test_strict_reading_raises_on_the_first_problems(tmp_path: Path) -> None:
    path = lines(tmp_path / "s.jsonl", GOOD, *[{**GOOD, "text": ""}] * 5)
    with pytest.raises(
        EmovecError, match=r"corpus: 5 records can't be used: .*s.jsonl:2: no text; .*; and 2 more; fix"
    ):
        read_stories(path)
    good = read_stories(lines(path, GOOD))
    assert replace(good[0], id="") == Story("", "en", "calm", None, "A lake.")


def test_the_bundled_corpus_takes_no_mapping() -> None:
    with pytest.raises(EmovecError, match="'bundled' can't have columns"):
        read_one(Source(path="bundled", language="en"))
