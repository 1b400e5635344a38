"""Rates, and tests over prompts on data whose truth is known."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from emovec.steering.experiments.rule_statistics import beside_controls, compare, exchange_test, rates
from tests.steering.planted_answers import answers


def test_rates_have_wilsons_interval() -> None:
    rows = pd.DataFrame({"rule": ["a"] * 10 + ["b"] * 4, "followed": [True] * 3 + [False] * 11, "prompt": range(14)})
    found = rates(rows, ["rule"]).set_index("rule")
    assert found.loc["a", ["n", "rate"]].tolist() == [10, 0.3]
    for rule, kept, n in (("a", 3, 10), ("b", 0, 4)):
        expected = binomtest(kept, n).proportion_ci(method="wilson")
        np.testing.assert_allclose(found.loc[rule, ["low", "high"]].to_numpy(float), expected, rtol=1e-5, atol=1e-9)
    both = rates(pd.concat([rows] * 3), ["rule"]).set_index("rule")  # copies of an answer tell nothing new
    once, twice = (table.loc["a", ["low", "high"]].to_numpy(float) for table in (found, both))
    np.testing.assert_allclose(twice, once, atol=0.06)
    assert twice[0] <= once[0] < once[1] <= twice[1]  # how alike they are is an estimate


@pytest.mark.parametrize(("sd", "least"), [(0.0, 0.92), (1.5, 0.90)])
def test_intervals_of_rates_cover_other_prompts(sd: float, least: float) -> None:
    """Some prompts make every rule easier: five answers to one are not five."""
    rng, n, plain, covered = np.random.default_rng(0), 300, 0, 0
    ease = rng.normal(0, sd, (50_000, 1))
    truth = float((1 / (1 + np.exp(0.5 - ease))).mean())
    for _ in range(n):
        kept = rng.random((40, 5)) < 1 / (1 + np.exp(0.5 - rng.normal(0, sd, (40, 1))))
        rows = pd.DataFrame({"x": 0, "prompt": np.repeat(range(40), 5), "followed": kept.ravel()})
        (row,) = rates(rows, ["x"]).to_dict("records")
        covered += row["low"] <= truth <= row["high"]
        low, high = binomtest(int(kept.sum()), 200).proportion_ci(method="wilson")
        plain += low <= truth <= high
    assert least <= covered / n <= 0.99
    assert sd == 0 or plain / n < 0.85


def all_exchanges(values: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Exact p of every condition, and of the largest, over all ways to pick a value in each block."""
    n_conditions, n_values, n_blocks = values.shape
    scales, sums = [], []
    for c in range(n_conditions):
        means = [sum(values[c, :, b]) / n_values for b in range(n_blocks)]
        variance = sum(
            sum((values[c, k, b] - means[b]) ** 2 for k in range(n_values)) / n_values for b in range(n_blocks)
        )
        scales.append(variance**0.5)
        sums.append(
            [
                abs(sum(values[c, k, b] - means[b] for b, k in enumerate(picks))) / scales[c] if scales[c] else 0.0
                for picks in product(range(n_values), repeat=n_blocks)
            ]
        )
    count = len(sums[0])
    largest = [max(each[i] for each in sums) for i in range(count)]
    own = [each[0] for each in sums]
    single = [sum(x >= own[c] - 1e-9 for x in sums[c]) / count for c in range(n_conditions)]
    return single, [sum(x >= own[c] - 1e-9 for x in largest) / count for c in range(n_conditions)]


@pytest.mark.parametrize("n_values", [2, 3])
def test_draws_come_near_all_exchanges(n_values: int) -> None:
    values = np.random.default_rng(n_values).integers(0, 4, (3, n_values, 6)).astype(float)
    values[1, 0] += 2
    p, family = exchange_test(values, 20_000, 0)
    exact, exact_family = all_exchanges(values)
    np.testing.assert_allclose(p, exact, atol=0.015)
    np.testing.assert_allclose(family, exact_family, atol=0.015)


@given(st.integers(0, 1000), st.integers(2, 4))
def test_blocks_are_exchanged_for_all_conditions_alike(seed: int, n_values: int) -> None:
    values = np.random.default_rng(seed).integers(0, 3, (2, n_values, 9)).astype(float)
    p, family = exchange_test(values, 200, seed)
    assert (family >= p).all()
    alone, alone_family = exchange_test(values[:1], 200, seed)
    assert alone == alone_family == p[0]
    shifted = values + np.arange(9)  # a prompt that all find easier changes nothing
    np.testing.assert_allclose(exchange_test(shifted, 200, seed)[0], p)


def test_no_difference_at_all_is_no_finding() -> None:
    p, family = exchange_test(np.ones((2, 2, 10)), 100, 0)
    assert p.tolist() == family.tolist() == [1, 1]


@pytest.mark.parametrize("n_values", [2, 4])
def test_the_test_is_calibrated_when_nothing_happens(n_values: int) -> None:
    generator = np.random.default_rng(n_values)
    hits, single = 0, 0
    for run in range(400):
        ease = generator.uniform(0, 1, 25)  # prompts differ, conditions do not
        values = generator.binomial(5, ease, (6, n_values, 25)).astype(float)
        p, family = exchange_test(values, 199, run)
        single += int(p[0] <= 0.05)
        hits += int(family.min() <= 0.05)
    assert 8 <= single <= 34  # 20 expected of 400
    assert 6 <= hits <= 34


def test_a_planted_effect_is_found_and_only_that() -> None:
    found = compare(answers({"angry": -0.3}), 500, 0).set_index(["name", "strength"])
    assert found.loc["angry", "beyond_controls"].all()
    assert not found["beyond_controls"].drop("angry", level="name").any()
    assert found.loc[("angry", 0.2), "difference"] == pytest.approx(-0.3, abs=0.1)
    assert (found.loc["angry", "controls"] < 0.25).all()


CONTROLS = [f"{kind} {i}" for kind in ("random", "shuffled") for i in range(1, 5)]


def test_directions_that_differ_among_themselves_are_no_finding() -> None:
    """Each direction, of an emotion or not, changes obedience by an amount of its own."""
    rng, claims, on_prompts = np.random.default_rng(0), 0, 0
    for study in range(20):
        shift = {name: -0.15 + 0.12 * rng.normal() for name in ("angry", "calm", *CONTROLS[:2], *CONTROLS[4:6])}
        rows = answers({name: float(np.clip(value, -0.45, 0.45)) for name, value in shift.items()}, 30, study, 2)
        found = compare(rows, 200, study)
        claims += bool(found["beyond_controls"].any())
        counts = rows.pivot_table(index=["name", "strength"], columns="prompt", values="followed", aggfunc="sum")
        at = counts.xs(0.2, level="strength").astype(float)
        on_prompts += int(exchange_test(at.to_numpy()[None, [0, 2, 3, 4, 5]], 200, study)[0][0] < 0.05)
    assert claims <= 3
    assert on_prompts >= 8  # prompts alone would nearly always tell one direction from others


@pytest.mark.parametrize("k", [2, 4, 20])
def test_one_more_control_is_told_from_the_others_as_rarely_as_it_should_be(k: int) -> None:
    rng = np.random.default_rng(k)
    p = np.array([beside_controls(rng.normal(-0.2, 0.1, 1), rng.normal(-0.2, 0.1, k))[0] for _ in range(2000)])
    assert 0.037 <= (p < 0.05).mean() <= 0.063
    assert p.mean() == pytest.approx(0.5, abs=0.03)


def test_beside_controls_equals_the_formula_and_takes_two() -> None:
    off = 0.3 / (np.std([0.0, 0.1, 0.2], ddof=1) * np.sqrt(4 / 3))
    expected = 1 - off / np.sqrt(2 + off**2)  # two-sided, Student's t with two degrees of freedom
    np.testing.assert_allclose(beside_controls(np.array([0.4, 0.1]), np.array([0.0, 0.1, 0.2])), [expected, 1])
    np.testing.assert_array_equal(beside_controls(np.array([0.1, 0.0]), np.zeros(3)), [0, 1])
    assert np.isnan(beside_controls(np.array([0.4]), np.array([0.1]))).all()


def test_what_is_kept_unasked_is_compared_with_the_same_requests() -> None:
    rows = answers({"without the rule": -0.3})
    rows = rows[~((rows["kind"] == "unasked") & (rows["rule"] == "rule 0"))]  # a rule that means nothing unasked
    told = compare(rows, 500, 0).set_index("kind").loc["unasked"]
    base = rows[(rows["kind"] == "baseline") & (rows["rule"] != "rule 0")]["followed"].mean()
    assert told["difference"] == pytest.approx(told["rate"] - base)
    assert told["p"] < 0.01
    assert compare(answers({}), 500, 0).set_index("kind").loc["unasked", "p"] > 0.05


def test_what_any_direction_does_is_no_finding() -> None:
    everywhere = dict.fromkeys(["angry", "calm", *CONTROLS], -0.3)
    found = compare(answers(everywhere), 500, 0)
    steered = found[found["kind"] == "emotion"]
    assert (steered["p_familywise"] < 0.05).all()
    assert not found["beyond_controls"].any()


def test_without_controls_nothing_is_claimed() -> None:
    found = compare(answers({"angry": -0.3}, controls=0), 200, 0)
    assert found["p_controls"].isna().all()
    assert not found["beyond_controls"].any()


def test_coherence_is_told_beside_the_rate() -> None:
    rows = answers({})
    angry = rows["name"] == "angry"
    strong = rows["strength"] == 0.2
    rows.loc[angry & strong, "nats"] += np.log(5)
    rows.loc[angry & ~strong, ["distinct", "nats"]] = [0.1, None]
    rows.loc[angry & ~strong & (rows["rule"] == "rule 1"), "nats"] = 2.0
    found = compare(rows, 100, 0).set_index(["name", "strength"])
    assert found.loc[("angry", 0.2), "perplexity_ratio"] == pytest.approx(5)
    assert found.loc[("angry", 0.2), "regime"] == "explosion"
    assert found.loc[("angry", 0.1), "perplexity_ratio"] == pytest.approx(1)
    assert found.loc[("angry", 0.1), "regime"] == "collapse"
    assert found.loc[("calm", 0.1), "regime"] == "surgical"
