"""The page of a comparison of studies: its sections, charts and HTML."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from emovec.report import interactive
from emovec.report.charts import Chart, Control, Curve, HeatMap, Lines
from emovec.report.choices import variant_control
from emovec.report.compare import Comparison
from emovec.report.page import exhibit_json
from emovec.report.style import colour, marker, number, p_value, pair_name


def render(found: Comparison, folder: str) -> str:
    """The page's HTML; `folder` is where its tables lie."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    script = _template("report.js").replace("FONT_FAMILY", json.dumps(interactive.FONT))
    return environment.from_string(_template("compare.html.j2")).render(
        found=found,
        folder=folder,
        overview=found.overview(),
        summary=found.summary(),
        finding=finding(found),
        over_depth=over_depth(found),
        charts={"agreement": agreement(found), "depth": depth(found), "maps": maps(found)},
        exhibit_json=exhibit_json,
        css=Markup(_template("report.css")),
        plotly=Markup(get_plotlyjs().replace("</script", "<\\/script")),
        script=Markup(script),
    )


def finding(found: Comparison) -> str:
    """The range of the agreement between studies within a language, standardised if there is such."""
    rows = _pearson(found)
    same = rows[rows["language_a"] == rows["language_b"]]
    rows, what = (same, "in the same language") if len(same) else (rows, "across languages")
    ends = rows.sort_values("r", ascending=False).to_dict("records")
    said = [f"r = {number(row['r'])} ({row['study_a']} and {row['study_b']}, {_pair(row)})" for row in ends]
    span = " down to ".join(dict.fromkeys([said[0], said[-1]]))
    beyond = int((rows["p"] < 0.05).sum())
    if len(rows) == 1:
        tested = f"{'more' if beyond else 'no more'} than shuffled labels do ({p_value(float(rows['p'].iloc[0]))})"
    else:
        tested = (
            f"{beyond} of {len(rows)} of these agree more than shuffled labels do (p < 0.05 each, not corrected for "
        )
        tested += "their number)"
    return (
        f"At the layers that the studies chose, their patterns of similarity between emotions correlate {what} with "
        f"{span}; {'that is ' if len(rows) == 1 else ''}{tested}."
    )


def over_depth(found: Comparison) -> str:
    """Where on the way through the models the agreement at equal depth is highest."""
    rows = found.depths
    rows = rows[rows["variant"] == _best(rows)]
    ends = rows.sort_values("r", ascending=False).to_dict("records")
    where = [
        f"r = {number(row['r'])} at {row['depth_a']:.0%} of depth ({row['study_a']} layer {row['layer_a']}, "
        f"{row['study_b']} layer {row['layer_b']}, {_pair(row)})"
        for row in (ends[0], ends[-1])
    ]
    return f"At equal relative depth two studies agree most with {where[0]} and least with {where[1]}."


def agreement(found: Comparison) -> Chart:
    """Every study and language with every other, at the chosen layers."""
    table = found.agreement[found.agreement["method"] == "pearson"]
    control = variant_control(table)
    sides = [(study.name, language) for study in found.studies for language in study.vectors.languages]
    present = {tuple(row) for end in "ab" for row in table[[f"study_{end}", f"language_{end}"]].itertuples(index=False)}
    sides = [side for side in sides if side in present]
    place = {side: i for i, side in enumerate(sides)}
    names = [f"{name} {language}" for name, language in sides]
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for variant in control.options:
        values = np.full((len(sides), len(sides)), np.nan)
        np.fill_diagonal(values, 1)
        for row in table[table["variant"] == variant].to_dict("records"):
            i, j = (place[row[f"study_{end}"], row[f"language_{end}"]] for end in "ab")
            values[i, j] = values[j, i] = row["r"]
        title = f"Agreement at the chosen layers, {variant} vectors"
        frames[(variant,)] = [HeatMap(title, values, names, names, "", "", "r", (-1, 1), "diverging")]
    caption = "Correlation of the emotion geometries of every two studies; within a study nothing is compared"
    return Chart("agreement", caption, (control,), frames, height=max(360, 200 + 34 * len(sides)))


def depth(found: Comparison) -> Chart:
    """Agreement at equal relative depth, a curve for each pair of languages."""
    table = found.depths
    variants, studies = variant_control(table), _studies_control(table)
    low = min(0.0, float(np.floor(table["r"].min() * 10) / 10))
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for option in studies.options:
        for variant in variants.options:
            rows = _of_pair(table, option)
            rows = rows[rows["variant"] == variant]
            curves = [
                Curve(
                    pair_name(str(a), str(b)),
                    [round(100 * value, 1) for value in curve["depth_a"]],
                    curve["r"].tolist(),
                    colour(k),
                    dash="solid" if a == b else "dash",
                    marker=marker(k),
                    notes=[f"layers {r['layer_a']} and {r['layer_b']}" for r in curve.to_dict("records")],
                )
                for k, ((a, b), curve) in enumerate(rows.groupby(["language_a", "language_b"], sort=False))
            ]
            label = "depth of the layer (% of the model's blocks)"
            frames[(option, variant)] = [Lines(f"{variant} vectors", label, "RSA r (Pearson)", curves, (low, 1.02))]
    caption = "Agreement of the emotion geometries at equal relative depth; dashed across languages"
    return Chart("depth", caption, (studies, variants), frames)


def maps(found: Comparison) -> Chart:
    """Every layer of one study with every layer of another."""
    table = found.layers
    variants, studies = variant_control(table), _studies_control(table)
    languages = list(dict.fromkeys(f"{r.language_a}+{r.language_b}" for r in table.itertuples()))
    names = [pair_name(*option.split("+")) for option in languages]
    chosen = Control("languages", languages, languages[0], names=names)
    low = min(0.0, float(np.floor(table["r"].min() * 10) / 10))
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for option in studies.options:
        pair = _of_pair(table, option)
        a, b = str(pair["study_a"].iloc[0]), str(pair["study_b"].iloc[0])
        for language in languages:
            x, y = language.split("+")
            rows = pair[(pair["language_a"] == x) & (pair["language_b"] == y)]
            for variant in variants.options:
                values = rows[rows["variant"] == variant].pivot(index="layer_a", columns="layer_b", values="r")
                if values.empty:
                    frames[(option, language, variant)] = []
                    continue
                rows_, columns = ([str(layer) for layer in axis] for axis in (values.index, values.columns))
                titles = f"{pair_name(x, y)}, {variant} vectors", f"{a}: layer", f"{b}: layer"
                frames[(option, language, variant)] = [
                    HeatMap(titles[0], values.to_numpy(), rows_, columns, *titles[1:], "r", (low, 1), "sequential")
                ]
    caption = "Agreement of each layer of one study with each layer of the other"
    return Chart("maps", caption, (studies, chosen, variants), frames, height=520)


def _pearson(found: Comparison) -> pd.DataFrame:
    table = found.agreement[found.agreement["method"] == "pearson"]
    return table[table["variant"] == _best(table)]


def _pair(row: Mapping[Any, Any]) -> str:
    return pair_name(str(row["language_a"]), str(row["language_b"]))


def _best(table: pd.DataFrame) -> str:
    return variant_control(table).initial


def _studies_control(table: pd.DataFrame) -> Control:
    pairs = list(dict.fromkeys(f"{row.study_a} – {row.study_b}" for row in table.itertuples()))
    return Control("studies", pairs, pairs[0])


def _of_pair(table: pd.DataFrame, option: str) -> pd.DataFrame:
    return table[(table["study_a"] + " – " + table["study_b"]) == option]


def _template(name: str) -> str:
    return (files("emovec.report") / "templates" / name).read_text(encoding="utf-8")
