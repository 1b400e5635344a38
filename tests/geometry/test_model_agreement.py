import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from emovec.errors import EmovecError
from emovec.geometry.model_agreement import at_equal_depth, between_layers, between_models, overlap
from tests.geometry.planted import random_vectors, relabelled


def other_size(vectors: xr.DataArray, hidden: int, noise: float, seed: int = 9) -> xr.DataArray:
    """The same geometry (up to noise) seen by a model of another hidden size: rotated into more dimensions."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(hidden, vectors.sizes["hidden"])))[0]
    values = vectors.values @ basis.T
    values = values + noise * rng.normal(size=values.shape)
    return xr.DataArray(values, dims=vectors.dims, coords={k: vectors[k] for k in ("language", "emotion", "layer")})


def slow_triangle(vectors: xr.DataArray, language: str, emotions: list[str], layer: int) -> list[float]:
    rows = [vectors.sel(language=language, emotion=e, layer=layer).values.astype(float) for e in emotions]
    mean = sum(rows) / len(rows)
    rows = [row - mean for row in rows]
    return [
        float(rows[i] @ rows[j] / np.sqrt((rows[i] @ rows[i]) * (rows[j] @ rows[j])))
        for i in range(len(rows))
        for j in range(i + 1, len(rows))
    ]


def test_numbers_are_those_of_the_definition_over_shared_emotions_and_sizes() -> None:
    a, b = random_vectors(0, n=8, hidden=12), random_vectors(1, ("en", "de"), n=10, layers=5, hidden=20)
    a = a.isel(emotion=slice(1, None))
    shared = sorted(set(a["emotion"].values) & set(b["emotion"].values))
    assert len(shared) == 7
    table = between_models(a, b, 2, 4, permutations=50).set_index("method")
    assert set(table["language_a"]) == set(table["language_b"]) == {"en"}
    x, y = slow_triangle(a, "en", shared, 2), slow_triangle(b, "en", shared, 4)
    assert table.loc["pearson", "r"] == pytest.approx(pearsonr(x, y)[0])
    assert table.loc["spearman", "r"] == pytest.approx(spearmanr(x, y)[0])
    assert set(table["n_emotions"]) == {7}
    layers = between_layers(a, b)
    assert len(layers) == 3 * 5
    for row in layers.to_dict("records"):
        x = slow_triangle(a, "en", shared, row["layer_a"])
        y = slow_triangle(b, "en", shared, row["layer_b"])
        assert row["r"] == pytest.approx(pearsonr(x, y)[0])
        assert row["depth_a"] == (row["layer_a"] + 1) / 3
        assert row["depth_b"] == (row["layer_b"] + 1) / 5


@given(seed=st.integers(0, 1000))
def test_the_order_of_labels_changes_nothing(seed: int) -> None:
    a, b = random_vectors(3), random_vectors(4, hidden=30)
    keys = ["language_a", "language_b", "method"]
    straight = between_models(a, b, 1, 2, permutations=20).sort_values(keys, ignore_index=True)
    mixed = between_models(relabelled(a, seed), relabelled(b, seed + 1), 1, 2, permutations=20)
    mixed = mixed.sort_values(keys, ignore_index=True)
    np.testing.assert_allclose(straight[["r", "p"]].to_numpy(float), mixed[["r", "p"]].to_numpy(float), atol=1e-9)


def test_a_shared_geometry_is_found_in_another_size_and_only_where_it_is() -> None:
    a = random_vectors(0, ("en",), n=12, layers=4, hidden=16)
    b = other_size(a, 40, noise=0.05)
    table = between_layers(a, b)
    r = table.pivot(index="layer_a", columns="layer_b", values="r").to_numpy()
    assert r.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert np.diag(r).min() > 0.95
    found = between_models(a, b, 2, 2, permutations=200)
    np.testing.assert_allclose(found["p"], 1 / 201)


def test_unrelated_models_are_significant_as_often_as_chance() -> None:
    p = [
        between_models(random_vectors(s, ("en",)), random_vectors(500 + s, ("en",), hidden=20), 0, 0, 99, s)["p"].iloc[
            0
        ]
        for s in range(200)
    ]
    assert 0.01 <= np.mean(np.array(p) <= 0.05) <= 0.1


def test_equal_depth_pairs_each_layer_with_the_nearest() -> None:
    a, b = random_vectors(0, ("en",), layers=4), random_vectors(1, ("en",), layers=8)
    pairs = at_equal_depth(between_layers(a, b))
    assert list(zip(pairs["layer_a"], pairs["layer_b"], strict=True)) == [(0, 1), (1, 3), (2, 5), (3, 7)]


def test_overlap_says_what_is_shared_and_what_is_not() -> None:
    a, b = random_vectors(0, ("en", "ja"), n=6), random_vectors(1, ("ja", "de"), n=8)
    common = overlap(a, b)
    assert common.languages == [("ja", "ja")]
    assert len(common.emotions) == 6
    assert common.only_a == ["en"]
    assert common.only_b[0] == "de"
    assert len(common.only_b) == 3
    apart = overlap(a, random_vectors(1, ("de",)))
    assert apart.languages == [("en", "de"), ("ja", "de")]


def test_too_few_shared_emotions_are_an_error() -> None:
    a, b = random_vectors(0, n=6), random_vectors(1, n=3)
    for compare in (lambda: between_models(a, b, 0, 0), lambda: between_layers(a, b)):
        with pytest.raises(EmovecError, match="share 3 emotions"):
            compare()
