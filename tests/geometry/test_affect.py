import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge

from emovec.corpus.emotions import DEFAULT_30
from emovec.geometry import run_analysis
from emovec.geometry.affect import PENALTIES, affect, component_affect, correlations, held_out_predictions, rated
from emovec.geometry.axes import pca
from emovec.geometry.inputs import Inputs
from tests.geometry.planted import emotion_vectors, random_vectors, relabelled, vectors_array


def norms_of(values: np.ndarray, emotions: list[str], source: str = "us") -> pd.DataFrame:
    table = pd.DataFrame(values, columns=["valence", "arousal", "dominance"][: values.shape[1]])
    return table.reindex(columns=["valence", "arousal", "dominance"]).assign(
        source=source, word=emotions, term=emotions
    )


def slow_predictions(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One ridge regression after another, each with its intercept; the penalty by generalised cross-validation."""
    predicted = np.empty_like(y)
    for out in range(len(x)):
        rest = np.delete(np.arange(len(x)), out)
        xs, ys, m = x[rest] - x[rest].mean(axis=0), y[rest], len(rest)
        eigenvalues = np.linalg.svd(xs, compute_uv=False)[: m - 1] ** 2
        mean = eigenvalues.sum() / (m - 1)
        best = None
        for penalty in PENALTIES * mean:
            model = Ridge(alpha=penalty, solver="svd").fit(x[rest], ys)
            degrees = 1 + (eigenvalues / (eigenvalues + penalty)).sum()
            residual = ((ys - model.predict(x[rest])) ** 2).mean(axis=0) / ys.var(axis=0)
            score = residual.sum() / (1 - degrees / m) ** 2
            if best is None or score < best[0]:
                best = score, model.predict(x[[out]])[0]
        predicted[out] = best[1]
    return predicted


@pytest.mark.parametrize("hidden", [4, 30], ids=["fewer dimensions than emotions", "more"])
def test_predictions_are_those_of_separate_ridge_regressions(hidden: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9, hidden)) + 5
    y = x[:, :3] @ rng.normal(size=(3, 2)) + 0.5 * rng.normal(size=(9, 2)) + 4
    np.testing.assert_allclose(held_out_predictions(x @ x.T, y), slow_predictions(x, y), rtol=1e-7)
    both = np.stack([y, y[::-1]])
    np.testing.assert_allclose(held_out_predictions(x @ x.T, both)[1], slow_predictions(x, y[::-1]), rtol=1e-7)


def test_a_prediction_never_sees_the_rating_left_out() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(8, 20)), rng.normal(size=(8, 2))
    changed = y.copy()
    changed[3] += 100
    before, after = (held_out_predictions(x @ x.T, ratings) for ratings in (y, changed))
    np.testing.assert_allclose(after[3], before[3], rtol=1e-9)
    assert not np.allclose(after[4], before[4])


def test_vectors_without_structure_predict_the_mean_of_the_others() -> None:
    y = np.arange(6.0)[:, None]
    predicted = held_out_predictions(np.zeros((6, 6)), y)
    np.testing.assert_allclose(predicted[:, 0], (y.sum() - y[:, 0]) / 5)
    assert correlations(predicted, y)[0] == pytest.approx(-1)


def test_planted_ratings_are_found_and_others_are_not() -> None:
    rng = np.random.default_rng(2)
    hidden, n = 40, 20
    values = rng.normal(size=(2, n, 2, hidden))
    ratings = rng.normal(size=(n, 2))
    values[:, :, 1, :2] += 6 * ratings
    vectors = vectors_array(values, ("en", "ja"), DEFAULT_30[:n])
    table, predictions = affect(vectors, norms_of(ratings, list(DEFAULT_30[:n])), permutations=199, bootstraps=200)
    planted, absent = table[table["layer"] == 1], table[table["layer"] == 0]
    assert (planted["r"] > 0.8).all()
    assert (planted["p"] == 1 / 200).all()
    assert (absent["r"] < 0.6).all()
    assert (absent["p_familywise"] > 0.02).all()
    assert (table["low"] < table["r"]).all()
    assert (table["r"] < table["high"]).all()
    assert table["ceiling"].isna().all()
    assert set(table["scale"]) == {"valence", "arousal"}
    assert len(predictions) == 2 * 2 * n * 2


def test_p_values_are_uniform_where_nothing_is_planted() -> None:
    p: list[float] = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        vectors = random_vectors(seed, ("en",), n=10, layers=1, hidden=20)
        norms = norms_of(rng.normal(size=(10, 1)), list(DEFAULT_30[:10]))
        p += affect(vectors, norms, permutations=99, bootstraps=2, seed=seed)[0]["p"].tolist()
    assert 0.35 < np.mean(p) < 0.65
    assert np.mean(np.array(p) <= 0.2) < 0.4


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_the_order_of_labels_changes_nothing(seed: int) -> None:
    vectors = random_vectors(seed, n=7, layers=2)
    norms = norms_of(np.random.default_rng(seed).normal(size=(7, 2)), list(DEFAULT_30[:7]))
    key = ["layer", "language", "scale"]
    first, second = (
        affect(v, w, permutations=9, bootstraps=9)[0].sort_values(key, ignore_index=True)
        for v, w in ((vectors, norms), (relabelled(vectors, seed), norms.sample(frac=1, random_state=seed)))
    )
    pd.testing.assert_frame_equal(first, second, rtol=1e-6)


def test_weighted_correlations_are_those_of_repeated_rows() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(6, 1)) + 50, rng.normal(size=(6, 1))
    weights = np.array([[2, 1, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
    rows = np.repeat(np.arange(6), weights[0])
    found = correlations(x, y, weights.astype(float))
    assert found.shape == (2, 1)
    np.testing.assert_allclose(found[0, 0], np.corrcoef(x[rows, 0], y[rows, 0])[0, 1], rtol=1e-9)


def test_emotions_are_looked_up_whatever_their_case_and_need_four_ratings() -> None:
    norms = norms_of(np.arange(8.0).reshape(4, 2), ["afraid", "angry", "calm", "sad"])
    (known,) = rated(norms, ["Calm", "angry", "sad", "afraid", "unheard"])
    assert known.emotions == ["Calm", "afraid", "angry", "sad"]
    assert known.dimensions == ["valence", "arousal"]
    np.testing.assert_array_equal(known.values[0], [4, 5])
    assert not list(rated(norms, ["calm", "angry", "sad"]))


def test_shares_of_a_component_are_those_of_a_linear_regression() -> None:
    vectors = random_vectors(5, n=9, layers=2)
    ratings = np.random.default_rng(6).normal(size=(9, 2))
    scores = pca(vectors, 2)[0]
    table = component_affect(vectors, scores, norms_of(ratings, list(DEFAULT_30[:9])))
    assert len(table) == 2 * 2 * 2
    row = table[(table["layer"] == 1) & (table["language"] == "ja") & (table["component"] == 2)].iloc[0]
    own = scores[(scores["layer"] == 1) & (scores["language"] == "ja") & (scores["component"] == 2)]
    score = own.set_index("emotion")["score"].loc[list(DEFAULT_30[:9])].to_numpy()
    assert row["r2"] == pytest.approx(LinearRegression().fit(ratings, score).score(ratings, score))
    assert row["r_arousal"] == pytest.approx(np.corrcoef(ratings[:, 1], score)[0, 1])
    assert row["r2_adjusted"] == pytest.approx(1 - (1 - row["r2"]) * 8 / 6)


def _inputs(vectors: xr.DataArray) -> Inputs:
    return Inputs(
        vectors=emotion_vectors(vectors),
        activations=None,
        stories=[],
        model=None,
        permutations=19,
        bootstraps=20,
        layer=1,
    )  # pyright: ignore[reportArgumentType]


def test_a_study_whose_emotions_have_no_norms_says_so() -> None:
    vectors = random_vectors(7).assign_coords(emotion=[f"unheard {i}" for i in range(8)])
    result = run_analysis("affect", _inputs(vectors))
    assert "human norms" in result.summary["note"]
    assert all(table.empty for table in result.tables.values())


def test_the_analysis_gives_both_variants_and_the_words_own_correlation() -> None:
    result = run_analysis("affect", _inputs(random_vectors(8, ("en", "ja", "de"), n=12)))
    assert set(result.tables["affect"]["variant"]) == {"raw", "standardised"}
    assert set(result.tables["affect"]["language"]) == {"en", "ja", "de"}
    assert {row["source"] for row in result.summary["valence_arousal"]} == set(result.tables["affect"]["source"])
    assert result.tables["affect"]["ceiling"].between(0.8, 1).all()
