"""What a study writes, against the pages of the reference."""

import re
import runpy
from pathlib import Path

import pandas as pd
import pytest
from safetensors import safe_open

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.fault("C12")
def test_the_tensors_that_a_study_writes_are_on_the_page(finished: Path) -> None:
    folder = finished.with_name("small")
    named = set(re.findall(r"`([\w.]+)`", (REFERENCE / "file-formats.md").read_text(encoding="utf-8")))
    for file in (folder / "vectors.safetensors", *folder.glob("activations/*/*.safetensors")):
        with safe_open(file, framework="pt") as read:
            tensors = {re.sub(r"^layer\.\d+$", "layer.07", name) for name in read.keys()}  # noqa: SIM118
            assert tensors <= named
            assert set(read.metadata()) == {"emovec"}


@pytest.mark.fault("C12")
def test_the_tables_that_a_study_writes_are_on_the_page(finished: Path) -> None:
    page = runpy.run_path(str(REFERENCE.with_name("hooks.py")))["tables"]()
    folder = finished.with_name("small")
    listed = {
        name: set(re.findall(r"`(\w+)`", line)) for name, line in re.findall(r"^\| `([\w<>/-]+)` \|(.*)$", page, re.M)
    }
    tables = sorted(folder.glob("*/*.parquet"))
    assert len(tables) > 30
    for table in tables:
        assert set(pd.read_parquet(table)) == listed[str(table.relative_to(folder).with_suffix(""))]
