"""The section on geodesic distances: do languages agree otherwise along paths than along straight lines?"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from emovec.report.charts import Chart, Lines, Scatter, Selector
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import GREY, LAYER_AXIS, OKABE_ITO, colour, language_name, marker, number, pair_name
from emovec.study.results import StudyTables

_POINTS = 6_000


def finding(study: StudyTables, geodesic: Selection) -> str:
    """Whether geodesic distances agree better across languages than straight-line ones, both corrected for noise."""
    a, b = geodesic.pairs[0]
    row = geodesic.shown().pair(a, b).where(k=_main_k(study, geodesic)).records()[0]
    others = len(geodesic.pairs) - 1
    where = f"At layer {geodesic.layer}, with {row['k']} neighbours for each emotion,"
    if not row["connected"]:
        return (
            f"{where} geodesic distances of {pair_name(a, b)} can't be compared: "
            "no path joins some emotions to the rest."
        )
    observed = f"r = {number(row['rsa_geodesic'])} and {number(row['rsa_euclidean'])} as observed"
    if pd.isna(row["low"]):
        return (
            f"{where} geodesic and straight-line distances of {pair_name(a, b)} can't be compared: {observed}, but "
            "paths are less reliable than straight lines, and there are too few topics, or distances that repeat too "
            "little on other topics, to correct for that."
        )
    values = (
        f"corrected for their own reliability r is {number(row['free_geodesic'])} by geodesic and "
        f"{number(row['free_euclidean'])} by straight-line distances; difference {number(row['difference'])}, 95 % "
        f"interval {number(row['low'])} to {number(row['high'])} over topics"
    )
    more = f"; the figure shows the other {others} pairs of languages" if others else ""
    names = pair_name(a, b, " and ")
    if row["low"] <= 0 <= row["high"]:
        verdict = f"no difference is found between how well {names} agree by geodesic and by straight-line distances"
    else:
        verdict = f"{names} agree {'more' if row['low'] > 0 else 'less'} by geodesic than by straight-line distances"
    return f"{where} {verdict}: {values} ({observed}){more}."


def _main_k(study: StudyTables, geodesic: Selection) -> int:
    """The k that is corrected for noise at every layer."""
    ks: list[int] = geodesic.values("k")
    known = [k for k in ks if k == study.summaries.get("geodesic", {}).get("k")]
    return known[0] if known else ks[len(ks) // 2]


def by_k(geodesic: Selection) -> Chart:
    """Agreement by both distances, and their difference, over the number of neighbours at the layer shown first."""
    selectors = (geodesic.variant_selector(), geodesic.pair_selector())
    rows = geodesic.at_shown_layer()
    caption = "Agreement of geodesic and straight-line distances across languages, by number of neighbours, "
    caption += f"layer {rows.layer}"
    frames = _frames(rows, selectors, "k", "k (neighbours of each emotion)", None)
    return Chart("geodesic-k", caption, selectors, frames)


def by_layer(study: StudyTables, geodesic: Selection) -> Chart:
    """The same over layers, for one number of neighbours."""
    selectors = (geodesic.variant_selector(), geodesic.pair_selector())
    k = _main_k(study, geodesic)
    caption = f"Agreement of geodesic and of straight-line distances across languages, by layer, with {k} neighbours"
    frames = _frames(geodesic.where(k=k), selectors, "layer", LAYER_AXIS, study.layer)
    return Chart("geodesic-layer", caption, selectors, frames)


def _frames(
    rows: Selection, selectors: Sequence[Selector], along: str, label: str, mark: int | None
) -> dict[tuple[str, ...], list[Lines]]:
    """Both agreements, and their difference: on one scale for every choice, so that they compare."""
    table, agreements = rows.rows, ["rsa_geodesic", "rsa_euclidean", "free_geodesic", "free_euclidean"]
    floor = max(-1.05, min(-0.1, float(table[["low", "difference"]].min().min()) - 0.05))
    bottom = min(0.0, float(table[agreements].min().min()) - 0.05)
    top = max(1.03, float(table[agreements].max().max()) + 0.02)
    high = table[["high", "difference"]].max().max()
    ceiling = max(0.15, 0.0 if pd.isna(high) else float(high) + 0.05)

    def note(row: dict[Any, Any]) -> str:
        return "no interval" if pd.isna(row["low"]) else f"95 %: {row['low']:.3f} to {row['high']:.3f}"

    frames: dict[tuple[str, ...], list[Lines]] = {}
    for key, own in rows.each(*selectors):
        known = own.keep(own["low"].notna())
        blue, red, green = OKABE_ITO[:3]
        agreement = [
            own.curve("rsa_euclidean", "straight-line, as observed", blue, "dot", along=along),
            own.curve("rsa_geodesic", "geodesic, as observed", red, "dot", along=along),
            own.curve("free_euclidean", "straight-line, without noise", blue, marker="circle", along=along),
            own.curve("free_geodesic", "geodesic, without noise", red, "dash", "square", along=along),
        ]
        difference = [
            known.curve("low", "95 % interval over topics", green, along=along, upper="high"),
            own.level(0.0, "no difference", GREY, "dot", along),
            own.curve(
                "difference", "geodesic − straight-line, both without noise", green, marker="diamond", along=along,
                note=note,
            ),
        ]  # fmt: skip
        title = f"{pair_name(*own.pairs[0])}, {own.only('variant')}"
        frames[key] = [
            Lines(title, label, "r across languages", agreement, (bottom, top), mark),
            Lines("difference", label, "difference of r", difference, (floor, ceiling), mark),
        ]
    return frames


def maps(isomap: Selection) -> Chart:
    """Isomap of each language, side by side where there are two, with a slider over layers."""
    variants = isomap.variant_selector()
    points = len(variants.options) * len(isomap.languages) * isomap["emotion"].nunique()
    layers = isomap.layer_selector(_POINTS // points)

    def panel(rows: Selection) -> Scatter:
        language, at = rows.only("language"), isomap.languages.index(rows.only("language"))
        where = f"layer {rows.only('layer')}, {rows.only('variant')}, k = {rows.only('k')}"
        group = rows.points(language_name(language), colour(at), marker(at))
        title = f"{language_name(language)}, {where}"
        return Scatter(title, "Isomap 1 (length of path)", "Isomap 2 (length of path)", [group])

    frames, selectors = isomap.side_by_side([layers, variants], panel)
    caption = "Isomap of the emotion vectors, each language alone"
    return Chart("isomap", caption, selectors, frames, isomap.kept_note(layers), height=560)


SECTION = Section(
    place=380,
    anchor="geodesic",
    title="Geodesic and straight-line distances",
    tables=("geodesic", "isomap"),
    finding=finding,
    exhibits=(by_k, by_layer, maps),
    across=True,
    reading="A straight-line distance cuts through the space. A geodesic distance goes from emotion to emotion, "
    "each joined to its k nearest, and so follows a curved sheet if the emotions lie on one. When an emotion's "
    "neighbours change, many paths change, so geodesic distances are less reliable. Their observed agreement "
    "(dotted) is therefore lower even between languages with exactly the same geometry. The other curves are "
    "corrected, each for how reliably its own distances repeat on other topics; only their difference (green) "
    "compares the two kinds of distance. Where the band includes zero, no difference is found. Isomap draws the "
    "geodesic distances; each map is rotated, never stretched, to match the layer before and the first language.",
    misleading="The correction allows a test of no difference, but doesn't measure how large a difference is. Paths "
    "through noisy vectors pass the wrong emotions, which makes a true difference look smaller. So a band that "
    "includes zero does not show that the two distances agree equally well. With many neighbours they become the "
    "same. Where the graph falls apart there is no geodesic distance, and the curve has a gap. A band at one k or "
    "layer means little if its neighbours disagree; the bands are not corrected for their number.",
)
