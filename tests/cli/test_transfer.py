"""`emovec transfer` on two tiny studies of the same model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from emovec.cli import main
from emovec.geometry import transfer_accuracy
from emovec.pipeline.run import run_study
from emovec.study.study import Study
from emovec.study.transfer import COLUMNS, _stacked  # pyright: ignore[reportPrivateUsage]
from tests.cli.conftest import Run
from tests.study.conftest import write_study
from tests.tiny_models import random_stories, save_tiny_model

assert main


@pytest.fixture(scope="module")
def _studies(tiny_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`source` with its layer chosen, `target` of which nothing is done."""
    folder = tmp_path_factory.mktemp("transfer")
    for name, seed in (("source", 0), ("target", 1)):
        (folder / name).mkdir()
        stories = random_stories(words=(20, 60), seed=seed)
        write_study(folder / name, tiny_folder("llama"), stories).rename(folder / name / f"{name}.yaml")
    source = Study(folder / "source" / "source.yaml")
    run_study(source, "activations")
    (source.folder / "geometry").mkdir()
    choice = {"summary": {"layer": 2, "reason": "layer 2 names held-out stories best"}}
    (source.folder / "geometry" / "choice.json").write_text(json.dumps(choice))
    return folder


@pytest.fixture
def studies(_studies: Path, tmp_path: Path) -> tuple[Path, Path]:
    shutil.copytree(_studies, tmp_path, dirs_exist_ok=True)
    return tmp_path / "source" / "source.yaml", tmp_path / "target" / "target.yaml"


def test_names_the_target_and_says_so(run: Run, studies: tuple[Path, Path]) -> None:
    target = studies[1]
    code, out, err = run("transfer", *studies)
    assert (code, err) == (0, "")
    assert "has no activations yet" in out
    assert "At layer 2 of source, chosen on its own stories" in out
    assert "guessing would name 25 %." in out
    folder = target.parent / "target" / "transfer-from-source"
    table = pd.read_parquet(folder / "transfer.parquet")
    assert tuple(table.columns) == COLUMNS
    assert set(table["features"]) == {"activations", "embeddings", "word", "character"}
    assert sorted(table["layer"].dropna().unique()) == [0, 1, 2, 3]
    assert json.loads((folder / "transfer.json").read_text())["layer"] == 2
    assert (folder / "transfer.png").is_file()

    opened = [Study(path).activations for path in studies]
    expected = transfer_accuracy(*(_stacked(a, 2, ["en", "ja"]) for a in opened))
    found = table[(table["features"] == "activations") & (table["layer"] == 2)]
    np.testing.assert_array_equal(found["accuracy"], expected["accuracy"])
    shown = expected[expected["variant"] == "standardised"]["accuracy"].iloc[0]
    assert f"{100 * shown:.0f} % of the English" in out

    again = run("transfer", *studies, "--language", "en", "--overwrite")
    assert again[0] == 0
    assert "has no activations yet" not in again[1]
    assert set(pd.read_parquet(folder / "transfer.parquet")["target_language"]) == {"en"}


def test_refuses_what_cannot_be(run: Run, studies: tuple[Path, Path], tmp_path: Path) -> None:
    source, target = studies
    assert "name at least two studies" in run("transfer", source)[2]
    assert "no layer has been chosen" in run("transfer", target, source)[2]
    assert "it has en, ja" in run("transfer", *studies, "--language", "de")[2]
    settings = yaml.safe_load(target.read_text())

    def changed(**more: object) -> None:
        target.write_text(yaml.safe_dump({**settings, **more}))

    from tests.tiny_models import FAMILIES

    changed(model=str(save_tiny_model(tmp_path / "other", FAMILIES["mistral"])))
    code, _, err = run("transfer", *studies)
    assert code == 2
    assert "read with another model" in err
    changed(emotions=["proud", "bored"])
    assert run("transfer", *studies)[0] == 2


def test_takes_the_nearest_layer_that_both_have(run: Run, studies: tuple[Path, Path]) -> None:
    _, target = studies
    settings = yaml.safe_load(target.read_text())
    settings["extraction"]["layers"] = [0, 3]
    target.write_text(yaml.safe_dump(settings))
    _, out, _ = run("transfer", *studies)
    assert "At layer 3 of source" in out
