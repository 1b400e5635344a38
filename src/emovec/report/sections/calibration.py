"""The report's section on where and how strongly to steer."""

from dataclasses import replace
from typing import Any

from emovec.report.charts import Chart, Curve, Dash, HeatMap, Lines, Listing, Panel, Selector
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import GREY, colour, language_name, marker, number, p_value, percent, sentences
from emovec.stats.permutation import ALPHA
from emovec.steering.coherence import REPETITIVE
from emovec.steering.experiments.calibration_statistics import ALL, CONTROLS
from emovec.study.results import StudyTables

_SIGNS = {"collapse": -1.0, "surgical": 0.0, "explosion": 1.0}
_WORDS = {-1.0: "repeats", 0.0: "coherent", 1.0: "breaks"}
EFFECT = "effect on the emotion's word (nats)"
_STRENGTH = "strength (residual norms)"
_KIND_DASHES: dict[str, Dash] = {"random": "dash", "shuffled": "dot"}
NO_CONTROL = ", with no control for comparison"


def finding(
    study: StudyTables,
    calibration_sweep: Selection,
    calibration_windows: Selection | None = None,
    calibration_cross: Selection | None = None,
) -> str:
    """How strongly texts can be steered before they break, what that does to the emotion's word, beside controls."""
    here, coherent = calibration_sweep.at_shown_layer(), dict[str, float | None]()
    parts: list[str] = []
    for _, language, rows in here.each_language():
        coherent[language] = strength = coherent_strength(rows)
        if strength is None:
            parts.append(f"no strength leaves {language_name(language)} texts coherent")
        else:
            tested = _tested(calibration_cross, language, here.layer, strength)
            parts.append(_raised(language, rows.where(strength=strength), tested))
    parts[:1] = [f"steered at layer {here.layer}, {part}" for part in parts[:1]]
    if calibration_windows:
        best = calibration_windows.where(best=True)
        beyond = best.keep((best["low"] > 0) & (best["effect"] > best["control_max"]))
        parts.append(
            f"in {len(beyond)} of {len(best)} cases (emotion and language) the effect in the coherent range is above "
            f"zero{_rivals(calibration_sweep)}"
        )
    for row in study.summaries.get("calibration", {}).get("judged", []):
        if row["language"] in coherent and row["strength"] == coherent[row["language"]]:
            control = row.get("control_rate")
            beside = "" if control is None else f" (expected from controls' texts: {percent(control)})"
            parts.append(
                f"a judge who didn't know how they were steered found the vector's emotion in {row['hits']} of "
                f"{row['texts']} {language_name(row['language'])} texts{beside}"
            )
    return sentences(parts)


def _raised(language: str, rows: Selection, tested: dict[str, float]) -> str:
    """How far the word of an emotion rises at the largest coherent strength, beside controls."""
    by, strength = rows.by("name"), rows.only("strength")
    mine, control = by.get(ALL, {}) | tested, by.get(CONTROLS, {})
    unsteered = float(mine["distinct_unsteered"])
    whole = (
        f"{language_name(language)} texts repeat themselves even without steering ({percent(unsteered)} of word "
        "pairs distinct), so coherence can't be judged; steered texts stay within the limits"
        if unsteered < REPETITIVE
        else f"{language_name(language)} texts stay coherent"
    )
    beside = f"; random and shuffled directions of the same length: {estimate(control)}" if control else NO_CONTROL
    return (
        f"{whole} up to strength {strength:g}, where the log-probability "
        f"of the emotion's own word {'rises' if moves(mine) else 'does not reliably rise'} relative to that of other "
        f"emotions' words ({estimate(mine)} nats, {p_value(mine['p'])}{beside})"
    )


def _rivals(sweep: Selection) -> str:
    """Against how many controls an emotion stands at its best layer, and how often one more of them would win."""
    controls = sweep.where(kind=[*_KIND_DASHES]).rows.dropna(subset="regime")["name"].nunique()
    if not controls:
        return NO_CONTROL
    given = "the one control" if controls == 1 else f"any of the {controls} controls"
    return (
        f" and larger than that of {given} with the same choice of layer and strength (by chance, one more control "
        f"would be larger than {'it' if controls == 1 else 'all of them'} in 1 case of {controls + 1})"
    )


def coherent_strength(rows: Selection) -> float | None:
    """The largest strength up to which the pooled texts of all emotions are coherent."""
    ordered = rows.where(name=ALL).rows.sort_values("strength")
    fine = ordered["strength"][(ordered["regime"] == "surgical").cummin()]
    return float(fine.max()) if len(fine) else None


def estimate(row: dict[Any, Any], name: str = "") -> str:
    """An effect with its 95 % interval, such as `3.50 [1.17, 5.84]`."""
    value, prefix = (row[name], f"{name}_") if name else (row["effect"], "")
    return f"{number(value)} [{number(row[f'{prefix}low'])}, {number(row[f'{prefix}high'])}]"


def _tested(cross: Selection | None, language: str, layer: int, strength: float) -> dict[str, float]:
    """The tests of a language's own vectors in its texts, or of the first that there are; NaN where unknown."""
    rows = cross.where(language=language, layer=layer, strength=strength).records() if cross else []
    found = sorted(rows, key=lambda row: row["vector_language"] != language)
    return {name: float(found[0].get(name, "nan")) if found else float("nan") for name in ("p", "excess_low")}


def moves(row: dict[Any, Any]) -> bool:
    """An effect above zero that belongs to this vector and this word, not to any vector and any word."""
    return bool(row["low"] > 0 and (row["p"] <= ALPHA or row.get("excess_low", 0) > 0))


def regime_maps(study: StudyTables, calibration_sweep: Selection) -> Chart:
    """Effect and regime by layer and strength, for emotions and controls."""
    table = replace(calibration_sweep, rows=calibration_sweep.rows.assign(sign=calibration_sweep["regime"].map(_SIGNS)))
    languages, layers, strengths = table.language_selector(), table.values("layer"), table.values("strength")
    vector = table.selector("vector", "name", [ALL, *_emotions(table)], in_paper=False)
    frames: dict[tuple[str, ...], list[HeatMap]] = {}
    for (language, name), own in table.each(languages, vector):
        spoken = table.where(language=language)
        limit = float(spoken.where(kind=["emotion", "pooled"])["effect"].abs().max()) or 1.0
        frames[language, name] = [
            HeatMap(
                title, rows.matrix("layer", "strength", column, (layers, strengths))[::-1],
                [str(layer) for layer in reversed(layers)], [f"{strength:g}" for strength in strengths],
                "layer", _STRENGTH, "nats", (-most, most), "diverging", words,
            )
            for title, rows, column, most, words in (
                (f"texts steered by {name}", own, "sign", 1.0, _WORDS),
                ("texts steered by controls", spoken.where(name=CONTROLS), "sign", 1.0, _WORDS),
                (f"effect of {name}", own, "effect", limit, {}),
            )
        ]  # fmt: skip
    caption = "Texts that stay coherent, break or repeat themselves, and the effect on the emotion's word"
    return Chart("calibration-regimes", caption, (languages, vector), frames, height=330)


def effects(calibration_sweep: Selection) -> Chart:
    """Effect against strength: each emotion and each control direction."""
    languages = calibration_sweep.language_selector()
    selectors = (languages, calibration_sweep.layer_selector())
    emotions = _emotions(calibration_sweep)
    frames: dict[tuple[str, ...], list[Panel]] = {}
    for key, rows in calibration_sweep.each(*selectors):
        mean = rows.where(name=ALL)
        together = [
            mean.curve("low", "95 % interval", colour(0), along="strength", upper="high"),
            _curve(mean, "mean of the emotions", colour(0), marker="circle"),
        ]
        for name in dict.fromkeys(rows.where(kind=[*_KIND_DASHES]).rows.sort_values("strength")["name"]):
            own = rows.where(name=name)
            together.append(_curve(own, name, GREY, dash=_KIND_DASHES[own.only("kind")]))
        each = [_curve(rows.where(name=name), name, colour(i), marker=marker(i)) for i, name in enumerate(emotions)]
        where = f"{language_name(rows.only('language'))}, layer {rows.only('layer')}"
        frames[key] = [
            Lines(f"emotions and controls, {where}", _STRENGTH, EFFECT, together),
            Lines("each emotion (filled: coherent)", _STRENGTH, EFFECT, each),
        ]
    caption = "Effect on the emotion's word by strength, beside controls"
    return Chart("calibration-effects", caption, selectors, frames)


def _emotions(sweep: Selection) -> list[str]:
    return among(sweep.study.emotions, sweep.where(kind="emotion")["name"])


def _curve(rows: Selection, label: str, hue: str, **look: Any) -> Curve:
    coherent = [row["regime"] == "surgical" for row in rows.records("strength")] if "marker" in look else None
    return rows.curve("effect", label, hue, along="strength", filled=coherent, **look)


def window_listing(calibration_windows: Selection) -> Listing:
    """The coherent range of each emotion and what it does there."""
    languages = calibration_windows.language_selector()
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {
        key: [
            [
                str(row["emotion"]), str(row["layer"]), f"{row['strength']:g}" if row["strength"] else "none",
                estimate(row), number(row["control_max"]),
            ]
            for row in rows.where(best=True).records()
        ]
        for key, rows in calibration_windows.each(languages)
    }  # fmt: skip
    columns = ("emotion", "layer", "largest coherent strength", "effect there (nats)", "largest of a control")
    caption = "Where each emotion has most effect while texts stay coherent"
    return Listing("calibration-windows", caption, (languages,), columns, frames)


def texts(calibration_texts: Selection) -> Listing:
    """What the model writes, by vector and strength."""
    here = calibration_texts.at_shown_layer()
    languages, strengths = here.language_selector(), here.values("strength")[1:]
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for (language,), own in here.each(languages):
        for strength in strengths:
            rows = own.where(strength=[0.0, strength])
            frames[language, f"{strength:g}"] = [
                ["unsteered" if row["kind"] == "baseline" else row["name"], number(row["perplexity"], 0), row["text"]]
                for row in rows.where(opening=rows.only("opening")).records()
            ]
    options = [f"{strength:g}" for strength in strengths]
    selectors = (languages, Selector("strength", options, options[len(options) // 2]))
    caption = f"How one neutral opening continues, steered at layer {here.layer}"
    columns = ("vector", "perplexity, unsteered model", "text")
    return Listing("calibration-texts", caption, selectors, columns, frames)


SECTION = Section(
    place=530,
    anchor="calibration",
    title="Where and how strongly to steer",
    tables=("calibration_sweep", "calibration_windows", "calibration_texts"),
    finding=finding,
    exhibits=(regime_maps, effects, window_listing, texts),
    headline=True,
    reading="The effect is how far steering raises the log-probability of the emotion's word after frames such as "
    "“How does he feel? He feels”, beyond that of other emotions' words: 0.7 nats double the probability, 2.3 make "
    "it ten times as large. Texts are compared with unsteered ones. They fall apart where the unsteered model finds "
    "them three times as hard to predict, and repeat themselves where they have fewer than 70 % as many distinct "
    "word pairs. A strength is useful as long as texts stay coherent. Controls are random directions and vectors "
    "built from shuffled stories, of the same length; p is the share of all pairings of vectors with words in which "
    "the words move as much.",
    misleading="A word can become likely without the text showing the emotion: read the texts. Coherence is judged "
    "from a few short texts in each cell, so a regime near a border is uncertain. Intervals are wide with few "
    "emotions and frames. A control that breaks the text moves words in any direction. The layer where an emotion "
    "has most effect is chosen by the very effect that is then reported, so its interval there is too favourable; "
    "controls get the same choice.",
)
