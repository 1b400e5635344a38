"""Heat maps and scatter charts of the report."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emovec.report.charts import Chart, Control, HeatMap, Points, Scatter, kept_note, layer_control, thin
from emovec.report.selectors import (
    among,
    language_control,
    language_pairs,
    language_sets,
    side_by_side,
    variant_control,
)
from emovec.report.style import colour, language_name, marker, pair_name
from emovec.study.results import StudyTables

CELLS = 1_300_000
"""Cells of all frames of a heat map together, at most: 2.7 bytes of the page each."""
_POINTS = 10_000
_FEW_KS = (2, 4, 6, 8, 10)


def _light(layers: Sequence[int], most: float, study: StudyTables, table: str) -> tuple[list[int], str]:
    kept = thin(layers, max(int(most), 1), study.layer)
    return kept, kept_note(kept, layers, table)


def _layers(table: pd.DataFrame) -> list[int]:
    return [int(layer) for layer in sorted(table["layer"].unique())]


def matrix(
    rows: pd.DataFrame, index: str, columns: str, value: str, labels: tuple[Sequence[object], Sequence[object]]
) -> NDArray[np.float64]:
    """Long rows as a matrix [index label, column label], aligned by label; NaN where a pair is missing."""
    wide = rows.pivot_table(index=index, columns=columns, values=value, aggfunc="first", dropna=False)
    return wide.reindex(index=list(labels[0]), columns=list(labels[1])).to_numpy(dtype=float)


def cosine(study: StudyTables) -> Chart | None:
    """Cosines of emotion vectors, within each language and across each pair, ordered by similarity."""
    table = study.tables.get("cosine")
    if table is None:
        return None
    present = language_pairs(table)
    views = [(a, a) for a in study.languages if (a, a) in present]
    views += [(a, b) for a in study.languages for b in study.languages if a != b and (a, b) in present]
    control = variant_control(table)
    emotions = among(study.emotions, table["emotion_a"].unique())
    cells = len(control.options) * len(views) * len(emotions) ** 2
    layers, note = _light(_layers(table), CELLS / cells, study, "cosine")
    grouped = dict(list(table.groupby(["variant", "layer", "language_a", "language_b"])))
    orders = _orders(study)
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for layer in layers:
        for a, b in views:
            for variant in control.options:
                rows = grouped.get((variant, layer, a, b))
                if rows is None:
                    continue
                order = orders.get((variant, layer, a), emotions)
                values = matrix(rows, "emotion_a", "emotion_b", "cosine", (order, order))
                title = f"{language_name(a) if a == b else pair_name(a, b)}, layer {layer}, {variant}"
                frames[str(layer), f"{a}+{b}", variant] = [
                    HeatMap(
                        title, values, order, order, language_name(a), language_name(b), "cosine", (-1, 1), "diverging"
                    )
                ]
    names = [f"within {language_name(a)}" if a == b else pair_name(a, b) for a, b in views]
    options = [f"{a}+{b}" for a, b in views]
    controls = (layer_control(layers, study.layer), Control("languages", options, options[0], names=names), control)
    return Chart("cosine", "Cosines of emotion vectors", controls, frames, note, height=690)


def _orders(study: StudyTables) -> dict[tuple[str, int, str], list[str]]:
    table = study.tables.get("order")
    if table is None:
        return {}
    groups = table.sort_values("position").groupby(["variant", "layer", "language"])["emotion"]
    found: dict[Any, list[str]] = {key: list(rows) for key, rows in groups}  # pyright: ignore[reportAssignmentType]
    return found


def clusters(study: StudyTables) -> Chart | None:
    """UMAP in two dimensions, coloured by k-means cluster, marked by language."""
    places, members = study.tables.get("umap"), study.tables.get("clusters")
    if places is None:
        return None
    control = variant_control(places)
    sets = language_sets(study, places)
    frame_points = sum(len(set(places.loc[places["languages"] == s, "emotion"])) * (s.count("+") + 1) for s in sets)
    room = _POINTS / (frame_points * len(control.options))
    ks = _shown_ks(members, int(room / places["layer"].nunique()))
    layers, note = _light(_layers(places), room / len(ks), study, "umap")
    grouped = dict(list(places.groupby(["layer", "languages", "variant"])))
    label = {} if members is None else dict(list(members.groupby(["layer", "languages", "variant", "k"])))
    frames: dict[tuple[str, ...], Sequence[Scatter]] = {}
    for layer in layers:
        for name in sets:
            for variant in control.options:
                rows = grouped.get((layer, name, variant))
                if rows is None:
                    continue
                for k in ks:
                    title = f"{language_name(name)}, layer {layer}, {variant}, k = {k}"
                    frames[str(layer), name, variant, str(k)] = [
                        _cluster_scatter(study, title, rows, label.get((layer, name, variant, k)))
                    ]
    controls = (
        layer_control(layers, study.layer),
        language_control(sets, "languages"),
        control,
        Control("k", [str(k) for k in ks], str(4 if 4 in ks else ks[0]), in_paper=False),
    )
    return Chart("clusters", "k-means clusters on a UMAP of the emotion vectors", controls, frames, note, height=640)


def _shown_ks(members: pd.DataFrame | None, room: int) -> list[int]:
    """Every k where there is room for it, else a few."""
    if members is None:
        return [0]
    ks = [int(k) for k in sorted(members["k"].unique())]
    if len(ks) <= max(room, len(_FEW_KS)):
        return ks
    return [k for k in _FEW_KS if k in ks] or ks[: len(_FEW_KS)]


def _cluster_scatter(study: StudyTables, title: str, rows: pd.DataFrame, members: pd.DataFrame | None) -> Scatter:
    rows = rows.copy()
    rows["cluster"] = 0
    if members is not None:
        rows = rows.drop(columns="cluster").merge(
            members[["language", "emotion", "cluster"]], on=["language", "emotion"], how="left"
        )
        rows["cluster"] = rows["cluster"].fillna(-1).astype(int)
    rows = rows.sort_values(["cluster", "language", "emotion"])
    groups: list[Points] = []
    legend: dict[str, tuple[str, str, str]] = {}
    for cluster in sorted(set(rows["cluster"])):
        for position, language in enumerate(study.languages):
            mine = rows[(rows["cluster"] == cluster) & (rows["language"] == language)]
            if len(mine):
                groups.append(
                    _points(
                        mine,
                        "x",
                        "y",
                        f"cluster {cluster}, {language_name(language)}",
                        colour(cluster),
                        marker(position),
                    )
                )
                legend[language] = (language_name(language), "#444444", marker(position))
    entries = [legend[language] for language in study.languages if language in legend]
    if members is not None:
        entries += [(f"cluster {c}", colour(c), "square") for c in sorted(set(rows["cluster"]))]
    return Scatter(title, "UMAP 1 (no unit)", "UMAP 2 (no unit)", groups, entries)


def _points(rows: pd.DataFrame, x: str, y: str, label: str, hue: str, sign: str) -> Points:
    return Points(label, rows[x].tolist(), rows[y].tolist(), [str(e) for e in rows["emotion"]], hue, sign)


def pca(study: StudyTables) -> Chart | None:
    """Emotions on their first two principal components, a panel for each language (a choice where there are many)."""
    table = study.tables.get("pca")
    if table is None or table["component"].nunique() < 2:
        return None
    first, second = sorted(int(c) for c in table["component"].unique())[:2]
    languages = among(study.languages, table["language"].unique())
    control = variant_control(table)
    points = len(languages) * table["emotion"].nunique() * len(control.options)
    layers, note = _light(_layers(table), 3 * _POINTS / points, study, "pca")
    wide = table.pivot_table(
        index=["variant", "layer", "language", "emotion"], columns="component", values="score", aggfunc="first"
    )
    shares = _shares(study)
    found: dict[tuple[str, ...], dict[str, Scatter]] = {}
    for layer in layers:
        for variant in control.options:
            panels = found.setdefault((str(layer), variant), {})
            for position, language in enumerate(languages):
                if (variant, layer, language) not in wide.index:
                    continue
                rows = wide.xs((variant, layer, language)).reset_index().sort_values("emotion")
                label = [f"component {c}{shares.get((variant, layer, language, c), '')}" for c in (first, second)]
                group = _points(rows, first, second, language_name(language), colour(position), marker(position))  # pyright: ignore[reportArgumentType]
                panels[language] = Scatter(
                    f"{language_name(language)}, layer {layer}, {variant}", label[0], label[1], [group]
                )
    frames, choice = side_by_side(found, languages)
    controls = [layer_control(layers, study.layer), control, *choice]
    return Chart("pca", "Emotions on the first two principal components", controls, frames, note, height=560)


def _shares(study: StudyTables) -> dict[tuple[str, int, str, int], str]:
    table = study.tables.get("pca_variance")
    if table is None:
        return {}
    index = ["variant", "layer", "language", "component"]
    shares: dict[Any, float] = table.set_index(index)["share"].to_dict()
    return {key: f" ({100 * share:.0f} % of variance)" for key, share in shares.items()}
