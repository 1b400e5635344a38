"""What a figure shows, apart from how it is drawn: each chart is drawn once for the page and once for papers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Dash = Literal["solid", "dash", "dot", "dashdot"]


@dataclass(frozen=True)
class Curve:
    """A line over layers (or over k).

    Attributes:
        filled: which markers are filled; hollow ones are not significant. None: all filled.
        notes: a line for each point, shown on hovering.
        upper: if given, the band between `y` and this is shaded and no line is drawn.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dash: Dash = "solid"
    marker: str | None = None
    filled: Sequence[bool] | None = None
    notes: Sequence[str] | None = None
    upper: Sequence[float] | None = None


@dataclass(frozen=True)
class Lines:
    """Curves in one frame. `mark` is the layer shown first."""

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    y_range: tuple[float, float] | None = None
    mark: int | None = None


@dataclass(frozen=True)
class HeatMap:
    """A matrix with labelled rows and columns; NaN where nothing is known.

    Attributes:
        words: names of the values where they stand for kinds: they are written into the cells, and there is no scale.
        tree: lines at the right of the matrix, each as the (column, row) of its corners.
    """

    title: str
    values: NDArray[np.float64]
    rows: Sequence[str]
    columns: Sequence[str]
    row_label: str
    column_label: str
    value_label: str
    limits: tuple[float, float]
    scale: Literal["diverging", "sequential"]
    words: Mapping[float, str] = field(default_factory=dict[float, str])
    tree: Sequence[Sequence[tuple[float, float]]] = ()

    @property
    def right(self) -> float:
        """Where the last column ends, or the tree beside it."""
        return max([len(self.columns) - 0.5, *(x + 0.3 for line in self.tree for x, _ in line)])


@dataclass(frozen=True)
class Points:
    """Points of one colour and one marker, each with its label; `labelled` is whether labels show without hovering."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    texts: Sequence[str]
    colour: str
    marker: str
    z: Sequence[float] = ()
    labelled: bool = True


Place = tuple[float, ...]


@dataclass(frozen=True)
class Scatter:
    """Labelled points in a plane. `legend` holds (label, colour, marker) of its entries.

    A height that only keeps points apart has an empty `y_label`, and no numbers on its axis.

    Attributes:
        links: ends of thin lines between points.
        limits: ranges of x and y that hold for every frame; by default the points' own.
    """

    title: str
    x_label: str
    y_label: str
    groups: Sequence[Points]
    legend: Sequence[tuple[str, str, str]] = ()
    links: Sequence[tuple[Place, Place]] = ()
    limits: tuple[tuple[float, float], tuple[float, float]] | None = None


@dataclass(frozen=True)
class Scatter3D:
    """Labelled points in space, alone in their figure. `limits` are the ranges of x, y and z."""

    title: str
    axes: tuple[str, str, str]
    groups: Sequence[Points]
    limits: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    legend: Sequence[tuple[str, str, str]] = ()
    links: Sequence[tuple[Place, Place]] = ()


Panel = Lines | HeatMap | Scatter | Scatter3D


@dataclass(frozen=True)
class Selector:
    """A choice that the reader makes: a slider over layers, or a few named options.

    Attributes:
        initial: the option shown first.
        names: what the reader sees for each option; the options themselves if empty.
        slider: whether it is a slider, in the order of the options.
        in_paper: whether each option is drawn for papers, or the first one shown alone.
        columns: of a table, which an option stands for.
        values: of those columns, for each option.
    """

    name: str
    options: Sequence[str]
    initial: str
    names: Sequence[str] = ()
    slider: bool = False
    in_paper: bool = True
    columns: Sequence[str] = ()
    values: Sequence[tuple[Any, ...]] = ()

    @property
    def labels(self) -> Sequence[str]:
        """What the reader sees for each option."""
        return self.names or self.options


@dataclass(frozen=True)
class Chart:
    """A figure: panels side by side for each combination of its selectors' options.

    Attributes:
        name: of its files and its place in the page.
        caption: what it shows, in a phrase.
        frames: options of the selectors, in their order → panels.
        note: what was left out to keep the page light, if anything.
    """

    name: str
    caption: str
    selectors: Sequence[Selector]
    frames: Mapping[tuple[str, ...], Sequence[Panel]]
    note: str = ""
    height: int = 430

    def paper_keys(self) -> list[tuple[str, ...]]:
        """The frames that are drawn for papers: the first shown, and each option of the selectors meant for them."""
        return [
            key
            for key in self.frames
            if all(s.in_paper or option == s.initial for s, option in zip(self.selectors, key, strict=True))
        ]


@dataclass(frozen=True)
class Listing:
    """A table of words whose rows change with its selectors. A cell is a text, or several short ones."""

    name: str
    caption: str
    selectors: Sequence[Selector]
    columns: Sequence[str]
    frames: Mapping[tuple[str, ...], list[list[str | list[str]]]]
    note: str = ""


def nearest_layer(layers: Iterable[Any], shown: int) -> int:
    """The layer shown, or of those that there are the nearest to it; of two the earlier."""
    return min((int(layer) for layer in layers), key=lambda layer: (abs(layer - shown), layer))


def thin(layers: Sequence[int], most: int, shown: int) -> list[int]:
    """At most `most` layers, evenly spread, with the one shown (or the nearest to it) among them."""
    layers = sorted(layers)
    if len(layers) <= most:
        return layers
    picked = {layers[i] for i in np.linspace(0, len(layers) - 1, max(most - 1, 1)).round().astype(int)}
    return sorted(picked | {nearest_layer(layers, shown)})
