import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from emovec.geometry import language_agreement, language_map, rsa, run_analysis
from tests.geometry.planted import random_vectors, relabelled, vectors_array
from tests.geometry.test_analyses import make_inputs

FOUR = ("de", "en", "ja", "ko")


def two_families(seed: int = 0, layers: int = 3) -> xr.DataArray:
    """German and English share a geometry, and so do Japanese and Korean; all four share a little."""
    rng = np.random.default_rng(seed)
    shape = (12, layers, 30)
    everyone, west, east = rng.normal(size=(3, *shape))
    families = [west, west, east, east]
    values = np.stack([0.7 * everyone + family + 0.6 * rng.normal(size=shape) for family in families])
    return vectors_array(values - values.mean(axis=1, keepdims=True), FOUR, [f"e{k:02}" for k in range(12)])


def test_agreement_is_rsa_of_every_two_in_both_orders() -> None:
    vectors = two_families()
    table = language_agreement(vectors).set_index(["language_a", "language_b", "layer"])["r"].sort_index()
    assert len(table) == 16 * 3
    for a in FOUR:
        for b in FOUR:
            expected = [1.0] * 3 if a == b else rsa(vectors, a, b, 1).query("method == 'pearson'")["r"].tolist()
            assert table[a, b].tolist() == pytest.approx(expected)


def test_families_are_neighbours_in_the_tree_and_on_the_map() -> None:
    found = language_map(language_agreement(two_families()))
    for _, rows in found.groupby("layer"):
        places = rows.set_index("language")
        assert sorted(places["position"]) == [0, 1, 2, 3]
        assert abs(places.loc["de", "position"] - places.loc["en", "position"]) == 1
        assert abs(places.loc["ja", "position"] - places.loc["ko", "position"]) == 1
        apart = pd.DataFrame(squareform(pdist(places[["x", "y"]])), index=places.index, columns=places.index)
        assert max(apart.loc["de", "en"], apart.loc["ja", "ko"]) < apart.loc[["de", "en"], ["ja", "ko"]].values.min()


def test_three_languages_are_mapped_exactly() -> None:
    agreement = language_agreement(two_families(1, layers=1).sel(language=["de", "en", "ja"]))
    places = language_map(agreement).set_index("language")[["x", "y"]]
    for row in agreement.itertuples():
        distance = np.linalg.norm(places.loc[row.language_a] - places.loc[row.language_b])
        assert distance == pytest.approx(np.sqrt(2 - 2 * row.r), abs=1e-7)


def test_layers_that_agree_lie_alike() -> None:
    vectors = two_families(2, layers=1)
    values = np.concatenate([vectors.values, vectors.values[..., ::-1]], axis=2)
    found = language_map(language_agreement(vectors_array(values, FOUR, vectors["emotion"].values)))
    first, second = (rows[["x", "y"]].values for _, rows in found.groupby("layer"))
    np.testing.assert_allclose(first, second, atol=1e-8)


@settings(max_examples=20)
@given(seed=st.integers(0, 300))
def test_the_order_of_labels_changes_no_place(seed: int) -> None:
    vectors = two_families(seed, layers=1)
    one = language_map(language_agreement(vectors))
    other = language_map(language_agreement(relabelled(vectors, seed)))
    pd.testing.assert_frame_equal(one, other, rtol=1e-6, atol=1e-9)


def test_two_languages_make_no_map_and_few_emotions_none_either() -> None:
    assert language_map(language_agreement(random_vectors(0))).empty
    few = language_agreement(random_vectors(0, FOUR, n=3))
    assert (few["r"] == 1).all()
    assert language_map(few).empty


def test_the_analysis_says_why_there_is_no_map() -> None:
    assert "one language" in run_analysis("languages", make_inputs(("en",))).summary["note"]
    two = run_analysis("languages", make_inputs())
    assert "two languages" in two.summary["note"]
    assert len(two.tables["language_agreement"]) == 4 * 3 * 2
    assert "4 emotions" in run_analysis("languages", make_inputs(("de", "en", "ja"), n=3)).summary["note"]
    assert set(run_analysis("languages", make_inputs(FOUR)).tables["language_map"]["variant"]) == {
        "raw",
        "standardised",
    }
