"""How alike many languages are."""

import pandas as pd

from emovec.geometry.analyses.analysis import Analysis, Outcome, each_variant
from emovec.geometry.inputs import Inputs
from emovec.geometry.languages import MINIMUM_LANGUAGES, language_agreement, language_map
from emovec.geometry.representational import MINIMUM_EMOTIONS


def _languages(inputs: Inputs) -> Outcome:
    agreement = each_variant(inputs, language_agreement)
    maps = [language_map(table).assign(variant=table["variant"].iloc[0]) for table in agreement]
    outcome = {"language_agreement": agreement, "language_map": maps}
    return Outcome(outcome, _note(inputs, maps), {"linkage": "average on 1 − r, optimal leaf order"})


def _note(inputs: Inputs, maps: list[pd.DataFrame]) -> dict[str, str]:
    number = len(inputs.vectors.languages)
    if number < MINIMUM_LANGUAGES:
        words = {1: "one language", 2: "two languages"}[number]
        return {"note": f"The study has {words}; a map of languages takes {MINIMUM_LANGUAGES}."}
    if not any(map(len, maps)):
        return {"note": f"A map of languages takes {MINIMUM_EMOTIONS} emotions that every two of them share."}
    return {}


ANALYSES: dict[str, Analysis] = {
    "languages": Analysis(("language_agreement", "language_map"), frozenset({"vectors"}), _languages),
}
