"""The files that hold the texts, the one of what went wrong, and texts taken back out of them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emovec import ledger
from emovec.corpus.generation.answers import ANSWERS, Answer, keep_answer, read_answers
from emovec.corpus.generation.prompts import KINDS
from emovec.corpus.generation.requests import Request
from emovec.errors import EmovecError
from emovec.files import write_bytes
from emovec.labels import NEUTRAL, file_name
from emovec.lock import locked

PROBLEMS = "problems.jsonl"
"""The file of the answers that were not as asked, with their reasons."""

DROPPED = "dropped.jsonl"
"""The list of dropped texts: one line each, `{"id", "reason"}`."""


def file_of(request: Request) -> str:
    """The name of the file that a request's texts go into."""
    return f"{request.kind}.{file_name(request.language)}.jsonl"


def require_own(folder: Path, requests: Iterable[Request]) -> None:
    """Refuse a folder without answers whose files would be written over: they are somebody else's.

    Raises:
        EmovecError: naming the first of them.
    """
    for name in (*dict.fromkeys(map(file_of, requests)), PROBLEMS, ANSWERS):
        # An interrupted start leaves an empty file of answers.
        if (folder / name).exists() and (name != ANSWERS or (folder / name).stat().st_size):
            raise EmovecError(
                f"{folder / name}: is there without the answers that it was made of, and would be written over; give "
                "another `out`, or move it."
            )


def write_texts(folder: str | Path, requests: Iterable[Request], texts: Mapping[str, str]) -> None:
    """Write `<kind>.<language>.jsonl` for each kind and language: the texts that are there, in the order of requests.

    Records have the fields of a story; dialogues and masked stories also `other`, the second emotion.

    Args:
        folder: where to.
        requests: as `ordered_requests` gives them.
        texts: by their ids.

    Raises:
        EmovecError: if they can't be written.
    """
    files: dict[str, list[str]] = {}
    for request in requests:
        lines = files.setdefault(file_of(request), [])
        for identifier in request.texts:
            if identifier in texts:
                record: dict[str, Any] = {
                    "id": identifier,
                    "language": request.language,
                    "emotion": request.emotion or NEUTRAL,
                    "topic": request.topic,
                    "text": texts[identifier],
                }
                record |= {"other": request.other} if request.other else {}
                lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    for name, lines in files.items():
        path = Path(folder) / name
        if lines:
            write_bytes(path, "".join(lines).encode())
        else:
            path.unlink(missing_ok=True)


def write_problems(folder: str | Path, answers: Iterable[Answer]) -> None:
    """Write the answers that were refused, cut off, malformed or missing; errors as in `write_texts`."""
    lines = [
        json.dumps(
            {
                "request": answer.request,
                "attempt": answer.attempt,
                "status": answer.status,
                "reason": answer.reason,
                "texts": len(answer.texts),
                "answer": answer.answer,
            },
            ensure_ascii=False,
        )
        for answer in answers
        if answer.status != "ok"
    ]
    path = Path(folder) / PROBLEMS
    if lines:
        write_bytes(path, ("\n".join(lines) + "\n").encode())
    else:
        path.unlink(missing_ok=True)


def drop_texts(folder: str | Path, reasons: Mapping[str, str]) -> Path:
    """Take texts out of the files of a folder, so that the next run of `generate` asks for others in their place.

    The answers come first, in one line: they are what counts, and they keep each text and its reason. A kill before the
    files were written leaves the texts in them until this, or `generate`, is called again.

    Args:
        folder: of the texts.
        reasons: why, by the ids of the texts; texts that aren't there, or were dropped before, are passed over.

    Returns:
        The list of all that was ever dropped, in the same folder.

    Raises:
        EmovecError: if the disk is full, or texts are being generated into the folder.
    """
    folder = Path(folder)
    with locked(folder):
        there = read_answers(folder).texts
        if new := {text: why for text, why in reasons.items() if text in there}:
            keep_answer(folder, Answer("", 0, "dropped", texts=new))
        kept = read_answers(folder)
        gone = {text for text, _ in kept.dropped if text not in kept.texts}
        for path in sorted(path for kind in KINDS for path in folder.glob(f"{kind}.*.jsonl")):
            _take_out(path, gone)
        ledger.rewrite(folder / DROPPED, ({"id": text, "reason": why} for text, why in kept.dropped))
    return folder / DROPPED


def _take_out(path: Path, gone: set[str]) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    stay = [line for line in lines if _id(line) not in gone]
    if not stay:
        path.unlink()
    elif len(stay) < len(lines):
        write_bytes(path, b"".join(stay))


def _id(line: bytes) -> str | None:
    try:
        return json.loads(line)["id"]
    except (ValueError, KeyError, TypeError, RecursionError):  # edited by hand: `generate` writes the file anew
        return None
