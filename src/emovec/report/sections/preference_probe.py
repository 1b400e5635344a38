"""The report's section on whether activities that are preferred lie along an emotion's vector."""

import numpy as np

from emovec.languages.norms import MINIMUM_RATED
from emovec.report.charts import Listing
from emovec.report.section_plan import Plan
from emovec.report.selectors import among, language_control
from emovec.report.style import language_name, number, p_value, sentences
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables


def finding(study: StudyTables) -> str:
    """The emotion whose vector goes best with the unsteered preferences, and whether any does beyond chance."""
    table = study.tables["preference_probe"]
    said: list[str] = []
    for language in among(study.languages, table["language"]):
        rows = table[(table["language"] == language) & table["r"].notna()]
        if rows.empty:
            n = int(table.loc[table["language"] == language, "n"].max())
            if n < MINIMUM_RATED:
                said.append(
                    f"in {language_name(language)} there are {n} activities, too few to correlate with a vector: it "
                    f"takes {MINIMUM_RATED}"
                )
            continue
        top = rows.iloc[int(np.abs(rows["r"].to_numpy()).argmax())]
        beyond = (rows["p_familywise"] < ALPHA) & (rows["p_kinds"] < ALPHA) & (rows["r"].abs() > rows["control"])
        n = int(beyond.sum())
        goes = "go" if n > 1 else "goes"
        of = f"{n or 'none'} of {len(rows)} emotion{'s' if len(rows) > 1 else ''}"
        verdict = f"{of} {goes} with preference beyond shuffling, kinds and controls"
        if np.isnan(top["control"]):
            verdict = "without controls it can't be laid to the emotion"
        beside = "" if np.isnan(top["control"]) else f"; directions without emotion up to {number(top['control'])}"
        within = (
            f"shuffled within kinds {p_value(top['p_kinds'])}"
            if np.isfinite(top["p_kinds"])
            else "kinds with one activity can't be shuffled within"
        )
        said.append(
            f"in {language_name(language)} the activities' activations along {top['emotion']} go best with how much "
            f"they are preferred (r = {number(top['r'])}; shuffled 95 % {number(top['null_95'])}, "
            f"{p_value(top['p_familywise'])} over all emotions; {within}{beside}): {verdict}"
        )
    return sentences(said)


def listing(study: StudyTables) -> Listing | None:
    """Correlation of each emotion's projections with the unsteered scores."""
    table = study.tables.get("preference_probe")
    if table is None:
        return None
    languages = among(study.languages, table["language"])
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for language in languages:
        rows = table[table["language"] == language].sort_values("r", ascending=False)
        frames[(language,)] = [
            [
                str(row["emotion"]), number(row["r"]), p_value(row["p"]), p_value(row["p_familywise"]),
                number(row["null_95"]), p_value(row["p_kinds"]), number(row["control"]),
            ]
            for row in rows.to_dict("records")
        ]  # fmt: skip
    columns = (
        "emotion",
        "r",
        "one emotion",
        "over all emotions",
        "|r| when shuffled, 95 %",
        "within kinds",
        "largest |r| of a control",
    )
    caption = "Activities along each emotion's vector, against how much the unsteered model prefers them"
    return Listing("preference-probe", caption, (language_control(languages),), columns, frames)


PLANS = (
    Plan(
        "preference-probe", "Whether liked activities lie along an emotion", ("preference_probe",),
        finding, (listing,),
        "Each activity's text was read by itself, unsteered, and its mean activation projected on each emotion's "
        "vector at the layer that is steered; r is that projection's correlation over activities with the unsteered "
        "model's Elo scores. p is from shuffling the scores over all activities, and within their kinds, with what "
        "kinds have in common removed. Controls are random directions and vectors of shuffled labels.",
        "Kinds of activities differ both in wording and in how they are preferred, so that a correlation needs no "
        "emotion: any direction that tells kinds apart shows one. Only what remains within kinds is free of that, and "
        "a few controls reach by luck less than many would.",
    ),
)  # fmt: skip
