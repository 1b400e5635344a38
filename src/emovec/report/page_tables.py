"""The rows behind each figure, as the page prints them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from emovec.report.charts import nearest_layer
from emovec.study.results import StudyTables, stage_of

MOST_ROWS = 200


@dataclass(frozen=True)
class Rows:
    """The rows of one table that the page prints, and where the others lie."""

    name: str
    columns: Sequence[str]
    cells: Sequence[Sequence[str]]
    total: int
    scope: str

    @property
    def path(self) -> str:
        """The file that holds every row, seen from the study's folder."""
        return f"{stage_of(self.name)}/{self.name}.parquet"


def rows_behind(study: StudyTables, name: str) -> Rows | None:
    """The rows of a table at the layer that its section is about, at most `MOST_ROWS` of them."""
    table = study.tables.get(name)
    if table is None:
        return None
    total, scope = len(table), "all layers"
    for column in ("layer", "layer_a"):
        if column in table:
            present = table[column].unique()
            nearest = nearest_layer(present, study.layer_of(name))
            table, scope = table[table[column] == nearest], f"layer {nearest}"
            break
    else:
        scope = "whole table"
    if len(table) > MOST_ROWS:
        table, scope = table.head(MOST_ROWS), f"{scope}, first {MOST_ROWS} rows"
    cells = [[_cell(value) for value in row] for row in table.itertuples(index=False, name=None)]
    return Rows(name, [str(column) for column in table.columns], cells, total, scope)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.4g}"
    return str(value)


def visible(token: str) -> str:
    """A token with its white space made visible."""
    return token.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣").replace("▁", "␣") or "∅"
