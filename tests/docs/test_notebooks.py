"""The cells of the notebooks, run one after the other, with a tiny model in the place of the real one."""

import json
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.docs.workspace import MODELS, tiny_model


@pytest.mark.parametrize("notebook", sorted((ROOT / "examples").glob("*.ipynb")), ids=lambda path: path.name)
def test_the_cells_of_a_notebook_run(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] for cell in cells), "clear the outputs, so that they can't be out of date"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names: dict[str, object] = {}
    model = tiny_model(tmp_path / "tiny")
    for i, cell in enumerate(cells):
        text = "".join(cell["source"])
        for name in MODELS:
            text = text.replace(f'"{name}"', f'"{model}"')
        exec(compile(text, f"{notebook.name}, cell {i}", "exec"), names)
    assert "unsteered:" in capsys.readouterr().out
