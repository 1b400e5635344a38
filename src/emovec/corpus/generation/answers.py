"""The answers of a model, kept one by one as they come, so that none is ever asked for twice."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from emovec import ledger

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
    for answer in _answers(Path(folder) / ANSWERS):
        if answer.status == "dropped":
            for text, reason in answer.texts.items():
                kept.dropped.append((text, reason or answer.reason))
                kept.texts.pop(text, None)
                kept.attempts.pop(source.get(text, ""), None)
            continue
        kept.add(answer)
        source.update(dict.fromkeys(answer.texts, answer.request))
    return kept


def keep_answer(folder: str | Path, answer: Answer) -> None:
    """Append an answer to those in a folder; errors as in `ledger.append`."""
    record = {key: value for key, value in asdict(answer).items() if value or key in {"request", "attempt"}}
    ledger.append(Path(folder) / ANSWERS, record)


def _answers(path: Path) -> Iterator[Answer]:
    known = Answer.__dataclass_fields__
    for record in ledger.read(path):
        try:
            yield Answer(**{key: value for key, value in record.items() if key in known})
        except TypeError:
            continue
