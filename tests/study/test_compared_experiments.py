"""Preferences and rules of two studies side by side, on planted answers."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from emovec.config import StudyConfig
from emovec.steering.experiments.activities import Activity
from emovec.steering.experiments.preference_scores import Games, summarise_condition
from emovec.steering.experiments.preferences import asked, steered_half
from emovec.steering.experiments.rule_statistics import compare
from emovec.study.compared_experiments import TABLES, ComparedExperiments, compare_experiments
from emovec.study.results import StudyTables
from tests.steering import planted_answers

N_KINDS, PER = 8, 8
KINDS = np.repeat([f"kind {k}" for k in range(N_KINDS)], PER)
HALF = np.arange(len(KINDS)) % 2 == 0
BASELINE = {"kind": "baseline", "name": "baseline", "vector_language": "", "layer": -1, "strength": 0.0}


def steered(emotion: str, strength: float = 0.1) -> dict[str, object]:
    return {"kind": "emotion", "name": emotion, "vector_language": "en", "layer": 5, "strength": strength}


def study(**tables: pd.DataFrame) -> StudyTables:
    record = {"summary": {"format": "chat template"}}
    records = {"preferences": record, "rules": record}
    return StudyTables(StudyConfig(), tables, {}, records, {}, None, {}, {})


def rows(condition: dict[str, object], score: np.ndarray, change: np.ndarray, half: bool = False) -> pd.DataFrame:
    """[activity] unsteered scores (in Elo points) and changes, as `preference_scores` gives them."""
    beside = change[~HALF].mean() if half else change.mean()
    return pd.DataFrame(
        {
            "language": "en", "design": "half" if half else "whole", **condition,
            "activity": [str(i) for i in range(len(KINDS))], "category": KINDS,
            "text": [f"text {i}" for i in range(len(KINDS))], "steered": HALF if half else True,
            "score": 1500 + score - score.mean(), "change": change - beside,
        }
    )  # fmt: skip


def preferences(
    score: np.ndarray, changes: dict[str, np.ndarray], half: bool = False, strength: float = 0.1
) -> StudyTables:
    parts = [rows(BASELINE, score, np.full(len(KINDS), np.nan))]
    parts += [rows(steered(emotion, strength), score, change, half) for emotion, change in changes.items()]
    return study(preference_scores=pd.concat(parts, ignore_index=True))


def both(a: StudyTables, b: StudyTables) -> ComparedExperiments:
    return compare_experiments([("base", a), ("instruct", b)])


def test_scores_are_compared_by_kind() -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(scale=50, size=64)
    found = both(preferences(score, {}), preferences(score + np.where(KINDS == "kind 2", 80, 0), {}))
    for name, columns in TABLES.items():
        assert list(getattr(found, name)) == ["study_a", "study_b", *columns]
    kinds = found.preferences.set_index("category")
    assert set(kinds["measure"]) == {"score"}
    assert kinds["difference"].to_dict() == pytest.approx({k: 70.0 if k == "kind 2" else -10.0 for k in set(KINDS)})
    assert kinds["a"].mean() == pytest.approx(1500)
    np.testing.assert_allclose(kinds["b"] - kinds["a"], kinds["difference"])
    assert found.scope == [
        "On preferences, base and instruct share 64 activities and 0 ways of steering. Asked: base as chat template, "
        "steered at layer –; instruct as chat template, steered at layer –."
    ]
    assert len(found.activities) == 64
    assert found.rules.empty
    r = found.preference_agreement.set_index("within")["r"]
    assert r["categories"] == pytest.approx(1)
    assert r["everything"] < 1
    assert np.corrcoef(found.activities["score_a"], found.activities["score_b"])[0, 1] == pytest.approx(r["everything"])


@pytest.mark.parametrize("half", [False, True])
def test_intervals_of_differences_cover_and_false_alarms_are_rare(half: bool) -> None:
    """What is planted is the kinds' mean; activities of a kind differ, alike in both models."""
    rng, n, covered, alarms, found_it, families = np.random.default_rng(3), 40, 0, 0, 0, 0
    truth = np.where(KINDS == "kind 0", 160.0, 0.0)
    shift = 40.0 * HALF * half
    scored = 0
    for _ in range(n):
        score, reaction = (rng.normal(scale=60, size=64) for _ in range(2))
        mine = {"angry": reaction + rng.normal(scale=20, size=64), "calm": reaction + rng.normal(scale=20, size=64)}
        theirs = {
            "angry": reaction + truth + shift + rng.normal(scale=20, size=64),
            "calm": reaction + rng.normal(scale=20, size=64),
        }
        other = score + truth + rng.normal(scale=30, size=64)
        found = both(preferences(score, mine, half), preferences(other, theirs, half)).preferences
        own = found[found["emotion"] == "angry"].set_index("category")
        # The unsteered half of kind 0 moves too, so that everything is set against its eighth of 160 points.
        expected = {k: (160.0 if k == "kind 0" else 0.0) - 20 + 40.0 * half for k in set(KINDS)}
        expected |= {"": 40.0} if half else {}
        assert set(own.index) == set(expected)
        covered += sum(own.loc[k, "low"] <= value <= own.loc[k, "high"] for k, value in expected.items()) / len(own)
        calm = found[found["emotion"] == "calm"]
        alarms += (calm["p"] < 0.05).mean()
        families += bool((calm.loc[calm["measure"] == "change", "p_familywise"] < 0.05).any())
        found_it += bool(own.loc["kind 0", "p_familywise"] < 0.05)
        kinds = found[found["measure"] == "score"].set_index("category")
        scored += (
            sum(kinds.loc[k, "low"] <= (160 if k == "kind 0" else 0) - 20 <= kinds.loc[k, "high"] for k in set(KINDS))
            / 8
        )
    assert 0.91 < covered / n < 0.98
    assert 0.91 < scored / n < 0.98
    assert 0.02 < alarms / n < 0.09
    assert families / n < 0.1
    assert found_it / n > 0.9


def test_intervals_of_the_correlation_cover() -> None:
    rng, n, covered = np.random.default_rng(4), 80, {"everything": 0, "categories": 0}
    for _ in range(n):
        a, b = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=64).T
        found = both(preferences(100 * a, {}), preferences(60 * b, {})).preference_agreement.set_index("within")
        for within in covered:
            covered[within] += bool(found.loc[within, "low"] <= 0.5 <= found.loc[within, "high"])
    assert 0.88 < covered["everything"] / n < 0.99
    assert covered["categories"] / n > 0.9  # too wide, if anything


def test_changes_are_those_that_each_study_reports() -> None:
    """Through the games themselves: a category's a and b are the changes in the studies' own tables."""
    activities = [Activity(str(i), f"kind {i // 4}", "en", f"text {i}") for i in range(16)]
    half = steered_half(activities, 0)

    def games(theta: np.ndarray) -> Games:
        wins = 1 / (1 + np.exp(-(theta[:, None] - theta[None])))
        np.fill_diagonal(wins, np.nan)
        return Games(wins, np.where(np.isnan(wins), np.nan, 1.0))

    def made(seed: int) -> StudyTables:
        theta, moved = np.random.default_rng(seed).normal(size=(2, 16))
        base = games(theta)
        parts: dict[str, list[pd.DataFrame]] = {}
        for condition, own, chosen, design in (
            (BASELINE, base, None, "whole"),
            (steered("angry"), games(theta + moved), None, "whole"),
            (steered("angry"), games(theta + moved * half).only(asked(activities, half)), half, "half"),
        ):
            for name, table in summarise_condition(own, base, activities, chosen, 0).items():
                parts.setdefault(name, []).append(table.assign(language="en", design=design, **condition))
        tables = {name: pd.concat(found, ignore_index=True) for name, found in parts.items()}
        for name in ("preference_changes", "preference_shift"):
            tables[name]["control"] = 7.0 + seed
        return study(**tables)

    sides = {"a": made(0), "b": made(1)}
    found = both(sides["a"], sides["b"]).preferences
    for end, side in sides.items():
        for design in ("whole", "half"):
            own = found[(found["measure"] == "change") & (found["design"] == design)].set_index("category")
            reported = side.tables["preference_changes"].query(f"design == '{design}'").set_index("category")
            np.testing.assert_allclose(own[end], reported.loc[own.index, "change"], atol=1e-6)
        shift = found[found["measure"] == "shift"].iloc[0]
        assert shift[end] == pytest.approx(side.tables["preference_shift"]["change"].iloc[0])
        assert shift[f"control_{end}"] == 7.0 + (end == "b")
        assert (found.loc[found["measure"] == "change", f"control_{end}"] == 7.0 + (end == "b")).all()
    assert found.loc[found["measure"] == "score", "control_a"].isna().all()


def test_only_what_both_have_is_compared_and_the_rest_is_named() -> None:
    score = np.random.default_rng(0).normal(size=64)
    a = preferences(score, {"angry": score, "calm": score})
    b = preferences(score, {"angry": score}, strength=0.2)
    fewer = {"preference_scores": b.tables["preference_scores"].query("activity != '5'")}
    found = both(a, study(**fewer))
    assert set(found.preferences["emotion"]) == {""}
    assert len(found.activities) == 63
    assert found.activities["score_b"].mean() == pytest.approx(1500)
    assert found.scope[0].startswith(
        "On preferences, base and instruct share 63 activities and 0 ways of steering (left out, only in base: 1 "
        "activity, angry at 0.1 (en), calm at 0.1 (en); only in instruct: angry at 0.2 (en)). Asked: base as"
    )
    assert both(a, study()).scope == ["Of base and instruct only base has the experiment on preferences."]
    assert both(study(), study()).scope == []
    other = {"preference_scores": a.tables["preference_scores"].assign(language="ja")}
    found = both(a, study(**other))
    assert found.preferences.empty
    assert found.activities.empty


def test_the_same_answers_twice_differ_in_nothing() -> None:
    score = np.random.default_rng(0).normal(size=64)
    twice = preferences(score, {"angry": score})
    found = both(twice, twice).preferences
    assert (found["difference"] == 0).all()
    assert (found["p_familywise"] == 1).all()
    assert found["low"].isna().all()


def answers(rates: dict[str, Sequence[float]], seed: int, n_prompts: int = 20, n_rules: int = 4) -> pd.DataFrame:
    """Whether rules are kept: condition → [rule] rate; prompts are easy or hard for all rules and conditions alike."""
    rng = np.random.default_rng(seed)
    ease = np.random.default_rng([1, seed // 2]).uniform(-0.25, 0.25, size=n_prompts)
    parts: list[dict[str, object]] = []
    for name, rate in rates.items():
        condition = BASELINE if name == "baseline" else steered(name)
        for r in range(n_rules):
            kept = rng.uniform(size=n_prompts) < rate[r] + ease
            parts += [
                {
                    "language": "en",
                    **condition,
                    "rule": f"rule {r}",
                    "prompt": f"p{p}",
                    "request": f"{r} {p}",
                    "followed": k,
                }
                for p, k in enumerate(kept)
            ]
    return pd.DataFrame(parts)


def test_rates_of_rules_differ_as_planted() -> None:
    n, covered, alarms, found_it = 60, np.zeros(2), 0, 0
    for draw in range(n):
        a = answers({"baseline": [0.5] * 4, "angry": [0.5] * 4, "calm": [0.5] * 4}, 2 * draw)
        b = answers({"baseline": [0.75] * 4, "angry": [0.25] * 4, "calm": [0.75] * 4}, 2 * draw + 1)
        rules = both(study(rule_answers=a), study(rule_answers=b)).rules
        rate = rules[(rules["measure"] == "rate") & (rules["rule"] == "")].iloc[0]
        change = rules[rules["measure"] == "change"].set_index("emotion")
        covered += [
            rate["low"] <= 0.25 <= rate["high"],
            change.loc["angry", "low"] <= -0.5 <= change.loc["angry", "high"],
        ]
        alarms += change.loc["calm", "p"] < 0.05
        found_it += change.loc["angry", "p_familywise"] < 0.05
    assert (covered / n > 0.85).all()
    assert alarms / n < 0.12
    assert found_it / n > 0.9
    assert (rate["n_answers"], rate["n_prompts"]) == (80, 20)
    assert set(rules.loc[rules["measure"] == "rate", "rule"]) == {"", "rule 0", "rule 1", "rule 2", "rule 3"}
    assert rules["control_a"].isna().all()


def test_answers_are_paired_by_rule_and_prompt() -> None:
    rows = planted_answers.answers({"angry": -0.2}).assign(request="Say it.")
    other = planted_answers.answers({"angry": -0.2}, seed=1).assign(request="Say it.").sample(frac=1, random_state=0)
    told = {"rules": compare(rows, 50, 0), "rule_answers": rows}
    found = both(study(**told), study(rule_answers=other.query("prompt != 'prompt 3'"))).rules
    mine = rows[rows["prompt"] != "prompt 3"]
    theirs = other[other["prompt"] != "prompt 3"]

    def change(of: pd.DataFrame, strength: float) -> float:
        steered_at = of[(of["name"] == "angry") & (of["strength"] == strength)]
        return steered_at["followed"].mean() - of.loc[of["kind"] == "baseline", "followed"].mean()

    for row in found[(found["measure"] == "change") & (found["emotion"] == "angry")].to_dict("records"):
        assert row["a"] == pytest.approx(change(mine, row["strength"]))
        assert row["difference"] == pytest.approx(change(theirs, row["strength"]) - change(mine, row["strength"]))
        assert row["control_a"] > 0
        assert math.isnan(row["control_b"])
        assert row["n_prompts"] == 29
