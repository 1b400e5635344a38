"""The report's charts as SVG and PNG for papers, drawn with matplotlib."""

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from emovec.files import write_bytes
from emovec.report.charts import Chart, HeatMap, Lines, Panel, Scatter, Scatter3D
from emovec.report.draw.label_placement import leader_end, place_labels
from emovec.report.draw.plotly_points import padded, to_box
from emovec.report.style import CIVIDIS, DIVERGING, own_name, slug

_MARKERS = {
    "circle": "o", "diamond": "D", "square": "s", "triangle-up": "^", "cross": "P", "x": "X", "star": "*",
    "triangle-down": "v"
}  # fmt: skip
_DASHES: dict[str, Any] = {"solid": "-", "dash": (0, (4, 2)), "dot": (0, (1, 1.5)), "dashdot": (0, (5, 1.5, 1, 1.5))}
_SCALES = {
    "diverging": LinearSegmentedColormap.from_list("emovec-diverging", [(at, hue) for at, hue in DIVERGING]),
    "sequential": LinearSegmentedColormap.from_list("emovec-sequential", [(at, hue) for at, hue in CIVIDIS]),
}
_STYLE: dict[str, Any] = {
    "font.size": 8, "axes.titlesize": 9, "axes.labelsize": 8, "legend.fontsize": 7, "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6, "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.frameon": False, "axes.unicode_minus": True, "svg.fonttype": "path", "svg.hashsalt": "emovec",
    "savefig.dpi": 200,
    "figure.constrained_layout.use": False,
}  # fmt: skip
_WIDTH = 7.2
_POINTS_AN_INCH = 72
_LABEL_SIZE = 6.5

_log = logging.getLogger("emovec.report")


def write_figures(charts: Sequence[Chart], folder: Path, progress: Callable[[int], None] | None = None) -> list[Path]:
    """Write each chart's frames for papers as `<name>[-<options>].svg` and `.png`.

    The same charts always give the same bytes. Characters that no font can draw are named in one warning.

    Args:
        charts: what to draw.
        folder: where to.
        progress: called with 1 after each figure.

    Returns:
        The SVG files, in order.
    """
    written: list[Path] = []
    families = _families()
    with matplotlib.rc_context(figure_style(families)), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name, panels in frames_for_papers(charts):
            figure = draw(panels)
            bounds = figure.get_tightbbox().padded(0.05)
            for kind, metadata in (("svg", {"Date": None, "Creator": "emovec"}), ("png", {"Software": "emovec"})):
                buffer = io.BytesIO()
                figure.savefig(buffer, format=kind, metadata=metadata, bbox_inches=bounds)
                write_bytes(folder / f"{name}.{kind}", buffer.getvalue())
            written.append(folder / f"{name}.svg")
            if progress is not None:
                progress(1)
    _report_glyphs(caught, families)
    return written


def figure_style(families: Sequence[str] | None = None) -> Any:
    """Matplotlib's settings for everything drawn for papers."""
    return _STYLE | {"font.family": list(families or _families())}


def marker_sign(name: str) -> str:
    """Matplotlib's sign for a marker."""
    return _MARKERS[name]


def frames_for_papers(charts: Sequence[Chart]) -> Iterator[tuple[str, Sequence[Panel]]]:
    """File name (without suffix) and panels of each figure for papers."""
    taken: set[str] = set()
    for chart in charts:
        for key in chart.paper_keys():
            named = [
                slug(option)
                for selector, option in zip(chart.selectors, key, strict=True)
                if selector.in_paper and len(selector.options) > 1
            ]
            yield own_name("-".join([chart.name, *named]), taken), chart.frames[key]


def draw(panels: Sequence[Panel]) -> Figure:
    """Panels side by side, at a paper's full width."""
    square = not isinstance(panels[0], Lines)
    height = {1: 6.0, 2: 3.6}.get(len(panels), 3.0) if square else 2.7
    figure = Figure(figsize=(_WIDTH if not square or len(panels) > 1 else 6.6, height))
    if isinstance(panels[0], Scatter3D):
        _scatter_3d(figure.add_subplot(projection="3d"), panels[0])
        return figure
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    figure.subplots_adjust(
        left=0.09, right=0.98, bottom=0.14, top=0.92, wspace=0.45 if isinstance(panels[0], HeatMap) else 0.24
    )
    for axis, panel in zip(axes, panels, strict=True):
        if isinstance(panel, Scatter3D):
            continue
        axis.set_title(panel.title, parse_math=False)
        axis.set_xlabel(panel.x_label if not isinstance(panel, HeatMap) else panel.column_label, parse_math=False)
        axis.set_ylabel(panel.y_label if not isinstance(panel, HeatMap) else panel.row_label, parse_math=False)
        match panel:
            case Lines():
                _lines(axis, panel)
            case HeatMap():
                _heat_map(figure, axis, panel)
            case Scatter():
                _scatter(axis, panel)
    if isinstance(panels[0], Lines):
        _legend_below(figure, axes)
    return figure


def _lines(axis: Axes, panel: Lines) -> None:
    if panel.mark is not None:
        axis.axvline(panel.mark, color="#aaaaaa", linewidth=0.8, linestyle=(0, (3, 2)), zorder=0)
    for curve in panel.curves:
        label = _plain(curve.label)
        if curve.upper is not None:
            axis.fill_between(curve.x, curve.y, curve.upper, color=curve.colour, alpha=0.22, linewidth=0, label=label)
            continue
        line: dict[str, Any] = {"color": curve.colour, "linestyle": _DASHES[curve.dash], "label": label}
        if curve.filled is None or curve.marker is None:
            axis.plot(curve.x, curve.y, marker=_MARKERS[curve.marker] if curve.marker else None, **line)
            continue
        axis.plot(curve.x, curve.y, marker=_MARKERS[curve.marker], **line)
        hollow = [i for i, filled in enumerate(curve.filled) if not filled]
        axis.plot(
            [curve.x[i] for i in hollow], [curve.y[i] for i in hollow], linestyle="none", marker=_MARKERS[curve.marker],
            markerfacecolor="white", markeredgecolor=curve.colour,
        )  # fmt: skip
    if panel.y_range:
        axis.set_ylim(*panel.y_range)
        if panel.y_range[0] < 0:
            axis.axhline(0, color="#bbbbbb", linewidth=0.6, zorder=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(color="#ececec", linewidth=0.5)
    axis.set_axisbelow(True)


def _legend_below(figure: Figure, axes: Sequence[Axes]) -> None:
    entries = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    longest = max((len(label) for label in entries), default=1)
    columns = max(1, min(len(entries), int(_WIDTH * 16 // (longest + 6))))
    figure.legend(
        entries.values(),
        entries.keys(),
        loc="upper center",
        bbox_to_anchor=(0.535, 0.0),
        ncols=columns,
        handlelength=3.2,
    )


def _heat_map(figure: Figure, axis: Axes, panel: HeatMap) -> None:
    low, high = panel.limits
    image = axis.imshow(
        panel.values, vmin=low, vmax=high, cmap=_SCALES[panel.scale], aspect="equal", interpolation="none"
    )
    size = float(np.clip(220 / max(len(panel.rows), 1), 2.2, 7))
    few = sum(map(len, panel.columns)) <= 24
    axis.set_xticks(
        range(len(panel.columns)), panel.columns, rotation=0 if few else 90, fontsize=size, parse_math=False
    )
    axis.set_yticks(range(len(panel.rows)), panel.rows, fontsize=size, parse_math=False)
    axis.tick_params(length=0, pad=2)
    if panel.tree:
        axis.add_collection(LineCollection(panel.tree, colors="#666666", linewidths=0.6), autolim=False)
        axis.set_xlim(-0.5, panel.right)
    for spine in axis.spines.values():
        spine.set_visible(False)
    if panel.words:
        for (row, column), value in np.ndenumerate(panel.values):
            hue = "white" if abs(value) > 0.5 * high else "black"
            axis.text(column, row, panel.words.get(value, ""), ha="center", va="center", fontsize=size, color=hue)
        return
    bar = figure.colorbar(image, ax=axis, fraction=0.04, pad=0.03)
    bar.set_label(panel.value_label)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]


def _scatter(axis: Axes, panel: Scatter) -> None:
    for group in panel.groups:
        axis.scatter(
            group.x,
            group.y,
            s=26,
            c=group.colour,
            marker=_MARKERS[group.marker],
            linewidths=0.5,
            edgecolors="white",
            zorder=3,
        )
    x = np.concatenate([np.asarray(group.x, dtype=float) for group in panel.groups])
    y = np.concatenate([np.asarray(group.y, dtype=float) for group in panel.groups])
    texts = [text if group.labelled else "" for group in panel.groups for text in group.texts]
    x_range, y_range = panel.limits or (padded(x), padded(y))
    axis.add_collection(
        LineCollection(_segments(panel.links), colors="#b0b0b0", linewidths=0.5, zorder=1), autolim=False
    )
    axis.set_xlim(*x_range)
    axis.set_ylim(*y_range)
    extent = axis.get_window_extent()
    scale = _POINTS_AN_INCH / axis.figure.dpi
    box = (extent.width * scale, extent.height * scale)
    places = place_labels(to_box(x, y, x_range, y_range, box), texts, _LABEL_SIZE, box, radii=(7, 12, 18, 26, 36, 48))
    unit = np.array([x_range[1] - x_range[0], y_range[1] - y_range[0]]) / np.array(box)
    leaders: list[NDArray[np.float64]] = []
    for point, text, place in zip(np.stack([x, y], axis=1), texts, places, strict=True):
        if place is None or not text:
            continue
        axis.annotate(
            text, point.tolist(), place, textcoords="offset points", ha="center", va="center", fontsize=_LABEL_SIZE,
            color="#333333", parse_math=False,
        )  # fmt: skip
        line = leader_end(place, text, _LABEL_SIZE)
        if np.hypot(*line) > _LABEL_SIZE:
            leaders.append(np.stack([point, point + unit * line]))
    axis.add_collection(LineCollection(leaders, colors="#b0b0b0", linewidths=0.4, zorder=2), autolim=False)
    legend_beside(axis, panel.legend)


def _segments(links: Sequence[tuple[tuple[float, ...], tuple[float, ...]]]) -> list[NDArray[np.float64]]:
    return [np.array(ends) for ends in links]


def legend_beside(axis: Any, entries: Sequence[tuple[str, str, str]], across: float = 1.01) -> None:
    """A legend of markers to the right of a panel."""
    if not entries:
        return
    handles = [
        Line2D([], [], linestyle="none", marker=_MARKERS[sign], color=hue, markeredgecolor="white", markersize=6)
        for _, hue, sign in entries
    ]
    labels = [_plain(label) for label, _, _ in entries]
    axis.legend(handles, labels, loc="upper left", bbox_to_anchor=(across, 1), borderaxespad=0)


def _scatter_3d(axis: Any, panel: Scatter3D) -> None:
    from mpl_toolkits.mplot3d.art3d import Line3DCollection

    axis.set_title(panel.title, parse_math=False)
    axis.add_collection3d(Line3DCollection(_segments(panel.links), colors="#b0b0b0", linewidths=0.5), autolim=False)
    for group in panel.groups:
        axis.scatter(group.x, group.y, group.z, s=18, c=group.colour, marker=_MARKERS[group.marker], depthshade=False)
        for x, y, z, text in zip(group.x, group.y, group.z, group.texts, strict=True) if group.labelled else ():
            axis.text(x, y, z, f" {text}", fontsize=5, color="#333333", parse_math=False)
    for name, title, limits in zip("xyz", panel.axes, panel.limits, strict=True):
        getattr(axis, f"set_{name}lim")(*limits)
        getattr(axis, f"set_{name}label")(title, parse_math=False)
    legend_beside(axis, panel.legend, 1.08)


def _plain(text: str) -> str:
    """Text for a legend, in which a pair of dollar signs would start a formula."""
    return text.replace("$", r"\$")


def _families() -> list[str]:
    """DejaVu Sans, and after it the Japanese font where its package is installed."""
    try:
        from noto_cjk_sans_otc import FONT_PATH  # pyright: ignore[reportMissingImports]
    except ImportError:
        _log.warning(
            "The package noto-cjk-sans-otc is missing: figures/ will lack Chinese, Japanese and Korean characters."
        )
        return ["DejaVu Sans"]
    font_manager.fontManager.addfont(str(FONT_PATH))
    return ["DejaVu Sans", font_manager.FontProperties(fname=str(FONT_PATH)).get_name()]


def _report_glyphs(caught: Sequence[warnings.WarningMessage], families: Sequence[str]) -> None:
    missing: dict[str, None] = {}
    for warning in caught:
        if found := re.match(r"Glyph (\d+) .*missing from", str(warning.message)):
            missing[chr(int(found.group(1)))] = None
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if missing:
        _log.warning(
            "Figures: no glyph for %s in %s; report.html shows them if the reader's system has a font.",
            " ".join(sorted(missing)),
            " or ".join(families),
        )
