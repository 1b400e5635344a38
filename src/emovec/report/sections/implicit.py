"""The report's section on emotions that scenarios imply without naming them."""

from typing import Any

import numpy as np

from emovec.report.charts import Chart, Curve, HeatMap, Lines, Listing, Selector
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import GREY, colour, language_name, marker, number, p_value, percent, sentences
from emovec.study.results import StudyTables

_STATISTICS = {"top3": "among the first three", "first": "first", "mean_rank": "mean rank"}
READINGS = {"mean": "mean over the text", "last": "last token"}
"""Where a text is read, and what a reader sees for it."""
_FEW = 2
"""Pairs of languages up to which a sentence names each."""


def finding(study: StudyTables, implicit: Selection, implicit_words: Selection | None = None) -> str:
    """How often the implied emotion is among the first three, beside shuffled emotions and beside words alone."""
    rows = implicit.shown().where(reading="mean", statistic="top3")
    records = rows.records()
    within = [row for row in records if row["vector_language"] == row["text_language"]]
    across = [row for row in records if row["vector_language"] != row["text_language"]]
    opening = (
        f"at layer {rows.layer} the vectors rank the emotion that a scenario implies without naming it among the first "
        f"three of {records[0]['n_emotions']} emotions for "
    )
    told = [
        f"{percent(row['value'])} of {row['n_scenarios']} {language_name(row['text_language'])} scenarios "
        f"({_interval(row)}; {_beside_words(study, implicit_words, row)})"
        for row in within
    ]
    if len(across) > _FEW:
        values = [row["value"] for row in across]
        crossed = f"{percent(min(values))} to {percent(max(values))}"
    else:
        crossed = "; ".join(
            f"{pair_label(row['vector_language'], row['text_language'])} {percent(row['value'])} ({_interval(row)})"
            for row in across
        )
    null = sorted({f"{100 * row['null']:.0f}" for row in records}, key=int)
    shuffled = f"shuffled emotions would give {' to '.join(dict.fromkeys((null[0], null[-1])))} %"
    return sentences(
        [
            opening + (" and ".join(told) or crossed),
            f"across languages: {crossed}" if told and crossed else "",
            f"{shuffled} (largest {p_value(max(row['p'] for row in records))})",
        ]
    )


def _interval(row: dict[Any, Any]) -> str:
    return f"{100 * row['low']:.0f} to {percent(row['high'])}"


def _beside_words(study: StudyTables, words: Selection | None, row: dict[Any, Any]) -> str:
    """What a count of the stories' words alone gives, and whether the vectors of the same language give more."""
    wanted = {name: row[name] for name in ("text_language", "vector_language", "variant", "reading")}
    for gap in study.summaries.get("implicit", {}).get("beyond_words", []):
        if words and wanted.items() <= gap.items():
            own = words.where(text_language=row["text_language"], statistic="top3")
            verdict = (
                "which is less" if gap["low"] > 0 else "which is more" if gap["high"] < 0 else "no difference shown"
            )
            return f"words alone {percent(own['value'].max())}, {verdict}"
    return "no comparison with words alone"


def by_layer(implicit: Selection, implicit_words: Selection | None = None) -> Chart:
    """How high the implied emotion ranks by layer, with what shuffled emotions and words alone give."""
    selectors = (
        implicit.selector("rank", "statistic", [*_STATISTICS], _STATISTICS.__getitem__, in_paper=False),
        implicit.selector("read at", "reading", [*READINGS], READINGS.__getitem__, in_paper=False),
    )
    frames: dict[tuple[str, ...], list[Lines]] = {}
    for key, own in implicit.each(*selectors):
        ranked = key[0] == "mean_rank"
        words = implicit_words.where(statistic=key[0]) if implicit_words else None
        limits = (0.0, float(own["null"].max()) * 1.1) if ranked else (0.0, 1.03)
        label = "mean rank (1 is first)" if ranked else f"share {_STATISTICS[key[0]]}"
        frames[key] = [
            rows.lines(f"{variant} vectors", label, _curves(rows, words, ranked), limits)
            for variant in own.variants
            if (rows := own.variant(variant))
        ]
    caption = "How high the implied emotion ranks, by layer (filled: family-wise p < 0.05)"
    return Chart("implicit", caption, selectors, frames)


def _curves(rows: Selection, words: Selection | None, ranked: bool) -> list[Curve]:
    curves = pair_curves(rows)
    for i, language in enumerate(_texts(rows)):
        if words and (own := words.where(text_language=language)):
            best = own["value"].min() if ranked else own["value"].max()
            curves.append(rows.level(best, f"words alone, {language_name(language)}", colour(i), "dashdot"))
    return [*curves, rows.level(rows["null"].mean(), "shuffled emotions", GREY, "dot")]


def map_of_emotions(study: StudyTables, implicit_emotions: Selection) -> Chart:
    """Mean score of the scenarios of each emotion along each vector."""
    table = implicit_emotions.where(reading="mean")
    selectors = (table.variant_selector(), reading_views(table))
    frames: dict[tuple[str, ...], list[HeatMap]] = {}
    for key, rows in table.each(*selectors):
        implied = among(study.emotions, rows["emotion"])
        columns = [*implied, *(name for name in among(study.emotions, rows["vector"]) if name not in implied)]
        values = rows.matrix("emotion", "vector", "score", (implied, columns))
        limit = float(np.nanmax(np.abs(values))) or 1.0
        pair = pair_label(rows.only("vector_language"), rows.only("text_language"))
        frames[key] = [
            HeatMap(
                f"{pair}, layer {rows.only('layer')}, {key[0]}", values, implied, columns, "implied by the scenarios",
                "vector of", "score", (-limit, limit), "diverging",
            )
        ]  # fmt: skip
    caption = "Scenarios along every vector (scores minus their mean over scenarios)"
    return Chart("implicit-emotions", caption, selectors, frames, height=460)


def listing(implicit_scenarios: Selection) -> Listing:
    """Each scenario, the place of the emotion that it implies, and the emotion that came first."""
    table = implicit_scenarios.where(reading="mean").variant()
    views = reading_views(table)
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {
        key: [[row["emotion"], str(row["rank"]), row["first_ranked"], row["text"]] for row in rows.records()]
        for key, rows in table.each(views)
    }
    caption, columns = (
        f"Every scenario, at layer {table.only('layer')}",
        ("implied", "its rank", "ranked first", "scenario"),
    )
    return Listing("implicit-scenarios", caption, (views,), columns, frames)


def reading_views(rows: Selection) -> Selector:
    """A choice between whose vectors read whose texts: those alike first, then in the study's order."""
    return rows.view_selector(("vector_language", "text_language"), pair_label, lambda text: pair_label(text, text))


def pair_label(vector: str, text: str) -> str:
    """Whose vectors read whose texts."""
    if vector == text:
        return f"within {language_name(text)}"
    return f"{language_name(vector)} vectors, {language_name(text)} texts"


def _texts(rows: Selection) -> list[str]:
    return list(dict.fromkeys(text for _, text in reading_views(rows).values))


def pair_curves(rows: Selection) -> list[Curve]:
    """A curve of `value` over layers for each pair of languages, dashed across languages; filled where p < 0.05."""
    views, texts = reading_views(rows), _texts(rows)
    vectors = list(dict.fromkeys(vector for vector, _ in views.values))

    def note(row: dict[Any, Any]) -> str:
        return f"95 % {number(row['low'])} to {number(row['high'])}, {p_value(row['p_familywise'])}"

    return [
        own.curve(
            "value", pair_label(vector, text), colour(texts.index(text)), "solid" if vector == text else "dash",
            marker(vectors.index(vector)), filled="p_familywise", note=note,
        )
        for (vector, text), (_, own) in zip(views.values, rows.each(views), strict=True)
    ]  # fmt: skip


SECTION = Section(
    place=510,
    anchor="implicit",
    title="Emotions that are implied, not named",
    tables=("implicit", "implicit_words", "implicit_scenarios", "implicit_emotions"),
    finding=finding,
    exhibits=(by_layer, map_of_emotions, listing),
    headline=True,
    reading="The model reads short scenarios that never name the emotion they imply. Each scenario gets a score for "
    "every emotion: how far its residual stream lies along that emotion's vector, minus the mean over scenarios. "
    "The figure shows the rank of the implied emotion among all emotions. p comes from assigning each emotion's "
    "scenarios to another emotion; in the figure it is family-wise over layers. Intervals are for other emotions, "
    "with as many scenarios each. “Words alone” ranks the emotions by the words (or characters) that the scenarios "
    "share with the study's stories, without a model.",
    misleading="If no gain over words alone is shown, the ranks within a language are no evidence that the vectors "
    "contain more than vocabulary. Only the other language's vectors avoid this problem. Which emotion a scenario "
    "implies is its writer's judgement. Near synonyms (sad, melancholy) compete for the same ranks, and a dozen "
    "emotions are few, so the intervals are wide.",
)
