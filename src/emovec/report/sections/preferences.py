"""The report's section on which activities a model prefers, and how steering by an emotion changes that."""

from math import comb
from typing import Any

import numpy as np

from emovec.report.charts import Chart, HeatMap, Listing, Selector
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import language_name, number, p_value, percent, sentences
from emovec.stats.permutation import ALPHA
from emovec.steering.experiments.activities import CATEGORIES

_DESIGNS = {"whole": "all tokens steered", "half": "one half's tokens steered"}
_LISTED = 12
_FEWEST = 3
"""Fewest changes for a correlation; with two it is always 1 or −1."""
_Frames = dict[tuple[str, ...], list[list[str | list[str]]]]


def finding(
    preference_changes: Selection,
    preference_effects: Selection | None = None,
    preference_shift: Selection | None = None,
    preference_bias: Selection | None = None,
) -> str:
    """The largest change of a kind of activity beside that of a control, and whether emotions as a group go beyond."""
    strength = max(preference_changes.values("strength"))
    whole = preference_changes.where(design="whole", kind="emotion", strength=strength)
    effects = preference_effects.where(strength=strength) if preference_effects else None
    shift = preference_shift.where(kind="emotion", strength=strength) if preference_shift else None
    said: list[str] = []
    for _, language, rows in whole.each_language():
        effect, half = _effect(effects, language, "whole", "categories"), _effect(effects, language, "half", "shift")
        controlled = effect if effect is not None and np.isfinite(effect["controls"]) else None
        said.append(_largest_change(language, rows, controlled))
        if controlled and half and shift and (moved := shift.where(language=language)):
            said.append(_moved(moved, half))
    said[:1] = [f"at strength {strength:g}, {first}" for first in said[:1]]
    return sentences([*said, _mass(preference_bias)])


def _largest_change(language: str, rows: Selection, effect: dict[Any, Any] | None) -> str:
    top = _top(rows)
    sentence = (
        f"in {language_name(language)} the largest change is that of {top['category']} activities under "
        f"{top['name']}, {_points(top['change'])} Elo points ({_interval(top)})"
    )
    if effect is None:
        return f"{sentence}, with no control for comparison"
    verdict = "change" if effect["p"] < ALPHA else "don't reliably change"
    return (
        f"{sentence}, a control's largest {_size(top['control'])}, and emotions {verdict} preferences "
        f"more than controls of the same length do (typically "
        f"{_size(effect['emotions'])} against {_size(effect['controls'])} points, "
        f"{p_value(effect['p'])}{_few(effect)})"
    )


def _moved(rows: Selection, effect: dict[Any, Any]) -> str:
    """How far the steered half of the activities moves against the other."""
    top = _top(rows)
    beyond = "beyond" if effect["p"] < ALPHA else "not reliably beyond"
    interval = _interval(top) if np.isfinite(top["low"]) else "no interval: that needs two activities of a kind"
    return (
        f"with one half of the activities steered, {top['name']} moves that half by {_points(top['change'])} points "
        f"({interval}; a control by up to {_size(top['control'])}), emotions as a group {beyond} controls "
        f"({p_value(effect['p'])})"
    )


def changes(preference_changes: Selection) -> Chart:
    """Emotion × kind of activity: change of the mean score, with the controls below the emotions."""
    table = preference_changes
    kinds = list(dict.fromkeys([*among(CATEGORIES, table["category"]), *table.values("category")]))
    strength = table.selector("strength", "strength", initial=max(table.values("strength")), in_paper=False)
    selectors = (_design(table), table.language_selector(), strength)
    frames: dict[tuple[str, ...], list[HeatMap]] = {}
    for key, rows in table.each(*selectors):
        limit, names = _limit(table.where(design=key[0])), _names(rows)
        title = f"{language_name(key[1])}, {_DESIGNS[key[0]]}, strength {key[2]}"
        values = rows.matrix("name", "category", "change", (names, kinds))
        frames[key] = [
            HeatMap(
                title, values, names, kinds, "steered by", "kind of activity", "change in Elo points", (-limit, limit),
                "diverging",
            )
        ]  # fmt: skip
    caption = "What steering does to each kind of activity; controls below"
    return Chart("preference-changes", caption, selectors, frames, height=_height(frames))


def shifts(preference_shift: Selection) -> Chart:
    """Emotion × strength: how much all activities of the steered half gain on the unsteered half."""
    languages, limit = preference_shift.language_selector(), _limit(preference_shift)
    strengths = preference_shift.values("strength")
    frames: dict[tuple[str, ...], list[HeatMap]] = {}
    for key, rows in preference_shift.each(languages):
        names, columns = _names(rows), [f"{strength:g}" for strength in strengths]
        values = rows.matrix("name", "strength", "change", (names, strengths))
        frames[key] = [
            HeatMap(
                language_name(key[0]), values, names, columns, "steered by", "strength, in residual norms",
                "mean shift in Elo points", (-limit, limit), "diverging",
            )
        ]  # fmt: skip
    caption = "Mean shift of the steered half of the activities against the unsteered half; controls below"
    return Chart("preference-shift", caption, (languages,), frames, height=_height(frames))


def largest(preference_changes: Selection) -> Listing:
    """The largest changes of a kind of activity, each with its interval and the largest of a control."""
    emotions = preference_changes.where(kind="emotion")
    selectors = (_design(preference_changes), preference_changes.language_selector())
    frames: _Frames = {
        key: [
            [
                str(row["name"]), f"{row['strength']:g}", str(row["category"]), _points(row["change"]),
                _interval(row), _size(row["control"]), _points(row["change_sequential"]),
            ]
            for row in sorted(rows.records(), key=lambda row: (-abs(row["change"]), row["name"]))[:_LISTED]
        ]
        for key, rows in emotions.each(*selectors)
    }  # fmt: skip
    columns = ("steered by", "strength", "kind", "change", "95 % interval", "largest of a control", "sequential Elo")
    n = preference_changes["strength"].nunique()
    caption = f"The {_LISTED} largest changes, in Elo points; {n} strengths"
    return Listing("preference-largest", caption, selectors, columns, frames, _agreement(emotions))


def _agreement(emotions: Selection) -> str:
    """How far the changes of sequential Elo follow those of Bradley–Terry."""
    fitted, rated = (emotions[name].to_numpy(float) for name in ("change", "change_sequential"))
    if len(fitted) < _FEWEST or np.ptp(fitted) == 0 or np.ptp(rated) == 0:
        return ""
    r, same = np.corrcoef(fitted, rated)[0, 1], (np.sign(fitted) == np.sign(rated)).mean()
    return (
        f"Over all {len(fitted)} changes under emotions, those of sequential Elo correlate with these (Bradley–Terry) "
        f"at r = {number(r)} and have the same sign in {percent(same)}. Sequential Elo depends on the order of the "
        "games and has another scale."
    )


def likings(preference_scores: Selection) -> Listing:
    """The unsteered model's activities, most preferred first."""
    table = preference_scores.where(kind="baseline")
    languages = table.language_selector()
    frames: _Frames = {
        key: [
            [
                str(row["text"]), str(row["category"]), number(row["score"], 0),
                f"{number(row['low'], 0)} to {number(row['high'], 0)}",
            ]
            for row in rows.records("score", ascending=False)
        ]
        for key, rows in table.each(languages)
    }  # fmt: skip
    caption = "Activities as the unsteered model prefers them"
    columns = ("activity", "kind", "Elo score", "95 % interval")
    return Listing("preference-scores", caption, (languages,), columns, frames)


def bias(preference_bias: Selection) -> Listing:
    """How often the activity named first is chosen, and how much probability the two letters hold."""
    languages = preference_bias.language_selector()
    frames: _Frames = {
        key: [
            [
                str(row["name"]), f"{row['strength']:g}", _DESIGNS[row["design"]] if row["strength"] else "",
                percent(row["share_a"]), _points(row["first"]), percent(row["mass"]), percent(row["mass_least"]),
            ]
            for row in rows.records()
        ]
        for key, rows in preference_bias.each(languages)
    }  # fmt: skip
    columns = ("steered by", "strength", "design", "chooses A", "worth of being A", "probability of A or B", "least")
    caption = "Bias for the activity named first, and how much probability the answers A and B have together"
    return Listing("preference-bias", caption, (languages,), columns, frames)


def _effect(effects: Selection | None, language: str, design: str, measure: str) -> dict[Any, Any] | None:
    rows = effects.where(language=language, design=design, measure=measure).records() if effects else []
    return rows[0] if rows else None


def _top(rows: Selection) -> dict[Any, Any]:
    return max(rows.records(), key=lambda row: abs(row["change"]))


def _mass(bias: Selection | None) -> str:
    """A warning where the model hardly answers A or B, or nearly always the same one."""
    said: list[str] = []
    for row in bias.where(kind="baseline").records() if bias else []:
        where = language_name(row["language"])
        if row["mass"] < 0.5:
            said.append(f"in {where} A and B have only {percent(row['mass'])} of the probability")
        if not 0.25 <= row["share_a"] <= 0.75:
            place = "A" if row["share_a"] > 0.5 else "B"
            share = percent(max(row["share_a"], 1 - row["share_a"]))
            said.append(
                f"in {where} the unsteered model answers {place} {share} of the time, so mostly the letter decides"
            )
    return f"beware: {'; '.join(said)}" if said else ""


def _few(effect: dict[Any, Any]) -> str:
    """That no p below the level can come out, where there are too few emotions and controls for one."""
    n, m = int(effect["n_emotions"]), int(effect["n_controls"])
    too_few = 1 / comb(n + m, m) >= ALPHA
    emotions, controls = (f"{k} {word}{'s' if k != 1 else ''}" for k, word in ((n, "emotion"), (m, "control")))
    return f"; {emotions} and {controls} are too few for any p below {ALPHA}" if too_few else ""


def _design(rows: Selection) -> Selector:
    return rows.selector("design", "design", [*_DESIGNS], _DESIGNS.__getitem__)


def _names(rows: Selection) -> list[str]:
    """Emotions in the study's order, then the controls."""
    emotions = among(rows.study.emotions, rows.where(kind="emotion")["name"])
    return [*emotions, *rows.keep(rows["kind"] != "emotion")["name"].drop_duplicates()]


def _limit(rows: Selection) -> float:
    return max(1.0, float(rows["change"].abs().max()))


def _height(frames: dict[tuple[str, ...], list[HeatMap]]) -> int:
    return 260 + 22 * max(len(panel.rows) for (panel,) in frames.values())


def _points(value: Any) -> str:
    text = _size(value)
    return f"+{text}" if float(value) > 0 and float(text) else text


def _size(value: Any) -> str:
    return number(value, 1 if abs(float(value)) < 10 else 0)


def _interval(row: dict[Any, Any]) -> str:
    return f"{_points(row['low'])} to {_points(row['high'])}" if np.isfinite(row["low"]) else "–"


SECTION = Section(
    place=550,
    anchor="preferences",
    title="What the model prefers, and how emotions change it",
    tables=("preference_changes", "preference_effects", "preference_shift", "preference_scores", "preference_bias"),
    finding=finding,
    exhibits=(changes, shifts, largest, likings, bias),
    headline=True,
    reading="For every two activities the model was asked which one it would prefer, in both orders. Elo scores "
    "summarise its answers; 400 points mean odds of ten to one. Each row of the map is a way of steering, each "
    "column a kind of activity. Red means a gain and blue a loss compared with the unsteered model. With all tokens "
    "steered, scores can only show that some kinds gain on others. With one half's tokens steered, they also show "
    "what that half gains or loses as a whole. Below the emotions are random directions and vectors of shuffled "
    "labels, of the same length: their effect is that of any push of this length. Intervals are over activities.",
    misleading="An answer is one letter after an opened parenthesis, not an action. Small models mostly follow the "
    "letter, the position or the wording: look at how often A is chosen and how much probability A and B have. A "
    "few controls can't distinguish a small effect from none. The largest of many changes is large partly by "
    "chance, and its interval doesn't take into account that it was picked. The test of the emotions as a group "
    "treats them as independent, although similar emotions steer alike. Elo scores from different recipes or sets "
    "of activities can't be compared.",
)
