import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from emovec.config import ClusterNamesConfig
from emovec.errors import EmovecError
from emovec.pipeline import ready
from emovec.pipeline.run import run_study
from emovec.progress import untracked
from emovec.report.section import from_tables
from emovec.report.sections.stability import profile
from emovec.study.cluster_names import COLUMNS, name_clusters, name_study_clusters, names_state, parse_name
from emovec.study.results import read_study
from emovec.study.study import Study
from tests.report.conftest import EIGHT
from tests.report.synthetic import write_study

inspect_model = pytest.importorskip("inspect_ai.model")


def answering(*answers: str | Exception, stop: str = "stop") -> Any:
    """Inspect's mock model; usage is set, or Inspect counts tokens with a tokenizer that it would download."""
    outputs = []
    for answer in answers:
        output = inspect_model.ModelOutput.from_content("mockllm/model", str(answer), stop_reason=stop)
        output.usage = inspect_model.ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        if isinstance(answer, Exception):
            output.error = str(answer)
        outputs.append(output)
    return inspect_model.get_model("mockllm/model", custom_outputs=outputs, memoize=False)


def table(*rows: tuple[str, str, int, int, str, float]) -> pd.DataFrame:
    columns = ["languages", "algorithm", "k", "cluster", "emotions", "valence"]
    found = pd.DataFrame(rows, columns=columns)
    return found.assign(variant="raw", layer=3, size=2, arousal=found["valence"] + 1, source="Norms")


PROFILE = table(
    ("en", "k-means", 2, 0, "calm, serene", 7.0),
    ("en", "k-means", 2, 1, "angry, sad", 2.0),
    ("en", "average linkage", 2, 0, "angry, sad", 2.0),
    ("en", "average linkage", 2, 1, "calm, serene", 7.0),
    ("en", "k-means", 3, 0, "calm", float("nan")),
)


def test_each_group_is_asked_about_once_and_named_everywhere() -> None:
    seen: list[int] = []
    found = name_clusters(PROFILE, answering("Peace", "**Pain.**"), ks=[2], progress=seen.append)
    assert list(found.columns) == list(COLUMNS)
    assert found["name"].tolist() == ["Peace", "Pain", "Pain", "Peace"]
    assert set(found["problem"]) == {""}
    assert set(found["model"]) == {"mockllm/model"}
    assert seen == [1, 1]


def test_the_model_is_told_members_and_ratings_where_there_are_any() -> None:
    asked: list[str] = []

    def answer(messages: Any, *_: Any) -> Any:
        asked.append(messages[-1].text)
        return _output("Quiet")

    model = inspect_model.get_model("mockllm/model", custom_outputs=answer, memoize=False)
    name_clusters(PROFILE, model, ks=[2, 3])
    assert len(asked) == 3
    assert "calm, serene. On average people rate their valence 7.0 and their arousal 8.0 (Norms)." in asked[0]
    assert "one group: calm.\n" in asked[2]


def _output(text: str) -> Any:
    output = inspect_model.ModelOutput.from_content("mockllm/model", text)
    output.usage = inspect_model.ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("Quiet Joy", "Quiet Joy"),
        ('  "Quiet joy."\n\nThese emotions are all …', "Quiet joy"),
        ("1. Quiet joy", "Quiet joy"),
        ("Sure, here is one!\n**Name:** *Quiet joy*", "Quiet joy"),
        ("<think>Is it\njoy? or calm</think>\nQuiet joy", "Quiet joy"),
        ("「静かな喜び」。", "静かな喜び"),
        ("Anger-driven", "Anger-driven"),
    ],
)
def test_a_name_is_taken_out_of_what_surrounds_it(answer: str, name: str) -> None:
    assert parse_name(answer) == (name, "")


@pytest.mark.parametrize(
    ("answer", "cut", "problem"),
    [
        ("", False, "blank"),
        (" \n ** ", False, "blank"),
        ("<think>Let me see", True, "cut off"),
        ("These emotions have in common that they are pleasant", False, "no short name"),
        ("x" * 41, False, "no short name"),
    ],
)
def test_an_answer_without_a_short_name_is_reported(answer: str, cut: bool, problem: str) -> None:
    name, said = parse_name(answer, cut)
    assert name == ""
    assert problem in said


def test_a_blank_answer_leaves_that_cluster_without_a_name() -> None:
    found = name_clusters(PROFILE, answering("", "Pain"), ks=[2])
    assert found["name"].tolist() == ["", "Pain", "Pain", ""]
    assert found["problem"].tolist() == ["the answer was blank", "", "", "the answer was blank"]


def test_what_is_wrong_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EmovecError, match=r"report.cluster_names.k: no grouping into 9 clusters; there are 2, 3"):
        name_clusters(PROFILE, answering("x"), ks=[9])
    with pytest.raises(EmovecError, match=r"mockllm/model: the model gave no answer .*no credit"):
        name_clusters(PROFILE, answering(RuntimeError("no credit")), ks=[2])
    with pytest.raises(EmovecError, match="nobody/nothing: this model can't be asked"):
        name_clusters(PROFILE, "nobody/nothing", ks=[2])
    monkeypatch.setitem(sys.modules, "inspect_ai.model", None)
    with pytest.raises(EmovecError, match="pip install inspect-ai"):
        name_clusters(PROFILE, "mockllm/model", ks=[2])


def test_names_stand_in_the_report_while_the_groups_are_those_that_were_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_study(tmp_path / "study", layers=(0, 4), emotions=EIGHT)
    before = from_tables(profile, read_study(folder))
    assert before is not None
    assert "name" not in before.columns
    mock = answering(*["Fog"] * 3, *[""] * 40)
    monkeypatch.setattr("inspect_ai.model.get_model", lambda *_, **__: mock)  # pyright: ignore[reportUnknownLambdaType]
    settings = ClusterNamesConfig(model="mockllm/model", k=[4])
    with caplog.at_level("INFO"):
        assert name_study_clusters(folder, settings, 0, untracked)
    assert "the answer was blank" in caplog.text
    written = folder / "geometry" / "cluster_names.parquet"
    names = pd.read_parquet(written)
    assert set(names["k"]) == {4}
    names.assign(name="Warmth").to_parquet(written)
    after = from_tables(profile, read_study(folder))
    assert after is not None
    assert after.columns[-1] == "name"
    assert "names given by the language model mockllm/model" in after.caption
    rows = {key[0]: {str(row[-1]) for row in frame} for key, frame in after.frames.items()}
    assert rows["4"] == {"Warmth"}
    assert all(found == {""} for k, found in rows.items() if k != "4")
    # Another run of the geometry has put other emotions together.
    names.assign(name="Warmth", emotions="nobody").to_parquet(written)
    stale = from_tables(profile, read_study(folder))
    assert stale is not None
    assert "name" not in stale.columns
    assert "language model" not in stale.caption


def test_names_are_asked_for_again_only_when_the_clusters_or_the_model_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "geometry").mkdir()
    profile = tmp_path / "geometry" / "cluster_profile.parquet"
    settings = ClusterNamesConfig(model="mockllm/model", k=[2])
    assert names_state(tmp_path, settings, 0) == "missing"
    assert not name_study_clusters(tmp_path, settings, 0, untracked)  # no geometry yet
    PROFILE.to_parquet(profile)
    asked: list[str] = []

    def answer(messages: Any, *_: Any) -> Any:
        asked.append(messages[-1].text)
        return _output("Quiet")

    model = inspect_model.get_model("mockllm/model", custom_outputs=answer, memoize=False)
    monkeypatch.setattr("inspect_ai.model.get_model", lambda *_, **__: model)  # pyright: ignore[reportUnknownLambdaType]
    assert name_study_clusters(tmp_path, settings, 0, untracked)
    assert names_state(tmp_path, settings, 0) == "done"
    assert not name_study_clusters(tmp_path, settings, 0, untracked)
    assert len(asked) == 2
    PROFILE.assign(size=3).to_parquet(profile)  # written anew, with the same clusters
    assert names_state(tmp_path, settings, 0) == "done"
    assert names_state(tmp_path, settings.model_copy(update={"model": "mockllm/other"}), 0) == "stale"
    PROFILE.assign(emotions=PROFILE["emotions"].replace("calm, serene", "calm, sad")).to_parquet(profile)
    assert names_state(tmp_path, settings, 0) == "stale"

    before = (tmp_path / "geometry" / "cluster_names.json").read_bytes()
    monkeypatch.undo()
    down = answering(RuntimeError("no credit"))
    monkeypatch.setattr("inspect_ai.model.get_model", lambda *_, **__: down)  # pyright: ignore[reportUnknownLambdaType]
    assert not name_study_clusters(tmp_path, settings, 0, untracked)
    assert [r.levelname for r in caplog.records if "get no names" in r.getMessage()] == ["WARNING"]
    assert "no credit" in caplog.text
    assert (tmp_path / "geometry" / "cluster_names.json").read_bytes() == before
    assert names_state(tmp_path, ClusterNamesConfig(model="mockllm/model", k=[9]), 0) == "done"  # nothing to name


def test_a_run_asks_before_it_begins_whether_clusters_can_be_named(
    study_file: Path, change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(report={"cluster_names": {"model": "nobody/nothing"}})
    with pytest.raises(EmovecError, match=r"report.cluster_names.model: nobody/nothing can't be asked"):
        ready.require_ready(Study(study_file), "report")
    ready.require_ready(Study(study_file), "vectors")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)  # pyright: ignore[reportUnknownLambdaType]
    with pytest.raises(EmovecError, match=r"report.cluster_names.model: .* pip install inspect-ai"):
        ready.require_ready(Study(study_file), "geometry")


def test_a_run_names_the_clusters_after_the_geometry(
    finished: Path, change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*_: Any) -> Any:
        return _output("Quiet")

    model = inspect_model.get_model("mockllm/model", custom_outputs=answer, memoize=False)
    monkeypatch.setattr("inspect_ai.model.get_model", lambda *_, **__: model)  # pyright: ignore[reportUnknownLambdaType]
    change(report={"cluster_names": {"model": "mockllm/model", "k": [2]}})
    study = Study(finished)
    assert [(step.name, step.state) for step in study.steps() if step.state != "done"] == [
        ("cluster_names", "missing"), ("report", "stale")
    ]  # fmt: skip
    assert run_study(study) == ["cluster_names", "report"]
    assert run_study(Study(finished)) == []
    assert set(study.table("cluster_names")["name"]) == {"Quiet"}
