"""The report's section on rule-following: does a steered model still do as it is told?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from emovec.report.charts import Chart, Curve, HeatMap, Lines, Listing, Selector
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import GREY, colour, language_name, marker, p_value, percent, sentences
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_STRONGEST = 6
_EXCERPT = 220
_LISTED = 12
_FLOOR = 0.1
_CONTROLS = ["random", "shuffled"]
_STRENGTH = "strength (in residual norms)"


def finding(rules: Selection, rule_types: Selection | None = None) -> str:
    """The base rate beside chance, and the largest change beside that of the controls, for each language."""
    return sentences(part for _, each, own in rules.each_language() for part in _told(own, each, rule_types))


def chart(study: StudyTables, rules: Selection) -> Chart:
    """Compliance and coherence against strength, the controls' range shaded."""
    emotions = among(study.emotions, rules.where(kind="emotion")["name"])
    options = ["strongest", *emotions] if len(emotions) > 1 else emotions
    languages = rules.language_selector()
    high = 1.1 * float(rules.keep(rules["kind"] != "unasked")["high"].max())
    frames: dict[tuple[str, ...], list[Lines]] = {}
    for (language,), rows in rules.each(languages):
        ratios = rows["perplexity_ratio"].dropna()
        top = 1.1 * min(float(ratios.max()), 20.0) if len(ratios) else 2.0
        for option in options:
            shown, title = _strongest(rows) if option == "strongest" else [option], language_name(language)
            frames[language, option] = [
                Lines(f"rules kept, {title}", _STRENGTH, "share of answers", _kept(rows, shown), (0, min(1.03, high))),
                Lines(f"coherence, {title}", _STRENGTH, "perplexity over unsteered", _coherence(rows, shown), (0, top)),
            ]
    names = [f"the {_STRONGEST} that change most" if option == "strongest" else option for option in options]
    selectors = (languages, Selector("emotion", options, options[0], names, in_paper=False))
    return Chart("rules", "Rules kept, and coherence of the answers, by strength of steering", selectors, frames)


def heat_map(study: StudyTables, rule_types: Selection) -> Chart:
    """Share of answers that keep each rule, under each condition of one strength."""
    strengths = rule_types.where(kind="emotion").values("strength")
    languages = rule_types.language_selector()
    frames: dict[tuple[str, ...], list[HeatMap]] = {}
    for (language,), own in rule_types.each(languages):
        rules = [row["rule"] for row in own.where(kind="baseline").records("rate")]
        for strength in strengths:
            at = own.keep((own["strength"] == strength) | own["kind"].isin(["baseline", "unasked"]))
            controls = at.where(kind=_CONTROLS).values("name")
            columns = among(["without the rule", "baseline", *study.emotions, *controls], at["name"])
            names = ["unsteered" if column == "baseline" else column for column in columns]
            title = f"{language_name(language)}, strength {strength:g}"
            values = at.matrix("rule", "name", "rate", (rules, columns))
            frames[language, f"{strength:g}"] = [
                HeatMap(
                    title, values, rules, names, "rule", "steered towards", "share of answers", (0, 1), "sequential"
                )
            ]
    options = [f"{strength:g}" for strength in strengths]
    selectors = (languages, Selector("strength", options, options[len(options) // 2], in_paper=False))
    height = 220 + 19 * rule_types["rule"].nunique()
    return Chart("rule-types", "How often each rule is kept, under each condition", selectors, frames, height=height)


def answers(study: StudyTables, rule_answers: Selection, rules: Selection) -> Listing:
    """Answers whose rule one of the two keeps and the other breaks, unsteered and steered."""
    strongest = max(rule_answers.values("strength"))
    steered = rule_answers.where(kind="emotion", strength=strongest)
    languages = rule_answers.language_selector()
    emotion = steered.selector("emotion", "name", study.emotions)
    key = ["language", "rule", "prompt", "request"]
    both = rule_answers.where(kind="baseline").rows.merge(steered.rows, on=key, suffixes=("", "_steered"))
    both = both[both["followed"] != both["followed_steered"]].assign(name=both["name_steered"])
    differing = dict(Selection(study, "rule_answers", both).each(languages, emotion))
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {
        key: [
            [
                row["rule"],
                row["request"],
                _verdict(row["answer"], row["followed"]),
                _verdict(row["answer_steered"], row["followed_steered"]),
            ]
            for row in (differing[key].records()[:_LISTED] if key in differing else [])
        ]
        or [["none differs", "", "", ""]]
        for key, _ in steered.each(languages, emotion)
    }
    caption = (
        "Answers that keep their rule only with or only without steering "
        f"(strength {strongest:g}, at most {_LISTED} each)"
    )
    columns = ("rule", "request", "unsteered", "steered")
    note = "steering/rule_answers.parquet contains every answer."
    return Listing("rule-answers", caption, (languages, emotion), columns, frames, note)


def _told(rows: Selection, language: str, rule_types: Selection | None) -> list[str]:
    """What the unsteered model keeps, and what steering changes of it."""
    base, unasked = rows.where(kind="baseline").records()[0], rows.where(kind="unasked").records()
    by_chance = "".join(
        f"; {percent(row['rate'])} of its answers to the same tasks keep them without being asked" for row in unasked
    )
    said = (
        f"in {language_name(language)} the unsteered model keeps {percent(base['rate'])} of the rules it is given "
        f"(95 % interval {percent(base['low'])} to {percent(base['high'])}{by_chance})"
    )
    said += _hardly_kept(rule_types, language)
    steered = rows.where(kind="emotion")
    if not steered:
        return [said]
    if unasked and not (unasked[0]["difference"] < 0 and unasked[0]["p"] < ALPHA):
        told = f"this is not reliably more than chance ({p_value(unasked[0]['p'])}), so the base rate is too low"
        return [said, f"{told} to show what steering does to obedience"]
    return [said, _changed(rows, steered)]


def _changed(rows: Selection, steered: Selection) -> str:
    """The largest change that can be attributed to an emotion, or why none can."""
    beyond = steered.keep(steered["beyond_controls"].astype(bool))
    coherent = beyond.where(regime="surgical")
    chosen = coherent or beyond or steered
    row = sorted(chosen.records(), key=lambda row: abs(row["difference"]))[-1]
    change = (
        f"{row['name']} at strength {row['strength']:g} {_change(row['difference'])} (to {percent(row['rate'])}, "
        f"{percent(row['low'])} to {percent(row['high'])}; {p_value(row['p_familywise'])}, corrected for "
        f"{len(steered)} comparison{'s' if len(steered) > 1 else ''})"
    )
    if pd.isna(row["controls"]):
        return f"the largest change is that {change}, but without controls it can't be attributed to the emotion"
    n = len(rows.where(kind=_CONTROLS, strength=row["strength"]))
    beside = f"where {n} directions without emotion change it by up to {_points(row['controls'])}"
    if not beyond:
        none = "no emotion can be shown to change this beyond chance and controls"
        return f"{none}: the largest change is that {change}, {beside}"
    state = "its text staying coherent" if coherent else "but its text is no longer coherent"
    others = f"; {len(beyond)} of {len(steered)} steered conditions exceed their controls" if len(beyond) > 1 else ""
    return f"of the emotions, {change}, {beside}, {state}{others}"


def _hardly_kept(rule_types: Selection | None, language: str) -> str:
    if not rule_types:
        return ""
    rates = rule_types.where(language=language, kind="baseline")["rate"]
    low = int((rates < _FLOOR).sum())
    return f", with {low} of {len(rates)} rules kept by fewer than one answer in ten" if low else ""


def _kept(rows: Selection, shown: Sequence[str]) -> list[Curve]:
    def note(row: dict[Any, Any]) -> str:
        p = p_value(row["p_familywise"]).replace(chr(160), " ")
        return f"{row['low']:.2f} to {row['high']:.2f}, family-wise {p}, {row['regime']}"

    base = float(rows.where(kind="baseline").only("rate"))
    ends = [0.0, float(rows["strength"].max())]
    curves = _band(rows, "rate", base)
    for i, name in enumerate(shown):
        own = rows.where(kind="emotion", name=name)
        filled = [bool(row["beyond_controls"]) for row in own.records("strength")]
        curves.append(own.curve("rate", name, colour(i), marker=marker(i), along="strength", filled=filled, note=note))
        if len(shown) == 1:
            curves.append(own.curve("low", "its 95 % interval", colour(i), along="strength", upper="high"))
    curves.append(Curve("unsteered", ends, [base] * 2, GREY, "dash"))
    curves += [
        Curve("kept unasked", ends, [row["rate"]] * 2, GREY, "dot") for row in rows.where(kind="unasked").records()[:1]
    ]
    return curves


def _coherence(rows: Selection, shown: Sequence[str]) -> list[Curve]:
    def note(row: dict[Any, Any]) -> str:
        return f"distinct {row['distinct']:.2f}, {row['regime']}"

    return [
        *_band(rows, "perplexity_ratio", 1.0),
        *(
            rows.where(kind="emotion", name=name).curve(
                "perplexity_ratio", name, colour(i), marker=marker(i), along="strength", note=note
            )
            for i, name in enumerate(shown)
        ),
        Curve("unsteered", [0.0, float(rows["strength"].max())], [1.0, 1.0], GREY, "dash"),
    ]


def _band(rows: Selection, column: str, start: float) -> list[Curve]:
    """The range of the controls at each strength, from the unsteered model on."""
    grouped = rows.where(kind=_CONTROLS).rows.groupby("strength")[column]
    low, high = grouped.min(), grouped.max()
    if low.empty:
        return []
    x = [0.0, *low.index.tolist()]
    return [Curve("range of the controls", x, [start, *low.tolist()], GREY, upper=[start, *high.tolist()])]


def _strongest(rows: Selection) -> list[str]:
    emotions = rows.where(kind="emotion").rows
    sizes = emotions["difference"].abs().groupby(emotions["name"]).max()
    return [str(name) for name in sizes.sort_values(ascending=False, kind="stable").index[:_STRONGEST]]


def _verdict(answer: str, followed: bool) -> str:
    text = " ".join(answer.split())
    short = text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"
    return f"{'kept' if followed else 'broken'}: {short or '(nothing)'}"


def _points(difference: float) -> str:
    size = np.round(100 * abs(difference), 0)
    return f"{size:.0f} percentage point{'' if size == 1 else 's'}"


def _change(difference: float) -> str:
    return f"{'lowers' if difference < 0 else 'raises'} this by {_points(difference)}"


SECTION = Section(
    place=570,
    anchor="rules",
    title="Whether a steered model keeps rules",
    tables=("rules", "rule_types"),
    finding=finding,
    exhibits=(chart, heat_map, answers),
    headline=True,
    reading="A program checks each answer against its rule (a length, a form, words to use or to leave out, a "
    "secret to keep …). The grey band shows what directions without emotion do at the same strength: random ones, "
    "and vectors built from stories whose emotions were shuffled. A filled marker passes three tests. It differs "
    "from the unsteered model over prompts. It differs from what you could expect of one more such direction, given "
    "how much the controls differ (corrected for all emotions and strengths, below 0.05). And it differs by more "
    "than any control does. Beside it you see whether the unsteered model still finds the text likely: above 3 "
    "times its perplexity, the text has fallen apart. “Without the rule” is how often answers follow a rule that "
    "was not given.",
    misleading="A model whose text falls apart also breaks rules, and follows those that ask for less (such as no "
    "commas); neither says anything about obedience. A rule that is hardly ever followed can't be followed less. "
    "Answers end at the token limit, which breaks rules about an answer's end. Checks follow the letter of a rule: "
    "gibberish in the right script passes as an answer in that language. Intervals are for other tasks under these "
    "rules: other rules would vary far more. With a few controls, only an effect many times larger than their "
    "spread can be attributed to an emotion; use ten of each kind for a better test.",
)
