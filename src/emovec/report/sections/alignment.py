"""The report's section on Procrustes alignment: in sample, held out, and with shuffled labels."""

from typing import Any

import pandas as pd

from emovec.geometry.alignment import ALL, SAMPLES
from emovec.report.charts import Chart, Curve, Dash, Lines
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import GREY, LAYER_AXIS, OKABE_ITO, chance, number, pair_name

_PREFERRED = 10
_LOOKS: dict[str, tuple[str, str, Dash, str]] = dict(
    zip(
        SAMPLES,
        (
            ("fitted and tested on the same emotions", OKABE_ITO[1], "solid", "diamond"),
            ("tested on emotions left out", OKABE_ITO[0], "solid", "circle"),
            ("same emotions, labels shuffled", OKABE_ITO[1], "dot", "diamond"),
            ("left out, labels shuffled", OKABE_ITO[0], "dot", "circle"),
        ),
        strict=True,
    )
)


def finding(procrustes: Selection) -> str:
    """What is explained of emotions left out, beside what seems to be explained and what shuffled labels give."""
    rows, k = procrustes.shown(), _shown(procrustes)
    parts: list[str] = []
    which, pairs = rows.most_and_least("r2", components=k, sample="held-out")
    for a, b, mine in pairs:
        few, full = mine.where(components=k).by("sample"), mine.where(components=ALL).by("sample")
        out, shuffled = few["held-out"], few["shuffled held-out"]
        text = (
            f"{pair_name(a, b)}: for emotions left out of the fit, R² = {number(out['r2'])} and the nearest emotion is "
            f"the same for {number(out['retrieval'])} of them (chance {chance(out['chance'])}), compared with "
            f"R² = {number(shuffled['r2'])} with shuffled labels (95 % of shuffles below {number(shuffled['r2_95'])})"
        )
        if len(full) == 2:
            real, random = full["in-sample"], full["shuffled in-sample"]
            text += (
                f"; fitted and tested on the same emotions in all dimensions, R² is {number(real['r2'])}, but shuffled "
                f"labels also reach {number(random['r2'])} and “find” {number(random['retrieval'])}"
            )
        parts.append(text)
    place = f"At layer {rows.layer}, {rows.only('variant')} vectors, one rotation in {k} components"
    return f"{which}{place}, {'; '.join(parts)}."


def _shown(rows: Selection) -> int:
    numbers = [k for k in rows.values("components") if k != ALL]
    return max((k for k in numbers if k <= _PREFERRED), default=numbers[0])


def by_layer(procrustes: Selection) -> Chart:
    """R² and retrieval of the alignment by layer."""
    numbers = sorted(procrustes.values("components"), key=lambda k: (k == ALL, k))
    components = procrustes.selector(
        "components", "components", numbers, lambda k: "all dimensions (same emotions only)" if k == ALL else str(k),
        _shown(procrustes), in_paper=False,
    )  # fmt: skip
    selectors = (procrustes.variant_selector(), procrustes.pair_selector(), components)
    shown, limits = procrustes.study.layer, _limits(procrustes)
    frames = {key: _panels(rows, "layer", LAYER_AXIS, shown, limits) for key, rows in procrustes.each(*selectors)}
    return Chart("procrustes", "One language's emotions rotated onto another's, by layer", selectors, frames)


def by_components(procrustes: Selection) -> Chart:
    """The same by the number of components, at the layer shown first: how a fit comes to look perfect."""
    rows = procrustes.at_shown_layer()
    rows, limits = rows.keep(rows["components"] != ALL), _limits(procrustes)
    selectors = (procrustes.variant_selector(), procrustes.pair_selector())
    frames = {
        key: _panels(own, "components", "number of components", None, limits) for key, own in rows.each(*selectors)
    }
    caption = f"The same by the number of components, layer {procrustes.layer}"
    return Chart("procrustes-components", caption, selectors, frames)


def _panels(rows: Selection, along: str, label: str, mark: int | None, limits: tuple[float, float]) -> list[Lines]:
    def curves(column: str) -> list[Curve]:
        return [
            rows.where(sample=sample).curve(column, *_LOOKS[sample], along=along, note=_note)
            for sample in among(SAMPLES, rows["sample"])
        ]

    level = rows.level(rows["chance"].mean(), "chance (retrieval)", GREY, "dashdot", along)
    return [
        Lines("explained", label, "R²", curves("r2"), limits, mark),
        Lines("retrieval", label, "share of emotions found", [*curves("retrieval"), level], (0, 1.03), mark),
    ]


def _note(row: dict[Any, Any]) -> str:
    return f"95 % of shuffles below {row['r2_95']:.2f}" if pd.notna(row["r2_95"]) else ""


def _limits(rows: Selection) -> tuple[float, float]:
    return max(-1.0, min(0.0, float(rows["r2"].min()))) - 0.03, 1.03


SECTION = Section(
    place=370,
    anchor="procrustes",
    title="Procrustes alignment",
    tables=("procrustes",),
    finding=finding,
    exhibits=(by_layer, by_components),
    across=True,
    reading="One language's emotions are rotated (and scaled once) onto the other's. Only the blue solid curves say "
    "something about the languages: each emotion is left out of the components, the rotation and the scale, and is "
    "then mapped. R² is above 0 only if that beats guessing the mean of the others. Dotted curves show the same "
    "with emotions paired at random.",
    misleading="A rotation fitted and tested on the same emotions always looks good, and better the more dimensions "
    "it has. With more dimensions than emotions it can turn anything onto anything, and a similarity of 0.99 then "
    "means nothing. A held-out R² in few components describes only these components; with a single component it can "
    "reflect a single contrast between emotions.",
)
