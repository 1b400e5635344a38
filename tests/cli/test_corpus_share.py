import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emovec.corpus.read import read_stories
from emovec.corpus.story import fingerprint

Run = Callable[..., tuple[int, str, str]]


def test_there_and_back(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("## Who labelled\n\nTwo of us did.\n", encoding="utf-8")
    code, out, err = run("corpus", "export", "bundled-plain", "--out", "ds", "--about", "notes.md", "--name", "Ours")
    assert (code, err) == (0, "")
    assert "hf upload NAME ds --repo-type dataset" in out
    assert "No licence" not in out
    card = (tmp_path / "ds" / "README.md").read_text(encoding="utf-8")
    assert "# Ours\n" in card
    assert "Two of us did." in card
    assert "| English | ✗ surface alone |" in card
    assert "| Japanese | △ named emotion |" in card or "| Japanese | ✓ named emotion |" in card
    code, out, err = run("corpus", "import", "ds", "--out", "back.jsonl")
    assert (code, err) == (0, "")
    assert "Took ds for a folder of `datasets`: 864 texts" in out
    assert "30 emotions (afraid" in out
    assert "and 144 neutral texts, in en, ja" in out
    stories = [story for story in read_stories(tmp_path / "back.jsonl") if story.emotion != "neutral"]
    assert fingerprint(stories) == fingerprint(read_stories("bundled-plain"))


def test_a_study_without_a_licence_is_told_so(run: Run, tmp_path: Path) -> None:
    line = '{{"id": "{0}", "language": "en", "emotion": "{0}", "text": "A text."}}\n'
    (tmp_path / "texts.jsonl").write_text(
        line.format("calm") + line.format("sad") + line.format("odd"), encoding="utf-8"
    )
    (tmp_path / "s.yaml").write_text(
        "languages: [en]\nemotions: [calm, sad]\ncorpus: {stories: texts.jsonl, neutral: null}\n", encoding="utf-8"
    )
    code, out, _ = run("corpus", "export", "s.yaml", "--out", "ds", "--format", "jsonl", "--no-audit")
    assert code == 0
    assert "No licence is stated" in out
    written = (tmp_path / "ds" / "data" / "stories" / "en.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(text)["id"] for text in written] == ["calm", "sad"]


def test_options_of_an_import(run: Run, tmp_path: Path) -> None:
    (tmp_path / "theirs.json").write_text('{"lake": {"sorrow": ["A text."], "joy": ["B text."]}}', encoding="utf-8")
    code, out, err = run(
        *("corpus", "import", "theirs.json", "--out", "ours.jsonl", "--language", "en"),
        *("--map", "levels=topic/emotion", "--relabel", "sorrow=sad", "--relabel", "joy=joyful"),
    )
    assert (code, err) == (0, "")
    assert "2 emotions (sad, joyful) in en" in out
    first = read_stories(tmp_path / "ours.jsonl")[0]
    assert (first.id, first.emotion, first.topic) == ("en-sad-lake-1", "sad", "lake")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("import", "bad.jsonl", "--out", "o.csv"),
            "o.csv: the name of such a file (JSONL file of texts) ends in .jsonl",
        ),
        (("import", "bad.jsonl", "--out", "bad.jsonl"), "is what the result is made from"),
        (("import", "bad.jsonl", "--out", "o.jsonl", "--map", "text"), "--map text: give it as NAME=VALUE"),
        (("import", "bad.jsonl", "--out", "o.jsonl"), "bad.jsonl:1: not valid JSON"),
        (("export", "bundled", "--out", "ds", "--about", "none.md"), "--about none.md: can't be read"),
        (("export", "none.jsonl", "--out", "ds"), "none.jsonl: no such file"),
        (("export", "bundled", "--out", "ds", "--format", "csv"), "--format csv: give one of parquet, jsonl"),
    ],
)
def test_errors_are_one_sentence(run: Run, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "bad.jsonl").write_text("{", encoding="utf-8")
    code, _, err = run("corpus", *arguments)
    assert code == 2
    assert said in err
    assert not (tmp_path / "o.jsonl").exists()
    assert not (tmp_path / "ds").exists()


def test_texts_in_another_encoding_are_named_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t" / "sad").mkdir(parents=True)
    (tmp_path / "t" / "sad" / "lake.txt").write_bytes("One line.\nÉl está aquí.".encode("latin-1"))
    code, _, err = run("corpus", "import", "t", "--out", "o.jsonl", "--language", "es")
    assert code == 2
    assert "t/sad/lake.txt:2: bytes that are no valid UTF-8; save the file as UTF-8" in " ".join(err.split())
    assert "Traceback" not in err
    assert not (tmp_path / "o.jsonl").exists()
