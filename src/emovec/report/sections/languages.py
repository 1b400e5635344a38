"""Section on how alike many languages are."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy.cluster.hierarchy import leaves_list

from emovec.geometry.languages import MINIMUM_LANGUAGES, language_tree
from emovec.report.charts import Chart, HeatMap, Panel, Points, Scatter
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import colour, language_name, marker, number, pair_name
from emovec.report.tree import branches

_LAYERS = 40


def finding(language_agreement: Selection, ceiling: Selection | None = None) -> str:
    """Which two languages agree most and least, at the layer shown, corrected for noise where that is known."""
    rows = language_agreement.shown()
    number_of = rows["language_a"].nunique()
    if number_of < MINIMUM_LANGUAGES:
        return ""
    rows, corrected = _without_noise(rows.keep(rows["language_a"] < rows["language_b"]), ceiling)
    ordered = rows.records("r", "language_a", "language_b")
    said = [
        f"{pair_name(row['language_a'], row['language_b'])} (r = {number(row['r'])})"
        for row in (ordered[-1], ordered[0])
    ]
    return (
        f"Of {number_of} languages at layer {rows.layer}, {said[0]} arrange the emotions most alike and {said[1]} "
        f"least{corrected}; small differences between pairs mean nothing."
    )


def _without_noise(rows: Selection, ceiling: Selection | None) -> tuple[Selection, str]:
    """Pairs with the r that endless topics would give, if it is known for all, and what to say of it.

    As observed, a language with less reliable vectors agrees less with all others for that reason alone.
    """
    if ceiling:
        own = ceiling.where(layer=rows.layer, variant=rows.only("variant")).records()
        free = {frozenset((row["language_a"], row["language_b"])): row["disattenuated"] for row in own}
        pairs = zip(rows["language_a"], rows["language_b"], strict=True)
        r = [free.get(frozenset(pair), np.nan) for pair in pairs]
        if np.isfinite(r).all():
            told = " (r corrected for how well each language agrees with itself)"
            return replace(rows, rows=rows.rows.assign(r=r)), told
    return rows, " (r as observed, which is lower where a language's vectors are less reliable)"


def maps(language_agreement: Selection, language_map: Selection) -> Chart | None:
    """Agreement of every two languages, and a map of them, by layer."""
    if language_map["language"].nunique() < MINIMUM_LANGUAGES:
        return None
    layers = language_map.layer_selector(_LAYERS)
    selectors = (layers, language_map.variant_selector())
    agreement = dict(language_agreement.each(*selectors))
    low = min(0.0, float(language_agreement["r"].min()))
    frames: dict[tuple[str, ...], list[Panel]] = {}
    for key, rows in language_map.each(*selectors):
        where = f"layer {rows.only('layer')}, {rows.only('variant')}"
        order = [row["language"] for row in rows.records("position")]
        names = [language_name(language) for language in order]
        values = agreement[key].matrix("language_a", "language_b", "r", (order, order))
        points = [
            Points(language_name(language), own["x"].tolist(), own["y"].tolist(), [language_name(language)],
                   colour(i), marker(i))
            for i, (_, language, own) in enumerate(rows.each_language())
        ]  # fmt: skip
        frames[key] = [
            HeatMap(f"agreement, {where}", values, names, names, "language", "language", "r", (low, 1), "sequential"),
            Scatter(f"map, {where}", "first axis of the scaling", "second axis of the scaling", points),
        ]
    note = language_map.kept_note(layers)
    return Chart("languages", "How alike the languages arrange the emotions", selectors, frames, note, height=520)


def trees(language_agreement: Selection) -> Chart | None:
    """Tree of the languages, by layer."""
    if language_agreement["language_a"].nunique() < MINIMUM_LANGUAGES or language_agreement["r"].isna().any():
        return None
    layers = language_agreement.layer_selector(_LAYERS)
    selectors = (layers, language_agreement.variant_selector())
    frames = {key: [_tree(rows)] for key, rows in language_agreement.each(*selectors)}
    caption = "Tree of the languages: where two branches meet, their mean 1 − r"
    return Chart("language-tree", caption, selectors, frames, language_agreement.kept_note(layers))


def _tree(rows: Selection) -> Scatter:
    known = rows.study.languages
    languages = among(known, rows["language_a"])
    tree = language_tree(rows.matrix("language_a", "language_b", "r", (languages, languages)))
    places = [0.0] * len(languages)
    for at, leaf in enumerate(leaves_list(tree).tolist()):
        places[leaf] = at + 1.0
    groups = [
        Points(language_name(code), [0.0], [place], [language_name(code)], colour(known.index(code)),
               marker(known.index(code)))
        for code, place in sorted(zip(languages, places, strict=True), key=lambda pair: pair[1])
    ]  # fmt: skip
    links = [line for corners in branches(tree, places) for line in pairwise(corners)]
    top = 1.05 * float(tree[:, 2].max())
    limits = ((-0.25 * top, top), (0.5, len(languages) + 0.5))
    where = f"layer {rows.only('layer')}, {rows.only('variant')}"
    return Scatter(f"tree, {where}", "1 − r", "languages, in leaf order", groups, links=links, limits=limits)


SECTION = Section(
    place=230,
    anchor="languages",
    title="Agreement among languages",
    tables=("language_agreement", "language_map"),
    finding=finding,
    exhibits=(maps, trees),
    across=True,
    reading="Each cell correlates the cosines of all emotion pairs in two languages. The languages are in the leaf "
    "order of a tree (average linkage on 1 − r), so families form bright blocks. On the map, two languages are "
    "closer the more their cosines agree.",
    misleading="A language whose vectors are less reliable agrees less with all others for that reason alone: "
    "cells, tree and map show r as observed. Corpora differ too: languages whose stories were translated from one "
    "another, or written by one model, are close for that reason. A map of many languages in two dimensions "
    "distorts distances; the cells do not.",
)
