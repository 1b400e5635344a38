"""Sections on distances that noise does not flatter, and on agreement between layers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emovec.geometry.distances import MEASURES
from emovec.report.charts import Chart, Control, Curve, HeatMap, Lines, nearest_layer
from emovec.report.section_plan import Plan
from emovec.report.sections.findings import at_layer
from emovec.report.sections.maps import matrix
from emovec.report.selectors import among, language_pairs, pair_control, pairs, variants
from emovec.report.style import GREY, LAYER_AXIS, colour, language_name, number, p_value, pair_name
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_MEASURE_NAMES = {"pearson": "Pearson", "spearman": "Spearman", "rho_a": "ρₐ"}
_DISTANCE_NAMES = {"cosine": "cosine distance", "crossnobis": "crossnobis distance"}
_AGREEMENT_NAMES = {"rsa": "correlation of cosines", "cka": "debiased CKA"}


def _finding(study: StudyTables) -> str:
    """Whether the agreement survives distances that noise can't inflate, at the layer shown."""
    layer, rows = at_layer(study.tables["distance_rsa"], study.layer)
    rows = rows[(rows["variant"] == variants(rows)[-1]) & (rows["measure"] == "pearson")]
    kernels = study.tables.get("cka")
    parts: list[str] = []
    for a, b in pairs(study, rows):
        own = _pair(rows, a, b).set_index("distance")
        if "crossnobis" in own.index:
            row = own.loc[["crossnobis"]].iloc[0]
            agree = "agree" if own["p"].loc[["crossnobis"]].lt(ALPHA).all() else "do not agree beyond chance"
            beside = f", r = {number(own.loc['cosine', 'r'])} by cosine" if "cosine" in own.index else ""
            said = (
                f"counting only differences that repeat from topic to topic, {language_name(a)} and {language_name(b)} "
                f"{agree} on how far apart the emotions are (r = {number(row['r'])}, {p_value(row['p'])}; shuffled "
                f"labels reach {number(row['null_95'])} in one case of twenty{beside})"
            )
        else:
            said = f"for {pair_name(a, b)} there are too few topics to tell noise from distance"
        shown = at_layer(_pair(kernels, a, b), layer)[1] if kernels is not None and len(_pair(kernels, a, b)) else None
        if shown is not None:
            row = shown[shown["variant"] == variants(shown)[-1]].iloc[0]
            said += f", with a debiased CKA of {number(row['cka'])} ({p_value(row['p'])})"
        parts.append(said)
    return f"At layer {layer}, {'; '.join(parts)}."


def _pair(table: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    return table[(table["language_a"] == a) & (table["language_b"] == b)]


def _tested(rows: pd.DataFrame, value: str, label: str, position: int) -> list[Curve]:
    """A curve whose markers are filled where it is significant over all layers, and its null's quantile."""
    rows = rows.sort_values("layer")
    layers = [int(layer) for layer in rows["layer"]]
    tests = zip(rows["p"], rows["p_familywise"], strict=True)
    return [
        Curve(
            label,
            layers,
            rows[value].tolist(),
            colour(position),
            marker="circle" if position == 0 else "diamond",
            filled=(rows["p_familywise"] < ALPHA).tolist(),
            notes=[f"p = {p:.2g}, family-wise {family:.2g}" for p, family in tests],
        ),
        Curve(f"{label}: 95 % of shuffled labels lie below", layers, rows["null_95"].tolist(), colour(position), "dot"),
    ]


def _distances(study: StudyTables) -> Chart | None:
    table = study.tables.get("distance_rsa")
    if table is None or not (found := pairs(study, table)):
        return None
    measures = among(_MEASURE_NAMES, table["measure"].unique())
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for a, b in found:
        for measure in measures:
            chosen = _pair(table, a, b)
            chosen = chosen[chosen["measure"] == measure]
            frames[f"{a}+{b}", measure] = [
                Lines(
                    f"{variant} vectors",
                    LAYER_AXIS,
                    f"{_MEASURE_NAMES[measure]} r between languages",
                    [
                        curve
                        for position, (distance, name) in enumerate(_DISTANCE_NAMES.items())
                        if len(rows := chosen[(chosen["variant"] == variant) & (chosen["distance"] == distance)])
                        for curve in _tested(rows, "r", name, position)
                    ],
                    _limits(chosen["r"]),
                    study.layer,
                )
                for variant in variants(chosen)[::-1]
            ]
    names = [_MEASURE_NAMES[measure] for measure in measures]
    controls = (pair_control(found), Control("correlation", measures, measures[0], names=names, in_paper=False))
    return Chart(
        "distances", "RSA across languages by cosine and by crossnobis distances (filled: family-wise p < 0.05)",
        controls, frames,
    )  # fmt: skip


def _cka(study: StudyTables) -> Chart | None:
    table = study.tables.get("cka")
    if table is None or not (found := pairs(study, table)):
        return None
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for a, b in found:
        chosen = _pair(table, a, b)
        frames[(f"{a}+{b}",)] = [
            Lines(
                f"{variant} vectors",
                LAYER_AXIS,
                "debiased CKA between languages",
                [
                    *_tested(rows := chosen[chosen["variant"] == variant], "cka", "debiased CKA", 2),
                    Curve(
                        "no relation", [int(rows["layer"].min()), int(rows["layer"].max())], [0.0, 0.0], GREY, "dash"
                    ),
                ],
                _limits(chosen["cka"]),
                study.layer,
            )
            for variant in variants(chosen)[::-1]
        ]
    caption = "Debiased centred kernel alignment across languages (filled: family-wise p < 0.05)"
    return Chart("cka", caption, (pair_control(found),), frames)


def _limits(values: pd.Series) -> tuple[float, float]:
    low = min(0.0, float(values.min()))
    return low - 0.05, 1.03


def _layers_finding(study: StudyTables) -> str:
    """How far the geometry of the layer shown carries over to other layers, within and across languages."""
    table = study.tables["cross_layer"]
    variant = variants(table)[-1]
    nearest = nearest_layer(table["layer_a"].unique(), study.layer)
    rows = table[(table["variant"] == variant) & (table["measure"] == "rsa") & (table["layer_a"] == nearest)]
    parts: list[str] = []
    for a, b in _views(study, rows):
        own = _pair(rows, a, b)
        if a == b:
            own = own[own["layer_b"] != nearest]
            if len(own):
                low, high = number(own["r"].min()), number(own["r"].max())
                parts.append(f"with the other layers of {language_name(a)} between {low} and {high}")
        else:
            top = own.sort_values(["r", "layer_b"], ascending=[False, True]).iloc[0]
            parts.append(
                f"from {language_name(a)} to {language_name(b)} most with layer {int(top['layer_b'])} "
                f"(r = {number(top['r'])})"
            )
    if not parts:
        return f"Layer {nearest} stands alone: there is no other to compare it with."
    return f"The geometry at layer {nearest} correlates {'; '.join(parts)} ({variant} vectors)."


def _views(study: StudyTables, table: pd.DataFrame) -> list[tuple[str, str]]:
    present = language_pairs(table)
    within = [(a, a) for a in study.languages if (a, a) in present]
    return within + pairs(study, table)


def _layer_maps(study: StudyTables) -> Chart | None:
    table = study.tables.get("cross_layer")
    if table is None:
        return None
    views, measures = _views(study, table), among(MEASURES, table["measure"].unique())
    layers = sorted({int(layer) for layer in (*table["layer_a"].unique(), *table["layer_b"].unique())})
    names = [str(layer) for layer in layers]
    low = float(np.floor(min(0.0, table["r"].min()) * 10) / 10)
    grouped = dict(list(table.groupby(["language_a", "language_b", "measure", "variant"])))
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for a, b in views:
        for measure in measures:
            frames[f"{a}+{b}", measure] = [
                HeatMap(
                    f"{language_name(a) if a == b else pair_name(a, b)}, {variant} vectors",
                    matrix(rows, "layer_a", "layer_b", "r", (layers, layers)),
                    names,
                    names,
                    f"{language_name(a)}, {LAYER_AXIS}",
                    f"{language_name(b)}, {LAYER_AXIS}",
                    "r" if measure == "rsa" else "CKA",
                    (low, 1),
                    "sequential",
                )
                for variant in variants(table)[::-1]
                if (rows := grouped.get((a, b, measure, variant))) is not None
            ]
    options = [f"{a}+{b}" for a, b in views]
    titles = [f"within {language_name(a)}" if a == b else pair_name(a, b) for a, b in views]
    controls = (
        Control("languages", options, options[0], names=titles),
        Control("measure", measures, measures[0], names=[_AGREEMENT_NAMES[m] for m in measures], in_paper=False),
    )
    caption = "Agreement of each layer's emotion geometry with every other's"
    return Chart("cross-layer", caption, controls, frames, height=470)


PLANS: tuple[Plan, ...] = (
    Plan(
        "distances", "Distances that noise does not flatter", ("distance_rsa", "cka"), _finding, (_distances, _cka),
        "Two emotions whose stories do not differ are zero apart by crossnobis, since only differences that repeat on "
        "other topics count; debiased CKA compares the vectors' dot products and is about zero for vectors that have "
        "nothing to do with each other. Where both agree with the curve of cosines, that curve does not owe its height "
        "to noise.",
        "Noise that the topics share, such as a phrase that comes with an emotion in all of them, counts as a "
        "difference; with few topics crossnobis is itself unsure and pulls its correlation down, so that a gap between "
        "its curve and that of cosines is no finding. In the raw variant a "
        "single dimension can hold most of a distance and of CKA.",
        across=True,
    ),
    Plan(
        "cross-layer", "Agreement between layers", ("cross_layer",), _layers_finding, (_layer_maps,),
        "Each cell compares two layers, of one language or of two; bright blocks are runs of layers with the same "
        "geometry, a dark seam marks where it changes, and across languages a ridge beside the diagonal tells that one "
        "of them reaches it earlier.",
        "Within a language the same stories, and their noise, stand behind each layer, so that high values are no "
        "evidence of a true geometry; layers differ in reliability, so that a dim one may only be noisier; an outlier "
        "dimension that appears at one layer can alone make a seam in the raw map.",
    ),
)  # fmt: skip
