"""The file of answers: what is in it counts, a line cut short never does, and no key gets in."""

import json
from pathlib import Path

from emovec.corpus.generation.answers import ANSWERS, Answer, keep_answer, read_answers

FIRST = Answer("a", 1, "ok", texts={"a-1": "One.", "a-2": "二\u2028つ"}, model="m/x", usage={"output_tokens": 7})
SECOND = Answer("b", 1, "refusal", "the model says that it won't", answer="Sorry, I can't.\nNo.")
THIRD = Answer("b", 2, "ok", texts={"b-1": "Three."})


def write(folder: Path, *given: Answer) -> None:
    for answer in given:
        keep_answer(folder, answer)


def test_answers_come_back_as_they_were(tmp_path: Path) -> None:
    write(tmp_path, FIRST, SECOND)
    write(tmp_path, THIRD)
    kept = read_answers(tmp_path)
    assert kept.answers == [FIRST, SECOND, THIRD]
    assert kept.texts == {"a-1": "One.", "a-2": "二\u2028つ", "b-1": "Three."}
    assert kept.attempts == {"a": 1, "b": 2}


def test_no_file_is_no_answers(tmp_path: Path) -> None:
    assert read_answers(tmp_path / "nowhere").answers == []


def test_errors_are_no_attempts(tmp_path: Path) -> None:
    write(tmp_path, Answer("a", 1, "error", "503"), Answer("a", 1, "error", "503"), SECOND)
    kept = read_answers(tmp_path)
    assert kept.attempts == {"b": 1}
    assert len(kept.answers) == 3


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
