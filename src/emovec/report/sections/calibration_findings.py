"""What the calibration found, as sentences, and the layer and strength that they speak of."""

from typing import Any

import pandas as pd

from emovec.report.charts import nearest_layer
from emovec.report.selectors import among
from emovec.report.style import language_name, number, p_value, sentences
from emovec.stats.permutation import ALPHA
from emovec.steering.coherence import REPETITIVE
from emovec.steering.experiments.calibration_statistics import ALL, CONTROLS
from emovec.study.results import StudyTables

_NONE = ", with no control to set it against"


def finding(study: StudyTables) -> str:
    """How strongly texts can be steered before they break, what that does to the emotion's word, beside controls."""
    sweep, found = study.tables["calibration_sweep"], study.tables.get("calibration_windows")
    layer = nearest_layer(sweep["layer"].unique(), study.layer_of("calibration_sweep"))
    parts: list[str] = []
    for language in among(study.languages, sweep["language"]):
        here = sweep[(sweep["language"] == language) & (sweep["layer"] == layer)]
        strength = coherent_strength(here)
        if strength is None:
            parts.append(f"no strength leaves {language_name(language)} texts coherent")
            continue
        at = here[here["strength"] == strength].set_index("name")
        mine, control = _row(at, ALL) | _tested(study, language, layer, strength), _row(at, CONTROLS)
        unsteered = float(_row(at, ALL)["distinct_unsteered"])
        whole = (
            f"{language_name(language)} texts repeat themselves without steering too ({100 * unsteered:.0f} % of word "
            "pairs distinct), which leaves coherence unknown; steered ones stay within the bounds"
            if unsteered < REPETITIVE
            else f"{language_name(language)} texts stay coherent"
        )
        beside = f"; random and shuffled directions of the same length: {estimate(control)}" if control else _NONE
        parts.append(
            f"{whole} up to strength {strength:g}, where the log-probability "
            f"of the emotion's own word {'rises' if _moves(mine) else 'does not reliably rise'} over that of other "
            f"emotions' words ({estimate(mine)} nats, {p_value(mine['p'])}{beside})"
        )
    parts[:1] = [f"steered at layer {layer}, {part}" for part in parts[:1]]
    if found is not None:
        best = found[found["best"]]
        beyond = best[(best["low"] > 0) & (best["effect"] > best["control_max"])]
        parts.append(
            f"in {len(beyond)} of {len(best)} cases (emotion and language) the effect in the coherent range is above "
            f"zero{_rivals(sweep)}"
        )
    for row in study.summaries.get("calibration", {}).get("judged", []):
        here = sweep[(sweep["language"] == row["language"]) & (sweep["layer"] == layer)]
        if row["strength"] == coherent_strength(here):
            control = row.get("control_rate")
            beside = "" if control is None else f" (expected from controls' texts: {100 * control:.0f} %)"
            parts.append(
                f"a judge who didn't know how they were steered heard the vector's emotion in {row['hits']} of "
                f"{row['texts']} {language_name(row['language'])} texts{beside}"
            )
    return sentences(parts)


def _rivals(sweep: pd.DataFrame) -> str:
    """Against how many controls an emotion stands at its best layer, and how often one more of them would win."""
    controls = sweep[sweep["kind"].isin(["random", "shuffled"]) & sweep["regime"].notna()]["name"].nunique()
    if not controls:
        return _NONE
    given = "the one control" if controls == 1 else f"any of the {controls} controls"
    return (
        f" and larger than that of {given} with the same choice of layer and strength (one more control would be "
        f"larger than {'it' if controls == 1 else 'all of them'} in 1 case of {controls + 1})"
    )


def finding_across(study: StudyTables) -> str:
    """What vectors of one language do to words of another, beside those of the language itself and controls."""
    table = study.tables["calibration_cross"]
    layer, strength = study.layer_of("calibration_sweep"), shared_strength(study)
    rows = table[(table["layer"] == nearest_layer(table["layer"].unique(), layer)) & (table["strength"] == strength)]
    told: dict[bool, list[str]] = {True: [], False: []}
    for row in rows.to_dict("records"):
        within = row["vector_language"] == row["language"]
        name = f"{language_name(row['vector_language'])} vectors in {language_name(row['language'])} texts"
        control = f", controls {estimate(row, 'control')}" if pd.notna(row.get("control")) else _NONE
        doubt = "" if _moves(row) else ", no reliable effect"
        told[within].append(f"{name} {estimate(row)} nats ({p_value(row['p'])}{control}{doubt})")
    beside = "; ".join(_less_own(row) for row in rows.to_dict("records") if pd.notna(row.get("less_own")))
    moved = [_moves(row) for row in rows.to_dict("records") if row["vector_language"] != row["language"]]
    verdict = "change" if all(moved) else "change some of" if any(moved) else "do not reliably change"
    return (
        f"At layer {layer} and strength {strength:g} the vectors of one language {verdict} the words of the other: "
        f"{'; '.join(told[False])}. Within a language: {'; '.join(told[True])}."
        f"{f' On the same words and frames, {beside}.' if beside else ''}"
    )


def _less_own(row: dict[Any, Any]) -> str:
    """The effect of another language's vectors less that of the text's own, and what follows from its interval."""
    of, own = language_name(row["vector_language"]), language_name(row["language"])
    low, high = row["less_own_low"], row["less_own_high"]
    if low > 0 or high < 0:
        verdict = f"{of} vectors do {'more' if low > 0 else 'less'}"
    else:
        verdict = "no difference is shown, which doesn't mean that there is none"
    return (
        f"in {own} texts the effect of {of} vectors less that of {own} ones is {estimate(row, 'less_own')}: {verdict}"
    )


def coherent_strength(rows: pd.DataFrame) -> float | None:
    """The largest strength up to which the pooled texts of all emotions are coherent."""
    ordered = rows[rows["name"] == ALL].sort_values("strength")
    fine = ordered["strength"][(ordered["regime"] == "surgical").cummin()]
    return float(fine.max()) if len(fine) else None


def shared_strength(study: StudyTables) -> float:
    """The largest strength at which texts of every language are coherent; else the smallest of the sweep."""
    sweep = study.tables.get("calibration_sweep", study.tables["calibration_cross"])
    smallest = float(sweep["strength"].min())
    if "regime" not in sweep:
        return smallest
    here = sweep[sweep["layer"] == nearest_layer(sweep["layer"].unique(), study.layer_of("calibration_sweep"))]
    return min(coherent_strength(rows) or smallest for _, rows in here.groupby("language"))


def _row(rows: pd.DataFrame, name: str) -> dict[Any, Any]:
    return rows.loc[[name]].to_dict("records")[0] if name in rows.index else {}


def estimate(row: dict[Any, Any], name: str = "") -> str:
    """An effect with its interval, as words."""
    value, prefix = (row[name], f"{name}_") if name else (row["effect"], "")
    return f"{number(value)}, {number(row[f'{prefix}low'])} to {number(row[f'{prefix}high'])}"


def _tested(study: StudyTables, language: str, layer: int, strength: float) -> dict[str, float]:
    """The tests of a language's own vectors in its texts, or of the first that there are; NaN where unknown."""
    rows = study.tables.get("calibration_cross", pd.DataFrame(columns=["language", "layer", "strength"]))
    rows = rows[(rows["language"] == language) & (rows["layer"] == layer) & (rows["strength"] == strength)]
    own = rows[rows["vector_language"] == language] if len(rows) else rows
    found = (own if len(own) else rows).to_dict("records")
    return {name: float(found[0].get(name, "nan")) if found else float("nan") for name in ("p", "excess_low")}


def _moves(row: dict[Any, Any]) -> bool:
    """An effect above zero that belongs to this vector and this word, not to any vector and any word."""
    return bool(row["low"] > 0 and (row["p"] <= ALPHA or row.get("excess_low", 0) > 0))
