"""The section on what the words alone explain of the agreement between languages."""

from collections.abc import Sequence

import pandas as pd

from emovec.report.charts import Chart, Curve, Dash, Lines, Listing
from emovec.report.section_plan import Plan
from emovec.report.sections.findings import at_layer
from emovec.report.selectors import pair_control, pairs, variant_control, variants
from emovec.report.style import LAYER_AXIS, OKABE_ITO, language_name, number, p_value
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_NAMES = {
    "none": "vectors, nothing taken out",
    "embeddings": "beyond averaged embeddings",
    "words": "beyond the words",
    "valence": "beyond valence",
    "first layer": "beyond the first layer",
    "all": "beyond all of these",
}
_ALONE = {"embeddings": "averaged embeddings alone", "words": "words alone", "first layer": "first layer alone"}
_HUES = dict(zip(_NAMES, OKABE_ITO, strict=False))


def finding(study: StudyTables) -> str:
    """How much of the agreement the words alone reach, and what is left beyond words, embeddings and valence."""
    layer, rows = at_layer(study.tables["controls"], study.layer)
    variant = variants(rows)[-1]
    rows = rows[rows["variant"] == variant]
    parts: list[str] = []
    for a, b in pairs(study, rows):
        own = rows[(rows["language_a"] == a) & (rows["language_b"] == b)].set_index("given")
        said: list[str] = []
        if "words" in own.index:
            said.append(f"the stories' words alone, without a model, agree with r = {_of(own, 'words', 'r_control')}")
        if "none" in own.index:
            said.append(f"the vectors with r = {_of(own, 'none', 'partial')}")
        if "all" in own.index:
            said.append(
                f"beyond words, averaged embeddings, the first layer and valence together a partial r of "
                f"{_left(own, 'all')}"
            )
        elif "words" in own.index:
            said.append(f"beyond words a partial r of {_left(own, 'words')}")
        else:
            said.append("there are too few emotions to take the words out")
        parts.append(f"for {language_name(a)} and {language_name(b)} {', '.join(said[:-1])}, and {said[-1]}")
    return f"At layer {layer}, {variant} vectors, {'; '.join(parts)}." if parts else "No two languages to compare."


def chart(study: StudyTables) -> Chart | None:
    """RSA by layer, plain and beyond each control, with what each control reaches alone."""
    table = study.tables.get("controls")
    if table is None or not (found := pairs(study, table)):
        return None
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    low = min(0.0, float(table["partial"].min())) - 0.03
    for a, b in found:
        rows = table[(table["language_a"] == a) & (table["language_b"] == b)]
        frames[(f"{a}+{b}",)] = [
            Lines(
                f"{variant} vectors",
                LAYER_AXIS,
                "(partial) correlation",
                _curves(rows[rows["variant"] == variant]),
                (low, 1.03),
                study.layer,
            )
            for variant in reversed(variants(rows))
        ]
    caption = "Agreement of two languages, and what is left of it beyond words and valence, by layer"
    return Chart("controls", caption, (pair_control(found),), frames)


def _curves(rows: pd.DataFrame) -> list[Curve]:
    curves: list[Curve] = []
    for given, label in _NAMES.items():
        own = rows[rows["given"] == given].sort_values("layer")
        if own.empty:
            continue
        layers = own["layer"].tolist()
        dash: Dash = "solid" if given in ("none", "all") else "dash"
        curves.append(
            Curve(
                label,
                layers,
                own["partial"].tolist(),
                _HUES[given],
                dash=dash,
                marker="circle",
                filled=(own["p_familywise"] < ALPHA).tolist(),
                notes=[f"family-wise {p_value(p)}".replace("\u00a0", " ") for p in own["p_familywise"]],
            )
        )
        if given in _ALONE:
            ends = [int(rows["layer"].min()), int(rows["layer"].max())]
            alone = [float(own["r_control"].iloc[0])] * 2
            curves.append(Curve(_ALONE[given], ends, alone, _HUES[given], dash="dot"))
    return curves


def _left(rows: pd.DataFrame, given: str) -> str:
    """The partial r that remains, with that corrected for noise where it is known, and its p."""
    free = _of(rows, given, "partial_noise_free") if "partial_noise_free" in rows else "–"
    corrected = "" if free == "–" else f", {free} without the noise of a limited number of topics,"
    p = p_value(rows["p_familywise"][given])
    return f"{_of(rows, given, 'partial')}{corrected} remains (permuted labels: family-wise {p})"


def numbers(study: StudyTables) -> Listing | None:
    """Agreement beyond each control, as observed and corrected for noise, at the layer shown first."""
    table = study.tables.get("controls")
    if table is None or not (found := pairs(study, table)):
        return None
    layer, rows = at_layer(table, study.layer)
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    control = variant_control(table)
    for variant in control.options:
        for a, b in found:
            own = rows[(rows["variant"] == variant) & (rows["language_a"] == a) & (rows["language_b"] == b)]
            own = own.set_index("given")
            frames[variant, f"{a}+{b}"] = [
                [
                    _NAMES[given],
                    *(number(own.loc[given, name]) for name in ("r_control", "partial", "partial_noise_free")),
                    *(p_value(own.loc[given, name]) for name in ("p", "p_familywise")),
                ]
                for given in _NAMES
                if given in own.index
            ]
    columns = ("beyond", "control alone", "partial r", "partial r without noise", "p", "p over all layers")
    caption = f"What is left beyond each control, layer {layer}"
    return Listing("controls-numbers", caption, (control, pair_control(found)), columns, frames)


def _of(rows: pd.DataFrame, given: str, column: str) -> str:
    return number(rows[column][given])


PLANS = (
    Plan(
        "controls", "What the words alone explain", ("controls",), finding, (chart, numbers),
        "The first curve is the agreement of two languages' emotion geometries; those below show what is left of it "
        "(partial correlation) once a control is taken out of both languages: the similarity of the stories' words and "
        "characters (TF-IDF), of their averaged input embeddings, of the first layer, and the difference of the "
        "emotion words' valence. Dotted levels are what the controls reach by themselves, each language through its "
        "own similarity structure; at a filled marker more is left than shuffled labels leave at any layer in 95 % "
        "of cases (family-wise p < 0.05).",
        "Words agree between languages because stories of one emotion tell alike events in both, which is no fault of "
        "theirs: the partial correlation is a lower bound where meaning and wording go together. It is no proof of a "
        "geometry beyond language either: controls that measure words badly take out too little, and p holds its level "
        "only for controls that act on similarities. Where words act on the vectors themselves, p below 0.05 comes up "
        "in 14 to 17 % of cases with nothing left (simulated), so that a p near 0.05 is no evidence. Without noise, "
        "the partial r is divided by how well what is left returns on other topics; the controls stay as they are. The "
        "layers are accounted for, the number of controls is not. Beyond valence and all only emotions that have norms "
        "count.",
        across=True,
    ),
)  # fmt: skip
