"""Charts as plotly traces and layouts, ready for the page's script: plain data, rounded, deterministic."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from emovec.report.charts import (
    Chart,
    Curve,
    HeatMap,
    Lines,
    Listing,
    Panel,
    Scatter,
    Scatter3D,
    Selector,
)
from emovec.report.draw.plotly_points import DIGITS, rounded, scatter, scatter_3d, scene
from emovec.report.style import CIVIDIS, DIVERGING, GREY, plain

FONT = 'system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic", sans-serif'
PAGE_WIDTH = 960
_MISSING = -32768
_MOST_WRITTEN = 8
"""Rows or columns up to which a heat map has its numbers written into it."""


def figure_data(chart: Chart) -> dict[str, Any]:
    """A chart as the page's script takes it: selectors, and for each combination of options the traces and layout."""
    frames = {_key(chart.selectors, key): _frame(panels, chart.height) for key, panels in chart.frames.items()}
    return {"kind": "chart", "height": chart.height, "selectors": _selectors(chart.selectors), "frames": frames}


def listing_data(listing: Listing) -> dict[str, Any]:
    """A switchable table as the page's script takes it."""
    frames = {_key(listing.selectors, key): rows for key, rows in listing.frames.items()}
    return {
        "kind": "listing",
        "columns": list(listing.columns),
        "selectors": _selectors(listing.selectors),
        "frames": frames,
    }


def _key(selectors: Sequence[Selector], options: tuple[str, ...]) -> str:
    return "|".join(str(list(c.options).index(option)) for c, option in zip(selectors, options, strict=True))


def _selectors(selectors: Sequence[Selector]) -> list[dict[str, Any]]:
    return [
        {"name": c.name, "labels": list(c.labels), "initial": list(c.options).index(c.initial), "slider": c.slider}
        for c in selectors
    ]


def _frame(panels: Sequence[Panel], height: int) -> dict[str, Any]:
    data: list[dict[str, Any]] = []
    labels: list[list[Any]] = []
    annotations: list[dict[str, Any]] = []
    maps = any(isinstance(panel, HeatMap) for panel in panels)
    legend_right = any(isinstance(panel, Scatter | Scatter3D) and panel.legend for panel in panels)
    margin = {"l": 64, "r": 150 if legend_right else 20, "t": 44, "b": 54}
    if maps:
        longest = max(
            len(name) for panel in panels if isinstance(panel, HeatMap) for name in (*panel.rows, *panel.columns)
        )
        slanted = any(_slanted(panel.columns) for panel in panels if isinstance(panel, HeatMap))
        margin |= {"l": 52 + min(6 * longest, 120), "b": 52 + (min(5 * longest, 110) if slanted else 0), "r": 80}
    if any(isinstance(panel, Lines) for panel in panels):
        margin["b"] = 54 + 22 * (1 + _legend_rows(panels))
    layout: dict[str, Any] = {"margin": margin, "shapes": []}
    if maps and len(panels) == 1 and isinstance(panels[0], HeatMap):
        rows = len(panels[0].rows)
        side = (height - margin["t"] - margin["b"]) * max(0.5, (panels[0].right + 0.5) / rows)
        layout["width"] = round(min(side + margin["l"] + margin["r"], PAGE_WIDTH))
    known: set[str] = set()
    width = PAGE_WIDTH - margin["l"] - margin["r"]
    for position, panel in enumerate(panels):
        end = "" if position == 0 else str(position + 1)
        domain = _domain(position, len(panels), maps)
        layout[f"xaxis{end}"], layout[f"yaxis{end}"] = {"domain": domain, "anchor": f"y{end}"}, {"anchor": f"x{end}"}
        x_axis, y_axis = layout[f"xaxis{end}"], layout[f"yaxis{end}"]
        annotations.append(_title(panel, domain))
        match panel:
            case Lines():
                data += _lines(panel, end, known, x_axis, y_axis)
                if panel.mark is not None:
                    layout["shapes"].append(_mark_line(panel.mark, end))
                    annotations.append(_mark_label(panel.mark, end))
            case HeatMap():
                data.append(_heat_map(panel, end, position, len(panels), x_axis, y_axis))
                if panel.tree:
                    x_axis |= {"range": [-0.5, panel.right], "showline": False}
                    layout["shapes"].append(_tree(panel, end))
            case Scatter():
                box = ((domain[1] - domain[0]) * width, height - margin["t"] - margin["b"])
                traces, placed = scatter(panel, end, box, x_axis, y_axis)
                data += traces
                labels += placed
            case Scatter3D():
                del layout[f"xaxis{end}"], layout[f"yaxis{end}"]
                layout["scene"] = scene(panel)
                data += scatter_3d(panel)
    if any(isinstance(panel, Lines) for panel in panels):
        layout["legend"] = {
            "orientation": "h",
            "x": 0,
            "y": round(-58 / (height - 44 - margin["b"]), 3),
            "yanchor": "top",
        }
    layout["annotations"] = annotations
    layout["showlegend"] = legend_right or any(isinstance(panel, Lines) for panel in panels)
    return {"data": data, "layout": layout} | ({"labels": labels} if labels else {})


def _legend_rows(panels: Sequence[Panel]) -> int:
    names = {curve.label for panel in panels if isinstance(panel, Lines) for curve in panel.curves}
    longest = max((len(name) for name in names), default=1)
    a_row = max(1, int((PAGE_WIDTH - 90) // (longest * 6.6 + 50)))
    return -(-len(names) // a_row)


def _domain(position: int, count: int, maps: bool) -> list[float]:
    gap = (0.16 if maps else 0.08) if count > 1 else 0.0
    width = (1 - gap * (count - 1)) / count
    start = position * (width + gap)
    return [round(start, 4), round(start + width, 4)]


def _title(panel: Panel, domain: list[float]) -> dict[str, Any]:
    """Above the panel; at the side that the label of the marked layer leaves free."""
    side = 0.5
    if isinstance(panel, Lines) and panel.mark is not None and panel.curves:
        x = [value for curve in panel.curves for value in curve.x]
        side = 1.0 if panel.mark < (min(x) + max(x)) / 2 else 0.0
    return {
        "text": plain(panel.title), "showarrow": False, "xref": "paper", "yref": "paper", "yanchor": "bottom",
        "y": 1.01,
        "xanchor": {0.0: "left", 0.5: "center", 1.0: "right"}[side],
        "x": round(domain[0] + side * (domain[1] - domain[0]), 4),
        "font": {"size": 14, "color": "#222"},
    }  # fmt: skip


def _mark_line(layer: int, end: str) -> dict[str, Any]:
    line = {"color": "#999999", "width": 1, "dash": "dash"}
    ends = {"x0": layer, "x1": layer, "y0": 0, "y1": 1}
    return {"type": "line", "xref": f"x{end}", "yref": f"y{end} domain", "line": line, "layer": "below"} | ends


def _mark_label(layer: int, end: str) -> dict[str, Any]:
    place = {"xref": f"x{end}", "yref": f"y{end} domain", "x": layer, "y": 1, "yanchor": "bottom", "showarrow": False}
    return place | {"text": f"layer {layer}", "font": {"size": 11, "color": GREY}}


def _lines(
    panel: Lines, end: str, known: set[str], x_axis: dict[str, Any], y_axis: dict[str, Any]
) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = []
    for curve in panel.curves:
        first = curve.label not in known
        known.add(curve.label)
        data += _curve(curve, end, first)
    x_axis |= {"title": {"text": panel.x_label, "standoff": 8}, "zeroline": False}
    y_axis |= {
        "title": {"text": panel.y_label, "standoff": 8},
        "zeroline": bool(panel.y_range and panel.y_range[0] < 0),
    }
    if panel.y_range:
        y_axis["range"] = [round(bound, DIGITS) for bound in panel.y_range]
    return data


def _curve(curve: Curve, end: str, in_legend: bool) -> list[dict[str, Any]]:
    common: dict[str, Any] = {
        "type": "scatter", "xaxis": f"x{end}", "yaxis": f"y{end}", "legendgroup": curve.label,
        "name": plain(curve.label)
    }  # fmt: skip
    x, y = list(curve.x), rounded(curve.y)
    if curve.upper is not None:
        around = {"x": x + x[::-1], "y": rounded(curve.upper) + y[::-1], "fill": "toself", "mode": "lines"}
        look = {"line": {"width": 0}, "fillcolor": _faint(curve.colour), "hoverinfo": "skip", "showlegend": in_legend}
        return [common | around | look]
    trace = common | {
        "x": x, "y": y, "showlegend": in_legend, "mode": "lines+markers" if curve.marker else "lines",
        "line": {"color": curve.colour, "dash": curve.dash, "width": 2},
        "hovertemplate": "%{x}: %{y:.3f}" + ("<br>%{text}" if curve.notes else ""),
    }  # fmt: skip
    if curve.marker:
        trace["marker"] = {"symbol": curve.marker, "size": 7, "color": curve.colour}
        if curve.filled is not None:
            fills = [curve.colour if filled else "#ffffff" for filled in curve.filled]
            trace["marker"] |= {"color": fills, "line": {"color": curve.colour, "width": 1.5}}
    if curve.notes:
        trace["text"] = [plain(note) for note in curve.notes]
    return [trace]


def _heat_map(
    panel: HeatMap, end: str, position: int, count: int, x_axis: dict[str, Any], y_axis: dict[str, Any]
) -> dict[str, Any]:
    """A heat map whose values lie packed under `packed`; the script turns them into `z`."""
    values = np.where(np.isfinite(panel.values), np.round(panel.values * 1000), _MISSING).astype("<i2")
    low, high = panel.limits
    ticks = {"type": "category", "ticks": "", "showgrid": False}
    x_axis |= ticks | {
        "title": {"text": plain(panel.column_label), "standoff": 6},
        "tickangle": -60 if _slanted(panel.columns) else 0,
    }
    x_axis |= {"constrain": "domain"}
    y_axis |= ticks | {
        "title": {"text": plain(panel.row_label), "standoff": 10},
        "autorange": "reversed",
        "scaleanchor": f"x{end}",
    }
    y_axis |= {"constrain": "domain", "constraintoward": "top"}
    for axis, names in ((x_axis, panel.columns), (y_axis, panel.rows)):
        axis["tickfont"] = {"size": 10 if len(names) <= 40 else 8}
        if len(names) <= 60:
            axis["dtick"] = 1
    return {
        "type": "heatmap", "xaxis": f"x{end}", "yaxis": f"y{end}",
        "x": [plain(name) for name in panel.columns], "y": [plain(name) for name in panel.rows],
        "packed": {"shape": list(values.shape), "b64": base64.b64encode(values.tobytes()).decode()},
        "zmin": low, "zmax": high, "colorscale": DIVERGING if panel.scale == "diverging" else CIVIDIS,
        "showscale": position == count - 1 and not panel.words,
        "colorbar": {"title": {"text": plain(panel.value_label)}, "thickness": 14, "len": 0.7, "y": 1,
        "yanchor": "top"},
        "hovertemplate": f"%{{y}} · %{{x}}: %{{z:.3f}}<extra>{plain(panel.value_label)}</extra>",
        **_written(panel),
    }  # fmt: skip


def _tree(panel: HeatMap, end: str) -> dict[str, Any]:
    path = " ".join("M" + " L".join(f"{x:.2f},{y:.2f}" for x, y in line) for line in panel.tree)
    line = {"color": "#666666", "width": 1}
    return {"type": "path", "xref": f"x{end}", "yref": f"y{end}", "path": path, "line": line}


def _written(panel: HeatMap) -> dict[str, Any]:
    """What stands in the cells: words, or numbers where there are few."""
    if panel.words:
        words = [[panel.words.get(value, "") for value in row] for row in panel.values.tolist()]
        return {"text": words, "texttemplate": "%{text}", "hovertemplate": "%{y} · %{x}: %{text}<extra></extra>"}
    return {"texttemplate": "%{z:.2f}"} if max(panel.values.shape) <= _MOST_WRITTEN else {}


def _slanted(names: Sequence[str]) -> bool:
    """Whether names below a heat map are too long to stand side by side."""
    return len(names) * (6 * max(map(len, names), default=0) + 8) > PAGE_WIDTH / 2


def _faint(hex_colour: str) -> str:
    red, green, blue = (int(hex_colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"
