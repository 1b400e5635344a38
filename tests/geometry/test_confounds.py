import dataclasses
from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from benchmarks.calibration import partial_coverage
from hypothesis import given, settings
from hypothesis import strategies as st

from emovec.emotions import DEFAULT_30
from emovec.geometry import (
    confound_table,
    load_norms,
    mean_embeddings,
    partial_correlations,
    profile_cosines,
    rsa,
    run_analysis,
)
from emovec.geometry.confounds import confound_rsa, valence
from emovec.stats.word_baseline import text_features, tfidf
from tests.geometry.planted import random_vectors, relabelled, vectors_array
from tests.geometry.test_analyses import make_inputs
from tests.geometry.test_lens import Head


def triangles(n: int, rng: np.random.Generator, hidden: int = 6, common: np.ndarray | None = None) -> np.ndarray:
    """The upper triangle of the cosines of n random vectors: [1, pair]."""
    rows = rng.normal(size=(n, hidden))
    rows = rows if common is None else rows + common
    rows = rows - rows.mean(0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows @ rows.T)[np.triu_indices(n, 1)][None]


def residual(y: np.ndarray, confounds: np.ndarray) -> np.ndarray:
    design = np.column_stack([np.ones(len(y)), *confounds])
    return y - design @ np.linalg.lstsq(design, y, rcond=None)[0]


def test_partial_correlation_equals_regression_and_permuting_by_hand() -> None:
    rng = np.random.default_rng(0)
    n, permutations = 7, 40
    a, b = (np.vstack([triangles(n, rng) for _ in range(2)]) for _ in range(2))
    confounds = np.vstack([triangles(n, rng) for _ in range(3)])
    partial, p, familywise = partial_correlations(a, b, confounds, permutations, seed=5)
    orders = np.random.default_rng(5).permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)
    place = {pair: at for at, pair in enumerate(combinations(range(n), 2))}
    nulls: list[list[float]] = []
    for layer in range(2):
        rest = residual(b[layer], confounds)
        expected = np.corrcoef(residual(a[layer], confounds), rest)[0, 1]
        nulls.append(null := [])
        for order in orders:
            moved = [rest[place[tuple(sorted((order[i], order[j])))]] for i, j in combinations(range(n), 2)]
            null.append(np.corrcoef(residual(a[layer], confounds), residual(np.array(moved), confounds))[0, 1])
        assert partial[layer] == pytest.approx(expected, abs=1e-12)
        assert p[layer] == (1 + sum(r >= expected - 1e-12 for r in null)) / (1 + permutations)
    largest = [max(pair) for pair in zip(*nulls, strict=True)]
    for layer in range(2):
        beaten = sum(r >= partial[layer] - 1e-12 for r in largest)
        assert familywise[layer] == (1 + beaten) / (1 + permutations)
    assert (familywise != p).any()


def test_without_confounds_it_is_rsa() -> None:
    vectors = random_vectors(1, shared=0.5)
    table = confound_table(vectors, "en", "ja", {}, {}, permutations=50, seed=3)
    expected = rsa(vectors, "en", "ja", 50, 3).query("method == 'pearson'")
    found = table[table["given"] == "none"]
    np.testing.assert_allclose(found["partial"], expected["r"], atol=1e-12)
    np.testing.assert_allclose(found["p"], expected["p"])
    np.testing.assert_allclose(found["p_familywise"], expected["p_familywise"])


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_order_of_languages_and_labels_changes_no_number(seed: int) -> None:
    vectors = random_vectors(seed, n=9, shared=0.5)
    cosines = {"embeddings": word_cosines(seed), "character": word_cosines(seed + 1)}
    valences = dict(zip(DEFAULT_30, np.random.default_rng(seed).normal(size=9), strict=False))
    one = confound_table(vectors, "en", "ja", cosines, valences, 30)
    other = confound_table(relabelled(vectors, seed), "ja", "en", cosines, valences, 30)
    pd.testing.assert_frame_equal(
        one.drop(columns=["language_a", "language_b"]), other.drop(columns=["language_a", "language_b"]), atol=1e-9
    )


def word_cosines(seed: int, n: int = 9) -> dict[str, xr.DataArray]:
    rng = np.random.default_rng(seed)
    return {language: profile_cosines(rng.normal(size=(n, 5)), DEFAULT_30[:n]) for language in ("en", "ja")}


def test_structure_of_the_words_is_taken_out_and_more_is_left() -> None:
    rng = np.random.default_rng(2)
    n = 16
    words = rng.normal(size=(n, 8))
    profile = profile_cosines(words, DEFAULT_30[:n])
    cosines = {"embeddings": {"en": profile, "ja": profile}, "character": {"en": profile, "ja": profile}}

    def table(meaning: float) -> pd.DataFrame:
        common = np.concatenate([words, meaning * rng.normal(size=(n, 8))], axis=1)
        values = common[None, :, None] + 0.3 * rng.normal(size=(2, n, 1, 16))
        vectors = vectors_array(values - values.mean(1, keepdims=True), ("en", "ja"), DEFAULT_30[:n])
        return confound_table(vectors, "en", "ja", cosines, {}, 500).set_index("given")

    only_words, both = table(0), table(1)
    assert only_words.at["none", "partial"] > 0.7
    assert abs(only_words.at["words", "partial"]) < 0.25
    assert only_words.at["words", "r_confound"] == pytest.approx(1)
    assert both.at["words", "partial"] > 0.5
    assert both.at["words", "p"] < 0.01
    assert only_words["p_familywise"].notna().all()
    assert "first layer" not in both.index, "given itself, nothing of the first layer is left"
    assert not {"valence", "all"} & set(both.index), "no emotion has a valence"


def test_valence_alone_makes_geometries_agree_and_is_taken_out() -> None:
    rng = np.random.default_rng(4)
    n = 20
    height = np.linspace(-1, 1, n)
    values = 3 * height[None, :, None, None] * np.ones(4) + rng.normal(size=(2, n, 1, 4))
    vectors = vectors_array(values - values.mean(1, keepdims=True), ("en", "ja"), DEFAULT_30[:n])
    table = confound_table(
        vectors, "en", "ja", {"embeddings": word_cosines(0, n)}, dict(zip(DEFAULT_30, height, strict=False)), 300
    ).set_index("given")
    assert table.at["none", "partial"] > 0.8
    assert table.at["valence", "partial"] < table.at["none", "partial"] - 0.1
    assert np.isnan(table.at["valence", "r_confound"])


def test_p_values_are_calibrated_where_only_the_confounds_agree() -> None:
    """Languages share the structure of their confounds and nothing else: 5 % of tests may say otherwise."""
    rng = np.random.default_rng(8)
    n, tests = 12, 400
    found = np.empty(tests)
    for at in range(tests):
        common = rng.normal(size=(n, 6))
        confound = triangles(n, rng, common=common)
        a, b = (0.7 * confound + 0.5 * triangles(n, rng) for _ in range(2))
        found[at] = partial_correlations(a, b, confound, permutations=99, seed=at)[1][0]
    error = np.sqrt(0.05 * 0.95 / tests)
    assert abs((found <= 0.05).mean() - 0.05) < 3 * error
    assert abs(found.mean() - 0.5) < 3 * np.sqrt(1 / 12 / tests)


@pytest.mark.fault("F12")
def test_partial_correlation_without_noise_is_that_of_endless_topics() -> None:
    found = partial_coverage(12, 12, 0.9, 0.8, same_topics=False)
    assert found["observed"] < found["true partial"] - 0.04
    assert found["corrected"] == pytest.approx(found["true partial"], abs=0.04)


def test_profiles_equal_means_and_cosines_by_hand() -> None:
    texts = ["a b b", "b c", "c c a d", "d a"]
    emotions = ["sad", "calm", "sad", "glad"]
    found = profile_cosines(tfidf(texts, "word"), emotions)
    words, n = sorted(set(" ".join(texts).split())), len(texts)
    rows = []
    for text in texts:
        counts = Counter(text.split())
        row = [
            (1 + np.log(counts[w])) * (1 + np.log((1 + n) / (1 + sum(w in t.split() for t in texts))))
            if counts[w]
            else 0.0
            for w in words
        ]
        rows.append(np.array(row) / np.linalg.norm(row))
    means = np.array(
        [np.mean([r for r, e in zip(rows, emotions, strict=True) if e == name], 0) for name in sorted(set(emotions))]
    )
    means -= means.mean(0)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert found["emotion_a"].values.tolist() == ["calm", "glad", "sad"]
    np.testing.assert_allclose(found.values, means @ means.T, atol=1e-12)


def test_embeddings_are_averaged_over_a_texts_own_tokens() -> None:
    head = Head(4, 5, vocabulary=["a", "b", "c", "d"])
    found = mean_embeddings(["b b d", "", "a"], head)  # type: ignore[arg-type]
    rows = head.rows.astype("float64")
    np.testing.assert_allclose(found, [(2 * rows[1] + rows[3]) / 3, np.zeros(5), rows[0]])


def test_languages_without_spaces_have_no_words() -> None:
    assert text_features("ja") == ["character"]
    assert text_features("en") == ["word", "character"]
    one = profile_cosines(np.eye(4), list("abcd"))
    kinds = {"word": {"en": one}, "character": {"en": one, "ja": one}}
    assert set(confound_rsa(kinds, "en", "ja", list("abcd"))) == {("word", "character"), ("character", "character")}


def test_valence_is_glasgows_or_of_the_larger_source() -> None:
    bundled = load_norms()
    glasgow = bundled[bundled["source"] == "Glasgow2019"].set_index("word")["valence"]
    assert valence(bundled)["afraid"] == glasgow["afraid"]
    own = pd.DataFrame({"source": ["x", "y", "y"], "word": ["sad", "sad", "calm"], "valence": [1.0, 2.0, 3.0]})
    assert valence(own) == {"sad": 2.0, "calm": 3.0}
    assert valence(own.assign(valence=np.nan)) == {}


def test_the_analysis_gives_both_variants_and_every_pair() -> None:
    result = run_analysis("confounds", make_inputs(("en", "ja", "de"), n=10))
    table = result.tables["confounds"]
    assert set(table["variant"]) == {"raw", "standardised"}
    assert len(table[["language_a", "language_b"]].drop_duplicates()) == 3
    assert {"none", "embeddings", "words"} <= set(table["given"])
    assert table.loc[table["given"] == "words", "r_confound"].notna().all()
    words = {(row["features_a"], row["features_b"]) for row in result.summary["words"] if row["language_b"] == "ja"}
    assert words == {("word", "character"), ("character", "character")}
    few = run_analysis("confounds", dataclasses.replace(make_inputs(n=3)))
    assert few.tables["confounds"].empty
    assert "share 3 emotions" in few.summary["note"]
