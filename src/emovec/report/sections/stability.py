"""The report's section on how far groups of emotions can be trusted."""

from collections.abc import Sequence

import pandas as pd
from scipy.stats import binomtest

from emovec.report.charts import Chart, Control, Curve, Lines, Listing, nearest_layer
from emovec.report.section_plan import Plan
from emovec.report.selectors import (
    among,
    language_control,
    language_sets,
    pair_control,
    pairs,
    variant_control,
    variants,
)
from emovec.report.style import GREY, OKABE_ITO, colour, language_name, number, p_value, pair_name
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_ALGORITHMS = ("k-means", "average linkage")
_K_AXIS = "k (number of clusters)"
_STABLE = 0.75
"""Mean adjusted Rand index from which groups are called stable (Hennig 2007 uses 0.75 for Jaccard's index)."""


def finding(study: StudyTables) -> str:
    """Whether there is a stable number of groups, and whether languages agree on it."""
    rows, layer = _shown(study.tables["cluster_quality"], study)
    parts: list[str] = []
    for name in [s for s in language_sets(study, rows) if "+" not in s]:
        own = rows[(rows["languages"] == name) & rows["stability"].notna()]
        if own.empty:
            continue
        above = (own["stability"] > own["stability_95"]) & (own["silhouette"] > own["silhouette_95"])
        real = own[above & (own["stability"] >= _STABLE)]
        kept = real if len(real) else own
        row = kept.sort_values(
            ["stability" if len(real) else "silhouette", "k", "algorithm"], ascending=[False, True, True]
        ).iloc[0]
        told = (
            f"{row['k']} groups by {row['algorithm']}: adjusted Rand index under new topics "
            f"{number(row['stability'])}, without groups 95 % below {number(row['stability_95'])}; silhouette "
            f"{number(row['silhouette'])}, without "
            f"groups 95 % below {number(row['silhouette_95'])}"
        )
        # Each of the ways has about one chance in twenty of lying above the line when there are no groups.
        if binomtest(len(real), len(own), ALPHA, alternative="greater").pvalue < ALPHA:
            parts.append(
                f"in {language_name(name)} {len(real)} of {len(own)} groupings are stable and clearer than among "
                f"points without groups (the most stable: {told})"
            )
        else:
            few = f"{len(real)} of {len(own)} groupings" if len(real) else f"none of {len(own)} groupings"
            verb = "is" if len(real) < 2 else "are"
            by_chance = ", which chance alone may give" if len(real) else ""
            parts.append(
                f"{language_name(name)} has no number of groups to rely on: {few} {verb} stable and clearer than among "
                f"points without groups{by_chance} (best: {told})"
            )
    sentence = f"At layer {layer} {'; '.join(parts)}" if parts else f"Too few stories to judge groups at layer {layer}"
    table = study.tables.get("cluster_agreement")
    if table is not None:
        agreement, _ = _shown(table, study)
        for a, b in pairs(study, agreement):
            own = agreement[(agreement["language_a"] == a) & (agreement["language_b"] == b)]
            best = own.sort_values(["ari", "k", "algorithm"], ascending=[False, True, True]).iloc[0]
            agree = best["p_familywise"] < ALPHA
            verdict = "agree most" if agree else "do not agree reliably, most"
            sentence += (
                f"; {language_name(a)} and {language_name(b)} {verdict} on {best['k']} groups ({best['algorithm']}, "
                f"adjusted Rand index {number(best['ari'])} of 1, "
                f"family-wise {p_value(best['p_familywise'])})"
            )
    return sentence + "."


def quality(study: StudyTables) -> Chart | None:
    """Silhouette and stability over the number of clusters, beside clouds of points without groups."""
    table = study.tables.get("cluster_quality")
    if table is None:
        return None
    _, layer = _shown(table, study)
    table = table[table["layer"] == layer]
    sets = language_sets(study, table)
    algorithms = among(_ALGORITHMS, table["algorithm"])
    control = variant_control(table)
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for variant in control.options:
        for name in sets:
            panels: list[Lines] = []
            for value, label in (("silhouette", "mean silhouette"), ("stability", "adjusted Rand index, new topics")):
                curves: list[Curve] = []
                rows = table[(table["variant"] == variant) & (table["languages"] == name)].sort_values("k")
                for i, algorithm in enumerate(algorithms):
                    own = rows[(rows["algorithm"] == algorithm) & rows[value].notna()]
                    ks = own["k"].tolist()
                    filled = (own[value] > own[f"{value}_95"]).tolist()
                    curves.append(Curve(algorithm, ks, own[value].tolist(), colour(i), marker="circle", filled=filled))
                    known = own[own[f"{value}_95"].notna()]
                    none = f"no groups, 95 % below ({algorithm})"
                    curves.append(Curve(none, known["k"].tolist(), known[f"{value}_95"].tolist(), colour(i), "dot"))
                title = f"{language_name(name)}, {variant}, layer {layer}"
                panels.append(Lines(title, _K_AXIS, label, curves, _limits(table, value)))
            frames[variant, name] = panels
    names = language_control(sets, "languages")
    return Chart("cluster-quality", "How well separated and how stable k groups are", (control, names), frames)


def agreement(study: StudyTables) -> Chart | None:
    """Adjusted Rand index between two languages' groups, over the number of clusters."""
    table = study.tables.get("cluster_agreement")
    if table is None or not (found := pairs(study, table)):
        return None
    _, layer = _shown(table, study)
    table = table[table["layer"] == layer]
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for a, b in found:
        panels: list[Lines] = []
        for variant in variants(table)[::-1]:
            curves: list[Curve] = []
            rows = table[(table["variant"] == variant) & (table["language_a"] == a) & (table["language_b"] == b)]
            for i, algorithm in enumerate(among(_ALGORITHMS, rows["algorithm"])):
                own = rows[rows["algorithm"] == algorithm].sort_values("k")
                notes = [f"{p_value(p)}, family-wise over k {p_value(f)}" for p, f in own[["p", "p_familywise"]].values]
                filled = (own["p_familywise"] < ALPHA).tolist()
                line = own["k"].tolist(), own["ari"].tolist()
                curves.append(Curve(algorithm, *line, colour(i), marker="circle", filled=filled, notes=notes))
            if len(rows):
                curves.append(Curve("chance", [int(rows["k"].min()), int(rows["k"].max())], [0.0, 0.0], GREY, "dot"))
            title = f"{pair_name(a, b)}, {variant}, layer {layer}"
            panels.append(Lines(title, _K_AXIS, "adjusted Rand index", curves, _limits(table, "ari")))
        frames[(f"{a}+{b}",)] = panels
    return Chart("cluster-agreement", "Do two languages group emotions alike?", (pair_control(found),), frames)


def profile(study: StudyTables) -> Listing | None:
    """Each cluster's members with their mean valence and arousal, and its name where a model gave one."""
    table = study.tables.get("cluster_profile")
    if table is None:
        return None
    table, model = _named(table, study.tables.get("cluster_names"))
    _, layer = _shown(table, study)
    table = table[(table["layer"] == layer) & (table["variant"] == variants(table)[-1])]
    sets = language_sets(study, table)
    algorithms = among(_ALGORITHMS, table["algorithm"])
    ks = [str(k) for k in sorted(table["k"].unique())]
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for (k, name, algorithm), rows in table.groupby(["k", "languages", "algorithm"]):  # pyright: ignore[reportGeneralTypeIssues]
        frames[str(k), str(name), str(algorithm)] = [
            [str(row.cluster), str(row.emotions).split(", "), number(row.valence), number(row.arousal)]
            + ([str(row.name)] if model else [])
            for row in rows.sort_values("cluster").itertuples()
        ]
    first = "4" if "4" in ks else ks[0]
    controls = (
        Control("k", ks, first),
        language_control(sets, "languages"),
        Control("algorithm", algorithms, algorithms[0]),
    )
    source = str(table["source"].iloc[0])
    columns = ("cluster", "emotions", "mean valence", "mean arousal", *(["name"] if model else []))
    caption = f"Groups of emotions at layer {layer}" + (f", rated by {source}" if source else "")
    caption += f"; names given by the language model {model}" if model else ""
    return Listing("cluster-profile", caption, controls, columns, frames)


def _named(table: pd.DataFrame, names: pd.DataFrame | None) -> tuple[pd.DataFrame, str]:
    """The profile with a column `name`, and who gave the names; a name counts only for the members it was given for."""
    if names is None:
        return table, ""
    key = ["variant", "layer", "languages", "algorithm", "k", "cluster", "emotions"]
    named = table.merge(names[[*key, "name"]], on=key, how="left").fillna({"name": ""})
    return named, str(names["model"].iloc[0]) if (named["name"] != "").any() else ""


def by_layer(study: StudyTables) -> Chart | None:
    """Stability of the best-separated number of groups, by layer."""
    table = study.tables.get("cluster_quality")
    if table is None or table["layer"].nunique() < 2:
        return None
    control = variant_control(table)
    best = table.dropna(subset=["stability"]).sort_values(["silhouette", "k"], ascending=[False, True])
    best = best.drop_duplicates(["variant", "layer", "languages", "algorithm"]).sort_values("layer")
    sets = language_sets(study, table)
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for variant in control.options:
        panels: list[Lines] = []
        for algorithm in among(_ALGORITHMS, table["algorithm"]):
            curves: list[Curve] = []
            for i, name in enumerate(sets):
                own = best[
                    (best["variant"] == variant) & (best["algorithm"] == algorithm) & (best["languages"] == name)
                ]
                notes = [f"k = {k}, silhouette {number(s)}" for k, s in zip(own["k"], own["silhouette"], strict=True)]
                hue = OKABE_ITO[i % len(OKABE_ITO)]
                curves.append(
                    Curve(
                        language_name(name), own["layer"].tolist(), own["stability"].tolist(), hue,
                        marker="circle", notes=notes,
                    )
                )  # fmt: skip
            title = f"{algorithm}, {variant}"
            panels.append(
                Lines(
                    title, "layer (output of block k, 0-based)", "adjusted Rand index", curves, (0, 1.03), study.layer
                )
            )
        frames[(variant,)] = panels
    return Chart("cluster-layers", "Stability of the best-separated groups, by layer", (control,), frames)


def _shown(table: pd.DataFrame, study: StudyTables) -> tuple[pd.DataFrame, int]:
    """The rows of the layer shown first (or the nearest) and of the standardised vectors, and that layer."""
    layer = nearest_layer(table["layer"].unique(), study.layer)
    rows = table[table["layer"] == layer]
    return rows[rows["variant"] == variants(rows)[-1]], layer


def _limits(table: pd.DataFrame, value: str) -> tuple[float, float]:
    columns = [table[name] for name in (value, f"{value}_95") if name in table]
    low = min(0.0, *(float(column.min()) for column in columns if column.notna().any()), 0.0)
    high = max((float(column.max()) for column in columns if column.notna().any()), default=1.0)
    return low - 0.03, max(high * 1.1, 0.1) if value == "silhouette" else 1.03


PLANS = (
    Plan(
        "stability", "Are the groups real?", ("cluster_quality", "cluster_agreement", "cluster_profile"), finding,
        (quality, agreement, profile, by_layer),
        "Silhouette says how well separated k groups are; stability, how nearly the same groups come back when the "
        "topics of the stories are drawn anew (adjusted Rand index: 1 the same groups, 0 chance). The dotted lines "
        "are the largest value of 19 clouds of points with the same principal variances and the same noise but no "
        "groups, which such points exceed in one case of twenty; filled points lie above. Between languages a filled "
        "point is an agreement that shuffled emotions "
        "reach at no k in 95 % of cases.",
        "Two languages can agree on how a smooth space is cut without there being any gap between the groups, so "
        "agreement alone is no evidence of kinds; k-means and linkage return k groups from anything. Draws share "
        "most of their stories with the whole, so stability is flattered: compare with the dotted line, not with zero. "
        "The ratings are of English words, whatever the language.",
    ),
)  # fmt: skip
