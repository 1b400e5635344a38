"""What is made of labels: tables and a page beside the file of answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from emovec.corpus.annotation.agreement import Agreement, agreement
from emovec.corpus.annotation.answers import (
    FAILED,
    Answer,
    label_table,
    options_digest,
    read_answers,
    standing,
    text_digest,
)
from emovec.corpus.story import Story
from emovec.errors import EmovecError

ANSWERS = "answers.jsonl"
"""The file that keeps every answer as it comes, in the folder of the labels."""
PAGE = "labels.html"
"""The page of labels, in the same folder."""


@dataclass(frozen=True)
class LabelResults:
    """Labels and their agreement.

    Attributes:
        labels: from `label_table`.
        agreement: its tables.
        failed: a row for each judge and reason: by, status, reason, texts; texts without a usable answer alone.
        usage: by judge: tokens read and written, as far as the provider says.
    """

    labels: pd.DataFrame
    agreement: Agreement
    failed: pd.DataFrame
    usage: dict[str, tuple[int, int]]


def label_results(stories: Sequence[Story], options: Sequence[str], folder: Path, seed: int = 0) -> LabelResults:
    """Read the answers of a folder of labels and compare them.

    Args:
        stories: the corpus.
        options: the emotions to choose from.
        folder: where `ANSWERS` lies.
        seed: of bootstraps.

    Raises:
        EmovecError: if no text of the corpus has a label yet.
    """
    answers = read_answers(folder / ANSWERS)
    labels = label_table(stories, answers, options)
    if labels.empty:
        raise EmovecError(
            f"{folder / ANSWERS}: contains no label of these texts among these emotions yet; label some first."
        )
    texts = {text_digest(story) for story in stories}
    wanted = options_digest(options)
    asked = [a for a in answers if a.kind == "judge" and a.options == wanted and a.text in texts]
    usage: dict[str, tuple[int, int]] = {}
    for a in asked:
        read, written = usage.get(a.by, (0, 0))
        tokens = a.usage or {}
        usage[a.by] = read + tokens.get("input", 0), written + tokens.get("output", 0)
    return LabelResults(labels, agreement(labels, options, seed), _failed(asked), usage)


def require_own(folder: Path) -> None:
    """Refuse a folder whose files would be written over though no labels of ours lie in it.

    Raises:
        EmovecError: naming the first of them.
    """
    names = (*(f"labels.{ending}" for ending in ("parquet", "jsonl")), PAGE)
    names += tuple(f"{field.name}.parquet" for field in fields(Agreement))
    there = [folder / name for name in names if (folder / name).exists()]
    answers = folder / ANSWERS
    there += [answers] if answers.is_file() and answers.stat().st_size else []
    if there and not read_answers(answers):
        raise EmovecError(
            f"{there[0]}: is there without the answers that it was made of, and would be written over; give another "
            "`out`, or move it."
        )


def failed_sentence(failed: pd.DataFrame) -> str:
    """How many texts have no usable answer from whom, and why; empty where all have."""
    said: list[str] = []
    for by, rows in failed.groupby("by", sort=False):
        reasons = ", ".join(f"{row.reason} ({row.texts})" for row in rows.itertuples())
        said.append(f"{by} gave no usable answer about {int(rows['texts'].sum())} texts: {reasons}.")
    return " ".join(said)


def _failed(asked: Sequence[Answer]) -> pd.DataFrame:
    left = [a for a in standing(asked).values() if a.status in FAILED | {"error"}]
    counts = Counter((a.by, a.status, a.reason) for a in left)
    rows = [(*key, n) for key, n in counts.most_common()]
    return pd.DataFrame(rows, columns=["by", "status", "reason", "texts"])
