import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from emovec.steering.experiments.experiment import SteeringInputs
from emovec.steering.experiments.intensity import EXPERIMENT, correlations, intensity_statistics, signed_correlations

SIGNS = np.array([1, -1, 0, 0])


@given(st.integers(0, 10_000), st.integers(3, 8), st.booleans())
def test_signed_correlations_equal_scipy(seed: int, n: int, tied: bool) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.standard_normal((n, 2, 4))
    if tied:
        scores[0] = scores[1]
    found = signed_correlations(scores, SIGNS)
    for layer in range(2):
        rho = [spearmanr(np.arange(n), scores[:, layer, e]).statistic for e in range(4)]
        assert found[0, layer] == pytest.approx((rho[0] - rho[1]) / 2)
        assert found[1, layer] == pytest.approx(0)  # as many rise as fall
    np.testing.assert_allclose(
        correlations(scores)[1], [spearmanr(np.arange(n), scores[:, 1, e]).statistic for e in range(4)], atol=1e-12
    )
    one_sided = signed_correlations(scores, np.array([1, 0, 0, 0]))[1, 0]
    assert one_sided == pytest.approx(np.mean([spearmanr(np.arange(n), scores[:, 0, e]).statistic for e in (1, 2, 3)]))


def test_a_constant_activation_follows_nothing() -> None:
    assert (signed_correlations(np.ones((5, 2, 4)), SIGNS) == 0).all()


def _templates(generator: np.random.Generator, slope: float, n: int = 10) -> list[tuple[np.ndarray, np.ndarray]]:
    templates = []
    for _ in range(n):
        signs = np.zeros(8, int)
        signs[generator.choice(8, 2, replace=False)] = (1, -1)
        scores = generator.standard_normal((8, 3, 8))
        scores[:, 1] += slope * np.arange(8)[:, None] * signs  # planted at the second layer alone
        templates.append((scores, signs))
    return templates


def test_a_planted_rise_and_fall_is_found_at_its_layer() -> None:
    table = intensity_statistics(_templates(np.random.default_rng(0), 2.0), 499)
    table = table.set_index(["statistic", "position"])
    planted = table.loc[("expected", 1)]
    assert planted["value"] > 0.9
    assert planted["low"] > 0.85
    # All ten signs stay in one of 1,024 flips.
    assert planted["p"] <= planted["p_familywise"] < 0.01
    assert planted["p_emotions"] < 0.01
    assert table.loc[("expected", 0), "p_familywise"] > 0.05
    assert abs(table.loc[("others", 1), "value"]) < 0.1


def test_the_opposite_of_what_is_expected_is_no_success() -> None:
    table = intensity_statistics(_templates(np.random.default_rng(0), -2.0), 199).set_index(["statistic", "position"])
    assert table.loc[("expected", 1), "value"] < -0.9
    assert table.loc[("expected", 1), "p"] > 0.99


def test_a_number_that_moves_every_vector_alike_is_told_by_the_names() -> None:
    generator = np.random.default_rng(1)
    signs = np.array([1, 0, 0, 0, 0])
    templates = [(generator.standard_normal((8, 1, 5)) * 0.1 + np.arange(8)[:, None, None], signs) for _ in range(8)]
    row = intensity_statistics(templates, 199).set_index("statistic").loc["expected"]
    assert row["p"] < 0.03
    assert row["p_emotions"] > 0.1


def test_without_an_effect_small_p_are_rare_and_intervals_hold_zero() -> None:
    generator = np.random.default_rng(2)
    small = renamed = familywise = covered = 0
    for _ in range(120):
        own = intensity_statistics(_templates(generator, 0.0), 99)
        own = own[own["statistic"] == "expected"]
        small += own["p"].iloc[1] <= 0.1
        renamed += own["p_emotions"].iloc[1] <= 0.1
        familywise += own["p_familywise"].min() <= 0.1
        covered += own["low"].iloc[1] <= 0 <= own["high"].iloc[1]
    # 12 expected of 120, within 3.3 standard deviations of a binomial.
    assert 2 <= small <= 23
    assert 2 <= renamed <= 23
    assert 2 <= familywise <= 23
    assert covered >= 107  # 114 expected, 3 standard deviations; percentiles of ten templates hold 108


def test_activations_that_drift_with_any_number_are_no_sign_of_the_emotion() -> None:
    generator = np.random.default_rng(3)
    small = 0
    for _ in range(200):
        templates = _templates(generator, 0.0)
        drifting = [
            (scores + 2 * np.arange(8)[:, None, None] * generator.choice([-1, 1], (1, 1, 8)), signs)
            for scores, signs in templates
        ]
        own = intensity_statistics(drifting, 199)
        small += own.loc[own["statistic"] == "expected", "p"].iloc[0] <= 0.1
    # 20 expected of 200; numbers shuffled within each template would give some 60.
    assert 6 <= small <= 34


def _run(inputs: SteeringInputs) -> tuple[dict[str, pd.DataFrame], dict]:
    units = EXPERIMENT.plan(inputs)
    rows = [row for unit in units for row in json.loads(json.dumps(EXPERIMENT.measure(inputs, unit)))]
    return EXPERIMENT.summarise(inputs, pd.DataFrame(rows))


def test_the_tables_hold_what_the_model_was_read_for(inputs: SteeringInputs) -> None:
    tables, summary = _run(inputs)
    assert {name: tuple(table.columns) for name, table in tables.items()} == EXPERIMENT.tables
    assert summary["templates"] == {"en": 2, "ja": 2}  # the inputs' limit
    n_layers = inputs.model.n_layers
    assert len(tables["intensity"]) == 2 * 2 * 4 * n_layers * 2  # variants, readings, pairs, layers, statistics
    each, mean = tables["intensity_templates"], tables["intensity"]
    english = (each["text_language"] == "en") & (each["vector_language"] == "en") & (each["layer"] == 1)
    own = each[english & (each["variant"] == "raw") & (each["reading"] == "mean")]
    expected = (own["rho"] * own["sign"]).groupby(own["id"]).mean().mean()
    chosen = mean[(mean["text_language"] == "en") & (mean["vector_language"] == "en") & (mean["layer"] == 1)]
    chosen = chosen[(chosen["variant"] == "raw") & (chosen["reading"] == "mean") & (chosen["statistic"] == "expected")]
    assert chosen["value"].item() == pytest.approx(expected)


def test_emotions_without_vectors_are_passed_over(inputs: SteeringInputs) -> None:
    tables, _ = _run(inputs)
    assert set(tables["intensity_templates"]["emotion"]) <= set(inputs.vectors.emotions)


def test_a_language_without_templates_leaves_a_note(inputs: SteeringInputs) -> None:
    tables, summary = _run(replace(inputs, languages=["fr"]))
    assert "no intensity templates" in summary["note"]
    assert all(table.empty for table in tables.values())
