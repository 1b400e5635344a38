"""The file of answers: what is in it counts, a line cut short never does, and no key gets in."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from emovec.corpus.generation import answers
from emovec.corpus.generation.answers import ANSWERS, Answer, AnswerFile, read_answers
from emovec.errors import EmovecError

FIRST = Answer("a", 1, "ok", texts={"a-1": "One.", "a-2": "二\u2028つ"}, model="m/x", usage={"output_tokens": 7})
SECOND = Answer("b", 1, "refusal", "the model says that it won't", answer="Sorry, I can't.\nNo.")
THIRD = Answer("b", 2, "ok", texts={"b-1": "Three."})


def write(folder: Path, *given: Answer) -> None:
    with AnswerFile(folder) as file:
        for answer in given:
            file.add(answer)


def test_answers_come_back_as_they_were(tmp_path: Path) -> None:
    write(tmp_path, FIRST, SECOND)
    write(tmp_path, THIRD)
    kept = read_answers(tmp_path)
    assert kept.answers == [FIRST, SECOND, THIRD]
    assert kept.texts == {"a-1": "One.", "a-2": "二\u2028つ", "b-1": "Three."}
    assert kept.attempts == {"a": 1, "b": 2}


def test_no_file_is_no_answers(tmp_path: Path) -> None:
    assert read_answers(tmp_path / "nowhere").answers == []


def test_cut_anywhere_the_whole_lines_count_and_writing_goes_on(tmp_path: Path) -> None:
    write(tmp_path, FIRST, SECOND)
    whole = (tmp_path / ANSWERS).read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(len(whole) + 1):
        (tmp_path / ANSWERS).write_bytes(whole[:cut])
        # A line without its line break is whole too, if all of its JSON is there.
        there = [FIRST] * (cut >= first - 1) + [SECOND] * (cut >= len(whole) - 1)
        assert read_answers(tmp_path).answers == there
        write(tmp_path, THIRD)
        assert read_answers(tmp_path).answers == [*there, THIRD]


def test_errors_are_no_attempts(tmp_path: Path) -> None:
    write(tmp_path, Answer("a", 1, "error", "503"), Answer("a", 1, "error", "503"), SECOND)
    kept = read_answers(tmp_path)
    assert kept.attempts == {"b": 1}
    assert len(kept.answers) == 3


def test_each_answer_is_on_the_disk_when_add_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: Counter[int] = Counter()
    real = os.fsync
    monkeypatch.setattr(answers.os, "fsync", lambda file: (synced.update([0]), real(file)))
    with AnswerFile(tmp_path) as file:
        for n, answer in enumerate((FIRST, SECOND, THIRD), 1):
            file.add(answer)
            assert (tmp_path / ANSWERS).read_bytes().count(b"\n") == n
            assert synced[0] == n


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(answers.os, "fsync", full)
    with AnswerFile(tmp_path) as file, pytest.raises(EmovecError, match=r"answers.jsonl: the disk is full"):
        file.add(FIRST)


def test_lines_of_a_later_version_or_no_record_are_passed_over(tmp_path: Path) -> None:
    lines = [
        "[]",
        "3",
        "null",
        '{"request": "x"}',
        json.dumps({"request": "a", "attempt": 1, "status": "ok", "new": 1}),
    ]
    (tmp_path / ANSWERS).write_text("\n".join(lines) + "\n")
    assert [answer.request for answer in read_answers(tmp_path).answers] == ["a"]
