"""Representational similarity: do two languages arrange the emotions alike?"""

from typing import Any

import pandas as pd

from emovec.report.charts import Chart
from emovec.report.confirmatory import caveat
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import GREY, NOTABLE, colour, language_name, listed, number, p_value
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

ALIKE = 0.5
"""From this r on two patterns may be called alike; a smaller one can be beyond chance all the same."""
_SCALINGS = {"raw": "without standardising", "standardised": "with each dimension standardised"}
_METHODS = {"pearson": "Pearson", "spearman": "Spearman", "rho_a": "ρₐ"}


def too_few(permutations: int) -> bool:
    """Whether even the smallest p that so many permutations allow can't fall below `ALPHA`."""
    return 1 / (1 + permutations) >= ALPHA


def finding(study: StudyTables, rsa: Selection, intervals: Selection | None = None) -> str:
    """Whether languages arrange the emotions alike, beyond chance over all layers, raw and standardised."""
    methods = rsa.values("method")
    rows = rsa.where(method="pearson" if "pearson" in methods else methods[0]).at_shown_layer()
    said: list[str] = []
    which, pairs = rows.most_and_least("r", variant=rows.variants[-1])
    for a, b, pair in pairs:
        limit = caveat(study, "alike", a, b)
        said.append(_said(a, b, pair.by("variant"), rows.layer) + (f" But {limit}." if limit else ""))
    return which + " ".join([*said, *_scaling(rows, intervals)])


def _said(a: str, b: str, by: dict[Any, dict[Any, Any]], layer: int) -> str:
    by = {name: by[name] for name in _SCALINGS if name in by}
    names = f"{language_name(a)} and {language_name(b)}"
    significant = {name: float(row["r"]) for name, row in by.items() if row["p_familywise"] < ALPHA}
    permutations = int(next(iter(by.values()))["permutations"])
    if too_few(permutations):
        claim = (
            f"Whether {names} arrange the emotions alike can't be judged with {permutations} permutations, which "
            f"allow no p below {1 / (1 + permutations):.3f}"
        )
    elif significant:
        alike = "alike" if min(significant.values()) >= ALIKE else "more alike than shuffled labels"
        how = _SCALINGS["raw"] if "raw" in significant else "once the dimensions are standardised"
        claim = f"{names} arrange the emotions {alike}{'' if len(significant) == len(by) else f' only {how}'}"
        claim += ", which is exploratory" if "standardised" in by and "standardised" not in significant else ""
    else:
        claim = f"There is no evidence that {names} arrange the emotions alike"
    each = [
        f"r = {number(row['r'])} {_SCALINGS[name]} ({p_value(row['p'])}, over all layers "
        f"{p_value(row['p_familywise'])}; 95 % of {permutations:,} random relabellings stay below "
        f"{number(row['null_95'])})"
        for name, row in by.items()
    ]
    return f"{claim}: at layer {layer} their patterns of similarity correlate with {listed(each)}."


def _scaling(rows: Selection, intervals: Selection | None) -> list[str]:
    """What standardising changes, corrected for noise where that is known: it may change reliability alone."""
    keys = ["language_a", "language_b"]
    r, corrected = rows.rows.pivot(index=keys, columns="variant", values="r"), ""
    if len(r.columns) < len(_SCALINGS):
        return []
    free = intervals.where(statistic="rsa_noise_free", layer=rows.layer).rows if intervals else pd.DataFrame()
    if len(free):
        free = free.pivot(index=keys, columns="variant", values="estimate").reindex(r.index)
        if len(free.columns) == len(_SCALINGS) and free.notna().to_numpy().all():
            r, corrected = free, " (both corrected for noise)"
    gap = (r["standardised"] - r["raw"]).abs().max()
    between = f"the agreement between languages{corrected}"
    if gap > NOTABLE:
        return [f"Standardising changes {between} by up to {number(gap)} in r: which of the two is reported matters."]
    return [f"Standardising hardly changes {between} (by {number(gap)} in r at most)."]


def chart(rsa: Selection) -> Chart:
    """RSA across languages by layer, raw and standardised side by side, with the null's upper 95 % quantile."""
    method = rsa.selector("correlation", "method", [*_METHODS], _METHODS.__getitem__, in_paper=False)
    selectors = (rsa.pair_selector(), method)
    frames = {
        (pair, name): [
            rows.lines(
                f"{variant} vectors",
                f"{_METHODS[name]} r",
                [
                    rows.curve("null_mean", "null: mean to 95 % quantile", GREY, upper="null_95"),
                    rows.curve(
                        "r", "r between languages (filled: family-wise p < 0.05)", colour(position), marker="circle",
                        filled="p_familywise", note=_note,
                    ),
                ],
                own.limits("r", "null_mean"),
            )
            for position, variant in enumerate(rsa.variants)
            if (rows := own.variant(variant))
        ]
        for (pair, name), own in rsa.each(*selectors)
    }  # fmt: skip
    return Chart("rsa", "Agreement of the two languages' emotion geometries, by layer", selectors, frames)


def _note(row: dict[Any, Any]) -> str:
    return f"p = {row['p']:.2g}, family-wise {row['p_familywise']:.2g}, null 95 % {row['null_95']:.3f}"


SECTION = Section(
    place=130,
    anchor="rsa",
    title="Representational similarity across languages",
    tables=("rsa",),
    finding=finding,
    exhibits=(chart,),
    headline=True,
    across=True,
    reading="Each point correlates the cosines of all emotion pairs in one language with those in the other. The "
    "grey band shows the correlations when one language's labels are shuffled. At a filled point, r is larger than "
    "in 95 % of permutations at any layer.",
    misleading="A split into pleasant and unpleasant emotions is enough to make two emotion geometries agree, and "
    "so are shared topics or translated wording. Where raw and standardised differ much, one dimension dominates "
    "the raw cosines and you should not trust the raw curve.",
)
