"""The section on what the words alone explain of the agreement between languages."""

from typing import Any

import pandas as pd

from emovec.report.charts import Chart, Curve, Listing
from emovec.report.confirmatory import caveat
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import OKABE_ITO, language_name, number, p_value
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_NAMES = {
    "none": "vectors, nothing taken out",
    "embeddings": "beyond averaged embeddings",
    "words": "beyond the words",
    "valence": "beyond valence",
    "first layer": "beyond the first layer",
    "all": "beyond all of these",
}
_ALONE = {"embeddings": "averaged embeddings alone", "words": "words alone", "first layer": "first layer alone"}
_HUES = dict(zip(_NAMES, OKABE_ITO, strict=False))
_TAKEN_OUT = {"all": "words, averaged embeddings, the first layer and valence", "words": "words"}


def finding(study: StudyTables, confounds: Selection) -> str:
    """How much of the agreement the words alone reach, and what is left beyond words, embeddings and valence."""
    rows = confounds.shown()
    said: list[str] = []
    which, pairs = rows.most_and_least("partial", given="all")
    for a, b, pair in pairs:
        own, names = pair.by("given"), f"{language_name(a)} and {language_name(b)}"
        given = next((given for given in _TAKEN_OUT if given in own), None)
        where = f" (layer {rows.layer}, {rows.only('variant')})."
        if given is None or "words" not in own:
            said.append(f"For {names} there are too few emotions to take the words out{where}")
            continue
        said.append(
            f"The words of the stories alone, without a model, make {names} agree with "
            f"r = {number(own['words']['r_confound'])}; beyond {_TAKEN_OUT[given]} {_left(own[given])}{where}"
            + (f" But {limit}." if (limit := caveat(study, "beyond confounds", a, b)) else "")
        )
    return which + " ".join(said)


def _left(row: dict[Any, Any]) -> str:
    """The partial r that remains, with that corrected for noise where it is known, and its p."""
    partial, p = number(row["partial"]), f"{p_value(row['p'])}, over all layers {p_value(row['p_familywise'])}"
    if row["p_familywise"] >= ALPHA:
        return f"no agreement is left that chance would not give (partial r = {partial}, {p})"
    free = row.get("partial_noise_free")
    corrected = f", {number(free)} if corrected for how far it returns on other topics"
    if pd.isna(free):
        corrected = "; what is left is too unreliable, or the topics too few, to correct it for noise"
    return f"a partial r of {partial} remains{corrected} ({p})"


def chart(confounds: Selection) -> Chart:
    """RSA by layer, plain and beyond each confound, with what each confound reaches alone."""
    pairs, limits = confounds.pair_selector(), (min(0.0, float(confounds["partial"].min())) - 0.03, 1.03)
    frames = {
        key: [
            rows.lines(f"{variant} vectors", "(partial) correlation", _curves(rows.variant(variant)), limits)
            for variant in reversed(rows.variants)
        ]
        for key, rows in confounds.each(pairs)
    }
    caption = "Agreement of two languages, and what is left of it beyond words and valence, by layer"
    return Chart("confounds", caption, (pairs,), frames)


def _curves(rows: Selection) -> list[Curve]:
    curves: list[Curve] = []
    for given, label in _NAMES.items():
        if not (own := rows.where(given=given)):
            continue
        curves.append(
            own.curve(
                "partial", label, _HUES[given], "solid" if given in ("none", "all") else "dash", "circle",
                filled="p_familywise",
                note=lambda row: f"family-wise {p_value(row['p_familywise'])}".replace("\u00a0", " "),
            )
        )  # fmt: skip
        if given in _ALONE:
            curves.append(rows.level(own.only("r_confound"), _ALONE[given], _HUES[given], "dot"))
    return curves


def numbers(confounds: Selection) -> Listing:
    """Agreement beyond each confound, as observed and corrected for noise, at the layer shown first."""
    here = confounds.at_shown_layer()
    selectors = (here.variant_selector(), here.pair_selector())
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for key, rows in here.each(*selectors):
        own = rows.by("given")
        frames[key] = [
            [
                name,
                *(number(own[given][column]) for column in ("r_confound", "partial", "partial_noise_free")),
                *(p_value(own[given][column]) for column in ("p", "p_familywise")),
            ]
            for given, name in _NAMES.items()
            if given in own
        ]
    columns = ("beyond", "confound alone", "partial r", "partial r without noise", "p", "p over all layers")
    caption = f"What is left beyond each confound, layer {here.layer}"
    return Listing("confounds-numbers", caption, selectors, columns, frames)


SECTION = Section(
    place=150,
    anchor="confounds",
    title="What the words alone explain",
    tables=("confounds",),
    finding=finding,
    exhibits=(chart, numbers),
    headline=True,
    across=True,
    reading="The first curve is the agreement of two languages' emotion geometries; those below show what is "
    "left of it (partial correlation) once a confound, another possible reason for it, is taken out of both languages: "
    "the similarity of the stories' words and characters (TF-IDF), of their averaged input embeddings, of the first "
    "layer, and the difference of the emotion words' valence. Dotted levels are what the confounds reach by "
    "themselves, each language through its own similarity structure; at a filled marker more is left than shuffled "
    "labels leave at any layer in 95 % of cases (family-wise p < 0.05).",
    misleading="Words agree between languages because stories of one emotion tell of similar events in both, and "
    "rightly so: where meaning and wording go together, the partial correlation is only a lower bound. It is no "
    "proof of a geometry beyond language either: confounds that measure words badly take out too little, and p can be "
    "trusted only for confounds that act on similarities. Where words act on the vectors themselves, p below 0.05 "
    "comes up in 14 to 17 % of cases with nothing left (simulated), so that a p near 0.05 is no evidence. Without "
    "noise, the partial r is divided by how well what is left returns on other topics; the confounds stay as they "
    "are. The layers are accounted for, the number of confounds is not. Beyond valence and all only emotions that have "
    "norms count.",
)
