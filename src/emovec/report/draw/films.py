"""Maps that move through the layers as GIF files, drawn with matplotlib."""

import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from emovec.files import write_bytes
from emovec.geometry.analysis import VARIANTS
from emovec.report.charts import Chart, Scatter
from emovec.report.draw.label_placement import place_labels
from emovec.report.draw.matplotlib_paper import figure_style, legend_beside, marker_sign
from emovec.report.draw.plotly_points import to_box
from emovec.report.style import own_name, slug

BETWEEN = 2
"""Frames between two layers, so that the eye can follow a point."""
_STILL, _MOVING = 900, 100
_DPI = 100
_SIZE = (7.4, 5.6)
_LABEL = 7.0


@dataclass(frozen=True)
class Film:
    """One map: its file's name, and a panel for each layer, in order."""

    name: str
    panels: tuple[Scatter, ...]


def films(charts: list[Chart]) -> list[Film]:
    """The films of the charts whose panels keep their axis limits from layer to layer."""
    found: list[Film] = []
    taken: set[str] = set()
    for chart in charts:
        moving = len(chart.selectors) == 2 and chart.selectors[0].slider
        for view in chart.selectors[1].options if moving else ():
            if view.endswith(f", {VARIANTS[0]}"):  # the page's slider shows it
                continue
            panels = [
                panel
                for layer in chart.selectors[0].options
                for panel in chart.frames.get((layer, view), ())
                if isinstance(panel, Scatter) and panel.limits is not None
            ]
            if len(panels) > 1:
                found.append(Film(own_name(f"{chart.name}-{slug(view)}", taken), tuple(panels)))
    return found


def write_films(wanted: list[Film], folder: Path, progress: Callable[[int], None] | None = None) -> list[Path]:
    """Write each film as `<name>.gif`; the same film always gives the same bytes.

    Args:
        wanted: the films.
        folder: where to.
        progress: called with 1 after each film.

    Returns:
        The files, in order.
    """
    written: list[Path] = []
    for film in wanted:
        pictures = list(_pictures(film))
        images = [image for image, _ in pictures]
        buffer = io.BytesIO()
        images[0].save(
            buffer, format="GIF", save_all=True, append_images=images[1:], duration=[ms for _, ms in pictures], loop=0
        )
        path = folder / f"{film.name}.gif"
        write_bytes(path, buffer.getvalue())
        written.append(path)
        if progress is not None:
            progress(1)
    return written


def _pictures(film: Film) -> Iterator[tuple[Image.Image, int]]:
    """Frames in few colours, and for how many milliseconds each stands."""
    with matplotlib.rc_context(figure_style()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a character that no font has: the figures for papers have told of it
        figure = Figure(figsize=_SIZE, dpi=_DPI)
        canvas = FigureCanvasAgg(figure)
        figure.subplots_adjust(left=0.08, right=0.8, bottom=0.1, top=0.92)
        stage = _Stage(figure.add_subplot(), film.panels)
        canvas.draw()
        empty: Any = canvas.copy_from_bbox(figure.bbox)
        palette: Image.Image | None = None
        for at in range(len(film.panels)):
            for part in range(BETWEEN + 1 if at + 1 < len(film.panels) else 1):
                canvas.restore_region(empty)
                # Slow at both ends.
                stage.draw(at, 0.5 - 0.5 * np.cos(np.pi * part / (BETWEEN + 1)))
                image = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
                palette = palette or image.quantize(64, dither=Image.Dither.NONE)
                yield image.quantize(palette=palette, dither=Image.Dither.NONE), _MOVING if part else _STILL


class _Stage:
    """What moves in front of axes that are drawn once."""

    def __init__(self, axis: Any, panels: tuple[Scatter, ...]) -> None:
        first = panels[0]
        self.axis, self.panels, self.steps = axis, panels, [_step(panel, axis) for panel in panels]
        limits: Any = first.limits
        axis.set(xlim=limits[0], ylim=limits[1], xlabel=first.x_label, ylabel=first.y_label)
        legend_beside(axis, first.legend)
        self.title = axis.set_title(first.title, parse_math=False, animated=True)
        self.lines = LineCollection([], colors="#b0b0b0", linewidths=0.6, animated=True)
        axis.add_collection(self.lines, autolim=False)
        self.groups = [
            axis.scatter(
                [], [], s=30, c=group.colour, marker=marker_sign(group.marker), linewidths=0.5, edgecolors="white",
                animated=True,
            )
            for group in first.groups
        ]  # fmt: skip
        self.labels = {
            (group.marker, text): axis.annotate(
                text, (0, 0), (0, 0), textcoords="offset points", ha="center", va="center", fontsize=_LABEL,
                color="#333333", parse_math=False, animated=True,
            )
            for group in first.groups if group.labelled for text in group.texts
        }  # fmt: skip

    def draw(self, at: int, share: float) -> None:
        """One frame: `share` of the way from a layer's panel to the next one's."""
        after = min(at + 1, len(self.steps) - 1)
        here, there = self.steps[at], self.steps[after]
        places = {name: spot + share * (there.get(name, spot) - spot) for name, spot in here.items()}
        self.title.set_text(self.panels[at if share < 0.5 else after].title)
        by_emotion: dict[str, list[NDArray[np.float64]]] = {}
        for (_, text), spot in places.items():
            by_emotion.setdefault(text, []).append(spot[:2])
        self.lines.set_segments([[spots[0], other] for spots in by_emotion.values() for other in spots[1:]])
        for group, drawn in zip(self.panels[0].groups, self.groups, strict=True):
            drawn.set_offsets(np.stack([places[group.marker, text][:2] for text in group.texts]))
        for name, label in self.labels.items():
            label.xy = places[name][:2]
            label.set_position(places[name][2:])
        for artist in (self.title, self.lines, *self.groups, *self.labels.values()):
            self.axis.draw_artist(artist)


def _step(panel: Scatter, axis: Any) -> dict[tuple[str, str], NDArray[np.float64]]:
    """For each point its place and its label's offset in typographic points: (group's marker, text) → [4]."""
    x = np.array([v for group in panel.groups for v in group.x], dtype=float)
    y = np.array([v for group in panel.groups for v in group.y], dtype=float)
    texts = [text if group.labelled else "" for group in panel.groups for text in group.texts]
    names = [(group.marker, text) for group in panel.groups for text in group.texts]
    if panel.limits is None:
        raise ValueError("a film's panels have fixed limits")
    extent = axis.get_position()
    box = (extent.width * _SIZE[0] * 72, extent.height * _SIZE[1] * 72)
    offsets = place_labels(to_box(x, y, *panel.limits, box), texts, _LABEL, box, radii=(7, 11, 16, 22))
    # A label without room stands above its point: one that came and went would catch the eye.
    return {
        name: np.array([*place, *(offset or (0.0, 8.0))])
        for name, place, offset in zip(names, zip(x, y, strict=True), offsets, strict=True)
    }
