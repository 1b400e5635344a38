"""Tables of the page: those that switch with a layer, and the rows behind each figure."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from emovec.report.charts import Control, Listing, kept_note, layer_control, nearest_layer, thin
from emovec.report.selectors import among, language_control
from emovec.study.results import StudyTables, stage_of

MOST_ROWS = 200
_TOKENS = 130_000
_TOP = 10
_CARRIERS = 8


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


def lens_tokens(study: StudyTables) -> Listing | None:
    """Top and bottom tokens of each emotion's logit lens, by layer."""
    table = study.tables.get("lens")
    if table is None:
        return None
    table = table[table["rank"] <= _TOP]
    languages = among(study.languages, table["language"].unique())
    lenses = among(("cleaned", "raw"), table["lens"].unique())
    sides = among(("top", "bottom"), table["side"].unique())
    every = [int(layer) for layer in sorted(table["layer"].unique())]
    layers = thin(every, max(1, _TOKENS * len(every) // len(table)), study.layer)
    note = kept_note(layers, every, "lens")
    position = {emotion: i for i, emotion in enumerate(study.emotions)}
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    kept = table[table["layer"].isin(layers)].sort_values("rank")
    for (layer, language, lens, side), rows in kept.groupby(["layer", "language", "lens", "side"]):  # pyright: ignore[reportGeneralTypeIssues]
        tokens = rows.groupby("emotion", sort=False)["token"].apply(list).to_dict()
        emotions = sorted(tokens, key=lambda emotion: (position.get(str(emotion), len(position)), str(emotion)))
        frames[str(layer), str(language), str(lens), str(side)] = [
            [str(emotion), [visible(str(token)) for token in tokens[emotion]]] for emotion in emotions
        ]
    controls = (
        layer_control(layers, study.layer),
        language_control(languages, "vectors of"),
        Control("lens", lenses, lenses[0]),
        Control("side", sides, sides[0], names=[f"{side} tokens" for side in sides]),
    )
    return Listing("lens-tokens", "Tokens of the logit lens, best first", controls, ("emotion", "tokens"), frames, note)


def carriers(study: StudyTables) -> Listing | None:
    """The tokens that carry the energy of the outlier dimensions, by layer."""
    table = study.tables.get("outlier_tokens")
    if table is None:
        return None
    table = table[table["language"].isin(study.languages)]
    languages = among(study.languages, table["language"].unique())
    if not languages:
        return None
    layers = [int(layer) for layer in sorted(table["layer"].unique())]
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for (layer, language), rows in table.groupby(["layer", "language"]):  # pyright: ignore[reportGeneralTypeIssues]
        listed: list[list[str | list[str]]] = []
        for dimension, mine in rows.groupby("dimension", sort=False):
            best = mine.sort_values(["share", "token"], ascending=[False, True]).head(_CARRIERS)
            tokens = [
                f"{visible(str(token))} {100 * share:.0f} %"
                for token, share in zip(best["token"], best["share"], strict=True)
            ]
            listed.append([str(dimension), tokens, f"{100 * at_first(mine):.0f} %"])
        frames[str(layer), str(language)] = listed
    controls = (
        layer_control(layers, study.layer),
        language_control(languages),
    )
    columns = ("dimension", "tokens with their share of its energy", "share at the start of the texts")
    return Listing("outlier-tokens", "Tokens that carry the strongest dimensions", controls, columns, frames)


def at_first(rows: pd.DataFrame) -> float:
    """The share of a dimension's energy that the listed tokens hold at BOS or at the first token of a text."""
    return float((rows["share"] * rows["position_first"]).sum())


def visible(token: str) -> str:
    """A token with its white space made visible."""
    return token.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣").replace("▁", "␣") or "∅"
