"""The worked examples of docs/understand/architecture.md: files added to a copy of the package, and nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.docs.pages import ROOT, blocks

FILES = {block.title: block.text for block in blocks() if block.page == "architecture.md" and block.title}
_RUN = """
from emovec.cli import main
from tests.figures import without_figures
with without_figures():
    main()
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package with the files of the page in it."""
    shutil.copytree(ROOT / "src" / "emovec", tmp_path / "copy" / "emovec", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        path = tmp_path / "copy" / "emovec" / name
        assert path.parent.is_dir()
        assert not path.exists()
        path.write_text(text, encoding="utf-8")
    return tmp_path / "copy"


def test_an_analysis_and_an_experiment_are_two_files_each(
    copy: Path, tmp_path: Path, finished: Path, change: Callable[..., None]
) -> None:
    assert sorted(FILES) == [
        *("geometry/spread.py", "report/sections/certainty.py", "report/sections/spread.py"),
        "steering/experiments/certainty.py",
    ]
    before = {path: path.stat().st_mtime_ns for path in (finished.with_suffix("") / "geometry").iterdir()}
    change(steering={"experiments": ["implicit", "certainty"]})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(copy), str(ROOT)])}
    subprocess.run(
        [sys.executable, "-c", _RUN, "run", str(finished)], env=environment, check=True, timeout=300, cwd=tmp_path
    )
    results = finished.with_suffix("")
    assert before == {path: path.stat().st_mtime_ns for path in before}  # nothing else is computed anew
    table = pd.read_parquet(results / "steering" / "certainty.parquet")
    assert set(table["kind"]) == {"baseline", "emotion", "random", "shuffled"}
    assert (table.loc[table["kind"] == "baseline", "change"] == 0).all()
    assert (table.loc[table["kind"] == "emotion", "change"] != 0).all()
    report = (results / "report.html").read_text(encoding="utf-8")
    assert "the mean distance of the emotions from their mean is" in report
    assert "Steering by emotions changes the entropy of the next token" in report
