"""The main findings of a study in a few plain sentences with numbers."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from emovec.languages.language_names import language_name
from emovec.stats.permutation import ALPHA
from emovec.stats.word_baseline import compare_words
from emovec.study.study import Study

# From this r on two patterns may be called alike; a smaller one can be beyond chance all the same.
ALIKE = 0.5
# From this share on, one dimension decides what every cosine says.
DOMINANT = 0.1
# A difference in r that a reader would not call the same result.
NOTABLE = 0.1
# Vectors that were made elsewhere may lack what it takes to standardise them.
_SCALINGS = {"raw": "with the dimensions as they are", "standardised": "with each dimension standardised"}


def headlines(tables: Mapping[str, pd.DataFrame], summaries: Mapping[str, Mapping[str, Any]], layer: int) -> list[str]:
    """What a study found, for a reader who knows neither the program nor its terms.

    Args:
        tables: those of the analyses, by table name; findings whose table is missing are passed over.
        summaries: those of the analyses, by analysis name.
        layer: the layer to report.

    Returns:
        Plain sentences, no mark-up.
    """
    at_layer = {name: table[table["layer"] == layer] if "layer" in table else table for name, table in tables.items()}
    return [
        *_agreement(at_layer, summaries, layer),
        *_certainty(at_layer, layer),
        *_beyond(at_layer, layer),
        *_retrieval(at_layer, layer),
        *_decoding(at_layer, summaries, layer),
        *_affect(at_layer, layer),
        *_energy(tables, layer),
        *_scaling(at_layer, layer),
    ]


def _agreement(tables: Mapping[str, pd.DataFrame], summaries: Mapping[str, Mapping[str, Any]], layer: int) -> list[str]:
    if "rsa" not in tables:
        return []
    if tables["rsa"].empty:
        note = summaries.get("rsa", {}).get("note")
        return [f"Agreement between languages was not tested: {note[0].lower() + note[1:]}"] if note else []
    table = tables["rsa"][tables["rsa"]["method"] == "pearson"]
    sentences: list[str] = []
    for (a, b), pair in table.groupby(["language_a", "language_b"], sort=False):
        by = {str(row["variant"]): row for row in pair.to_dict("records")}
        by = {name: by[name] for name in _SCALINGS if name in by}
        significant = {name: float(row["r"]) for name, row in by.items() if row["p_familywise"] < ALPHA}
        names = f"{language_name(str(a))} and {language_name(str(b))}"
        permutations = int(next(iter(by.values()))["permutations"])
        if too_few(permutations):
            claim = (
                f"Whether {names} arrange the emotions alike can't be judged with {permutations} permutations, which "
                f"allow no p below {_p(1 / (1 + permutations))}"
            )
        elif significant:
            alike = "alike" if min(significant.values()) >= ALIKE else "more alike than shuffled labels"
            how = "with the dimensions as they are" if "raw" in significant else "once the dimensions are standardised"
            claim = f"{names} arrange the emotions {alike}{'' if len(significant) == len(by) else f' only {how}'}"
        else:
            claim = f"There is no evidence that {names} arrange the emotions alike"
        correlations = " and ".join(f"r = {row['r']:.2f} {_SCALINGS[name]}" for name, row in by.items())
        sentences.append(
            f"{claim}: at layer {layer} their patterns of similarity correlate {correlations} "
            f"(p = {_each(by, 'p', _p)}; corrected for all layers p = {_each(by, 'p_familywise', _p)}; "
            f"{permutations:,} random relabellings, 95 % of which stay below r = "
            f"{_each(by, 'null_95', '{:.2f}'.format)})."
        )
    return sentences


def _last_variant(table: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """The rows of the standardised vectors, or of those that there are."""
    name = next(name for name in reversed(_SCALINGS) if name in set(table["variant"]))
    return name, table[table["variant"] == name]


def _certainty(tables: Mapping[str, pd.DataFrame], layer: int) -> list[str]:
    table = tables.get("intervals", pd.DataFrame())
    if table.empty or "rsa" not in set(table["statistic"]):
        return []
    variant, rows = _last_variant(table[table["statistic"] == "rsa"])
    ceilings = tables.get("ceiling", pd.DataFrame())
    sentences: list[str] = []
    for row in rows.to_dict("records"):
        a, b = row["language_a"], row["language_b"]
        sentence = (
            f"On average over sets of as many other topics the agreement of {language_name(a)} and {language_name(b)} "
            f"lies between r = {row['low']:.2f} and {row['high']:.2f} (95 % interval, layer {layer}, {variant})"
        )
        if len(ceilings):
            own = ceilings[(ceilings["language_a"] == a) & (ceilings["language_b"] == b)]
            for ceiling in own[own["variant"] == variant]["ceiling"].dropna():
                sentence += f"; given how well each language agrees with itself, it could reach {ceiling:.2f}"
        sentences.append(f"{sentence}.")
    return sentences


def _beyond(tables: Mapping[str, pd.DataFrame], layer: int) -> list[str]:
    table = tables.get("controls", pd.DataFrame())
    if table.empty:
        return []
    variant, rows = _last_variant(table)
    sentences: list[str] = []
    for (a, b), pair in rows.groupby(["language_a", "language_b"], sort=False):
        by = pair.set_index("given")
        if "words" not in by.index or "all" not in by.index:
            continue
        p = float(by["p"]["all"])
        left = (
            f"beyond words, averaged embeddings, the first layer and valence a partial r of {by['partial']['all']:.2f} "
            f"remains{_without_noise(by)} (p = {_p(p)})"
            if p < ALPHA
            else f"beyond words, averaged embeddings, the first layer and valence no agreement is left that chance "
            f"would not give (partial r = {by['partial']['all']:.2f}, p = {_p(p)})"
        )
        sentences.append(
            f"The words of the stories alone, without a model, make {language_name(str(a))} and "
            f"{language_name(str(b))} agree with r = {by['r_control']['words']:.2f}; {left} (layer {layer}, {variant})."
        )
    return sentences


def _without_noise(by: pd.DataFrame) -> str:
    value = by["partial_noise_free"]["all"] if "partial_noise_free" in by else float("nan")
    return f", {value:.2f} if corrected for how far it returns on other topics" if pd.notna(value) else ""


def is_predicted(r: float, p_familywise: float) -> bool:
    """Whether ratings may be called predicted: the correlation is positive and beyond chance over all layers."""
    return r > 0 and p_familywise < ALPHA


def _affect(tables: Mapping[str, pd.DataFrame], layer: int) -> list[str]:
    table = tables.get("affect", pd.DataFrame())
    if table.empty:
        return []
    _, rows = _last_variant(table)
    rows = rows[(rows["source"] == sorted(rows["source"])[0]) & rows["scale"].isin(["valence", "arousal"])]
    found: dict[bool, list[str]] = {True: [], False: []}
    for row in rows.sort_values("scale", ascending=False, kind="stable").to_dict("records"):
        found[is_predicted(row["r"], row["p_familywise"])].append(
            f"{row['scale']} in {language_name(str(row['language']))} (r = {row['r']:.2f}, 95 % interval "
            f"{row['low']:.2f} to {row['high']:.2f}, p = {_p(row['p_familywise'])} over all layers)"
        )
    what = f"how people rate an emotion that a straight-line fit to the vectors of layer {layer} has not seen"
    if found[True]:
        rest = f"; no evidence for {', '.join(found[False])}" if found[False] else ""
        return [f"What is predicted of {what}: {', '.join(found[True])}{rest}."]
    return [f"There is no evidence that one can predict {what}: {', '.join(found[False])}."] if found[False] else []


def too_few(permutations: int) -> bool:
    """Whether even the smallest p that so many permutations allow can't fall below `ALPHA`."""
    return 1 / (1 + permutations) >= ALPHA


def _retrieval(tables: Mapping[str, pd.DataFrame], layer: int) -> list[str]:
    table = tables.get("crosslingual", pd.DataFrame())
    if table.empty:
        return []
    sentences: list[str] = []
    for (a, b), pair in table.groupby(["language_a", "language_b"], sort=False):
        by = pair.set_index("variant")
        n = round(1 / by["chance"].iloc[0])
        counts = {name: (round(row["retrieval_ab"] * n), round(row["retrieval_ba"] * n)) for name, row in by.iterrows()}
        a_name, b_name = language_name(str(a)), language_name(str(b))
        forth, back = counts.get("standardised", counts["raw"])
        how = "with the dimensions as they are"
        if "standardised" in counts:
            how = f"standardised; {counts['raw'][0]} and {counts['raw'][1]} {how}"
        sentences.append(
            f"For {forth} of {n} emotions the {b_name} vector nearest to the {a_name} one is the same emotion, and for "
            f"{back} of {n} the other way round (layer {layer}, {how}; guessing gives 1)."
        )
    return sentences


def _decoding(tables: Mapping[str, pd.DataFrame], summaries: Mapping[str, Mapping[str, Any]], layer: int) -> list[str]:
    table = tables.get("decoding", pd.DataFrame())
    if table.empty:
        return []
    table = table[table["variant"] == "standardised"]
    within = table[table["train_language"] == table["test_language"]].set_index("test_language")
    across = table[table["train_language"] != table["test_language"]]
    choices = round(1 / table["chance"].iloc[0])
    parts = " and ".join(f"{value:.0%} ({language_name(str(code))})" for code, value in within["accuracy"].items())
    folds = summaries.get("decoding", {}).get("folds")
    sentence = (
        f"From the activations of layer {layer} a story that was held out{f' ({folds})' if folds else ''} is given the "
        f"right one of {choices} emotions in {parts} of cases"
    )
    if len(across):
        parts = " and ".join(
            f"{row.accuracy:.0%} ({language_name(str(row.train_language))} to {language_name(str(row.test_language))})"
            for row in across.itertuples()
        )
        sentence += f", and with what was learnt in another language in {parts}"
    sentences = [f"{sentence}; guessing gives {table['chance'].iloc[0]:.0%}."]
    if warning := summaries.get("decoding", {}).get("warning"):
        sentences.append(str(warning))
    words = tables.get("lexical", pd.DataFrame())
    if words.empty:
        return sentences
    best = words.sort_values("accuracy").drop_duplicates("test_language", keep="last").set_index("test_language")
    both = within.join(best.add_suffix("_words"), how="inner").reset_index()
    if len(both):
        parts = " and ".join(
            f"{row.accuracy_words:.0%} ({language_name(str(row.test_language))})" for row in both.itertuples()
        )
        verdicts = "; ".join(
            compare_words(row["accuracy"], row["n_stories"], row["accuracy_words"], row["n_stories_words"]).sentence(
                language_name(str(row["test_language"]))
            )
            for row in both.to_dict("records")
        )
        chosen = summaries.get("choice", {}).get("by") == "decoding"
        bias = f" (layer {layer} was chosen as the best of all layers, which favours the activations a little)"
        sentences.append(
            f"The stories' words alone, without a model, allow {parts}; {verdicts}{bias if chosen else ''}."
        )
    return sentences


def _energy(tables: Mapping[str, pd.DataFrame], layer: int) -> list[str]:
    table = tables.get("outliers", pd.DataFrame())
    if table.empty or layer not in set(table["layer"]):
        return []
    first = table[(table["variant"] == "raw") & (table["rank"] == 1)]
    here = first[first["layer"] == layer]
    centred = first[first["kind"] == "centred"].sort_values(["energy_share", "layer"], ascending=[False, True])
    highest = centred.drop_duplicates("language")
    denoised = here[here["kind"] == "denoised"]
    sentence = (
        f"At layer {layer} the largest single dimension holds {_shares(here[here['kind'] == 'raw'])} of the energy of "
        f"the mean vectors, and {_shares(here[here['kind'] == 'centred'])} once the mean over emotions is removed (at "
        f"most {_shares(highest, layers=True)})"
    )
    if len(denoised):
        sentence += f"; after denoising {_shares(denoised)} is left"
    used = denoised if len(denoised) else here[here["kind"] == "centred"]
    if used["energy_share"].max() >= DOMINANT:
        return [
            f"{sentence}. What is computed there with the dimensions as they are speaks largely of it; read the "
            "standardised results beside."
        ]
    return [f"{sentence}. So no single dimension dominates the emotion vectors compared at layer {layer}."]


def _shares(rows: pd.DataFrame, layers: bool = False) -> str:
    return " and ".join(
        f"{row.energy_share:.0%} in {language_name(str(row.language))} "
        f"({f'layer {row.layer}, ' if layers else ''}dimension {row.dimension})"
        for row in rows.sort_values("language").itertuples()
    )


def _scaling(tables: Mapping[str, pd.DataFrame], layer: int) -> list[str]:
    table = tables.get("rsa", pd.DataFrame())
    if table.empty:
        return []
    pairs = ["language_a", "language_b"]
    r = table[table["method"] == "pearson"].pivot(index=pairs, columns="variant", values="r")
    if len(r.columns) < len(_SCALINGS):
        return []
    # Raw and standardised vectors may differ in reliability alone.
    intervals = tables.get("intervals", pd.DataFrame())
    corrected = ""
    free = intervals[intervals["statistic"] == "rsa_noise_free"] if len(intervals) else intervals
    if len(free):
        free = free.pivot(index=pairs, columns="variant", values="estimate").reindex(r.index)
        if len(free.columns) == len(_SCALINGS) and free.notna().to_numpy().all():
            r, corrected = free, ", both corrected for noise,"
    gap = (r["standardised"] - r["raw"]).abs().max()
    if gap > NOTABLE:
        return [
            f"Standardising the dimensions changes the agreement between languages{corrected} by up to {gap:.2f} in r "
            f"at layer {layer}: which of the two is reported matters here."
        ]
    return [
        f"Standardising the dimensions hardly changes the agreement between languages{corrected} at layer {layer} "
        f"(by {gap:.2f} in r at most)."
    ]


def _each(rows: Mapping[str, Mapping[Any, Any]], value: str, show: Callable[[float], str]) -> str:
    return " and ".join(show(row[value]) for row in rows.values())


def _p(value: float) -> str:
    return f"{value:.4f}" if value < 0.001 else f"{value:.3f}"


def study_headlines(study: Study) -> list[str]:
    """The main findings of a study as plain sentences with numbers.

    Raises:
        EmovecError: if the geometry has not been computed.
    """
    from emovec.geometry.registry import ANALYSES

    tables = {name: study.table(name) for analysis in ANALYSES.values() for name in analysis.tables}
    summaries = {name: study.summary(name) for name in ANALYSES}
    return headlines(tables, summaries, int(summaries["choice"]["layer"]))
