"""What the first components have to do with rated valence and arousal."""

from emovec.report.charts import Chart, Dash
from emovec.report.ratings import first_shown, source_selector
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import GREY, OKABE_ITO, language_name, number, p_value, percent
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_LOOKS: dict[str, tuple[str, str, Dash, str | None]] = {
    "r_valence": ("r with valence", OKABE_ITO[0], "solid", "circle"),
    "r_arousal": ("r with arousal", OKABE_ITO[1], "solid", "diamond"),
    "r2_adjusted": ("share of variance explained by both (adjusted)", GREY, "dash", None),
}


def finding(study: StudyTables, affect_components: Selection, poles: Selection | None = None) -> str:
    """Whether the first component carries valence, arousal or both, and whether the words or the poles make it so."""
    rows, where = first_shown(affect_components)
    first = rows.where(component=1)
    parts: list[str] = []
    for _, language, own in first.each_language():
        row = own.records()[0]
        text = (
            f"in {language_name(language)} component 1 correlates with valence at r = {number(row['r_valence'])} "
            f"({p_value(row['p_valence'])}) and with arousal at {number(row['r_arousal'])} "
            f"({p_value(row['p_arousal'])}); both together explain {percent(row['r2'])} of it "
            f"({p_value(row['p_both'])}; valence alone {percent(row['r_valence'] ** 2)}, arousal alone "
            f"{percent(row['r_arousal'] ** 2)})"
        )
        near = poles.at_shown_layer().where(variant=row["variant"], language=language).records() if poles else []
        text += "".join(
            f", while the post's two axes have a cosine of {number(pole['cosine'])} (poles of random words: 95 % "
            f"within ±{number(pole['null_95'])})"
            for pole in near
        )
        parts.append(text)
    return f"At {where}, p over all layers, both components and both scales: {'; '.join(parts)}{_words(study, first)}."


def _words(study: StudyTables, rows: Selection) -> str:
    """How valence and arousal correlate over these words, and what that makes of a component that has both."""
    known = study.summaries.get("affect", {}).get("valence_arousal", [])
    together = {row["source"]: row["r"] for row in known}.get(rows.only("source"))
    if together is None:
        return ""
    said = f"; people's own ratings of these words correlate with r = {number(together)} (valence with arousal)"
    if (rows.rows[["p_valence", "p_arousal"]] < ALPHA).to_numpy().all():
        same = rows["r_valence"] * rows["r_arousal"] * together > 0
        if same.all():
            said += "; this correlation alone could make a component follow both scales in this way"
        elif not same.any():
            said += ", so the choice of words doesn't explain why a component follows the two with opposite signs"
    return said


def chart(affect_components: Selection) -> Chart:
    """What the first two components have to do with rated valence and arousal, by layer."""
    table = affect_components
    selectors = (table.variant_selector(), source_selector(table), table.language_selector())
    frames = {
        key: [
            mine.lines(
                f"component {component}",
                "r, or share",
                [mine.curve(column, *look) for column, look in _LOOKS.items()],
                (-1.05, 1.05),
            )
            for component in rows.values("component")
            if (mine := rows.where(component=component))
        ]
        for key, rows in table.each(*selectors)
    }
    caption = "Principal components against rated valence and arousal, by layer"
    return Chart("affect-components", caption, selectors, frames)


SECTION = Section(
    place=360,
    anchor="affect-components",
    title="What the first components carry",
    tables=("affect_components",),
    finding=finding,
    exhibits=(chart,),
    reading="A component that represents one scale follows one coloured curve. If both scales together explain much "
    "more than either alone, the component is a mixture of the two. The dashed curve corrects for the number of "
    "emotions, so about 0 means that nothing is explained.",
    misleading="Valence and arousal are correlated in almost any choice of emotion words, and then whatever follows "
    "one follows the other. The sign of a component is arbitrary.",
)
