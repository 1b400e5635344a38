"""The section with the maps that move through the layers: aligned UMAP, and the plain PCA beside it."""

from collections.abc import Mapping, Sequence
from functools import cache

import pandas as pd

from emovec.languages.norms import load_norms
from emovec.report.charts import Chart, Place, Points, Scatter, Scatter3D, Selector
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import OKABE_ITO, language_name, marker, percent
from emovec.study.results import StudyTables

METHODS = {"aligned-umap": "aligned UMAP", "pca": "PCA"}
TONES = {
    "pleasant": OKABE_ITO[0],
    "unpleasant": OKABE_ITO[1],
    "in between": "#8C8C8C",
    "no rating": "#000000",
}
"""What an emotion's English word is by its valence (1 to 9) in the Glasgow Norms, and its colour."""
_PLEASANT, _UNPLEASANT = 6.0, 4.0
_POINTS = 6_000


@cache
def _valence() -> Mapping[str, float]:
    norms = load_norms()
    rated = norms[norms["source"].str.contains("glasgow", case=False) & norms["valence"].notna()]
    return dict(zip(rated["word"], rated["valence"], strict=True))


def tone(emotion: str) -> str:
    """One of `TONES`."""
    valence = _valence().get(emotion.casefold())
    if valence is None:
        return "no rating"
    return "pleasant" if valence > _PLEASANT else "unpleasant" if valence < _UNPLEASANT else "in between"


def finding(manifold: Selection) -> str:
    """How much the faithful map holds, and what may be read from the other."""
    plain = manifold.variant().where(method="pca")
    if not plain:
        return "There are too few emotions to draw a map of them."
    share = {row["dimensions"]: row["share"] for row in plain.at_shown_layer().records()}
    held = " and ".join(f"{percent(share[d])} in {'two' if d == 2 else 'three'} dimensions" for d in sorted(share))
    return (
        f"At layer {plain.layer} a map shows only part of the geometry: over all languages together, the largest "
        f"principal components explain {held} of the variance. So the maps illustrate the other sections and prove "
        "nothing by themselves (a picture has no interval)."
    )


def plane(manifold: Selection) -> Chart | None:
    """The maps in two dimensions, with a slider over layers."""
    return _chart(manifold, 2, "manifold", "Emotions of all languages in one map that moves through the layers")


def space(manifold: Selection) -> Chart | None:
    """The same in three dimensions."""
    return _chart(manifold, 3, "manifold-3d", "The same in three dimensions: drag to rotate")


def _chart(manifold: Selection, dimensions: int, name: str, caption: str) -> Chart | None:
    table = manifold.where(dimensions=dimensions)
    views = [
        (method, variant)
        for method in METHODS
        for variant in reversed(table.variants)
        if table.where(method=method, variant=variant)
    ]
    if not views:
        return None
    options = [f"{method}, {variant}" for method, variant in views]
    names = [f"{METHODS[method]}, {variant}" for method, variant in views]
    view = Selector(
        "map", options, options[0], names, in_paper=dimensions == 2, columns=["method", "variant"], values=views
    )
    own = dict(table.each(view))
    first = own[options[0],]
    points = len(first) // first["layer"].nunique() * len(views)
    layers = first.layer_selector(_POINTS // points)
    limits = {key: [frame_limits(rows[axis]) for axis in "xyz"[:dimensions]] for key, rows in own.items()}
    frames = {
        (layer, shown): [panel(rows.study, rows.rows, limits[shown,], f"layer {layer}")]
        for (layer, shown), rows in table.each(layers, view)
    }
    return Chart(name, caption, (layers, view), frames, first.kept_note(layers), height=640)


def frame_limits(values: pd.Series) -> tuple[float, float]:
    """An axis range that holds for every layer."""
    low, high = float(values.min()), float(values.max())
    pad = 0.06 * (high - low) or 1.0
    return low - pad, high + pad


def panel(
    study: StudyTables, rows: pd.DataFrame, limits: Sequence[tuple[float, float]], where: str
) -> Scatter | Scatter3D:
    """One layer of one map: colour by how pleasant the word is, marker by language, an emotion's points joined."""
    axes = ["x", "y", "z"][: len(limits)]
    rows = rows.assign(tone=rows["emotion"].map(tone)).sort_values(["emotion", "language"])
    languages = among(study.languages, rows["language"].unique())
    groups = [
        Points(
            f"{name}, {language_name(language)}",
            mine["x"].tolist(),
            mine["y"].tolist(),
            mine["emotion"].tolist(),
            hue,
            marker(position),
            mine["z"].tolist() if len(axes) == 3 else (),
            # One label for an emotion: the line leads to its other points.
            labelled=position == 0,
        )
        for name, hue in TONES.items()
        for position, language in enumerate(languages)
        if len(mine := rows[(rows["tone"] == name) & (rows["language"] == language)])
    ]
    found = {str(language): own.set_index("emotion")[axes] for language, own in rows.groupby("language")}
    links: list[tuple[Place, Place]] = []
    for other in languages[1:]:
        for emotion in found[languages[0]].index.intersection(found[other].index):
            ends = [tuple(map(float, found[language].loc[emotion])) for language in (languages[0], other)]
            links.append((ends[0], ends[1]))
    legend = [(language_name(language), "#444444", marker(i)) for i, language in enumerate(languages)]
    legend += [(name, hue, "square") for name, hue in TONES.items() if name in set(rows["tone"])]
    method, variant = str(rows["method"].iloc[0]), str(rows["variant"].iloc[0])
    share = rows["share"].iloc[0]
    part = "" if pd.isna(share) else f", {percent(share)} of variance"
    title = f"{METHODS[method]}, {variant}, {where}{part}"
    names = [f"{'UMAP' if method != 'pca' else 'rotated PC'} {i + 1}" for i in range(len(axes))]
    if len(limits) == 3:
        return Scatter3D(
            title, (names[0], names[1], names[2]), groups, (limits[0], limits[1], limits[2]), legend, links
        )
    return Scatter(title, names[0], names[1], groups, legend, links, (limits[0], limits[1]))


SECTION = Section(
    place=390,
    anchor="manifold",
    title="A map that moves through the layers",
    tables=("manifold",),
    finding=finding,
    exhibits=(plane, space),
    reading="Each point is an emotion in one language (marker). Its colour shows how pleasant the Glasgow Norms "
    "rate its English word (above 6 of 9 pleasant, below 4 unpleasant). A thin line joins an emotion's points; "
    "short lines mean that the languages place it alike. Press play to move through the layers; the axis limits "
    "stay the same. The PCA map is a plain projection of unit vectors and distorts least: each layer is rotated to "
    "match the one before, never stretched.",
    misleading="UMAP keeps neighbours and little else: gaps, sizes, the overall shape and the distance between far "
    "points mean nothing, and it draws islands from noise. Because each layer is pulled towards its neighbours, the "
    "layers look more alike than they are. Believe a group only if PCA, the cosines and the other language show it "
    "too.",
)
