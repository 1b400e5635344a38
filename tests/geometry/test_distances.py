import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.errors import EmovecError
from emovec.geometry import cka, crossnobis, debiased_cka, rsa, run_analysis
from emovec.geometry.cells import Cells
from emovec.geometry.distances import crossnobis_triangles
from tests.geometry.planted import random_vectors, relabelled
from tests.geometry.test_analyses import LAYERS, make_inputs


def cells_of(stories: np.ndarray, counts: np.ndarray | None = None) -> Cells:
    """From sums [language, topic, emotion, hidden], of one story each unless said otherwise."""
    languages, topics, emotions, hidden = stories.shape
    counts = np.ones((languages, topics, emotions)) if counts is None else counts
    rows = (stories * (counts > 0)[..., None]).reshape(-1, hidden)
    return Cells(
        [f"l{k}" for k in range(languages)],
        [f"e{k:02}" for k in range(emotions)],
        [f"t{k:02}" for k in range(topics)],
        (rows @ rows.T).reshape((languages, topics, emotions) * 2),
        counts.astype(float),
        f"{topics} topics",
    )


def reference_crossnobis(sums: np.ndarray, counts: np.ndarray, folds: int) -> np.ndarray:
    """Vectors of each fold by loops, then products of differences over every two folds."""
    topics, emotions, hidden = sums.shape
    vectors = np.full((folds, emotions, hidden), np.nan)
    for f in range(folds):
        for e in range(emotions):
            own = [t for t in range(topics) if t % folds == f and counts[t, e] > 0]
            if own:
                vectors[f, e] = sum(sums[t, e] for t in own) / sum(counts[t, e] for t in own)
    result = np.full((emotions, emotions), np.nan)
    for i in range(emotions):
        for j in range(emotions):
            products = [
                (vectors[f, i] - vectors[f, j]) @ (vectors[g, i] - vectors[g, j])
                for f in range(folds)
                for g in range(folds)
                if f != g and np.isfinite(vectors[[f, f, g, g], [i, j, i, j]]).all()
            ]
            if products:
                result[i, j] = np.mean(products)
    return result


@pytest.mark.parametrize(("topics", "folds"), [(3, 3), (10, 10), (13, 10)])
def test_crossnobis_equals_a_loop_over_folds(topics: int, folds: int) -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 4, (1, topics, 5))
    sums = rng.normal(size=(1, topics, 5, 7)) * counts[..., None]
    found = crossnobis(cells_of(sums, counts), "l0").values
    np.testing.assert_allclose(found, reference_crossnobis(sums[0], counts[0], folds), atol=1e-12)


def test_crossnobis_equals_rsatoolbox() -> None:
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    stories = np.random.default_rng(1).normal(size=(1, 4, 6, 9))
    data = Dataset(
        stories[0].reshape(24, 9),
        obs_descriptors={"emotion": np.tile(np.arange(6), 4), "topic": np.repeat(np.arange(4), 6)},
    )
    theirs = calc_rdm(data, method="crossnobis", descriptor="emotion", cv_descriptor="topic").get_matrices()[0]
    np.testing.assert_allclose(crossnobis(cells_of(stories), "l0").values / 9, theirs, atol=1e-12)


def test_crossnobis_has_a_true_zero_and_no_bias() -> None:
    rng = np.random.default_rng(2)
    truth = np.zeros((4, 20))
    truth[3, 0] = 2
    found, biased = [], []
    for _ in range(400):
        stories = truth + rng.normal(size=(1, 5, 4, 20))
        found.append(crossnobis(cells_of(stories), "l0").values)
        means = stories[0].mean(axis=0)
        biased.append(((means[0] - means[1]) ** 2).sum())
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(400)
    assert abs(mean[0, 1]) < 4 * error[0, 1]
    assert abs(mean[0, 3] - 4) < 4 * error[0, 3]
    assert np.mean(np.array(found)[:, 0, 1] < 0) == pytest.approx(0.5, abs=0.1)
    assert np.mean(biased) == pytest.approx(8, rel=0.1)


def test_one_fold_leaves_nothing_known() -> None:
    stories = np.random.default_rng(0).normal(size=(1, 1, 4, 3))
    assert np.isnan(crossnobis(cells_of(stories), "l0").values).all()


def test_triangles_keep_the_emotions_whose_distances_both_languages_know() -> None:
    rng = np.random.default_rng(3)
    counts = np.ones((2, 3, 6))
    counts[0, :2, 1] = 0
    counts[1, 0, 4] = 0
    cells = cells_of(rng.normal(size=(2, 3, 6, 5)), counts)
    a, b, emotions = crossnobis_triangles(cells, "l0", "l1")
    assert emotions == ["e00", "e02", "e03", "e04", "e05"]
    assert a.shape == b.shape == (10,)
    assert a[0] == crossnobis(cells, "l0").sel(emotion_a="e00", emotion_b="e02").item()
    assert np.isfinite(b).all()


def reference_hsic(k: np.ndarray, l: np.ndarray) -> float:  # noqa: E741
    """Song et al. 2012, equation 5, as it is written."""
    n = len(k)
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))  # noqa: E741
    one = np.ones(n)
    whole = (
        np.trace(k @ l) + (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ l @ one)
    )
    return whole / (n * (n - 3))


def reference_cka(x: np.ndarray, y: np.ndarray) -> float:
    k, l = x @ x.T, y @ y.T  # noqa: E741
    return reference_hsic(k, l) / np.sqrt(reference_hsic(k, k) * reference_hsic(l, l))


def test_cka_equals_its_formula() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(3, 9, 12)), rng.normal(size=(3, 9, 5)) + 3
    x[..., :5] += y
    np.testing.assert_allclose(debiased_cka(x, y), [reference_cka(a, b) for a, b in zip(x, y, strict=True)], atol=1e-12)


def test_cka_of_random_vectors_is_about_zero_where_the_biased_one_is_near_one() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 200, 30, 1000))
    assert abs(debiased_cka(x, y).mean()) < 0.02
    centred = [v - v.mean(axis=1, keepdims=True) for v in (x, y)]
    k, l = (v @ v.swapaxes(-1, -2) for v in centred)  # noqa: E741
    biased = (k * l).sum((1, 2)) / np.linalg.norm(k, axis=(1, 2)) / np.linalg.norm(l, axis=(1, 2))
    assert biased.min() > 0.9


def test_cka_of_the_same_geometry_is_one() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(8, 10))
    turned = 3 * x @ np.linalg.qr(rng.normal(size=(10, 10)))[0] + 5
    assert debiased_cka(x, turned) == pytest.approx(1)
    assert debiased_cka(x, np.ones((8, 4))) == 0


def test_cka_permutes_labels_as_a_loop_does() -> None:
    from emovec.stats.permutation import label_permutations

    vectors = random_vectors(7, n=6, shared=0.7)
    table = cka(vectors, "en", "ja", 150, 3)
    en, ja = (
        vectors.sel(language=name).sortby("emotion").transpose("layer", "emotion", "hidden").values
        for name in ("en", "ja")
    )
    null = np.array([debiased_cka(en, ja[:, order]) for order in label_permutations(6, 150, 3)])
    np.testing.assert_allclose(table["cka"], debiased_cka(en, ja), atol=1e-12)
    np.testing.assert_allclose(table["p"], (1 + (null >= table["cka"].values - 1e-9).sum(axis=0)) / 151)
    np.testing.assert_allclose(table["null_95"], np.sort(null, axis=0)[-7])  # of 150 the 7th largest: 7 ≤ .05 × 151


@given(seed=st.integers(0, 1000))
def test_label_order_changes_no_cka(seed: int) -> None:
    vectors = random_vectors(seed, shared=0.3)
    expected = cka(vectors, "en", "ja", 50)
    pd.testing.assert_frame_equal(expected, cka(relabelled(vectors, seed), "en", "ja", 50), rtol=1e-10)
    numbers = ["layer", "cka", "p", "p_familywise", "null_95"]
    pd.testing.assert_frame_equal(expected[numbers], cka(vectors, "ja", "en", 50)[numbers])


def test_cka_finds_the_planted_and_not_the_independent() -> None:
    assert (cka(random_vectors(8, n=12, shared=3), "en", "ja", 999)["p"] == 0.001).all()
    p = [cka(random_vectors(seed, n=8, layers=1), "en", "ja", 99, seed)["p"].item() for seed in range(200)]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.045)


def test_few_emotions_are_named() -> None:
    with pytest.raises(EmovecError, match="share 3 emotions"):
        cka(random_vectors(0, n=3), "en", "ja")
    with pytest.raises(EmovecError, match="3 emotions"):
        debiased_cka(np.ones((3, 4)), np.ones((3, 4)))


def test_the_analysis_gives_rsa_for_cosines_and_the_distances_of_cells() -> None:
    from emovec.geometry.cells import topic_cells

    inputs = make_inputs()
    table = run_analysis("distances", inputs).tables["distance_rsa"]
    plain = rsa(inputs.vectors.variant("standardised"), "en", "ja", 60)
    cosines = table.query("variant == 'standardised' and distance == 'cosine'")
    assert cosines[["r", "p", "null_95"]].values == pytest.approx(plain[["r", "p", "null_95"]].values)
    key = ["variant", "distance", "measure", "layer"]
    a, b, _ = crossnobis_triangles(topic_cells(inputs.vectors, inputs.activations, 2, "raw"), "en", "ja")
    r = table.set_index(key).loc[("raw", "crossnobis", "pearson", 2), "r"]
    assert r == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert len(table) == 2 * LAYERS * 2 * 3


def test_one_topic_leaves_cosines_and_a_note() -> None:
    inputs = make_inputs(topics=("a",))
    found = run_analysis("distances", dataclasses.replace(inputs, stories=[]))
    assert set(found.tables["distance_rsa"]["distance"]) == {"cosine"}
    assert "two topics" in found.summary["note"]
    assert len(found.tables["cka"]) == 2 * LAYERS
