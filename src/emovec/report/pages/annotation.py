"""The page of labels given blind: agreement, confusions, and texts that were taken for another emotion."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from emovec.corpus.annotation.agreement import ALL, Agreement
from emovec.corpus.annotation.answers import NONE
from emovec.corpus.annotation.results import PAGE, LabelResults, failed_sentence
from emovec.corpus.story import Story
from emovec.files import write_bytes
from emovec.report.charts import Chart, HeatMap, Selector
from emovec.report.pages.html import fill_with_figures
from emovec.report.style import language_name, number

EXAMPLES = 40
"""Texts shown, at most."""
PAIRS = 15
"""Confused pairs shown for each annotator."""


@dataclass(frozen=True)
class Example:
    """A text that was labelled otherwise than intended: its labels as (annotator, label) in their order."""

    story: Story
    labels: list[tuple[str, str]]


def render(
    title: str, labels: pd.DataFrame, found: Agreement, stories: Sequence[Story], options: Sequence[str], failed: str
) -> str:
    """The page's HTML, which needs nothing else.

    Args:
        title: names the corpus.
        labels: from `emovec.corpus.annotation.answers.label_table`.
        found: from `emovec.corpus.annotation.agreement.agreement`.
        stories: the corpus.
        options: the emotions to choose from.
        failed: what became of texts without a usable answer; may be empty.
    """
    chosen = examples(labels, stories)
    return fill_with_figures(
        "labels.html.j2",
        title=title,
        finding=finding(found),
        failed=failed,
        accuracy=accuracy_rows(found),
        recall=recall_rows(found),
        pairs=pair_rows(found),
        together=together_rows(found),
        confused=confused_rows(found),
        chart=confusion_map(found, options),
        examples=chosen,
        n_wrong=labels.loc[labels["label"] != labels["emotion"], "id"].nunique(),
    )


def finding(found: Agreement) -> str:
    """The accuracy of each annotator over all languages, in a sentence."""
    first = found.accuracy.drop_duplicates("by")
    said = [
        f"{r['by']} finds the intended emotion in {r['accuracy']:.0%} of {r['n']} texts "
        f"(95 % interval {r['low']:.0%} to {r['high']:.0%}; chance {r['chance']:.1%})"
        for r in first.to_dict("records")
    ]
    return "; ".join(said) + "."


def accuracy_rows(found: Agreement) -> pd.DataFrame:
    """The table of accuracies as readers see it."""
    rows = found.accuracy
    shown = pd.DataFrame(
        {
            "annotator": rows["by"],
            "language": rows["language"].map(_language),
            "texts": rows["n"],
            "accuracy": [_share(r["accuracy"], r["low"], r["high"]) for r in rows.to_dict("records")],
            "chance": rows["chance"].map(_percent),
            "top 3": rows["top3"].map(_percent),
            "none": rows["none"].map(_percent),
            "kappa": rows["kappa"].map(number),
            "first shown": rows["first"].map(_percent),
        }
    )
    return shown.drop(columns=[name for name in ("top 3", "first shown") if (shown[name] == "–").all()])


def recall_rows(found: Agreement) -> pd.DataFrame:
    """Share of each emotion's texts that were given it, lowest mean first, a column for each annotator and language."""
    rows = found.recall
    shown = rows[rows["language"] != ALL] if (rows["language"] != ALL).any() else rows
    names = shown["by"] + ", " + shown["language"].map(_language)
    cells = [f"{r['recall']:.0%} of {r['n']}" for r in shown.to_dict("records")]
    wide = shown.assign(name=names, cell=cells).pivot(index="emotion", columns="name", values="cell").fillna("–")
    order = shown.groupby("emotion")["recall"].mean().sort_values(kind="stable").index
    return wide.reindex(index=order, columns=list(dict.fromkeys(names))).reset_index()


def pair_rows(found: Agreement) -> pd.DataFrame:
    """The agreement of every two annotators as readers see it."""
    rows = found.pairs
    return pd.DataFrame(
        {
            "annotators": rows["by_a"] + " and " + rows["by_b"],
            "language": rows["language"].map(_language),
            "texts": rows["n"],
            "same label": rows["agreement"].map(_percent),
            "Cohen's kappa": [
                f"{number(r['kappa'])} [{number(r['low'])}, {number(r['high'])}]" for r in rows.to_dict("records")
            ],
        }
    )


def together_rows(found: Agreement) -> pd.DataFrame:
    """The agreement of all annotators as readers see it."""
    rows = found.together
    return pd.DataFrame(
        {
            "language": rows["language"].map(_language),
            "annotators": rows["annotators"],
            "texts that all labelled": rows["n"],
            "Fleiss's kappa": rows["fleiss"].map(number),
            "Krippendorff's alpha": rows["alpha"].map(number),
        }
    )


def confused_rows(found: Agreement, most: int = PAIRS) -> pd.DataFrame:
    """The pairs that each annotator confuses most, over all languages, as readers see them."""
    views = found.accuracy.drop_duplicates("by")[["by", "language"]]
    rows = found.confused_pairs.merge(views, on=["by", "language"]).groupby("by", sort=False).head(most)
    return pd.DataFrame(
        {
            "annotator": rows["by"],
            "emotions": rows["emotion_a"] + " – " + rows["emotion_b"],
            "texts": rows["count"],
            "share": rows["rate"].map(_percent),
        }
    )


def confusion_map(found: Agreement, options: Sequence[str]) -> Chart:
    """A heat map of intended emotion by label, for each annotator and language."""
    counts = found.confusion
    emotions = confusion_order(counts, options)
    given = set(counts["label"]) - {*emotions, NONE}
    columns = [*emotions, *(option for option in options if option in given), NONE]
    annotators, languages = (list(dict.fromkeys(found.accuracy[column])) for column in ("by", "language"))
    grouped: dict[Any, pd.DataFrame] = dict(list(counts.groupby(["by", "language"])))
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for by in annotators:
        for language in languages:
            rows = grouped.get((by, language))
            if rows is None:
                frames[by, language] = []
                continue
            shares = _shares(rows, emotions, columns)
            title = f"{by}, {_language(language)}"
            frames[by, language] = [
                HeatMap(title, shares, emotions, columns, "intended", "label given", "share", (0, 1), "sequential")
            ]
    selectors = (
        Selector("annotator", annotators, annotators[0]),
        Selector("language", languages, languages[0], names=[_language(language) for language in languages]),
    )
    caption = "Share of the texts of each intended emotion (row) that were given each label (column)"
    return Chart("confusion", caption, selectors, frames, height=max(420, 200 + 17 * len(emotions)))


def confusion_order(counts: pd.DataFrame, options: Sequence[str]) -> list[str]:
    """Emotions in an order that puts those close together that are often confused, by all annotators."""
    known = set(counts["emotion"])
    emotions = [option for option in options if option in known]
    if len(emotions) < 3:
        return emotions
    pooled = counts.groupby(["emotion", "label"])["count"].sum().reset_index()
    shares = np.nan_to_num(_shares(pooled, emotions, emotions))
    apart = 1 - (shares + shares.T) / 2
    np.fill_diagonal(apart, 0)
    leaves = leaves_list(linkage(squareform(apart, checks=False), "average", optimal_ordering=True))
    return [emotions[i] for i in leaves]


def examples(labels: pd.DataFrame, stories: Sequence[Story], most: int = EXAMPLES) -> list[Example]:
    """Texts labelled otherwise than intended: those that most annotators missed first, one of each emotion in turn."""
    wrong = labels.assign(wrong=labels["label"] != labels["emotion"]).groupby("id", sort=False)["wrong"].sum()
    known = {story.id: story for story in stories}
    missed = sorted((i for i in wrong.index if wrong[i]), key=lambda i: -wrong[i])
    turns: dict[tuple[int, str], int] = {}
    ranked: list[tuple[int, int, str]] = []
    for name in missed:
        cell = int(wrong[name]), known[name].emotion
        turns[cell] = turns.get(cell, 0) + 1
        ranked.append((-cell[0], turns[cell], name))
    shown = [name for *_, name in sorted(ranked, key=lambda row: row[:2])[:most]]
    given: dict[Any, pd.DataFrame] = dict(list(labels[labels["id"].isin(shown)].groupby("id")))
    return [
        Example(known[name], [*zip(given[name]["by"], given[name].apply(_said, axis=1), strict=True)]) for name in shown
    ]


def _said(row: "pd.Series[Any]") -> str:
    return ", ".join(str(row[column]) for column in ("label", "second", "third") if pd.notna(row[column]))


def _shares(counts: pd.DataFrame, rows: Sequence[str], columns: Sequence[str]) -> NDArray[np.float64]:
    """[intended, label] shares of each row; NaN where an emotion has no labelled text."""
    wide = counts.pivot_table(index="emotion", columns="label", values="count", aggfunc="sum", fill_value=0)
    total = wide.sum(axis=1).reindex(list(rows)).to_numpy(dtype=float)
    table = wide.reindex(index=list(rows), columns=list(columns), fill_value=0).to_numpy(dtype=float)
    return table / total[:, None]


def _language(code: str) -> str:
    return "all" if code == ALL else language_name(code)


def _percent(value: Any) -> str:
    return f"{float(value):.1%}" if pd.notna(value) else "–"


def _share(value: float, low: float, high: float) -> str:
    return f"{value:.1%} [{low:.1%},\u00a0{high:.1%}]"


def write_labels(
    results: LabelResults, stories: Sequence[Story], options: Sequence[str], folder: Path, title: str
) -> Path:
    """Write `labels.parquet` and `labels.jsonl`, a Parquet file for each table of agreement, and the page.

    Returns:
        The page.

    Raises:
        EmovecError: if they can't be written.
    """
    write_bytes(folder / "labels.parquet", results.labels.to_parquet(index=False))
    lines = results.labels.to_json(orient="records", lines=True, force_ascii=False)
    write_bytes(folder / "labels.jsonl", lines.encode())
    for name, table in results.agreement.tables().items():
        write_bytes(folder / f"{name}.parquet", table.to_parquet(index=False))
    page = render(title, results.labels, results.agreement, stories, options, failed_sentence(results.failed))
    write_bytes(folder / PAGE, page.encode(errors="surrogateescape"))
    return folder / PAGE
