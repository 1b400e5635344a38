from pathlib import Path

import numpy as np
from PIL import Image

from emovec.report.charts import Chart, Points, Scatter, Selector
from emovec.report.draw.films import BETWEEN, Film, films, write_films


def panel(shift: float, title: str = "layer 喜び") -> Scatter:
    groups = [
        Points("a", [0.2 + shift, 0.5], [0.1, 0.8], ["sad", "$calm"], "#0072B2", "circle"),
        Points("b", [0.3, 0.6 + shift], [0.2, 0.7], ["sad", "$calm"], "#D55E00", "diamond", labelled=False),
    ]
    legend = [("English", "#444444", "circle")]
    return Scatter(title, "x", "y", groups, legend, limits=((0.0, 1.0), (0.0, 1.0)))


def film() -> Film:
    return Film("map", (panel(0.0), panel(0.1), panel(0.3)))


def test_a_gif_holds_every_layer_and_the_frames_between(tmp_path: Path):
    calls: list[int] = []
    (path,) = write_films([film()], tmp_path, calls.append)
    with Image.open(path) as image:
        assert image.n_frames == 3 + 2 * BETWEEN
        first = np.asarray(image.convert("RGB"), dtype=int)
        image.seek(image.n_frames - 1)
        assert (np.asarray(image.convert("RGB"), dtype=int) != first).any()
    assert calls == [1]


def test_the_same_film_gives_the_same_bytes(tmp_path: Path):
    first, second = (write_films([film()], tmp_path / name)[0].read_bytes() for name in ("a", "b"))
    assert first == second


def test_films_are_the_views_of_charts_with_fixed_limits():
    layers = Selector("layer", ["0", "4"], "0", slider=True)
    views = Selector("map", ["pca, standardised", "pca, raw"], "pca, standardised")
    frames = {(layer, view): [panel(0.0)] for layer in layers.options for view in views.options}
    chart = Chart("map", "a map", (layers, views), frames)
    assert [(f.name, len(f.panels)) for f in films([chart])] == [("map-pca_standardised", 2)]
    free = Scatter("", "x", "y", panel(0.0).groups)
    assert films([Chart("map", "", (layers, views), {key: [free] for key in frames})]) == []
    assert films([Chart("map", "", (layers,), {("0",): [panel(0.0)]})]) == []
