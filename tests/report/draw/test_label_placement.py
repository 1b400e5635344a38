from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emovec.report.draw.label_placement import leader_end, place_labels, text_width

BOX = (600.0, 400.0)


def boxes(points: np.ndarray, texts: list[str], places: list, size: float) -> list[tuple[float, float, float, float]]:
    return [
        (x + dx - text_width(t, size) / 2, y + dy - size / 2, x + dx + text_width(t, size) / 2, y + dy + size / 2)
        for (x, y), t, place in zip(points, texts, places, strict=True)
        if place is not None
        for dx, dy in [place]
    ]


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_labels_neither_overlap_nor_leave_the_box(seed: int, n: int):
    rng = np.random.default_rng(seed)
    points = rng.uniform([20, 20], [580, 380], size=(n, 2))
    texts = [["sad", "overwhelmed", "喜び"][i % 3] + str(i) for i in range(n)]
    placed = boxes(points, texts, place_labels(points, texts, 11, BOX), 11)
    assert len(placed) >= 0.9 * n
    for a, b in combinations(placed, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    for left, low, right, high in placed:
        assert 0 <= left <= right <= BOX[0]
        assert 0 <= low <= high <= BOX[1]


@given(st.permutations(list(range(25))))
def test_order_of_points_does_not_matter(order: list[int]):
    rng = np.random.default_rng(5)
    points, texts = rng.uniform(50, 350, size=(25, 2)), [f"word{i}" for i in range(25)]
    straight = place_labels(points, texts, 11, BOX)
    mixed = place_labels(points[order], [texts[i] for i in order], 11, BOX)
    assert mixed == [straight[i] for i in order]


def test_leader_ends_at_the_label_and_points_at_it():
    end = leader_end((60.0, 0.0), "sad", 10)
    assert end[1] == 0
    assert end[0] == 60 - text_width("sad", 10) / 2
    assert np.allclose(leader_end((1.0, 1.0), "overwhelmed", 10), 0)
