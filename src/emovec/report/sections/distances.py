"""Distances that noise does not flatter: crossnobis and debiased CKA across languages."""

from typing import Any

from emovec.report.charts import Chart, Curve
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import GREY, colour, language_name, number, p_value, pair_name
from emovec.stats.permutation import ALPHA

_MEASURES = {"pearson": "Pearson", "spearman": "Spearman", "rho_a": "ρₐ"}
_DISTANCES = {"cosine": "cosine distance", "crossnobis": "crossnobis distance"}


def finding(distance_rsa: Selection, cka: Selection | None = None) -> str:
    """Whether the agreement survives distances that noise can't inflate, at the layer shown."""
    rows = distance_rsa.shown().where(measure="pearson")
    parts: list[str] = []
    which, pairs = rows.most_and_least("r", distance="crossnobis")
    for a, b, pair in pairs:
        own = pair.by("distance")
        if row := own.get("crossnobis"):
            agree = "agree" if row["p"] < ALPHA else "do not agree beyond chance"
            beside = f", r = {number(own['cosine']['r'])} by cosine" if "cosine" in own else ""
            said = (
                f"counting only differences that repeat from topic to topic, {language_name(a)} and {language_name(b)} "
                f"{agree} on how far apart the emotions are (r = {number(row['r'])}, {p_value(row['p'])}; shuffled "
                f"labels reach {number(row['null_95'])} in one case of twenty{beside})"
            )
        else:
            said = f"for {pair_name(a, b)} there are too few topics to tell noise from distance"
        if cka and (kernels := cka.pair(a, b)):
            row = kernels.shown().records()[0]
            said += f", with a debiased CKA of {number(row['cka'])} ({p_value(row['p'])})"
        parts.append(said)
    return f"{which}At layer {rows.layer}, {'; '.join(parts)}."


def _tested(rows: Selection, value: str, label: str, position: int) -> list[Curve]:
    """A curve whose markers are filled where it is significant over all layers, and its null's quantile."""

    def note(row: dict[Any, Any]) -> str:
        return f"p = {row['p']:.2g}, family-wise {row['p_familywise']:.2g}"

    sign = "circle" if position == 0 else "diamond"
    return [
        rows.curve(value, label, colour(position), marker=sign, filled="p_familywise", note=note),
        rows.curve("null_95", f"{label}: 95 % of shuffled labels lie below", colour(position), "dot"),
    ]


def chart(distance_rsa: Selection) -> Chart:
    """RSA by both distances, by layer."""
    measure = distance_rsa.selector("correlation", "measure", [*_MEASURES], _MEASURES.__getitem__, in_paper=False)
    selectors = (distance_rsa.pair_selector(), measure)
    frames = {
        key: [
            own.lines(
                f"{variant} vectors",
                f"{_MEASURES[own.only('measure')]} r between languages",
                [
                    curve
                    for position, (distance, name) in enumerate(_DISTANCES.items())
                    if (rows := own.where(variant=variant, distance=distance))
                    for curve in _tested(rows, "r", name, position)
                ],
                _limits(own, "r"),
            )
            for variant in reversed(own.variants)
        ]
        for key, own in distance_rsa.each(*selectors)
    }
    caption = "RSA across languages by cosine and by crossnobis distances (filled: family-wise p < 0.05)"
    return Chart("distances", caption, selectors, frames)


def kernels(cka: Selection) -> Chart:
    """Debiased CKA by layer."""
    pairs = cka.pair_selector()
    frames = {
        key: [
            rows.lines(
                f"{variant} vectors",
                "debiased CKA between languages",
                [*_tested(rows, "cka", "debiased CKA", 2), rows.level(0.0, "no relation", GREY, "dash")],
                _limits(own, "cka"),
            )
            for variant in reversed(own.variants)
            if (rows := own.variant(variant))
        ]
        for key, own in cka.each(pairs)
    }
    caption = "Debiased centred kernel alignment across languages (filled: family-wise p < 0.05)"
    return Chart("cka", caption, (pairs,), frames)


def _limits(rows: Selection, column: str) -> tuple[float, float]:
    return min(0.0, float(rows[column].min())) - 0.05, 1.03


SECTION = Section(
    place=220,
    anchor="distances",
    title="Distances that noise does not inflate",
    tables=("distance_rsa", "cka"),
    finding=finding,
    exhibits=(chart, kernels),
    across=True,
    reading="Only differences that repeat on other topics count in the crossnobis distance, so two emotions whose "
    "stories don't differ have a distance of about zero. Debiased CKA compares the vectors' dot products and is "
    "about zero for unrelated vectors. Where both agree with the curve of cosines, that curve isn't high because of "
    "noise.",
    misleading="Noise that all topics share, such as a phrase that always comes with an emotion, counts as a "
    "difference. With few topics, crossnobis is itself uncertain and its correlation is too low, so a gap between "
    "its curve and that of cosines is no finding. In the raw variant a single dimension can account for most of a "
    "distance and of CKA.",
)
