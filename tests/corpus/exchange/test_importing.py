"""Layouts of other people's corpora, written out by hand, become the stories one would copy out of them."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emovec.corpus.exchange.importing import detect_layout, import_corpus
from emovec.corpus.exchange.paths import path_pattern
from emovec.corpus.story import Story
from emovec.errors import EmovecError

Row = tuple[str, str, str | None, str]


def put(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
    return folder


def rows(stories: list[Story]) -> list[Row]:
    return [(story.language, story.emotion, story.topic, story.text) for story in stories]


LAYOUTS: dict[str, tuple[dict[str, Any], dict[str, Any], list[Row], str]] = {
    "a file an emotion": (
        {"angry.jsonl": '{"story": "I shout."}\n\n{"story": "I stamp."}\n', "on_edge.jsonl": '{"story": "I start."}'},
        {"language": "en"},
        [("en", "angry", None, "I shout."), ("en", "angry", None, "I stamp."), ("en", "on edge", None, "I start.")],
        "the emotion from the file's name, the language from what you gave, the text from 'story', no topics, new ids",
    ),
    "languages in names or folders": (
        {"angry_en.jsonl": '{"text": "a"}', "angry_stories.ja.jsonl": '{"text": "b"}', "de/calm-2.jsonl": '"c"\n["d"]'},
        {},
        [
            ("en", "angry", None, "a"),
            ("ja", "angry", None, "b"),
            ("de", "calm", None, "c"),
            ("de", "calm", None, "d"),
        ],
        "the language from",
    ),
    "columns with other names": (
        {"a.csv": "body,feeling,theme,lang\nHello,sad,lake,en\n", "b.csv": "body,feeling,theme,lang\nHi,calm,sea,ja\n"},
        {},
        [("en", "sad", "lake", "Hello"), ("ja", "calm", "sea", "Hi")],
        "the emotion from 'feeling', the topic from 'theme', the language from 'lang', the text from 'body'",
    ),
    "columns the user names": (
        {"all.jsonl": '{"t": "x", "e": 7, "text": "not this"}'},
        {"mapping": {"text": "t", "emotion": "e"}, "language": "en", "relabel": {"7": "sad"}},
        [("en", "sad", None, "x")],
        "the emotion from 'e'",
    ),
    "emotion and topic as keys": (
        {"all.json": {"angry": {"lake": ["a", "b"], "sea": ["c"]}, "calm": {"lake": ["d"]}}},
        {"language": "en"},
        [
            ("en", "angry", "lake", "a"),
            ("en", "angry", "lake", "b"),
            ("en", "angry", "sea", "c"),
            ("en", "calm", "lake", "d"),
        ],
        "the emotion from key 1 of the nested JSON, the topic from key 2",
    ),
    "emotions as keys": (
        {"all.json": {"angry": ["a", {"text": "b", "topic": "sea"}], "calm": "c"}},
        {"language": "en"},
        [("en", "angry", None, "a"), ("en", "angry", "sea", "b"), ("en", "calm", None, "c")],
        "the emotion from key 1",
    ),
    "languages outermost": (
        {"all.json": {"en": {"angry": {"lake": ["a"]}}, "ja": {"angry": {"lake": ["b"]}}}},
        {},
        [("en", "angry", "lake", "a"), ("ja", "angry", "lake", "b")],
        "the language from key 1",
    ),
    "topics outermost, as the user says": (
        {"all.json": {"v1": {"lake": {"angry": ["a"]}}}},
        {"mapping": {"levels": "_/topic/emotion"}, "language": "en"},
        [("en", "angry", "lake", "a")],
        "the emotion from key 3",
    ),
    "a JSON file an emotion": (
        {"angry.json": {"lake": ["a"]}, "calm.json": {"lake": ["b"]}},
        {"language": "en"},
        [("en", "angry", "lake", "a"), ("en", "calm", "lake", "b")],
        "the emotion from the file's name",
    ),
    "a JSON list of records": (
        {"all.json": [{"content": "a", "label": "sad"}, {"content": ["b", "c"], "label": "calm"}]},
        {"language": "en"},
        [("en", "sad", None, "a"), ("en", "calm", None, "b"), ("en", "calm", None, "c")],
        "the emotion from 'label'",
    ),
    "folders of text files": (
        {
            "angry/lake/1.txt": "a\n",
            "angry/sea/1.md": "b",
            "calm/lake/1.txt": "c",
            "README.md": "no",
            ".x/y/z.txt": "no",
        },
        {"language": "en"},
        [("en", "angry", "lake", "a"), ("en", "angry", "sea", "b"), ("en", "calm", "lake", "c")],
        "the emotion from the folder's name",
    ),
    "folders of text files, languages outermost": (
        {"en/angry/1.txt": "a", "ja/angry/1.txt": "b"},
        {},
        [("en", "angry", None, "a"), ("ja", "angry", None, "b")],
        "the language from the outermost folder's name",
    ),
    "text files whose names tell": (
        {"angry-lake-1.txt": "a", "calm_night_drive_02.txt": "b", "sad.txt": "c"},
        {"language": "en"},
        [("en", "angry", "lake", "a"), ("en", "calm", "night_drive", "b"), ("en", "sad", None, "c")],
        "the topic from the file's name",
    ),
    "paths by a pattern": (
        {"run1/lake.angry.txt": "a", "run2/sea.calm.txt": "b"},
        {"mapping": {"path": "*/{topic}.{emotion}"}, "language": "en"},
        [("en", "angry", "lake", "a"), ("en", "calm", "sea", "b")],
        "the emotion from the path by */{topic}.{emotion}",
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_taken_for_what_it_is(tmp_path: Path, name: str) -> None:
    files, options, expected, sentence = LAYOUTS[name]
    imported = import_corpus(put(tmp_path, files), **options)
    assert imported.problems == []
    assert sorted(rows(imported.stories), key=str) == sorted(expected, key=str)
    assert sentence in imported.sentence
    assert len({story.id for story in imported.stories}) == len(expected)


def save_to_disk(folder: Path, table: pa.Table, features: dict[str, Any], n_files: int = 1) -> None:
    """As `datasets` 5 does it: Arrow streams, their names in state.json, the features in dataset_info.json."""
    folder.mkdir(parents=True)
    names = [f"data-{i:05d}-of-{n_files:05d}.arrow" for i in range(n_files)]
    size = -(-table.num_rows // n_files)
    for i, name in enumerate(names):
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table.slice(i * size, size))
    put(folder, {"state.json": {"_data_files": [{"filename": name} for name in names]}})
    put(folder, {"dataset_info.json": {"features": features}})


CLASSES = {"label": {"names": ["calm", "sad"], "_type": "ClassLabel"}, "text": {"dtype": "string", "_type": "Value"}}
TABLE = pa.table({"text": ["a", "b", "c"], "label": [1, 0, 1]})
EXPECTED: list[Row] = [("en", "sad", None, "a"), ("en", "calm", None, "b"), ("en", "sad", None, "c")]


def test_what_datasets_saved_to_disk(tmp_path: Path) -> None:
    save_to_disk(tmp_path / "one", TABLE, CLASSES, n_files=2)
    assert detect_layout(tmp_path / "one") == "datasets"
    assert rows(import_corpus(tmp_path / "one", language="en").stories) == EXPECTED
    save_to_disk(tmp_path / "many" / "ja", TABLE, CLASSES)
    save_to_disk(tmp_path / "many" / "en", TABLE, CLASSES)
    put(tmp_path / "many", {"dataset_dict.json": {"splits": ["ja", "en"]}})
    both = rows(import_corpus(tmp_path / "many").stories)
    assert both == [("ja", *row[1:]) for row in EXPECTED] + EXPECTED


def test_parquet_as_the_hub_has_it(tmp_path: Path) -> None:
    info = {b"huggingface": json.dumps({"info": {"features": CLASSES}}).encode()}
    (tmp_path / "a" / "data").mkdir(parents=True)
    pq.write_table(TABLE.replace_schema_metadata(info), tmp_path / "a" / "data" / "train-00000-of-00001.parquet")
    assert rows(import_corpus(tmp_path / "a", language="en").stories) == EXPECTED
    assert rows(import_corpus(tmp_path / "a", language="en", layout="datasets").stories) == EXPECTED

    (tmp_path / "b").mkdir()
    pq.write_table(TABLE, tmp_path / "b" / "x.parquet")
    card = """---
dataset_info:
  features:
  - name: label
    dtype: {class_label: {names: {'0': calm, '1': sad}}}
configs:
- config_name: default
  data_files: x.*
---
# Some
"""
    put(tmp_path / "b", {"README.md": card})
    assert detect_layout(tmp_path / "b") == "datasets"
    assert rows(import_corpus(tmp_path / "b", language="en").stories) == EXPECTED


def test_ids_stay_where_they_tell_texts_apart(tmp_path: Path) -> None:
    line = '{{"id": "{}", "text": "x", "emotion": "at ease", "language": "en", "topic": "lake"}}\n'
    put(tmp_path, {"a.jsonl": line.format("p") + line.format("q"), "b.jsonl": line.format("q")})
    assert [story.id for story in import_corpus(tmp_path / "a.jsonl").stories] == ["p", "q"]
    again = import_corpus(tmp_path)
    assert [story.id for story in again.stories] == [f"en-at_ease-lake-{i}" for i in (1, 2, 3)]
    assert "new ids" in again.sentence


ENGLISH = {"language": "en"}
PROBLEMS: list[tuple[str, str, dict[str, Any], list[str]]] = [
    (
        "a.jsonl",
        '{"text": "x", "emotion": "sad"}\n{"text": 3, "emotion": "sad"}\n{oops\n',
        ENGLISH,
        ["a.jsonl:2: the text is no text", "a.jsonl:3: not valid JSON"],
    ),
    ("a.jsonl", '{"text": "x", "emotion": "sad"}\n', {}, ["a.jsonl:1: no language; `language`"]),
    ("a.jsonl", '{"text": "x"}\n', ENGLISH, ["a.jsonl:1: no emotion; `mapping` emotion="]),
    ("a.jsonl", '\n{"words": "x"}\n', ENGLISH, ["a.jsonl:2: no text; there are words"]),
    (
        "a.jsonl",
        '{"text": "x", "emotion": "sad"}\n',
        {**ENGLISH, "mapping": {"text": "body"}},
        ["a.jsonl:1: no 'body' for the text"],
    ),
    ("a.json", '{"sad": ["x",\n "y",\n 3]}', ENGLISH, ["a.json:3: sad[2]: 3 where a text"]),
    ("a.json", '{"sad": ["x"],\n "calm": {"lake": null}}', ENGLISH, ["a.json:2: calm: no text; there are lake"]),
    ("a.json", '{"sad": ["x",\n]}', ENGLISH, ["a.json:2: not valid JSON"]),
    (
        "a.json",
        '[{"text": "x", "emotion": "sad", "language": "en"},\n\n {"text": " ", "emotion": "sad"}]',
        {},
        ["a.json:3: no text"],
    ),
    ("angry/1.txt", " \n", ENGLISH, ["1.txt:1: no text"]),
    ("angry/1.txt", "x", {**ENGLISH, "mapping": {"path": "{topic}/{emotion}/*"}}, ["1.txt:1: its path does not fit"]),
]


@pytest.mark.parametrize(("name", "content", "options", "said"), PROBLEMS)
def test_what_is_broken_is_named_by_file_and_line(
    tmp_path: Path, name: str, content: str, options: dict[str, Any], said: list[str]
) -> None:
    found = [str(problem) for problem in import_corpus(put(tmp_path, {name: content}), **options).problems]
    assert len(found) == len(said)
    for problem, expected in zip(found, said, strict=True):
        assert f"/{expected}" in problem


CARD = "---\nconfigs: [{config_name: a, data_files: x.csv}]\n---\n"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    put(tmp_path, {"angry/1.txt": ""})
    (tmp_path / "angry" / "1.txt").write_bytes(b"one\ntw\xff")
    assert str(import_corpus(tmp_path, language="en").problems[0]).endswith(
        "1.txt:2: bytes that are no valid UTF-8; save the file as UTF-8"
    )


@pytest.mark.parametrize(
    ("files", "options", "said"),
    [
        ({"a.pdf": "x"}, {}, "contains nothing that can be read as texts"),
        ({"a.json": []}, {}, "read as nested JSON, but no text is in it"),
        ({"a.json": {}}, {"layout": "xml"}, "`layout` xml: give one of auto, jsonl-folder"),
        ({"a.json": {}}, {"mapping": {"mood": "x"}}, "`mapping` mood=…: what can be mapped is id, language"),
        ({"a.json": {}}, {"mapping": {"levels": "emotion/mood"}}, "'mood' is none of"),
        ({"a.txt": "x"}, {"mapping": {"path": "{mood}"}}, "each once"),
        ({"state.json": {}}, {}, "names no data files"),
        ({"README.md": CARD}, {}, "but no such file is there"),
        ({"README.md": "---\nconfigs: [a, b]\n---\n"}, {}, "its configs can't be understood"),
        ({"README.md": "---\nconfigs: [{data_files: /data/*.csv}]\n---\n"}, {}, "its configs can't be understood"),
        ({"README.md": CARD, "x.csv": "text\na\n"}, {"config": "b"}, "`config` b: .* has a"),
    ],
)
def test_errors_are_one_sentence(tmp_path: Path, files: dict[str, Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises(EmovecError, match=said):
        import_corpus(put(tmp_path, files), **options)
    with pytest.raises(EmovecError, match="no such file or folder"):
        import_corpus(tmp_path / "nowhere")


def test_a_pattern_is_read_from_the_left() -> None:
    pattern, fields = path_pattern("**/{language}/{emotion}-*.txt")
    assert fields == ["language", "emotion"]
    match = pattern.fullmatch("a/b/en/self-conscious-3.txt")
    assert match is not None
    assert match.groupdict() == {"language": "en", "emotion": "self"}
    assert pattern.fullmatch("en/sad.txt") is None


def test_a_column_called_other_is_an_emotion_only_where_it_holds_text(tmp_path: Path) -> None:
    rows = [
        {"language": "en", "emotion": "calm", "text": "A.", "other": value} for value in ("angry", 3, {"x": 1}, None)
    ]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert [story.other for story in import_corpus(tmp_path / "t.jsonl").stories] == ["angry", None, None, None]
    given = import_corpus(tmp_path / "t.jsonl", mapping={"other": "other"})
    assert [problem.message for problem in given.problems] == ["the other is no text: {'x': 1}"]
