"""The report's section on numbers that raise or lower an emotion."""

from typing import Any

from emovec.report.charts import Chart, Curve, Listing
from emovec.report.section import Section
from emovec.report.sections.implicit import READINGS, pair_curves, pair_label, reading_views
from emovec.report.selection import Selection
from emovec.report.style import GREY, number, p_value, sentences
from emovec.stats.permutation import ALPHA


def finding(intensity: Selection) -> str:
    """Whether the vectors follow the number beyond both controls, and the mean signed correlation with its interval."""
    rows = intensity.shown().where(reading="mean", statistic="expected")
    views = reading_views(rows)
    expected = {pair: own.records()[0] for pair, (_, own) in zip(views.values, rows.each(views), strict=True)}
    reliable = [
        pair
        for pair, row in expected.items()
        if row["low"] > 0 and row["p"] < ALPHA / len(expected) and row["p_emotions"] < ALPHA
    ]
    verdict = (
        f"the vectors follow it beyond both controls ({', '.join(pair_label(*pair) for pair in reliable)})"
        if reliable
        else "the vectors don't reliably follow it in any language"
    )
    within = [pair for pair in expected if pair[0] == pair[1]]
    shown = list(dict.fromkeys([*(within or expected), *reliable]))
    values = ", ".join(f"{_told(expected[pair])} {pair_label(*pair)}" for pair in shown)
    return sentences(
        [
            f"where a number in a sentence should raise or lower an emotion, {verdict}: at layer {rows.layer} the mean "
            f"rank correlation of number and activation is {values}"
        ]
    )


def _told(row: dict[Any, Any]) -> str:
    """The correlation under the expected sign, its interval, and p beside the harder of the two controls."""
    interval = f"{number(row['low'])} to {number(row['high'])}"
    return f"{number(row['value'])} ({interval}, {p_value(max(row['p'], row['p_emotions']))})"


def by_layer(intensity: Selection) -> Chart:
    """The mean signed correlation by layer, and that of all other emotions."""
    reading = intensity.selector("read at", "reading", [*READINGS], READINGS.__getitem__, in_paper=False)
    limit = 1.1 * float(intensity["value"].abs().max()) + 0.05
    frames = {
        key: [
            rows.lines(f"{variant} vectors", "mean signed Spearman ρ", _curves(rows), (-limit, limit))
            for variant in own.variants
            if (rows := own.variant(variant))
        ]
        for key, own in intensity.each(reading)
    }
    caption = "Does the activation follow the number? By layer (filled: family-wise p < 0.05)"
    return Chart("intensity", caption, (reading,), frames)


def _curves(rows: Selection) -> list[Curve]:
    others = rows.where(statistic="others").rows.groupby("layer")["value"].mean()
    rest = Curve("all other emotions", others.index.tolist(), others.tolist(), GREY, "dot")
    return [*pair_curves(rows.where(statistic="expected")), rest]


def listing(intensity_templates: Selection) -> Listing:
    """Each template, and the correlation of each emotion that should move."""
    table = intensity_templates.shown().where(reading="mean")
    views = reading_views(table)
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {
        key: [
            [str(own["text"].iloc[0]).replace("{number}", "…"), _moved(rows, name, 1), _moved(rows, name, -1)]
            for name, own in rows.rows.groupby("id", sort=False)
        ]
        for key, rows in table.each(views)
    }
    caption = f"Every template, at layer {table.layer}: rank correlation of the number with each emotion's activation"
    return Listing("intensity-templates", caption, (views,), ("template", "should rise", "should fall"), frames)


def _moved(rows: Selection, template: object, sign: int) -> list[str]:
    return [f"{row['emotion']} {number(row['rho'])}" for row in rows.where(id=template, sign=sign).records()]


SECTION = Section(
    place=520,
    anchor="intensity",
    title="Numbers that raise or lower an emotion",
    tables=("intensity", "intensity_templates"),
    finding=finding,
    exhibits=(by_layer, listing),
    headline=True,
    reading="Each template is one sentence with one number, read with several values that differ in nothing else. "
    "For each emotion, the number is rank-correlated with the activation along its vector. This counts positively "
    "if the emotion should rise and negatively if it should fall; a template's value is the mean over its emotions. "
    "Chance is simulated in two ways. The first flips the sign of each template at random: does the activation "
    "follow the number in the expected direction? The second shuffles the names of the emotions over the vectors: do "
    "these emotions follow it, or would any? The sentence gives the larger p.",
    misleading="Larger numbers have more digits and tokens, which changes every activation a little. That is why the "
    "templates include some in which a larger number is good and some in which it is bad. A dozen templates are "
    "few, and whether a larger number should mean more of an emotion is their writer's judgement. The last token is "
    "often a full stop.",
)
