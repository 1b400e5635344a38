"""The section on what the words alone explain, and what is said of a transfer."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emovec.report.pages.transfer import sentence
from emovec.report.section import from_tables
from emovec.report.sections import geodesic
from emovec.report.sections.confounds import chart, finding, numbers
from emovec.study.results import StudyTables, read_study
from emovec.study.transfer import Transfer


def test_one_sentence_says_what_words_reach_and_what_is_left(study: Path) -> None:
    found = read_study(study)
    said = from_tables(finding, found)
    assert said.count(".") == said.count("0.") + 1
    assert "The words of the stories alone, without a model, make English and Japanese agree with r = 0.76" in said
    assert re.search(r"a partial r of 0\.5\d remains, 0\.6\d if corrected for how far it returns on other topics", said)
    assert "p\u00a0=\u00a00.0001" in said


def without(study: StudyTables, *givens: str) -> StudyTables:
    table = study.tables["confounds"]
    return dataclasses.replace(
        study, tables={**study.tables, "confounds": table[~table["given"].isin(givens)].reset_index(drop=True)}
    )


def test_what_few_emotions_or_no_norms_leave_out_is_said_or_passed_over(study: Path) -> None:
    found = read_study(study)
    assert re.search(r"beyond words a partial r of 0\.[67]\d", from_tables(finding, without(found, "valence", "all")))
    assert "too few emotions" in from_tables(
        finding, without(found, "embeddings", "words", "valence", "first layer", "all")
    )


def test_the_chart_has_every_confound_standardised_first(study: Path) -> None:
    drawn = from_tables(chart, read_study(study))
    assert drawn is not None
    (panels,) = drawn.frames.values()
    assert [panel.title for panel in panels] == ["standardised vectors", "raw vectors"]
    labels = [curve.label for curve in panels[0].curves]
    assert len(labels) == 9
    assert {"words alone", "beyond the words", "beyond all of these"} <= set(labels)


def test_a_partial_that_cannot_be_corrected_says_so(study: Path) -> None:
    found = read_study(study)
    table = found.tables["confounds"].assign(partial_noise_free=np.nan)
    said = from_tables(finding, dataclasses.replace(found, tables={**found.tables, "confounds": table})) or ""
    assert "remains; what is left is too unreliable, or the topics too few, to correct it for noise (p" in said


@pytest.mark.fault("F12")
def test_the_noise_free_partial_stands_beside_the_plain_one(study: Path) -> None:
    shown = from_tables(numbers, read_study(study))
    assert shown is not None
    assert "partial r without noise" in shown.columns
    last = shown.frames["standardised", "en+ja"][-1]
    assert last[:2] == ["beyond all of these", "–"]
    assert float(str(last[3])) == pytest.approx(float(str(last[2])) + 0.1)


@pytest.mark.fault("F1")
def test_what_the_topics_cannot_tell_is_no_difference(study: Path) -> None:
    found = read_study(study)
    table = found.tables["geodesic"]
    assert "agree less by geodesic than by straight-line distances: corrected for their own" in from_tables(
        geodesic.finding, found
    )
    none = dataclasses.replace(found, tables={**found.tables, "geodesic": table.assign(high=0.1)})
    assert "no difference is found" in from_tables(geodesic.finding, none)
    unknown = dataclasses.replace(found, tables={**found.tables, "geodesic": table.assign(low=np.nan)})
    assert "can't be compared" in from_tables(geodesic.finding, unknown)


def test_a_transfer_is_told_with_its_best_baseline() -> None:
    common = {"source_language": "en", "target_language": "en", "low": 0.5, "high": 0.7, "chance": 1 / 30}
    rows = [
        {"features": "activations", "variant": "standardised", "layer": 3, "accuracy": 0.6},
        {"features": "activations", "variant": "standardised", "layer": 4, "accuracy": 0.9},
        {"features": "word", "variant": "raw", "accuracy": 0.2},
        {"features": "character", "variant": "raw", "accuracy": 0.3},
        {"features": "embeddings", "variant": "raw", "accuracy": 0.1},
    ]
    table = pd.DataFrame([common | row for row in rows])
    assert sentence(Transfer("plain", "mine", table, 3, {}, Path())) == (
        "At layer 3 of plain, chosen on its own stories, the centroids of its English stories name 60 % of the English "
        "stories of mine right (95 % interval 50 % to 70 %; words alone 30 %; averaged embeddings 10 %); guessing "
        "would name 3 %."
    )
