"""The experiment on preferences on a tiny model whose tokens are bytes, against questions asked one by one."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from emovec.errors import EmovecError
from emovec.languages.load import load_language
from emovec.models.language_model import LanguageModel
from emovec.models.load import load_model
from emovec.models.text_tokenizer import TextTokenizer
from emovec.stats.bradley_terry import bradley_terry, sequential_elo
from emovec.steering.conditions import BASELINE
from emovec.steering.experiments import preference_scores
from emovec.steering.experiments.activities import CATEGORIES, Activity
from emovec.steering.experiments.experiment import SteeringInputs
from emovec.steering.experiments.preference_probe import correlations
from emovec.steering.experiments.preference_scores import Games, changes_of, summarise_condition
from emovec.steering.experiments.preferences import (
    EXPERIMENT,
    TABLES,
    _projections,  # pyright: ignore[reportPrivateUsage]
    activities_of,
    asked,
    measure,
    plan,
    steered_half,
)
from emovec.steering.experiments.questions import answer_tokens, question_format, questions
from emovec.steering.experiments.registry import COLUMNS
from tests.tiny_models import FAMILIES, save_tiny_model

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
FILE = "\n".join(
    f'{{"id": "{i}", "category": "{kind}", "language": "{language}", "text": "{text}"}}'
    for language, texts in (
        ("en", ["sing a song", "sweep", "lie", "rest a bit"]),
        ("ja", ["歌う", "掃く", "嘘", "休む"]),
    )
    for i, (kind, text) in enumerate(zip(["play", "play", "odd", "odd"], texts, strict=True))
)


@pytest.fixture(scope="module")
def bytewise(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    config = FAMILIES["qwen2"].__class__(**{**FAMILIES["qwen2"].to_dict(), "max_position_embeddings": 1024})
    return load_model(str(save_tiny_model(tmp_path_factory.mktemp("bytes"), config)), device="cpu")


@pytest.fixture
def chatting(bytewise: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> LanguageModel:
    monkeypatch.setattr(bytewise.tokenizer.tokenizer, "chat_template", TEMPLATE, raising=False)
    return bytewise


@pytest.fixture
def small(inputs: SteeringInputs, bytewise: LanguageModel, tmp_path: Path) -> SteeringInputs:
    """Four activities of two kinds, one emotion at one strength."""
    (tmp_path / "mine.jsonl").write_text(FILE, encoding="utf-8")
    settings = inputs.settings.model_copy(update={"activities": "mine.jsonl", "limit": None, "strengths": [0.5]})
    return dataclasses.replace(inputs, model=bytewise, settings=settings, emotions=["angry"], base=tmp_path)


def alone(inputs: SteeringInputs, condition: object, ids: tuple[int, ...], positions: object) -> np.ndarray:
    with torch.inference_mode(), inputs.steered(condition, positions):  # type: ignore[arg-type]
        logits = inputs.model.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
    return torch.log_softmax(logits.double(), -1).numpy()


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_question_knows_its_activities_and_ends_with_the_parenthesis(
    bytewise: LanguageModel, request: pytest.FixtureRequest, chat: bool, language: str
) -> None:
    if chat:
        request.getfixturevalue("chatting")
    first, second = (Activity(t, "x", language, t) for t in ("歌う (A) well", "sweep the floor"))
    (question,) = questions(bytewise, load_language(language), [(first, second)])
    decode = bytewise.tokenizer.tokenizer.decode
    whole = decode(question.ids)
    assert whole.endswith("(")
    assert whole.startswith("<user>") == chat
    assert decode(question.ids[slice(*question.first)]).strip() == first.text
    assert decode(question.ids[slice(*question.second)]).strip() == second.text
    assert [decode([token]) for token in answer_tokens(bytewise, load_language(language))] == ["A", "B"]
    assert "(A) …" in question_format(bytewise, load_language(language))


def test_answers_are_found_also_where_the_tokenizer_joins_the_parenthesis(bytewise: LanguageModel) -> None:
    class Joined:
        chat_template = TEMPLATE
        all_special_tokens: tuple[str, ...] = ()
        all_special_ids: tuple[int, ...] = ()
        bos_token_id = eos_token_id = None

        def apply_chat_template(self, messages: list[dict[str, str]], **_: object) -> str:
            return messages[0]["content"]

        def __call__(self, texts: str | list[str], **_: object) -> dict[str, Any]:
            alone = isinstance(texts, str)
            return {"input_ids": self._ids(texts) if alone else [self._ids(text) for text in texts]}

        def _ids(self, text: str) -> list[int]:
            pieces = {"(A": 1001, "(B": 1002}
            if text[-2:] in pieces:
                return [*map(ord, text[:-2]), pieces[text[-2:]]]
            return [*map(ord, text.replace("(A)", "").replace("(B)", ""))]

    model = dataclasses.replace(bytewise, tokenizer=TextTokenizer(Joined()))
    assert answer_tokens(model, load_language("en")) == (ord("A"), ord("B"))


def test_a_tokenizer_without_a_and_b_is_told_of(tiny_model: Callable[..., LanguageModel]) -> None:
    with pytest.raises(EmovecError, match="no token of its own for A and for B"):
        answer_tokens(tiny_model("llama"), load_language("en"))


def test_the_half_is_fixed_and_holds_half_of_each_kind(inputs: SteeringInputs) -> None:
    found = activities_of(
        dataclasses.replace(inputs, settings=inputs.settings.model_copy(update={"limit": None})), "en"
    )
    half = steered_half(found, 3)
    np.testing.assert_array_equal(half, steered_half(found, 3))
    kinds = np.array([activity.category for activity in found])
    assert [half[kinds == kind].sum() for kind in CATEGORIES] == [4] * 8
    assert asked(found, None).sum() == 64 * 63
    assert asked(found, half).sum() == 2 * 32 * 32
    odd = [Activity(str(i), "abc"[i % 3], "en", str(i)) for i in range(9)]
    assert steered_half(odd, 0).sum() in (4, 5)


def test_measured_choices_equal_questions_asked_one_by_one(small: SteeringInputs) -> None:
    a, b = answer_tokens(small.model, load_language("en"))
    activities = {activity.id: activity for activity in activities_of(small, "en")}
    half = steered_half(list(activities.values()), small.seed)
    conditions = {condition.id: condition for condition in small.conditions("en")}
    compared = 0
    for unit in plan(small):
        if not unit.id.startswith("en/") or "design" not in unit.values:
            continue
        condition = conditions[unit.id.split("/")[2]]
        for row in measure(small, unit):
            for second, log_odds, mass in zip(row["second"], row["log_odds"], row["mass"], strict=True):
                pair = (activities[row["first"]], activities[second])
                (question,) = questions(small.model, load_language("en"), [pair])
                positions: object = "all"
                if row["design"] == "half":
                    first_steered = half[list(activities).index(row["first"])]
                    assert first_steered != half[list(activities).index(second)]
                    positions = question.first if first_steered else question.second
                logs = alone(small, condition, question.ids, positions)
                assert log_odds == pytest.approx(logs[a] - logs[b], abs=1e-4)
                assert mass == pytest.approx(np.exp(logs[a]) + np.exp(logs[b]), abs=1e-4)
                compared += 1
    assert compared == 12 + 3 * (12 + 8)


def test_the_experiment_fills_every_table(small: SteeringInputs) -> None:
    units = plan(small)
    assert len({unit.id for unit in units}) == len(units)
    assert all(unit.cost > 0 for unit in units)
    rows = pd.DataFrame([row for unit in units for row in measure(small, unit)])
    tables, facts = EXPERIMENT.summarise(small, rows)
    assert tuple(tables) == tuple(TABLES)
    assert all(len(table) for table in tables.values())
    scores = tables["preference_scores"]
    means = scores[scores["design"] == "whole"].groupby(["language", "name"])["score"].mean()
    np.testing.assert_allclose(means, 1500, atol=1e-6)
    assert set(tables["preference_changes"]["category"]) == {"play", "odd"}
    assert "baseline" not in set(tables["preference_changes"]["kind"])
    assert tables["preference_probe"]["emotion"].nunique() == 5
    # Four activities are too few for a correlation.
    assert tables["preference_probe"][["r", "p", "control"]].isna().all(axis=None)
    assert facts["format"] == "plain question and answer"
    assert facts["source"] == "mine.jsonl"
    assert facts["sequential"] == {"K": 16.0, "order": "shuffled", "seed": 0, "passes": 1}


def planted(theta: np.ndarray, order: float = 0.4, noise: float = 0.0, seed: int = 0) -> Games:
    rng = np.random.default_rng(seed)
    logits = theta[:, None] - theta[None, :] + order + noise * rng.normal(size=(len(theta), len(theta)))
    wins = 1 / (1 + np.exp(-logits))
    np.fill_diagonal(wins, np.nan)
    return Games(wins, np.where(np.isnan(wins), np.nan, 0.9))


def kinds_of(n: int, per: int) -> list[Activity]:
    return [Activity(str(i), f"kind {i // per}", "en", f"text {i}") for i in range(n)]


def test_a_planted_shift_of_a_kind_and_of_the_half_are_found() -> None:
    activities = kinds_of(32, 8)
    theta = np.random.default_rng(0).normal(size=32)
    base = planted(theta)
    moved = theta + np.repeat([0.8, 0, 0, 0], 8)
    whole = summarise_condition(planted(moved), base, activities, None, 0)["preference_changes"]
    np.testing.assert_allclose(whole["change"], 173.72 * np.array([0.6, -0.2, -0.2, -0.2]), atol=3)
    half = steered_half(activities, 0)
    # Everything steered moves up by 0.5, which no score could show if all were steered.
    games = planted(theta + 0.5 * half).only(asked(activities, half))
    found = summarise_condition(games, base, activities, half, 0)
    shift = found["preference_shift"].iloc[0]
    assert shift["change"] == pytest.approx(0.5 * 173.72, abs=2)
    np.testing.assert_allclose(found["preference_changes"]["change"], 0.5 * 173.72, atol=2)
    everyone = summarise_condition(planted(theta + 0.5), base, activities, None, 0)
    np.testing.assert_allclose(everyone["preference_changes"]["change"], 0, atol=1e-6)


def test_the_change_of_sequential_elo_is_that_of_the_same_games_in_the_same_order() -> None:
    activities = kinds_of(16, 4)
    theta = np.random.default_rng(3).normal(size=16)
    base, moved = planted(theta), theta + np.repeat([0.8, 0, 0, 0], 4)
    whole = summarise_condition(planted(moved), base, activities, None, 5)["preference_changes"]
    rated = sequential_elo(planted(moved).wins, k=16, seed=5) - sequential_elo(base.wins, k=16, seed=5)
    np.testing.assert_allclose(whole["change_sequential"], rated.reshape(4, 4).mean(1))
    assert whole["change_sequential"].argmax() == 0
    same = summarise_condition(planted(theta), base, activities, None, 5)["preference_changes"]
    assert (same["change_sequential"] == 0).all()
    half = steered_half(activities, 0)
    found = summarise_condition(planted(theta + 0.5 * half).only(asked(activities, half)), base, activities, half, 5)
    assert (found["preference_changes"]["change_sequential"] > 0).all()


def test_intervals_of_a_kinds_change_cover() -> None:
    """Activities of a kind react differently; the kind's mean reaction is what the interval is for."""
    activities, covered, n = kinds_of(24, 8), 0, 40
    rng = np.random.default_rng(1)
    truth = np.array([0.5, 0.0, -0.5])
    for _ in range(n):
        theta = rng.normal(size=24)
        moved = theta + np.repeat(truth, 8) + 0.4 * rng.normal(size=24)
        changes = summarise_condition(planted(moved), planted(theta), activities, None, 0)["preference_changes"]
        covered += int(((changes["low"] <= 173.72 * truth) & (173.72 * truth <= changes["high"])).sum())
    assert 0.90 <= covered / (3 * n) <= 0.99


@pytest.mark.parametrize(("limit", "n"), [(1, 150), (2, 150)])
def test_intervals_of_a_large_mean_shift_cover_with_few_activities(
    limit: int, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ridge that is small among 64 activities shrinks the shift of a handful until the interval misses it."""
    monkeypatch.setattr(preference_scores, "BOOTSTRAPS", 80)
    activities = kinds_of(8 * limit, limit)
    half, rng, truth = steered_half(activities, 0), np.random.default_rng(5), 3 * 173.72
    found = []
    for draw in range(n):
        theta = 1.5 * rng.normal(size=len(half))
        moved = theta + half * (3 + 0.2 * rng.normal(size=len(half)))
        games, base = planted(moved).only(asked(activities, half)), planted(theta)
        found.append(summarise_condition(games, base, activities, half, draw)["preference_shift"].iloc[0])
    shifts = pd.DataFrame(found)
    assert abs(shifts["change"].mean() - truth) < 4
    assert 0.9 <= ((shifts["low"] <= truth) & (truth <= shifts["high"])).mean() <= 0.99


def test_emotions_that_move_no_more_than_controls_are_not_said_to() -> None:
    def table(sizes: dict[str, float]) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        rows = [
            {"language": "en", "design": "whole", "strength": 0.1, "kind": name.split()[0], "name": name,
             "category": str(c), "change": size * rng.normal()}
            for name, size in sizes.items() for c in range(8)
        ]  # fmt: skip
        return pd.DataFrame(rows)

    controls = {f"random {i}": 5.0 for i in range(2)} | {f"shuffled {i}": 5.0 for i in range(2)}
    for size, strong in ((50.0, True), (5.0, False)):
        changes = table({f"emotion {i}": size for i in range(12)} | controls)
        tables = changes_of({"preference_changes": changes, "preference_shift": pd.DataFrame()})
        (row,) = tables["preference_effects"].to_dict("records")
        assert (row["p"] < 0.05) == strong
        assert (row["n_emotions"], row["n_controls"]) == (12, 4)
        largest = changes[changes["kind"] != "emotion"]["change"].abs().max()
        assert (tables["preference_changes"]["control"] == largest).all()


def test_projections_that_go_with_scores_are_found_and_others_not() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=64)
    projections = np.stack([scores + rng.normal(size=64), rng.normal(size=64), np.ones(64)], axis=1)
    found = correlations(projections, scores, 999, 0)
    assert found["r"][0] == pytest.approx(np.corrcoef(projections[:, 0], scores)[0, 1])
    assert found["p"][0] == 0.001
    assert found["p"][1] > 0.05
    assert found.loc[2, ["r", "p", "p_familywise"]].isna().all()


@pytest.mark.fault("F14")
def test_few_activities_are_not_correlated() -> None:
    projections = np.random.default_rng(0).normal(size=(10, 2))
    assert correlations(projections, projections[:, 0], 99, 0)["r"][0] == pytest.approx(1)
    few = correlations(projections[:9], projections[:9, 0], 99, 0)
    assert few[["r", "p", "p_familywise", "null_95"]].isna().all(axis=None)
    assert len(few) == 2


def test_a_direction_that_only_tells_kinds_apart_is_found_out_within_kinds() -> None:
    """Kinds differ in score and in wording; within them nothing goes with anything."""
    rng, over, within, n = np.random.default_rng(1), 0, 0, 100
    kinds = np.repeat(np.arange(8), 8)
    for run in range(n):
        scores = rng.normal(size=8)[kinds] + 0.5 * rng.normal(size=64)
        projections = rng.normal(size=(8, 1))[kinds] + 0.5 * rng.normal(size=(64, 1))
        over += int(correlations(projections, scores, 199, run)["p"][0] <= 0.05)
        within += int(correlations(projections, scores, 199, run, kinds)["p"][0] <= 0.05)
    assert over > 30
    assert 0 <= within <= 13  # 5 expected
    none = correlations(np.empty((64, 0)), scores, 1, 0)
    assert none["r"].empty
    scores = rng.normal(size=64)
    planted_one = correlations(scores[:, None] + 5.0 * kinds[:, None], scores, 199, 0, kinds)
    assert planted_one["r"][0] == pytest.approx(1)
    assert planted_one["p"][0] == 1 / 200


def test_games_stand_where_they_were_asked() -> None:
    activities = kinds_of(3, 3)
    rows = pd.DataFrame(
        {
            "first": ["0", "2"],
            "second": [["1", "2"], ["0"]],
            "log_odds": [[0.0, 1.0], [-2.0]],
            "mass": [[0.5, 0.6], [0.7]],
        }
    )
    games = Games.of(rows, activities)
    expected = np.full((3, 3), np.nan)
    expected[0, 1], expected[0, 2], expected[2, 0] = 0.5, 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(2))
    np.testing.assert_allclose(games.wins, expected)
    assert games.mass[2, 0] == 0.7
    assert bradley_terry(games.wins).scores.shape == (3,)
    assert BASELINE.kind == "baseline"


def test_the_columns_are_those_declared(small: SteeringInputs) -> None:
    few = dataclasses.replace(small, languages=["en"])
    rows = pd.DataFrame([row for unit in plan(few) for row in measure(few, unit)])
    tables, _ = EXPERIMENT.summarise(few, rows)
    for name, table in tables.items():
        assert tuple(table.columns) == COLUMNS[name], name


def test_one_activity_of_a_kind_in_each_half_still_gives_the_shift_an_interval() -> None:
    activities = kinds_of(16, 2)
    half = steered_half(activities, 0)
    rng = np.random.default_rng(0)
    theta = rng.normal(size=16)
    moved = theta + half * (0.5 + 0.3 * rng.normal(size=16))
    found = summarise_condition(planted(moved).only(asked(activities, half)), planted(theta), activities, half, 0)
    shift = found["preference_shift"].iloc[0]
    assert shift["low"] + 10 < shift["change"] < shift["high"] - 10
    assert found["preference_changes"][["low", "high"]].isna().all(axis=None)


@pytest.mark.fault("U6")
def test_projections_leave_out_what_the_study_takes_for_sinks(inputs: SteeringInputs) -> None:
    activities = [Activity(str(i), "x", "en", f"w{i} w{i + 1} w{i + 2} w{i + 3} w{i + 4}") for i in range(3)]

    def found(threshold: float | None) -> np.ndarray:
        vectors = dataclasses.replace(inputs.vectors, provenance={"pooling": {"sink_threshold": threshold}})
        rows = _projections(dataclasses.replace(inputs, vectors=vectors), "en", activities)
        return np.array([list(row["projections"].values()) for row in rows])

    assert np.abs(found(1.01) - found(None)).max() > 1e-3
    np.testing.assert_allclose(found(1e6), found(None))
    assert "form" in EXPERIMENT.settings
