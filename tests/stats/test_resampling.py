import numpy as np
import pytest
from scipy.stats import bootstrap
from scipy.stats import t as student

from emovec.geometry import bootstrap_weights, half_weights, intervals, jackknife_interval, jackknife_weights
from emovec.geometry.reliability import row_correlations


def test_weights_hold_as_many_topics_as_there_are() -> None:
    drawn = bootstrap_weights(7, 500, 1)
    assert drawn.shape == (500, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert abs(drawn.mean() - 1) < 1e-12
    assert abs(drawn.var() - 6 / 7) < 0.08
    np.testing.assert_array_equal(drawn, bootstrap_weights(7, 500, 1))
    np.testing.assert_array_equal(jackknife_weights(3), [[0, 1, 1], [1, 0, 1], [1, 1, 0]])


@pytest.mark.parametrize("n", [4, 7])
def test_halves_share_no_topic(n: int) -> None:
    first, second = half_weights(n, 40, 0)
    assert ((first + second) == 1).all()
    assert (first.sum(axis=1) == n // 2).all()
    assert len(np.unique(first, axis=0)) > 3


@pytest.mark.parametrize(("method", "which"), [("percentile", slice(0, 2)), ("BCa", slice(2, 4))])
def test_intervals_equal_scipy_s(method: str, which: slice) -> None:
    data = np.random.default_rng(4).exponential(size=20)
    theirs = bootstrap((data,), np.mean, n_resamples=999, method=method, rng=1)
    found = intervals(data.mean(), theirs.bootstrap_distribution, jackknife_weights(20) @ data / 19)[which]
    np.testing.assert_allclose(np.array(found), list(theirs.confidence_interval), rtol=1e-3)


def test_intervals_run_over_trailing_axes_and_leave_out_what_is_unknown() -> None:
    rng = np.random.default_rng(0)
    draws, jackknife, estimate = rng.normal(size=(99, 2, 3)), rng.normal(size=(8, 2, 3)), rng.normal(size=(2, 3))
    draws[5:20, 1, 2] = np.nan
    draws[:, 0, 0] = np.nan
    together = np.stack(intervals(estimate, draws, jackknife))
    kept = np.r_[0:5, 20:99]
    alone = intervals(estimate[1, 2], draws[kept, 1, 2], jackknife[:, 1, 2])
    np.testing.assert_allclose(together[:, 1, 2], [float(x) for x in alone])
    np.testing.assert_allclose(together[0, 1, 1], np.quantile(draws[:, 1, 1], 0.025))
    assert np.isnan(together[:, 0, 0]).all()


def test_jackknife_interval_of_a_mean_is_student_s() -> None:
    data = np.random.default_rng(2).normal(size=9)
    low, high, error = jackknife_interval(data.mean(), jackknife_weights(9) @ data / 8)
    np.testing.assert_allclose(error, data.std(ddof=1) / 3)
    expected = student.interval(0.95, 8, data.mean(), data.std(ddof=1) / 3)
    np.testing.assert_allclose([low, high], expected)


def test_jackknife_interval_of_a_correlation_covers_it() -> None:
    held = []
    for seed in range(300):
        x, y = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 40).T
        left_out = row_correlations(*(np.where(np.eye(40), np.nan, values) for values in (x, y)))
        low, high, _ = jackknife_interval(row_correlations(x, y), left_out, fisher=True)
        held.append(low <= 0.8 <= high)
        assert -1 <= low <= high <= 1
    assert 0.91 <= np.mean(held) <= 0.985
