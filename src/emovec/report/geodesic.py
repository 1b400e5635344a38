"""The section on geodesic distances: do languages agree better along the neighbour graph than in a straight line?"""

from collections.abc import Sequence

import pandas as pd

from emovec.report.charts import Chart, Curve, Lines, Points, Scatter, kept_note, layer_control, thin
from emovec.report.choices import pair_control, pairs, side_by_side, variant_control, variants
from emovec.report.findings import at_layer
from emovec.report.plan import Plan
from emovec.report.style import GREY, LAYER_AXIS, OKABE_ITO, colour, language_name, marker, number, pair_name
from emovec.report.tables import StudyTables

_POINTS = 6_000


def finding(study: StudyTables) -> str:
    """Whether geodesic distances agree better across languages than straight-line ones, with the interval."""
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
    values = f"(r = {number(row['rsa_geodesic'])} against {number(row['rsa_euclidean'])}"
    if pd.isna(row["low"]):
        return (
            f"{where} geodesic and straight-line distances of {pair_name(a, b)} agree {values}); no interval is known."
        )
    values += (
        f"; difference {number(row['difference'])}, 95 % interval {number(row['low'])} to {number(row['high'])}"
        f" over resampled topics)"
    )
    more = f"; the figure holds the other {others} pairs of languages" if others else ""
    if row["low"] <= 0 <= row["high"]:
        verdict = "agree no better and no worse across {} than straight-line ones, as far as the topics can tell"
    else:
        verdict = f"agree {'better' if row['low'] > 0 else 'worse'} across {{}} than straight-line ones"
    return f"{where} geodesic distances {verdict.format(pair_name(a, b, ' and '))} {values}{more}."


def _main_k(study: StudyTables) -> int:
    """The k whose interval is known at every layer."""
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
    floor = min(-0.1, float(table[["low", "difference", "rsa_geodesic"]].min().min()) - 0.05)
    bottom = min(0.0, float(table[["rsa_geodesic", "rsa_euclidean"]].min().min()) - 0.05)
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for variant in control.options:
        for a, b in found:
            own = table[(table["variant"] == variant) & (table["language_a"] == a) & (table["language_b"] == b)]
            own = own.sort_values(x)
            at = own[x].tolist()
            known = own[own["low"].notna()]
            agreement = [
                Curve("straight-line distances", at, own["rsa_euclidean"].tolist(), OKABE_ITO[0], marker="circle"),
                Curve("geodesic distances", at, own["rsa_geodesic"].tolist(), OKABE_ITO[1], "dash", "square"),
            ]
            band = Curve(
                "95 % interval over topics",
                known[x].tolist(),
                known["low"].tolist(),
                OKABE_ITO[2],
                upper=known["high"].tolist(),
            )
            notes = [
                f"95 %: {low:.3f} to {high:.3f}, {n} draws" if low == low else "no interval"  # NaN equals nothing
                for low, high, n in own[["low", "high", "draws"]].itertuples(index=False, name=None)
            ]
            line = Curve(
                "geodesic − straight-line", at, own["difference"].tolist(), OKABE_ITO[2], marker="diamond", notes=notes
            )
            zero = Curve("no difference", at, [0.0] * len(at), GREY, "dot")
            frames[variant, f"{a}+{b}"] = [
                Lines(f"{pair_name(a, b)}, {variant}", x_label, "r across languages", agreement, (bottom, 1.03), mark),
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
        "its k nearest, and so follows a bent sheet if the emotions lie on one. Where the green band of the difference "
        "stays below zero, straight lines agree better across languages; where it holds zero, the topics can't tell. "
        "Isomap draws the geodesic distances; it is turned, never stretched, to lie on the layer before and on the "
        "first language.",
        "With few neighbours one emotion that changes its neighbours moves many paths, so geodesic distances of noisy "
        "vectors disagree for that reason alone, and resampling topics adds to that noise: its interval need not be "
        "centred on the curve. With many neighbours the two distances become the same. Where the graph falls apart "
        "there is no geodesic distance, and the curve has a gap.",
        across=True, partial=False,
    ),
)  # fmt: skip
