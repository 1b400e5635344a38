"""The section on rule-following, on answers with a planted effect or none."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from emovec.report.charts import HeatMap, Lines
from emovec.report.section import from_tables
from emovec.report.sections.rules import answers, chart, finding, heat_map
from emovec.steering.experiments.rule_statistics import CONDITION, compare, rates
from emovec.study.results import StudyTables, read_study
from tests.steering import planted_answers


def with_answers(study: Path, shift: dict[str, float], controls: int = 4, **changed: float) -> StudyTables:
    rows = planted_answers.answers(shift, controls=controls)
    rows = rows.assign(request="Say it.", answer="It.", **changed)
    tables: dict[str, pd.DataFrame] = {
        "rules": compare(rows, 500, 0), "rule_types": rates(rows, [*CONDITION, "rule"]), "rule_answers": rows
    }  # fmt: skip
    found = read_study(study)
    return dataclasses.replace(found, tables={**found.tables, **tables})


UNASKED = {"without the rule": -0.4}


def test_where_nothing_was_checked_unasked_nothing_is_said_of_it(study: Path) -> None:
    found = with_answers(study, UNASKED)
    assert "% of its answers to the same tasks keep them without being asked" in from_tables(finding, found)
    asked = found.tables["rules"][found.tables["rules"]["kind"] != "unasked"]
    said = from_tables(finding, dataclasses.replace(found, tables={**found.tables, "rules": asked}))
    assert "unasked" not in said
    assert "(95 % interval " in said


def test_an_effect_is_told_beside_its_control(study: Path) -> None:
    said = from_tables(finding, with_answers(study, {"angry": -0.3, **UNASKED}))
    assert said.startswith("In English the unsteered model keeps ")
    assert "angry at strength 0." in said
    assert "lowers this by " in said
    assert "where 8 directions without emotion change it by up to" in said
    assert "its text staying coherent; 2 of 4 steered conditions exceed their controls." in said


def test_no_effect_is_said_to_be_none(study: Path) -> None:
    said = from_tables(finding, with_answers(study, UNASKED))
    assert "No emotion can be shown to change this beyond chance and controls: the largest change is that" in said


def test_a_base_rate_of_chance_allows_no_finding(study: Path) -> None:
    said = from_tables(finding, with_answers(study, {"angry": -0.4}))
    assert said.endswith("so the base rate is too low to show what steering does to obedience.")
    assert "angry" not in said


def test_without_controls_no_emotion_is_held_responsible(study: Path) -> None:
    said = from_tables(finding, with_answers(study, {"angry": -0.3, **UNASKED}, controls=0))
    assert said.endswith("without controls it can't be attributed to the emotion.")


def test_rules_that_are_hardly_ever_kept_are_counted(study: Path) -> None:
    found = with_answers(study, UNASKED)
    types = found.tables["rule_types"]
    types.loc[types["rule"].isin(["rule 1", "rule 3"]), "rate"] = 0.0
    assert "with 2 of 5 rules kept by fewer than one answer in ten" in from_tables(finding, found)


def test_incoherent_text_is_called_so(study: Path) -> None:
    found = with_answers(study, {"angry": -0.4, **UNASKED})
    found.tables["rules"]["regime"] = "explosion"
    assert "but its text is no longer coherent" in from_tables(finding, found)


def test_the_chart_has_the_controls_band_and_marks_what_exceeds_it(study: Path) -> None:
    drawn = from_tables(chart, with_answers(study, {"angry": -0.3, **UNASKED}))
    assert drawn is not None
    assert set(drawn.frames) == {("en", "strongest"), ("en", "angry"), ("en", "calm")}
    for panels in drawn.frames.values():
        kept, coherence = panels
        assert isinstance(kept, Lines)
        assert isinstance(coherence, Lines)
        assert kept.curves[0].label == coherence.curves[0].label == "range of the controls"
        assert {"unsteered", "kept unasked"} < {curve.label for curve in kept.curves}
    (angry,) = (curve for curve in drawn.frames["en", "angry"][0].curves if curve.label == "angry")
    (calm,) = (curve for curve in drawn.frames["en", "calm"][0].curves if curve.label == "calm")
    assert (angry.filled, calm.filled) == ([True, True], [False, False])
    assert drawn.frames["en", "strongest"][0].curves[1].label == "angry"


def test_the_heat_map_has_each_rule_under_each_condition(study: Path) -> None:
    found = with_answers(study, UNASKED)
    drawn = from_tables(heat_map, found)
    assert drawn is not None
    assert set(drawn.frames) == {("en", "0.1"), ("en", "0.2")}
    (panel,) = drawn.frames["en", "0.2"]
    assert isinstance(panel, HeatMap)
    controls = [f"{kind} {i}" for kind in ("random", "shuffled") for i in range(1, 5)]
    assert panel.columns == ["without the rule", "unsteered", "angry", "calm", *controls]
    types = found.tables["rule_types"]
    own = types[(types["name"] == "calm") & (types["strength"] == 0.2) & (types["rule"] == panel.rows[2])]
    assert panel.values[2, 3] == pytest.approx(own["rate"].item())


def test_answers_that_differ_are_listed(study: Path) -> None:
    listed = from_tables(answers, with_answers(study, {"angry": -0.5}))
    assert listed is not None
    rows = listed.frames["en", "angry"]
    assert 0 < len(rows) <= 12
    assert {(row[2], row[3]) for row in rows} == {("kept: It.", "broken: It.")}


def test_a_study_without_the_experiment_has_no_exhibits(study: Path) -> None:
    found = read_study(study)
    bare = dataclasses.replace(found, tables={k: v for k, v in found.tables.items() if not k.startswith("rule")})
    assert (from_tables(chart, bare), from_tables(heat_map, bare), from_tables(answers, bare)) == (None, None, None)
