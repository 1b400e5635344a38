"""The report's section on numbers that raise or lower an emotion."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from emovec.report.charts import Chart, Control, Curve, Lines, Listing
from emovec.report.section_plan import Plan
from emovec.report.sections.implicit import language_pairs, pair_curves, pair_label, shown_layer
from emovec.report.selectors import among, variants
from emovec.report.style import GREY, LAYER_AXIS, number, p_value, sentences
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_READINGS = {"mean": "mean over the text", "last": "last token"}


def finding(study: StudyTables) -> str:
    """Whether the vectors follow the number beyond both controls, and the mean signed correlation with its interval."""
    table = study.tables["intensity"]
    layer = shown_layer(study, "intensity")
    rows = table[(table["variant"] == variants(table)[-1]) & (table["layer"] == layer) & (table["reading"] == "mean")]
    pairs = language_pairs(study, rows)
    expected = {
        (row["vector_language"], row["text_language"]): row
        for row in rows[rows["statistic"] == "expected"].to_dict("records")
    }
    reliable = [
        pair
        for pair in pairs
        if (own := expected[pair])["low"] > 0 and own["p"] < ALPHA / len(pairs) and own["p_emotions"] < ALPHA
    ]
    verdict = (
        f"the vectors follow it beyond both controls ({', '.join(pair_label(*pair) for pair in reliable)})"
        if reliable
        else "in no language do the vectors reliably follow it"
    )
    within = [pair for pair in pairs if pair[0] == pair[1]]
    shown = list(dict.fromkeys([*(within or pairs), *reliable]))
    values = ", ".join(f"{_told(expected[pair])} {pair_label(*pair)}" for pair in shown)
    return sentences(
        [
            f"where a number in a sentence should raise or lower an emotion, {verdict}: at layer {layer} the mean "
            f"rank correlation of number and activation is {values}"
        ]
    )


def _told(row: dict[Any, Any]) -> str:
    """The correlation under the expected sign, its interval, and p beside the harder of the two controls."""
    interval = f"{number(row['low'])} to {number(row['high'])}"
    return f"{number(row['value'])} ({interval}, {p_value(max(row['p'], row['p_emotions']))})"


def by_layer(study: StudyTables) -> Chart | None:
    """The mean signed correlation by layer, and that of all other emotions."""
    table = study.tables.get("intensity")
    if table is None:
        return None
    pairs = language_pairs(study, table)
    readings = among(_READINGS, table["reading"])
    limit = 1.1 * float(table["value"].abs().max()) + 0.05
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for reading in readings:
        panels: list[Lines] = []
        for variant in variants(table):
            rows = table[(table["variant"] == variant) & (table["reading"] == reading)]
            curves = pair_curves(rows[rows["statistic"] == "expected"], pairs, "p_familywise")
            others = rows[rows["statistic"] == "others"].groupby("layer")["value"].mean()
            layers = [int(layer) for layer in others.index]
            curves.append(Curve("all other emotions", layers, others.tolist(), GREY, "dot"))
            label = "mean signed Spearman ρ"
            mark = shown_layer(study, "intensity")
            panels.append(Lines(f"{variant} vectors", LAYER_AXIS, label, curves, (-limit, limit), mark))
        frames[(reading,)] = panels
    control = Control("read at", readings, readings[0], names=[_READINGS[name] for name in readings], in_paper=False)
    caption = "Does the activation follow the number? By layer (filled: family-wise p < 0.05)"
    return Chart("intensity", caption, (control,), frames)


def listing(study: StudyTables) -> Listing | None:
    """Each template, and the correlation of each emotion that should move."""
    table = study.tables.get("intensity_templates")
    if table is None or "intensity" not in study.tables:
        return None
    layer = shown_layer(study, "intensity")
    table = table[(table["reading"] == "mean") & (table["variant"] == variants(table)[-1]) & (table["layer"] == layer)]
    pairs = language_pairs(study, table)
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for vector, text in pairs:
        rows = table[(table["vector_language"] == vector) & (table["text_language"] == text)]
        frames[(f"{vector}+{text}",)] = [
            [str(own["text"].iloc[0]).replace("{number}", "…"), _moved(own, 1), _moved(own, -1)]
            for _, own in rows.groupby("id", sort=False)
        ]
    options = [f"{vector}+{text}" for vector, text in pairs]
    control = Control("languages", options, options[0], names=[pair_label(*pair) for pair in pairs])
    caption = f"Every template, at layer {layer}: rank correlation of the number with each emotion's activation"
    return Listing("intensity-templates", caption, (control,), ("template", "should rise", "should fall"), frames)


def _moved(rows: pd.DataFrame, sign: int) -> list[str]:
    own = rows[rows["sign"] == sign]
    return [f"{row.emotion} {number(row.rho)}" for row in own.itertuples()]


PLANS = (
    Plan(
        "intensity", "Numbers that raise or lower an emotion", ("intensity", "intensity_templates"),
        finding, (by_layer, listing),
        "Each template is one sentence with one number, read with several values that differ in nothing else. The rank "
        "correlation of the number with the activation along a vector counts positively where the emotion should rise "
        "and negatively where it should fall; a template has the mean over its emotions. Two controls: the sign of "
        "each template flipped at random (does the activation follow the number in the expected direction?), and the "
        "names of the emotions shuffled over the vectors (do these emotions, or would any?); the sentence tells the "
        "larger p.",
        "Larger numbers have more digits and tokens, which moves every vector a little; templates in which a larger "
        "number is good and such in which it is bad are mixed for that reason. A dozen templates are few, and whether "
        "more should mean more is their writer's judgement. The last token is often a full stop.",
    ),
)  # fmt: skip
