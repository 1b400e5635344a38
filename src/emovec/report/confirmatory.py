"""The tests that a study's claims rest on: one list for every study, and one correction over all of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from emovec.geometry.beyond_words import FIXED, HELD_OUT
from emovec.languages.norms import DIMENSIONS
from emovec.report.ratings import first_shown
from emovec.report.selection import Selection
from emovec.report.style import p_value
from emovec.stats.contrasts import holm
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

RATED = DIMENSIONS[:2]
"""The scales whose prediction counts: valence and arousal."""


@dataclass(frozen=True)
class ConfirmatoryTest:
    """One of the tests that count.

    Attributes:
        kind: of `KINDS`.
        languages: the language or the pair that it is about.
        statistic: what is tested, and is not above zero by chance alone if the test stands.
        p: of this test, over all layers where the layer was not chosen on other data.
        corrected: for the number of tests that count (Holm 1979).
    """

    kind: str
    languages: tuple[str, ...]
    statistic: float
    p: float
    corrected: float = np.nan

    @property
    def stands(self) -> bool:
        """Whether it speaks against chance after the correction."""
        return self.corrected < ALPHA


_Found = Iterator[tuple[tuple[str, ...], float, float]]


def _alike(rows: Selection) -> _Found:
    methods = rows.values("method")
    for a, b, own in rows.where(method="pearson" if "pearson" in methods else methods[0]).shown().each_pair():
        yield (a, b), own.only("r"), own.only("p_familywise")


def _beyond_confounds(rows: Selection) -> _Found:
    for a, b, own in rows.shown().where(given="all").each_pair():
        yield (a, b), own.only("partial"), own.only("p_familywise")


def _same_emotion(rows: Selection) -> _Found:
    for a, b, own in rows.shown().each_pair():
        yield (a, b), own.only("same_cosine") - own.only("other_cosine"), own.only("p")


def _beyond_words(rows: Selection) -> _Found:
    for _, language, own in against_words(rows).each_language():
        yield (language,), own.only("difference"), own.only("p")


def _predicted(scale: str) -> Callable[[Selection], _Found]:
    def found(rows: Selection) -> _Found:
        for _, language, own in first_shown(rows)[0].where(scale=scale).each_language():
            yield (language,), own.only("r"), own.only("p_familywise")

    return found


KINDS: dict[str, tuple[str, Callable[[Selection], _Found]]] = {
    "alike": ("rsa", _alike),
    "beyond confounds": ("confounds", _beyond_confounds),
    "same emotion": ("crosslingual", _same_emotion),
    "beyond words": ("beyond_words", _beyond_words),
    **{scale: ("affect", _predicted(scale)) for scale in RATED},
}
"""Kind of test → the table that it is read from, and how; of standardised vectors at the layer shown first."""


def against_words(rows: Selection) -> Selection:
    """The rows that compare activations with words at the layer shown: without its choice where decoding chose it."""
    by = rows.study.summaries.get("choice", {}).get("by")
    return rows.at_shown_layer().where(choice=HELD_OUT if by == "decoding" else FIXED)


def confirmatory_tests(study: StudyTables) -> list[ConfirmatoryTest]:
    """The tests of the list that the study's tables have, each corrected for all of them.

    A statistic that is not above zero counts with p = 1, whatever its own p.
    """
    found = [
        ConfirmatoryTest(kind, languages, float(statistic), float(p) if statistic > 0 else 1.0)
        for kind, (table, read) in KINDS.items()
        if table in study.tables
        for languages, statistic, p in read(Selection(study, table, study.tables[table]))
        if np.isfinite(p)
    ]
    corrected = holm(np.array([each.p for each in found]))
    return [
        ConfirmatoryTest(each.kind, each.languages, each.statistic, each.p, float(p))
        for each, p in zip(found, corrected, strict=True)
    ]


def caveat(study: StudyTables, kind: str, *languages: str) -> str:
    """A clause for a claim whose own p speaks against chance, while the corrected one doesn't; else nothing."""
    every = confirmatory_tests(study)
    for each in every:
        if (each.kind, each.languages) == (kind, languages) and each.p < ALPHA and not each.stands:
            return f"not after correction for all {len(every)} tests that count, {p_value(each.corrected)}"
    return ""
