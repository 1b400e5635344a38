"""The section on intervals, and on the reliability that bounds the agreement of languages."""

from typing import Any

from emovec.report.charts import Chart, Lines, Listing
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import colour, interval, language_name, marker, number, pair_name

_NAMES = {
    "rsa": "correlation of the two geometries (RSA)",
    "rsa_noise_free": "the same, corrected for noise",
    "same_cosine": "mean cosine of the same emotion",
    "cosine_difference": "difference from the cosine of other emotions",
    "retrieval_ab": "nearest vector is the same emotion",
    "retrieval_ba": "nearest vector is the same emotion",
}
_Cells = list[str | list[str]]


def _interval(row: dict[Any, Any], kind: str = "") -> str:
    """An interval such as `[0.82, 0.90]`, with spaces that don't break; a dash where there is none."""
    low, high = row[f"low{kind}"], row[f"high{kind}"]
    return f"[{number(low)},\u00a0{number(high)}]" if low == low else "–"


def finding(intervals: Selection, ceiling: Selection | None = None) -> str:
    """The intervals of each pair's agreement, its ceiling, and what r would be without noise."""
    rows = intervals.shown()
    variant = rows.only("variant")
    said: list[str] = []
    which, pairs = rows.most_and_least("estimate", statistic="rsa")
    for a, b, pair in pairs:
        own = pair.by("statistic")
        if "rsa" not in own:
            continue
        row = own["rsa"]
        sentence = (
            f"The agreement of {language_name(a)} and {language_name(b)} is r = {number(row['estimate'])}, with 95 % "
            f"intervals of {interval(row)} (the average over other sets of as many; layer {rows.layer}, {variant})"
        )
        tops = ceiling.pair(a, b).where(layer=rows.layer, variant=variant)["ceiling"].dropna() if ceiling else []
        sentence += "".join(
            f"; given how well each language agrees with itself, it could be {number(top)} at most" for top in tops
        )
        if free := own.get("rsa_noise_free"):
            sentence += (
                "; without the noise of a limited number of topics r would be "
                f"{number(free['estimate'])} ({interval(free)})"
            )
        said.append(f"{sentence}.")
    return which + " ".join(said)


def agreement(intervals: Selection, ceiling: Selection | None = None, reliability: Selection | None = None) -> Chart:
    """RSA with its interval beside the ceiling that reliability sets, by layer: raw and standardised side by side."""
    pairs = intervals.pair_selector()
    frames = {
        key: [
            _panel(
                own.variant(variant), *(table.variant(variant) if table else None for table in (ceiling, reliability))
            )
            for variant in reversed(intervals.variants)
        ]
        for key, own in intervals.each(pairs)
    }
    caption = "Agreement across languages with its 95 % interval over topics, and the ceiling that reliability sets"
    return Chart("uncertainty", caption, (pairs,), frames)


def _panel(rows: Selection, ceiling: Selection | None, reliability: Selection | None) -> Lines:
    (a, b), label = rows.pairs[0], "r between languages"
    rsa, free = rows.where(statistic="rsa"), rows.where(statistic="rsa_noise_free")
    curves = [
        rsa.curve("low", f"{label}: 95 % interval", colour(0), upper="high"),
        rsa.curve("estimate", label, colour(0), marker="circle", note=_interval),
        free.curve("estimate", "r corrected for noise", colour(2), "dot"),
    ]
    if ceiling:
        name = "ceiling: root of the reliabilities' product"
        curves.append(ceiling.pair(a, b).curve("ceiling", name, "#000000", "dash"))
    for language, own in [(each, reliability.where(language=each)) for each in (a, b)] if reliability else []:
        at = rows.study.languages.index(language)
        curves.append(own.curve("r", f"reliability, {language_name(language)}", "#999999", "solid", marker(at)))
    values = [v for c in curves for v in (*c.y, *(c.upper or ())) if v == v]
    limits = (min(0.0, *values) - 0.03 if min(values) < 0 else 0.0, max(1.03, max(values) + 0.02))
    return rows.lines(f"{rows.only('variant')} vectors", "r", curves, limits)


def headline_numbers(intervals: Selection) -> Listing:
    """Every headline number with its interval, at each layer."""
    selectors = (intervals.variant_selector(), intervals.layer_selector())
    frames = {key: [*_pair_rows(rows), *_component_rows(rows)] for key, rows in intervals.each(*selectors)}
    columns = ("number", "of", "value", "95 % interval: other topics", "other topics and emotions")
    return Listing("headline-intervals", "Headline numbers with their intervals", selectors, columns, frames)


def _pair_rows(rows: Selection) -> list[_Cells]:
    found: list[_Cells] = []
    for a, b, pair in rows.each_pair():
        own = pair.by("statistic")
        for name in among(_NAMES, own):
            sign = " → " if name.startswith("retrieval") else "–"
            of = pair_name(b, a, sign) if name == "retrieval_ba" else pair_name(a, b, sign)
            row = own[name]
            found.append([_NAMES[name], of, number(row["estimate"]), _interval(row), _interval(row, "_crossed")])
    return found


def _component_rows(rows: Selection) -> list[_Cells]:
    return [
        [
            f"r of {row['reference'].replace(' · ', ' with ')}", language_name(language),
            number(row["estimate"]), _interval(row), "–",
        ]
        for language in rows.study.languages
        for row in rows.where(language_a=language, statistic="pc_norm").records("reference")
        if not row["reference"].endswith(" dominance")
    ]  # fmt: skip


SECTION = Section(
    place=140,
    anchor="uncertainty",
    title="How certain the numbers are",
    tables=("intervals", "ceiling", "reliability"),
    finding=finding,
    exhibits=(agreement, headline_numbers),
    headline=True,
    reading="The band is the 95 % interval for the average correlation over other sets of as many topics; a single "
    "new set of topics varies about √2 times as much. Grey curves show reliability: how well half of the topics "
    "predict the other half within a language, scaled up to all topics. They set the dashed ceiling, the highest "
    "correlation between languages that you can expect. The dotted curve is the correlation corrected for this "
    "noise; it compares the two languages on different topics.",
    misleading="The band covers other topics with these emotions. The wider intervals in the text and the table cover "
    "other emotions too, as if these had been drawn at random from a large number of emotions; a list made by hand was "
    "not. None covers other models or other ways of writing stories. Where reliability is below 0.5, or the corrected "
    "r exceeds 1, don't trust the correction. Raw and standardised vectors, layers and pairs of languages differ in "
    "reliability: compare them by the corrected r.",
)
