"""Held-out decoding of the emotion, within and across languages, beside chance and the stories' words alone."""

from collections.abc import Sequence

import pandas as pd

from emovec.geometry.beyond_words import HELD_OUT
from emovec.report.charts import Chart, Lines
from emovec.report.confirmatory import against_words, caveat
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import (
    FEW_LANGUAGES,
    GREY,
    chance,
    colour,
    interval,
    language_name,
    listed,
    marker,
    number,
    p_value,
    pair_name,
)
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

_CAPTION = "Held-out decoding of the emotion, by layer"


def _best_words(lexical: Selection | None, language: str) -> pd.Series | None:
    """The row with the best accuracy within a language: words or characters."""
    rows = lexical.where(train_language=language, test_language=language).rows if lexical else pd.DataFrame()
    return None if rows.empty else rows.sort_values(["accuracy", "features"]).iloc[-1]


def finding(
    study: StudyTables, decoding: Selection, lexical: Selection | None = None, beyond_words: Selection | None = None
) -> str:
    """Held-out accuracy within and across languages, against chance and against the words alone."""
    rows = decoding.shown()
    found = {(row["train_language"], row["test_language"]): row for row in rows.records()}
    pairs = [(a, b) for a in study.languages for b in study.languages if (a, b) in found]
    accuracies = [
        f"{number(found[a, a]['accuracy'])} in {language_name(a)} ({interval(found[a, a])})" for a, b in pairs if a == b
    ]
    across = [
        f"{number(found[a, b]['accuracy'])} from {language_name(a)} to {language_name(b)}" for a, b in pairs if a != b
    ]
    if len(study.languages) > FEW_LANGUAGES:
        ends = sorted(((a, b) for a, b in pairs if a != b), key=lambda pair: found[pair]["accuracy"])
        across = [
            f"{number(found[a, b]['accuracy'])} (from {language_name(a)} to {language_name(b)})"
            for a, b in (ends[0], ends[-1])
        ]
        across = [f"between {' and '.join(across)} across languages"]
    summary = study.summaries.get("decoding", {})
    folds = f" ({summary['folds']})" if "folds" in summary else ""
    sentence = f"At layer {rows.layer} held-out stories{folds} are assigned their emotion with an accuracy of "
    sentence += ", and ".join(listed(part) for part in (accuracies, across) if part)
    sentence += f"; chance is {chance(rows['chance'].mean())}"
    words = {a: best for a in study.languages if (best := _best_words(lexical, a)) is not None}
    if words:
        reached = [f"{number(best['accuracy'])} in {language_name(a)}" for a, best in words.items()]
        sentence += f", and the words alone, without a model, reach {listed(reached)}"
    sentence += ". " + " ".join(_against_words(study, beyond_words)) if beyond_words else "."
    return f"{sentence} {summary.get('warning', '')}".strip()


def _against_words(study: StudyTables, beyond_words: Selection) -> list[str]:
    """How far the activations of each language go beyond its words, a sentence each."""
    rows, said = against_words(beyond_words), list[str]()
    for _, language, own in rows.each_language():
        row = own.records()[0]
        points, ends = 100 * row["difference"], (100 * row["low_crossed"], 100 * row["high_crossed"])
        limit = caveat(study, "beyond words", language)
        verdict = "no better than word counts within the error"
        if row["p"] < ALPHA and points:
            verdict = (
                f"better than word counts{f', but {limit}' if limit else ''}"
                if points > 0
                else "worse than word counts"
            )
        said.append(
            f"In {language_name(language)} the activations are {number(abs(points), 1)} points "
            f"{'above' if points >= 0 else 'below'} words (95 % interval for other topics and emotions "
            f"{number(ends[0], 1)} to {number(ends[1], 1)}, {p_value(row['p'])}): {verdict}."
        )
    if len(rows) and rows.only("choice") == HELD_OUT:
        said.append("For this comparison the layer was chosen without the stories that are decoded.")
    return said


def chart(study: StudyTables, decoding: Selection, lexical: Selection | None = None) -> Chart:
    """Held-out decoding by layer, for each training and test language, with chance and what words alone allow."""
    if len(study.languages) <= FEW_LANGUAGES:
        panels = [_panel(study, decoding.variant(variant), lexical, study.languages) for variant in decoding.variants]
        return Chart("decoding", _CAPTION, (), {(): panels})
    of = decoding.selector("stories in", "test_language", study.languages, language_name)
    frames = {
        key: [_panel(study, own.variant(variant), lexical, [key[0]]) for variant in own.variants]
        for key, own in decoding.each(of)
    }
    return Chart("decoding", _CAPTION, (of,), frames)


def _panel(study: StudyTables, rows: Selection, lexical: Selection | None, tested: Sequence[str]) -> Lines:
    """Decoding of the stories in some languages by what was learnt in each, with chance and what words allow."""
    curves = [
        pair.curve(
            "accuracy",
            f"within {language_name(train)}" if train == test else pair_name(train, test, " → "),
            colour(i),
            "solid" if train == test else "dash",
            marker(j),
        )
        for i, train in enumerate(study.languages)
        for j, test in enumerate(study.languages)
        if test in tested and (pair := rows.where(train_language=train, test_language=test))
    ]
    curves += [
        rows.level(best["accuracy"], f"words alone, {language_name(language)}", colour(i), "dashdot")
        for i, language in enumerate(study.languages)
        if language in tested and (best := _best_words(lexical, language)) is not None
    ]
    curves.append(rows.level(rows["chance"].mean(), "chance", GREY, "dot"))
    return rows.lines(f"{rows.only('variant')} activations", "accuracy (share of stories)", curves)


SECTION = Section(
    place=110,
    anchor="decoding",
    title="Decoding",
    tables=("decoding", "lexical"),
    finding=finding,
    exhibits=(chart,),
    headline=True,
    reading="Solid curves are trained and tested on one language, with the test stories' topics held out. Dashed "
    "curves are trained on one language and tested on the other. Colour is the training language, marker the test "
    "language. A solid curve shows more than word counts only where it is above the dash-dotted line of its colour. "
    "Across languages, word counts can't decode anything.",
    misleading="If stories of an emotion repeat phrases, those phrases are enough to decode it. An accuracy near 1 "
    "then shows an easy corpus rather than a concept. Stories that share plots with the training stories would "
    "inflate accuracy in the same way.",
)
