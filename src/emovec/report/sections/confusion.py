"""The report's section on which emotions are taken for which."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from emovec.report.charts import Chart, HeatMap, Listing, Selector
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import FEW_LANGUAGES, chance, language_name, number, p_value, pair_name, percent
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_METHODS = {"centroid": "nearest centroid", "logistic": "logistic regression"}
_LISTED = 15


def finding(
    study: StudyTables,
    methods: Selection,
    confusion_agreement: Selection | None = None,
    confused_pairs: Selection | None = None,
) -> str:
    """Accuracy of both decoders with its interval, and whether languages confuse the same pairs."""
    here = methods.at_shown_layer()
    method = among(reversed(_METHODS), here["method"])[0]
    best = here.where(method=method)
    cells = {(row["train_language"], row["test_language"]): row for row in best.records()}
    order = sorted(cells, key=lambda pair: (pair[0] != pair[1], *map(study.languages.index, pair)))
    if len(study.languages) > FEW_LANGUAGES:
        order = [pair for pair in order if pair[0] == pair[1]]
    accuracies = [
        f"{_accuracy(cells[a, b])} "
        + (f"in {language_name(a)}" if a == b else f"from {language_name(a)} to {language_name(b)}")
        for a, b in order
    ]
    sentence = (
        f"At layer {here.layer} {_METHODS[method]} names the emotion of stories on unseen topics with an accuracy of "
        f"{', '.join(accuracies)} (chance {chance(best['chance'].mean())})"
    )
    which, pairs = confusion_agreement.at_shown_layer().most_and_least("r") if confusion_agreement else ("", [])
    alike: list[str] = []
    for a, b, own in pairs:
        tests = [
            f"r = {number(row['r'])}, {p_value(row['p'])} for {_METHODS[name]}"
            for name in among(_METHODS, own["method"])
            for row in own.where(method=name).records()
        ]
        same = (own["p"] < ALPHA / len(own)).any()
        alike.append(
            f"{language_name(a)} and {language_name(b)} {'tend to' if same else 'do not reliably'} confuse the "
            f"same pairs of emotions ({'; '.join(tests)})"
        )
    sentence = "; ".join([f"{sentence}. {which}{alike.pop(0)}" if which else sentence, *alike])
    if confused_pairs and len(study.languages) > 1:
        shared = _shared(confused_pairs.at_shown_layer())
        told = [f"{a} and {b}" for a, b in shared[:3]]
        sentence += (
            f"; most confused in every language, over all decoders: {', '.join(told)}"
            if told
            else "; no pair is confused in every language"
        )
    return sentence + "."


def maps(study: StudyTables, confusion: Selection, order: Selection | None = None) -> Chart:
    """Share of each emotion's stories that are given each emotion."""
    here = confusion.at_shown_layer()
    views = here.view_selector(("train_language", "test_language"), partial(pair_name, sign=" → "))
    selectors = (_decoder(here), views)
    names = dict(zip(views.options, views.labels, strict=True))
    frames: dict[tuple[str, ...], list[HeatMap]] = {}
    for key, rows in here.each(*selectors):
        emotions = _ordered(
            study, order, here.layer, rows.only("train_language"), {*rows["emotion"], *rows["predicted"]}
        )
        counts = np.nan_to_num(rows.matrix("emotion", "predicted", "count", (emotions, emotions)))
        totals = counts.sum(axis=1, keepdims=True)
        rates = np.where(totals > 0, counts / np.where(totals > 0, totals, 1), np.nan)
        title = f"{names[key[1]]}, layer {here.layer}, {_METHODS[key[0]]}"
        frames[key] = [
            HeatMap(
                title, rates, emotions, emotions, "emotion of the story", "emotion named", "share of stories", (0, 1),
                "sequential",
            )
        ]  # fmt: skip
    return Chart("confusion", "Which emotion is taken for which", selectors, frames, height=690)


def listing(study: StudyTables, confused_pairs: Selection) -> Listing:
    """The pairs that are confused in every language, and in each one."""
    here = confused_pairs.at_shown_layer()
    languages, decoder = here.languages, _decoder(here)
    scopes = ["every", *languages] if len(languages) > 1 else languages
    scope = Selector(
        "confused in", scopes, scopes[0],
        ["every language" if name == "every" else language_name(name) for name in scopes],
    )  # fmt: skip
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for (method,), rows in here.each(decoder):
        wide = _wide(rows.rows, languages)
        for name in scopes:
            ranked = _ranked(wide, wide.min(axis=1) if name == "every" else wide[name]).head(_LISTED)
            frames[method, name] = [
                [f"{a} – {b}", *(percent(rate, 1) for rate in rates)]
                for (a, b), rates in zip(ranked.index, ranked.to_numpy(), strict=True)
            ] or [["none", *("" for _ in languages)]]
    columns = ("pair", *(language_name(name) for name in languages))
    caption = f"Pairs of emotions confused most often (at most {_LISTED}): mean share over both directions"
    return Listing("confused-pairs", caption, (decoder, scope), columns, frames)


def _decoder(rows: Selection) -> Selector:
    last = among(_METHODS, rows["method"])[-1]
    return rows.selector("decoder", "method", [*_METHODS], _METHODS.__getitem__, initial=last)


def _accuracy(row: dict[Any, Any]) -> str:
    return f"{number(row['accuracy'])} ({number(row['low'])} to {number(row['high'])})"


def _wide(rows: pd.DataFrame, languages: list[str]) -> pd.DataFrame:
    """[(emotion_a, emotion_b), language]: rates; a language that lacks one of the emotions has none."""
    wide = rows.pivot_table(index=["emotion_a", "emotion_b"], columns="language", values="rate", aggfunc="first")
    return wide.reindex(columns=languages)


def _ranked(wide: pd.DataFrame, rank: pd.Series) -> pd.DataFrame:
    """The pairs that are confused at all, those with the highest rank first, then by name."""
    return wide.loc[rank[rank > 0].sort_index().sort_values(ascending=False, kind="stable").index]


def _shared(rows: Selection) -> list[tuple[str, str]]:
    """Pairs that every language confuses, by the mean rate over decoders in the language where it is lowest."""
    means = rows.rows.groupby(["emotion_a", "emotion_b", "language"])["rate"].mean().reset_index()
    wide = _wide(means, rows.languages)
    return list(_ranked(wide, wide.min(axis=1, skipna=False)).index)


def _ordered(study: StudyTables, order: Selection | None, layer: int, language: str, emotions: set[str]) -> list[str]:
    """The order of the hierarchical clustering, with emotions that it lacks at the end."""
    known = study.emotions
    if order and (rows := order.where(layer=layer, language=language)):
        known = [row["emotion"] for row in rows.variant().records("position")]
    return [*among(known, emotions), *sorted(emotions - set(known))]


SECTION = Section(
    place=120,
    anchor="confusion",
    title="Which emotions are confused",
    tables=("methods", "confusion", "confused_pairs", "confusion_agreement"),
    finding=finding,
    exhibits=(maps, listing),
    reading="Each row shows how the stories of one emotion, on topics held out of the training, were classified; "
    "the bright diagonal shows correct answers. Emotions are in the order of the hierarchical clustering, so "
    "confusions within a family are near the diagonal. Nearest centroid weighs all dimensions equally; logistic "
    "regression learns which ones distinguish emotions. Intervals allow for the similarity of stories on one topic.",
    misleading="If decoding is nearly perfect, few stories are confused, and the list of pairs depends on these "
    "few. Stories written to the same plan in both languages are confused for the same reasons, whatever the model "
    "represents. The layer is the one that decodes best, which makes accuracies a little too high.",
)
