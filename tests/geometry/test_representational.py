from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, pearsonr, rankdata, spearmanr

from emovec.errors import EmovecError
from emovec.geometry import rsa
from emovec.stats.permutation import familywise_p_values, label_permutations, p_values
from tests.geometry.planted import random_vectors, relabelled, vectors_array


def reference_triangle(vectors: xr.DataArray, language: str, layer: int, order: list[int]) -> np.ndarray:
    """Cosines of all pairs, emotion by emotion, in label order and then in the order given."""
    own = vectors.sel(language=language, layer=layer).sortby("emotion").values.astype("float64")
    own = own[order]
    return np.array(
        [
            own[i] @ own[j] / np.linalg.norm(own[i]) / np.linalg.norm(own[j])
            for i in range(len(own))
            for j in range(i + 1, len(own))
        ]
    )


def reference_rho_a(x: np.ndarray, y: np.ndarray) -> float:
    n = len(x)
    return 12 * (rankdata(x) @ rankdata(y)) / (n**3 - n) - 3 * (n + 1) / (n - 1)


METHODS = {
    "pearson": lambda x, y: pearsonr(x, y)[0],
    "spearman": lambda x, y: spearmanr(x, y)[0],
    "rho_a": reference_rho_a,
}


@pytest.mark.parametrize("method", METHODS)
def test_equals_a_plain_permutation_test(method: str) -> None:
    vectors = random_vectors(3, n=6, shared=0.7)
    table = rsa(vectors, "en", "ja", permutations=200, seed=5).query("method == @method").set_index("layer")
    n, correlate = 6, METHODS[method]
    orders = label_permutations(n, 200, 5).tolist()
    null = np.array(
        [
            [
                correlate(
                    reference_triangle(vectors, "en", layer, list(range(n))),
                    reference_triangle(vectors, "ja", layer, order),
                )
                for layer in range(3)
            ]
            for order in orders
        ]
    )
    for layer in range(3):
        whole = list(range(n))
        r = correlate(reference_triangle(vectors, "en", layer, whole), reference_triangle(vectors, "ja", layer, whole))
        row = table.loc[layer]
        assert row["r"] == pytest.approx(r, abs=1e-12)
        assert row["p"] == pytest.approx((1 + sum(value >= r - 1e-9 for value in null[:, layer])) / 201)
        assert row["p_familywise"] == pytest.approx((1 + sum(value >= r - 1e-9 for value in null.max(axis=1))) / 201)
        assert row["null_mean"] == pytest.approx(null[:, layer].mean(), abs=1e-12)
        assert row["null_95"] == pytest.approx(np.sort(null[:, layer])[-10])


def test_equals_rsatoolbox() -> None:
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm, compare

    vectors = random_vectors(4, n=9, shared=0.5)
    table = rsa(vectors, "en", "ja", permutations=10).set_index(["method", "layer"])["r"]
    for layer in range(3):
        rdms = []
        for language in ("en", "ja"):
            own = vectors.sel(language=language, layer=layer).values
            own = own / np.linalg.norm(own, axis=1, keepdims=True)
            data = Dataset(own, obs_descriptors={"emotion": vectors["emotion"].values.astype(str)})
            rdms.append(calc_rdm(data, method="euclidean", descriptor="emotion"))
        # Squared Euclidean distance of unit vectors is 2 − 2 cosine, so correlations are those of the cosines.
        for ours, theirs in (("pearson", "corr"), ("spearman", "spearman"), ("rho_a", "rho-a")):
            assert table[ours, layer] == pytest.approx(compare(*rdms, method=theirs).item(), abs=1e-6)


@given(seed=st.integers(0, 1000))
def test_label_order_changes_no_number(seed: int) -> None:
    vectors = random_vectors(seed, shared=0.3)
    pd.testing.assert_frame_equal(
        rsa(vectors, "en", "ja", 50), rsa(relabelled(vectors, seed), "en", "ja", 50), check_exact=False, rtol=1e-12
    )


def test_swapping_the_languages_changes_no_number() -> None:
    vectors = random_vectors(6, shared=0.3)
    columns = ["layer", "method", "r", "p", "p_familywise", "null_mean", "null_95"]
    pd.testing.assert_frame_equal(rsa(vectors, "en", "ja", 99)[columns], rsa(vectors, "ja", "en", 99)[columns])


def test_scaling_the_vectors_of_a_language_changes_nothing() -> None:
    vectors = random_vectors(7, shared=0.3)
    scaled = vectors * xr.DataArray([1, 2.0**10], dims="language", coords={"language": ["en", "ja"]})
    pd.testing.assert_frame_equal(rsa(vectors, "en", "ja", 99), rsa(scaled, "en", "ja", 99))


def test_p_is_uniform_without_agreement_and_layers_are_corrected_for() -> None:
    runs = 300
    tables = [rsa(random_vectors(seed, n=7, layers=4), "en", "ja", 99, seed) for seed in range(runs)]
    pearson = [table[table["method"] == "pearson"] for table in tables]
    # p takes the values 0.01, 0.02, …, 1: spread out they are uniform on (0, 1).
    jitter = np.random.default_rng(0).uniform(0, 0.01, runs)
    assert kstest([t["p"].iloc[0] for t in pearson] - jitter, "uniform").pvalue > 0.01
    lowest = np.array([t["p_familywise"].min() for t in pearson])
    assert kstest(lowest - jitter, "uniform").pvalue > 0.01
    # The uncorrected ones would be wrong nearly four times as often.
    assert np.mean([t["p"].min() <= 0.05 for t in pearson]) > 0.1
    assert np.mean(lowest <= 0.05) < 0.085


def test_a_shared_arrangement_is_found_even_when_the_spaces_are_rotated() -> None:
    vectors = random_vectors(8, n=12, shared=6)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0]
    values = vectors.values.copy()
    values[1] = values[1] @ rotation
    table = rsa(vectors_array(values, ("en", "ja"), vectors["emotion"].values), "en", "ja", 999)
    assert (table["r"] > 0.5).all()
    assert table["p_familywise"].values == pytest.approx(0.001)


def test_a_constant_matrix_agrees_with_nothing() -> None:
    values = np.random.default_rng(0).normal(size=(2, 5, 1, 5))
    values[1, :, 0] = np.eye(5)
    table = rsa(vectors_array(values, ("en", "ja"), list("abcde")), "en", "ja", 99)
    assert table["r"].values == pytest.approx(0, abs=1e-12)
    assert (table["p"] == 1).all()


def test_few_emotions_and_unknown_languages_are_named() -> None:
    with pytest.raises(EmovecError, match="share 3 emotions"):
        rsa(random_vectors(0, n=3), "en", "ja")
    with pytest.raises(EmovecError, match="'fr'"):
        rsa(random_vectors(0), "en", "fr")


def test_one_layer_alone_can_be_given() -> None:
    vectors = random_vectors(9)
    alone = rsa(vectors.sel(layer=1), "en", "ja", 20)
    assert alone["layer"].unique().tolist() == [1]
    assert alone["r"].values == pytest.approx(rsa(vectors, "en", "ja", 20).query("layer == 1")["r"].values)


def test_permutations_are_uniform() -> None:
    orders = label_permutations(3, 6000, 0).tolist()
    counts = [orders.count(list(order)) for order in permutations(range(3))]
    assert sum(counts) == 6000
    assert min(counts) > 850


def test_p_values_count_themselves() -> None:
    observed, null = np.array([1.0, 3.0]), np.array([[0.0, 3.0], [1.0, 5.0], [2.0, 0.0]])
    assert p_values(observed, null) == pytest.approx([3 / 4, 3 / 4])
    assert familywise_p_values(observed, null) == pytest.approx([4 / 4, 3 / 4])


@pytest.mark.fault("F13")
def test_ten_emotions_have_the_post_s_null_and_thirty_do_not() -> None:
    """Its shuffled correlations reach about 0.6: those of 45 pairs, which are ten emotions."""
    largest = {
        n: np.mean(
            [
                rsa(random_vectors(seed, n=n, layers=1), "en", "ja", permutations=2_000, seed=seed)
                .query("method == 'pearson'")["null_95"]
                .item()
                for seed in range(3)
            ]
        )
        for n in (10, 30)
    }
    assert largest[10] > 0.2
    assert largest[30] < 0.13
