"""The page of a comparison of studies: its sections, charts and HTML."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emovec.files import write_bytes
from emovec.geometry.model_agreement import overlap
from emovec.models.locate import model_name
from emovec.report.charts import Chart, Curve, HeatMap, Lines, Selector
from emovec.report.pages.compared_experiments import charts, listings, preference_finding, rule_finding
from emovec.report.pages.html import fill_with_figures
from emovec.report.selection import variant_selector
from emovec.report.style import colour, marker, number, p_value, pair_name
from emovec.stats.permutation import ALPHA, MINIMUM_EMOTIONS
from emovec.study.compared_experiments import TABLES as EXPERIMENT_TABLES
from emovec.study.comparison import Comparison
from emovec.targets import PAGE, require_file, require_folder

MEASURES = {
    "rsa": "languages alike (r)",
    "decoding": "decoding",
    "words": "words alone",
    "retrieval": "retrieval",
    "valence": "valence (r)",
}
"""The headline numbers of a study, and what a reader is told they are."""


def render(found: Comparison, folder: str) -> str:
    """The page's HTML; `folder` is where its tables lie."""
    return fill_with_figures(
        "compare.html.j2",
        found=found,
        folder=folder,
        overview=overview(found),
        summary=summary(found),
        scope=scope(found),
        finding=finding(found),
        over_depth=over_depth(found),
        charts={"agreement": agreement(found), "depth": depth(found), "maps": maps(found), **charts(found.experiments)},
        listings=listings(found.experiments),
        preferences=preference_finding(found.experiments),
        rules=rule_finding(found.experiments),
    )


def finding(found: Comparison) -> str:
    """The range of the agreement between studies within a language, standardised if there is such."""
    rows = _pearson(found)
    same = rows[rows["language_a"] == rows["language_b"]]
    rows, what = (same, "in the same language") if len(same) else (rows, "across languages")
    ends = rows.sort_values("r", ascending=False).to_dict("records")
    said = [f"r = {number(row['r'])} ({row['study_a']} and {row['study_b']}, {_pair(row)})" for row in ends]
    span = " down to ".join(dict.fromkeys([said[0], said[-1]]))
    beyond = int((rows["p"] < ALPHA).sum())
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
    selector = variant_selector(table)
    sides = [(study.name, language) for study in found.studies for language in study.vectors.languages]
    present = {tuple(row) for end in "ab" for row in table[[f"study_{end}", f"language_{end}"]].itertuples(index=False)}
    sides = [side for side in sides if side in present]
    place = {side: i for i, side in enumerate(sides)}
    names = [f"{name} {language}" for name, language in sides]
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for variant in selector.options:
        values = np.full((len(sides), len(sides)), np.nan)
        np.fill_diagonal(values, 1)
        for row in table[table["variant"] == variant].to_dict("records"):
            i, j = (place[row[f"study_{end}"], row[f"language_{end}"]] for end in "ab")
            values[i, j] = values[j, i] = row["r"]
        title = f"Agreement at the chosen layers, {variant} vectors"
        frames[(variant,)] = [HeatMap(title, values, names, names, "", "", "r", (-1, 1), "diverging")]
    caption = "Correlation of the emotion geometries of every two studies; within a study nothing is compared"
    return Chart("agreement", caption, (selector,), frames, height=max(360, 200 + 34 * len(sides)))


def depth(found: Comparison) -> Chart:
    """Agreement at equal relative depth, a curve for each pair of languages."""
    table = found.depths
    variants, studies = variant_selector(table), _studies_selector(table)
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
    variants, studies = variant_selector(table), _studies_selector(table)
    languages = list(dict.fromkeys(f"{r.language_a}+{r.language_b}" for r in table.itertuples()))
    names = [pair_name(*option.split("+")) for option in languages]
    chosen = Selector("languages", languages, languages[0], names=names)
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
    return variant_selector(table).initial


def _studies_selector(table: pd.DataFrame) -> Selector:
    pairs = list(dict.fromkeys(f"{row.study_a} – {row.study_b}" for row in table.itertuples()))
    return Selector("studies", pairs, pairs[0])


def _of_pair(table: pd.DataFrame, option: str) -> pd.DataFrame:
    return table[(table["study_a"] + " – " + table["study_b"]) == option]


def overview(found: Comparison) -> pd.DataFrame:
    """The headline numbers as text, a column for each study."""
    columns: dict[str, list[str]] = {}
    for study in found.studies:
        cells = [model_name(study.tables.config.model), str(len(study.vectors.emotions))]
        cells += [", ".join(study.vectors.languages), f"{study.layer} of {max(study.vectors.layers)}"]
        for measure in MEASURES:
            rows = study.numbers[study.numbers["measure"] == measure]
            cells.append(", ".join(f"{_codes(r)} {number(r['value'])}" for r in rows.to_dict("records")) or "–")
        columns[study.name] = cells
    return pd.DataFrame({"": ["model", "emotions", "languages", "chosen layer", *MEASURES.values()], **columns})


def summary(found: Comparison) -> pd.DataFrame:
    """The agreement at the chosen layers as text, a row for each pair of studies, languages and each variant."""
    rows: list[dict[str, str]] = []
    keys = ["study_a", "study_b", "language_a", "language_b", "variant"]
    for _, own in found.agreement.groupby(keys, sort=False):
        by = {str(row["method"]): row for row in own.to_dict("records")}
        first = by["pearson"]
        rows.append(
            {
                "studies": f"{first['study_a']} – {first['study_b']}",
                "languages": f"{first['language_a']} – {first['language_b']}",
                "layers": f"{first['layer_a']} – {first['layer_b']}",
                "vectors": str(first["variant"]),
                **{
                    method.capitalize(): f"{number(by[method]['r'])} ({p_value(by[method]['p'])})"
                    for method in ("pearson", "spearman")
                },
                "chance 95 %": number(first["null_95"]),
            }
        )
    return pd.DataFrame(rows)


def scope(found: Comparison) -> list[str]:
    """What each two studies have in common, and what was left out, in a sentence each."""
    sentences: list[str] = []
    for a, b in combinations(found.studies, 2):
        common = overlap(a.vectors.best, b.vectors.best)
        names = ", ".join(dict.fromkeys(f"{x}" if x == y else f"{x} with {y}" for x, y in common.languages))
        left = [
            f"only in {study.name}: {', '.join(alone)}"
            for study, alone in ((a, common.only_a), (b, common.only_b))
            if alone
        ]
        said = f"compared in {names}" + (f" (left out, {'; '.join(left)})" if left else "")
        few = len(common.emotions) < MINIMUM_EMOTIONS
        sentences.append(
            f"{a.name} and {b.name} share {len(common.emotions)} emotions, {'too few to compare' if few else said}."
        )
    return sentences + list(found.experiments.scope)


def require_page(page: Path, *, overwrite: bool = False) -> None:
    """See that the page and the folder of its tables may be written.

    Raises:
        EmovecError: if one of them is there and may not be replaced, or can't be written.
    """
    require_file(page, PAGE, overwrite=overwrite)
    require_folder(page.with_suffix(""), "the tables of an earlier comparison", _only_tables, overwrite=overwrite)


def _only_tables(folder: Path) -> bool:
    return {file.name for file in folder.iterdir()} <= {f"{name}.parquet" for name in _TABLES}


_TABLES = ("studies", "agreement", "layers", *EXPERIMENT_TABLES)


def write_comparison(found: Comparison, page: Path, *, overwrite: bool = False) -> Path:
    """Write the page, and its tables as Parquet into a folder of its name beside it; the same input, the same bytes.

    Raises:
        EmovecError: as `require_page`.
    """
    require_page(page, overwrite=overwrite)
    tables = {"studies": found.numbers, "agreement": found.agreement, "layers": found.layers}
    experiments = {name: getattr(found.experiments, name) for name in EXPERIMENT_TABLES}
    tables |= {name: table for name, table in experiments.items() if len(table)}
    for name in EXPERIMENT_TABLES:  # an earlier comparison may have had rows for what this one has none for
        (page.with_suffix("") / f"{name}.parquet").unlink(missing_ok=True)
    for name, table in tables.items():
        write_bytes(page.with_suffix("") / f"{name}.parquet", table.to_parquet(index=False))
    write_bytes(page, render(found, page.stem).encode())
    return page


def _codes(row: Mapping[Any, Any]) -> str:
    a, b = (row[name] for name in ("language_a", "language_b"))
    return str(a) if a == b else f"{a}–{b}"
