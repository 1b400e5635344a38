import numpy as np
import pytest
from benchmarks.calibration import as_cells, geometries, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.distance import cdist
from sklearn.manifold import Isomap

from emovec.geometry.analysis import Inputs
from emovec.geometry.geodesic import geodesic_rsa, isomap, main_k
from emovec.geometry.geodesic_agreement import compare_distances, corrected_table
from emovec.geometry.neighbour_paths import chord_distances, connected_k, geodesic_distances
from emovec.geometry.registry import run_analysis
from emovec.geometry.uncertainty import SPLITS
from emovec.stats.resampling import half_weights
from tests.geometry.planted import (
    emotion_vectors,
    make_stories,
    random_vectors,
    relabelled,
    story_activations,
    vectors_array,
)


def reference_geodesics(distances: np.ndarray, k: int) -> np.ndarray:
    """One matrix: the graph edge by edge, the paths by scipy (Dijkstra)."""
    n = len(distances)
    graph = np.zeros((n, n))
    for i in range(n):
        others = sorted((j for j in range(n) if j != i), key=lambda j: (distances[i, j], j))
        for j in others[:k]:
            graph[i, j] = graph[j, i] = distances[i, j]
    return shortest_path(graph, method="D", directed=False)


def unit_grams(seed: int, draws: int = 3, n: int = 9) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(draws, n, 6))
    return x @ x.swapaxes(1, 2)


def test_chord_distances_are_those_between_unit_vectors():
    x = np.random.default_rng(0).normal(size=(7, 4))
    rows = x / np.linalg.norm(x, axis=1, keepdims=True)
    assert np.allclose(chord_distances(x @ x.T), cdist(rows, rows), atol=1e-7)


@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_paths_equal_scipys_also_where_none_leads(k: int):
    distances = chord_distances(unit_grams(k))
    expected = np.stack([reference_geodesics(matrix, k) for matrix in distances])
    assert np.allclose(geodesic_distances(distances, k), expected, atol=1e-12)
    if k == 1:
        assert np.isinf(expected).any()


def test_with_every_neighbour_paths_are_straight_lines():
    distances = chord_distances(unit_grams(1))
    assert np.allclose(geodesic_distances(distances, 8), distances)


def test_a_draw_without_an_emotion_is_left_out():
    grams = unit_grams(2)
    grams[1, 4] = grams[1, :, 4] = np.nan
    curved, straight, _ = compare_distances(chord_distances(grams), chord_distances(unit_grams(3)), 4)
    assert np.isnan(curved[1])
    assert np.isnan(straight[1])
    assert np.isfinite(curved[[0, 2]]).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_no_number_depends_on_the_order_of_labels(seed: int):
    vectors = random_vectors(seed, n=9, layers=2, shared=2)
    first, second = geodesic_rsa(vectors, "en", "ja"), geodesic_rsa(relabelled(vectors, seed), "en", "ja")
    assert np.allclose(first["rsa_geodesic"], second["rsa_geodesic"], equal_nan=True)


def test_a_planted_strip_is_unrolled_and_agrees_better_along_its_length():
    # One language's strip is rolled up, the other's nearly straight: only the paths along it agree.
    angle = np.linspace(0, 1.7 * np.pi, 24)
    rolled = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    opened = np.stack([np.cos(angle / 3), np.sin(angle / 3)], axis=1)
    table = geodesic_rsa(planted_pair(rolled, opened), "en", "ja", ks=(2, 3))
    assert (table["rsa_geodesic"] - table["rsa_euclidean"] > 0.15).all()
    assert (table["rsa_geodesic"] > 0.99).all()


def planted_pair(a: np.ndarray, b: np.ndarray):
    from emovec.emotions import DEFAULT_30

    return vectors_array(np.stack([a, b])[:, :, None, :], ("en", "ja"), DEFAULT_30[: len(a)])


def test_isomap_is_sklearns_and_keeps_its_distances():
    vectors = random_vectors(5, n=12, layers=2)
    table = isomap(vectors, 4)
    for (language, layer), rows in table.groupby(["language", "layer"]):
        own = vectors.sel(language=language, layer=layer).sortby("emotion")
        x = own.transpose("emotion", "hidden").values
        distances = chord_distances(x @ x.T)
        k = connected_k(distances, 4)
        assert (rows["k"] == k).all()
        expected = Isomap(n_neighbors=k, metric="precomputed", eigen_solver="dense").fit_transform(distances)
        places = rows.sort_values("emotion")[["x", "y"]].to_numpy()
        assert np.allclose(cdist(places, places), cdist(expected, expected), atol=1e-8)


def test_the_smallest_connected_k_is_taken():
    two = np.array([[0.0, 1], [0.1, 1], [0.2, 1], [0, -1], [0.1, -1], [0.2, -1]])
    distances = cdist(two, two)
    assert not np.isfinite(geodesic_distances(distances, 2)).all()
    assert connected_k(distances, 1) == 3


def inputs(languages: tuple[str, ...], n: int, topics: int, hidden: int = 12) -> Inputs:
    vectors = random_vectors(6, languages, n=n, layers=2, hidden=hidden, shared=2)
    emotions = [str(e) for e in vectors["emotion"].values]
    names = [f"topic {t}" for t in range(topics)]
    stories = {language: make_stories(language, emotions, names) for language in languages}
    rng = np.random.default_rng(7)

    def activations(layer: int, language: str):
        place = {e: vectors.sel(language=language, emotion=e, layer=layer).values for e in emotions}
        own = stories[language]
        noise = rng.normal(size=(len(own), hidden)) * 0.3
        return story_activations(np.stack([place[s.emotion] for s in own]) + noise, own)

    every = [story for own in stories.values() for story in own]
    return Inputs(emotion_vectors(vectors), activations, every, lambda: None, bootstraps=50, layer=1)  # type: ignore[arg-type, return-value]


def test_intervals_stand_beside_every_pair_of_three_languages():
    result = run_analysis("geodesic", inputs(("en", "ja", "zh"), 10, 6))
    table = result.tables["geodesic"]
    assert table.groupby(["language_a", "language_b"]).ngroups == 3
    chosen = table[(table["layer"] == 1) & table["difference"].notna()]
    assert len(chosen)
    assert ((chosen["low"] <= chosen["difference"]) & (chosen["difference"] <= chosen["high"])).all()
    np.testing.assert_allclose(chosen["difference"], chosen["free_geodesic"] - chosen["free_euclidean"])
    assert (chosen["ceiling_euclidean"] <= 1).all()
    other = table[table["layer"] == 0]
    assert set(other.loc[other["low"].notna(), "k"]) == {main_k(table)}
    assert len(result.tables["isomap"]) == 2 * 3 * 10 * 2


@pytest.mark.fault("F1")
def test_equal_geometries_are_not_said_to_differ():
    """As observed geodesic distances of the same geometry agree less; corrected they agree as much."""
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        truth = geometries(rng, 1.0)
        cells = as_cells(truth[:, None] + noise(rng, 12, 0.5, 0))
        chords = [chord_distances(cells.grams(np.ones((1, 12)), name, name)) for name in ("en", "ja")]
        curved, straight, _ = compare_distances(*chords, 5)
        row = corrected_table(cells, [("en", "ja")], [5], seed).iloc[0]
        found.append((curved[0] - straight[0], row["difference"], row["low"] <= 0 <= row["high"]))
    observed, corrected, holds_zero = np.array(found, float).mean(axis=0)
    assert observed < -0.1
    assert abs(corrected) < 0.06
    assert holds_zero >= 7 / 8


@pytest.mark.fault("F1")
def test_the_correction_equals_a_plain_loop_over_splits():
    rng = np.random.default_rng(0)
    cells = as_cells(rng.normal(size=(1, 1, 9, 5)) + 0.5 * rng.normal(size=(2, 6, 9, 5)))
    table = corrected_table(cells, [("en", "ja")], [3], 4)
    across, within = [], {"en": [], "ja": []}
    for one, other in zip(*half_weights(6, SPLITS, 4), strict=True):
        paths = {
            (name, at): reference_geodesics(chord_distances(cells.grams(half[None], name, name)[0]), 3)[
                np.triu_indices(9, 1)
            ]
            for name in ("en", "ja")
            for at, half in enumerate((one, other))
        }
        for pairs, kept in (
            ((("en", 0), ("ja", 1)), across),
            ((("en", 1), ("ja", 0)), across),
            *(((((name, 0), (name, 1))), within[name]) for name in within),
        ):
            x, y = (paths[pair] for pair in pairs)
            if np.isfinite(x).all() and np.isfinite(y).all():
                kept.append(np.corrcoef(x, y)[0, 1])
    product = np.mean(within["en"]) * np.mean(within["ja"])
    assert table["free_geodesic"][0] == pytest.approx(np.mean(across) / np.sqrt(product), abs=1e-9)


def test_too_few_topics_are_not_corrected():
    result = run_analysis("geodesic", inputs(("en", "ja"), 8, 3))
    assert result.tables["geodesic"]["difference"].isna().all()
    assert "to correct for reliability takes at least 4" in result.summary["note"]


@pytest.mark.parametrize(("languages", "n"), [(("en",), 8), (("en", "ja"), 3)])
def test_too_little_leaves_a_note(languages: tuple[str, ...], n: int):
    result = run_analysis("geodesic", inputs(languages, n, 4))
    assert result.tables["geodesic"].empty
    assert result.summary["note"]
