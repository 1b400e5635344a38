"""Texts taken back: gone from the files at once, kept in the answers, asked for anew once, whenever it is killed."""

import json
from collections import Counter
from pathlib import Path

import pytest

from emovec import ledger
from emovec.corpus.generation import text_files
from emovec.corpus.generation.answers import ANSWERS, Answer, keep_answer, read_answers
from emovec.corpus.generation.run import generate, pending_requests
from emovec.corpus.generation.text_files import DROPPED, drop_texts
from emovec.errors import EmovecError
from emovec.lock import locked
from tests.corpus.generation.mocks import mock_model
from tests.corpus.generation.test_run import files_of, good, small

GONE = {"en-stories-calm-job_interview-1": "names its emotion: calm", "en-stories-afraid-job_interview-4": "too short"}
FIRST = Answer("a", 1, "ok", texts={"a-1": "One.", "a-2": "Two."})
SECOND = Answer("b", 1, "refusal", "the model says that it won't", answer="No.")


def write(folder: Path, *given: Answer) -> None:
    for answer in given:
        keep_answer(folder, answer)


def by_id(folder: Path) -> dict[str, str]:
    records = map(json.loads, (folder / "stories.en.jsonl").read_text(encoding="utf-8").splitlines())
    return {record["id"]: record["text"] for record in records}


def test_dropped_texts_are_gone_and_their_request_starts_anew(tmp_path: Path) -> None:
    write(tmp_path, FIRST, SECOND)
    drop_texts(tmp_path, {"a-2": "names its emotion", "never-there": "too short"})
    kept = read_answers(tmp_path)
    assert set(kept.texts) == {"a-1"}
    assert (kept.asked["a"], kept.attempts["a"], kept.attempts["b"]) == (1, 0, 1)
    write(tmp_path, Answer("a", 2, "ok", texts={"a-2": "Another."}))
    assert read_answers(tmp_path).texts["a-2"] == "Another."
    drop_texts(tmp_path, {"a-2": "too short"})
    listed = [json.loads(line) for line in (tmp_path / DROPPED).read_text().splitlines()]
    assert listed == [{"id": "a-2", "reason": "names its emotion"}, {"id": "a-2", "reason": "too short"}]


def test_they_leave_the_files_at_once_and_are_asked_for_anew(tmp_path: Path) -> None:
    generate(small(), tmp_path, model=mock_model(good))
    before = by_id(tmp_path)
    (tmp_path / "dialogues.en.jsonl").write_text("a line of somebody's\n")
    drop_texts(tmp_path, GONE)
    assert by_id(tmp_path) == {name: text for name, text in before.items() if name not in GONE}
    assert (tmp_path / "dialogues.en.jsonl").read_text() == "a line of somebody's\n"
    said = (tmp_path / ANSWERS).read_text()
    assert all(json.dumps(before[name])[1:-1] in said for name in GONE)
    assert sorted(text for request in pending_requests(small(), tmp_path) for text in request.texts) == sorted(GONE)
    found = generate(small(), tmp_path, model=mock_model(good))
    after = by_id(tmp_path)
    assert (found.there, found.asked) == (8, 2)
    assert {name for name in after if after[name] != before[name]} == set(GONE)


def test_a_file_without_texts_left_is_gone(tmp_path: Path) -> None:
    generate(small(), tmp_path, model=mock_model(good))
    drop_texts(tmp_path, dict.fromkeys(by_id(tmp_path), "too short"))
    assert set(files_of(tmp_path)) == {DROPPED}
    assert generate(small(), tmp_path, model=mock_model(good)).there == 8


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", range(4))
def test_killed_at_any_write_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """The answers, then each of two files of texts, then the list: killed before the one that `after` tells."""
    config = small().model_copy(update={"languages": ["en", "ja"]})
    gone = GONE | {"ja-stories-calm-job_interview-2": "in another script"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        generate(config, folder, model=mock_model(good))
    drop_texts(whole, gone)
    left = after
    real_write, real_keep, real_list = text_files.write_bytes, keep_answer, ledger.rewrite

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    monkeypatch.setattr(text_files, "write_bytes", lambda path, data: (count(), real_write(path, data)))
    monkeypatch.setattr(text_files, "keep_answer", lambda folder, answer: (count(), real_keep(folder, answer)))
    monkeypatch.setattr(ledger, "rewrite", lambda path, records: (count(), real_list(path, records)))
    with pytest.raises(Killed):
        drop_texts(killed, gone)
    monkeypatch.undo()
    if after:  # a run before the second try has the files right, too
        pending = [text for request in pending_requests(config, killed) for text in request.texts]
        assert sorted(pending) == sorted(gone)
    drop_texts(killed, gone)
    assert files_of(killed) == files_of(whole)
    assert sum('"dropped"' in line for line in (killed / ANSWERS).read_text().splitlines()) == 1
    generate(config, killed, model=mock_model(good))
    times = Counter(text for answer in read_answers(killed).answers for text in answer.texts)
    assert {text for text, n in times.items() if n == 2} == set(gone)
    assert max(times.values()) == 2


def test_texts_are_not_dropped_under_a_run_that_would_not_hear_of_it(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(EmovecError, match="another process is working"):
        drop_texts(tmp_path, {"a-1": "names its emotion"})
    assert not (tmp_path / ANSWERS).exists()
