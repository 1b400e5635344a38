import numpy as np
import pytest

from emovec.stats.permutation import null_bound, p_values


@pytest.mark.fault("F8")
@pytest.mark.parametrize("draws", [19, 20, 99])
def test_a_bound_of_few_draws_is_exceeded_in_a_twentieth_of_cases(draws: int) -> None:
    """The 95 % quantile of 20 is exceeded in 9 %."""
    values = np.random.default_rng(0).random((1 + draws, 20_000))
    exceeded = values[0] > null_bound(values[1:])
    assert exceeded.mean() == pytest.approx(np.floor(0.05 * (1 + draws)) / (1 + draws), abs=0.005)
    np.testing.assert_array_equal(exceeded, p_values(values[0], values[1:]) <= 0.05)


def test_too_few_draws_give_no_bound_and_unknown_ones_dont_count() -> None:
    assert np.isnan(null_bound(np.arange(18.0)))
    assert null_bound(np.array([*np.arange(19.0), np.nan])) == 18
    assert null_bound(np.arange(10_000.0)) == 9_500
