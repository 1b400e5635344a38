"""The answers of a model, kept one by one as they come, so that none is ever asked for twice."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from emovec.errors import EmovecError
from emovec.files import disk_error

ANSWERS = "answers.jsonl"
"""The file of the answers within the folder of the texts."""

Status = Literal["ok", "refusal", "truncated", "malformed", "error", "dropped"]


@dataclass(frozen=True)
class Answer:
    """One answer to one request.

    Attributes:
        request: the id of the request.
        attempt: the how manieth answer to it, from 1.
        status: `ok` gave every text that was asked for; the others may have given some. `error` is no answer at all,
            and counts as no attempt; `dropped` is no answer either, but takes texts of earlier ones back.
        reason: what was wrong, in a few words that equal cases share.
        texts: the usable texts by their ids; for `dropped` the reasons instead.
        model: that gave it.
        usage: tokens, as the provider counts them.
        answer: what the model said, where it wasn't `ok`.
    """

    request: str
    attempt: int
    status: Status
    reason: str = ""
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    model: str = ""
    usage: Mapping[str, int] = field(default_factory=dict[str, int])
    answer: str = ""


@dataclass(frozen=True)
class Kept:
    """What all answers so far come to.

    Attributes:
        answers: in the order they came, without those that were no answer.
        texts: the usable texts by their ids.
        asked: how often each request was answered.
        attempts: the same, since the last of its texts was dropped.
        dropped: every text that was ever taken back, in order, and why.
    """

    answers: list[Answer]
    texts: dict[str, str]
    asked: Counter[str]
    attempts: Counter[str]
    dropped: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def add(self, answer: Answer) -> None:
        """Count one more answer."""
        self.answers.append(answer)
        for identifier, text in answer.texts.items():
            self.texts.setdefault(identifier, text)
        if answer.status != "error":
            self.asked[answer.request] += 1
            self.attempts[answer.request] += 1


def read_answers(folder: str | Path) -> Kept:
    """Read the answers in a folder; a line that a kill cut short is as if it had never been written."""
    kept = Kept([], {}, Counter(), Counter())
    source: dict[str, str] = {}
    for answer in _lines(Path(folder) / ANSWERS):
        if answer.status == "dropped":
            for text, reason in answer.texts.items():
                kept.dropped.append((text, reason or answer.reason))
                kept.texts.pop(text, None)
                kept.attempts.pop(source.get(text, ""), None)
            continue
        kept.add(answer)
        source.update(dict.fromkeys(answer.texts, answer.request))
    return kept


class AnswerFile:
    """The open file of answers: what `add` has returned from is on the disk."""

    def __init__(self, folder: str | Path):
        """Open the file, and make it where there is none.

        Raises:
            EmovecError: if it can't be written to.
        """
        self.path = Path(folder) / ANSWERS
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b")
            if self._file.tell():
                self._file.seek(-1, os.SEEK_END)
                if self._file.read(1) != b"\n":  # cut short by a kill
                    self._file.write(b"\n")
        except OSError as error:
            raise disk_error(self.path, error) from error

    def add(self, answer: Answer) -> None:
        """Keep an answer.

        Raises:
            EmovecError: if the disk is full.
        """
        record = {key: value for key, value in asdict(answer).items() if value or key in {"request", "attempt"}}
        # One write: a full disk leaves at most one broken line, which reading passes over.
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise disk_error(self.path, error) from error

    def __enter__(self) -> "AnswerFile":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # of a full disk, which `add` has told
            self._file.close()


def _lines(path: Path) -> Iterator[Answer]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    except OSError as error:
        raise EmovecError(f"{path}: can't be read ({error.strerror}).") from error
    known = Answer.__dataclass_fields__
    with file:
        for line in file:
            try:
                record: dict[str, Any] = json.loads(line)
                yield Answer(**{key: value for key, value in record.items() if key in known})
            except (ValueError, TypeError, AttributeError, RecursionError):
                continue
