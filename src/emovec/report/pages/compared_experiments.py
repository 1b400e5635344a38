"""What the page of a comparison says and draws of preferences and rules."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from emovec.report.charts import Chart, HeatMap, Points, Scatter, Selector
from emovec.report.style import colour, language_name, number, p_value, percent, sentences
from emovec.stats.permutation import ALPHA
from emovec.study.compared_experiments import ComparedExperiments

_LISTED = 12
_DESIGNS = {"whole": "all tokens steered", "half": "one half's tokens steered"}
_Frames = dict[tuple[str, ...], Sequence[Any]]


# ── findings ──


def preference_finding(found: ComparedExperiments) -> str:
    """How far the unsteered models like the same, which kinds differ, and whether steering changes them differently."""
    said: list[str] = []
    for _, a, b, language, own in _each(found.preferences):
        agreed = _same(found.preference_agreement, a, b, language).query("within == 'everything'").iloc[0]
        if np.isfinite(agreed["low"]):
            said.append(
                f"in {language_name(language)} the unsteered scores of {agreed['n_activities']} activities in {a} and "
                f"{b} correlate with r = {number(agreed['r'])} (95 % interval {_span(agreed)})"
            )
        parts = [("score", "", "unsteered scores of kinds of activities")]
        parts += [("change", design, f"changes by steering with {told}") for design, told in _DESIGNS.items()]
        parts += [("shift", "half", "shifts of the steered half")]
        for measure, design, what in parts:
            rows = own[(own["measure"] == measure) & (own["design"] == design)]
            if len(rows):
                said.append(_beyond(rows, f"{what} in {language_name(language)}", a, b))
    return sentences(said)


def rule_finding(found: ComparedExperiments) -> str:
    """How often each unsteered model keeps its rules, and whether steering changes that differently."""
    said: list[str] = []
    for _, a, b, language, own in _each(found.rules):
        rate = own[(own["measure"] == "rate") & (own["rule"] == "")].iloc[0]
        known = np.isfinite(rate["low"])
        interval = f" (95 % interval {_span(rate, 'share')})" if known else ""
        doubt = "" if known and rate["p"] < ALPHA else ", which may be chance"
        said.append(
            f"in {language_name(language)} {a} keeps {percent(rate['a'])} of its rules unsteered and {b} "
            f"{percent(rate['b'])}, a difference of {_signed(rate['difference'], 'share')}{interval}{doubt}"
        )
        rows = own[own["measure"] == "change"]
        if len(rows):
            said.append(_beyond(rows, f"changes by steering in {language_name(language)}", a, b))
    return sentences(said)


def _beyond(rows: pd.DataFrame, what: str, a: str, b: str) -> str:
    """How many differences go beyond chance, and the one of least p; or that none does, and how far it could go."""
    tested = rows[np.isfinite(rows["p"])]
    if not np.isfinite(tested["low"]).any():
        return f"for {what} there is no interval: nothing varies, or there are too few to see how they vary"
    top = tested.sort_values("p", kind="stable").to_dict("records")[0]
    n, beyond = len(tested), int((tested["p_familywise"] < ALPHA).sum())
    unit = "share" if "rule" in rows else "points"
    most = (
        f"{_row_name(top)}, {_value(top['a'], top, unit)} in {a} and {_value(top['b'], top, unit)} in {b} (difference "
        f"{_signed(top['difference'], unit)}, 95 % interval {_span(top, unit)})"
    )
    if beyond:
        differ = "differs" if beyond == 1 else "differ"
        return f"of {n} {what} {beyond} {differ} beyond chance, corrected for their number; most clearly {most}"
    return f"of {n} {what} none differs beyond chance, corrected for their number; the clearest is {most}"


def _row_name(row: Any) -> str:
    if row["measure"] == "score":
        return str(row["category"])
    name = f"{row['emotion']} at {row['strength']:g}"
    return f"{row['category']} under {name}" if row.get("category") else name


def _value(value: float, row: Any, unit: str) -> str:
    return number(value, 0) if row["measure"] == "score" else _signed(value, unit)


def _signed(value: float, unit: str) -> str:
    text = number(100 * value if unit == "share" else value, 0)
    text = f"+{text}" if value > 0 and float(text) else text
    return f"{text} percentage points" if unit == "share" else f"{text} points"


def _size(value: float, unit: str) -> str:
    return number(100 * abs(value) if unit == "share" else abs(value), 0)


def _span(row: Any, unit: str = "") -> str:
    if not unit:
        return f"{number(row['low'])} to {number(row['high'])}"
    scale = 100 if unit == "share" else 1
    return f"{number(scale * row['low'], 0)} to {number(scale * row['high'], 0)}"


# ── figures ──


def charts(found: ComparedExperiments) -> dict[str, Chart]:
    """The figures of those experiments that two studies share."""
    drawn: dict[str, Chart] = {}
    if len(found.preferences):
        drawn["preferences"] = _scores(found)
        if (found.preferences["measure"] == "change").any():
            drawn["preference_changes"] = _changes(found)
    if len(found.rules):
        drawn["rules"] = _rules(found)
    return drawn


def _scores(found: ComparedExperiments) -> Chart:
    """Each activity's score in both models, and how far the kinds' means differ."""
    selectors = _selectors(found.preferences)
    frames = _empty(selectors)
    for key, a, b, language, own in _each(found.preferences):
        at = _same(found.activities, a, b, language)
        kinds = list(dict.fromkeys(at["category"]))
        groups = [
            Points(
                kind, part["score_a"].tolist(), part["score_b"].tolist(), part["text"].tolist(), colour(i), "circle",
                labelled=False,
            )
            for i, kind in enumerate(kinds)
            for part in [at[at["category"] == kind]]
        ]  # fmt: skip
        rows = own[own["measure"] == "score"]
        frames[key] = [
            _plane(f"activities, {language_name(language)}", f"score in {a}", f"score in {b}", groups),
            _forest("difference of the kinds' means", f"Elo points, {b} minus {a}", rows, rows["category"].tolist(), 1),
        ]
    caption = (
        "Unsteered scores of activities in both models, and the difference of each kind's mean with its 95 % interval"
    )
    return Chart("preferences", caption, selectors, frames, height=460)


def _changes(found: ComparedExperiments) -> Chart:
    """Emotion × kind of activity: how much more steering changes it in the second model."""
    table = found.preferences[found.preferences["measure"] == "change"]
    designs = [design for design in _DESIGNS if (table["design"] == design).any()]
    strengths = [f"{strength:g}" for strength in sorted(table["strength"].unique())]
    selectors = (
        *_selectors(table), Selector("design", designs, designs[0], names=[_DESIGNS[each] for each in designs]),
        Selector("strength", strengths, strengths[-1]),
    )  # fmt: skip
    limit = max(1.0, float(table["difference"].abs().max()))
    frames = _empty(selectors)
    for place, a, b, language, own in _each(table):
        for (design, strength), rows in own.groupby(["design", "strength"], sort=False):
            names, kinds = (list(dict.fromkeys(rows[column])) for column in ("emotion", "category"))
            values = rows.pivot_table(index="emotion", columns="category", values="difference", sort=False)
            title = f"{language_name(language)}, {_DESIGNS[str(design)]}, strength {strength:g}"
            frames[(*place, str(design), f"{strength:g}")] = [
                HeatMap(
                    title, values.reindex(index=names, columns=kinds).to_numpy(float), names, kinds, "steered by",
                    "kind of activity", f"change in {b} minus that in {a}", (-limit, limit), "diverging",
                )
            ]  # fmt: skip
    tallest = max(len(panel.rows) for panels in frames.values() for panel in panels)
    caption = "How much more steering changes each kind's score in the second model than in the first, in Elo points"
    return Chart("preference-changes", caption, selectors, frames, height=200 + 26 * tallest)


def _rules(found: ComparedExperiments) -> Chart:
    """How often each rule is kept in both models, and how far the changes by steering differ."""
    selectors = _selectors(found.rules)
    frames = _empty(selectors)
    for key, a, b, language, own in _each(found.rules):
        rates = own[(own["measure"] == "rate") & (own["rule"] != "")]
        x, y, names = (100 * rates["a"]).tolist(), (100 * rates["b"]).tolist(), rates["rule"].tolist()
        points = Points("rules", x, y, names, colour(0), "circle", labelled=False)
        labels = f"% kept, {a}", f"% kept, {b}"
        panels = [_plane(f"each rule unsteered, {language_name(language)}", *labels, [points], (-4.0, 104.0))]
        rows = own[own["measure"] == "change"]
        if len(rows):
            names = [f"{name} {strength:g}" for name, strength in zip(rows["emotion"], rows["strength"], strict=True)]
            title, label = "difference of the changes by steering", f"percentage points, {b} minus {a}"
            panels.append(_forest(title, label, rows, names, 100))
        frames[key] = panels
    caption = "Rules kept unsteered in both models, and the difference of what steering changes with its 95 % interval"
    return Chart("rules", caption, selectors, frames, height=460)


def _plane(title: str, x: str, y: str, groups: Sequence[Points], limits: tuple[float, float] | None = None) -> Scatter:
    """Both models' values on the same scale, with the line on which they are equal."""
    if limits is None:
        every = np.array([value for group in groups for value in (*group.x, *group.y)])
        low, high = float(every.min()), float(every.max())
        pad = 0.05 * (high - low) or 1.0
        limits = low - pad, high + pad
    low, high = limits
    legend = [(group.label, group.colour, group.marker) for group in groups] if len(groups) > 1 else ()
    return Scatter(title, x, y, groups, legend, [((low, low), (high, high))], (limits, limits))


def _forest(title: str, x: str, rows: pd.DataFrame, names: Sequence[str], scale: float) -> Scatter:
    """A difference a line, with its interval, from above; the upright line is no difference."""
    heights = list(range(len(rows), 0, -1))
    links = [
        ((scale * row["low"], height), (scale * row["high"], height))
        for row, height in zip(rows.to_dict("records"), heights, strict=True)
        if np.isfinite(row["low"])
    ]
    points = Points("", (scale * rows["difference"]).tolist(), heights, names, colour(0), "circle")
    ends = [0.0, *points.x, *(end[0] for link in links for end in link)]
    pad = 0.06 * (max(ends) - min(ends)) or 1.0
    limits = (min(ends) - pad, max(ends) + pad), (0.3, len(rows) + 0.9)
    return Scatter(title, x, "", [points], links=[((0.0, 0.3), (0.0, len(rows) + 0.9)), *links], limits=limits)


def _selectors(table: pd.DataFrame) -> tuple[Selector, Selector]:
    pairs = list(dict.fromkeys(f"{row.study_a} – {row.study_b}" for row in table.itertuples()))
    languages = list(dict.fromkeys(table["language"]))
    names = [language_name(language) for language in languages]
    return Selector("studies", pairs, pairs[0]), Selector("language", languages, languages[0], names=names)


def _empty(selectors: Sequence[Selector]) -> _Frames:
    """Nothing to see for any choice; not every two studies share every language."""
    return {key: [] for key in product(*(selector.options for selector in selectors))}


def _each(table: pd.DataFrame) -> Iterator[tuple[tuple[str, str], str, str, str, pd.DataFrame]]:
    """The rows of each two studies and language, with their key among the frames."""
    for key, own in table.groupby(["study_a", "study_b", "language"], sort=False):
        a, b, language = map(str, key)
        yield (f"{a} – {b}", language), a, b, language, own


def _same(table: pd.DataFrame, a: str, b: str, language: str) -> pd.DataFrame:
    return table[(table["study_a"] == a) & (table["study_b"] == b) & (table["language"] == language)]


# ── tables ──


def listings(found: ComparedExperiments) -> dict[str, pd.DataFrame]:
    """As text: the kinds' means, the clearest differences of what steering changes, and the rates of rules."""
    preferences, rules = found.preferences, found.rules
    made = {
        "preferences": _listing(preferences[preferences["measure"] == "score"], "points"),
        "preference_changes": _listing(_clearest(preferences[preferences["measure"] != "score"]), "points"),
        "rules": _listing(rules[rules["measure"] == "rate"], "share"),
        "rule_changes": _listing(_clearest(rules[rules["measure"] == "change"]), "share"),
    }
    return {name: table for name, table in made.items() if len(table)}


def _clearest(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values("p", kind="stable").head(_LISTED)


def _listing(rows: pd.DataFrame, unit: str) -> pd.DataFrame:
    shown: list[dict[str, str]] = []
    for row in rows.to_dict("records"):
        rate, changed = row["measure"] == "rate", row["measure"] in ("change", "shift")
        if changed:
            what = {"steered by": f"{row['emotion']} at {row['strength']:g}"}
            if unit == "points":
                what |= {"design": _DESIGNS[row["design"]], "kind": row["category"] or "mean shift"}
        else:
            what = {"rule": row["rule"] or "all"} if rate else {"kind": row["category"]}
        a, b = (percent(row[end]) if rate else _value(row[end], row, unit) for end in "ab")
        known = np.isfinite(row["low"])
        shown.append(
            {
                "studies": f"{row['study_a']} – {row['study_b']}", "language": language_name(row["language"]),
                **what, "first": a, "second": b, "difference": _signed(row["difference"], unit),
                "95 % interval": _span(row, unit) if known else "–",
                "p": p_value(row["p"]), "p, corrected": p_value(row["p_familywise"]),
                **({"controls": " and ".join(_size(row[f"control_{end}"], unit) for end in "ab")} if changed else {}),
            }
        )  # fmt: skip
    return pd.DataFrame(shown)
