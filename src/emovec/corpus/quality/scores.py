"""A score for each check of a corpus, and none for what could not be judged."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emovec.corpus.load import Corpus
from emovec.corpus.quality.check import CheckReport
from emovec.corpus.quality.confounds import LENGTHS
from emovec.corpus.quality.motifs import opening_of
from emovec.corpus.story import Story
from emovec.labels import NEUTRAL
from emovec.languages.language import base_language
from emovec.languages.lexicon import emotion_words, unspaced
from emovec.languages.script import writing_of

if TYPE_CHECKING:
    from emovec.corpus.quality.audit import AuditReport

GOOD, FAIR = {"texts": 98.0, "corpus": 80.0}, {"texts": 90.0, "corpus": 50.0}
"""The least scores marked ✓ and △, for checks of single texts and of the corpus as a whole; below: ✗."""

NOT_JUDGED = "–"
"""The mark of a check that could not be made; its score is NaN."""

_COLUMNS = ("language", "check", "score", "mark", "n_found", "finding")
_VOICES = ("de", "en", "es", "ja", "zh")  # in which `leftovers` knows what an author model says
_Part = tuple[str, str, float | None, int, str]
"""Kind of check, its name, score (None: not judged), number found, and the clause that says so."""


def scores(corpus: Corpus, check: CheckReport, audit: "AuditReport") -> pd.DataFrame:
    """A score from 0 to 100 for each check and language: 100 is best, NaN means that it could not be judged.

    Checks of single texts score the percentage of texts they find no fault with, among those that they could judge.
    Those of the corpus as a whole: balance, the percentage of cells that have stories; names, 100 less the percentage
    of stories with the commonest; motifs, 100 less how many more percent of an emotion's stories than of others have
    its foremost motif, on average; length and punctuation, 100 less the largest percentage of a feature's variance that
    emotions explain beyond chance; surface, 100 less the percentage of the way from chance to certainty that decoding
    from the surface gets.

    Returns:
        Columns language, check, score, mark (✓, △, ✗ by `GOOD` and `FAIR`, or `NOT_JUDGED`), n_found, finding (a
        clause that says what was counted).
    """
    rows: list[tuple[str, str, float, str, int, str]] = []
    for language in dict.fromkeys(story.language for story in corpus.stories):
        stories = [story for story in corpus.stories if story.language == language]
        texts = [*stories, *(story for story in corpus.neutral if story.language == language)]
        own = {
            name: frame[frame["language"] == language]
            for report in (check, audit)
            for name, frame in vars(report).items()
            if isinstance(frame, pd.DataFrame) and "language" in frame
        }
        parts = (*_of_texts(language, stories, texts, own, audit), *_of_corpus(language, stories, own, audit))
        for kind, name, score, n, finding in parts:
            value = float("nan") if score is None else float(np.clip(score, 0, 100))
            mark = "✓" if value >= GOOD[kind] else "△" if value >= FAIR[kind] else "✗"
            rows.append((language, name, value, NOT_JUDGED if score is None else mark, n, finding))
    return pd.DataFrame(rows, columns=pd.Index(_COLUMNS))


def surface_clause(row: "pd.Series[float]") -> str:
    """What the surface alone tells, in words, from a row of `AuditReport.surface`."""
    return (
        f"length, punctuation and words identify the emotion in {row['accuracy']:.0%} of stories "
        f"(95% interval {row['low']:.0%}–{row['high']:.0%}; chance {row['chance']:.1%})"
    )


def _of_texts(
    language: str, stories: Sequence[Story], texts: Sequence[Story], own: dict[str, pd.DataFrame], audit: "AuditReport"
) -> Iterator[_Part]:
    if len(own["tokens"]):
        yield _share("length", own["too_short"]["id"].nunique(), len(texts), "texts end before the offset")
    else:
        yield _unjudged("texts", "length", "tokens were not counted")
    if writing_of(language) is None:
        yield _unjudged("texts", "script", "the scripts of this language are not known here")
    else:
        yield _share("script", own["script"]["id"].nunique(), len(texts), "texts are in another script")
    of_emotion = Counter(story.emotion for story in stories)
    listed = sum(n for emotion, n in of_emotion.items() if emotion_words(language, emotion))
    known = sum(n for emotion, n in of_emotion.items() if (language, emotion) not in audit.without_synonyms)
    for name, n, judged, what, lists in (
        ("named emotion", own["named"]["id"].nunique(), listed, "stories name their emotion", "words"),
        ("synonyms", len(own["synonyms"]), known, "stories use a near synonym", "synonyms"),
    ):
        if judged == 0:
            yield _unjudged("texts", name, f"no {lists} are listed for these emotions")
            continue
        rest = f"; {len(stories) - judged:,} more not judged: no {lists} listed" if judged < len(stories) else ""
        yield _share(name, n, judged, f"{what}{rest}")
    near = own["near_duplicates"]
    across = int((near["scope"] == "across").sum())
    clause = f"texts have a near duplicate, {across:,} of them under several emotions"
    yield _share("near duplicates", len(near), len(texts), clause)
    clause = "texts hold markup, labels or the like"
    if base_language(language) not in _VOICES:
        clause += f" (what a model says as itself is known in {', '.join(_VOICES)} alone)"
    yield _share("leftovers", own["leftovers"]["id"].nunique(), len(texts), clause)
    openings = Counter(filter(None, map(opening_of, stories)))
    unit = "seven characters" if unspaced(language) else "four words"
    if openings:
        shared = sum(n for n in openings.values() if n > 1)
        clause = f"stories share their first {unit} with another"
        if len(own["openings"]):
            often = int(own["openings"]["n_stories"].sum())
            clause += f", {often:,} of them with at least two and one in a hundred"
        yield _share("openings", shared, openings.total(), clause)
    else:
        yield _unjudged("texts", "openings", f"no story has {unit}")


def _of_corpus(
    language: str, stories: Sequence[Story], own: dict[str, pd.DataFrame], audit: "AuditReport"
) -> Iterator[_Part]:
    if language in audit.without_names:
        yield _unjudged("corpus", "names", audit.without_names[language].partition(": ")[2].rstrip("."))
    elif len(own["names"]):
        first = own["names"].iloc[0]
        clause = f"‘{first['name']}’ in {first['n_stories']} stories; names that recur: {len(own['names'])}"
        yield "corpus", "names", 100 * (1 - float(first["share"])), len(own["names"]), clause
    else:
        yield "corpus", "names", 100.0, 0, "no name recurs in three stories and one in a hundred"
    of_emotion = Counter(story.emotion for story in stories)
    if len(of_emotion) < 2 or max(of_emotion.values()) < 3:
        yield _unjudged("corpus", "motifs", "they take two emotions or more, and three stories of one")
    else:
        foremost = own["motifs"].groupby("emotion").first()
        gap = float((foremost["share"] - foremost["share_elsewhere"]).sum() / len(of_emotion))
        n = len(own["motifs"])
        clause = f"{n} phrases belong to one emotion, in {len(foremost)} of {len(of_emotion)} emotions"
        yield "corpus", "motifs", 100 * (1 - gap), n, clause
    cells = own["counts"]
    empty = int(own["balance"]["empty_cells"].sum())
    n_cells = empty + int((cells["emotion"] != NEUTRAL).sum())
    yield "corpus", "balance", 100 * (1 - empty / n_cells), empty, f"{empty} of {n_cells} cells are empty"
    is_length = own["confounds"]["feature"].isin(LENGTHS)
    for name, part in (("length by emotion", is_length), ("punctuation by emotion", ~is_length)):
        rows = own["confounds"][part.astype(bool)]
        if rows.empty:
            yield _unjudged("corpus", name, "it takes two emotions and several stories of each")
            continue
        worst = rows.iloc[0]
        beyond = (worst["eta2"] - worst["eta2_chance"]) / (1 - worst["eta2_chance"])
        clause = f"{worst['feature']}: emotions explain {worst['eta2']:.0%} (chance {worst['eta2_chance']:.0%})"
        yield "corpus", name, 100 * (1 - beyond), int((rows["p"] < 0.05).sum()), clause
    surface = own["surface"][own["surface"]["features"] == "all"]
    if surface.empty or surface.iloc[0]["chance"] >= 1:
        yield _unjudged("corpus", "surface alone", "no topic could be held out for a test")
    else:
        row = surface.iloc[0]
        way = (row["accuracy"] - row["chance"]) / (1 - row["chance"])
        yield "corpus", "surface alone", 100 * (1 - way), int(row["n_stories"]), surface_clause(row)


def _share(name: str, n: int, judged: int, clause: str) -> _Part:
    """The percentage of the texts that were judged in which nothing was found."""
    if not judged:
        return _unjudged("texts", name, "no text could be judged")
    return "texts", name, 100 * (1 - n / judged), n, f"{n:,} of {judged:,} {clause}"


def _unjudged(kind: str, name: str, reason: str) -> _Part:
    return kind, name, None, 0, f"not judged: {reason}"
