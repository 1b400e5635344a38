"""The main findings of a study in a few plain sentences with numbers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

ALPHA = 0.05
# From this share on, one dimension decides what every cosine says.
DOMINANT = 0.1
# A difference in r that a reader would not call the same result.
NOTABLE = 0.1

_NAMES = {
    **{"ar": "Arabic", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English"},
    **{"es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi"},
    **{"hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch"},
    **{"no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish"},
    **{"sw": "Swahili", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese"},
    **{"zh": "Chinese"},
}


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
        *_retrieval(at_layer, layer),
        *_decoding(at_layer, summaries, layer),
        *_energy(at_layer, layer),
        *_scaling(at_layer, layer),
    ]


def language_name(code: str) -> str:
    """The English name of a language, or its code where none is known."""
    return _NAMES.get(code.split("-")[0], code) + code[len(code.split("-")[0]) :]


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
        raw, standardised = by["raw"], by["standardised"]
        significant = {name: row["p_familywise"] < ALPHA for name, row in (("raw", raw), ("st", standardised))}
        names = f"{language_name(str(a))} and {language_name(str(b))}"
        if all(significant.values()):
            claim = f"{names} arrange the emotions alike"
        elif any(significant.values()):
            how = "with the dimensions as they are" if significant["raw"] else "once the dimensions are standardised"
            claim = f"{names} arrange the emotions alike only {how}"
        else:
            claim = f"There is no evidence that {names} arrange the emotions alike"
        sentences.append(
            f"{claim}: at layer {layer} their patterns of similarity correlate r = {raw['r']:.2f} with the dimensions "
            f"as they are and r = {standardised['r']:.2f} with each dimension standardised (p = {_p(raw['p'])} and "
            f"{_p(standardised['p'])}; corrected for all layers p = {_p(raw['p_familywise'])} and "
            f"{_p(standardised['p_familywise'])}; {int(raw['permutations']):,} random relabellings, 95 % of which stay "
            f"below r = {raw['null_95']:.2f} and {standardised['null_95']:.2f})."
        )
    return sentences


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
        forth, back = counts["standardised"]
        forth_raw, back_raw = counts["raw"]
        sentences.append(
            f"For {forth} of {n} emotions the {b_name} vector nearest to the {a_name} one is the same emotion, and for "
            f"{back} of {n} the other way round (layer {layer}, standardised; {forth_raw} and {back_raw} with the "
            f"dimensions as they are; guessing gives 1)."
        )
    return sentences


def _decoding(tables: Mapping[str, pd.DataFrame], summaries: Mapping[str, Mapping[str, Any]], layer: int) -> list[str]:
    table = tables.get("decoding", pd.DataFrame())
    if table.empty:
        return []
    table = table[table["variant"] == "standardised"]
    within = table[table["train_language"] == table["test_language"]].set_index("test_language")["accuracy"]
    across = table[table["train_language"] != table["test_language"]]
    choices = round(1 / table["chance"].iloc[0])
    parts = " and ".join(f"{value:.0%} ({language_name(str(code))})" for code, value in within.items())
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
    words = tables.get("lexical", pd.DataFrame())
    if len(words):
        best = words.groupby("test_language", sort=False)["accuracy"].max()
        shared = [code for code in within.index if code in best.index]
        parts = " and ".join(f"{best[code]:.0%} ({language_name(str(code))})" for code in shared)
        beyond = [language_name(str(code)) for code in shared if within[code] > best[code] + 0.02]
        if not beyond:
            verdict = "so the accuracy above doesn't show that the model reads more than words"
        elif len(beyond) == len(shared):
            verdict = "so the activations hold more than a count of words does"
        else:
            verdict = f"so the activations hold more than a count of words does only in {' and '.join(beyond)}"
        if shared:
            sentences.append(f"The stories' words alone, without a model, allow {parts}, {verdict}.")
    return sentences


def _energy(tables: Mapping[str, pd.DataFrame], layer: int) -> list[str]:
    table = tables.get("outliers", pd.DataFrame())
    if table.empty:
        return []
    first = table[(table["variant"] == "raw") & (table["rank"] == 1)]
    parts = " and ".join(
        f"{row.energy_share:.0%} in {language_name(str(row.language))} (dimension {row.dimension})"
        for row in first.itertuples()
    )
    if first["energy_share"].max() >= DOMINANT:
        return [
            f"A single dimension holds much of the vectors' energy at layer {layer}: {parts}. What is computed with "
            "the dimensions as they are speaks largely of it; read the standardised results beside."
        ]
    return [f"No single dimension dominates the vectors at layer {layer}: the largest holds {parts} of their energy."]


def _scaling(tables: Mapping[str, pd.DataFrame], layer: int) -> list[str]:
    table = tables.get("rsa", pd.DataFrame())
    if table.empty:
        return []
    r = table[table["method"] == "pearson"].pivot(index=["language_a", "language_b"], columns="variant", values="r")
    gap = (r["standardised"] - r["raw"]).abs().max()
    if gap > NOTABLE:
        return [
            f"Standardising the dimensions changes the agreement between languages by up to {gap:.2f} in r at layer "
            f"{layer}: which of the two is reported matters here."
        ]
    return [
        f"Standardising the dimensions hardly changes the agreement between languages at layer {layer} "
        f"(by {gap:.2f} in r at most)."
    ]


def _p(value: float) -> str:
    return f"{value:.4f}" if value < 0.001 else f"{value:.3f}"
