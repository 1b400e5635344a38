"""The section on intervals, and on the reliability that bounds the agreement of languages."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from emovec.report.charts import Chart, Control, Curve, Lines, Listing, layer_control
from emovec.report.section_plan import Plan
from emovec.report.sections.findings import at_layer
from emovec.report.selectors import among, pair_control, pairs, variant_control, variants
from emovec.report.style import LAYER_AXIS, colour, language_name, marker, number, pair_name
from emovec.study.results import StudyTables

_NAMES = {
    "rsa": "correlation of the two geometries (RSA)",
    "rsa_noise_free": "the same, corrected for noise",
    "same_cosine": "mean cosine of the same emotion",
    "cosine_difference": "its excess over other emotions",
    "retrieval_ab": "nearest vector is the same emotion",
    "retrieval_ba": "nearest vector is the same emotion",
}


def interval(low: Any, high: Any) -> str:
    """An interval for prose, such as `[0.82, 0.90]`, with spaces that don't break."""
    return f"[{number(low)},\u00a0{number(high)}]"


def finding(study: StudyTables) -> str:
    """The RSA of each pair of languages with its interval, its ceiling and what remains of it without noise."""
    layer, rows = at_layer(study.tables["intervals"], study.layer)
    variant = variants(rows)[-1]
    rows = rows[rows["variant"] == variant]
    ceilings = study.tables.get("ceiling")
    parts: list[str] = []
    for a, b in pairs(study, rows):
        own = _by_statistic(_pair(rows, a, b))
        if "rsa" not in own:
            continue
        row = own["rsa"]
        said = f"{pair_name(a, b)} agree at r = {number(row['estimate'])} {interval(row['low'], row['high'])}"
        if ceilings is not None:
            found = _pair(at_layer(ceilings, layer)[1], a, b)
            found = found[found["variant"] == variant]
            said += "".join(
                f", where stories on as many other topics would let perfect agreement reach {number(c)}"
                for c in found["ceiling"].head(1)
            )
        if "rsa_noise_free" in own:
            free = own["rsa_noise_free"]
            bounds = interval(free["low"], free["high"])
            said += f"; without the noise of a limited number of topics r would be {number(free['estimate'])} {bounds}"
        parts.append(said)
    if not parts:
        return f"At layer {layer} there are no two languages to compare: only components have intervals."
    return (
        f"At layer {layer}, {variant} vectors, in brackets 95 % intervals of what topics give on average: "
        f"{'. '.join(parts)}."
    )


def agreement(study: StudyTables) -> Chart | None:
    """RSA with its interval beside the ceiling that reliability sets, by layer: raw and standardised side by side."""
    table = study.tables.get("intervals")
    if table is None or not (found := pairs(study, table)):
        return None
    ceilings, reliabilities = study.tables.get("ceiling"), study.tables.get("reliability")
    frames: dict[tuple[str, ...], list[Lines]] = {}
    for a, b in found:
        panels: list[Lines] = []
        own = _pair(table, a, b)
        for variant in reversed(variants(table)):
            curves = _band(own[(own["variant"] == variant) & (own["statistic"] == "rsa")], "r between languages", 0)
            free = own[(own["variant"] == variant) & (own["statistic"] == "rsa_noise_free")].sort_values("layer")
            curves.append(_line(free, "estimate", "r corrected for noise", colour(2), "dot"))
            if ceilings is not None:
                rows = _pair(ceilings, a, b)
                rows = rows[rows["variant"] == variant].sort_values("layer")
                curves.append(_line(rows, "ceiling", "ceiling: root of the reliabilities' product", "#000000", "dash"))
            for language in (a, b):
                if reliabilities is None:
                    continue
                rows = reliabilities[(reliabilities["variant"] == variant) & (reliabilities["language"] == language)]
                label = f"reliability, {language_name(language)}"
                at = study.languages.index(language)
                curves.append(_line(rows.sort_values("layer"), "r", label, "#999999", "solid", marker(at)))
            values = [v for c in curves for v in (*c.y, *(c.upper or ())) if v == v]
            limits = (min(0.0, *values) - 0.03 if min(values) < 0 else 0.0, max(1.03, max(values) + 0.02))
            panels.append(Lines(f"{variant} vectors", LAYER_AXIS, "r", curves, limits, study.layer))
        frames[(f"{a}+{b}",)] = panels
    caption = "Agreement across languages with its 95 % interval over topics, and the ceiling that reliability sets"
    return Chart("uncertainty", caption, (pair_control(found),), frames)


def headline_numbers(study: StudyTables) -> Listing | None:
    """Every headline number with its interval, at each layer."""
    table = study.tables.get("intervals")
    if table is None:
        return None
    layers = [int(layer) for layer in sorted(table["layer"].unique())]
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for variant in variants(table):
        for layer in layers:
            rows = table[(table["variant"] == variant) & (table["layer"] == layer)]
            frames[variant, str(layer)] = [*_pair_rows(study, rows), *_component_rows(study, rows)]
    controls: tuple[Control, ...] = (variant_control(table), layer_control(layers, study.layer))
    columns = ("number", "of", "value", "95 % interval")
    return Listing("headline-intervals", "Headline numbers with their intervals", controls, columns, frames)


def _pair_rows(study: StudyTables, rows: pd.DataFrame) -> list[list[str | list[str]]]:
    found: list[list[str | list[str]]] = []
    for a, b in pairs(study, rows):
        own = _by_statistic(_pair(rows, a, b))
        for name in among(_NAMES, own):
            sign = " → " if name.startswith("retrieval") else "–"
            of = pair_name(b, a, sign) if name == "retrieval_ba" else pair_name(a, b, sign)
            found.append([_NAMES[name], of, *_numbers(own[name])])
    return found


def _component_rows(study: StudyTables, rows: pd.DataFrame) -> list[list[str | list[str]]]:
    found: list[list[str | list[str]]] = []
    for language in study.languages:
        own = rows[(rows["language_a"] == language) & (rows["statistic"] == "pc_norm")].sort_values("reference")
        own = own[~own["reference"].str.endswith(" dominance")]
        found += [
            [f"r of {row['reference'].replace(' · ', ' with ')}", language_name(language), *_numbers(row)]
            for row in own.to_dict("records")
        ]
    return found


def _numbers(row: Mapping[Any, Any]) -> list[str | list[str]]:
    return [number(row["estimate"]), interval(row["low"], row["high"])]


def _by_statistic(rows: pd.DataFrame) -> dict[str, dict[Any, Any]]:
    return {row["statistic"]: row for row in rows.to_dict("records")}


def _band(rows: pd.DataFrame, label: str, position: int) -> list[Curve]:
    rows = rows.sort_values("layer")
    layers = [int(layer) for layer in rows["layer"]]
    shade = Curve(
        f"{label}: 95 % interval", layers, rows["low"].tolist(), colour(position), upper=rows["high"].tolist()
    )
    notes = [interval(low, high) for low, high in zip(rows["low"], rows["high"], strict=True)]
    return [shade, Curve(label, layers, rows["estimate"].tolist(), colour(position), marker="circle", notes=notes)]


def _line(rows: pd.DataFrame, column: str, label: str, hue: str, dash: str, mark: str | None = None) -> Curve:
    layers = [int(layer) for layer in rows["layer"]]
    return Curve(label, layers, rows[column].tolist(), hue, dash, mark)  # pyright: ignore[reportArgumentType]


def _pair(table: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    return table[(table["language_a"] == a) & (table["language_b"] == b)]


PLANS = (
    Plan(
        "uncertainty", "How certain the numbers are", ("intervals", "ceiling", "reliability"), finding,
        (agreement, headline_numbers),
        "The band holds the correlation that as many other topics would give on average, at a confidence of 95 %; one "
        "new set of topics scatters about √2 times as far. Grey curves "
        "show how well half of the topics predict the other half within a language, stepped up to all topics; no "
        "correlation between languages is to be expected above the dashed ceiling that they set. The dotted curve is "
        "the correlation with that noise taken out, each language read on other topics than the other.",
        "The intervals speak of other topics, not of other emotions, other models or other ways of writing stories; "
        "where reliability is below 0.5, or the corrected r exceeds 1, the correction is guesswork. Raw and "
        "standardised vectors, layers and pairs of languages differ in reliability: compare them by the corrected r.",
    ),
)  # fmt: skip
