import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from emovec.corpus.write import write_jsonl
from tests.cli.conftest import Run
from tests.corpus.labelled import CONFUSION, EMOTIONS, mock, stories, truth

inspect_model = pytest.importorskip("inspect_ai.model")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    write_jsonl(stories(), tmp_path / "texts.jsonl")
    return tmp_path / "texts.jsonl"


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a mock in the place of any model; gives the prompts that it was asked."""

    def put(answer: Any) -> list[str]:
        asked: list[str] = []

        def said(prompt: str) -> Any:
            asked.append(prompt)
            return answer(prompt)

        model = mock(said)
        monkeypatch.setattr("inspect_ai.model.get_model", lambda *_, **__: model)
        return asked

    return put


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_a_judge_labels_and_the_numbers_are_printed_and_written(run: Run, texts: Path, judge: Any) -> None:
    asked = judge(lambda prompt: CONFUSION[truth(prompt)])
    code, out, err = run("corpus", "label", texts, "--model", "any/judge")
    assert (code, err) == (0, "")
    assert len(asked) == 40
    assert "asked about 40 texts" in out
    assert "75.0% [" in out
    assert "25.0%" in out
    assert "calm – sad 10 50.0%" in out
    assert "sad 0% of 5" in out
    folder = texts.with_name("texts-labels")
    labels = pd.read_parquet(folder / "labels.parquet")
    assert labels["label"].tolist() == [CONFUSION[story.emotion] for story in stories()]
    lines = [json.loads(line) for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["label"] for line in lines] == labels["label"].tolist()
    confusion = pd.read_parquet(folder / "confusion.parquet")
    assert len(confusion) == 3 * 4
    assert (folder / "labels.html").stat().st_size > 100_000

    code, again, _ = run("corpus", "label", texts, "--model", "any/judge")
    assert code == 0
    assert len(asked) == 40
    assert "40 of 40 texts were asked about already" in again
    code, summary, _ = run("corpus", "label", texts, "--summary")
    assert code == 0
    assert "75.0% [" in summary


def test_samples_and_languages(run: Run, texts: Path, judge: Any) -> None:
    asked = judge(lambda prompt: truth(prompt))
    assert run("corpus", "label", texts, "--model", "m", "--sample", "6", "--language", "ja")[0] == 0
    assert len(asked) == 6
    assert all("場面" in prompt for prompt in asked)
    assert all(emotion in asked[0] for emotion in EMOTIONS)
    assert run("corpus", "label", texts, "--model", "m", "--sample", "8")[0] == 0
    assert len(asked) == 16


def test_a_study_names_languages_and_emotions(run: Run, texts: Path, judge: Any) -> None:
    study = texts.with_name("study.yaml")
    study.write_text("languages: [ja]\nemotions: [calm, sad]\ncorpus:\n  stories: texts.jsonl\n  neutral: null\n")
    asked = judge(lambda prompt: truth(prompt))
    assert run("corpus", "label", study, "--model", "m")[0] == 0
    assert len(asked) == 10
    assert all("joyful" not in prompt for prompt in asked)
    assert len(pd.read_parquet(texts.with_name("study-labels") / "labels.parquet")) == 10


def test_top_three(run: Run, texts: Path, judge: Any) -> None:
    judge(lambda prompt: f"calm, {truth(prompt)}, angry")
    code, out, _ = run("corpus", "label", texts, "--model", "m", "--top", "3", "--language", "en")
    assert code == 0
    assert "top 3" in out
    assert "25.0% [" in out
    assert "100.0%" in out


def test_a_judge_that_answers_nonsense_ends_in_a_clear_report(run: Run, texts: Path, judge: Any) -> None:
    judge(lambda _: "The cat\x1b[2J sat on the mat.")
    code, _, err = run("corpus", "label", texts, "--model", "any/judge", "--sample", "3")
    assert code == 2
    assert "any/judge: can't serve as a judge" in err
    assert "The cat\ufffd[2J sat on the mat." in err
    assert "raise --max-tokens" in err
    assert "\x1b[2J" not in err
    assert "Traceback" not in err


def test_a_judge_of_whom_most_is_nonsense_is_shown_and_refused(run: Run, texts: Path, judge: Any) -> None:
    judge(lambda prompt: "sad" if truth(prompt) == "sad" else "?x?")
    code, out, err = run("corpus", "label", texts, "--model", "any/judge")
    assert code == 2
    assert "gave no usable answer about 30 texts" in out
    assert "can't serve as a judge" in err


def test_a_model_that_is_not_there(run: Run, texts: Path) -> None:
    code, _, err = run("corpus", "label", texts, "--model", "nosuch/model")
    assert code == 2
    assert err.startswith("Error: nosuch/model: this model can't be asked")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Give one of"),
        (["--human", "--model", "m"], "Give one of"),
        (["--human", "--summary"], "Give one of"),
        (["--summary"], "no label"),
        (["--human", "--top", "2"], "--top"),
        (["--human", "--language", "xx"], "no texts in 'xx'; there are en, ja"),
    ],
)
def test_what_cannot_be_done(run: Run, texts: Path, options: list[str], said: str) -> None:
    code, _, err = run("corpus", "label", texts, *options)
    assert code == 2
    assert said in err


def test_a_person_labels_in_the_terminal(run: Run, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("corpus", "label", texts, "--human", "--annotator", "ann", "--language", "ja")
    typed(monkeypatch, "", "x", "sa", "7", "2", "/undo", "悲し", "", "/skip", "/list", "none", "3", "/quit")
    code, out, _ = run(*command)
    assert code == 0
    assert "場面" in out
    assert "No emotion begins with “x”" in out
    assert "1, 2, 3 or Enter" in out
    assert "2 of 20 labelled" in out
    assert "texts.jsonl" not in out.split("Intended")[0]
    labels = pd.read_parquet(texts.with_name("texts-labels") / "labels.parquet")
    assert sorted(labels["label"]) == ["none", "sad"]
    assert set(labels["by"]) == {"ann"}
    assert labels.set_index("label")["confidence"]["none"] == 3

    typed(monkeypatch, "ang")
    code, out, _ = run(*command)  # the input ends before the confidence: the label is kept without one
    assert code == 0
    assert "3 of 20 labelled" in out
    typed(monkeypatch, *(line for _ in range(17) for line in ("calm", "")))
    code, out, _ = run(*command)
    assert "All 20 texts are labelled" in out


def test_a_person_may_name_three_and_leave_without_any(run: Run, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("corpus", "label", texts, "--human", "--top", "3")
    typed(monkeypatch, "/undo", "/quit")
    code, out, _ = run(*command)
    assert code == 0
    assert "nothing to take back" in out
    typed(monkeypatch, "a, b, c, d", "sad,calm,ang,joy", "sad, joy", "1")
    assert run(*command)[0] == 0
    row = pd.read_parquet(texts.with_name("texts-labels") / "labels.parquet").iloc[0]
    assert (row["label"], row["second"], row["confidence"]) == ("sad", "joyful", 1)


def test_people_and_judges_are_compared(run: Run, texts: Path, judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    judge(lambda prompt: truth(prompt))
    run("corpus", "label", texts, "--model", "m", "--language", "en")
    typed(monkeypatch, *(line for _ in range(20) for line in ("sad", "")))
    code, out, _ = run("corpus", "label", texts, "--human", "--annotator", "bob", "--language", "en")
    assert code == 0
    assert "mockllm" not in out
    assert "m and bob English 20 25.0% 0.00" in out
    assert "Krippendorff's alpha" in out


def test_the_web_form_is_served_until_stopped(texts: Path) -> None:
    command = [sys.executable, "-m", "emovec", "corpus", "label", str(texts), "--web", "--annotator", "ann"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "200"})
    assert process.stdout is not None
    try:
        address = process.stdout.readline().removeprefix("Open ").strip()
        assert address.startswith("http://127.0.0.1:")
        for _ in range(50):
            try:
                state = json.load(urllib.request.urlopen(f"{address}state"))
                break
            except OSError:
                time.sleep(0.1)
        body = json.dumps({"token": state["token"], "labels": ["sad"], "confidence": 2}).encode()
        json.load(urllib.request.urlopen(f"{address}label", data=body))
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "every answer is kept" in out
    assert pd.read_parquet(texts.with_name("texts-labels") / "labels.parquet")["label"].tolist() == ["sad"]


def test_two_of_the_same_name_are_kept_apart(run: Run, texts: Path) -> None:
    from filelock import FileLock

    folder = texts.with_name("texts-labels")
    folder.mkdir()
    with FileLock(folder / ".ann.lock"):
        code, _, err = run("corpus", "label", texts, "--human", "--annotator", "ann")
    assert code == 2
    assert "another process labels as 'ann'" in err


def test_tables_of_somebody_else_are_not_written_over(run: Run, texts: Path, judge: Any) -> None:
    asked = judge(lambda prompt: truth(prompt))
    folder = texts.with_name("mine")
    folder.mkdir()
    (folder / "labels.jsonl").write_text("mine", encoding="utf-8")
    code, _, err = run("corpus", "label", texts, "--model", "any/judge", "--sample", "3", "--out", folder)
    assert code == 2
    assert "labels.jsonl: is there without the answers" in err
    assert (folder / "labels.jsonl").read_text(encoding="utf-8") == "mine"
    assert not asked
