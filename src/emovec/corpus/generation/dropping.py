"""Texts taken back: out of the files at once, and asked for anew by the next run."""

import json
from collections.abc import Mapping
from pathlib import Path

from emovec.corpus.generation.answers import Answer, AnswerFile, read_answers
from emovec.corpus.generation.prompts import KINDS
from emovec.files import write_bytes
from emovec.lock import locked

DROPPED = "dropped.jsonl"
"""The list of dropped texts: one line each, `{"id", "reason"}`."""


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
            with AnswerFile(folder) as file:
                file.add(Answer("", 0, "dropped", texts=new))
        kept = read_answers(folder)
        gone = {text for text, _ in kept.dropped if text not in kept.texts}
        for path in sorted(path for kind in KINDS for path in folder.glob(f"{kind}.*.jsonl")):
            _take_out(path, gone)
        listed = [json.dumps({"id": text, "reason": why}, ensure_ascii=False) + "\n" for text, why in kept.dropped]
        write_bytes(folder / DROPPED, "".join(listed).encode())
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
