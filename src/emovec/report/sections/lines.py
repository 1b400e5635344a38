"""Line charts of the report: what runs over layers, or over the number of clusters."""

from collections.abc import Callable, Sequence

import pandas as pd

from emovec.report.charts import Chart, Control, Curve, Dash, Lines, layer_control
from emovec.report.selectors import (
    KIND_NAMES,
    among,
    best_words,
    kinds,
    language_control,
    language_sets,
    pair_control,
    pairs,
    variant_control,
    variants,
)
from emovec.report.style import GREY, LAYER_AXIS, OKABE_ITO, colour, language_name, marker, pair_name
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_DASHES: tuple[Dash, ...] = ("solid", "dash", "dot", "dashdot")


def _by_layer(rows: pd.DataFrame, column: str, label: str, hue: str, **look: object) -> Curve:
    rows = rows.sort_values("layer")
    return Curve(label, rows["layer"].tolist(), rows[column].tolist(), hue, **look)  # pyright: ignore[reportArgumentType]


def _level(value: float, layers: pd.Series, label: str, hue: str, dash: Dash) -> Curve:
    return Curve(label, [int(layers.min()), int(layers.max())], [float(value)] * 2, hue, dash)


def _range(*columns: pd.Series) -> tuple[float, float]:
    low = min(0.0, *(float(column.min()) for column in columns))
    return (low - 0.03 if low < 0 else 0.0), 1.03


def decoding(study: StudyTables) -> Chart | None:
    """Held-out decoding by layer, for each training and test language, with chance and what words alone allow."""
    table = study.tables.get("decoding")
    if table is None:
        return None
    panels: list[Lines] = []
    for variant in variants(table):
        rows = table[table["variant"] == variant]
        curves: list[Curve] = []
        for i, train in enumerate(study.languages):
            for j, test in enumerate(study.languages):
                pair = rows[(rows["train_language"] == train) & (rows["test_language"] == test)]
                if len(pair):
                    label = f"within {language_name(train)}" if train == test else pair_name(train, test, " → ")
                    dash: Dash = "solid" if train == test else "dash"
                    curves.append(_by_layer(pair, "accuracy", label, colour(i), dash=dash, marker=marker(j)))
        for i, language in enumerate(study.languages):
            best = best_words(study, language)
            if best is not None:
                label = f"words alone, {language_name(language)}"
                curves.append(_level(best["accuracy"], rows["layer"], label, colour(i), "dashdot"))
        curves.append(_level(rows["chance"].mean(), rows["layer"], "chance", GREY, "dot"))
        panels.append(
            Lines(f"{variant} activations", LAYER_AXIS, "accuracy (share of stories)", curves, (0, 1.03), study.layer)
        )
    return Chart("decoding", "Held-out decoding of the emotion, by layer", (), {(): panels})


def rsa(study: StudyTables) -> Chart | None:
    """RSA across languages by layer, raw and standardised side by side, with the null's upper 95 % quantile."""
    table = study.tables.get("rsa")
    if table is None or not (found := pairs(study, table)):
        return None
    methods = among(("pearson", "spearman", "rho_a"), table["method"])
    names = {"pearson": "Pearson", "spearman": "Spearman", "rho_a": "ρₐ"}
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for a, b in found:
        for method in methods:
            chosen = table[(table["language_a"] == a) & (table["language_b"] == b) & (table["method"] == method)]
            panels: list[Lines] = []
            for position, variant in enumerate(variants(table)):
                rows = chosen[chosen["variant"] == variant].sort_values("layer")
                layers = rows["layer"].tolist()
                notes = [
                    f"p = {p:.2g}, family-wise {family:.2g}, null 95 % {null:.3f}"
                    for p, family, null in zip(rows["p"], rows["p_familywise"], rows["null_95"], strict=True)
                ]
                band = Curve(
                    "null: mean to 95 % quantile",
                    layers,
                    rows["null_mean"].tolist(),
                    GREY,
                    upper=rows["null_95"].tolist(),
                )
                line = Curve(
                    "r between languages (filled: family-wise p < 0.05)",
                    layers,
                    rows["r"].tolist(),
                    colour(position),
                    marker="circle",
                    filled=(rows["p_familywise"] < ALPHA).tolist(),
                    notes=notes,
                )
                limits = _range(chosen["r"], chosen["null_mean"])
                panels.append(
                    Lines(f"{variant} vectors", LAYER_AXIS, f"{names[method]} r", [band, line], limits, study.layer)
                )
            frames[f"{a}+{b}", method] = panels
    controls = (
        pair_control(found),
        Control("correlation", methods, methods[0], names=[names[m] for m in methods], in_paper=False),
    )
    return Chart("rsa", "Agreement of the two languages' emotion geometries, by layer", controls, frames)


def crosslingual(study: StudyTables) -> Chart | None:
    """Cosine of the same emotion across languages, and retrieval of the emotion, by layer."""
    table = study.tables.get("crosslingual")
    if table is None or not (found := pairs(study, table)):
        return None
    control = variant_control(table)
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for variant in control.options:
        for a, b in found:
            rows = table[(table["variant"] == variant) & (table["language_a"] == a) & (table["language_b"] == b)]
            cosines = [
                _by_layer(rows, "same_cosine", "same emotion", OKABE_ITO[0], marker="circle"),
                _by_layer(rows, "other_cosine", "other emotions", OKABE_ITO[1], dash="dash", marker="square"),
            ]
            retrieval = [
                _by_layer(rows, "retrieval_ab", pair_name(a, b, " → "), OKABE_ITO[2], marker="diamond"),
                _by_layer(
                    rows, "retrieval_ba", pair_name(b, a, " → "), OKABE_ITO[3], dash="dash", marker="triangle-up"
                ),
                _level(rows["chance"].mean(), rows["layer"], "chance", GREY, "dot"),
            ]
            limits = _range(rows["same_cosine"], rows["other_cosine"])
            frames[variant, f"{a}+{b}"] = [
                Lines("cosine across languages", LAYER_AXIS, "mean cosine", cosines, limits, study.layer),
                Lines("retrieval", LAYER_AXIS, "share of emotions found", retrieval, (0, 1.03), study.layer),
            ]
    return Chart("crosslingual", "The same emotion in two languages, by layer", (control, pair_control(found)), frames)


def silhouette(study: StudyTables) -> Chart | None:
    """Silhouette over the number of clusters, for each set of languages."""
    table = study.tables.get("silhouette")
    if table is None:
        return None
    control = layer_control([int(layer) for layer in sorted(table["layer"].unique())], study.layer)
    sets = language_sets(study, table)
    scores = table["silhouette"].fillna(0.0)
    low, high = min(0.0, float(scores.min()) - 0.03), float(scores.max()) * 1.1 + 0.02
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for layer in control.options:
        panels: list[Lines] = []
        for variant in variants(table):
            rows = table[(table["variant"] == variant) & (table["layer"] == int(layer))].sort_values("k")
            curves = [
                Curve(
                    language_name(name),
                    rows.loc[rows["languages"] == name, "k"].tolist(),
                    rows.loc[rows["languages"] == name, "silhouette"].tolist(),
                    colour(i),
                    _DASHES[i % len(_DASHES)],
                    marker(i),
                )
                for i, name in enumerate(sets)
            ]
            title = f"{variant} vectors, layer {layer}"
            panels.append(Lines(title, "k (number of clusters)", "mean silhouette", curves, (low, high)))
        frames[(layer,)] = panels
    return Chart("silhouette", "How well k clusters fit", (control,), frames, height=360)


def axes(study: StudyTables) -> Chart | None:
    """Correlation of the principal components with the post's poles and with human norms, by layer."""
    table = study.tables.get("axes")
    if table is None:
        return None
    control = variant_control(table)
    languages = among(study.languages, table["language"])
    components = sorted(int(c) for c in table["component"].unique())[:2]
    references = sorted(set(table["reference"]), key=_reference_order)
    sources = list(dict.fromkeys(_source(reference) for reference in references))
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for variant in control.options:
        for language in languages:
            chosen = table[(table["variant"] == variant) & (table["language"] == language)]
            panels: list[Lines] = []
            for component in components:
                rows = chosen[chosen["component"] == component]
                curves: list[Curve] = []
                for reference in references:
                    scale = rows[rows["reference"] == reference]
                    if len(scale):
                        source = sources.index(_source(reference))
                        hue = _REFERENCE_HUES.get(reference.rsplit(" ", 1)[-1], GREY)
                        scale = scale.sort_values("layer")
                        notes = [
                            f"p = {p:.2g}, family-wise {family:.2g}; shuffled: 95 % within ±{null:.2f}"
                            for p, family, null in zip(
                                *(scale[name] for name in ("p", "p_familywise", "null_95")), strict=True
                            )
                        ]
                        filled = (scale["p_familywise"] < ALPHA).tolist()
                        dash, sign = _DASHES[source % len(_DASHES)], marker(source)
                        look = {"dash": dash, "marker": sign, "filled": filled, "notes": notes}
                        curves.append(_by_layer(scale, "r", reference, hue, **look))
                title = f"component {component}, {language_name(language)}"
                panels.append(Lines(title, LAYER_AXIS, "Pearson r", curves, (-1.05, 1.05), study.layer))
            frames[variant, language] = panels
    choice = language_control(languages)
    return Chart("axes", "Principal components against poles and human norms, by layer", (control, choice), frames)


_REFERENCE_HUES = {"valence": OKABE_ITO[0], "arousal": OKABE_ITO[1], "dominance": OKABE_ITO[2]}


def _source(reference: str) -> str:
    return reference.rsplit(" ", 1)[0]


def _reference_order(reference: str) -> tuple[bool, str, int]:
    scale = reference.rsplit(" ", 1)[-1]
    return not reference.startswith("post"), _source(reference), [*_REFERENCE_HUES, scale].index(scale)


def lens_hits(study: StudyTables) -> Chart | None:
    """Share of emotions whose own word is among the top k tokens of the logit lens, by layer."""
    table = study.tables.get("lens_hits")
    if table is None:
        return None
    words = list(
        dict.fromkeys([*among(["any"], table["word_language"]), *among(study.languages, table["word_language"])])
    )
    words += sorted(set(table["word_language"]) - set(words))
    ks = [str(k) for k in sorted(table["k"].unique())]
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for k in ks:
        for word in words:
            chosen = table[(table["k"] == int(k)) & (table["word_language"] == word)]
            panels: list[Lines] = []
            for lens in among(("raw", "cleaned"), table["lens"]):
                rows = chosen[chosen["lens"] == lens]
                curves = [
                    _by_layer(mine, "hit_rate", f"{language_name(language)} vectors", colour(i), marker=marker(i))
                    for i, language in enumerate(study.languages)
                    if len(mine := rows[rows["language"] == language])
                ]
                curves += [
                    _level(mine["chance"].mean(), mine["layer"], f"chance, {language_name(language)}", colour(i), "dot")
                    for i, language in enumerate(study.languages)
                    if len(mine := rows[rows["language"] == language])
                ]
                panels.append(
                    Lines(
                        f"{lens} lens", LAYER_AXIS, f"share with a hit in the top {k}", curves, (0, 1.03), study.layer
                    )
                )
            frames[k, word] = panels
    name: Callable[[str], str] = lambda word: "any language" if word == "any" else language_name(word)  # noqa: E731
    controls = (
        Control("k", ks, "10" if "10" in ks else ks[-1], in_paper=False),
        Control("words of", words, words[0], names=[name(word) for word in words], in_paper=False),
    )
    return Chart("lens-hits", "How often the logit lens names the emotion, by layer", controls, frames)


def outliers(study: StudyTables) -> Chart | None:
    """Share of the vectors' energy that the strongest dimension holds, and all listed ones together, by layer."""
    table = study.tables.get("outliers")
    if table is None:
        return None
    listed = int(table["rank"].max())
    highest = table.groupby(["kind", "variant", "language", "layer"])["energy_share"].sum().groupby("kind").max()
    frames: dict[tuple[str, ...], Sequence[Lines]] = {}
    for kind in kinds(table):
        panels: list[Lines] = []
        limits = (0.0, min(1.03, 1.1 * float(highest[kind])))
        for variant in variants(table):
            curves: list[Curve] = []
            for i, language in enumerate(study.languages):
                rows = table[(table["kind"] == kind) & (table["variant"] == variant) & (table["language"] == language)]
                if rows.empty:
                    continue
                first = rows[rows["rank"] == rows["rank"].min()].sort_values("layer")
                notes = [f"dimension {dimension}" for dimension in first["dimension"]]
                look = {"marker": marker(i), "notes": notes}
                label = f"strongest dimension, {language_name(language)}"
                curves.append(_by_layer(first, "energy_share", label, colour(i), **look))
                if listed > 1:
                    total = rows.groupby("layer")[["energy_share"]].sum().reset_index()
                    label = f"{listed} strongest together, {language_name(language)}"
                    curves.append(_by_layer(total, "energy_share", label, colour(i), dash="dot"))
            title = f"{KIND_NAMES[kind]} vectors, {variant}"
            panels.append(Lines(title, LAYER_AXIS, "share of energy", curves, limits, study.layer))
        frames[(kind,)] = panels
    names = [KIND_NAMES[kind] for kind in kinds(table)]
    control = Control("kind of vectors", kinds(table), kinds(table)[0], names=names)
    return Chart("outliers", "Energy in single dimensions, by layer", (control,), frames)
