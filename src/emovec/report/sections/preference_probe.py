"""The report's section on whether activities that are preferred lie along an emotion's vector."""

import numpy as np

from emovec.languages.norms import MINIMUM_RATED
from emovec.report.charts import Listing
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import language_name, number, p_value, sentences
from emovec.stats.permutation import ALPHA


def finding(preference_probe: Selection) -> str:
    """The emotion whose vector goes best with the unsteered preferences, and whether any does beyond chance."""
    said: list[str] = []
    for _, language, own in preference_probe.each_language():
        rows, n = own.keep(own["r"].notna()), max(own.values("n"))
        if rows:
            said.append(f"in {language_name(language)} {_best(rows)}")
        elif n < MINIMUM_RATED:
            said.append(
                f"in {language_name(language)} there are {n} activities, too few to correlate with a vector: "
                f"that needs {MINIMUM_RATED}"
            )
    return sentences(said)


def _best(rows: Selection) -> str:
    top = max(rows.records(), key=lambda row: abs(row["r"]))
    beyond = (rows["p_familywise"] < ALPHA) & (rows["p_kinds"] < ALPHA) & (rows["r"].abs() > rows["control"])
    n = int(beyond.sum())
    of = f"{n or 'none'} of {len(rows)} emotion{'s' if len(rows) > 1 else ''}"
    verdict = f"{of} {'pass' if n > 1 else 'passes'} all three tests (shuffling, shuffling within kinds, controls)"
    beside = f"; directions without emotion up to {number(top['control'])}"
    if np.isnan(top["control"]):
        verdict, beside = "without controls it can't be attributed to the emotion", ""
    within = (
        f"shuffled within kinds {p_value(top['p_kinds'])}"
        if np.isfinite(top["p_kinds"])
        else "with one activity per kind, shuffling within kinds isn't possible"
    )
    return (
        f"activations of the activities along {top['emotion']} correlate best with how much they are preferred "
        f"(r = {number(top['r'])}; shuffled 95 % {number(top['null_95'])}, {p_value(top['p_familywise'])} over all "
        f"emotions; {within}{beside}): {verdict}"
    )


def listing(preference_probe: Selection) -> Listing:
    """Correlation of each emotion's projections with the unsteered scores."""
    languages = preference_probe.language_selector()
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {
        key: [
            [
                str(row["emotion"]), number(row["r"]), p_value(row["p"]), p_value(row["p_familywise"]),
                number(row["null_95"]), p_value(row["p_kinds"]), number(row["control"]),
            ]
            for row in rows.records("r", ascending=False)
        ]
        for key, rows in preference_probe.each(languages)
    }  # fmt: skip
    columns = (
        *("emotion", "r", "one emotion", "over all emotions", "|r| when shuffled, 95 %", "within kinds"),
        "largest |r| of a control",
    )
    caption = "Activities along each emotion's vector, against how much the unsteered model prefers them"
    return Listing("preference-probe", caption, (languages,), columns, frames)


SECTION = Section(
    place=560,
    anchor="preference-probe",
    title="Whether liked activities lie along an emotion",
    tables=("preference_probe",),
    finding=finding,
    exhibits=(listing,),
    reading="Each activity's text was read by itself, unsteered, and its mean activation was projected onto each "
    "emotion's vector at the steered layer. r correlates these projections, over activities, with the unsteered "
    "model's Elo scores. There are two p-values: one from shuffling the scores over all activities, and one from "
    "shuffling them within their kinds, after removing what activities of a kind have in common. Controls are "
    "random directions and vectors of shuffled labels.",
    misleading="Kinds of activities differ both in wording and in how much they are preferred, so a correlation "
    "needs no emotion: any direction that distinguishes kinds shows one. Only a correlation within kinds is free of "
    "this problem. And a few controls reach a lower maximum by luck than many would.",
)
