import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from emovec.emotions import DEFAULT_30
from emovec.geometry.cells import Cells
from emovec.geometry.grouping import groupings, point_grams
from emovec.geometry.partition import (
    adjusted_rand,
    cosines_of,
    in_order_met,
    k_means_partition,
    linkage_partitions,
    silhouettes,
)
from emovec.geometry.stability import cluster_agreement, cluster_profile, cluster_quality
from emovec.languages.norms import load_norms
from emovec.stats.labelled import unit
from emovec.stats.resampling import bootstrap_weights

EMOTIONS = sorted(DEFAULT_30)[:12]
GROUPS = np.arange(12) % 3


def planted_cells(
    seed: int, spread: float, noise: float, groups: np.ndarray | None = GROUPS, own: bool = False
) -> Cells:
    """Two languages, eight topics, twelve emotions in groups (or none); `own`: nothing shared by the languages."""
    rng = np.random.default_rng(seed)
    hidden = 16
    places = np.zeros((12, hidden)) if groups is None else 3 * np.eye(3, hidden)[groups]
    means = [places + spread * rng.normal(size=(12, hidden)) for _ in range(2 if own else 1)] * (1 if own else 2)
    if own:
        means[1] = means[1][rng.permutation(12)]
    sums = np.stack(means)[:, None] + noise * rng.normal(size=(2, 8, 12, hidden))
    rows = sums.reshape(-1, hidden)
    gram = (rows @ rows.T).reshape(2, 8, 12, 2, 8, 12)
    return Cells(["en", "ja"], EMOTIONS, [f"t{i}" for i in range(8)], gram, np.ones((2, 8, 12)), "8 topics")


def quality(cells: Cells, seed: int = 0, **settings: object) -> pd.DataFrame:
    found = groupings(cells, range(2, 6), seed)
    weights = bootstrap_weights(len(cells.topics), 30, seed)
    return cluster_quality(cells, found, weights, seed, **settings).set_index(["languages", "algorithm", "k"])


def random_points(seed: int, n: int = 14, hidden: int = 6) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(n, hidden))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@given(seed=st.integers(0, 10_000), k=st.integers(2, 6))
@settings(max_examples=15, deadline=None)
def test_k_means_is_as_good_as_sklearn_and_a_fixed_point(seed: int, k: int) -> None:
    points = random_points(seed)
    labels = k_means_partition((points @ points.T)[None], k)[0]
    means = np.stack([points[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    distances = ((points[:, None] - means) ** 2).sum(axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), labels)
    theirs = KMeans(k, n_init=50, random_state=0).fit(points).inertia_
    assert distances.min(axis=1).sum() <= theirs * (1 + 1e-9)


@pytest.mark.fault("F15")
@pytest.mark.parametrize("k", [5, 8])
def test_k_means_finds_what_hundreds_of_starts_find(k: int) -> None:
    """Thirty points of many dimensions without clear groups, where twenty starts of Lloyd's way stop too early."""
    points = np.random.default_rng(3).normal(size=(30, 60)) / np.sqrt(np.arange(1, 61))
    points = unit(points - points.mean(axis=0))
    labels = k_means_partition((points @ points.T)[None], k)[0]
    inertia = sum(((points[labels == c] - points[labels == c].mean(axis=0)) ** 2).sum() for c in range(k))
    assert inertia <= KMeans(k, n_init=400, random_state=0).fit(points).inertia_ + 1e-9
    assert inertia < KMeans(k, n_init=20, random_state=0).fit(points).inertia_ - 0.01


def test_a_batch_gives_what_each_matrix_gives_alone() -> None:
    grams = np.stack([x @ x.T for x in map(random_points, range(5))])
    alone = np.concatenate([k_means_partition(gram[None], 4) for gram in grams])
    np.testing.assert_array_equal(k_means_partition(grams, 4), alone)


def test_fewer_distinct_points_than_clusters() -> None:
    points = random_points(0, n=2)[[0, 0, 0, 1, 1, 1]]
    labels = k_means_partition((points @ points.T)[None], 4)
    np.testing.assert_array_equal(labels, [[0, 0, 0, 1, 1, 1]])
    assert np.isnan(silhouettes(np.ones((1, 3, 3)), np.zeros((1, 3), dtype=int)))


@given(seed=st.integers(0, 10_000), k=st.integers(2, 6))
@settings(max_examples=15, deadline=None)
def test_linkage_silhouette_and_index_equal_their_references(seed: int, k: int) -> None:
    points = random_points(seed)
    cosines = points @ points.T
    labels = linkage_partitions(cosines[None], [k])[0, 0]
    theirs = fcluster(linkage(pdist(points, "cosine"), "average"), k, "maxclust")
    assert adjusted_rand_score(theirs, labels) == 1
    assert silhouettes(cosines[None], labels[None])[0] == pytest.approx(
        silhouette_score(points, labels, metric="cosine")
    )
    other = np.random.default_rng(seed).integers(0, 3, len(points))
    assert adjusted_rand(labels[None], other[None])[0] == pytest.approx(adjusted_rand_score(labels, other))


def test_clusters_are_numbered_as_they_are_met() -> None:
    np.testing.assert_array_equal(in_order_met(np.array([[4, 4, 0, 2, 0]])), [[0, 0, 1, 2, 1]])


def test_point_grams_are_those_of_the_languages_side_by_side() -> None:
    cells = planted_cells(0, 0.3, 0.5)
    grams, owners = point_grams(cells, np.ones((1, 8)), ["en", "ja"])
    assert owners == [(language, emotion) for language in ("en", "ja") for emotion in EMOTIONS]
    np.testing.assert_allclose(grams[0, :12, 12:], cells.grams(np.ones((1, 8)), "en", "ja")[0])
    np.testing.assert_allclose(grams[0], grams[0].T, atol=1e-9)


def test_planted_groups_are_stable_and_better_than_a_cloud() -> None:
    table = quality(planted_cells(1, 0.3, 0.5))
    for algorithm in ("k-means", "average linkage"):
        for languages in ("en", "ja", "en+ja"):
            row = table.loc[languages, algorithm, 3]
            assert row["stability"] > 0.95
            assert row["draws"] == 30
            assert row["silhouette"] > row["silhouette_95"]
            assert row["stability"] > row["stability_chance"] + 0.1


def test_points_without_groups_do_not_beat_the_clouds() -> None:
    above = []
    for seed in range(12):
        table = quality(planted_cells(seed, 1.0, 1.5, groups=None), seed)
        alone = table.loc[["en"]]
        above += (alone["silhouette"] > alone["silhouette_95"]).tolist()
        above += (alone["stability"] > alone["stability_95"]).tolist()
    # Of 192 comparisons 5 % are due above; those of a seed hang together.
    assert np.mean(above) < 0.2


def test_stability_only_of_the_best_k_where_asked() -> None:
    table = quality(planted_cells(2, 0.3, 0.5), every_k=False, clouds=0)
    known = table["stability"].dropna()
    assert known.index.get_level_values("k").tolist() == [3] * 6
    assert (table.loc[table["stability"].isna(), "draws"] == 0).all()
    assert table["stability_95"].isna().all()


def test_stability_equals_a_plain_loop_over_draws() -> None:
    cells = planted_cells(3, 0.8, 1.0)
    found = groupings(cells, [3])
    weights = bootstrap_weights(8, 6, 0)
    table = cluster_quality(cells, found, weights, clouds=0).set_index(["languages", "algorithm"])
    whole = found[0].labels["average linkage", 3]
    scores = []
    for draw in weights:
        cosines = cosines_of(cells.grams(draw[None], "en", "en")[0])
        scores.append(adjusted_rand_score(whole, linkage_partitions(cosines[None], [3])[0, 0]))
    assert table.loc[("en", "average linkage"), "stability"] == pytest.approx(np.mean(scores))


def test_languages_agree_on_planted_groups_and_p_is_calibrated_without() -> None:
    shared = cluster_agreement(groupings(planted_cells(1, 0.3, 0.3), [3]), 500)
    assert shared["ari"].tolist() == [1, 1]
    assert (shared["p"] == 1 / 501).all()
    p = [
        row
        for seed in range(60)
        for row in cluster_agreement(
            groupings(planted_cells(seed, 1.0, 0.3, groups=None, own=True), [2, 3], seed), 200, seed
        ).groupby("algorithm")["p_familywise"].min()
    ]  # fmt: skip
    assert np.mean(np.array(p) < 0.05) < 0.12
    assert 0.35 < np.mean(p) < 0.85


def test_too_few_emotions_leave_nothing() -> None:
    full = planted_cells(0, 0.3, 0.3)
    few = Cells(full.languages, EMOTIONS[:3], full.topics, full.gram[:, :, :3, :, :, :3], full.counts[:, :, :3], "")
    assert [one.languages for one in groupings(few)] == ["en+ja"]
    assert cluster_agreement(groupings(few), 10).empty


def test_an_emotion_that_one_language_lacks() -> None:
    full = planted_cells(0, 0.3, 0.3)
    counts = full.counts.copy()
    counts[1, :, 4] = 0
    gram = full.gram.copy()
    gram[1, :, 4] = gram[:, :, :, 1, :, 4] = 0
    cells = Cells(full.languages, EMOTIONS, full.topics, gram, counts, "")
    found = {one.languages: one for one in groupings(cells, [3])}
    assert len(found["ja"].owners) == 11
    assert len(found["en+ja"].owners) == 23
    table = quality(cells)
    assert np.isfinite(table.loc[("en+ja", "k-means", 3), "stability_95"])
    assert cluster_agreement(list(found.values()), 20)["ari"].tolist() == [1, 1]


def test_profiles_hold_members_and_their_mean_ratings() -> None:
    found = groupings(planted_cells(1, 0.2, 0.2), [3])
    norms = load_norms()
    table = cluster_profile(found, norms)
    row = table.query("languages == 'en' and algorithm == 'k-means' and cluster == 0").iloc[0]
    members = [EMOTIONS[i] for i in np.flatnonzero(GROUPS == 0)]
    assert row["emotions"] == ", ".join(members)
    assert row["source"] == "Glasgow2019"
    glasgow = norms[norms["source"] == "Glasgow2019"].set_index("word")
    assert row["valence"] == pytest.approx(glasgow["valence"].reindex(members).mean())
    together = table.query("languages == 'en+ja' and algorithm == 'k-means' and cluster == 0").iloc[0]
    assert (together["size"], together["emotions"]) == (8, row["emotions"])
    unrated = cluster_profile(found, norms.head(0))
    assert unrated["valence"].isna().all()
