"""Contrasts over strata against Welch's test, and intervals on simulated values."""

import math

import numpy as np
import pytest
from scipy.stats import false_discovery_control, t, ttest_ind

from emovec.stats.clustered import mean_interval, mean_p_value
from emovec.stats.contrasts import contrast, holm, strata


def test_two_strata_are_welchs_test_with_no_more_degrees_of_freedom() -> None:
    rng = np.random.default_rng(0)
    a, b = 3 * rng.normal(size=7), 1 + rng.normal(size=12)
    weights = np.concatenate([np.full(7, -1 / 7), np.full(12, 1 / 12)])
    values, within = np.concatenate([a, b]), np.repeat(["a", "b"], [7, 12])
    found, welch = contrast(values, weights, within), ttest_ind(b, a, equal_var=False)
    assert found.estimate == pytest.approx(b.mean() - a.mean())
    assert found.p == pytest.approx(welch.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(welch.confidence_interval()))
    more = contrast(np.concatenate([a / 9, 9 * b]), weights, within)
    freedom = (1 / 7 + 1 / 12) ** 2 / (1 / 7**2 / 6 + 1 / 12**2 / 11)
    welch = ttest_ind(9 * b, a / 9, equal_var=False)
    assert more.p == pytest.approx(2 * t.sf(abs(welch.statistic), min(freedom, welch.df)))


def test_a_stratum_without_weight_needs_no_spread() -> None:
    values, weights = np.array([1.0, 2.0, 4.0, 9.0]), np.array([1 / 3, 1 / 3, 1 / 3, 0.0])
    within = np.array(["a", "a", "a", "b"])
    assert math.isfinite(contrast(values, weights, within).low)
    assert math.isnan(contrast(values, np.full(4, 0.25), within).low)


def test_where_nothing_varies_there_is_no_interval() -> None:
    still = contrast(np.zeros(4), np.array([1, 1, -1, -1]) / 2, np.array([0, 0, 1, 1]))
    assert (still.estimate, still.p) == (0, 1)
    assert math.isnan(still.low)
    all_alike = contrast(np.ones(4), np.full(4, 0.25), np.zeros(4))
    assert all_alike.estimate == 1
    assert math.isnan(all_alike.p)


@pytest.mark.parametrize("per", [4, 8])
def test_intervals_cover_and_p_is_level(per: int) -> None:
    """Eight kinds of unequal spread: each kind's mean against that of all, of which it is a part."""
    rng, n, kinds = np.random.default_rng(1), 500, np.repeat(np.arange(8), per)
    truth = np.array([60.0, 0, 0, 0, 0, 0, 0, -60.0])
    covered, alarms, families, found_it = 0, 0, 0, 0
    for _ in range(n):
        values = truth[kinds] + np.linspace(5, 40, 8)[kinds] * rng.normal(size=len(kinds))
        found = [contrast(values, (kinds == k) / per - 1 / len(kinds), kinds) for k in range(8)]
        covered += sum(each.low <= truth[k] <= each.high for k, each in enumerate(found))
        nothing = [each.p for k, each in enumerate(found) if truth[k] == 0]
        alarms += sum(p < 0.05 for p in nothing)
        families += bool(min(holm(np.array(nothing))) < 0.05)
        found_it += found[0].p < 0.05
    assert 0.94 < covered / (8 * n) < 0.98
    assert 0.02 < alarms / (6 * n) < 0.06
    assert families / n < 0.06
    assert found_it / n > 0.95


def test_holm_goes_from_the_smallest_up() -> None:
    assert holm(np.array([0.04, 0.01, math.nan, 0.03])).tolist() == pytest.approx(
        [0.06, 0.03, math.nan, 0.06], nan_ok=True
    )
    p = np.random.default_rng(0).uniform(size=20) ** 3
    assert (holm(p) >= false_discovery_control(p)).all()  # Holm never says more than Benjamini and Hochberg
    assert len(holm(np.array([]))) == 0


def test_one_of_a_kind_is_drawn_with_the_others() -> None:
    kinds, half = np.array(["x", "x", "y", "y"]), np.array([True, False, True, False])
    assert list(strata(kinds)) == ["x False"] * 2 + ["y False"] * 2
    assert list(strata(kinds, half)) == list(half)
    assert len(strata(kinds[:0])) == 0


def test_p_of_a_mean_of_groups_goes_with_its_interval() -> None:
    rng, groups, n = np.random.default_rng(2), np.repeat(np.arange(12), 4), 800
    alarms = 0
    for _ in range(n):
        values = rng.normal(size=12)[groups] + rng.normal(size=48)
        (low, high), p = mean_interval(values, groups), float(mean_p_value(values, groups))
        assert (p < 0.05) == (not low <= 0 <= high)
        alarms += p < 0.05
    assert 0.035 < alarms / n < 0.065
    assert mean_p_value(np.zeros(4), np.array([0, 0, 1, 1])) == 1
    assert np.isnan(mean_p_value(np.ones(4), np.array([0, 0, 1, 1])))
    assert np.isnan(mean_p_value(np.ones(2), np.array([0, 0])))
