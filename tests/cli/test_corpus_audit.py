"""`emovec corpus check` with its audit, page and mended copies, through the command line."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from emovec.cli import progress
from emovec.corpus.bundled import bundled_stories

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Stories of three emotions; one is nearly copied, one has a label."""
    stories = [s for s in bundled_stories("plain", ["en"]) if s.emotion in {"calm", "sad", "angry"}]
    records = [asdict(story) for story in stories]
    records[0]["text"] = f"Story 1: {records[0]['text']}"
    records.append({**records[5], "id": "copy", "text": records[5]["text"] + " So it was."})
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return file


def test_scores_the_surface_and_a_page(run: Run, texts: Path) -> None:
    code, out, _ = run("corpus", "check", texts, "--no-tokens", "--page", "page.html")
    assert code == 0
    assert "Scores of 100" in out
    assert "Surface alone, en: length, punctuation and words identify the emotion in" in out
    assert "chance 33.3%" in out
    assert "Nearly equal texts: 2" in out
    assert "Markup and other leftovers: 1" in out
    assert "3 findings above" in out
    assert "<h2>Scores</h2>" in Path("page.html").read_text(encoding="utf-8")


def test_a_pipe_learns_how_far_the_audit_is(run: Run, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_LINE", 0)
    _, out, err = run("corpus", "check", texts, "--no-tokens")
    assert "Looking for repeats and confounds: 16 % after" in err
    assert "Looking for" not in out


def test_the_audit_can_be_left_out(run: Run, texts: Path) -> None:
    code, out, _ = run("corpus", "check", texts, "--no-tokens", "--no-audit")
    assert code == 0
    assert "Surface alone" not in out
    code, _, err = run("corpus", "check", texts, "--no-audit", "--page", "page.html")
    assert code == 2
    assert "--no-audit leaves out" in err


def test_fix_writes_what_stays_and_leaves_the_original(run: Run, texts: Path) -> None:
    before = texts.read_bytes()
    code, out, _ = run("corpus", "check", texts, "--no-tokens", "--fix", "--out", "mended.jsonl")
    assert code == 0
    assert "2 of 37 texts dropped, 35 stay" in out
    assert texts.read_bytes() == before
    kept = [json.loads(line)["id"] for line in Path("mended.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(kept) == 35
    assert "copy" not in kept
    listed = Path("mended.dropped.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["id"] for line in listed} == {"copy", json.loads(before.splitlines()[0])["id"]}

    code, _, err = run("corpus", "check", texts, "--no-tokens", "--fix", "--out", texts)
    assert code == 2
    assert "is there already" in err
    assert texts.read_bytes() == before

    code, out, _ = run(
        "corpus", "check", texts, "--no-tokens", "--fix", "--rule", "leftover", "--out", texts, "--overwrite"
    )
    assert code == 0
    assert "1 of 37 texts dropped" in out
    assert len(texts.read_bytes().splitlines()) == 36


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fix"], "say where the repaired texts go"),
        (["--out", "x.jsonl"], "give --fix as well"),
        (["--fix", "--out", "x.jsonl", "--rule", "dupes"], "no rule 'dupes'"),
        (["--page", "page.pdf"], "ends in .html"),
        (["--synonyms", "nowhere.csv"], "nowhere.csv: can't be read"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run: Run, texts: Path, options: list[str], message: str) -> None:
    code, _, err = run("corpus", "check", texts, "--no-tokens", *options)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_own_synonyms(run: Run, texts: Path) -> None:
    Path("mine.csv").write_text("language,emotion,word\nen,calm,lake\nen,calm,water\nen,calm,slow\n", encoding="utf-8")
    code, out, _ = run("corpus", "check", texts, "--no-tokens", "--synonyms", "mine.csv")
    assert code == 0
    assert "no synonyms are listed for angry, sad" in out


def test_generated_texts_are_taken_out_at_once(run: Run, texts: Path) -> None:
    from emovec.corpus.generation.answers import Answer, keep_answer

    folder = Path("my study-texts")
    folder.mkdir()
    texts.rename(folder / "stories.en.jsonl")
    Path("my study.yaml").write_text(
        "languages: [en]\nemotions: [calm, sad, angry]\ncorpus: {stories: generated, neutral: null}\n", encoding="utf-8"
    )
    before = [json.loads(line) for line in (folder / "stories.en.jsonl").read_text(encoding="utf-8").splitlines()]
    keep_answer(folder, Answer("request", 1, "ok", "", {record["id"]: record["text"] for record in before}))
    code, out, _ = run("corpus", "check", "my study.yaml", "--no-tokens", "--fix")
    assert code == 0
    assert "2 taken out of my study-texts at once" in out
    assert "emovec corpus generate 'my study.yaml'" in out
    after = [json.loads(line) for line in (folder / "stories.en.jsonl").read_text(encoding="utf-8").splitlines()]
    assert after == [record for record in before if record["id"] not in {before[0]["id"], "copy"}]
    assert '"copy"' in (folder / "dropped.jsonl").read_text(encoding="utf-8")
    code, out, _ = run("corpus", "check", "my study.yaml", "--no-tokens", "--fix")
    assert code == 0
    assert "0 of 35 texts dropped" in out
    assert "taken out" not in out


def test_texts_that_were_not_generated_are_not_said_to_be_taken_back(run: Run, texts: Path) -> None:
    from emovec.corpus.generation.answers import Answer, keep_answer

    Path("study.yaml").write_text(
        f"languages: [en]\nemotions: [calm, sad, angry]\ncorpus: {{stories: {texts.name}, neutral: null}}\n",
        encoding="utf-8",
    )
    keep_answer("study-texts", Answer("request", 1, "ok", "", {"another": "text"}))
    before = Path("study-texts/answers.jsonl").read_bytes()
    code, out, _ = run("corpus", "check", "study.yaml", "--no-tokens", "--fix")
    assert code == 0
    assert "are no texts of study-texts, and stay as they are" in " ".join(out.split())
    assert "taken out" not in out
    assert Path("study-texts/answers.jsonl").read_bytes() == before
