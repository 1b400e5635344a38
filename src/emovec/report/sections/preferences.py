"""The report's section on which activities a model prefers, and how steering by an emotion changes that."""

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from emovec.report.charts import Chart, Control, HeatMap, Listing
from emovec.report.section_plan import Plan
from emovec.report.selectors import among, language_control
from emovec.report.style import language_name, number, p_value, sentences
from emovec.stats.permutation import ALPHA
from emovec.steering.experiments.activities import CATEGORIES
from emovec.study.results import StudyTables

_DESIGNS = {"whole": "all tokens steered", "half": "one half's tokens steered"}
_LISTED = 12


def finding(study: StudyTables) -> str:
    """The largest change of a kind of activity beside that of a control, and whether emotions as a group go beyond."""
    changes, strength = _strongest(study.tables["preference_changes"])
    whole = changes[(changes["design"] == "whole") & (changes["kind"] == "emotion")]
    said: list[str] = []
    for language in among(study.languages, whole["language"]):
        rows = whole[whole["language"] == language]
        top = rows.iloc[int(np.abs(rows["change"].to_numpy()).argmax())]
        effect = _effect(study, language, "whole", "categories", strength)
        sentence = (
            f"in {language_name(language)} the largest change is that of {top['category']} activities under "
            f"{top['name']}, {_points(top['change'])} Elo points ({_interval(top)})"
        )
        if effect is None or not np.isfinite(effect["controls"]):
            said.append(f"{sentence}, with no control to set it against")
            continue
        verdict = "change" if effect["p"] < ALPHA else "don't reliably change"
        said.append(
            f"{sentence}, a control's largest {_size(top['control'])}, and emotions {verdict} preferences "
            f"more than controls of the same length do (typically "
            f"{_size(effect['emotions'])} against {_size(effect['controls'])} points, "
            f"{p_value(effect['p'])}{_few(effect)})"
        )
        if (shift := _shift(study, language, strength)) is not None:
            said.append(shift)
    said[:1] = [f"at strength {strength:g}, {first}" for first in said[:1]]
    return sentences([*said, _mass(study)])


def changes(study: StudyTables) -> Chart | None:
    """Emotion × kind of activity: change of the mean score, with the controls below the emotions."""
    table = study.tables.get("preference_changes")
    if table is None:
        return None
    designs, languages, strengths = _choices(study, table)
    kinds = [*among(CATEGORIES, table["category"]), *sorted(set(table["category"]) - set(CATEGORIES))]
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for design in designs:
        limit = _limit(table[table["design"] == design])
        for language in languages:
            for strength in strengths:
                rows = table[
                    (table["design"] == design)
                    & (table["language"] == language)
                    & np.isclose(table["strength"], float(strength))
                ]
                names = _names(study, rows)
                wide = rows.pivot_table(index="name", columns="category", values="change", aggfunc="first")
                values = wide.reindex(index=names, columns=kinds).to_numpy(dtype=np.float64)
                title = f"{language_name(language)}, {_DESIGNS[design]}, strength {strength}"
                frames[design, language, strength] = [
                    HeatMap(
                        title, values, names, kinds, "steered by", "kind of activity", "change in Elo points",
                        (-limit, limit), "diverging",
                    )
                ]  # fmt: skip
    controls = (
        Control("design", designs, designs[0], names=[_DESIGNS[design] for design in designs]),
        language_control(languages),
        Control("strength", strengths, strengths[-1], in_paper=False),
    )
    height = 260 + 22 * max(len(panel.rows) for (panel,) in frames.values())
    return Chart(
        "preference-changes", "What steering does to the kinds of activities; controls below", controls, frames,
        height=height,
    )  # fmt: skip


def shifts(study: StudyTables) -> Chart | None:
    """Emotion × strength: how much all activities of the steered half gain on the unsteered half."""
    table = study.tables.get("preference_shift")
    if table is None:
        return None
    _, languages, strengths = _choices(study, table)
    limit = _limit(table)
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for language in languages:
        rows = table[table["language"] == language]
        names = _names(study, rows)
        wide = rows.assign(strength=[f"{value:g}" for value in rows["strength"]]).pivot_table(
            index="name", columns="strength", values="change", aggfunc="first"
        )
        values = wide.reindex(index=names, columns=strengths).to_numpy(dtype=np.float64)
        frames[(language,)] = [
            HeatMap(
                language_name(language), values, names, strengths, "steered by", "strength, in residual norms",
                "mean shift in Elo points", (-limit, limit), "diverging",
            )
        ]  # fmt: skip
    height = 260 + 22 * max(len(panel.rows) for (panel,) in frames.values())
    caption = "Mean shift of the steered half of the activities against the unsteered half; controls below"
    return Chart("preference-shift", caption, (language_control(languages),), frames, height=height)


def largest(study: StudyTables) -> Listing | None:
    """The largest changes of a kind of activity, each with its interval and the largest of a control."""
    table = study.tables.get("preference_changes")
    if table is None:
        return None
    designs, languages, strengths = _choices(study, table)
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for design in designs:
        for language in languages:
            rows = table[
                (table["design"] == design) & (table["language"] == language) & (table["kind"] == "emotion")
            ].copy()
            rows["size"] = rows["change"].abs()
            frames[design, language] = [
                [
                    str(row["name"]), f"{row['strength']:g}", str(row["category"]), _points(row["change"]),
                    _interval(row), _size(row["control"]),
                ]
                for row in rows.sort_values(["size", "name"], ascending=[False, True]).head(_LISTED).to_dict("records")
            ]  # fmt: skip
    controls = (
        Control("design", designs, designs[0], names=[_DESIGNS[design] for design in designs]),
        language_control(languages),
    )
    columns = ("steered by", "strength", "kind", "change", "95 % interval", "largest of a control")
    caption = f"The {_LISTED} largest changes, in Elo points; {len(strengths)} strengths"
    return Listing("preference-largest", caption, controls, columns, frames)


def likings(study: StudyTables) -> Listing | None:
    """The unsteered model's activities, most preferred first."""
    table = study.tables.get("preference_scores")
    if table is None:
        return None
    table = table[table["kind"] == "baseline"]
    languages = among(study.languages, table["language"])
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for language in languages:
        rows = table[table["language"] == language].sort_values("score", ascending=False)
        frames[(language,)] = [
            [
                str(row["text"]),
                str(row["category"]),
                number(row["score"], 0),
                f"{number(row['low'], 0)} to {number(row['high'], 0)}",
            ]
            for row in rows.to_dict("records")
        ]
    columns = ("activity", "kind", "Elo score", "95 % interval")
    return Listing(
        "preference-scores",
        "Activities as the unsteered model prefers them",
        (language_control(languages),),
        columns,
        frames,
    )


def bias(study: StudyTables) -> Listing | None:
    """How often the activity named first is chosen, and how much probability the two letters hold."""
    table = study.tables.get("preference_bias")
    if table is None:
        return None
    languages = among(study.languages, table["language"])
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for language in languages:
        frames[(language,)] = [
            [
                str(row["name"]), f"{row['strength']:g}", _DESIGNS[row["design"]] if row["strength"] else "",
                _percent(row["share_a"]), _points(row["first"]), _percent(row["mass"]), _percent(row["mass_least"]),
            ]
            for row in table[table["language"] == language].to_dict("records")
        ]  # fmt: skip
    columns = ("steered by", "strength", "design", "chooses A", "worth of being A", "probability of A or B", "least")
    caption = "Bias for the activity named first, and how much probability the answers A and B hold together"
    return Listing("preference-bias", caption, (language_control(languages),), columns, frames)


def _strongest(table: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    strength = float(table["strength"].max())
    return table[np.isclose(table["strength"], strength)], strength


def _effect(study: StudyTables, language: str, design: str, measure: str, strength: float) -> dict[Any, Any] | None:
    table = study.tables.get("preference_effects")
    if table is None:
        return None
    rows = table[(table["language"] == language) & (table["design"] == design) & (table["measure"] == measure)]
    rows = rows[np.isclose(rows["strength"], strength)]
    return None if rows.empty else rows.iloc[0].to_dict()


def _shift(study: StudyTables, language: str, strength: float) -> str | None:
    table = study.tables.get("preference_shift")
    if table is None:
        return None
    rows = table[
        (table["language"] == language) & np.isclose(table["strength"], strength) & (table["kind"] == "emotion")
    ]
    effect = _effect(study, language, "half", "shift", strength)
    if rows.empty or effect is None:
        return None
    top = rows.iloc[int(np.abs(rows["change"].to_numpy()).argmax())]
    beyond = "beyond" if effect["p"] < ALPHA else "not reliably beyond"
    return (
        f"with one half of the activities steered, {top['name']} moves that half by {_points(top['change'])} points "
        f"({_told(top)}; a control by up to {_size(top['control'])}), emotions as a group {beyond} controls "
        f"({p_value(effect['p'])})"
    )


def _mass(study: StudyTables) -> str:
    """A warning where the model hardly answers A or B, or nearly always the same one."""
    table = study.tables.get("preference_bias")
    if table is None:
        return ""
    said: list[str] = []
    for row in table[table["kind"] == "baseline"].to_dict("records"):
        where = language_name(row["language"])
        if row["mass"] < 0.5:
            said.append(f"in {where} A and B hold only {_percent(row['mass'])} of the probability")
        if not 0.25 <= row["share_a"] <= 0.75:
            place = "A" if row["share_a"] > 0.5 else "B"
            share = _percent(max(row["share_a"], 1 - row["share_a"]))
            said.append(f"in {where} the unsteered model says {place} {share} of the time: mostly the letter decides")
    return f"beware: {'; '.join(said)}" if said else ""


def _few(effect: dict[Any, Any]) -> str:
    """That no p below the level can come out, where there are too few emotions and controls for one."""
    n, m = int(effect["n_emotions"]), int(effect["n_controls"])
    too_few = 1 / comb(n + m, m) >= ALPHA
    emotions, controls = (f"{k} {word}{'s' if k != 1 else ''}" for k, word in ((n, "emotion"), (m, "control")))
    return f"; {emotions} and {controls} are too few for any p below {ALPHA}" if too_few else ""


def _choices(study: StudyTables, table: pd.DataFrame) -> tuple[list[str], list[str], list[str]]:
    designs = among(_DESIGNS, table["design"])
    return designs, among(study.languages, table["language"]), [f"{s:g}" for s in sorted(table["strength"].unique())]


def _names(study: StudyTables, rows: pd.DataFrame) -> list[str]:
    """Emotions in the study's order, then the controls."""
    emotions = among(study.emotions, rows.loc[rows["kind"] == "emotion", "name"])
    return [*emotions, *rows.loc[rows["kind"] != "emotion", "name"].drop_duplicates()]


def _limit(table: pd.DataFrame) -> float:
    return max(1.0, float(table["change"].abs().max()))


def _points(value: Any) -> str:
    text = _size(value)
    return f"+{text}" if float(value) > 0 and float(text) else text


def _size(value: Any) -> str:
    return number(value, 1 if abs(float(value)) < 10 else 0)


def _interval(row: Any) -> str:
    return f"{_points(row['low'])} to {_points(row['high'])}" if np.isfinite(row["low"]) else "–"


def _told(row: Any) -> str:
    """The interval for prose, or why there is none."""
    return _interval(row) if np.isfinite(row["low"]) else "no interval: it takes two activities of a kind"


def _percent(share: Any) -> str:
    return "–" if pd.isna(share) else f"{100 * float(share):.0f} %"


PLANS = (
    Plan(
        "preferences", "What the model prefers, and how emotions change it",
        (
            *("preference_changes", "preference_effects", "preference_shift", "preference_scores", "preference_bias"),
        ),
        finding, (changes, shifts, largest, likings, bias),
        "The model was asked of every two activities which one it would prefer, in both orders; Elo scores sum up its "
        "answers, and 400 points are odds of ten to one. Each row of the map is a way of steering, each column a kind "
        "of activity; red gains and blue loses against the unsteered model. With all tokens steered, scores can only "
        "show that some kinds gain on others; with one half's tokens steered, what that half gains or loses as a whole "
        "shows too. Random directions and vectors of shuffled labels, of the same length, stand below the emotions: "
        "what they do is what any push does. Intervals are over activities.",
        "An answer is one letter after an opened parenthesis, not a deed. Small models mostly follow the letter, the "
        "place or the wording: look at how often A is chosen and how much probability A and B hold. A few controls "
        "can't tell a small effect from none, and the largest of many changes is large by chance: its interval doesn't "
        "know that it was picked. Emotions count as independent in the test of them as a group, although near ones "
        "steer alike. Elo scores of different recipes or sets of activities can't be compared.",
    ),
)  # fmt: skip
