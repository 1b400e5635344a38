"""Outlier dimensions: how much of the vectors' energy single dimensions hold, and which tokens carry them."""

from emovec.geometry.outliers import KINDS
from emovec.report.charts import Chart, Curve, Listing
from emovec.report.page_tables import visible
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import colour, language_name, listed, marker, percent
from emovec.study.results import StudyTables

DOMINANT = 0.1
"""From this share on, one dimension decides what every cosine says."""
_NAMES = {"raw": "mean", "centred": "centred", "denoised": "denoised"}
_CARRIERS = 8


def finding(study: StudyTables, outliers: Selection, outlier_tokens: Selection | None = None) -> str:
    """How much of the energy the strongest dimension holds at each step, and where in the text that energy lies."""
    first = outliers.where(rank=1)
    here = first.at_shown_layer()
    used = among(KINDS, here["kind"])[-1]
    parts: list[str] = []
    for _, language, own in here.where(variant="raw").each_language():
        by = own.by("kind")
        shares = [
            f"{percent(by[kind]['energy_share'])} for the {_NAMES[kind]} vectors (dimension {by[kind]['dimension']})"
            for kind in among(KINDS, by)
        ]
        standardised = here.where(language=language, variant="standardised", kind=used)
        shares += [f"{percent(share, 1)} for these once standardised" for share in standardised["energy_share"]]
        most = first.where(language=language, variant="raw", kind="centred")
        top = most.records("energy_share", "layer", ascending=[False, True])[:1]
        highest = "".join(
            f", and over all layers at most {percent(row['energy_share'])} for the centred vectors (layer "
            f"{row['layer']}, dimension {row['dimension']})"
            for row in top
        )
        parts.append(f"in {language_name(language)} {listed(shares)}{highest}")
    said = f"At layer {here.layer} the strongest dimension's share of the energy is {'; '.join(parts)}"
    if outlier_tokens:
        starts = [
            f"{language_name(language)} {percent(_at_first(own.where(dimension=own.only('dimension'))))}"
            for _, language, own in outlier_tokens.at_shown_layer().each_language()
        ]
        said += (
            "; the start of the texts accounts for this share of the energy of the centred vectors' strongest "
            f"dimension over all tokens: {', '.join(starts)}"
        )
    if here.where(variant="raw", kind=used)["energy_share"].max() >= DOMINANT:
        return (
            f"{said}. Results there without standardising mostly reflect this one dimension; compare the standardised "
            "results."
        )
    return f"{said}. So no single dimension dominates the vectors compared at layer {here.layer}."


def chart(outliers: Selection) -> Chart:
    """Share of the vectors' energy that the strongest dimension holds, and all listed ones together, by layer."""
    selector = outliers.selector("kind of vectors", "kind", KINDS, _NAMES.__getitem__)
    keys = ["kind", "variant", "language", "layer"]
    highest = outliers.rows.groupby(keys)["energy_share"].sum().groupby("kind").max()
    frames = {
        (kind,): [
            rows.lines(
                f"{_NAMES[kind]} vectors, {variant}",
                "share of energy",
                [curve for i, language, own in rows.each_language() for curve in _curves(own, i, language)],
                (0.0, min(1.03, 1.1 * float(highest[kind]))),
            )
            for variant in outliers.variants
            if (rows := own.variant(variant))
        ]
        for (kind,), own in outliers.each(selector)
    }
    return Chart("outliers", "Energy in single dimensions, by layer", (selector,), frames)


def _curves(rows: Selection, i: int, language: str) -> list[Curve]:
    listed_ = max(rows.values("rank"))
    label = f"strongest dimension, {language_name(language)}"
    strongest = rows.where(rank=min(rows.values("rank")))
    curves = [
        strongest.curve(
            "energy_share", label, colour(i), marker=marker(i), note=lambda row: f"dimension {row['dimension']}"
        )
    ]
    if listed_ > 1:
        total = rows.rows.groupby("layer")["energy_share"].sum()
        label = f"{listed_} strongest together, {language_name(language)}"
        curves.append(Curve(label, total.index.tolist(), total.tolist(), colour(i), "dot"))
    return curves


def carriers(outlier_tokens: Selection) -> Listing:
    """The tokens that carry the energy of the outlier dimensions, by layer."""
    selectors = (outlier_tokens.layer_selector(), outlier_tokens.language_selector())
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for key, rows in outlier_tokens.each(*selectors):
        frames[key] = []
        for dimension in dict.fromkeys(rows["dimension"]):
            own = rows.where(dimension=dimension)
            best = own.records("share", "token", ascending=[False, True])[:_CARRIERS]
            tokens = [f"{visible(str(row['token']))} {percent(row['share'])}" for row in best]
            frames[key].append([str(dimension), tokens, percent(_at_first(own))])
    columns = ("dimension", "tokens with their share of its energy", "share at the start of the texts")
    return Listing("outlier-tokens", "Tokens that carry the strongest dimensions", selectors, columns, frames)


def _at_first(rows: Selection) -> float:
    """The share of a dimension's energy that the listed tokens hold at BOS or at the first token of a text."""
    return float((rows["share"] * rows["position_first"]).sum())


SECTION = Section(
    place=430,
    anchor="outliers",
    title="Outlier dimensions",
    tables=("outliers", "outlier_tokens"),
    finding=finding,
    exhibits=(chart, carriers),
    headline=True,
    reading="The curves show what share of the squared length of a language's vectors is in the strongest single "
    "dimension and in the strongest few. They do so for the mean vectors as they come from the model, for those "
    "minus their mean over emotions (centred), and for those with the neutral texts' components removed (denoised), "
    "which all other figures use. The table shows which tokens, in a sample of the texts, carry the strongest "
    "dimensions of the centred vectors. If the length were spread evenly, each dimension would have a share of 1 / "
    "hidden size.",
    misleading="A large share in the mean vectors alone is an activation that all emotions have in common; centring "
    "removes it. If one dimension has a large share of the vectors compared, every raw cosine, cluster and "
    "correlation at that layer mostly reflects it. Standardising evens this out, but also amplifies dimensions that "
    "contain nothing but noise.",
)
