import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA

from emovec.geometry.analysis import Inputs
from emovec.geometry.manifold import MOST_LAYERS, aligned_umap, kept_neighbours, pca_path, spread, stacked
from emovec.geometry.registry import run_analysis
from tests.geometry.planted import emotion_vectors, random_vectors, relabelled


@pytest.mark.parametrize("dimensions", [2, 3])
def test_each_layer_keeps_the_distances_of_sklearns_pca(dimensions: int):
    vectors = random_vectors(0, layers=3)
    table = pca_path(vectors, dimensions)
    layers, points, owners = stacked(vectors)
    axes = ["x", "y", "z"][:dimensions]
    assert table["z"].notna().all() == (dimensions == 3)
    for layer, rows in zip(layers, points, strict=True):
        fitted = PCA(dimensions).fit(rows)
        own = table[table["layer"] == layer].set_index(["language", "emotion"]).loc[owners]
        assert np.allclose(pdist(own[axes].to_numpy()), pdist(fitted.transform(rows)))
        assert np.allclose(own["share"], fitted.explained_variance_ratio_.sum())


def test_layers_that_differ_by_a_rotation_and_a_scale_stand_still():
    vectors = random_vectors(1, layers=3, shared=2)
    rng = np.random.default_rng(2)
    first = vectors.isel(layer=0).values
    for layer in (1, 2):
        turn = np.linalg.qr(rng.normal(size=(12, 12)))[0]
        vectors[:, :, layer] = 7 * first @ turn
    table = pca_path(vectors, 2).set_index(["layer", "language", "emotion"])[["x", "y"]]
    for layer in (1, 2):
        assert np.allclose(table.loc[layer], table.loc[0], atol=1e-9)


def test_no_place_depends_on_the_order_of_labels():
    vectors = random_vectors(3)
    first, second = pca_path(vectors), pca_path(relabelled(vectors, 4))
    assert first[["language", "emotion"]].equals(second[["language", "emotion"]])
    assert np.allclose(first[["x", "y"]], second[["x", "y"]])


def test_kept_neighbours_equal_a_plain_loop():
    joined = np.random.default_rng(5).random((5, 6, 6)) < 0.4
    joined[:, 2] = False
    kept = kept_neighbours(joined, 3)
    for layer in range(5):
        for offset in range(-3, 4):
            for point in range(6):
                other = layer + offset
                expected = 0.0
                if 0 <= other < 5:
                    a, b = (set(np.flatnonzero(joined[at, point])) for at in (layer, other))
                    expected = len(a & b) / len(a | b) if a | b else 1.0
                assert kept[layer, offset + 3, point] == pytest.approx(expected)


def test_layers_are_thinned_and_the_chosen_one_stays():
    vectors = random_vectors(6, layers=70)
    kept = [int(layer) for layer in spread(vectors, kept=(31,))["layer"].values]
    assert len(kept) in {MOST_LAYERS, MOST_LAYERS + 1}
    assert {0, 31, 69} <= set(kept)


def test_planted_groups_stay_together_and_move_little_between_layers():
    vectors = random_vectors(7, n=12, layers=4)
    emotions = np.arange(12) < 6
    centre = np.zeros(12)
    centre[0] = 8
    for layer in range(4):
        vectors[:, :, layer] = vectors.values[:, :, layer] + np.where(emotions[:, None], centre, -centre)
    table = aligned_umap(vectors, 2)
    again = aligned_umap(vectors, 2)
    assert table.equals(again)
    sides = dict(zip(vectors["emotion"].values.tolist(), emotions.tolist(), strict=True))
    for _, rows in table.groupby("layer"):
        places, side = rows[["x", "y"]].to_numpy(), rows["emotion"].map(sides).to_numpy()
        distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
        np.fill_diagonal(distances, np.inf)
        assert (side[distances.argmin(axis=1)] == side).mean() > 0.9
    wide = table.pivot_table(index=["language", "emotion"], columns="layer", values=["x", "y"])
    moved = np.abs(wide["x"].diff(axis=1)).mean().mean()
    assert moved < table["x"].std() / 2


def test_few_emotions_leave_a_note():
    vectors = random_vectors(8, ("en",), n=5, layers=2)
    inputs = Inputs(emotion_vectors(vectors), lambda *_: None, [], lambda: None, layer=1)  # type: ignore[arg-type, return-value]
    result = run_analysis("manifold", inputs)
    assert set(result.tables["manifold"]["method"]) == {"pca"}
    assert "at least" in result.summary["note"]
