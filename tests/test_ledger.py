"""The append-only file: whole lines alone count, whatever a kill or a full disk left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emovec import ledger
from emovec.errors import EmovecError

FIRST = {"n": 1, "text": "a\u2028二\u0085c\x0be\nf\r"}
SECOND = {"n": 2, "text": "雨"}
THIRD = {"n": 3}


def test_records_come_back_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "below" / "a.jsonl"
    assert ledger.read(path) == []
    for record in (FIRST, SECOND, THIRD):
        ledger.append(path, record)
    assert ledger.read(path) == [FIRST, SECOND, THIRD]
    ledger.rewrite(path, [SECOND])
    assert ledger.read(path) == [SECOND]


def test_cut_anywhere_the_whole_lines_count_and_writing_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    for record in (FIRST, SECOND):
        ledger.append(path, record)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        # A line without its line break is whole too, if all of its JSON is there.
        there = [FIRST] * (cut >= first - 1) + [SECOND] * (cut >= len(whole) - 1)
        assert ledger.read(path) == there
        ledger.append(path, THIRD)
        assert ledger.read(path) == [*there, THIRD]


def test_what_is_no_record_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"[]\n3\nnull\n\xff\xfe\n" + b"[" * 100_000 + b'\n\n{"n": 3}\n')
    assert ledger.read(path) == [THIRD]


def test_half_of_a_character_is_written_as_a_question_mark(tmp_path: Path) -> None:
    ledger.append(tmp_path / "a.jsonl", {"text": "\ud83d!"})
    assert ledger.read(tmp_path / "a.jsonl") == [{"text": "?!"}]


def test_each_record_is_on_the_disk_when_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[int] = []
    real = os.fsync

    def sync(file: int) -> None:
        lines.append((tmp_path / "a.jsonl").read_bytes().count(b"\n"))
        real(file)

    monkeypatch.setattr(ledger.os, "fsync", sync)
    for record in (FIRST, SECOND, THIRD):
        ledger.append(tmp_path / "a.jsonl", record)
    assert lines == [1, 2, 3]


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledger.os, "fsync", full)
    with pytest.raises(EmovecError, match=r"a.jsonl: the disk is full"):
        ledger.append(tmp_path / "a.jsonl", FIRST)


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmovecError, match="can't be read"):
        ledger.read(tmp_path)
    with pytest.raises(EmovecError, match="can't be written"):
        ledger.append(tmp_path, FIRST)


WRITING = """
import sys
from pathlib import Path
from emovec import ledger
n = len(ledger.read(Path(sys.argv[1])))
while True:
    ledger.append(Path(sys.argv[1]), {"n": n, "text": "雨" * 5000})
    print(n, flush=True)
    n += 1
"""


def test_killed_at_any_moment_it_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    path, last = tmp_path / "a.jsonl", -1
    for kill in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITING, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            for _ in range(5 + kill):
                last = int(writer.stdout.readline())
            writer.kill()
        if kill == 1:  # as if it had come in the midst of writing
            path.write_bytes(path.read_bytes() + b'{"n": 99, "te')
        found = [record["n"] for record in ledger.read(path)]
        assert found == list(range(len(found)))
        assert len(found) > last
