"""The report's section on which emotions are taken for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from emovec.report.charts import Chart, Control, HeatMap, Listing, nearest_layer
from emovec.report.section_plan import Plan
from emovec.report.sections.maps import matrix
from emovec.report.selectors import among, pairs
from emovec.report.style import chance, language_name, number, p_value, pair_name
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_METHODS = {"centroid": "nearest centroid", "logistic": "logistic regression"}
_LISTED = 15


def finding(study: StudyTables) -> str:
    """Accuracy of both decoders with its interval, and whether languages confuse the same pairs."""
    rows, layer = _at_layer(study.tables["methods"], study)
    method = among(reversed(_METHODS), rows["method"])[0]
    best = rows[rows["method"] == method].set_index(["train_language", "test_language"])
    cells: dict[Any, Any] = best.to_dict("index")
    within = [f"{_accuracy(cells[a, a])} in {language_name(a)}" for a in study.languages if (a, a) in cells]
    across = [
        f"{_accuracy(cells[a, b])} from {language_name(a)} to {language_name(b)}"
        for a in study.languages
        for b in study.languages
        if a != b and (a, b) in cells
    ]
    accuracies = ", ".join(within + across)
    sentence = (
        f"At layer {layer} {_METHODS[method]} names the emotion of stories on unseen topics with an accuracy of "
        f"{accuracies} (chance {chance(best['chance'].mean())})"
    )
    table = study.tables.get("confusion_agreement")
    if table is not None:
        agreement, _ = _at_layer(table, study)
        for a, b in pairs(study, agreement):
            own = agreement[(agreement["language_a"] == a) & (agreement["language_b"] == b)]
            tests = [
                f"r = {number(row['r'])}, {p_value(row['p'])} for {_METHODS[m]}"
                for m in among(_METHODS, own["method"])
                for _, row in own[own["method"] == m].iterrows()
            ]
            same = (own["p"] < ALPHA / len(own)).any()
            sentence += (
                f"; {language_name(a)} and {language_name(b)} {'tend to' if same else 'do not reliably'} confuse the "
                f"same pairs of emotions ({'; '.join(tests)})"
            )
    shared = _shared(study)
    if shared is not None and len(shared):
        told = [f"{row.emotion_a} and {row.emotion_b}" for row in shared.head(3).itertuples()]
        sentence += f"; most confused in every language: {', '.join(told)}"
    elif shared is not None and len(study.languages) > 1:
        sentence += "; no pair is confused in every language"
    return sentence + "."


def maps(study: StudyTables) -> Chart | None:
    """Share of each emotion's stories that are given each emotion."""
    table = study.tables.get("confusion")
    if table is None:
        return None
    table, layer = _at_layer(table, study)
    methods = among(_METHODS, table["method"])
    views = [
        (a, b)
        for a in study.languages
        for b in study.languages
        if ((table["train_language"] == a) & (table["test_language"] == b)).any()
    ]
    views.sort(key=lambda view: view[0] != view[1])
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for method in methods:
        for a, b in views:
            rows = table[(table["method"] == method) & (table["train_language"] == a) & (table["test_language"] == b)]
            order = _order(study, layer, a, sorted(set(rows["emotion"]) | set(rows["predicted"])))
            counts = np.nan_to_num(matrix(rows, "emotion", "predicted", "count", (order, order)))
            totals = counts.sum(axis=1, keepdims=True)
            rates = np.where(totals > 0, counts / np.where(totals > 0, totals, 1), np.nan)
            frames[method, f"{a}+{b}"] = [
                HeatMap(
                    f"{_view_name(a, b)}, layer {layer}, {_METHODS[method]}", rates, order, order,
                    "emotion of the story", "emotion named", "share of stories", (0, 1), "sequential",
                )
            ]  # fmt: skip
    options = [f"{a}+{b}" for a, b in views]
    controls = (
        Control("decoder", methods, methods[-1], names=[_METHODS[name] for name in methods]),
        Control("languages", options, options[0], names=[_view_name(a, b) for a, b in views]),
    )
    return Chart("confusion", "Which emotion is taken for which", controls, frames, height=690)


def listing(study: StudyTables) -> Listing | None:
    """The pairs that are confused in every language, and in each one."""
    table = study.tables.get("confused_pairs")
    if table is None:
        return None
    table, _ = _at_layer(table, study)
    languages = among(study.languages, table["language"])
    methods = among(_METHODS, table["method"])
    scopes = ["every", *languages] if len(languages) > 1 else languages
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for method in methods:
        wide = _wide(table[table["method"] == method], languages)
        for scope in scopes:
            rank = wide[languages].min(axis=1) if scope == "every" else wide[scope]
            kept = wide.assign(rank=rank)[rank > 0].sort_values(
                ["rank", "emotion_a", "emotion_b"], ascending=[False, True, True]
            )
            frames[method, scope] = [
                [f"{row['emotion_a']} – {row['emotion_b']}", *(_percent(row[name]) for name in languages)]
                for _, row in kept.head(_LISTED).iterrows()
            ] or [["none", *("" for _ in languages)]]
    names = ["every language" if scope == "every" else language_name(scope) for scope in scopes]
    controls = (
        Control("decoder", methods, methods[-1], names=[_METHODS[name] for name in methods]),
        Control("confused in", scopes, scopes[0], names=names),
    )
    columns = ("pair", *(language_name(name) for name in languages))
    caption = f"Pairs of emotions taken for each other, at most {_LISTED}: mean share of the two directions"
    return Listing("confused-pairs", caption, controls, columns, frames)


def _accuracy(row: dict[str, Any]) -> str:
    return f"{number(row['accuracy'])} ({number(row['low'])} to {number(row['high'])})"


def _percent(rate: float) -> str:
    return "–" if pd.isna(rate) else f"{100 * rate:.1f} %"


def _view_name(a: str, b: str) -> str:
    return f"within {language_name(a)}" if a == b else pair_name(a, b, " → ")


def _at_layer(table: pd.DataFrame, study: StudyTables) -> tuple[pd.DataFrame, int]:
    layer = nearest_layer(table["layer"].unique(), study.layer)
    return table[table["layer"] == layer], layer


def _wide(rows: pd.DataFrame, languages: Sequence[str]) -> pd.DataFrame:
    """Pairs with a column of rates for each language; a language that lacks one of the emotions has none."""
    wide = rows.pivot_table(index=["emotion_a", "emotion_b"], columns="language", values="rate", aggfunc="first")
    return wide.reindex(columns=list(languages)).reset_index()


def _shared(study: StudyTables) -> pd.DataFrame | None:
    """Pairs that every language confuses, by the mean rate over decoders in the language where it is lowest."""
    table = study.tables.get("confused_pairs")
    if table is None:
        return None
    table, _ = _at_layer(table, study)
    languages = among(study.languages, table["language"])
    if len(languages) < 2:
        return None
    means = table.groupby(["emotion_a", "emotion_b", "language"])["rate"].mean().reset_index()
    wide = _wide(means, languages)
    rank = wide[languages].min(axis=1, skipna=False)
    kept = wide.assign(rank=rank)[rank > 0]
    return kept.sort_values(["rank", "emotion_a", "emotion_b"], ascending=[False, True, True])


def _order(study: StudyTables, layer: int, language: str, emotions: Sequence[str]) -> list[str]:
    """The order of the hierarchical clustering, with emotions that it lacks at the end."""
    table = study.tables.get("order")
    wanted = among(study.emotions, emotions)
    if table is not None:
        rows = table[(table["layer"] == layer) & (table["language"] == language)]
        standardised = rows[rows["variant"] == "standardised"]
        found = (standardised if len(standardised) else rows).sort_values("position")
        wanted = among(found["emotion"].drop_duplicates(), emotions)
    return [*wanted, *sorted(set(emotions) - set(wanted))]


PLANS = (
    Plan(
        "confusion", "Which emotions are confused", ("methods", "confusion", "confused_pairs", "confusion_agreement"),
        finding, (maps, listing),
        "Each row shows what stories of one emotion, on topics held out of the training, were named; a bright diagonal "
        "is right. Emotions stand in the order of the hierarchical clustering, so that confusions within a family lie "
        "near the diagonal. Nearest centroid weighs all dimensions alike, logistic regression learns which ones tell "
        "emotions apart; intervals allow for stories on one topic being alike.",
        "Where decoding is nearly perfect few stories are confused at all, and which pairs these are rests on a few; "
        "stories written to the same plan in both languages are confused for the same reasons whatever the model "
        "represents. The layer is the one that decodes best, which makes accuracies a little too high.",
    ),
)  # fmt: skip
