"""The report's section on Procrustes alignment: in sample, held out, and with shuffled labels."""

from collections.abc import Sequence

import pandas as pd

from emovec.geometry.alignment import ALL, SAMPLES
from emovec.report.charts import Chart, Control, Curve, Dash, Lines, nearest_layer
from emovec.report.section_plan import Plan
from emovec.report.sections.findings import at_layer
from emovec.report.selectors import among, pair_control, pairs, variant_control, variants
from emovec.report.style import GREY, LAYER_AXIS, OKABE_ITO, chance, number, pair_name
from emovec.study.results import StudyTables

_PREFERRED = 10
_NAMES: dict[str, str] = dict(
    zip(
        SAMPLES,
        (
            "fitted and judged on the same emotions",
            "judged on emotions left out",
            "same emotions, labels shuffled",
            "left out, labels shuffled",
        ),
        strict=True,
    )
)
_LOOKS: dict[str, tuple[str, Dash, str]] = dict(
    zip(
        SAMPLES,
        (
            (OKABE_ITO[1], "solid", "diamond"),
            (OKABE_ITO[0], "solid", "circle"),
            (OKABE_ITO[1], "dot", "diamond"),
            (OKABE_ITO[0], "dot", "circle"),
        ),
        strict=True,
    )
)


def _components(table: pd.DataFrame) -> list[int]:
    return [int(k) for k in sorted(table["components"].unique()) if k != ALL]


def _shown(numbers: Sequence[int]) -> int:
    return max((k for k in numbers if k <= _PREFERRED), default=numbers[0])


def _curve(rows: pd.DataFrame, sample: str, along: str, column: str) -> Curve:
    rows = rows[rows["sample"] == sample].sort_values(along)
    hue, dash, sign = _LOOKS[sample]
    notes = [f"95 % of shuffles below {high:.2f}" if pd.notna(high) else "" for high in rows["r2_95"]]
    return Curve(_NAMES[sample], rows[along].tolist(), rows[column].tolist(), hue, dash, sign, notes=notes)


def _panels(rows: pd.DataFrame, along: str, label: str, mark: int | None, limits: tuple[float, float]) -> list[Lines]:
    present = among(SAMPLES, rows["sample"])
    ends = [int(rows[along].min()), int(rows[along].max())]
    level = Curve("chance (retrieval)", ends, [float(rows["chance"].mean())] * 2, GREY, "dashdot")
    fits = [_curve(rows, sample, along, "r2") for sample in present]
    found = [_curve(rows, sample, along, "retrieval") for sample in present]
    return [
        Lines("explained", label, "R²", fits, limits, mark),
        Lines("retrieval", label, "share of emotions found", [*found, level], (0, 1.03), mark),
    ]


def by_layer(study: StudyTables) -> Chart | None:
    """R² and retrieval of the alignment by layer."""
    table = study.tables.get("procrustes")
    if table is None or not (found := pairs(study, table)):
        return None
    control, numbers = variant_control(table), _components(table)
    options = [str(k) for k in (*numbers, ALL)]
    names = [*map(str, numbers), "all dimensions (same emotions only)"]
    choice = Control("components", options, str(_shown(numbers)), names=names, in_paper=False)
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for variant in control.options:
        for a, b in found:
            of_pair = table[(table["variant"] == variant) & (table["language_a"] == a) & (table["language_b"] == b)]
            for k in options:
                rows = of_pair[of_pair["components"] == int(k)]
                if len(rows):
                    frames[variant, f"{a}+{b}", k] = _panels(rows, "layer", LAYER_AXIS, study.layer, _limits(table))
    caption = "One language's emotions turned onto another's, by layer"
    return Chart("procrustes", caption, (control, pair_control(found), choice), frames)


def by_components(study: StudyTables) -> Chart | None:
    """The same by the number of components, at the layer shown first: how a fit comes to look perfect."""
    table = study.tables.get("procrustes")
    if table is None or not (found := pairs(study, table)):
        return None
    control, layer = variant_control(table), nearest_layer(table["layer"].unique(), study.layer)
    rows = table[(table["layer"] == layer) & (table["components"] != ALL)]
    frames: dict[tuple[str, ...], Sequence[Lines]] = {
        (variant, f"{a}+{b}"): _panels(mine, "components", "number of components", None, _limits(table))
        for variant in control.options
        for a, b in found
        if len(mine := rows[(rows["variant"] == variant) & (rows["language_a"] == a) & (rows["language_b"] == b)])
    }
    caption = f"The same by the number of components, layer {layer}"
    return Chart("procrustes-components", caption, (control, pair_control(found)), frames)


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    return max(-1.0, min(0.0, float(table["r2"].min()))) - 0.03, 1.03


def finding(study: StudyTables) -> str:
    """What is explained of emotions left out, beside what seems to be explained and what shuffled labels give."""
    layer, rows = at_layer(study.tables["procrustes"], study.layer)
    variant, k = variants(rows)[-1], _shown(_components(rows))
    rows = rows[rows["variant"] == variant]
    parts: list[str] = []
    for a, b in pairs(study, rows):
        mine = rows[(rows["language_a"] == a) & (rows["language_b"] == b)]
        few = mine[mine["components"] == k].set_index("sample")
        out, shuffled = few.loc["held-out"], few.loc["shuffled held-out"]
        text = (
            f"{pair_name(a, b)}: of an emotion left out it explains R² = {number(out['r2'])} and finds the same "
            f"emotion for {number(out['retrieval'])} (chance {chance(out['chance'])}), against "
            f"R² = {number(shuffled['r2'])} with shuffled labels (95 % of shuffles below {number(shuffled['r2_95'])})"
        )
        full = mine[mine["components"] == ALL].set_index("sample")
        if len(full) == 2:
            real, random = full.loc["in-sample"], full.loc["shuffled in-sample"]
            text += (
                f"; fitted and judged on the same emotions in all dimensions it reaches {number(real['r2'])}, but "
                f"{number(random['r2'])} also with shuffled labels, and “finds” {number(random['retrieval'])}"
            )
        parts.append(text)
    return f"At layer {layer}, {variant} vectors, one rotation in {k} components, {'; '.join(parts)}."


PLANS = (
    Plan(
        "procrustes", "Procrustes alignment", ("procrustes",), finding, (by_layer, by_components),
        "One language's emotions are rotated (and scaled once) onto the other's. Only the blue solid curves say "
        "something about the languages: each emotion is left out of the components, the rotation and the scale, and "
        "then mapped; R² is above 0 only where that beats guessing the mean of the others. Dotted curves are the same "
        "with emotions paired at random.",
        "A rotation fitted and judged on the same emotions always looks good, the better the more dimensions it has: "
        "with more dimensions than emotions it can turn anything onto anything, and a similarity of 0.99 then means "
        "nothing. A held-out R² in few components is about these alone, and one in a single component can rest on a "
        "single contrast between emotions.",
        across=True,
    ),
)  # fmt: skip
