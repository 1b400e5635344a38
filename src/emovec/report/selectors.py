"""What a reader may choose between: the variants, languages and pairs that a table holds, in a fixed order."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from emovec.geometry.analysis import VARIANTS
from emovec.geometry.outliers import KINDS
from emovec.report.charts import Control, Scatter
from emovec.report.style import language_name, pair_name
from emovec.study.results import StudyTables

KIND_NAMES = {"raw": "mean", "centred": "centred", "denoised": "denoised"}
"""What a reader is told for each kind of vectors."""


def kinds(table: pd.DataFrame) -> list[str]:
    """The kinds of vectors that a table holds, in the order in which they are made."""
    return among(KINDS, table["kind"].unique())


def variants(table: pd.DataFrame) -> list[str]:
    """The variants that a table holds, raw first."""
    present = set(table["variant"].unique())
    return [name for name in VARIANTS if name in present]


def variant_control(table: pd.DataFrame) -> Control:
    """A choice between raw and standardised vectors; standardised first, since one dimension can't rule it."""
    names = variants(table)
    return Control("vectors", names, names[-1])


def language_control(languages: Sequence[str], name: str = "language") -> Control:
    """A choice between languages, or between sets of them such as `en+ja`; the first one first."""
    return Control(name, languages, languages[0], names=[language_name(code) for code in languages])


def side_by_side(
    found: Mapping[tuple[str, ...], Mapping[str, Scatter]], languages: Sequence[str]
) -> tuple[dict[tuple[str, ...], Sequence[Scatter]], list[Control]]:
    """Frames of one panel for each language: beside each other where there are two, else a choice between them.

    Args:
        found: for each combination of the other controls' options, the panel of each language.
        languages: all of them.

    Returns:
        The frames, and the control that they need beyond those of `found`.
    """
    frames: dict[tuple[str, ...], Sequence[Scatter]] = {}
    for key, panels in found.items():
        if len(languages) > 2:
            frames |= {(*key, language): [panel] for language, panel in panels.items()}
        elif panels:
            frames[key] = list(panels.values())
    return frames, [language_control(languages)] if len(languages) > 2 else []


def language_pairs(table: pd.DataFrame) -> set[tuple[str, str]]:
    """Every (language_a, language_b) that a table holds."""
    return set(table[["language_a", "language_b"]].drop_duplicates().itertuples(index=False, name=None))


def pairs(study: StudyTables, table: pd.DataFrame) -> list[tuple[str, str]]:
    """The pairs of different languages that a table holds, in the study's order."""
    present = language_pairs(table)
    return [(a, b) for a in study.languages for b in study.languages if a != b and (a, b) in present]


def pair_control(found: Sequence[tuple[str, str]]) -> Control:
    """A choice between pairs of languages."""
    options = [f"{a}+{b}" for a, b in found]
    return Control("languages", options, options[0], names=[pair_name(a, b) for a, b in found])


def among(wanted: Iterable[str], present: Iterable[str]) -> list[str]:
    """Those of the wanted that are present, in the wanted order."""
    known = set(present)
    return [item for item in wanted if item in known]


def language_sets(study: StudyTables, table: pd.DataFrame) -> list[str]:
    """The sets of languages that a table holds, such as `en+ja`: the largest first, then by the study's order."""
    place = {language: i for i, language in enumerate(study.languages)}

    def rank(name: str) -> tuple[object, ...]:
        parts = name.split("+")
        return -len(parts), [place.get(part, len(place)) for part in parts], name

    return sorted(table["languages"].unique(), key=rank)


def best_words(study: StudyTables, language: str) -> "pd.Series | None":
    """The row of the `lexical` table with the best accuracy within a language: words or characters."""
    table = study.tables.get("lexical")
    if table is None:
        return None
    rows = table[(table["train_language"] == language) & (table["test_language"] == language)]
    return None if rows.empty else rows.sort_values(["accuracy", "features"]).iloc[-1]
