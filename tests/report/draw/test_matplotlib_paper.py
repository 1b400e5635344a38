import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emovec.report.charts import Chart, Curve, HeatMap, Lines, Points, Scatter
from emovec.report.draw.matplotlib_paper import write_figures


def heat(names: list[str]) -> Chart:
    values = np.linspace(-1, 1, len(names) ** 2).reshape(len(names), -1)
    panel = HeatMap("title", values, names, names, "rows", "columns", "cosine", (-1, 1), "diverging")
    return Chart("heat", "a heat map", (), {(): [panel]})


def test_japanese_labels_are_drawn_without_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        write_figures([heat(["喜び", "恐れ", "$a$ & $b$"])], tmp_path)
    assert caplog.text == ""
    assert (tmp_path / "heat.svg").stat().st_size > 1000
    with Image.open(tmp_path / "heat.png") as image:
        assert min(image.size) > 600


def test_missing_glyphs_are_named_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        write_figures([heat(["दुख", "calm"])], tmp_path)
    assert len(caplog.records) == 1
    assert "no glyph for" in caplog.text
    assert "द" in caplog.text


def test_zero_of_the_diverging_scale_is_neutral(tmp_path: Path):
    panel = HeatMap("", np.zeros((3, 3)), list("abc"), list("abc"), "", "", "", (-1, 1), "diverging")
    write_figures([Chart("zero", "", (), {(): [panel]})], tmp_path)
    with Image.open(tmp_path / "zero.png") as image:
        red, green, blue = image.convert("RGB").getpixel((image.width // 2 - 60, image.height // 2))
    assert min(red, green, blue) > 240
    assert max(red, green, blue) - min(red, green, blue) <= 2


def test_lines_and_points_are_drawn(tmp_path: Path):
    curve = Curve("r", [0, 1], [0.1, 0.2], "#0072B2", marker="circle", filled=[True, False])
    band = Curve("null", [0, 1], [0.0, 0.0], "#666666", upper=[0.1, 0.1])
    lines = Chart("lines", "", (), {(): [Lines("t", "layer", "r", [band, curve], (0, 1), mark=1)] * 2})
    points = Scatter(
        "t", "x", "y", [Points("g", [0.0, 1.0], [1.0, 0.0], ["a", "b"], "#0072B2", "x")], [("g", "#000000", "x")]
    )
    written = write_figures([lines, Chart("points", "", (), {(): [points]})], tmp_path)
    assert [path.name for path in written] == ["lines.svg", "points.svg"]
    assert not list(tmp_path.glob("*.tmp"))
