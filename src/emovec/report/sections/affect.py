"""The report's sections on human ratings: predicted for emotions left out, and what the first components carry."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from emovec.languages.norms import DIMENSIONS
from emovec.report.charts import Chart, Control, Curve, Lines, Points, Scatter, kept_note, layer_control, thin
from emovec.report.headlines import is_predicted
from emovec.report.section_plan import Plan
from emovec.report.sections.findings import at_layer
from emovec.report.selectors import among, language_control, side_by_side, variant_control, variants
from emovec.report.style import GREY, LAYER_AXIS, OKABE_ITO, colour, language_name, marker, number, p_value, sentences
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_BANDS = 3
"""Languages whose intervals can be told apart in one frame."""
_POINTS = 30_000


def _source_control(table: pd.DataFrame) -> Control:
    """A choice between sources of ratings: the one with most emotions first."""
    numbers = table.groupby("source")["n_emotions"].max() if "n_emotions" in table else table.groupby("source").size()
    sources = [str(name) for name in numbers.sort_values(ascending=False, kind="stable").index]
    return Control("ratings", sources, sources[0])


def curves(study: StudyTables) -> Chart | None:
    """Correlation of predicted with rated valence, arousal and dominance, by layer."""
    table = study.tables.get("affect")
    if table is None:
        return None
    control, source = variant_control(table), _source_control(table)
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for variant in control.options:
        for name in source.options:
            rows = table[(table["variant"] == variant) & (table["source"] == name)]
            if rows.empty:
                continue
            low = min(0.0, float(rows[["r", "low", "null_95"]].min().min()))
            limits = (max(-1.0, low) - 0.03, 1.03)
            frames[variant, name] = [
                Lines(scale, LAYER_AXIS, "r of predicted and rated", _curves(study, mine), limits, study.layer)
                for scale in among(DIMENSIONS, rows["scale"])
                if len(mine := rows[rows["scale"] == scale].sort_values("layer"))
            ]
    return Chart(
        "affect", "How well human ratings of left-out emotions are predicted, by layer", (control, source), frames
    )


def _curves(study: StudyTables, rows: pd.DataFrame) -> list[Curve]:
    found: list[Curve] = []
    languages = among(study.languages, rows["language"])
    for i, language in enumerate(study.languages):
        mine = rows[rows["language"] == language]
        if mine.empty:
            continue
        layers = mine["layer"].tolist()
        if len(languages) <= _BANDS:
            label = f"95 % interval, {language_name(language)}"
            found.append(Curve(label, layers, mine["low"].tolist(), colour(i), upper=mine["high"].tolist()))
        notes = [
            f"{low:.2f} to {high:.2f}, p = {p:.2g}, family-wise {family:.2g}"
            for low, high, p, family in zip(*(mine[k] for k in ("low", "high", "p", "p_familywise")), strict=True)
        ]
        label = f"{language_name(language)} (filled: family-wise p < 0.05)"
        filled = (mine["p_familywise"] < ALPHA).tolist()
        r = mine["r"].tolist()
        found.append(Curve(label, layers, r, colour(i), marker=marker(i), filled=filled, notes=notes))
    null = rows.groupby("layer")["null_95"].max()
    found.append(Curve("95 % of permutations lie below", null.index.tolist(), null.tolist(), GREY, "dot"))
    if rows["ceiling"].notna().any():
        ends = [int(rows["layer"].min()), int(rows["layer"].max())]
        found.append(Curve("most that ratings allow", ends, [float(rows["ceiling"].max())] * 2, GREY, "dash"))
    return found


def circumplex(study: StudyTables) -> Chart | None:
    """Emotions at their predicted valence and arousal, beside where people put them: a panel for each language."""
    table = study.tables.get("affect_predictions")
    if table is None or not {"valence", "arousal"} <= set(table["scale"]):
        return None
    control, source = variant_control(table), _source_control(table)
    languages = among(study.languages, table["language"])
    every = [int(layer) for layer in sorted(table["layer"].unique())]
    points = 2 * len(languages) * table["emotion"].nunique() * len(control.options) * len(source.options)
    layers = thin(every, max(1, _POINTS // points), study.layer)
    wide = table.pivot_table(
        index=["variant", "layer", "source", "language", "emotion"], columns="scale", values=["rating", "prediction"]
    )
    groups = dict(list(wide.groupby(level=["variant", "layer", "source", "language"])))
    found: dict[tuple[str, ...], dict[str, Scatter]] = {}
    for variant in control.options:
        for layer in layers:
            for name in source.options:
                panels: dict[str, Scatter] = {
                    language: _circumplex(study, rows, f"{language_name(language)}, layer {layer}", language)
                    for language in languages
                    if (rows := groups.get((variant, layer, name, language))) is not None
                }
                found[str(layer), variant, name] = panels
    frames, choice = side_by_side(found, languages)
    for key, (*others, last) in frames.items():
        names = key[3:] or found[key]
        frames[key] = [*others, replace(last, legend=_legend(study, names))]
    source = Control(source.name, source.options, source.initial)
    controls = [layer_control(layers, study.layer), control, source, *choice]
    note = kept_note(layers, every, "affect_predictions")
    caption = "Valence and arousal of emotions left out of the fit, and as people rate them"
    return Chart("circumplex", caption, controls, frames, note, height=560)


def _circumplex(study: StudyTables, rows: pd.DataFrame, title: str, language: str) -> Scatter:
    emotions = [str(emotion) for emotion in rows.index.get_level_values("emotion")]
    groups = [
        Points(
            label,
            rows[kind, "valence"].tolist(),
            rows[kind, "arousal"].tolist(),
            emotions if kind == "prediction" else [""] * len(emotions),
            hue,
            sign,
        )
        for kind, (label, hue, sign) in zip(("rating", "prediction"), _legend(study, [language]), strict=True)
    ]
    return Scatter(title, "valence", "arousal", groups)


def _legend(study: StudyTables, languages: Iterable[str]) -> list[tuple[str, str, str]]:
    """Label, colour and marker of what people rated, then of each language's predictions."""
    places = [(language_name(language), study.languages.index(language)) for language in languages]
    predicted = [(f"predicted, {name}", colour(place), marker(place)) for name, place in places]
    return [("rated by people", "#b0b0b0", "square"), *predicted]


def components(study: StudyTables) -> Chart | None:
    """What the first two components have to do with rated valence and arousal, by layer."""
    table = study.tables.get("affect_components")
    if table is None:
        return None
    control, source = variant_control(table), _source_control(table)
    languages = among(study.languages, table["language"])
    choice = language_control(languages)
    shown = {
        "r_valence": ("r with valence", OKABE_ITO[0], "solid", "circle"),
        "r_arousal": ("r with arousal", OKABE_ITO[1], "solid", "diamond"),
        "r2_adjusted": ("share of variance explained by both (adjusted)", GREY, "dash", None),
    }
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for (variant, name, language), rows in table.groupby(["variant", "source", "language"]):
        panels: list[Lines] = []
        for component, mine in rows.sort_values("layer").groupby("component"):
            drawn = [
                Curve(label, mine["layer"].tolist(), mine[column].tolist(), hue, dash, sign)  # pyright: ignore[reportArgumentType]
                for column, (label, hue, dash, sign) in shown.items()
            ]
            panels.append(Lines(f"component {component}", LAYER_AXIS, "r, or share", drawn, (-1.05, 1.05), study.layer))
        frames[str(variant), str(name), str(language)] = panels
    caption = "Principal components against rated valence and arousal, by layer"
    return Chart("affect-components", caption, (control, source, choice), frames)


def _first(table: pd.DataFrame, study: StudyTables) -> tuple[int, str, str, pd.DataFrame]:
    """Layer, variant and source shown first, and their rows."""
    layer, rows = at_layer(table, study.layer)
    variant, source = variants(rows)[-1], _source_control(table).initial
    return layer, variant, source, rows[(rows["variant"] == variant) & (rows["source"] == source)]


def predicted(study: StudyTables) -> str:
    """Which scales are predicted in which languages beyond chance, with intervals, p-values and ceilings."""
    layer, variant, source, rows = _first(study.tables["affect"], study)
    parts: dict[bool, list[str]] = {True: [], False: []}
    for scale in among(DIMENSIONS, rows["scale"]):
        mine = rows[rows["scale"] == scale]
        by = {str(row["language"]): row for row in mine.to_dict("records")}
        each: dict[bool, list[str]] = {True: [], False: []}
        for language in among(study.languages, by):
            row = by[language]
            each[is_predicted(row["r"], row["p_familywise"])].append(
                f"r = {number(row['r'])} in {language_name(language)} (95 % interval {number(row['low'])} to "
                f"{number(row['high'])}, over all layers {p_value(row['p_familywise'])})"
            )
        ceiling = mine["ceiling"].max()
        most = f", of {number(ceiling)} that the ratings allow" if pd.notna(ceiling) else ""
        for beyond, found in each.items():
            if found:
                parts[beyond].append(f"{scale} with {' and '.join(found)}{most}")
    said = [
        f"A regression that has not seen an emotion predicts how people rate it: {'; '.join(parts[True])}"
        if parts[True]
        else "No rating by people is predicted beyond chance for an emotion that the regression has not seen",
        f"Not predicted beyond chance: {'; '.join(parts[False])}" if parts[False] else "",
    ]
    about = f"Layer {layer}, {variant} vectors, ratings of {source}, {int(rows['n_emotions'].max())} emotions. "
    return about + sentences(said)


def carried(study: StudyTables) -> str:
    """Whether the first component carries valence, arousal or both, and whether the words or the poles make it so."""
    layer, variant, source, rows = _first(study.tables["affect_components"], study)
    together = {row["source"]: row["r"] for row in study.summaries.get("affect", {}).get("valence_arousal", [])}.get(
        source
    )
    poles = study.tables.get("poles")
    parts: list[str] = []
    mine = rows[rows["component"] == 1].set_index("language")
    for language in among(study.languages, mine.index):
        row = mine.loc[language]
        text = (
            f"in {language_name(language)} component 1 correlates with valence at r = {number(row['r_valence'])} "
            f"({p_value(row['p_valence'])}) and with arousal at {number(row['r_arousal'])} "
            f"({p_value(row['p_arousal'])}); both together explain {100 * row['r2']:.0f} % of it "
            f"({p_value(row['p_both'])}; "
            f"valence alone {100 * row['r_valence'] ** 2:.0f} %, arousal alone {100 * row['r_arousal'] ** 2:.0f} %)"
        )
        if poles is not None:
            near = at_layer(poles, layer)[1]
            near = near[(near["variant"] == variant) & (near["language"] == language)]
            text += "".join(
                f", while the post's two axes have a cosine of {number(row['cosine'])} (poles of random words: 95 % "
                f"within ±{number(row['null_95'])})"
                for row in near.to_dict("records")
            )
        parts.append(text)
    words = (
        f"; over these words people's own valence and arousal correlate with r = {number(together)}"
        if together is not None
        else ""
    )
    if together is not None and (mine[["p_valence", "p_arousal"]] < ALPHA).to_numpy().all():
        same = mine["r_valence"] * mine["r_arousal"] * together > 0
        if same.all():
            words += ", which alone would give a component both in this way"
        elif not same.any():
            words += ", so that the choice of words does not explain why a component holds the two with opposite signs"
    return (
        f"At layer {layer}, {variant} vectors, ratings of {source}, p over all layers, both components and both "
        f"scales: {'; '.join(parts)}{words}."
    )


PLANS = (
    Plan(
        "affect", "Human ratings predicted", ("affect", "affect_predictions"), predicted, (curves, circumplex),
        "Each emotion in turn is left out, a ridge regression of the people's ratings on the other emotions' vectors "
        "is fitted, and the one left out is predicted; the curves correlate these predictions with the ratings. "
        "Filled points exceed the largest value over all layers in all but 5 % of permutations of the ratings; the "
        "dashed line is what a perfect prediction could reach: the root of how well two sources of ratings agree, if "
        "both are equally reliable. In the plane grey squares are people's ratings, and predictions lie closer "
        "together than these because a regression shrinks towards the mean.",
        "Chance is not 0: a regression that learns nothing predicts the mean of the other emotions, which correlates "
        "negatively with the rating left out, so compare with the dotted line of the permutations. With some 25 "
        "emotions the intervals are wide, and a single word can move r: see what depends on a choice. Valence that can "
        "be predicted may be in the stories' plots rather than in a concept of the emotion. The ratings are of English "
        "words, used for other languages through the label.",
    ),
    Plan(
        "affect-components", "What the first components carry", ("affect_components",), carried, (components,),
        "A component that carries one scale follows one coloured curve; where both together explain much more than "
        "either alone it lies across the two. The dashed curve allows for the number of emotions, so that about 0 "
        "means that nothing is explained.",
        "Valence and arousal are correlated over almost any choice of emotion words, and then whatever follows one "
        "follows the other; a component has no sign of its own.",
    ),
)  # fmt: skip
