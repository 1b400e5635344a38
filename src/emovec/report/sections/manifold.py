"""The section with the maps that move through the layers: aligned UMAP, and the plain PCA beside it."""

from collections.abc import Mapping, Sequence
from functools import cache

import pandas as pd

from emovec.languages.norms import load_norms
from emovec.report.charts import Chart, Control, Place, Points, Scatter, Scatter3D, kept_note, layer_control, thin
from emovec.report.section_plan import Plan
from emovec.report.sections.findings import at_layer
from emovec.report.selectors import among, variants
from emovec.report.style import OKABE_ITO, language_name, marker, number
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


def finding(study: StudyTables) -> str:
    """How much the faithful map holds, and what may be read from the other."""
    table = study.tables["manifold"]
    plain = table[(table["method"] == "pca") & (table["variant"] == variants(table)[-1])]
    if plain.empty:
        return "There are too few emotions to draw a map of them."
    layer, rows = at_layer(plain, study.layer)
    share = {int(d): float(s) for d, s in rows.groupby("dimensions")["share"].first().items()}  # pyright: ignore[reportArgumentType]
    held = " and ".join(f"{number(100 * share[d], 0)} % in {'two' if d == 2 else 'three'}" for d in sorted(share))
    return (
        f"At layer {layer} a flat map can be true only in part: the largest principal components of all languages "
        f"together hold {held} dimensions of the variance, so the maps illustrate the other sections and prove nothing "
        "by themselves (no interval belongs to a picture)."
    )


def plane(study: StudyTables) -> Chart | None:
    """The maps in two dimensions, with a slider over layers."""
    return _chart(study, 2, "manifold", "Emotions of all languages in one map that moves through the layers")


def space(study: StudyTables) -> Chart | None:
    """The same in three dimensions."""
    return _chart(study, 3, "manifold-3d", "The same in three dimensions: drag to turn")


def _chart(study: StudyTables, dimensions: int, name: str, caption: str) -> Chart | None:
    table = study.tables.get("manifold")
    if table is None or not (table["dimensions"] == dimensions).any():
        return None
    table = table[table["dimensions"] == dimensions]
    views = [
        (variant, method)
        for method in METHODS
        for variant in reversed(variants(table))
        if ((table["method"] == method) & (table["variant"] == variant)).any()
    ]
    shown = table[(table["variant"] == views[0][0]) & (table["method"] == views[0][1])]
    every = [int(layer) for layer in sorted(shown["layer"].unique())]
    points = len(shown) // len(every) * len(views)
    layers = thin(every, max(1, _POINTS // points), study.layer)
    frames: dict[tuple[str, ...], Sequence[Scatter | Scatter3D]] = {}
    for variant, method in views:
        own = table[(table["variant"] == variant) & (table["method"] == method)]
        limits = [frame_limits(own[axis]) for axis in "xyz"[:dimensions]]
        for layer, rows in own[own["layer"].isin(layers)].groupby("layer"):
            frames[str(layer), f"{method}, {variant}"] = [panel(study, rows, limits, f"layer {layer}")]
    options = [f"{method}, {variant}" for variant, method in views]
    names = [f"{METHODS[method]}, {variant}" for variant, method in views]
    controls = (
        layer_control(layers, study.layer),
        Control("map", options, options[0], names=names, in_paper=dimensions == 2),
    )
    note = kept_note(layers, every, "manifold")
    return Chart(name, caption, controls, frames, note, height=640)


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
    part = "" if pd.isna(share) else f", {100 * share:.0f} % of variance"
    title = f"{METHODS[method]}, {variant}, {where}{part}"
    names = [f"{'UMAP' if method != 'pca' else 'turned PC'} {i + 1}" for i in range(len(axes))]
    if len(limits) == 3:
        return Scatter3D(
            title, (names[0], names[1], names[2]), groups, (limits[0], limits[1], limits[2]), legend, links
        )
    return Scatter(title, names[0], names[1], groups, legend, links, (limits[0], limits[1]))


PLANS = (
    Plan(
        "manifold", "A map that moves through the layers", ("manifold",), finding, (plane, space),
        "Each point is an emotion in a language (marker), coloured by how pleasant the Glasgow Norms rate its English "
        "word (above 6 of 9 pleasant, below 4 unpleasant); a thin line joins an emotion's points, and short lines mean "
        "that languages place it alike. Press play to move through the layers; axis limits stay. The PCA map is a "
        "plain projection of unit vectors and the faithful companion: each layer is turned to lie on the one before, "
        "never stretched.",
        "UMAP keeps neighbours and little else: gaps, sizes, the shape of the whole and the distance between far "
        "points carry no meaning, it draws islands from noise, and because each layer is pulled towards those beside "
        "it, the layers look more alike than they are. Believe a group only where PCA, the cosines and the other "
        "language show it too.",
    ),
)  # fmt: skip
