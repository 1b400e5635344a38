"""What a study finds is the same to the byte wherever it lies, however often it is run, and after a kill."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emovec.pipeline.run import run_study
from emovec.report.pages.study import write_report
from emovec.study.study import Study

_HISTORY = {"run.log", ".lock", "manifest.jsonl"}
"""Records of what was done when, not of what was found."""


def results(folder: Path, *, without: frozenset[str] = frozenset()) -> dict[str, bytes]:
    """Every file of results by its name in the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in _HISTORY | without and not path.name.endswith(".rows.jsonl")
    }


def finish(study: Path) -> None:
    """The parts of a study that hold where, when and on what it was made; the read-outs' tables hold numbers alone."""
    run_study(Study(study), "vectors")
    write_report(study.with_suffix(""))


@pytest.mark.fault("U3")
def test_a_study_gives_the_same_bytes_in_another_folder_and_after_a_kill(
    study_file: Path, tmp_path: Path, tiny_folder: Callable[..., Path]
) -> None:
    finish(study_file)
    first = results(study_file.with_suffix(""), without=frozenset({"study.yaml"}))
    elsewhere, model = tmp_path / "another" / "place", tiny_folder("llama")
    shutil.copytree(model, elsewhere / "model" / model.name)
    for name in ("stories.jsonl", "neutral.jsonl"):
        shutil.copy(tmp_path / name, elsewhere / name)
    moved = study_file.read_text(encoding="utf-8").replace(str(model), f"model/{model.name}")
    (elsewhere / "small.yaml").write_text(moved, encoding="utf-8")
    child = os.fork()
    if child == 0:
        try:
            run_study(Study(elsewhere / "small.yaml"), "vectors")
        finally:
            os._exit(0)
    until = time.monotonic() + 120
    while not any((elsewhere / "small").rglob("shard-00001.safetensors")) and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    finish(elsewhere / "small.yaml")
    # The settings hold the way to the texts and to the model, which is another one from another folder.
    again = results(elsewhere / "small", without=frozenset({"study.yaml"}))
    assert first.keys() == again.keys()
    assert [name for name in first if first[name] != again[name]] == []
    for told in (str(tmp_path), str(model.parent), "s of extraction"):
        assert told.encode() not in again["report.html"]
