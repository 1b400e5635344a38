"""What is said and drawn of a transfer from one study to another."""

from pathlib import Path
from typing import Any

import pandas as pd

from emovec.files import write_bytes, write_json
from emovec.report.charts import Chart, Curve, Lines
from emovec.report.style import GREY, LAYER_AXIS, colour, language_name, marker, pair_name, percent
from emovec.study.transfer import Transfer

SHOWN = "standardised"


def rows_shown(transfer: Transfer) -> list[dict[str, Any]]:
    """For each source and target language, at the source's layer: the accuracy, and what words and embeddings reach.

    Keys: source_language, target_language, accuracy, low, high, top3, chance, n_stories; words and embeddings are
    accuracies, or None where there are none.
    """
    table = transfer.table
    rows = table[(table["features"] == "activations") & (table["layer"] == transfer.layer)]
    found: list[dict[str, Any]] = []
    for row in rows[rows["variant"] == SHOWN].to_dict("records"):
        pair = (table["source_language"] == row["source_language"]) & (
            table["target_language"] == row["target_language"]
        )
        words = table[pair & table["features"].isin(["word", "character"])]["accuracy"]
        embedded = table[pair & (table["features"] == "embeddings")]["accuracy"]
        found.append(
            {str(key): value for key, value in row.items()}
            | {"words": _largest(words), "embeddings": _largest(embedded)}
        )
    return found


def sentence(transfer: Transfer) -> str:
    """The finding in one sentence."""
    rows = rows_shown(transfer)
    parts: list[str] = []
    for source in dict.fromkeys(row["source_language"] for row in rows):
        named: list[str] = []
        for row in (row for row in rows if row["source_language"] == source):
            beside = [
                f"; {name} {percent(row[key])}"
                for key, name in (("words", "words alone"), ("embeddings", "averaged embeddings"))
                if row[key] is not None
            ]
            named.append(
                f"{percent(row['accuracy'])} of the {language_name(row['target_language'])} stories of "
                f"{transfer.target} right (95 % interval {percent(row['low'])} to {percent(row['high'])}"
                f"{''.join(beside)})"
            )
        parts.append(f"the centroids of its {language_name(source)} stories name {' and '.join(named)}")
    return (
        f"At layer {transfer.layer} of {transfer.source}, chosen on its own stories, {', '.join(parts)}; "
        f"guessing would name {percent(rows[0]['chance'])}."
    )


def chart(transfer: Transfer) -> Chart:
    """Accuracy by layer for each source and target language, with what words and averaged embeddings reach."""
    table = transfer.table
    layers = sorted(int(layer) for layer in table["layer"].dropna().unique())
    ours, theirs = (list(dict.fromkeys(table[f"{side}_language"])) for side in ("source", "target"))
    panels: list[Lines] = []
    for target in theirs:
        curves: list[Curve] = []
        for i, source in enumerate(ours):
            rows = table[(table["source_language"] == source) & (table["target_language"] == target)]
            read = rows[(rows["features"] == "activations") & (rows["variant"] == SHOWN)].sort_values("layer")
            if read.empty:
                continue
            name = pair_name(source, target, " → ")
            at = [int(layer) for layer in read["layer"]]
            curves.append(
                Curve(f"95 % interval, {name}", at, read["low"].tolist(), colour(i), upper=read["high"].tolist())
            )
            curves.append(Curve(name, at, read["accuracy"].tolist(), colour(i), marker=marker(i)))
            for features, label in ((["word", "character"], "words alone"), (["embeddings"], "averaged embeddings")):
                best = _largest(rows[rows["features"].isin(features)]["accuracy"])
                if best is not None:
                    dash = "dashdot" if label == "words alone" else "dash"
                    ends = [layers[0], layers[-1]]
                    curves.append(Curve(f"{label}, {name}", ends, [best] * 2, colour(i), dash=dash))
        even = [float(table["chance"].iloc[0])] * 2
        curves.append(Curve("chance", [layers[0], layers[-1]], even, GREY, dash="dot"))
        title = f"{transfer.source} → {transfer.target}, {language_name(target)} stories"
        panels.append(Lines(title, LAYER_AXIS, "accuracy (mean over emotions)", curves, (0, 1.03), transfer.layer))
    return Chart("transfer", "Stories of one study named by the centroids of another, by layer", (), {(): panels})


def _largest(values: pd.Series) -> float | None:
    return None if values.empty else float(values.max())


def write_transfer(transfer: Transfer) -> list[Path]:
    """Write `transfer.parquet`, `transfer.json` and the figure into the transfer's folder."""
    from emovec.report.draw.matplotlib_paper import write_figures

    transfer.folder.mkdir(parents=True, exist_ok=True)
    write_bytes(transfer.folder / "transfer.parquet", transfer.table.to_parquet(index=False))
    write_json(transfer.folder / "transfer.json", transfer.summary)
    figures = write_figures([chart(transfer)], transfer.folder)
    return [transfer.folder / "transfer.parquet", transfer.folder / "transfer.json", *figures]
