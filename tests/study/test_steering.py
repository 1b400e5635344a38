from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from emovec.errors import EmovecError
from emovec.files import write_json
from emovec.pipeline.run import run_experiment, run_study
from emovec.pipeline.stages import RUNNERS
from emovec.report.sections.registry import findings_of, read_outs
from emovec.steering.experiments.registry import COLUMNS, EXPERIMENTS
from emovec.study.keys import record_path
from emovec.study.results import read_study
from emovec.study.study import Study
from tests.figures import only_sections

Change = Callable[..., None]


def test_no_two_experiments_have_a_table_of_one_name() -> None:
    made = [table for experiment in EXPERIMENTS.values() for table in experiment.tables]
    assert len(made) == len(COLUMNS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_experiment_runs_on_a_study(
    name: str, finished: Path, change: Change, tiny_folder: Callable[..., Path]
) -> None:
    if name == "preferences":  # a tokenizer of whole words has no token for A and B
        change(model=str(tiny_folder("qwen2")))
    change(steering={"experiments": [], "limit": 1, "strengths": [0.2], "controls": 1, "max_new_tokens": 3, "seed": 2})
    study = Study(finished)
    assert run_experiment(study, name)
    assert not run_experiment(Study(finished), name)
    for table in EXPERIMENTS[name].tables:
        found = pd.read_parquet(study.folder / "steering" / f"{table}.parquet")
        assert set(COLUMNS[table]) <= set(found.columns), table
    assert all(findings_of(study.folder, name))
    with only_sections(*EXPERIMENTS[name].tables):
        shown = {rows.name for section in read_outs(read_study(study.folder)) for rows in section.rows}
    assert shown & set(EXPERIMENTS[name].tables)


def test_what_was_measured_with_other_settings_is_left_out_of_the_report(finished: Path, change: Change) -> None:
    change(steering={"experiments": [], "limit": 1})
    run_experiment(Study(finished), "intensity")
    before = Study(finished).keys["report"]
    change(steering={"experiments": [], "limit": 1, "seed": 5})
    assert Study(finished).state("intensity") == "stale"
    run_study(Study(finished), "steering")
    assert not record_path(Study(finished).folder, "intensity").exists()
    assert "intensity" not in read_study(Study(finished).folder).analyses
    assert Study(finished).keys["report"] != before


def test_texts_that_change_are_measured_anew(
    finished: Path, change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, bundled = finished.parent / "own.jsonl", tmp_path / "bundled"
    bundled.mkdir()
    monkeypatch.setattr("emovec.study.keys._BUNDLED", bundled)
    change(steering={"experiments": [], "scenarios": "own.jsonl"})
    seen: list[tuple[str, str]] = []
    for path, text in ((own, "a"), (own, "b"), (bundled / "frames.jsonl", "a"), (bundled / "frames.jsonl", "b")):
        path.write_text(text, encoding="utf-8")
        keys = Study(finished).keys
        seen.append((keys["implicit"], keys["calibration"]))
    assert len({implicit for implicit, _ in seen}) == 4
    assert len({calibration for _, calibration in seen}) == 3  # which has no scenarios


@pytest.mark.fault("U6")
def test_a_quick_look_leaves_the_full_result_alone(study_file: Path, change: Change) -> None:
    change(steering={"experiments": ["intensity"], "limit": 3})
    assert run_experiment(Study(study_file), "intensity")
    folder = Study(study_file).folder
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "run.log"}
    assert run_experiment(Study(study_file), "intensity", limit=1)
    look = folder / "limit1"
    assert {path: path.read_bytes() for path in before} == before
    sizes = [len(pd.read_parquet(at / "steering" / "intensity_templates.parquet")) for at in (folder, look)]
    assert sizes[0] > sizes[1]
    assert all(findings_of(folder, "intensity", look))
    again = Study(study_file)
    assert not run_experiment(again, "intensity", limit=1)  # both are done, and known to be
    assert not run_experiment(again, "intensity")
    few = Study(study_file, out=folder, limit=1)
    assert few.folder == folder.with_name(f"{folder.name}-limit1")
    run_study(few, "corpus")
    change(extraction={"limit": 1})
    with pytest.raises(EmovecError, match="contains results of all texts"):
        run_study(Study(study_file), "corpus")
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.fault("U7")
def test_the_report_starts_no_experiment(study_file: Path, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RUNNERS, "geometry", lambda *_: [])  # takes long, and is not asked about here
    written: list[set[str]] = []

    def report(study: Study, _track: object) -> list[str]:
        written.append({name for name in EXPERIMENTS if record_path(study.folder, name).is_file()})
        write_json(record_path(study.folder, "report"), {"key": study.keys["report"]})
        (study.folder / "report.html").touch()
        return ["report"]

    monkeypatch.setitem(RUNNERS, "report", report)
    change(steering={"experiments": ["implicit", "intensity"]})
    study = Study(study_file)
    assert run_experiment(study, "implicit")
    run_study(study, experiments=False)
    assert written == [{"implicit"}]
    assert study.state("report") == "done"
    assert study.steps()[-1].state == "stale"  # an experiment is still to come
    assert run_study(Study(study_file)) == ["intensity", "report"]
    assert Study(study_file).state("report") == "done"
    change(steering={"seed": 9})
    run_study(Study(study_file), experiments=False)
    assert written[1:] == [{"implicit", "intensity"}, set()]  # what was measured with another seed is left out
