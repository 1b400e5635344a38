"""The section on geodesic distances: do languages agree otherwise along paths than along straight lines?"""

from collections.abc import Sequence

import pandas as pd

from emovec.report.charts import Chart, Curve, Lines, Points, Scatter, kept_note, layer_control, thin
from emovec.report.section_plan import Plan
from emovec.report.sections.findings import at_layer
from emovec.report.selectors import pair_control, pairs, side_by_side, variant_control, variants
from emovec.report.style import GREY, LAYER_AXIS, OKABE_ITO, colour, language_name, marker, number, pair_name
from emovec.study.results import StudyTables

_POINTS = 6_000


def finding(study: StudyTables) -> str:
    """Whether geodesic distances agree better across languages than straight-line ones, both corrected for noise."""
    table = study.tables["geodesic"]
    layer, rows = at_layer(table, study.layer)
    rows = rows[(rows["variant"] == variants(rows)[-1]) & (rows["k"] == _main_k(study))]
    a, b = pairs(study, table)[0]
    row = rows[(rows["language_a"] == a) & (rows["language_b"] == b)].iloc[0]
    others = len(pairs(study, table)) - 1
    where = f"At layer {layer}, with {int(row['k'])} neighbours to each emotion,"
    if not row["connected"]:
        return (
            f"{where} there is no comparison of {pair_name(a, b)} geodesic distances: "
            "some emotions are joined to the rest by no path."
        )
    observed = f"r = {number(row['rsa_geodesic'])} and {number(row['rsa_euclidean'])} as observed"
    if pd.isna(row["low"]):
        return (
            f"{where} geodesic and straight-line distances of {pair_name(a, b)} can't be compared: {observed}, but "
            "paths are less reliable than straight lines, and there are too few topics, or too little that returns on "
            "other topics, to correct for that."
        )
    values = (
        f"corrected for their own reliability r is {number(row['free_geodesic'])} by geodesic and "
        f"{number(row['free_euclidean'])} by straight-line distances; difference {number(row['difference'])}, 95 % "
        f"interval {number(row['low'])} to {number(row['high'])} over topics"
    )
    more = f"; the figure holds the other {others} pairs of languages" if others else ""
    names = pair_name(a, b, " and ")
    if row["low"] <= 0 <= row["high"]:
        verdict = f"no difference is found between how far {names} agree by geodesic and by straight-line distances"
    else:
        verdict = f"{names} agree {'more' if row['low'] > 0 else 'less'} by geodesic than by straight-line distances"
    return f"{where} {verdict}: {values} ({observed}){more}."


def _main_k(study: StudyTables) -> int:
    """The k that is corrected for noise at every layer."""
    known = study.summaries.get("geodesic", {}).get("k")
    ks = sorted({int(k) for k in study.tables["geodesic"]["k"]})
    return next((k for k in ks if k == known), ks[len(ks) // 2])


def by_k(study: StudyTables) -> Chart | None:
    """Agreement by both distances, and their difference, over the number of neighbours at the layer shown first."""
    table = study.tables.get("geodesic")
    if table is None or not (found := pairs(study, table)):
        return None
    layer, rows = at_layer(table, study.layer)
    return _chart(
        "geodesic-k",
        f"Agreement of geodesic and straight-line distances across languages, by number of neighbours, layer {layer}",
        (rows, found),
        "k",
        "k (neighbours of each emotion)",
        None,
    )


def by_layer(study: StudyTables) -> Chart | None:
    """The same over layers, for one number of neighbours."""
    table = study.tables.get("geodesic")
    if table is None or not (found := pairs(study, table)):
        return None
    k = _main_k(study)
    return _chart(
        "geodesic-layer",
        f"Agreement of geodesic and of straight-line distances across languages, by layer, with {k} neighbours",
        (table[table["k"] == k], found),
        "layer",
        LAYER_AXIS,
        study.layer,
    )


def _chart(
    name: str,
    caption: str,
    of: tuple[pd.DataFrame, list[tuple[str, str]]],
    x: str,
    x_label: str,
    mark: int | None,
) -> Chart:
    table, found = of
    control = variant_control(table)
    # One scale for every choice, so that a look from one to the next compares.
    agreements = ["rsa_geodesic", "rsa_euclidean", "free_geodesic", "free_euclidean"]
    floor = max(-1.05, min(-0.1, float(table[["low", "difference"]].min().min()) - 0.05))
    bottom = min(0.0, float(table[agreements].min().min()) - 0.05)
    top = max(1.03, float(table[agreements].max().max()) + 0.02)
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for variant in control.options:
        for a, b in found:
            own = table[(table["variant"] == variant) & (table["language_a"] == a) & (table["language_b"] == b)]
            own = own.sort_values(x)
            at = own[x].tolist()
            known = own[own["low"].notna()]
            agreement = [
                Curve("straight-line, as observed", at, own["rsa_euclidean"].tolist(), OKABE_ITO[0], "dot"),
                Curve("geodesic, as observed", at, own["rsa_geodesic"].tolist(), OKABE_ITO[1], "dot"),
                Curve(
                    "straight-line, without noise", at, own["free_euclidean"].tolist(), OKABE_ITO[0], marker="circle"
                ),
                Curve("geodesic, without noise", at, own["free_geodesic"].tolist(), OKABE_ITO[1], "dash", "square"),
            ]
            band = Curve(
                "95 % interval over topics",
                known[x].tolist(),
                known["low"].tolist(),
                OKABE_ITO[2],
                upper=known["high"].tolist(),
            )
            notes = [
                f"95 %: {low:.3f} to {high:.3f}" if low == low else "no interval"  # NaN equals nothing
                for low, high in own[["low", "high"]].itertuples(index=False, name=None)
            ]
            line = Curve(
                "geodesic − straight-line, both without noise",
                at,
                own["difference"].tolist(),
                OKABE_ITO[2],
                marker="diamond",
                notes=notes,
            )
            zero = Curve("no difference", at, [0.0] * len(at), GREY, "dot")
            frames[variant, f"{a}+{b}"] = [
                Lines(f"{pair_name(a, b)}, {variant}", x_label, "r across languages", agreement, (bottom, top), mark),
                Lines(
                    "difference", x_label, "difference of r", [band, zero, line], (floor, max(0.15, _top(table))), mark
                ),
            ]
    return Chart(name, caption, (control, pair_control(found)), frames)


def _top(table: pd.DataFrame) -> float:
    top = table[["high", "difference"]].max().max()
    return 0.0 if pd.isna(top) else float(top) + 0.05


def isomap(study: StudyTables) -> Chart | None:
    """Isomap of each language, side by side where there are two, with a slider over layers."""
    table = study.tables.get("isomap")
    if table is None:
        return None
    languages = [language for language in study.languages if language in set(table["language"])]
    control = variant_control(table)
    every = [int(layer) for layer in sorted(table["layer"].unique())]
    points = len(control.options) * len(languages) * table["emotion"].nunique()
    layers = thin(every, max(1, _POINTS // points), study.layer)
    found: dict[tuple[str, ...], dict[str, Scatter]] = {}
    for layer in layers:
        for variant in control.options:
            panels = found.setdefault((str(layer), variant), {})
            for position, language in enumerate(languages):
                own = table[(table["layer"] == layer) & (table["variant"] == variant) & (table["language"] == language)]
                if own.empty:
                    continue
                own = own.sort_values("emotion")
                group = Points(
                    language_name(language),
                    own["x"].tolist(),
                    own["y"].tolist(),
                    own["emotion"].tolist(),
                    colour(position),
                    marker(position),
                )
                title = f"{language_name(language)}, layer {layer}, {variant}, k = {int(own['k'].iloc[0])}"
                panels[language] = Scatter(title, "Isomap 1 (length of path)", "Isomap 2 (length of path)", [group])
    frames, choice = side_by_side(found, languages)
    controls = [layer_control(layers, study.layer), control, *choice]
    note = kept_note(layers, every, "isomap")
    return Chart("isomap", "Isomap of the emotion vectors, each language alone", controls, frames, note, height=560)


PLANS = (
    Plan(
        "geodesic", "Geodesic and straight-line distances", ("geodesic", "isomap"), finding, (by_k, by_layer, isomap),
        "A straight-line distance cuts through the space; a geodesic one walks from emotion to emotion, each joined to "
        "its k nearest, and so follows a bent sheet if the emotions lie on one. An emotion that changes its neighbours "
        "moves many paths, so that geodesic distances are less reliable and their agreement as observed (dotted) is "
        "lower even between languages of the very same geometry. The other curves are corrected, each for how well its "
        "own distances return on other topics; only their difference (green) compares the two. Where the band holds "
        "zero, no difference is found. Isomap draws the geodesic distances; it is turned, never stretched, to lie on "
        "the layer before and on the first language.",
        "The correction allows a test of no difference. It is no measure of a difference that is there: paths through "
        "noisy vectors pass other emotions than the true ones, which makes a true difference look smaller, so that "
        "a band that holds zero does not show that the two distances agree equally well. With many neighbours they "
        "become the same. Where the graph falls apart there is no geodesic distance, and the curve has a gap. A band "
        "at one k or layer says little if its neighbours say otherwise: these are not corrected for their number.",
        across=True, partial=False,
    ),
)  # fmt: skip
