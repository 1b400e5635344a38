"""The report's section on rule-following: does a steered model still do as it is told?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emovec.report.charts import Chart, Control, Curve, HeatMap, Lines, Listing
from emovec.report.section_plan import Plan
from emovec.report.selectors import among, language_control
from emovec.report.style import GREY, colour, language_name, marker, number, p_value, sentences
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_STRONGEST = 6
_EXCERPT = 220
_LISTED = 12
_FLOOR = 0.1
_CONTROLS = ("random", "shuffled")
_STRENGTH = "strength (in residual norms)"


def finding(study: StudyTables) -> str:
    """The base rate beside chance, and the largest change beside that of the controls, for each language."""
    table = study.tables["rules"]
    languages = _languages(study, table)
    return sentences(part for each in languages for part in _told(study, table[table["language"] == each], each))


def chart(study: StudyTables) -> Chart | None:
    """Compliance and coherence against strength, the controls' range shaded."""
    table = study.tables.get("rules")
    if table is None:
        return None
    languages = _languages(study, table)
    emotions = among(study.emotions, table.loc[table["kind"] == "emotion", "name"])
    options = ["strongest", *emotions] if len(emotions) > 1 else emotions
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    high = 1.1 * float(table.loc[table["kind"] != "unasked", "high"].max())
    for language in languages:
        rows = table[table["language"] == language]
        ratios = rows["perplexity_ratio"].dropna()
        top = 1.1 * min(float(ratios.max()), 20.0) if len(ratios) else 2.0
        for option in options:
            shown = _strongest(rows) if option == "strongest" else [option]
            title = language_name(language)
            frames[language, option] = [
                Lines(f"rules kept, {title}", _STRENGTH, "share of answers", _kept(rows, shown), (0, min(1.03, high))),
                Lines(f"coherence, {title}", _STRENGTH, "perplexity over unsteered", _coherence(rows, shown), (0, top)),
            ]
    names = [f"the {_STRONGEST} that change most" if option == "strongest" else option for option in options]
    controls = (
        language_control(languages),
        Control("emotion", options, options[0], names=names, in_paper=False),
    )
    return Chart("rules", "Rules kept, and coherence of the answers, by strength of steering", controls, frames)


def heat_map(study: StudyTables) -> Chart | None:
    """Share of answers that keep each rule, under each condition of one strength."""
    table = study.tables.get("rule_types")
    if table is None:
        return None
    languages = _languages(study, table)
    strengths = sorted(table.loc[table["kind"] == "emotion", "strength"].unique())
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for language in languages:
        own = table[table["language"] == language]
        rules = list(own.loc[own["kind"] == "baseline"].sort_values("rate", kind="stable")["rule"])
        for strength in strengths:
            at = own[(own["strength"] == strength) | own["kind"].isin(["baseline", "unasked"])]
            wide = at.pivot_table(index="rule", columns="name", values="rate")
            columns = among(["without the rule", "baseline", *study.emotions, *_control_names(at)], wide.columns)
            values = wide.reindex(index=rules, columns=columns).to_numpy(float)
            names = ["unsteered" if column == "baseline" else column for column in columns]
            title = f"{language_name(language)}, strength {strength:g}"
            frames[language, f"{strength:g}"] = [
                HeatMap(
                    title, values, rules, names, "rule", "steered towards", "share of answers", (0, 1), "sequential"
                )
            ]
    options = [f"{strength:g}" for strength in strengths]
    controls = (
        language_control(languages),
        Control("strength", options, options[len(options) // 2], in_paper=False),
    )
    n_rules = table["rule"].nunique()
    caption = "How often each rule is kept, under each condition"
    return Chart("rule-types", caption, controls, frames, height=220 + 19 * n_rules)


def answers(study: StudyTables) -> Listing | None:
    """Answers whose rule one of the two keeps and the other breaks, unsteered and steered."""
    table, compared = study.tables.get("rule_answers"), study.tables.get("rules")
    if table is None or compared is None:
        return None
    languages = _languages(study, table)
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    emotions = among(study.emotions, table.loc[table["kind"] == "emotion", "name"])
    strongest = float(table["strength"].max())
    for language in languages:
        own = table[table["language"] == language]
        base = own[own["kind"] == "baseline"]
        for emotion in emotions:
            steered = own[(own["kind"] == "emotion") & (own["name"] == emotion) & (own["strength"] == strongest)]
            both = base.merge(steered, on=["rule", "prompt", "request"], suffixes=("", "_steered"))
            both = both[both["followed"] != both["followed_steered"]].head(_LISTED)
            frames[language, emotion] = [
                [
                    row["rule"],
                    row["request"],
                    _verdict(row["answer"], row["followed"]),
                    _verdict(row["answer_steered"], row["followed_steered"]),
                ]
                for row in both.to_dict("records")
            ] or [["none differs", "", "", ""]]
    controls = (
        language_control(languages),
        Control("emotion", emotions, emotions[0]),
    )
    caption = f"Answers that differ in keeping their rule, at strength {strongest:g}; at most {_LISTED} of each emotion"
    columns = ("rule", "request", "unsteered", "steered")
    note = "steering/rule_answers.parquet holds every answer."
    return Listing("rule-answers", caption, controls, columns, frames, note)


def _told(study: StudyTables, rows: pd.DataFrame, language: str) -> list[str]:
    """What the unsteered model keeps, and what steering changes of it."""
    base = rows[rows["kind"] == "baseline"].iloc[0]
    unasked = rows[rows["kind"] == "unasked"]
    by_chance = "".join(
        f"; {_percent(rate)} of its answers to the same tasks keep them unasked" for rate in unasked["rate"]
    )
    said = (
        f"in {language_name(language)} the unsteered model keeps {_percent(base['rate'])} of the rules it is given "
        f"(95 % interval {_percent(base['low'])} to {_percent(base['high'])}{by_chance})"
    )
    said += _hardly_kept(study, language)
    steered = rows[rows["kind"] == "emotion"]
    if steered.empty:
        return [said]
    if len(unasked) and not (unasked["difference"].iloc[0] < 0 and unasked["p"].iloc[0] < ALPHA):
        told = f"this is not reliably more than chance ({p_value(unasked['p'].iloc[0])}), so the base rate is too low"
        return [said, f"{told} to tell what steering does to obedience"]
    beyond = steered[steered["beyond_controls"].astype(bool)]
    coherent = beyond[beyond["regime"] == "surgical"]
    chosen = coherent if len(coherent) else beyond if len(beyond) else steered
    row = chosen.sort_values("difference", key=lambda change: change.abs(), kind="stable").iloc[-1]
    change = (
        f"{row['name']} at strength {row['strength']:g} {_change(row['difference'])} (to {_percent(row['rate'])}, "
        f"{_percent(row['low'])} to {_percent(row['high'])}; {p_value(row['p_familywise'])}, corrected for "
        f"{len(steered)} comparison{'s' if len(steered) > 1 else ''})"
    )
    if pd.isna(row["controls"]):
        return [said, f"the largest change is that {change}, but without controls it can't be laid to the emotion"]
    n = int((rows["kind"].isin(_CONTROLS) & (rows["strength"] == row["strength"])).sum())
    beside = f"where {n} directions without emotion change it by up to {_points(row['controls'])}"
    if beyond.empty:
        none = "no emotion can be shown to change this beyond chance and controls"
        return [said, f"{none}: the largest change is that {change}, {beside}"]
    state = "its text staying coherent" if len(coherent) else "but its text is no longer coherent"
    others = f"; {len(beyond)} of {len(steered)} steered conditions exceed their controls" if len(beyond) > 1 else ""
    return [said, f"of the emotions, {change}, {beside}, {state}{others}"]


def _hardly_kept(study: StudyTables, language: str) -> str:
    types = study.tables.get("rule_types")
    if types is None:
        return ""
    base = types[(types["language"] == language) & (types["kind"] == "baseline")]
    low = int((base["rate"] < _FLOOR).sum())
    return f", with {low} of {len(base)} rules kept by fewer than one answer in ten" if low else ""


def _kept(rows: pd.DataFrame, shown: Sequence[str]) -> list[Curve]:
    base = rows[rows["kind"] == "baseline"].iloc[0]
    ends = [0.0, float(rows["strength"].max())]
    curves = _band(rows, "rate", float(base["rate"]))
    for i, name in enumerate(shown):
        own = rows[(rows["kind"] == "emotion") & (rows["name"] == name)].sort_values("strength")
        notes = [
            f"{low:.2f} to {high:.2f}, family-wise {p_value(p).replace(chr(160), ' ')}, {state}"
            for low, high, p, state in zip(own["low"], own["high"], own["p_familywise"], own["regime"], strict=True)
        ]
        curves.append(
            Curve(
                name, own["strength"].tolist(), own["rate"].tolist(), colour(i), marker=marker(i),
                filled=own["beyond_controls"].astype(bool).tolist(), notes=notes,
            )
        )  # fmt: skip
        if len(shown) == 1:
            x, low, high = (own[column].tolist() for column in ("strength", "low", "high"))
            curves.append(Curve("its 95 % interval", x, low, colour(i), upper=high))
    curves.append(Curve("unsteered", ends, [float(base["rate"])] * 2, GREY, "dash"))
    unasked = rows[rows["kind"] == "unasked"]
    if len(unasked):
        curves.append(Curve("kept unasked", ends, [float(unasked["rate"].iloc[0])] * 2, GREY, "dot"))
    return curves


def _coherence(rows: pd.DataFrame, shown: Sequence[str]) -> list[Curve]:
    curves = _band(rows, "perplexity_ratio", 1.0)
    for i, name in enumerate(shown):
        own = rows[(rows["kind"] == "emotion") & (rows["name"] == name)].sort_values("strength")
        notes = [f"distinct {value:.2f}, {state}" for value, state in zip(own["distinct"], own["regime"], strict=True)]
        x, y = own["strength"].tolist(), own["perplexity_ratio"].tolist()
        curves.append(Curve(name, x, y, colour(i), marker=marker(i), notes=notes))
    return [*curves, Curve("unsteered", [0.0, float(rows["strength"].max())], [1.0, 1.0], GREY, "dash")]


def _band(rows: pd.DataFrame, column: str, start: float) -> list[Curve]:
    """The range of the controls at each strength, from the unsteered model on."""
    grouped = rows[rows["kind"].isin(_CONTROLS)].groupby("strength")[column]
    low, high = grouped.min(), grouped.max()
    if low.empty:
        return []
    x = [0.0, *low.index.tolist()]
    return [Curve("range of the controls", x, [start, *low.tolist()], GREY, upper=[start, *high.tolist()])]


def _strongest(rows: pd.DataFrame) -> list[str]:
    sizes = rows[rows["kind"] == "emotion"].assign(size=lambda own: own["difference"].abs()).groupby("name")["size"]
    return [str(name) for name in sizes.max().sort_values(ascending=False, kind="stable").index[:_STRONGEST]]


def _control_names(rows: pd.DataFrame) -> list[str]:
    return sorted(rows.loc[rows["kind"].isin(_CONTROLS), "name"].unique())


def _languages(study: StudyTables, table: pd.DataFrame) -> list[str]:
    found = list(dict.fromkeys(table["language"]))
    return [*among(study.languages, found), *(name for name in found if name not in study.languages)]


def _verdict(answer: str, followed: bool) -> str:
    text = " ".join(answer.split())
    short = text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"
    return f"{'kept' if followed else 'broken'}: {short or '(nothing)'}"


def _percent(share: float) -> str:
    return f"{number(100 * share, 0)} %"


def _points(difference: float) -> str:
    size = np.round(100 * abs(difference), 0)
    return f"{size:.0f} percentage point{'' if size == 1 else 's'}"


def _change(difference: float) -> str:
    return f"{'lowers' if difference < 0 else 'raises'} this by {_points(difference)}"


PLANS = (
    Plan(
        "rules", "Whether a steered model keeps rules", ("rules", "rule_types"), finding, (chart, heat_map, answers),
        "Each answer is checked by program against the rule that it was given (a length, a form, words to use or to "
        "leave out, a secret to keep …). The grey band is what directions without emotion do at the same strength: "
        "random ones, and vectors built from stories whose emotions were shuffled. A filled marker differs from the "
        "unsteered model over prompts, and from what one more such direction could be expected to do, judged by how "
        "much the controls differ (corrected for all emotions and strengths, below 0.05), by more than any control "
        "does. Beside it stands whether the unsteered model still finds the text "
        "likely: above 3 times its perplexity it has fallen apart. “Without the rule” is how often answers keep a rule "
        "that nobody told them.",
        "A model whose text falls apart breaks rules as well, and keeps those that ask for less (no commas, say); "
        "neither says anything of obedience. A rule that is hardly ever kept can't be kept less. Answers end at the "
        "limit of tokens, which costs rules about an answer's end. Checks see the letter of a rule: an answer in "
        "gibberish of the right script passes as that language. Intervals are for other tasks under these rules: other "
        "rules would differ by far more. With a few controls only an effect many times their spread can be laid to an "
        "emotion; ten of each kind tell more.",
    ),
)  # fmt: skip
