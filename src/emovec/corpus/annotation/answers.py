"""Labels given to texts blind: what one answer is, and the file that keeps every answer as it comes."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from emovec import ledger
from emovec.corpus.story import Story

NONE = "none"
"""The label of a text that fits none of the emotions, or leaves it unclear."""

Status = Literal["ok", "malformed", "refusal", "truncated", "error", "skipped", "undone"]
FAILED: frozenset[str] = frozenset({"malformed", "refusal", "truncated"})
"""The statuses of answers that are no label and are asked for again."""

COLUMNS = ("id", "language", "emotion", "topic", "by", "kind", "label", "second", "third", "confidence", "position")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one annotator said of one text.

    Attributes:
        text: digest of the text and its language: labels belong to a text, whatever its id.
        by: a model as Inspect names it, or a person's name.
        kind: which of the two.
        options: digest of the emotions to choose from.
        top: how many were asked for.
        status: `ok`, or why there is no label.
        labels: emotions, the best first; `NONE` where none fits.
        confidence: 1 to 3, if given.
        position: the place of the first label among the options as they were shown, from 0; None for people.
        attempt: from 1.
        reason: what is wrong with the answer.
        said: a model's answer as it came.
        usage: tokens that it took, if the provider says.
    """

    text: str
    by: str
    kind: Literal["judge", "human"]
    options: str
    top: int
    status: Status
    labels: tuple[str, ...] = ()
    confidence: int | None = None
    position: int | None = None
    attempt: int = 1
    reason: str = ""
    said: str = ""
    usage: dict[str, int] | None = None


def text_digest(story: Story) -> str:
    """Tells texts apart without saying what they are about."""
    return hashlib.sha256(f"{story.language}\0{story.text}".encode()).hexdigest()[:24]


def options_digest(options: Iterable[str]) -> str:
    """The same for the same emotions in any order."""
    return hashlib.sha256("\0".join(sorted(options)).encode()).hexdigest()[:12]


def read_answers(path: Path) -> list[Answer]:
    """Every answer in its order; errors as in `ledger.read`."""
    return [answer for record in ledger.read(path) if (answer := _answer(record)) is not None]


def keep_answer(path: Path, answer: Answer) -> None:
    """Append an answer; errors as in `ledger.append`."""
    ledger.append(path, asdict(answer))


def standing(answers: Iterable[Answer]) -> dict[tuple[str, str], Answer]:
    """(by, text) → the answer that counts: the last one, but a failed one never replaces a label."""
    found: dict[tuple[str, str], Answer] = {}
    for answer in answers:
        key = answer.by, answer.text
        if answer.status not in FAILED | {"error"} or found.get(key, answer).status != "ok":
            found[key] = answer
    return found


def label_table(stories: Sequence[Story], answers: Iterable[Answer], options: Iterable[str]) -> pd.DataFrame:
    """A row for each story and annotator who labelled its text, by annotator in their order, with `COLUMNS`.

    Args:
        stories: the corpus; answers about other texts, or given among other options, don't count.
        answers: from the file that keeps them.
        options: the emotions to choose from.
    """
    wanted = options_digest(options)
    given = standing(answer for answer in answers if answer.options == wanted)
    digests = [text_digest(story) for story in stories]
    rows: list[tuple[Any, ...]] = []
    for by in dict.fromkeys(by for by, _ in given):
        for story, digest in zip(stories, digests, strict=True):
            answer = given.get((by, digest))
            if answer is None or answer.status != "ok":
                continue
            first, second, third = (*answer.labels, None, None, None)[:3]
            place = (story.id, story.language, story.emotion, story.topic)
            rows.append((*place, by, answer.kind, first, second, third, answer.confidence, answer.position))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"confidence": "Int64", "position": "Int64"})


def _answer(record: Mapping[str, Any]) -> Answer | None:
    try:
        known: dict[str, Any] = {field.name: record[field.name] for field in fields(Answer) if field.name in record}
        known["labels"] = tuple(known["labels"])
        answer = Answer(**known)
    except (TypeError, KeyError):
        return None
    return answer if answer.status in get_args(Status) else None
