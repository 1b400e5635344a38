"""The report's section on vectors that steer texts of another language."""

from typing import Any

import numpy as np
import pandas as pd

from emovec.report.charts import Chart, HeatMap
from emovec.report.section import Section
from emovec.report.sections.calibration import EFFECT, NO_CONTROL, coherent_strength, estimate, moves
from emovec.report.selection import Selection, among
from emovec.report.style import language_name, p_value
from emovec.study.results import StudyTables

_KINDS = {"effect": "emotion vectors", "control": "controls"}


def finding(study: StudyTables, calibration_cross: Selection, calibration_sweep: Selection | None = None) -> str:
    """What vectors of one language do to words of another, beside those of the language itself and controls."""
    strength = shared_strength(calibration_cross, calibration_sweep)
    rows = calibration_cross.at_shown_layer().where(strength=strength).records()
    told: dict[bool, list[str]] = {True: [], False: []}
    for row in rows:
        within = row["vector_language"] == row["language"]
        name = f"{language_name(row['vector_language'])} vectors in {language_name(row['language'])} texts"
        control = f", controls {estimate(row, 'control')}" if pd.notna(row.get("control")) else NO_CONTROL
        doubt = "" if moves(row) else ", no reliable effect"
        told[within].append(f"{name} {estimate(row)} nats ({p_value(row['p'])}{control}{doubt})")
    beside = "; ".join(_less_own(row) for row in rows if pd.notna(row.get("less_own")))
    moved = [moves(row) for row in rows if row["vector_language"] != row["language"]]
    verdict = "change" if all(moved) else "change some of" if any(moved) else "do not reliably change"
    return (
        f"At layer {study.layer_of('calibration_cross')} and strength {strength:g} the vectors of one language "
        f"{verdict} the words of the other: "
        f"{'; '.join(told[False])}. Within a language: {'; '.join(told[True])}."
        f"{f' On the same words and frames, {beside}.' if beside else ''}"
    )


def _less_own(row: dict[Any, Any]) -> str:
    """The effect of another language's vectors less that of the text's own, and what follows from its interval."""
    of, own = language_name(row["vector_language"]), language_name(row["language"])
    low, high = row["less_own_low"], row["less_own_high"]
    if low > 0 or high < 0:
        verdict = f"{of} vectors have {'more' if low > 0 else 'less'} effect"
    else:
        verdict = "no difference is shown, which doesn't mean that there is none"
    return (
        f"in {own} texts the effect of {of} vectors minus that of {own} ones is {estimate(row, 'less_own')}: {verdict}"
    )


def shared_strength(cross: Selection, sweep: Selection | None) -> float:
    """The largest strength at which texts of every language are coherent; else the smallest of the sweep."""
    if not sweep:
        return min(cross.values("strength"))
    smallest = min(sweep.values("strength"))
    return min(coherent_strength(rows) or smallest for _, _, rows in sweep.at_shown_layer().each_language())


def across(calibration_cross: Selection, calibration_sweep: Selection | None = None) -> Chart | None:
    """Language of the vector by language of the text, beside controls."""
    if calibration_cross["vector_language"].nunique() < 2:
        return None
    table = calibration_cross.at_shown_layer()
    vectors, spoken = among(table.study.languages, table["vector_language"]), table.languages
    shown = shared_strength(calibration_cross, calibration_sweep)
    strengths = table.selector("strength", "strength", initial=shown, in_paper=False)
    frames: dict[tuple[str, ...], list[HeatMap]] = {}
    for key, rows in table.each(strengths):
        columns = [column for column in _KINDS if column in rows.rows and rows[column].notna().any()]
        limit = float(np.nanmax(np.abs(rows.rows[columns].to_numpy(float)))) or 1.0
        frames[key] = [
            HeatMap(
                f"{_KINDS[column]}, strength {key[0]}",
                rows.matrix("vector_language", "language", column, (vectors, spoken)),
                [language_name(code) for code in vectors], [language_name(code) for code in spoken],
                "language of the vector", "language of the text", EFFECT, (-limit, limit), "diverging",
            )
            for column in columns
        ]  # fmt: skip
    caption = "Effect by language of the vector and of the text"
    return Chart("calibration-languages", caption, (strengths,), frames, height=380)


SECTION = Section(
    place=540,
    anchor="calibration-languages",
    title="Vectors of one language in texts of another",
    tables=("calibration_cross",),
    finding=finding,
    exhibits=(across,),
    across=True,
    reading="Each cell is the mean effect on the emotion's own word in the language of the text, when the vector "
    "was built from stories in the language at its left. If each language represented emotions separately, cells "
    "off the diagonal would be as near zero as the controls. The p-value asks whether each vector moves its own "
    "word more than the same vectors would if they were assigned to the words at random. The two languages' vectors "
    "are compared word by word and frame by frame. If that interval includes 0, no difference is shown, but they "
    "need not be equal either.",
    misleading="With four emotions there are 24 assignments, so p can't fall below 0.04. The stories of both "
    "languages were written to one plan, and a model may store words of both languages in one place because they "
    "are translations of each other.",
)
