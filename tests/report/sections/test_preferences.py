"""What the report says of preferences: effects beyond controls, effects that are none, and models that don't answer."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emovec.report.charts import HeatMap
from emovec.report.section import from_tables
from emovec.report.sections.preference_probe import finding as probe_finding
from emovec.report.sections.preference_probe import listing
from emovec.report.sections.preferences import bias, changes, finding, largest, likings, shifts
from emovec.steering.experiments.activities import CATEGORIES
from emovec.steering.experiments.preference_scores import changes_of
from emovec.steering.experiments.registry import COLUMNS
from emovec.study.results import StudyTables, read_study
from tests.report.synthetic import write_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same emotions, without the report, which takes longer than all tests here."""
    return write_study(tmp_path_factory.mktemp("preferences") / "study", layers=(0, 4), emotions=EMOTIONS)


EMOTIONS = ("afraid", "angry", "calm", "sad", "joyful")


def planted(effect: float, controls: int = 2, mass: float = 0.9, share_a: float = 0.6) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    conditions = [("emotion", name) for name in EMOTIONS]
    conditions += [(kind, f"{kind} {n}") for n in range(1, controls + 1) for kind in ("random", "shuffled")]
    rows: dict[str, list[dict]] = {name: [] for name in COLUMNS if name.startswith("preference")}
    for language in ("en", "ja"):
        steered = [(kind, name, s, d) for s in (0.05, 0.1) for kind, name in conditions for d in ("whole", "half")]
        for kind, name, strength, design in [("baseline", "baseline", 0.0, "whole"), *steered]:
            place = {
                "language": language, "design": design, "kind": kind, "name": name, "vector_language": language,
                "layer": 5, "strength": strength,
            }  # fmt: skip
            rows["preference_bias"].append(
                place | {"share_a": share_a, "first": 40.0, "mass": mass, "mass_least": mass / 2, "n_questions": 240}
            )
            rows["preference_scores"] += [
                place | {
                    "activity": f"{c}-{i}", "category": c, "text": f"<b>{c}</b> {i}", "steered": True,
                    "score": 1500 + 40 * rng.normal(), "low": 1400.0, "high": 1600.0, "sequential": 1500.0,
                    "change": 0.0,
                }
                for c in CATEGORIES for i in range(2)
            ]  # fmt: skip
            if kind == "baseline":
                continue
            size = effect if kind == "emotion" else 1.0
            for c in CATEGORIES:
                change = 10 * size * strength / 0.1 * rng.normal()
                rows["preference_changes"].append(
                    place
                    | {
                        "category": c,
                        "change": change,
                        "low": change - 9,
                        "high": change + 9,
                        "n_activities": 8,
                        "change_sequential": change / 2,
                    }
                )
            if design == "half":
                change = 20 * size * strength / 0.1 * rng.normal()
                rows["preference_shift"].append(
                    place | {"change": change, "low": change - 9, "high": change + 9, "n_activities": 32}
                )
        rows["preference_probe"] += [
            {"language": language, "vector_language": language, "layer": 5, "emotion": e, "r": r, "p": 0.001 if r > 0.5
             else 0.4, "p_familywise": 0.004 if r > 0.5 else 0.9, "null_95": 0.25, "n": 64,
             "p_kinds": 0.01 if r > 0.5 else 0.8, "control": 0.3}
            for e, r in zip(EMOTIONS, (0.1, -0.05, 0.7 if effect > 5 else 0.2, 0.0, 0.02), strict=True)
        ]  # fmt: skip
    return changes_of({name: pd.DataFrame(found) for name, found in rows.items()})


def holding(study: Path, tables: dict[str, pd.DataFrame]) -> StudyTables:
    found = read_study(study)
    return dataclasses.replace(found, tables={**found.tables, **{k: v for k, v in tables.items() if len(v)}})


def test_the_planted_tables_are_as_declared() -> None:
    for name, table in planted(10).items():
        assert set(table.columns) == set(COLUMNS[name]), name


def test_an_effect_is_told_with_its_interval_beside_a_control(study: Path) -> None:
    said = from_tables(finding, holding(study, planted(20)))
    assert said.startswith("At strength 0.1, in English the largest change is that of ")
    assert "emotions change preferences more than controls of the same length do" in said
    assert "emotions as a group beyond controls" in said
    assert "a control's largest " in said
    assert "In Japanese" in said
    assert "beware" not in said
    assert said.endswith(".")
    assert said.count(". ") == 3  # for each language a sentence on kinds and one on the shift


def test_no_effect_is_told_as_none(study: Path) -> None:
    said = from_tables(finding, holding(study, planted(1)))
    assert said.count("emotions don't reliably change preferences more than controls") == 2
    assert "not reliably beyond controls" in said
    assert "too few" not in said


def test_too_few_or_no_controls_are_told_of(study: Path) -> None:
    said = from_tables(finding, holding(study, planted(20, controls=0)))
    assert "with no control for comparison" in said
    tables = planted(20, controls=1)
    few = {
        name: table[~table["name"].isin(["afraid", "angry", "calm"])] if "name" in table else table
        for name, table in tables.items()
    }
    few = changes_of({name: table.drop(columns="control", errors="ignore") for name, table in few.items()})
    assert "2 emotions and 2 controls are too few for any p below 0.05" in from_tables(finding, holding(study, few))


def test_one_activity_of_a_kind_has_no_interval_and_says_so(study: Path) -> None:
    tables = planted(20)
    for name in ("preference_changes", "preference_shift"):
        tables[name] = tables[name].assign(low=np.nan, high=np.nan)
    tables["preference_probe"] = tables["preference_probe"].head(1).assign(p_kinds=np.nan)
    held = holding(study, tables)
    said = from_tables(finding, held) + from_tables(probe_finding, held)
    assert "no interval: that needs two activities of a kind" in said
    assert "with one activity per kind, shuffling within kinds isn't possible" in said
    assert "of 1 emotion passes" in said
    assert "– to –" not in said


@pytest.mark.parametrize(
    ("mass", "share", "told"),
    [
        (0.2, 0.5, "in English A and B have only 20 % of the probability"),
        (0.9, 0.9, "in English the unsteered model answers A 90 % of the time"),
        (0.9, 0.1, "in Japanese the unsteered model answers B 90 % of the time"),
    ],
)
def test_a_model_that_does_not_answer_is_told_of(study: Path, mass: float, share: float, told: str) -> None:
    assert told in from_tables(finding, holding(study, planted(20, mass=mass, share_a=share)))


def test_the_maps_hold_emotions_then_controls(study: Path) -> None:
    tables = planted(20)
    found = holding(study, tables)
    chart = from_tables(changes, found)
    assert chart is not None
    (panel,) = chart.frames["half", "ja", "0.05"]
    assert isinstance(panel, HeatMap)
    assert list(panel.columns) == list(CATEGORIES)
    assert list(panel.rows[:5]) == list(EMOTIONS)
    assert set(panel.rows[5:]) == {"random 1", "random 2", "shuffled 1", "shuffled 2"}
    rows = tables["preference_changes"]
    rows = rows[(rows["design"] == "half") & (rows["language"] == "ja") & (rows["strength"] == 0.05)]
    one = rows[(rows["name"] == "sad") & (rows["category"] == "unsafe")]["change"].iloc[0]
    assert panel.values[3, 7] == one
    assert panel.limits[1] >= rows["change"].abs().max()
    chart = from_tables(shifts, found)
    assert chart is not None
    (panel,) = chart.frames[("en",)]
    assert isinstance(panel, HeatMap)
    assert list(panel.columns) == ["0.05", "0.1"]
    assert np.isfinite(panel.values).all()


def test_the_listings(study: Path) -> None:
    found = holding(study, planted(20))
    for build, key in ((largest, ("whole", "en")), (likings, ("en",)), (bias, ("ja",)), (listing, ("ja",))):
        made = from_tables(build, found)
        assert made is not None
        assert all(len(row) == len(made.columns) for row in made.frames[key])
    made = from_tables(largest, found)
    assert made is not None
    # 2 languages, strengths and designs, 5 emotions, 8 kinds; planted as half of the other.
    assert made.note.startswith("Over all 320 changes under emotions")
    assert "r = 1.00 and have the same sign in 100 %" in made.note
    sizes = [abs(float(str(row[3]).replace("−", "-").replace("+", ""))) for row in made.frames["whole", "en"]]
    assert sizes == sorted(sizes, reverse=True)
    assert all(
        from_tables(build, read_study(study)) is None for build in (changes, shifts, largest, likings, bias, listing)
    )


def test_the_probe_says_whether_any_emotion_goes_with_preference(study: Path) -> None:
    said = from_tables(probe_finding, holding(study, planted(20)))
    assert "activations of the activities along calm correlate best with how much they are preferred (r = 0.70" in said
    assert "1 of 5 emotions passes all three tests (shuffling, shuffling within kinds, controls)" in said
    assert "shuffled within kinds p = 0.01; directions without emotion up to 0.30" in said
    for column, value in (("p_kinds", 0.2), ("control", 0.8)):
        tables = planted(20)
        tables["preference_probe"][column] = value
        assert "none of 5 emotions passes all three tests (shuffling, shuffling within kinds, controls)" in from_tables(
            probe_finding, holding(study, tables)
        )
    tables["preference_probe"]["control"] = float("nan")
    assert "without controls it can't be attributed to the emotion" in from_tables(
        probe_finding, holding(study, tables)
    )
    said = from_tables(probe_finding, holding(study, planted(1)))
    assert "none of 5 emotions passes all three tests (shuffling, shuffling within kinds, controls)" in said
