"""How far the geometry of one layer carries over to others, within and across languages."""

import numpy as np

from emovec.geometry.distances import MEASURES
from emovec.report.charts import Chart, HeatMap, nearest_layer
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import LAYER_AXIS, language_name, number, pair_name
from emovec.study.results import StudyTables

_NAMES = {"rsa": "correlation of cosines", "cka": "debiased CKA"}


def finding(study: StudyTables, cross_layer: Selection) -> str:
    """How far the geometry of the layer shown carries over to other layers, within and across languages."""
    nearest = nearest_layer(cross_layer["layer_a"].unique(), study.layer)
    rows = cross_layer.variant().where(measure="rsa", layer_a=nearest)
    parts: list[str] = []
    for _, own in rows.each(rows.view_selector()):
        a, b = own.only("language_a"), own.only("language_b")
        others = own.keep(own["layer_b"] != nearest)
        if a == b and others:
            low, high = number(others["r"].min()), number(others["r"].max())
            parts.append(f"with the other layers of {language_name(a)} between {low} and {high}")
        elif a != b:
            top = own.records("r", "layer_b", ascending=[False, True])[0]
            parts.append(
                f"from {language_name(a)} to {language_name(b)} most with layer {top['layer_b']} "
                f"(r = {number(top['r'])})"
            )
    if not parts:
        return f"Layer {nearest} is the only one, so there is nothing to compare it with."
    return f"The geometry at layer {nearest} correlates {'; '.join(parts)} ({rows.only('variant')} vectors)."


def maps(cross_layer: Selection) -> Chart:
    """Every layer with every other, raw and standardised side by side."""
    measure = cross_layer.selector("measure", "measure", MEASURES, _NAMES.__getitem__, in_paper=False)
    selectors = (cross_layer.view_selector(), measure)
    layers = sorted({*cross_layer.values("layer_a"), *cross_layer.values("layer_b")})
    names = [str(layer) for layer in layers]
    low = float(np.floor(min(0.0, cross_layer["r"].min()) * 10) / 10)
    frames: dict[tuple[str, ...], list[HeatMap]] = {}
    for key, own in cross_layer.each(*selectors):
        a, b, unit = own.only("language_a"), own.only("language_b"), "r" if own.only("measure") == "rsa" else "CKA"
        axes = f"{language_name(a)}, {LAYER_AXIS}", f"{language_name(b)}, {LAYER_AXIS}"
        frames[key] = [
            HeatMap(
                f"{language_name(a) if a == b else pair_name(a, b)}, {variant} vectors",
                own.variant(variant).matrix("layer_a", "layer_b", "r", (layers, layers)),
                names, names, *axes, unit, (low, 1), "sequential",
            )
            for variant in reversed(own.variants)
        ]  # fmt: skip
    caption = "Agreement of each layer's emotion geometry with every other's"
    return Chart("cross-layer", caption, selectors, frames, height=470)


SECTION = Section(
    place=410,
    anchor="cross-layer",
    title="Agreement between layers",
    tables=("cross_layer",),
    finding=finding,
    exhibits=(maps,),
    reading="Each cell compares two layers, of one language or of two. Bright blocks are runs of layers with the "
    "same geometry; a dark line between them marks where it changes. Across languages, a ridge beside the diagonal "
    "shows that one of them reaches a geometry earlier.",
    misleading="Within a language, all layers come from the same stories with the same noise, so high values are no "
    "evidence of a true geometry. Layers differ in reliability, so a dim one may only be noisier. In the raw map, a "
    "single outlier dimension that appears at one layer can create a boundary.",
)
