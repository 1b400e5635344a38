"""Points on a plane or in space, their labels, and the lines between them, as plotly traces: plain data, rounded."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emovec.report.charts import Place, Points, Scatter, Scatter3D
from emovec.report.draw.label_placement import place_labels
from emovec.report.style import plain

DIGITS = 4
_LABEL_SIZE = 11


def scatter(
    panel: Scatter, end: str, box: tuple[float, float], x_axis: dict[str, Any], y_axis: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """The traces of a panel, and its labels where there is room for them; the axes are filled in.

    Args:
        panel: the points.
        end: of the axes' names.
        box: width and height of the plotting area, pixels.
        x_axis: of the layout.
        y_axis: of the layout.
    """
    x = np.concatenate([np.asarray(group.x, dtype=float) for group in panel.groups])
    y = np.concatenate([np.asarray(group.y, dtype=float) for group in panel.groups])
    texts = [text if group.labelled else "" for group in panel.groups for text in group.texts]
    x_range, y_range = panel.limits or (padded(x), padded(y))
    x_axis |= {
        "title": {"text": plain(panel.x_label), "standoff": 8},
        "range": [round(v, DIGITS) for v in x_range],
        "zeroline": False,
    }
    y_axis |= {
        "title": {"text": plain(panel.y_label), "standoff": 8},
        "range": [round(v, DIGITS) for v in y_range],
        "zeroline": False,
        "showticklabels": bool(panel.y_label),
    }
    pixels = to_box(x, y, x_range, y_range, box)
    places = place_labels(pixels, texts, _LABEL_SIZE, box)
    labels = [
        [f"x{end}", f"y{end}", round(float(px), DIGITS), round(float(py), DIGITS), place[0], -place[1], plain(text)]
        for px, py, text, place in zip(x, y, texts, places, strict=True)
        if text and place is not None
    ]
    traces = [_links(panel.links, "scatter") | {"xaxis": f"x{end}", "yaxis": f"y{end}"}] if panel.links else []
    traces += [_group(group, end, showlegend=False) for group in panel.groups]
    traces += [
        _group(Points(label, [None], [None], [""], hue, sign), end, showlegend=True)  # pyright: ignore[reportArgumentType]
        for label, hue, sign in panel.legend
    ]
    return traces, labels


def _links(links: Sequence[tuple[Place, Place]], kind: str) -> dict[str, Any]:
    """Thin lines as one trace, with gaps between them."""
    ends = [[*line, (None,) * len(line[0])] for line in links]
    along = {
        name: rounded([end[i] for line in ends for end in line]) for i, name in enumerate("xyz"[: len(links[0][0])])
    }
    look = {"line": {"color": "#b0b0b0", "width": 1}, "hoverinfo": "skip", "showlegend": False}
    return {"type": kind, "mode": "lines", **along, **look}


def scene(panel: Scatter3D) -> dict[str, Any]:
    """The axes of a figure in space. What the reader turns stays turned while the slider moves."""
    axes = {
        f"{name}axis": {"title": {"text": plain(title)}, "range": [round(v, DIGITS) for v in limits]}
        for name, title, limits in zip("xyz", panel.axes, panel.limits, strict=True)
    }
    return axes | {"aspectmode": "cube", "uirevision": "kept", "camera": {"eye": {"x": 1.5, "y": 1.3, "z": 0.7}}}


def scatter_3d(panel: Scatter3D) -> list[dict[str, Any]]:
    """The traces of a figure in space."""
    traces = [_links(panel.links, "scatter3d")] if panel.links else []
    traces += [_spots(group, False) | {n: rounded(getattr(group, n)) for n in "xyz"} for group in panel.groups]
    entries = [Points(label, [], [], [], hue, sign) for label, hue, sign in panel.legend]
    return traces + [_spots(entry, True) | {axis: [None] for axis in "xyz"} for entry in entries]


def _spots(group: Points, showlegend: bool) -> dict[str, Any]:
    # In space plotly draws fewer kinds of markers.
    symbol = group.marker if group.marker in {"circle", "square", "diamond", "cross", "x"} else "circle"
    return {
        "type": "scatter3d", "mode": "markers+text" if group.labelled and group.texts else "markers",
        "name": plain(group.label), "text": [plain(text) for text in group.texts], "textfont": {"size": 10},
        "marker": {"symbol": symbol, "color": group.colour, "size": 5}, "hovertemplate": "%{text}",
        "showlegend": showlegend,
    }  # fmt: skip


def padded(values: NDArray[np.float64]) -> tuple[float, float]:
    """An axis range with room for labels around the values."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    pad = 0.09 * (high - low) or 1.0
    return low - pad, high + pad


def to_box(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    box: tuple[float, float],
) -> NDArray[np.float64]:
    """[point, 2]: where points lie in a plotting area of this width and height."""
    across = (x - x_range[0]) / (x_range[1] - x_range[0]) * box[0]
    up = (y - y_range[0]) / (y_range[1] - y_range[0]) * box[1]
    return np.stack([across, up], axis=1)


def _group(group: Points, end: str, showlegend: bool) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "xaxis": f"x{end}", "yaxis": f"y{end}", "name": plain(group.label),
        "x": rounded(group.x), "y": rounded(group.y), "text": [plain(text) for text in group.texts],
        "marker": {"symbol": group.marker, "color": group.colour, "size": 9, "line": {"color": "#ffffff", "width": 1}},
        "hovertemplate": "%{text}<br>%{x:.3f}, %{y:.3f}", "showlegend": showlegend,
    }  # fmt: skip


def rounded(values: Sequence[float | None]) -> list[float | None]:
    """Values as JSON can hold them; None where one is missing or not finite."""
    return [None if v is None or not np.isfinite(v) else round(float(v), DIGITS) for v in values]
