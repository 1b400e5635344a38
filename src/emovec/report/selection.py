"""Rows of a study's table, narrowed down step by step, and the choices between them that a reader has."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emovec.geometry.analysis import VARIANTS
from emovec.report.charts import Curve, Dash, Lines, Points, Scatter, Selector, nearest_layer, thin
from emovec.report.style import FEW_LANGUAGES, LAYER_AXIS, language_name, pair_name
from emovec.stats.permutation import ALPHA
from emovec.study.results import StudyTables

Key = tuple[str, ...]


def among(wanted: Iterable[str], present: Iterable[str]) -> list[str]:
    """Those of the wanted that are present, in the wanted order."""
    known = set(present)
    return [item for item in wanted if item in known]


def variant_selector(table: pd.DataFrame) -> Selector:
    """A choice between raw and standardised vectors; standardised first, since one dimension can't rule it."""
    names = among(VARIANTS, table["variant"])
    return Selector("vectors", names, names[-1], columns=["variant"], values=[(name,) for name in names])


@dataclass(frozen=True)
class Selection:
    """Rows of one of a study's tables; false if there are none.

    Attributes:
        name: of the table.
        rows: all of it, or what is selected.
    """

    study: StudyTables
    name: str
    rows: pd.DataFrame

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> pd.Series:
        return self.rows[column]

    def only(self, column: str) -> Any:
        """The value of a column that is the same in all rows."""
        return self.rows[column].iloc[0]

    def values(self, column: str) -> list[Any]:
        """A column's values, each once, ascending, as plain Python."""
        return sorted(set(self.rows[column].tolist()))

    def records(self, *by: str, ascending: bool | Sequence[bool] = True) -> list[dict[Any, Any]]:
        """The rows as dictionaries, sorted by these columns."""
        rows = self.rows.sort_values(list(by), ascending=ascending, kind="stable") if by else self.rows  # pyright: ignore[reportArgumentType]
        return rows.to_dict("records")

    def by(self, column: str) -> dict[Any, dict[Any, Any]]:
        """The rows as dictionaries, by a column that tells them apart."""
        return {row[column]: row for row in self.records()}

    def matrix(
        self, index: str, columns: str, value: str, labels: tuple[Sequence[object], Sequence[object]]
    ) -> NDArray[np.float64]:
        """[index label, column label], aligned by label; NaN where a pair is missing."""
        wide = self.rows.pivot_table(index=index, columns=columns, values=value, aggfunc="first", dropna=False)
        return wide.reindex(index=list(labels[0]), columns=list(labels[1])).to_numpy(dtype=float)

    # ── narrowing down ──

    def keep(self, mask: "pd.Series | NDArray[np.bool_]") -> "Selection":
        """The rows where a mask is true."""
        return replace(self, rows=self.rows[mask])

    def where(self, **values: Any) -> "Selection":
        """The rows with these values in these columns; a list means any of its values."""
        wanted = np.ones(len(self.rows), dtype=bool)
        for column, value in values.items():
            own = self.rows[column]
            wanted &= (own.isin(value) if isinstance(value, list) else own == value).to_numpy(dtype=bool)
        return self.keep(wanted)

    @property
    def layer(self) -> int:
        """The layer that the table's section is about, or the one nearest to it that there is."""
        return nearest_layer(self.rows["layer"].unique(), self.study.layer_of(self.name))

    def at_shown_layer(self) -> "Selection":
        """The rows of `layer`."""
        return self.where(layer=self.layer)

    @property
    def variants(self) -> list[str]:
        """The variants that there are, raw first."""
        return among(VARIANTS, self.rows["variant"])

    def variant(self, name: str | None = None) -> "Selection":
        """The rows of one variant: the standardised, if none is named and there are such."""
        return self.where(variant=name or self.variants[-1])

    def shown(self) -> "Selection":
        """What a sentence speaks of: the layer shown first, and there the standardised vectors."""
        return self.at_shown_layer().variant()

    @property
    def languages(self) -> list[str]:
        """Those that there are, in the study's order; those that only an experiment has stand last."""
        return self._in_order(self.rows["language"])

    def _in_order(self, present: Iterable[str]) -> list[str]:
        known, found = self.study.languages, dict.fromkeys(filter(None, present))  # "" is no language
        return [*among(known, found), *(language for language in found if language not in known)]

    def _pairs(self, columns: tuple[str, str]) -> list[tuple[str, str]]:
        found = list(self.rows[list(columns)].drop_duplicates().itertuples(index=False, name=None))
        languages = self._in_order(language for pair in found for language in pair)
        return [(a, b) for a, b in product(languages, repeat=2) if (a, b) in found]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs of different languages that there are, in the study's order."""
        return [(a, b) for a, b in self._pairs(("language_a", "language_b")) if a != b]

    def pair(self, a: str, b: str) -> "Selection":
        """The rows of a pair of languages."""
        return self.where(language_a=a, language_b=b)

    def each_pair(self) -> list[tuple[str, str, "Selection"]]:
        """Each pair of different languages, with its rows."""
        return [(a, b, self.pair(a, b)) for a, b in self.pairs]

    def most_and_least(self, column: str, **where: Any) -> tuple[str, list[tuple[str, str, "Selection"]]]:
        """What a sentence speaks of: each pair, or of more than three those with the largest and the smallest value.

        Args:
            column: of the value.
            where: which row of a pair it is taken from.

        Returns:
            A sentence that says which pairs these are, empty where it is each; and the pairs with their rows.
        """
        found = self.each_pair()
        if len(found) <= FEW_LANGUAGES:
            return "", found
        values = {(a, b): float(own.where(**where).rows[column].mean()) for a, b, own in found}
        found = sorted(found, key=lambda pair: np.nan_to_num(-values[pair[:2]], nan=np.inf))
        known = [pair for pair in found if np.isfinite(values[pair[:2]])] or found
        said = f"Of {len(found)} pairs of languages, these have the highest and the lowest value. "
        return said, [known[0], known[-1]]

    def each_language(self) -> list[tuple[int, str, "Selection"]]:
        """Each language's place in the study, the language, and its rows."""
        places = self._in_order([*self.study.languages, *self.languages])
        return [(places.index(code), code, self.where(language=code)) for code in self.languages]

    def each(self, *selectors: Selector) -> Iterator[tuple[Key, "Selection"]]:
        """The options of each combination of these selectors, with its rows; those without rows are passed over."""
        columns = [column for selector in selectors for column in selector.columns]
        groups: Mapping[Any, pd.DataFrame] = dict(list(self.rows.groupby(columns))) if columns else {(): self.rows}
        for choice in product(*(zip(s.options, s.values, strict=True) for s in selectors)):
            rows = groups.get(tuple(value for _, values in choice for value in values))
            if rows is not None and len(rows):
                yield tuple(option for option, _ in choice), replace(self, rows=rows)

    # ── selectors ──

    def selector(
        self,
        name: str,
        column: str,
        options: Sequence[Any] | None = None,
        names: Callable[[Any], str] | None = None,
        initial: Any = None,
        *,
        in_paper: bool = True,
    ) -> Selector:
        """A choice between the values of a column.

        Args:
            name: what the reader chooses.
            column: of the table.
            options: the values in the order of the page, of which those are taken that there are; by default all.
            names: what the reader sees for a value.
            initial: the value shown first; by default, and where there is no such, the first one.
            in_paper: as `Selector`.
        """
        found = self.values(column)
        found = [value for value in options if value in found] if options is not None else found
        first = initial if initial in found else found[0]
        return Selector(
            name, [_text(value) for value in found], _text(first), [names(value) for value in found] if names else (),
            in_paper=in_paper, columns=[column], values=[(value,) for value in found],
        )  # fmt: skip

    def variant_selector(self) -> Selector:
        """A choice between raw and standardised vectors; standardised first."""
        return variant_selector(self.rows)

    def language_selector(self, name: str = "language") -> Selector:
        """A choice between the languages; the study's first one first."""
        return self.selector(name, "language", self.languages, language_name)

    def set_selector(self) -> Selector:
        """A choice between sets of languages such as `en+ja`: the largest first, then by the study's order."""
        place = {language: i for i, language in enumerate(self.study.languages)}

        def rank(name: str) -> tuple[object, ...]:
            parts = name.split("+")
            return -len(parts), [place.get(part, len(place)) for part in parts], name

        return self.selector("languages", "languages", sorted(self.values("languages"), key=rank), language_name)

    def pair_selector(self) -> Selector:
        """A choice between the pairs of different languages."""
        return _of_pairs(self.pairs, ("language_a", "language_b"), pair_name)

    def view_selector(
        self,
        columns: tuple[str, str] = ("language_a", "language_b"),
        name: Callable[[str, str], str] = lambda a, b: pair_name(a, b),
        within: Callable[[str], str] = lambda language: f"within {language_name(language)}",
    ) -> Selector:
        """A choice between each language by itself, and then each pair."""
        found = sorted(self._pairs(columns), key=lambda pair: pair[0] != pair[1])
        return _of_pairs(found, columns, lambda a, b: within(a) if a == b else name(a, b))

    def layer_selector(self, most: float | None = None) -> Selector:
        """A slider over the layers, or over about `most` of them; it starts at the one shown first."""
        shown = self.study.layer_of(self.name)
        layers = self.values("layer")
        layers = layers if most is None else thin(layers, max(1, int(most)), shown)
        first = str(nearest_layer(layers, shown))
        options = [str(layer) for layer in layers]
        values = [(layer,) for layer in layers]
        return Selector("layer", options, first, slider=True, in_paper=False, columns=["layer"], values=values)

    def kept_note(self, layers: Selector) -> str:
        """A note for a reader whose slider has fewer layers than the table."""
        every = self.rows["layer"].nunique()
        if len(layers.options) == every:
            return ""
        kept = f"{len(layers.options)} of {every} layers"
        return f"To keep this page small, the slider has {kept}; geometry/{self.name}.parquet contains all."

    def side_by_side(
        self, selectors: Sequence[Selector], panel: Callable[["Selection"], Scatter]
    ) -> tuple[dict[Key, Sequence[Scatter]], list[Selector]]:
        """A panel for each language: beside each other where there are two, else a choice between them.

        Returns:
            The frames, and their selectors: those given, and where there are more languages one for these.
        """
        languages = self.language_selector()
        chosen = [*selectors, languages] if len(languages.options) > 2 else list(selectors)
        return {key: [panel(mine) for _, mine in own.each(languages)] for key, own in self.each(*chosen)}, chosen

    # ── curves and points ──

    def curve(
        self,
        y: str,
        label: str,
        hue: str,
        dash: Dash = "solid",
        marker: str | None = None,
        *,
        along: str = "layer",
        filled: "str | Sequence[bool] | None" = None,
        note: Callable[[dict[Any, Any]], str] | None = None,
        upper: str | None = None,
    ) -> Curve:
        """A column over layers, or over another column.

        Args:
            y: the column.
            label: in the legend.
            hue: its colour.
            dash: as `Curve`.
            marker: as `Curve`.
            along: the column of the horizontal axis; rows are sorted by it.
            filled: a column of p-values, whose points below `ALPHA` are filled; or which are, in the order of `along`.
            note: of each row, shown on hovering.
            upper: a second column; the band up to it is shaded, and there is no line.
        """
        rows = self.rows.sort_values(along)
        if isinstance(filled, str):
            filled = (rows[filled] < ALPHA).tolist()
        notes = [note(row) for row in rows.to_dict("records")] if note else None
        top = rows[upper].tolist() if upper else None
        return Curve(label, rows[along].tolist(), rows[y].tolist(), hue, dash, marker, filled, notes, top)

    def points(self, label: str, hue: str, marker: str, x: str = "x", y: str = "y") -> Points:
        """A point for each row, with its emotion as label, in alphabetical order."""
        rows = self.rows.sort_values("emotion")
        return Points(label, rows[x].tolist(), rows[y].tolist(), rows["emotion"].tolist(), hue, marker)

    def level(self, value: float, label: str, hue: str, dash: Dash, along: str = "layer") -> Curve:
        """A horizontal line from the first layer to the last."""
        ends = self.rows[along]
        return Curve(label, [int(ends.min()), int(ends.max())], [float(value)] * 2, hue, dash)

    def limits(self, *columns: str) -> tuple[float, float]:
        """An axis for correlations: from 0 to 1, or from below the smallest value of these columns."""
        low = min(0.0, *(float(self.rows[column].min()) for column in columns))
        return (low - 0.03 if low < 0 else 0.0), 1.03

    def lines(
        self, title: str, y_label: str, curves: Sequence[Curve], limits: tuple[float, float] | None = (0, 1.03)
    ) -> Lines:
        """Curves over layers in one frame, with a mark at the layer shown first."""
        return Lines(title, LAYER_AXIS, y_label, curves, limits, self.study.layer_of(self.name))


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _of_pairs(found: Sequence[tuple[str, str]], columns: tuple[str, str], name: Callable[[str, str], str]) -> Selector:
    options = [f"{a}+{b}" for a, b in found]
    names = [name(a, b) for a, b in found]
    return Selector("languages", options, options[0] if options else "", names, columns=columns, values=found)
