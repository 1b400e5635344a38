import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist

from emovec.geometry import cosine_matrices, cosine_table, leaf_order
from tests.geometry.planted import random_vectors, relabelled


def test_cosines_equal_the_definition() -> None:
    vectors = random_vectors(0)
    table = cosine_table(vectors).set_index(["layer", "language_a", "language_b", "emotion_a", "emotion_b"])["cosine"]
    assert len(table) == 3 * 3 * 8 * 8
    for a, b, e, f in [("en", "en", "angry", "sad"), ("en", "ja", "angry", "sad"), ("en", "ja", "sad", "angry")]:
        for layer in range(3):
            x = vectors.sel(language=a, emotion=e, layer=layer).values if e in vectors.emotion else None
            y = vectors.sel(language=b, emotion=f, layer=layer).values if f in vectors.emotion else None
            if x is None or y is None:
                continue
            assert table[layer, a, b, e, f] == pytest.approx(x @ y / np.sqrt(x @ x) / np.sqrt(y @ y))
    assert table.xs("angry", level="emotion_a").xs("angry", level="emotion_b").xs(
        "en", level="language_b"
    ).values == pytest.approx(1)


def test_leaves_are_in_the_order_of_scipy_on_the_vectors() -> None:
    vectors = random_vectors(1).sortby("emotion")
    tree = linkage(pdist(vectors.sel(language="ja", layer=1).values, "cosine"), "average", optimal_ordering=True)
    expected = vectors["emotion"].values[leaves_list(tree)].tolist()
    order = leaf_order(vectors).query("language == 'ja' and layer == 1").sort_values("position")["emotion"].tolist()
    # Mirroring a tree changes nothing that it says.
    assert order in (expected, expected[::-1])


@given(seed=st.integers(0, 1000))
def test_label_order_changes_no_cosine_and_no_leaf(seed: int) -> None:
    vectors = random_vectors(seed, languages=("en",))
    other = relabelled(vectors, seed)
    pd.testing.assert_frame_equal(cosine_table(vectors), cosine_table(other))
    pd.testing.assert_frame_equal(leaf_order(vectors), leaf_order(other))


def test_an_emotion_that_one_language_lacks_is_left_out_of_the_pair_only() -> None:
    vectors = random_vectors(2)
    vectors.loc[{"language": "ja", "emotion": "angry"}] = np.nan
    assert "angry" not in cosine_matrices(vectors, "en", "ja")["emotion_a"]
    assert "angry" in cosine_matrices(vectors, "en")["emotion_a"]
