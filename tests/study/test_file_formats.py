"""docs/file-formats.md against what a study writes. `python -m tests.study.test_file_formats` renews its lists."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from safetensors import safe_open

from emovec.geometry.registry import TABLES
from emovec.steering.experiments import tables as steering
from emovec.study import cluster_names, transfer

PAGE = Path(__file__).parents[2] / "docs" / "file-formats.md"
_BEGIN, _END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"


def listing() -> str:
    """Every table and its columns, as the page shows them."""

    def rows(folder: str, tables: Mapping[str, Sequence[str]]) -> str:
        return "".join(
            f"| `{folder}/{name}` | {', '.join(f'`{column}`' for column in columns)} |\n"
            for name, columns in sorted(tables.items())
        )

    return (
        "| table (`.parquet`) | columns |\n|---|---|\n"
        + rows(
            "geometry",
            {name: table.columns for name, table in TABLES.items()} | {"cluster_names": cluster_names.COLUMNS},
        )
        + rows("steering", steering.COLUMNS)
        + rows("transfer-from-<study>", {"transfer": transfer.COLUMNS})
    )


@pytest.mark.fault("C12")
def test_the_page_lists_every_table_with_its_columns() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text.partition(_BEGIN)[2].partition(_END)[0]
    assert shown == listing(), "run `python -m tests.study.test_file_formats`"


@pytest.mark.fault("C12")
def test_what_a_study_writes_is_on_the_page(finished: Path) -> None:
    text, folder = PAGE.read_text(encoding="utf-8"), finished.with_name("small")
    named = set(re.findall(r"`([\w.]+)`", text))
    for file in (folder / "vectors.safetensors", *folder.glob("activations/*/*.safetensors")):
        with safe_open(file, framework="pt") as read:
            tensors = {re.sub(r"^layer\.\d+$", "layer.07", name) for name in read.keys()}  # noqa: SIM118
            assert tensors <= named
            assert set(read.metadata()) == {"emovec"}
    listed = {
        name: set(re.findall(r"`(\w+)`", line)) for name, line in re.findall(r"^\| `([\w<>/-]+)` \|(.*)$", text, re.M)
    }
    tables = sorted(folder.glob("*/*.parquet"))
    assert len(tables) > 30
    for table in tables:
        assert set(pd.read_parquet(table)) == listed[str(table.relative_to(folder).with_suffix(""))]


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    PAGE.write_text(before + _BEGIN + listing() + _END + rest.partition(_END)[2], encoding="utf-8")
