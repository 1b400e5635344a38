"""Tables as other people write them: separators, encodings, wide files, several emotions, folders with other files."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from emovec.config import parse_config
from emovec.corpus.exchange.importing import import_corpus
from emovec.corpus.load import Corpus
from emovec.corpus.quality.audit import audit_corpus
from emovec.corpus.quality.check import check_corpus
from emovec.corpus.quality.scores import scores
from emovec.corpus.read import read_sources
from emovec.corpus.story import Story
from emovec.errors import EmovecError

ROWS = [
    ("I, for one; am | glad", "glad", "en"),
    ('He said "no"\tand left', "sad", "en"),
    ("嬉しい日、だった", "glad", "ja"),
]


def emotions(source: Path, **options: Any) -> list[str]:
    return [story.emotion for story in import_corpus(source, language="en", **options).stories]


@pytest.mark.fault("C7")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(("name", "separator"), [("a.csv", ";"), ("a.csv", "\t"), ("a.tsv", "\t"), ("a.csv", ",")])
def test_separator_and_encoding_are_found(encoding: str, name: str, separator: str, tmp_path: Path) -> None:
    with (tmp_path / name).open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows([("text", "emotion", "language"), *ROWS])
    result = read_sources([tmp_path / name])
    assert [(story.text, story.emotion, story.language) for story in result.stories] == ROWS
    assert result.problems == []


@pytest.mark.fault("C7")
def test_two_possible_separators_are_asked_about(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a;b,c\n1;2,3\n")
    with pytest.raises(EmovecError, match="a comma or a semicolon may stand between its fields"):
        read_sources([tmp_path / "a.csv"])


@pytest.mark.fault("C7")
def test_of_a_wide_parquet_only_what_is_needed_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"text": ["a b", "c d"], "emotion": "sad", "language": "en", "vector": [[0.5] * 50] * 2})
    frame.to_parquet(tmp_path / "wide.parquet")
    asked: list[Any] = []
    read = pq.ParquetFile.iter_batches

    def watched(self: Any, *args: Any, **options: Any) -> Any:
        asked.append(options.get("columns"))
        return read(self, *args, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watched)
    assert len(read_sources([tmp_path / "wide.parquet"]).stories) == 2
    assert emotions(tmp_path / "wide.parquet") == ["sad", "sad"]
    assert asked == [["text", "emotion", "language"]] * 2


@pytest.mark.fault("C7")
@pytest.mark.parametrize(
    ("several", "expected"), [("first", ["3", "2"]), ("single", ["2"]), ("each", ["3", "10", "2"])]
)
def test_several_labels_are_a_choice(several: Any, expected: list[str], tmp_path: Path) -> None:
    pd.DataFrame({"text": ["x x", "y y"], "labels": [[3, 10], [2]]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text('text,label\nx x,"3, 10"\ny y,2\n')
    for name in ("a.parquet", "a.csv"):
        with pytest.raises(EmovecError, match=r"here: 1; texts with one emotion: 1\); `several` single leaves"):
            emotions(tmp_path / name)
        assert emotions(tmp_path / name, several=several) == expected


@pytest.mark.fault("C10")
def test_a_folder_is_read_or_told_of_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "en.tsv").write_text('Nobody " left\t1, 3\nI am happy so\t5\n"What?" he said\t2\n')
    (tmp_path / "README.md").write_text("# XED")
    (tmp_path / "emotions.txt").write_text("anger")
    (tmp_path / "meta.csv").write_text("a,b\n1,2\n")
    (tmp_path / "notes.docx").write_text("x")
    found = import_corpus(tmp_path, language="en", several="first", relabel={"1": "anger", "2": "hope", "5": "joy"})
    assert [(s.emotion, s.text) for s in found.stories] == [
        ("anger", 'Nobody " left'),
        ("joy", "I am happy so"),
        ("hope", '"What?" he said'),
    ]
    assert found.problems == []
    for said in (
        "meta.csv (no text; there are a, b",
        "notes.docx (the format",
        "emotions.txt (`layout`",
        "README.md (",
    ):
        assert said in found.sentence
    assert "column 1 of a table without a header" in found.sentence


@pytest.mark.fault("C10")
def test_a_column_for_each_emotion(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": list("abcd"),
            "rater_id": [1, 0, 1, 0],
            "unclear": [False] * 4,
            "joy": [1, 0, 0, 1],
            "fear": [0, 1, 0, 1],
        }
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        found = import_corpus(tmp_path / name, language="en", several="single")
        assert [(story.text, story.emotion) for story in found.stories] == [("a", "joy"), ("b", "fear")]
        assert "1 text of a." in found.sentence
        assert "1 text with several emotions" in found.sentence
        assert emotions(tmp_path / name, several="each", mapping={"emotion": "fear,joy"}) == [
            "joy",
            "fear",
            "fear",
            "joy",
        ]


@pytest.mark.fault("C10")
@pytest.mark.parametrize("suffix", ["json", "jsonl"])
@pytest.mark.parametrize("stories", [["one", "two"], [{"text": "one"}, {"story": "two"}]])
def test_a_record_with_a_list_of_stories(suffix: str, stories: list[Any], tmp_path: Path) -> None:
    (tmp_path / f"a.{suffix}").write_text(json.dumps({"emotion": "sad", "language": "en", "stories": stories}))
    assert [(s.emotion, s.text) for s in import_corpus(tmp_path / f"a.{suffix}").stories] == [
        ("sad", "one"),
        ("sad", "two"),
    ]


@pytest.mark.fault("C2")
def test_a_second_spelling_is_told_by_its_line(tmp_path: Path) -> None:
    lines = [
        "text,emotion,language,topic",
        "a,Sad,en,t",
        "b,sad,EN,T",
        "c,e\u0301mu,en,",
        "d,\u00e9mu,en,NA",
        "e,NA,en,",
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    result = read_sources([tmp_path / "a.csv"])
    assert [(s.emotion, s.language, s.topic) for s in result.stories] == [
        ("Sad", "en", "t"),
        ("\u00e9mu", "en", None),
        ("\u00e9mu", "en", None),
    ]
    assert [(problem.line, problem.message) for problem in result.problems] == [
        (3, f"the emotion 'sad' is spelt 'Sad' in {tmp_path / 'a.csv'}:2; spell it in one way"),
        (6, "no emotion: 'NA' means a missing value"),
    ]


@pytest.mark.fault("C1")
@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"languages": ["../../x"]}, "languages: '../../x' is no code of a language"),
        ({"languages": ["en", "EN"]}, "languages: named twice: en"),
        ({"languages": ["en.neutral"]}, "languages: 'en.neutral' is no code of a language"),
        ({"emotions": ["sad", "../x"]}, "emotions: '../x' can't be an emotion"),
        ({"emotions": ["sad", "Sad"]}, "'sad' and 'Sad' are spellings of one emotion"),
        ({"emotions": ["sad", "Neutral"]}, "'neutral' is no emotion"),
        ({"corpus": {"stories": {"path": "x", "language": "/x"}}}, "'/x' is no code of a language"),
    ],
)
def test_a_study_names_no_paths(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(EmovecError, match=r"^study: ") as raised:
        parse_config(setting)
    assert said in str(raised.value)


@pytest.mark.fault("C11")
def test_what_was_not_judged_has_no_score() -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven"]
    stories = [
        Story(
            f"{i}", "xx", ("sad", "glad")[i % 2], None, f"{'They all went home' if i < 4 else words[i % 7]} {i} a b c d"
        )
        for i in range(40)
    ]
    corpus = Corpus(stories, [], [], {})
    table = scores(corpus, check_corpus(corpus, ["xx"], ["sad", "glad"], neutral=False), audit_corpus(corpus))
    row = {row["check"]: row for row in table.to_dict("records")}
    for check in ("length", "script", "named emotion", "synonyms"):
        assert row[check]["mark"] == "–"
        assert pd.isna(row[check]["score"])
        assert row[check]["finding"].startswith("not judged: ")
    assert row["openings"]["score"] == 90
    assert row["openings"]["finding"].startswith("4 of 40 stories share their first four words with another")
