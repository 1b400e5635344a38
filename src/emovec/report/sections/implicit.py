"""The report's section on emotions that scenarios imply without naming them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from emovec.report.charts import Chart, Control, Curve, HeatMap, Lines, Listing, nearest_layer
from emovec.report.section_plan import Plan
from emovec.report.sections.maps import matrix
from emovec.report.selectors import among, variant_control, variants
from emovec.report.style import GREY, LAYER_AXIS, colour, language_name, marker, number, p_value, sentences
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_STATISTICS = {"top3": "among the first three", "first": "first", "mean_rank": "mean rank"}
_READINGS = {"mean": "mean over the text", "last": "last token"}
_FEW = 2
"""Pairs of languages up to which a sentence names each."""


def finding(study: StudyTables) -> str:
    """How often the implied emotion is among the first three, beside shuffled emotions and beside words alone."""
    table = study.tables["implicit"]
    layer = shown_layer(study, "implicit")
    variant = variants(table)[-1]
    rows = table[(table["variant"] == variant) & (table["layer"] == layer) & (table["reading"] == "mean")]
    records = rows[rows["statistic"] == "top3"].to_dict("records")
    within = [row for row in records if row["vector_language"] == row["text_language"]]
    across = [row for row in records if row["vector_language"] != row["text_language"]]
    opening = (
        f"of {rows.iloc[0]['n_emotions']} emotions, the vectors at layer {layer} put the one that a scenario implies "
        "without naming it among their first three for "
    )
    told = [
        f"{_percent(row, 'value')} of {row['n_scenarios']} {language_name(row['text_language'])} scenarios "
        f"({_interval(row)}; {_beside_words(study, variant, row['text_language'])})"
        for row in within
    ]
    if len(across) > _FEW:
        crossed = f"{_percent(min(across, key=_value), 'value')} to {_percent(max(across, key=_value), 'value')}"
    else:
        crossed = "; ".join(
            f"{pair_label(row['vector_language'], row['text_language'])} {_percent(row, 'value')} ({_interval(row)})"
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


def _value(row: dict[Any, Any]) -> float:
    return row["value"]


def _percent(row: dict[Any, Any], name: str) -> str:
    return f"{100 * row[name]:.0f} %"


def _interval(row: dict[Any, Any]) -> str:
    return f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %"


def _beside_words(study: StudyTables, variant: str, language: str) -> str:
    """What a count of the stories' words alone gives, and whether the vectors of the same language give more."""
    words = study.tables.get("implicit_words")
    for gap in study.summaries.get("implicit", {}).get("beyond_words", []):
        same = gap["text_language"] == gap["vector_language"] == language and gap["reading"] == "mean"
        if words is None or not same or gap["variant"] != variant:
            continue
        own = words[(words["text_language"] == language) & (words["statistic"] == "top3")]
        verdict = "less" if gap["low"] > 0 else "more" if gap["high"] < 0 else "no difference shown"
        return f"words alone {100 * own['value'].max():.0f} %, {verdict}"
    return "no comparison with words alone"


def by_layer(study: StudyTables) -> Chart | None:
    """How high the implied emotion ranks by layer, with what shuffled emotions and words alone give."""
    table = study.tables.get("implicit")
    if table is None:
        return None
    words = study.tables.get("implicit_words")
    names = variants(table)
    pairs = language_pairs(study, table)
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for statistic in _STATISTICS:
        for reading in among(_READINGS, table["reading"]):
            chosen = table[(table["statistic"] == statistic) & (table["reading"] == reading)]
            limits = (0.0, float(chosen["null"].max()) * 1.1) if statistic == "mean_rank" else (0.0, 1.03)
            panels: list[Lines] = []
            for variant in names:
                rows = chosen[chosen["variant"] == variant]
                curves = pair_curves(rows, pairs, "p_familywise")
                ends = [int(rows["layer"].min()), int(rows["layer"].max())]
                if words is not None:
                    for i, language in enumerate(dict.fromkeys(text for _, text in pairs)):
                        own = words[(words["statistic"] == statistic) & (words["text_language"] == language)]["value"]
                        if len(own):
                            best = float(own.min() if statistic == "mean_rank" else own.max())
                            label = f"words alone, {language_name(language)}"
                            curves.append(Curve(label, ends, [best] * 2, colour(i), "dashdot"))
                curves.append(Curve("shuffled emotions", ends, [float(rows["null"].mean())] * 2, GREY, "dot"))
                label = "mean rank (1 is first)" if statistic == "mean_rank" else f"share {_STATISTICS[statistic]}"
                mark = shown_layer(study, "implicit")
                panels.append(Lines(f"{variant} vectors", LAYER_AXIS, label, curves, limits, mark))
            frames[statistic, reading] = panels
    readings = among(_READINGS, table["reading"])
    controls = (
        Control("rank", list(_STATISTICS), "top3", names=list(_STATISTICS.values()), in_paper=False),
        Control("read at", readings, readings[0], names=[_READINGS[name] for name in readings], in_paper=False),
    )
    return Chart(
        "implicit", "How high the implied emotion ranks, by layer (filled: family-wise p < 0.05)", controls, frames
    )


def map_of_emotions(study: StudyTables) -> Chart | None:
    """Mean score of the scenarios of each emotion along each vector."""
    table = study.tables.get("implicit_emotions")
    if table is None:
        return None
    table = table[table["reading"] == "mean"]
    pairs = language_pairs(study, table)
    control = variant_control(table)
    layer = int(table["layer"].iloc[0])
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for variant in control.options:
        for vector, text in pairs:
            rows = table[
                (table["variant"] == variant) & (table["vector_language"] == vector) & (table["text_language"] == text)
            ]
            implied = among(study.emotions, rows["emotion"])
            columns = [*implied, *(name for name in among(study.emotions, rows["vector"]) if name not in implied)]
            values = matrix(rows, "emotion", "vector", "score", (implied, columns))
            limit = float(np.nanmax(np.abs(values))) or 1.0
            frames[variant, f"{vector}+{text}"] = [
                HeatMap(
                    f"{pair_label(vector, text)}, layer {layer}, {variant}", values, implied, columns,
                    "implied by the scenarios", "vector of", "score", (-limit, limit), "diverging",
                )
            ]  # fmt: skip
    options = [f"{vector}+{text}" for vector, text in pairs]
    languages = Control("languages", options, options[0], names=[pair_label(*pair) for pair in pairs])
    return Chart(
        "implicit-emotions",
        "Scenarios along every vector (scores less their mean over scenarios)",
        (control, languages),
        frames,
        height=460,
    )


def listing(study: StudyTables) -> Listing | None:
    """Each scenario, the place of the emotion that it implies, and the emotion that came first."""
    table = study.tables.get("implicit_scenarios")
    if table is None:
        return None
    table = table[(table["reading"] == "mean") & (table["variant"] == variants(table)[-1])]
    pairs = language_pairs(study, table)
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for vector, text in pairs:
        rows = table[(table["vector_language"] == vector) & (table["text_language"] == text)]
        frames[(f"{vector}+{text}",)] = [
            [row["emotion"], str(row["rank"]), row["first_ranked"], row["text"]] for row in rows.to_dict("records")
        ]
    options = [f"{vector}+{text}" for vector, text in pairs]
    control = Control("languages", options, options[0], names=[pair_label(*pair) for pair in pairs])
    caption = f"Every scenario, at layer {int(table['layer'].iloc[0])}"
    return Listing(
        "implicit-scenarios", caption, (control,), ("implied", "its rank", "ranked first", "scenario"), frames
    )


def shown_layer(study: StudyTables, experiment: str) -> int:
    """The layer that an experiment's sentences are about; it was not chosen on its texts."""
    layers = study.tables[experiment]["layer"].unique()
    return nearest_layer(layers, study.layer_of(experiment))


def language_pairs(study: StudyTables, table: pd.DataFrame) -> list[tuple[str, str]]:
    """(language of the vectors, of the texts): those alike first, then in the study's order."""
    found = list(table[["vector_language", "text_language"]].drop_duplicates().itertuples(index=False, name=None))
    place = {language: i for i, language in enumerate(study.languages)}
    return sorted(found, key=lambda pair: (pair[0] != pair[1], *(place.get(name, len(place)) for name in pair)))


def pair_label(vector: str, text: str) -> str:
    """Whose vectors read whose texts."""
    if vector == text:
        return f"within {language_name(text)}"
    return f"{language_name(vector)} vectors, {language_name(text)} texts"


def pair_curves(rows: pd.DataFrame, pairs: Sequence[tuple[str, str]], p: str) -> list[Curve]:
    """A curve of `value` over layers for each pair of languages, dashed across languages; filled where p < 0.05."""
    texts = list(dict.fromkeys(text for _, text in pairs))
    vectors = list(dict.fromkeys(vector for vector, _ in pairs))
    curves: list[Curve] = []
    for vector, text in pairs:
        own = rows[(rows["vector_language"] == vector) & (rows["text_language"] == text)].sort_values("layer")
        notes = [f"95 % {number(row['low'])} to {number(row['high'])}, {p_value(row[p])}" for _, row in own.iterrows()]
        curves.append(
            Curve(
                pair_label(vector, text), own["layer"].tolist(), own["value"].tolist(), colour(texts.index(text)),
                "solid" if vector == text else "dash", marker(vectors.index(vector)), (own[p] < ALPHA).tolist(), notes,
            )
        )  # fmt: skip
    return curves


PLANS = (
    Plan(
        "implicit", "Emotions that are implied, not named",
        ("implicit", "implicit_words", "implicit_scenarios", "implicit_emotions"),
        finding, (by_layer, map_of_emotions, listing),
        "The model reads short scenarios that never name the emotion they imply; each is scored by how far its "
        "residual stream lies along every emotion's vector, less the mean over scenarios, and the implied emotion's "
        "place among all emotions is taken. p comes from giving each emotion's scenarios to another, in the figure "
        "family-wise over layers; intervals are for other emotions, with as many scenarios each. “Words alone” ranks "
        "the emotions by the words (or characters) that the scenarios share with the study's stories, without a model.",
        "Where no gain over words alone is shown, the ranks within a language are no evidence that the vectors hold "
        "more than vocabulary; only the other language's vectors are free of that. Which emotion a scenario implies is "
        "its writer's judgement, near synonyms (sad, melancholy) take places from each other, and a dozen emotions are "
        "few: the intervals are wide.",
    ),
)  # fmt: skip
