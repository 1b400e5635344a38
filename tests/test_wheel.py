"""The wheel, installed where there is no checkout, runs a study."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from emovec.corpus.write import write_jsonl
from tests.docs.workspace import short_texts

ROOT = Path(__file__).parents[1]
_RUN = """
from emovec.report.pages import study
study.write_figures = study.write_films = lambda *_: []  # which take long to draw, and no file of the wheel
from emovec.cli import main
main()
"""


def run(*words: str | Path, cwd: Path, **environment: str) -> str:
    everything = os.environ | environment
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=everything, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the wheel, and everything else from this one."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (wheel,) = folder.glob("emovec-*.whl")
    venv.create(folder / "venv", with_pip=False)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv"), "platbase": str(folder / "venv")}))
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", own, wheel)
    run(*pip, cwd=folder)
    # Its own packages come first. A line of a .pth adds one folder, and not what an editable install links to from it.
    (own / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "venv" / "bin" / "python"


def test_a_study_runs_from_the_wheel(python: Path, tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    with_emotion, neutral = short_texts()
    write_jsonl(with_emotion, tmp_path / "stories.jsonl")
    write_jsonl(neutral, tmp_path / "neutral.jsonl")
    settings = {
        "model": str(tiny_folder("qwen2")),
        "languages": ["en"],
        "emotions": ["afraid", "angry", "calm", "sad"],
        "corpus": {"stories": "stories.jsonl", "neutral": "neutral.jsonl"},
        "extraction": {"offset": 3, "device": "cpu", "threads": 1, "layers": [1], "batch_tokens": 4096},
        "geometry": {"permutations": 20, "bootstraps": 20},
        "steering": {"experiments": []},
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    where = run(python, "-c", "import emovec; print(emovec.__file__)", cwd=tmp_path, PYTHONPATH="").strip()
    assert Path(where).is_relative_to(python.parents[1])
    assert "emovec" in run(python, "-m", "emovec", "--version", cwd=tmp_path, PYTHONPATH="")
    run(python, "-c", _RUN, "run", "study.yaml", "--limit", "1", cwd=tmp_path, PYTHONPATH="")

    (report,) = tmp_path.glob("study*/**/report.html")
    assert "4 emotions in English" in report.read_text(encoding="utf-8")


def test_the_wheel_has_all_files_of_data(python: Path) -> None:
    (installed,) = python.parents[1].glob("lib/*/site-packages/emovec/data")
    source = ROOT / "src" / "emovec" / "data"
    names = {
        path.relative_to(source) for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()}
