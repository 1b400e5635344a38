import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emovec.report.draw import plotly_page
from emovec.report.section import from_tables
from emovec.report.sections import calibration, calibration_languages
from emovec.steering.experiments import calibration_statistics
from emovec.study.results import StudyTables, read_study
from tests.report.synthetic import write_study
from tests.steering.experiments.test_calibration import texts_table, words_table

EMOTIONS = ("sad", "angry", "calm")
ENDS = {"sad": 0.2, "angry": 0.2, "calm": 0.2, "random 1": 0.1, "shuffled 1": 0.2}


def _study(folder: Path, effects: dict[str, float]) -> StudyTables:
    """A study whose calibration holds planted effects, by vector and text language."""
    write_study(folder, layers=(2, 5), emotions=EMOTIONS)
    english = texts_table(ENDS)
    texts = pd.concat([english, english.assign(language="ja", vector_language="ja")])
    rows = pd.concat([words_table(effects), texts])
    tables, summary = calibration_statistics.summarise(
        rows, layer=5, emotions=EMOTIONS, strengths=[0.1, 0.2, 0.4], languages=["en", "ja"]
    )
    (folder / "steering").mkdir(exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / "steering" / f"{name}.parquet")
    record = {"tables": list(tables), "summary": summary, "key": ""}
    (folder / "steering" / "calibration.json").write_text(json.dumps(record), encoding="utf-8")
    return read_study(folder)


@pytest.fixture(scope="module")
def strong(tmp_path_factory: pytest.TempPathFactory) -> StudyTables:
    return _study(tmp_path_factory.mktemp("strong"), {"en>en": 10.0, "ja>ja": 10.0, "ja>en": 5.0, "en>ja": 5.0})


@pytest.fixture(scope="module")
def none(tmp_path_factory: pytest.TempPathFactory) -> StudyTables:
    return _study(tmp_path_factory.mktemp("none"), {"en>en": 0.0, "ja>ja": 0.0, "ja>en": 0.0, "en>ja": 0.0})


def test_a_planted_window_and_its_effect_are_told(strong: StudyTables) -> None:
    told = from_tables(calibration.finding, strong)
    assert told.count("stay coherent up to strength 0.2") == 2
    assert "(2.0" in told or "(1.9" in told
    assert told.count("own word rises") == 2
    assert "random and shuffled directions of the same length" in told
    assert "In 6 of 6 cases" in told
    assert "controls with the same choice of layer and strength (by chance, one more control would be larger" in told


def test_without_controls_none_are_said_to_be_exceeded(strong: StudyTables) -> None:
    tables = dict(strong.tables)
    sweep, cross = tables["calibration_sweep"], tables["calibration_cross"]
    tables["calibration_sweep"] = sweep[
        ~sweep["kind"].isin(["random", "shuffled"]) & (sweep["name"] != calibration_statistics.CONTROLS)
    ]
    tables["calibration_cross"] = cross.drop(columns=[name for name in cross if name.startswith(("control", "excess"))])
    bare = dataclasses.replace(strong, tables=tables)
    told = from_tables(calibration.finding, bare)
    assert told.count("with no control for comparison") == 3
    assert "larger than" not in told
    assert from_tables(calibration_languages.finding, bare).count("with no control for comparison") == 4


@pytest.mark.fault("F11")
def test_no_difference_is_not_told_as_an_equal_effect(strong: StudyTables) -> None:
    cross = strong.tables["calibration_cross"]
    told = {}
    for low, high in ((-0.32, 1.26), (0.2, 0.7), (-1.2, -0.1)):
        other = cross["vector_language"] != cross["language"]
        values = {"less_own": (low + high) / 2, "less_own_low": low, "less_own_high": high}
        table = cross.assign(**{name: np.where(other, value, np.nan) for name, value in values.items()})
        tables = {**strong.tables, "calibration_cross": table}
        told[low] = from_tables(calibration_languages.finding, dataclasses.replace(strong, tables=tables))
    assert (
        "in English texts the effect of Japanese vectors minus that of English ones is 0.47 [−0.32, 1.26]"
        in told[-0.32]
    )
    assert "no difference is shown, which doesn't mean that there is none" in told[-0.32]
    assert "Japanese vectors have more" in told[0.2]
    assert "Japanese vectors have less" in told[-1.2]


def test_texts_that_repeat_themselves_unsteered_are_not_called_coherent(strong: StudyTables) -> None:
    sweep = strong.tables["calibration_sweep"]
    looping = sweep.assign(distinct_unsteered=sweep["distinct_unsteered"].where(sweep["language"] == "en", 0.1))
    told = from_tables(
        calibration.finding, dataclasses.replace(strong, tables={**strong.tables, "calibration_sweep": looping})
    )
    assert told.count("stay coherent") == 1
    assert "Japanese texts repeat themselves even without steering (10 % of word pairs distinct)" in told


def test_no_effect_is_told_as_none(none: StudyTables) -> None:
    assert from_tables(calibration.finding, none).count("does not reliably rise") == 2
    across = from_tables(calibration_languages.finding, none)
    assert "do not reliably change the words of the other" in across
    assert across.count("no reliable effect") == 4


def test_vectors_across_languages_stand_beside_those_within(strong: StudyTables) -> None:
    across = from_tables(calibration_languages.finding, strong)
    assert "at strength 0.2" in across or "and strength 0.2" in across
    between, within = across.split("Within a language")
    assert "Japanese vectors in English texts 1.0" in between or "Japanese vectors in English texts 0.9" in between
    assert "English vectors in English texts" in within
    # Three emotions have six assignments: no p-value can be smaller.
    assert "p\u00a0=\u00a00.17" in across


def test_the_map_shows_where_texts_break(strong: StudyTables) -> None:
    chart = from_tables(calibration.regime_maps, strong)
    assert chart is not None
    regime, control, effect = chart.frames["en", calibration_statistics.ALL]
    assert list(regime.rows) == ["5", "2"]
    assert regime.values.tolist() == [[0, 0, 1], [0, 0, 1]]
    assert control.values.tolist() == [[0, 1, 1], [0, 1, 1]]
    drawn = plotly_page.figure_data(chart)["frames"]["0|0"]["data"]
    assert drawn[1]["text"] == [["coherent", "breaks", "breaks"]] * 2
    assert [trace["showscale"] for trace in drawn] == [False, False, True]
    assert effect.values[0, 1] == pytest.approx(2.0, abs=0.1)


def test_lines_hold_every_control_and_mark_what_is_coherent(strong: StudyTables) -> None:
    chart = from_tables(calibration.effects, strong)
    assert chart is not None
    together, each = chart.frames["en", "5"]
    assert {"random 1", "random 2", "shuffled 1"} <= {curve.label for curve in together.curves}
    assert [list(curve.filled) for curve in each.curves] == [[True, True, False]] * 3


def test_listings_hold_windows_and_texts(strong: StudyTables) -> None:
    listing = from_tables(calibration.window_listing, strong)
    assert listing is not None
    assert [row[:3] for row in listing.frames[("en",)]] == [[e, "5", "0.2"] for e in EMOTIONS]
    texts = from_tables(calibration.texts, strong)
    assert texts is not None
    assert texts.frames["en", "0.2"][0] == ["unsteered", "8", "and so on"]
