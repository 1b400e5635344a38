import numpy as np
import pytest
from benchmarks.calibration import agreement, as_cells, geometries, noise

from emovec.geometry.reliability import halves, noise_free_rsa, row_correlations, spearman_brown, triangles
from emovec.stats.resampling import half_weights


def test_triangles_and_correlations_are_the_plain_ones() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 6, 4))
    found = triangles(values @ values.transpose(0, 2, 1))
    for row, matrix in zip(found, values, strict=True):
        unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
        np.testing.assert_allclose(row, [unit[i] @ unit[j] for i in range(6) for j in range(i + 1, 6)])
    a, b = rng.normal(size=(2, 3, 15))
    a[0, 3], b[0, 9] = np.nan, np.nan
    kept = np.isfinite(a[0]) & np.isfinite(b[0])
    r = row_correlations(a, b)
    assert r[0] == pytest.approx(np.corrcoef(a[0, kept], b[0, kept])[0, 1])
    assert r[1] == pytest.approx(np.corrcoef(a[1], b[1])[0, 1])
    assert np.isnan(row_correlations(np.ones(5), rng.normal(size=5)))


def test_halves_are_cosines_of_each_half_s_means() -> None:
    values = np.random.default_rng(1).normal(size=(2, 6, 5, 4))
    splits = half_weights(6, 3, 0)
    found = halves(as_cells(values), "ja", np.ones((1, 6)), splits)
    for half, rows in zip(splits, (found.first, found.second), strict=True):
        for split in range(3):
            means = values[1][half[split] == 1].mean(axis=0)
            centred = means - means.mean(axis=0)
            np.testing.assert_allclose(rows[0, split], triangles(centred @ centred.T))


@pytest.mark.parametrize("size", [0.5, 1.0])
def test_stepped_up_halves_predict_another_set_of_topics(size: float) -> None:
    estimates, truths = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truth = geometries(rng, 0.8)
        first, second = (truth[:, None] + noise(rng, 12, size, 0) for _ in range(2))
        own = halves(as_cells(first), "en", np.ones((1, 12)), half_weights(12, 20, seed))
        estimates.append(float(spearman_brown(own.correlation()[0])))
        truths.append(agreement(np.stack([first[0].mean(axis=0), second[0].mean(axis=0)])))
    assert np.mean(estimates) == pytest.approx(np.mean(truths), abs=0.03)


@pytest.mark.parametrize("common", [0.0, 0.5])
def test_noise_is_taken_out_also_where_the_languages_share_it(common: float) -> None:
    gaps, plain = [], []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        truth = geometries(rng, 0.9)
        values = truth[:, None] + noise(rng, 12, 0.9, common)
        splits = half_weights(12, 20, seed)
        a, b = (halves(as_cells(values), language, np.ones((1, 12)), splits) for language in ("en", "ja"))
        gaps.append(noise_free_rsa(a, b)[0] - agreement(truth))
        plain.append(agreement(values.mean(axis=1)) - agreement(truth))
    assert abs(np.mean(gaps)) < 0.035
    assert np.mean(plain) < -0.03


def test_nothing_is_corrected_by_a_reliability_that_is_not_positive() -> None:
    values = np.random.default_rng(2).normal(size=(2, 6, 4, 3))
    splits = half_weights(6, 5, 0)
    a, b = (halves(as_cells(values), language, np.ones((1, 6)), splits) for language in ("en", "ja"))
    assert (a.correlation()[0] <= 0 or b.correlation()[0] <= 0) == bool(np.isnan(noise_free_rsa(a, b)[0]))
    opposite = type(a)(a.first, -a.first)
    assert np.isnan(noise_free_rsa(opposite, b)[0])
