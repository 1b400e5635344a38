"""Whatever lies in a file of texts: a right result, or one sentence and exit code 2; and nothing written elsewhere."""

import contextlib
import csv
import io
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emovec.cli import main
from emovec.corpus.read import read_stories
from emovec.errors import EmovecError
from emovec.labels import check_label

LABELS = [
    *(
        "en",
        "EN",
        "ja",
        "pt_br",
        "../../x",
        "/tmp/x",
        "en.neutral",
        "..",
        "C:\\x",
        "con",
        "no",
        "nan",
        "NA",
        "None",
        "",
    ),
    *("sad", "Sad", "at ease", "grief-stricken", "嬉しい", "e\u0301mu", "\u00e9mu", "Neutral", "null", " ", "x" * 300),
    *(
        "\x1b[2J",
        "a\0b",
        "<eos>",
        "1, 3, 7",
        "['joy', 'sad']",
        "3",
        "👩‍👩‍👧",
        "\u202esad",
        "a\nb",
        "joy|sad",
        "[",
        "neutral",
    ),
]
TEXTS = [
    *("A lake.", "", " ", "<eos><|im_end|>", "a\0b", "\x1b]0;x\x07", 'He said "no", and; left\t|', "嬉しい日だった。"),
    *("a\r\nb", "=1+1", "x" * 3000, "﻿x", "\u2028", "NA", "../../x", "{", "1"),
]
label = st.sampled_from(LABELS) | st.text(max_size=6)
text = st.sampled_from(TEXTS) | st.text(max_size=30)
value = (
    label | text | st.none() | st.booleans() | st.integers() | st.floats() | st.lists(label | st.integers(), max_size=3)
)
record = st.fixed_dictionaries(
    {"text": text | value, "emotion": label | value, "language": label | value}
) | st.dictionaries(
    st.sampled_from(
        [
            "text",
            "story",
            "stories",
            "emotion",
            "label",
            "labels",
            "language",
            "topic",
            "id",
            "other",
            "joy",
            "sad",
            "a.b",
            "",
        ]
    ),
    value,
    max_size=6,
)
good = st.fixed_dictionaries(
    {
        "text": st.sampled_from(["A lake.", "<eos> \x1b[31m a\0b", 'He; said "no",\t| now', "嬉しい日だった。"]),
        "emotion": st.sampled_from(
            ["sad", "at ease", "嬉しい", "Neutral", " sad ", "e\u0301mu", "\u00e9mu", "grief-stricken"]
        ),
        "language": st.sampled_from(["en", "EN", "pt_br", "zh-hant", "con"]),
        "topic": st.sampled_from(["../../x", "a\u202eb", "", "NA"]),
    }
)
tables = st.tuples(
    st.sampled_from(["jsonl", "csv", "tsv", "parquet", "json", "utf16", "semicolon", "noheader"]),
    st.lists(good, min_size=1, max_size=5) | st.lists(record, max_size=5),
)


def write(folder: Path, table: tuple[str, list[dict[str, Any]]]) -> Path:
    kind, records = table
    path = folder / f"t.{kind if kind in {'jsonl', 'tsv', 'parquet', 'json'} else 'csv'}"
    if kind in {"jsonl", "json"}:
        lines = [json.dumps(each) for each in records]
        path.write_text("\n".join(lines) if kind == "jsonl" else json.dumps(records))
    elif kind == "parquet":
        columns = {
            name: [None if r.get(name) is None else str(r.get(name)) for r in records] for r in records for name in r
        }
        pd.DataFrame(columns).to_parquet(path)
    else:
        names = list(dict.fromkeys(name for each in records for name in each))
        encoding = "utf-16" if kind == "utf16" else "utf-8"
        with path.open("w", encoding=encoding, errors="replace", newline="") as file:
            rows = csv.writer(file, delimiter={"tsv": "\t", "semicolon": ";"}.get(kind, ","))
            rows.writerows(
                [names] * (kind != "noheader") + [[each.get(name, "") for name in names] for each in records]
            )
    return path


def command(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run a command in a folder; a traceback comes through as the exception it is."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["emovec", *arguments])
        patch.chdir(folder)
        patch.setenv("COLUMNS", "300")
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def only_written(*names: str) -> Iterator[Path]:
    """A folder in another; fails if anything is changed or made beside some names in the inner one."""
    with tempfile.TemporaryDirectory() as outer:
        inner = Path(outer, "a", "b")
        inner.mkdir(parents=True)
        Path(outer, "kept").write_text("kept")

        def state() -> dict[Path, bytes]:
            files = (
                path for path in Path(outer).rglob("*") if path.is_file() and path not in [inner / n for n in names]
            )
            return {path: path.read_bytes() for path in files}

        yield inner
        before = {Path(outer, "kept"): b"kept", **{path: path.read_bytes() for path in inner.glob("t.*")}}
        assert state() == before


def one_sentence(code: int, err: str) -> None:
    assert code == 2, err
    assert err.startswith("Error: ")
    assert err.strip()
    assert "Traceback" not in err
    assert "\x1b" not in err


@pytest.mark.fault("C1")
@settings(max_examples=50, deadline=None)
@given(
    table=tables,
    language=st.none() | label,
    emotion=st.none() | label,
    several=st.sampled_from(["first", "each", "single", None]),
)
def test_import_gives_good_stories_or_says_why_not(
    table: tuple[str, list[dict[str, Any]]], language: str | None, emotion: str | None, several: str | None
) -> None:
    with only_written("out.jsonl") as folder:
        given_options = {"--language": language, "--emotion": emotion, "--several": several}
        options = [
            f"{name}={value}" for name, value in given_options.items() if value is not None and "\0" not in value
        ]
        path = write(folder, table)
        content = path.read_bytes()
        code, _, err = command(folder, "corpus", "import", path.name, "--out", "out.jsonl", *options)
        assert path.read_bytes() == content
        if code:
            one_sentence(code, err)
            assert not (folder / "out.jsonl").exists()
            return
        stories = read_stories(folder / "out.jsonl")
        assert stories
        for story in stories:
            assert check_label("language", story.language) == story.language
            assert check_label("emotion", story.emotion) == story.emotion
            assert story.text.strip()


@pytest.mark.fault("C2")
@settings(max_examples=25, deadline=None)
@given(table=tables)
def test_reading_gives_good_stories_or_says_where_not(table: tuple[str, list[dict[str, Any]]]) -> None:
    with only_written() as folder:
        path = write(folder, table)
        said, stories = "", []
        try:
            stories = read_stories(path)
        except EmovecError as error:
            said = str(error)
        assert bool(stories) != (path.name in said)
        for story in stories:
            assert check_label("language", story.language) == story.language
            assert check_label("emotion", story.emotion) == story.emotion
        assert said or len(stories) == len(table[1]) or table[0] == "noheader"


@pytest.mark.fault("C1")
@settings(max_examples=20, deadline=None)
@given(table=tables, fix=st.booleans())
def test_check_and_show_print_or_say_why_not(table: tuple[str, list[dict[str, Any]]], fix: bool) -> None:
    with only_written() as folder:
        path = write(folder, table)
        code, out, err = command(folder, "corpus", "show", path.name)
        assert "\x1b" not in out
        if code:
            one_sentence(code, err)
        code, out, err = command(
            folder, "corpus", "check", path.name, "--no-tokens", *(["--fix", "--out", "kept"] * fix)
        )
        assert code in {0, 2}
        assert "\x1b" not in out + err
        assert "Traceback" not in err
        for made in folder.glob("kept/*"):
            made.unlink()
