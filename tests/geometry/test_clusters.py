import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from emovec.geometry import k_means, umap_embedding
from emovec.geometry.clusters import _umap
from tests.geometry.planted import random_vectors, relabelled, vectors_array

GROUPS = np.repeat([0, 1, 2], 4)


def grouped_vectors(seed: int = 0) -> object:
    """Twelve emotions in three groups, alike in both languages."""
    rng = np.random.default_rng(seed)
    values = 3 * np.eye(3, 20)[GROUPS][None, :, None] + 0.3 * rng.normal(size=(2, 12, 2, 20))
    return vectors_array(values, ("en", "ja"), [f"e{i:02d}" for i in range(12)])


def test_planted_groups_are_found_alone_and_together() -> None:
    clusters, silhouettes = k_means(grouped_vectors(), ks=range(2, 7))
    for languages, owners in clusters.query("k == 3").groupby(["languages", "layer"]):
        truth = GROUPS[owners["emotion"].str[1:].astype(int)]
        assert adjusted_rand_score(truth, owners["cluster"]) == 1, languages
    best = silhouettes.sort_values("silhouette").groupby(["languages", "layer"]).tail(1)
    assert best["k"].tolist() == [3] * 6
    assert set(silhouettes["languages"]) == {"en", "ja", "en+ja"}


def test_equals_sklearn_on_the_unit_vectors() -> None:
    vectors = grouped_vectors(1).sortby("emotion")
    points = vectors.sel(language="en", layer=1).values
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    clusters, silhouettes = k_means(vectors, ks=[3])
    ours = clusters.query("languages == 'en' and layer == 1").sort_values("emotion")["cluster"]
    theirs = KMeans(3, n_init=10, random_state=0).fit(points).labels_
    assert adjusted_rand_score(theirs, ours) == 1
    value = silhouettes.query("languages == 'en' and layer == 1")["silhouette"].item()
    assert value == pytest.approx(silhouette_score(points, theirs, metric="cosine"))


@settings(max_examples=8)
@given(seed=st.integers(0, 1000))
def test_label_order_changes_no_cluster(seed: int) -> None:
    vectors = random_vectors(seed, layers=1)
    keys = ["layer", "k", "language", "emotion"]
    one, other = (k_means(v, ks=[2, 4])[0] for v in (vectors, relabelled(vectors, seed)))
    # The name of all languages together follows the study's order.
    one["languages"], other["languages"] = (t["languages"].str.len() for t in (one, other))
    pd.testing.assert_frame_equal(*(t.sort_values(["languages", *keys], ignore_index=True) for t in (one, other)))


def test_k_is_bounded_by_the_emotions() -> None:
    _, silhouettes = k_means(random_vectors(0, n=4))
    assert silhouettes.groupby("languages")["k"].max().to_dict() == {"en": 3, "ja": 3, "en+ja": 7}
    clusters, silhouettes = k_means(random_vectors(0, languages=("en",), n=2))
    assert clusters.empty
    assert silhouettes.empty


def test_equal_vectors_have_no_silhouette() -> None:
    _, silhouettes = k_means(vectors_array(np.ones((1, 4, 1, 3)), ("en",), list("abcd")), ks=[2])
    assert not (silhouettes["silhouette"] > 1e-6).any()


def test_umap_has_the_graph_of_umap_learn() -> None:
    from umap import UMAP

    points = random_vectors(0, n=20, hidden=30).isel(language=0, layer=0).values
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    theirs = UMAP(n_neighbors=7, metric="cosine", random_state=0, n_jobs=1).fit(points)
    assert abs(_umap(points, 0, 7).graph_ - theirs.graph_).max() < 1e-4


def test_umap_keeps_groups_together_and_knows_no_order() -> None:
    vectors = grouped_vectors()
    table = umap_embedding(vectors, [1])
    assert set(table["layer"]) == {1}
    assert table.groupby("languages").size().to_dict() == {"en": 12, "ja": 12, "en+ja": 24}
    both = table[table["languages"] == "en+ja"]
    groups = GROUPS[both["emotion"].str[1:].astype(int)]
    assert silhouette_score(both[["x", "y"]], groups) > 0.5
    shuffled = umap_embedding(relabelled(vectors, 3).sel(language=["en", "ja"]), [1])
    pd.testing.assert_frame_equal(table, shuffled)


def test_umap_leaves_out_sets_that_are_too_small() -> None:
    assert umap_embedding(random_vectors(0, languages=("en",), n=3), [0]).empty
    assert len(umap_embedding(random_vectors(0, languages=("en",), n=4), [0])) == 4
