"""The first principal components: emotions on them, and what they correlate with."""

from collections.abc import Mapping
from typing import Any

from emovec.report.charts import Chart, Curve, Dash, Scatter
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import GREY, OKABE_ITO, colour, language_name, listed, marker, number, p_value, percent
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_POINTS = 30_000
_COMPONENTS = 5
_DASHES: tuple[Dash, ...] = ("solid", "dash", "dot", "dashdot")
_HUES = {"valence": OKABE_ITO[0], "arousal": OKABE_ITO[1], "dominance": OKABE_ITO[2]}


def finding(
    study: StudyTables,
    pca_variance: Selection | None = None,
    axes: Selection | None = None,
    poles: Selection | None = None,
) -> str:
    """How much variance the first components hold, and what they correlate with most."""
    parts: list[str] = []
    here = [table.shown() if table else None for table in (pca_variance, axes, poles)]
    for language in study.languages:
        shares, references, cosines = (table.where(language=language) if table else None for table in here)
        said: list[str] = []
        if shares:
            held = [percent(row["share"]) for row in shares.records("component")[:2]]
            said.append(f"the first components explain {listed(held)} of the variance")
        if references and (known := references.keep(references["r"].notna())):
            said += [
                _followed(component, known.where(component=component)) for component in known.values("component")[:2]
            ]
        if cosines:
            row = cosines.records()[0]
            said.append(
                f"the post's valence and arousal axes have a cosine of {number(row['cosine'])} (poles of random "
                f"words: 95 % within ±{number(row['null_95'])}, {p_value(row['p'])})"
            )
        if said:
            parts.append(f"in {language_name(language)}: {', '.join(said)}")
    layer = next((table.layer for table in reversed(here) if table), study.layer)
    return f"At layer {layer}, {'; '.join(parts)}." if parts else ""


def _followed(component: int, rows: Selection) -> str:
    """What a component goes with beyond chance: references have different nulls, so their p decides and not their r."""
    ranked = sorted(rows.records(), key=lambda row: (row["p_familywise"], row["p"], -abs(row["r"])))
    top = ranked[0]
    sources = len({_source(row["reference"]) for row in ranked})
    random = "random poles" if top["reference"].startswith(("post ", "own ")) else "shuffled ratings"
    numbers = (
        f"r = {number(top['r'])}; {random} give 95 % within ±{number(top['null_95'])}, {p_value(top['p'])}, over "
        f"layers, components and scales {p_value(top['p_familywise'])}"
    )
    # One family for each source of references, and the smallest p of all is shown.
    if top["p_familywise"] * sources < ALPHA:
        return f"component {component} correlates with {top['reference']} beyond chance ({numbers})"
    return f"component {component} correlates with no scale beyond chance (closest: {top['reference']}, {numbers})"


def chart(study: StudyTables, pca: Selection, pca_variance: Selection | None = None) -> Chart | None:
    """Emotions on their first two principal components, a panel for each language (a choice where there are many)."""
    if len(pca.values("component")) < 2:
        return None
    first, second = pca.values("component")[:2]
    variants, languages = pca.variant_selector(), pca.languages
    points = len(languages) * pca["emotion"].nunique() * len(variants.options)
    layers = pca.layer_selector(_POINTS / points)
    index = ["variant", "layer", "language"]
    shares: Mapping[Any, float] = (
        pca_variance.rows.set_index([*index, "component"])["share"].to_dict() if pca_variance else {}
    )
    wide = pca.rows.pivot_table(index=[*index, "emotion"], columns="component", values="score", aggfunc="first")

    def panel(rows: Selection) -> Scatter:
        variant, layer, language = where = tuple(rows.only(column) for column in index)
        x, y = (
            f"component {c}" + (f" ({percent(shares[*where, c])} of variance)" if (*where, c) in shares else "")
            for c in (first, second)
        )
        i = languages.index(language)
        group = rows.points(language_name(language), colour(i), marker(i), first, second)
        return Scatter(f"{language_name(language)}, layer {layer}, {variant}", x, y, [group])

    frames, selectors = Selection(study, "pca", wide.reset_index()).side_by_side([layers, variants], panel)
    caption = "Emotions on the first two principal components"
    return Chart("pca", caption, selectors, frames, pca.kept_note(layers), height=560)


def variance(pca_variance: Selection) -> Chart:
    """Share of the variance over emotions that each of the first components holds, by layer."""
    selectors = (pca_variance.variant_selector(), pca_variance.language_selector())
    limits = (0.0, min(1.03, 1.1 * float(pca_variance["share"].max())))
    frames = {
        key: [
            rows.lines(
                language_name(rows.only("language")),
                "share of variance",
                [
                    rows.where(component=component).curve(
                        "share", f"component {component}", colour(i), marker=marker(i)
                    )
                    for i, component in enumerate(rows.values("component")[:_COMPONENTS])
                ],
                limits,
            )
        ]
        for key, rows in pca_variance.each(*selectors)
    }
    return Chart("pca-variance", "Variance that the first components explain, by layer", selectors, frames)


def references(axes: Selection) -> Chart:
    """Correlation of the principal components with the post's poles and with human norms, by layer."""
    selectors = (axes.variant_selector(), axes.language_selector())
    ordered = sorted(axes.values("reference"), key=_order)
    sources = list(dict.fromkeys(_source(reference) for reference in ordered))
    frames = {
        key: [
            rows.lines(
                f"component {component}, {language_name(rows.only('language'))}",
                "Pearson r",
                [
                    _curve(own, reference, sources.index(_source(reference)))
                    for reference in ordered
                    if (own := rows.where(component=component, reference=reference))
                ],
                (-1.05, 1.05),
            )
            for component in axes.values("component")[:2]
        ]
        for key, rows in axes.each(*selectors)
    }
    return Chart("axes", "Principal components against poles and human norms, by layer", selectors, frames)


def _curve(rows: Selection, reference: str, source: int) -> Curve:
    return rows.curve(
        "r", reference, _HUES.get(reference.rsplit(" ", 1)[-1], GREY), _DASHES[source % len(_DASHES)], marker(source),
        filled="p_familywise", note=_note,
    )  # fmt: skip


def _note(row: dict[Any, Any]) -> str:
    return f"p = {row['p']:.2g}, family-wise {row['p_familywise']:.2g}; shuffled: 95 % within ±{row['null_95']:.2f}"


def _source(reference: str) -> str:
    return reference.rsplit(" ", 1)[0]


def _order(reference: str) -> tuple[bool, str, int]:
    scale = reference.rsplit(" ", 1)[-1]
    return not reference.startswith("post"), _source(reference), [*_HUES, scale].index(scale)


SECTION = Section(
    place=340,
    anchor="pca",
    title="Principal components, valence and arousal",
    tables=("pca", "pca_variance", "axes", "poles"),
    finding=finding,
    exhibits=(chart, variance, references),
    reading="The map shows emotions on the two directions of largest variance. The curves show how these components "
    "correlate with the poles of the published method and with human ratings of the words. The sign of a component "
    "is arbitrary: one rule sets it at the first layer, and each later layer follows the one before. So if a curve "
    "jumps, the component itself changed.",
    misleading="What the first components mean depends on how the stories are written. The post's axes are made "
    "from the same vectors as the components, so poles of random words correlate with component 1 almost as well. A "
    "filled point is larger than shuffled words or ratings give at any layer, component or scale in 95 % of "
    "shuffles. The two axes share the emotion thrilled and therefore overlap. The norms are ratings of English "
    "words, applied to other languages through the label.",
)
