"""Scores from choices: planted strengths, choix, a plain optimiser, and the intervals' coverage."""

import choix
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from emovec.stats.bradley_terry import MEAN, SCALE, bradley_terry, interval, resampled, sequential_elo


def shares(theta: np.ndarray, order: float = 0.0) -> np.ndarray:
    games = 1 / (1 + np.exp(-(theta[:, None] - theta[None, :] + order)))
    np.fill_diagonal(games, np.nan)
    return games


def reference(games: np.ndarray, weights: np.ndarray, ridge: float, order: bool) -> tuple[np.ndarray, float]:
    """Game by game, with a general optimiser."""
    n = len(games)

    def loss(x: np.ndarray) -> float:
        total = 0.5 * ridge * float(x @ x)
        for i in range(n):
            for j in range(n):
                if not np.isnan(games[i, j]):
                    z = x[i] - x[j] + (x[n] if order else 0)
                    won, lost = np.logaddexp(0, -z), np.logaddexp(0, z)
                    total += weights[i] * weights[j] * (games[i, j] * won + (1 - games[i, j]) * lost)
        return total

    x = minimize(loss, np.zeros(n + 1), method="BFGS", options={"gtol": 1e-9}).x
    theta = x[:n] - (x[:n] * weights).sum() / weights.sum()
    return MEAN + SCALE * theta, SCALE * x[n] if order else 0.0


@given(seed=st.integers(0, 10_000), order=st.booleans(), hard=st.booleans())
def test_equals_a_plain_optimiser(seed: int, order: bool, hard: bool) -> None:
    rng = np.random.default_rng(seed)
    games = rng.random((5, 5))
    games = games.round() if hard else games
    games[rng.random((5, 5)) < 0.3] = np.nan
    np.fill_diagonal(games, np.nan)
    weights = rng.integers(0, 3, 5).astype(float)
    weights[0] = 1
    found = bradley_terry(games, weights=weights, ridge=0.1, order=order)
    scores, first = reference(games, weights, 0.1, order)
    np.testing.assert_allclose(found.scores, scores, atol=0.05)
    assert float(found.first) == pytest.approx(first, abs=0.05)


def test_planted_strengths_and_order_come_back() -> None:
    theta = np.random.default_rng(0).normal(size=64)
    found = bradley_terry(shares(theta, 0.7))
    np.testing.assert_allclose(found.scores - MEAN, SCALE * (theta - theta.mean()), atol=2)
    assert float(found.first) == pytest.approx(0.7 * SCALE, abs=0.5)
    assert np.exp(400 / SCALE) == pytest.approx(10)


def test_a_liking_for_one_place_flattens_scores_unless_it_is_fitted() -> None:
    theta = np.random.default_rng(1).normal(size=20)
    games = shares(theta, 3.0)
    fitted, ignored = (bradley_terry(games, order=order).scores for order in (True, False))
    np.testing.assert_allclose(fitted - MEAN, SCALE * (theta - theta.mean()), atol=5)
    assert ignored.std() < 0.7 * fitted.std()


def test_agrees_with_choix_on_the_same_games() -> None:
    rng = np.random.default_rng(2)
    theta = rng.normal(size=10)
    n_games = 40
    won = rng.binomial(n_games, np.nan_to_num(shares(theta)))
    games = np.where(np.eye(10, dtype=bool), np.nan, won / n_games)
    data = [(i, j) for i in range(10) for j in range(10) if i != j for _ in range(won[i, j])]
    data += [(j, i) for i in range(10) for j in range(10) if i != j for _ in range(n_games - won[i, j])]
    alpha = 0.2  # of α‖θ‖² in choix, which counts each game once and not as a share
    expected = choix.opt_pairwise(10, data, alpha=alpha)
    found = bradley_terry(games, ridge=2 * alpha / n_games, order=False).scores
    np.testing.assert_allclose((found - MEAN) / SCALE, expected - expected.mean(), atol=1e-4)


def test_who_always_wins_stays_finite() -> None:
    games = np.triu(np.ones((6, 6)), 1)
    np.fill_diagonal(games, np.nan)
    scores = bradley_terry(games).scores
    assert np.isfinite(scores).all()
    assert (np.diff(scores) < 0).all()


def test_many_sets_of_weights_equal_one_at_a_time_and_repetition() -> None:
    games = shares(np.random.default_rng(3).normal(size=6), 0.2) ** 1.3
    weights = resampled(np.array(list("aaabbb")), 5, 0)
    assert (weights[:, :3].sum(1) == 3).all()
    assert (weights[:, 3:].sum(1) == 3).all()
    stacked = bradley_terry(games, weights=weights).scores
    for row, each in zip(stacked, weights, strict=True):
        np.testing.assert_allclose(row, bradley_terry(games, weights=each).scores, atol=1e-6)
    # A player counted twice is two players who are alike and never meet.
    twice = [0, 0, 1, 2, 3, 4, 5]
    repeated = games[np.ix_(twice, twice)]
    both = bradley_terry(repeated, ridge=1e-9).scores
    once = bradley_terry(games, weights=np.array([2, 1, 1, 1, 1, 1]), ridge=1e-9).scores
    np.testing.assert_allclose(both[1:], once, atol=1e-3)


def test_sequential_ratings_equal_the_rule_game_by_game_and_keep_their_sum() -> None:
    games = np.array([[np.nan, 0.9], [np.nan, np.nan]])
    np.testing.assert_allclose(sequential_elo(games, k=16), [1500 + 16 * 0.4, 1500 - 16 * 0.4])
    expected = 1 / (1 + 10 ** (-2 * 6.4 / 400))
    again = 6.4 + 16 * (0.9 - expected)
    np.testing.assert_allclose(sequential_elo(games, k=16, passes=2), [1500 + again, 1500 - again])
    theta = np.linspace(-2, 2, 20)
    found = sequential_elo(shares(theta), seed=4)
    assert found.sum() == pytest.approx(20 * 1500)
    assert np.corrcoef(found, theta)[0, 1] > 0.97
    assert not np.array_equal(found, sequential_elo(shares(theta), seed=5))
    np.testing.assert_array_equal(found, sequential_elo(shares(theta), seed=4))


def test_intervals_of_a_mean_of_eight_cover() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(400):
        values = rng.normal(size=8)
        counts = resampled(np.zeros(8), 200, trial)
        low, high = interval(values.mean(), (counts * values).sum(1) / 8, 8)
        covered += low <= 0 <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_an_interval_takes_two() -> None:
    assert np.isnan(interval(1.0, np.ones(10), 1)).all()
    assert np.isnan(interval(1.0, np.array([np.nan, 1.0]), 8)).all()


def test_intervals_from_small_strata_cover() -> None:
    """Drawn within strata of two, sixteen players look as if they varied half as much as they do."""
    strata, rng = np.repeat(np.arange(8), 2), np.random.default_rng(0)
    covered = {2: 0, None: 0}
    for draw in range(300):
        values, counts = rng.normal(size=16), resampled(strata, 200, draw)
        for stratum in covered:
            low, high = interval(values.mean(), (counts * values).sum(1) / 16, 16, stratum)
            covered[stratum] += low <= 0 <= high
    assert 0.92 <= covered[2] / 300 <= 0.98
    assert covered[None] / 300 < 0.9
    assert np.isnan(interval(1.0, np.arange(10.0), 8, 1)).all()
