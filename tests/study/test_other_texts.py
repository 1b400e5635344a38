"""Texts besides the study's own: bundled ones that its model reads, and another study of the same model."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from emovec.corpus.write import write_jsonl
from emovec.errors import EmovecError
from emovec.pipeline.run import run_study
from emovec.study.study import Study
from tests.tiny_models import FAMILIES, random_stories, save_tiny_model

Change = Callable[..., None]
TOPICS = ("a", "b", "c", "d", "e")
EMOTIONS, LABELS = ("afraid", "calm", "joyful", "sad"), ("decay", "limit", "order", "proof")


@pytest.fixture
def two(study_file: Path) -> Path:
    """A study of emotions and, beside it, one of other labels: the path of the first; nothing is done."""
    settings = yaml.safe_load(study_file.read_text())
    for name, labels in (("stories", EMOTIONS), ("others", LABELS)):
        stories = random_stories(emotions=labels, topics=TOPICS, n_neutral=0)
        write_jsonl(stories, study_file.with_name(f"{name}.jsonl"))
    settings["steering"] = {"experiments": []}
    others = settings | {
        "emotions": list(LABELS),
        "corpus": {"stories": "others.jsonl", "neutral": "neutral.jsonl"},
    }
    study_file.with_name("others.yaml").write_text(yaml.safe_dump(others))
    settings["geometry"] |= {"reference": "others.yaml"}
    study_file.write_text(yaml.safe_dump(settings))
    return study_file


def test_another_study_is_the_reference(two: Path, change: Change) -> None:
    with pytest.raises(
        EmovecError, match=r"geometry.reference: .*others.yaml has no vectors.*--until vectors.* makes them"
    ):
        run_study(two, "geometry")
    run_study(two.with_name("others.yaml"), "vectors")
    run_study(two)
    study = Study(two)
    table = study.table("reference")
    assert {"rsa", "decoding", "retrieval_ab"} <= set(table["statistic"])  # too few labels for confounds
    assert set(table["layer"]) == set(study.vectors.layers)
    assert set(study.table("reference_space")["statistic"]) >= {"separation", "offset_share", "rest_by_reference"}
    assert set(study.table("reference_tokens")["labels"]) == {"emotions", "reference"}
    page = study.report_path.read_text(encoding="utf-8")
    assert "Are emotions special?" in page
    assert "Texts of another kind" not in page  # nobody asked for it
    moved = shutil.copytree(two.parent, two.parent.parent / f"{two.parent.name}-moved") / "small"
    assert Study(moved).state("reference") == "done"  # the results name the other study from where they lie
    other = yaml.safe_load(two.with_name("others.yaml").read_text())
    other["vectors"] = {"centring": "topics"}
    two.with_name("others.yaml").write_text(yaml.safe_dump(other))
    assert Study(two).state("reference") == "stale"
    assert Study(two).state("rsa") == "done"


def test_held_out_texts_of_another_study(two: Path, change: Change) -> None:
    settings = yaml.safe_load(two.with_name("others.yaml").read_text())
    settings |= {
        "emotions": list(EMOTIONS),
        "corpus": {"stories": "stories.jsonl", "neutral": None},
    }
    two.with_name("again.yaml").write_text(yaml.safe_dump(settings))
    run_study(two.with_name("again.yaml"), "vectors")
    change(geometry={"reference": None, "held_out": "again.yaml"})
    run_study(two)
    study = Study(two)
    table: pd.DataFrame = study.table("held_out")
    # The same stories: what decoding tests is tested here as well, only each language is centred by all its stories.
    own = (
        study.table("decoding").query("variant == 'raw' and layer == 1").set_index(["train_language", "test_language"])
    )
    found = table.query("variant == 'raw' and layer == 1").set_index(["source_language", "target_language"])
    assert set(own.index) == set(found.index)
    assert (found["n_stories"] == own["n_stories"].reindex(found.index)).all()
    assert (found["accuracy"] - own["accuracy"].reindex(found.index)).abs().max() < 0.25
    assert set(study.table("held_out_words")["features"]) == {"embeddings", "word", "character"}
    assert "Of other stories (again), which took no part" in study.report_path.read_text(encoding="utf-8")


def test_bundled_texts_are_read_by_the_studys_model(study_file: Path, change: Change, tmp_path: Path) -> None:
    config = copy.deepcopy(FAMILIES["llama"])
    config.max_position_embeddings = 2048  # its tokenizer has few words, so bundled texts are long
    change(model=str(save_tiny_model(tmp_path / "long", config)))
    change(languages=["en"], geometry={"reference": "bundled-concepts"}, extraction={"limit": 1, "layers": [1]})
    study = Study(study_file)
    states = {step.name: step.state for step in study.steps()}
    assert states["reference texts"] == "missing"
    run_study(study, "geometry")
    other = Study(study.folder / "reference")
    assert other.vectors.emotions[:2] == ["promise", "secrecy"]
    assert other.vectors.layers == [1]
    assert {step.name: step.state for step in Study(study_file).steps()}["reference texts"] == "done"
    assert run_study(study_file, "geometry") == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"reference": "nowhere.yaml"}, "geometry.reference: .*nowhere.yaml"),
        ({"held_out": "bundled-concepts"}, "geometry.held_out: bundled-concepts has no texts .* of its emotions"),
        ({"held_out": "others.yaml"}, "geometry.held_out: .*others.yaml has fewer than two of the study's emotions"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(
    two: Path, change: Change, settings: dict[str, str], said: str
) -> None:
    change(geometry={"reference": None} | settings)
    with pytest.raises(EmovecError, match=said):
        run_study(two)
    assert not (two.with_suffix("") / "activations").exists()


def test_another_model_is_refused(two: Path, change: Change, tiny_folder: Callable[..., Path]) -> None:
    change(model=str(tiny_folder("gpt2")))
    with pytest.raises(EmovecError, match=r"geometry.reference: .*others.yaml reads another model"):
        run_study(two)
