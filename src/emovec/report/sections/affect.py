"""Human ratings of emotions, predicted for those left out of the fit."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pandas as pd

from emovec.languages.norms import DIMENSIONS
from emovec.report.charts import Chart, Curve, Points, Scatter
from emovec.report.confirmatory import RATED, caveat
from emovec.report.ratings import first_shown, source_selector
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import GREY, colour, language_name, marker, number, p_value, sentences
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_BANDS = 3
"""Languages whose intervals can be told apart in one frame."""
_POINTS = 30_000


def finding(study: StudyTables, affect: Selection) -> str:
    """Which scales are predicted in which languages beyond chance, with intervals, p-values and ceilings."""
    rows, where = first_shown(affect)
    parts: dict[bool, list[str]] = {True: [], False: []}
    for scale in among(DIMENSIONS, rows["scale"]):
        mine = rows.where(scale=scale)
        each: dict[bool, list[str]] = {True: [], False: []}
        for _, language, own in mine.each_language():
            row = own.records()[0]
            limit = caveat(study, scale, language)
            # A negative correlation is no prediction.
            each[row["r"] > 0 and row["p_familywise"] < ALPHA].append(
                f"r = {number(row['r'])} in {language_name(language)} (95 % interval {number(row['low'])} to "
                f"{number(row['high'])}, over all layers {p_value(row['p_familywise'])}{f'; {limit}' if limit else ''})"
            )
        ceiling = mine["ceiling"].max()
        name = scale if scale in RATED else f"{scale} (exploratory)"
        most = f" (the ratings allow at most {number(ceiling)})" if pd.notna(ceiling) else ""
        for beyond, found in each.items():
            if found:
                parts[beyond].append(f"{name} with {' and '.join(found)}{most}")
    said = [
        f"A regression that has not seen an emotion predicts how people rate it: {'; '.join(parts[True])}"
        if parts[True]
        else "For emotions that the regression has not seen, no human rating is predicted beyond chance",
        f"Not predicted beyond chance: {'; '.join(parts[False])}" if parts[False] else "",
    ]
    return sentences([f"{where}, {max(rows.values('n_emotions'))} emotions", *said])


def curves(affect: Selection) -> Chart:
    """Correlation of predicted with rated valence, arousal and dominance, by layer."""
    selectors = (affect.variant_selector(), source_selector(affect))
    frames = {
        key: [
            mine.lines(scale, "r of predicted and rated", _curves(mine), _limits(rows))
            for scale in among(DIMENSIONS, rows["scale"])
            if (mine := rows.where(scale=scale))
        ]
        for key, rows in affect.each(*selectors)
    }
    caption = "How well human ratings of left-out emotions are predicted, by layer"
    return Chart("affect", caption, selectors, frames)


def _limits(rows: Selection) -> tuple[float, float]:
    return max(-1.0, min(0.0, float(rows.rows[["r", "low", "null_95"]].min().min()))) - 0.03, 1.03


def _curves(rows: Selection) -> list[Curve]:
    def note(row: dict[Any, Any]) -> str:
        interval = f"{row['low']:.2f} to {row['high']:.2f}"
        return f"{interval}, p = {row['p']:.2g}, family-wise {row['p_familywise']:.2g}"

    found: list[Curve] = []
    for i, language, mine in rows.each_language():
        if len(rows.languages) <= _BANDS:
            found.append(mine.curve("low", f"95 % interval, {language_name(language)}", colour(i), upper="high"))
        label = f"{language_name(language)} (filled: family-wise p < 0.05)"
        found.append(mine.curve("r", label, colour(i), marker=marker(i), filled="p_familywise", note=note))
    null = rows.rows.groupby("layer")["null_95"].max()
    found.append(Curve("95 % of permutations lie below", null.index.tolist(), null.tolist(), GREY, "dot"))
    if rows["ceiling"].notna().any():
        found.append(rows.level(rows["ceiling"].max(), "maximum that the ratings allow", GREY, "dash"))
    return found


def circumplex(study: StudyTables, affect_predictions: Selection) -> Chart | None:
    """Emotions at their predicted valence and arousal, beside where people put them: a panel for each language."""
    table = affect_predictions
    if not {"valence", "arousal"} <= set(table["scale"]):
        return None
    variants, source = table.variant_selector(), source_selector(table)
    points = 2 * len(table.languages) * table["emotion"].nunique() * len(variants.options) * len(source.options)
    layers = table.layer_selector(_POINTS // points)
    frames, selectors = table.side_by_side([layers, variants, source], _panel)
    for key, (*others, last) in frames.items():
        # One legend for all panels of a frame stands beside the last.
        shown = key[3:] or table.languages
        frames[key] = [*others, replace(last, legend=_legend(study, shown))]
    caption = "Valence and arousal of emotions left out of the fit, and as people rate them"
    return Chart("circumplex", caption, selectors, frames, table.kept_note(layers), height=560)


def _panel(rows: Selection) -> Scatter:
    language = rows.only("language")
    wide = rows.rows.pivot_table(index="emotion", columns="scale", values=["rating", "prediction"])
    emotions = [str(emotion) for emotion in wide.index]
    groups = [
        Points(label, wide[kind, "valence"].tolist(), wide[kind, "arousal"].tolist(), texts, hue, sign)
        for (kind, texts), (label, hue, sign) in zip(
            (("rating", [""] * len(emotions)), ("prediction", emotions)), _legend(rows.study, [language]), strict=True
        )
    ]
    return Scatter(f"{language_name(language)}, layer {rows.only('layer')}", "valence", "arousal", groups)


def _legend(study: StudyTables, languages: Iterable[str]) -> list[tuple[str, str, str]]:
    """Label, colour and marker of what people rated, then of each language's predictions."""
    places = [(language_name(language), study.languages.index(language)) for language in languages]
    predicted = [(f"predicted, {name}", colour(place), marker(place)) for name, place in places]
    return [("rated by people", "#b0b0b0", "square"), *predicted]


SECTION = Section(
    place=350,
    anchor="affect",
    title="Human ratings predicted",
    tables=("affect", "affect_predictions"),
    finding=finding,
    exhibits=(curves, circumplex),
    headline=True,
    reading="Each emotion in turn is left out: a ridge regression of people's ratings on the other emotions' "
    "vectors then predicts its rating. The curves correlate these predictions with the ratings. At a filled point r "
    "is larger than in 95 % of permutations of the ratings at any layer. The dashed line is the r of a perfect "
    "prediction: the square root of how well two sources of ratings agree, if both are equally reliable. In the "
    "plane, grey squares are people's ratings. Predictions are closer together, because a regression shrinks "
    "towards the mean.",
    misleading="Chance is not 0: a regression that learns nothing predicts the mean of the other emotions, which "
    "correlates negatively with the rating left out. So compare with the dotted line of the permutations. With only "
    "about 25 emotions the intervals are wide, and a single word can change r: see what depends on a choice. "
    "Valence may be predictable from the stories' plots rather than from a concept of the emotion. The ratings are "
    "of English words, applied to other languages through the label.",
)
