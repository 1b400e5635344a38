"""The report's sections on where and how strongly to steer, and on vectors that steer texts of another language."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from emovec.report.charts import Chart, Control, Curve, HeatMap, Lines, Listing, Panel, nearest_layer
from emovec.report.section_plan import Plan
from emovec.report.sections.calibration_findings import estimate, finding, finding_across, shared_strength
from emovec.report.sections.maps import matrix
from emovec.report.selectors import among, language_control
from emovec.report.style import GREY, colour, language_name, marker, number
from emovec.steering.experiments.calibration_statistics import ALL, CONTROLS
from emovec.study.results import StudyTables

_SIGNS = {"collapse": -1.0, "surgical": 0.0, "explosion": 1.0}
_WORDS = {-1.0: "repeats", 0.0: "coherent", 1.0: "breaks"}
_EFFECT = "effect on the emotion's word (nats)"
_STRENGTH = "strength (residual norms)"
_KIND_DASHES = {"random": "dash", "shuffled": "dot"}


def regime_maps(study: StudyTables) -> Chart | None:
    """Effect and regime by layer and strength, for emotions and controls."""
    table = study.tables.get("calibration_sweep")
    if table is None:
        return None
    languages = among(study.languages, table["language"])
    names = [ALL, *among(study.emotions, table.loc[table["kind"] == "emotion", "name"])]
    layers, strengths = sorted(table["layer"].unique()), sorted(table["strength"].unique())
    axes: list[list[Any]] = [layers, strengths]
    table = table.assign(sign=table["regime"].map(_SIGNS))
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    for language in languages:
        spoken = table[table["language"] == language]
        limit = float(spoken.loc[spoken["kind"].isin(["emotion", "pooled"]), "effect"].abs().max()) or 1.0
        for name in names:
            panels: list[HeatMap] = []
            for title, of, column, most, words in (
                (f"texts steered by {name}", name, "sign", 1.0, _WORDS),
                ("texts steered by controls", CONTROLS, "sign", 1.0, _WORDS),
                (f"effect of {name}", name, "effect", limit, {}),
            ):
                values = matrix(spoken[spoken["name"] == of], "layer", "strength", column, (axes[0], axes[1]))
                panels.append(
                    HeatMap(
                        title, values[::-1], [str(layer) for layer in reversed(layers)],
                        [f"{strength:g}" for strength in strengths], "layer", _STRENGTH, "nats", (-most, most),
                        "diverging", words,
                    )
                )  # fmt: skip
            frames[language, name] = panels
    controls = (
        language_control(languages),
        Control("vector", names, ALL, in_paper=False),
    )
    caption = "Texts that stay coherent, break or repeat themselves, and the effect on the emotion's word"
    return Chart("calibration-regimes", caption, controls, frames, height=330)


def effects(study: StudyTables) -> Chart | None:
    """Effect against strength: each emotion and each control direction."""
    table = study.tables.get("calibration_sweep")
    if table is None:
        return None
    languages = among(study.languages, table["language"])
    layers = sorted(int(layer) for layer in table["layer"].unique())
    emotions = among(study.emotions, table.loc[table["kind"] == "emotion", "name"])
    frames: dict[tuple[str, ...], Sequence[Panel]] = {}
    for language in languages:
        for layer in layers:
            rows = table[(table["language"] == language) & (table["layer"] == layer)].sort_values("strength")
            mean = rows[rows["name"] == ALL]
            x = mean["strength"].tolist()
            band = Curve("95 % interval", x, mean["low"].tolist(), colour(0), upper=mean["high"].tolist())
            together = [band, _curve(mean, "mean of the emotions", colour(0), marker="circle")]
            for name in dict.fromkeys(rows.loc[rows["kind"].isin(_KIND_DASHES), "name"]):
                own = rows[rows["name"] == name]
                together.append(_curve(own, name, GREY, dash=_KIND_DASHES[str(own["kind"].iloc[0])]))
            each = [
                _curve(rows[rows["name"] == name], name, colour(i), marker=marker(i)) for i, name in enumerate(emotions)
            ]
            where = f"{language_name(language)}, layer {layer}"
            frames[language, str(layer)] = [
                Lines(f"emotions and controls, {where}", _STRENGTH, _EFFECT, together),
                Lines("each emotion (filled: coherent)", _STRENGTH, _EFFECT, each),
            ]
    shown = str(nearest_layer(layers, study.layer_of("calibration_sweep")))
    controls = (
        language_control(languages),
        Control("layer", [str(layer) for layer in layers], shown, slider=True, in_paper=False),
    )
    return Chart("calibration-effects", "Effect on the emotion's word by strength, beside controls", controls, frames)


def window_listing(study: StudyTables) -> Listing | None:
    """The coherent range of each emotion and what it does there."""
    table = study.tables.get("calibration_windows")
    if table is None:
        return None
    languages = among(study.languages, table["language"])
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for language in languages:
        best = table[(table["language"] == language) & table["best"]]
        frames[(language,)] = [
            [
                str(row["emotion"]), str(row["layer"]), f"{row['strength']:g}" if row["strength"] else "none",
                estimate(row), number(row["control_max"]),
            ]
            for row in best.to_dict("records")
        ]  # fmt: skip
    control = language_control(languages)
    columns = ("emotion", "layer", "largest coherent strength", "effect there (nats)", "largest of a control")
    return Listing(
        "calibration-windows", "Where each emotion does most while texts stay coherent", (control,), columns, frames
    )


def texts(study: StudyTables) -> Listing | None:
    """What the model writes, by vector and strength."""
    table = study.tables.get("calibration_texts")
    if table is None:
        return None
    layer = nearest_layer(table["layer"].unique(), study.layer_of("calibration_sweep"))
    table = table[table["layer"] == layer]
    languages = among(study.languages, table["language"])
    strengths = sorted(table["strength"].unique())
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for language in languages:
        for strength in strengths[1:]:
            rows = table[(table["language"] == language) & table["strength"].isin([0.0, strength])]
            rows = rows[rows["opening"] == rows["opening"].iloc[0]]
            frames[language, f"{strength:g}"] = [
                ["unsteered" if row["kind"] == "baseline" else row["name"], number(row["perplexity"], 0), row["text"]]
                for row in rows.to_dict("records")
            ]
    options = [f"{strength:g}" for strength in strengths[1:]]
    controls = (
        language_control(languages),
        Control("strength", options, options[len(options) // 2]),
    )
    caption = f"How one neutral opening goes on, steered at layer {layer}"
    return Listing("calibration-texts", caption, controls, ("vector", "perplexity, unsteered model", "text"), frames)


def across(study: StudyTables) -> Chart | None:
    """Language of the vector by language of the text, beside controls."""
    table = study.tables.get("calibration_cross")
    if table is None or table["vector_language"].nunique() < 2:
        return None
    table = table[table["layer"] == nearest_layer(table["layer"].unique(), study.layer_of("calibration_sweep"))]
    vectors, spoken = among(study.languages, table["vector_language"]), among(study.languages, table["language"])
    strengths = sorted(table["strength"].unique())
    frames: dict[tuple[str, ...], Sequence[HeatMap]] = {}
    empty = pd.Series(dtype=float)
    for strength in strengths:
        rows = table[table["strength"] == strength]
        both = rows[[column for column in ("effect", "control") if rows.get(column, empty).notna().any()]]
        limit = float(np.nanmax(np.abs(both.to_numpy(float)))) or 1.0
        frames[(f"{strength:g}",)] = [
            HeatMap(
                f"{title}, strength {strength:g}",
                matrix(rows, "vector_language", "language", column, (vectors, spoken)),
                [language_name(code) for code in vectors], [language_name(code) for code in spoken],
                "language of the vector", "language of the text", _EFFECT, (-limit, limit), "diverging",
            )
            for column, title in (("effect", "emotion vectors"), ("control", "controls"))
            if rows.get(column, empty).notna().any()
        ]  # fmt: skip
    options = [f"{strength:g}" for strength in strengths]
    control = Control("strength", options, f"{shared_strength(study):g}", in_paper=False)
    return Chart(
        "calibration-languages", "Effect by language of the vector and of the text", (control,), frames, height=380
    )


def _curve(rows: pd.DataFrame, label: str, hue: str, **look: Any) -> Curve:
    filled = (rows["regime"] == "surgical").tolist() if "marker" in look else None
    return Curve(label, rows["strength"].tolist(), rows["effect"].tolist(), hue, filled=filled, **look)


PLANS = (
    Plan(
        "calibration", "Where and how strongly to steer",
        ("calibration_sweep", "calibration_windows", "calibration_texts"), finding,
        (regime_maps, effects, window_listing, texts),
        "The effect is how far steering raises the log-probability of the emotion's word after frames such as “How "
        "does he feel? He feels”, beyond that of other emotions' words: 0.7 nats double it, 2.3 make it ten times as "
        "likely. Texts are compared with unsteered ones: they fall apart where the unsteered model finds them three "
        "times as hard to predict, and repeat themselves where fewer than 70 % as many word pairs are different. "
        "Strength is useful up to where texts stay coherent. Controls are random directions and vectors built from "
        "shuffled stories, of the same length; p is the share of all ways to give the vectors to the words that move "
        "them as much.",
        "A word can become likely without the text showing the emotion: read the texts. Coherence rests on a few short "
        "texts for each cell, so a regime near a border is uncertain. Intervals are wide with few emotions and frames. "
        "A control that breaks the text moves words in any direction. The layer where an emotion does most is chosen "
        "by the effect that is then told: its interval there is too favourable, and controls have the same choice.",
    ),
    Plan(
        "calibration-languages", "Vectors of one language in texts of another", ("calibration_cross",), finding_across,
        (across,),
        "Each cell is the mean effect on the emotion's own word in the language of the text when the vector was built "
        "from stories of the language at its left. If emotions were represented apart in each language, cells off the "
        "diagonal would be as near zero as the controls. The p-value asks whether each vector moves its own word more "
        "than the same vectors would if they were given to the words at random. The two languages' vectors are "
        "compared word by word and frame by frame; where that interval holds 0, neither a difference nor an equal "
        "effect is shown.",
        "With four emotions there are 24 assignments, so p can't fall below 0.04. The stories of both languages were "
        "written to one plan, and a model may hold words of both languages in one place because they are translations "
        "of each other.",
        across=True,
    ),
)  # fmt: skip
