import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emovec.geometry import debiased_cka, layer_agreement
from tests.geometry.planted import random_vectors, relabelled, vectors_array
from tests.geometry.test_representational import reference_triangle

KEY = ["language_a", "language_b", "measure", "layer_a", "layer_b"]


def test_layers_are_compared_within_and_across_languages() -> None:
    vectors = random_vectors(10, shared=0.5)
    table = layer_agreement(vectors).set_index(KEY)["r"]
    own = vectors.sortby("emotion").transpose("language", "layer", "emotion", "hidden")
    whole = list(range(8))
    for first, second in (("en", "en"), ("en", "ja"), ("ja", "ja")):
        for a in range(3):
            for b in range(3):
                x, y = reference_triangle(vectors, first, a, whole), reference_triangle(vectors, second, b, whole)
                assert table[first, second, "rsa", a, b] == pytest.approx(np.corrcoef(x, y)[0, 1])
                kernel = debiased_cka(own.sel(language=first, layer=a).values, own.sel(language=second, layer=b).values)
                assert table[first, second, "cka", a, b] == pytest.approx(float(kernel))
    assert len(table) == 3 * 2 * 9


def test_a_geometry_that_comes_later_in_one_language_is_found_off_the_diagonal() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 12, 4, 30))
    values[1, :, 3] = values[0, :, 1] + 0.1 * rng.normal(size=(12, 30))
    table = layer_agreement(vectors_array(values, ("en", "ja"), [f"e{k}" for k in range(12)]))
    across = table[(table["language_a"] == "en") & (table["language_b"] == "ja")]
    for _, rows in across.groupby("measure"):
        assert rows.sort_values("r").iloc[-1][["layer_a", "layer_b"]].tolist() == [1, 3]
        assert rows["r"].max() > 0.9


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_label_order_changes_no_number(seed: int) -> None:
    vectors = random_vectors(seed)
    emotions = vectors.isel(emotion=np.random.default_rng(seed).permutation(8))
    pd.testing.assert_frame_equal(layer_agreement(vectors), layer_agreement(emotions), rtol=1e-9, atol=1e-12)
    assert len(layer_agreement(relabelled(vectors, seed))) == 3 * 2 * 9


def test_few_emotions_have_no_geometry_to_compare() -> None:
    assert layer_agreement(random_vectors(0, n=3)).empty
