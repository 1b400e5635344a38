"""Cosines of emotion vectors within each language and across each pair, in the order of a hierarchical clustering."""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from emovec.report.charts import Chart, HeatMap
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import language_name, number, pair_name
from emovec.report.tree import branches
from emovec.study.results import StudyTables

CELLS = 1_300_000
"""Cells of all frames together, at most: 2.7 bytes of the page each."""


def finding(study: StudyTables, cosine: Selection) -> str:
    """The most and the least similar pair of emotions in each language."""
    rows = cosine.shown()
    parts: list[str] = []
    for language in study.languages:
        own = rows.pair(language, language)
        own = own.keep(own["emotion_a"] < own["emotion_b"]).records("cosine", "emotion_a", "emotion_b")
        if own:
            low, high = own[0], own[-1]
            parts.append(
                f"in {language_name(language)} {high['emotion_a']} and {high['emotion_b']} are closest "
                f"({number(high['cosine'])}), {low['emotion_a']} and {low['emotion_b']} farthest apart "
                f"({number(low['cosine'])})"
            )
    return f"At layer {rows.layer}, {rows.variants[-1]} vectors: {'; '.join(parts)}." if parts else ""


def chart(study: StudyTables, cosine: Selection, order: Selection | None = None) -> Chart:
    """Cosines of emotion vectors, ordered by similarity."""
    views, variants = cosine.view_selector(), cosine.variant_selector()
    emotions = among(study.emotions, cosine["emotion_a"])
    cells = len(variants.options) * len(views.options) * len(emotions) ** 2
    layers = cosine.layer_selector(CELLS / cells)
    orders = order.rows.sort_values("position").groupby(["variant", "layer", "language"])["emotion"] if order else []
    ordered = {key: list(rows) for key, rows in orders}
    frames: dict[tuple[str, ...], list[HeatMap]] = {}
    for key, rows in cosine.each(layers, views, variants):
        layer, a, b, variant = (rows.only(column) for column in ("layer", "language_a", "language_b", "variant"))
        names = ordered.get((variant, layer, a), emotions)
        values = rows.matrix("emotion_a", "emotion_b", "cosine", (names, names))
        title = f"{language_name(a) if a == b else pair_name(a, b)}, layer {layer}, {variant}"
        frames[key] = [
            HeatMap(
                title, values, names, names, language_name(a), language_name(b), "cosine", (-1, 1), "diverging",
                tree=_tree(values) if a == b and order else (),
            )
        ]  # fmt: skip
    selectors = (layers, views, variants)
    return Chart("cosine", "Cosines of emotion vectors", selectors, frames, cosine.kept_note(layers), height=690)


def _tree(cosines: NDArray[np.float64]) -> list[list[tuple[float, float]]]:
    """Average linkage on 1 − cosine of emotions that stand in its order, drawn a quarter as wide as the matrix."""
    n = len(cosines)
    if n < 2 or not np.isfinite(cosines).all():
        return []
    distances = np.clip(1 - (cosines + cosines.T) / 2, 0, None)
    np.fill_diagonal(distances, 0)
    joins = linkage(squareform(distances, checks=False), "average")
    scale = n / 4 / max(float(joins[:, 2].max()), 1e-9)
    return [[(n - 0.2 + scale * height, row) for height, row in line] for line in branches(joins, range(n))]


SECTION = Section(
    place=310,
    anchor="cosine",
    title="Cosine matrices",
    tables=("cosine", "order"),
    finding=finding,
    exhibits=(chart,),
    reading="Emotions are in the order of a hierarchical clustering (average linkage on 1 − cosine), so blocks "
    "along the diagonal are families. Beside a language's own matrix, a tree joins emotions at their mean distance, "
    "growing from left to right. Across languages both sides use the first language's order; a bright diagonal "
    "means that each emotion is closest to itself.",
    misleading="Order and colours make it easy to see blocks in noise, and vectors from few stories are noisy. "
    "Check whether the same blocks appear in the other language, at neighbouring layers, and in both raw and "
    "standardised vectors.",
)
