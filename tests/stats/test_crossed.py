import numpy as np
import pytest

from emovec.stats.crossed import combined_variance, crossed_mean_variance, crossed_wilson
from emovec.stats.shares import clustered_wilson


def test_the_variance_of_a_mean_equals_a_plain_computation() -> None:
    rng = np.random.default_rng(0)
    topics, emotions = rng.integers(0, 5, 60).astype(str), rng.integers(0, 7, 60).astype(str)
    values = rng.normal(size=60)
    off, over = values - values.mean(), []
    for groups in (topics, emotions, np.char.add(topics, emotions)):
        names = sorted(set(groups))
        sums = [sum(v for v, own in zip(off, groups, strict=True) if own == name) for name in names]
        over.append(len(names) / (len(names) - 1) * sum(s**2 for s in sums) / 60**2)
    expected = max(over[0], over[1], over[0] + over[1] - over[2])
    assert crossed_mean_variance(values, topics, emotions)[0] == pytest.approx(expected)


def test_it_is_never_less_than_either_and_has_as_many_degrees_of_freedom_as_the_fewer() -> None:
    assert combined_variance(2.0, 1.0, 0.5, 12, 30) == (2.5, pytest.approx(2.5**2 / (4 / 11 + 1 / 29)))
    assert combined_variance(2.0, 1.0, 5.0, 12, 30) == (2.0, 11)
    assert combined_variance(0.0, 0.0, 0.0, 12, 30) == (0.0, 11)
    assert combined_variance(2.0, 1.0, np.nan, 12, 30)[0] == 2


def test_where_emotions_differ_the_interval_is_wider_than_that_over_topics() -> None:
    topics, emotions = (own.ravel().astype(str) for own in np.indices((12, 30)))
    rng = np.random.default_rng(1)
    right = rng.random(360) < np.repeat([[0.1, 0.9]], 12, axis=0).repeat(15, axis=1).ravel()
    low, high = crossed_wilson(right, topics, emotions)
    narrow = clustered_wilson(right, topics)
    assert low < narrow[0] < right.mean() < narrow[1] < high
    assert high - low > 2 * (narrow[1] - narrow[0])


def test_all_right_and_unnamed_topics_still_have_an_interval() -> None:
    topics, emotions = (own.ravel().astype(str) for own in np.indices((12, 30)))
    low, high = crossed_wilson(np.ones(360, dtype=bool), topics, emotions)
    assert 0.95 < low < high == 1
    half = np.arange(360) % 3 == 0
    low, high = crossed_wilson(half, np.full(360, ""), emotions)
    assert 0.15 < low < 1 / 3 < high < 0.55
