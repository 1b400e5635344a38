"""Section on how alike many languages are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import dendrogram, leaves_list

from emovec.geometry.languages import MINIMUM_LANGUAGES, language_tree
from emovec.report.charts import Chart, HeatMap, Panel, Points, Scatter, kept_note, layer_control, thin
from emovec.report.section_plan import Plan
from emovec.report.sections.findings import at_layer
from emovec.report.sections.maps import matrix
from emovec.report.selectors import among, variant_control, variants
from emovec.report.style import colour, language_name, marker, number, pair_name
from emovec.study.results import StudyTables

_LAYERS = 40


def _finding(study: StudyTables) -> str:
    """Which two languages agree most and least, at the layer shown, corrected for noise where that is known."""
    layer, rows = at_layer(study.tables["language_agreement"], study.layer)
    rows = rows[(rows["variant"] == variants(rows)[-1]) & (rows["language_a"] < rows["language_b"])]
    if rows.empty:
        return "No two languages share emotions enough to be compared."
    rows, corrected = _without_noise(study, rows, layer)
    ordered = rows.sort_values(["r", "language_a", "language_b"], kind="stable")
    said = [
        f"{pair_name(row['language_a'], row['language_b'])} (r = {number(row['r'])})"
        for row in (ordered.iloc[-1], ordered.iloc[0])
    ]
    number_of = len({*rows["language_a"], *rows["language_b"]})
    return (
        f"Of {number_of} languages at layer {layer}, {said[0]} arrange the emotions most alike and {said[1]} least"
        f"{corrected}; small differences between pairs say nothing."
    )


def _without_noise(study: StudyTables, rows: pd.DataFrame, layer: int) -> tuple[pd.DataFrame, str]:
    """Pairs with the r that endless topics would give, if it is known for all, and what to say of it.

    As observed, a language with less reliable vectors agrees less with all others for that reason alone.
    """
    table = study.tables.get("ceiling")
    if table is not None:
        own = table[(table["layer"] == layer) & (table["variant"] == rows["variant"].iloc[0])]
        pairs = [frozenset(pair) for pair in own[["language_a", "language_b"]].itertuples(index=False, name=None)]
        free = dict(zip(pairs, own["disattenuated"], strict=True))
        r = [free.get(frozenset(pair), np.nan) for pair in zip(rows["language_a"], rows["language_b"], strict=True)]
        if np.isfinite(r).all():
            return rows.assign(r=r), " (r corrected for how well each language agrees with itself)"
    return rows, " (r as observed, which is lower where a language's vectors are less reliable)"


def _maps(study: StudyTables) -> Chart | None:
    table, places = study.tables.get("language_agreement"), study.tables.get("language_map")
    if table is None or places is None or places["language"].nunique() < MINIMUM_LANGUAGES:
        return None
    control = variant_control(places)
    every = sorted(int(layer) for layer in places["layer"].unique())
    layers = thin(every, _LAYERS, study.layer)
    agreement = dict(list(table.groupby(["layer", "variant"])))
    low = min(0.0, float(table["r"].min()))
    frames: dict[tuple[str, ...], Sequence[Panel]] = {}
    for (layer, variant), rows in places.groupby(["layer", "variant"]):  # pyright: ignore[reportGeneralTypeIssues]
        if layer in layers:
            where = f"layer {layer}, {variant}"
            pair = agreement[layer, variant]
            frames[str(layer), str(variant)] = [_heat(pair, rows, low, where), _scatter(study, rows, where)]
    controls = (layer_control(layers, study.layer), control)
    note = kept_note(layers, every, "language_map")
    return Chart("languages", "How alike the languages arrange the emotions", controls, frames, note, height=520)


def _heat(pairs: pd.DataFrame, places: pd.DataFrame, low: float, where: str) -> HeatMap:
    order = places.sort_values("position")["language"].tolist()
    names = [language_name(language) for language in order]
    values = matrix(pairs, "language_a", "language_b", "r", (order, order))
    return HeatMap(f"agreement, {where}", values, names, names, "language", "language", "r", (low, 1), "sequential")


def _scatter(study: StudyTables, places: pd.DataFrame, where: str) -> Scatter:
    at = places.set_index("language")
    groups = [
        Points(
            language_name(language),
            [float(at.loc[language, "x"])],  # pyright: ignore[reportArgumentType]
            [float(at.loc[language, "y"])],  # pyright: ignore[reportArgumentType]
            [language_name(language)],
            colour(i),
            marker(i),
        )
        for i, language in enumerate(among(study.languages, at.index))
    ]
    return Scatter(f"map, {where}", "first axis of the scaling", "second axis of the scaling", groups)


def _trees(study: StudyTables) -> Chart | None:
    table = study.tables.get("language_agreement")
    if table is None or table["language_a"].nunique() < MINIMUM_LANGUAGES:
        return None
    every = sorted(int(layer) for layer in table["layer"].unique())
    layers = thin(every, _LAYERS, study.layer)
    languages = among(study.languages, table["language_a"].unique())
    frames: dict[tuple[str, ...], Sequence[Panel]] = {}
    for (layer, variant), rows in table.groupby(["layer", "variant"]):  # pyright: ignore[reportGeneralTypeIssues]
        r = matrix(rows, "language_a", "language_b", "r", (languages, languages))
        if layer in layers and np.isfinite(r).all():
            frames[str(layer), str(variant)] = [_tree(study, languages, r, f"layer {layer}, {variant}")]
    controls = (layer_control(layers, study.layer), variant_control(table))
    note = kept_note(layers, every, "language_agreement")
    caption = "Tree of the languages: where two branches meet, their mean 1 − r"
    complete = len(frames) == len(layers) * table["variant"].nunique()
    return Chart("language-tree", caption, controls, frames, note) if complete else None


def _tree(study: StudyTables, languages: Sequence[str], r: np.ndarray, where: str) -> Scatter:
    tree = language_tree(r)
    drawn = dendrogram(tree, no_plot=True)
    links = [
        ((across[i], _rank(up[i])), (across[i + 1], _rank(up[i + 1])))
        for up, across in zip(drawn["icoord"], drawn["dcoord"], strict=True)
        for i in range(3)
    ]
    groups = [
        Points(language_name(language), [0.0], [at + 1.0], [language_name(language)], colour(i), marker(i))
        for i, language, at in (
            (study.languages.index(languages[leaf]), languages[leaf], at)
            for at, leaf in enumerate(leaves_list(tree).tolist())
        )
    ]
    top = 1.05 * max(max(across) for across in drawn["dcoord"])
    limits = ((-0.25 * top, top), (0.5, len(languages) + 0.5))
    return Scatter(f"tree, {where}", "1 − r", "languages, in leaf order", groups, links=links, limits=limits)


def _rank(place: float) -> float:
    """Leaves counted from 1; scipy puts them at 5, 15, 25 …"""
    return (place + 5) / 10


PLANS: tuple[Plan, ...] = (
    Plan(
        "languages", "Agreement among languages", ("language_agreement", "language_map"), _finding, (_maps, _trees),
        "Each cell correlates the cosines of all emotion pairs in two languages; the languages stand in the leaf order "
        "of a tree (average linkage on 1 − r), so that families form bright blocks. On the map two languages lie the "
        "closer the more their cosines agree.",
        "A language whose vectors are less reliable agrees less with all others for that reason alone: cells, tree and "
        "map show r as observed. Corpora differ too: languages whose stories were translated from one another, or "
        "written by one model, lie close for that reason. A map of many languages in two dimensions bends distances; "
        "the cells do not.",
        across=True,
    ),
)  # fmt: skip
