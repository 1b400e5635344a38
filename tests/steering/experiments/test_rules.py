"""The experiment from its plan to its tables, on a tiny random model."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from emovec.config import SteeringConfig
from emovec.errors import EmovecError
from emovec.languages.load import load_language
from emovec.models.answers import Answer
from emovec.models.generate import generate
from emovec.models.language_model import LanguageModel
from emovec.steering.experiments import rules
from emovec.steering.experiments.experiment import SteeringInputs, Unit
from emovec.steering.experiments.registry import COLUMNS, EXPERIMENTS
from emovec.steering.experiments.rule_requests import combine, completion_prompt, load_prompts, load_rules

EXPERIMENT = rules.EXPERIMENT


def with_settings(inputs: SteeringInputs, **settings: object) -> SteeringInputs:
    return dataclasses.replace(inputs, settings=inputs.settings.model_copy(update=settings))


@pytest.fixture
def few(inputs: SteeringInputs, tmp_path: Path) -> SteeringInputs:
    """Four prompts of our own, and only the rules that fit them."""
    rows = [("en", "closed", "Is it wet?"), ("en", "closed", "Is it dry?")]
    rows += [("ja", "closed", "雨ですか。"), ("ja", "quantity", "何時ですか。")]
    lines = [json.dumps({"language": a, "kind": b, "prompt": c}) for a, b, c in rows]
    (tmp_path / "own.jsonl").write_text("\n".join(lines), encoding="utf-8")
    changed = with_settings(inputs, prompts="own.jsonl", strengths=[0.1, 0.5])
    return dataclasses.replace(changed, base=tmp_path)


def measured(inputs: SteeringInputs) -> pd.DataFrame:
    rows = [row for unit in EXPERIMENT.plan(inputs) for row in EXPERIMENT.measure(inputs, unit)]
    return pd.DataFrame(json.loads(json.dumps(rows, allow_nan=False)))


def test_the_experiment_is_registered() -> None:
    assert EXPERIMENTS["rules"] is EXPERIMENT
    assert set(EXPERIMENT.tables) <= set(COLUMNS)
    assert set(SteeringConfig.model_fields) >= EXPERIMENT.settings


def test_the_plan_holds_every_condition_with_every_request_once(inputs: SteeringInputs) -> None:
    units = EXPERIMENT.plan(inputs)
    assert len({unit.id for unit in units}) == len(units)
    assert all(unit.cost > 0 and json.dumps(unit.values) for unit in units)
    for language in inputs.languages:
        requests = combine(load_rules(), load_prompts(), load_language(language), 2)
        names = sorted([request.rule.name, request.prompt.id] for request in requests if request.rule)
        for condition in inputs.conditions(language):
            own = [unit for unit in units if unit.id.rpartition("/")[0] == f"{language}/{condition.id}"]
            assert sorted(pair for unit in own for pair in unit.values["requests"]) == names


def test_tables_hold_what_they_declare(few: SteeringInputs) -> None:
    tables, summary = EXPERIMENT.summarise(few, measured(few))
    assert tuple(tables) == tuple(EXPERIMENT.tables)
    for name, table in tables.items():
        assert set(table.columns) == set(COLUMNS[name])
        assert len(table)
    json.dumps(summary, allow_nan=False)
    assert summary["format"].startswith("Instruction/Answer")
    assert summary["languages"]["en"] | {"rate": 0} == {
        **{"rules": 1, "rules_hardly_ever_kept": 1, "answers": 2, "rate": 0, "beyond_controls": 0}
    }
    compared = tables["rules"]
    steered = len(few.settings.strengths) * (len(few.emotions) + 2 * few.settings.controls)
    assert len(compared) == 2 * (2 + steered)
    assert set(compared["kind"]) == {"unasked", "baseline", "emotion", "random", "shuffled"}


def test_answers_are_those_of_one_prompt_at_a_time(few: SteeringInputs) -> None:
    rows = measured(few)
    rule = next(rule for rule in load_rules() if rule.name == "yes-or-no")
    chosen = rows[(rows["language"] == "en") & (rows["name"].isin(["baseline", "angry"]))]
    assert len(chosen) == 2 * (1 + 2)
    for row in chosen.to_dict("records"):
        condition = next(c for c in few.conditions("en") if (c.name, c.strength) == (row["name"], row["strength"]))
        prompt = completion_prompt(row["request"], load_language("en"))
        with few.steered(condition):
            (answer,) = generate(few.model, [prompt], max_new_tokens=4, stop=(load_language("en").rules["stop"],))
        assert row["answer"] == answer.strip()
        assert row["followed"] is rule.followed(answer, "en", "")


def test_what_chance_keeps_is_asked_without_the_rule(few: SteeringInputs) -> None:
    unasked = next(unit for unit in EXPERIMENT.plan(few) if unit.id == "en/unasked/0")
    rows = EXPERIMENT.measure(few, unasked)
    assert [(row["kind"], row["request"]) for row in rows] == [("unasked", "Is it wet?"), ("unasked", "Is it dry?")]


def test_a_chat_model_is_asked_through_its_template(few: SteeringInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def spy(model: LanguageModel, prompts: list[str], **_: object) -> list[Answer]:
        asked.extend(prompts)
        return [Answer("yes", thought=True)] * len(prompts)

    monkeypatch.setattr(rules, "talks", lambda *_: True)
    monkeypatch.setattr(rules, "chat_prompt", lambda _, messages: f"<{messages[0]['content']}>")
    monkeypatch.setattr(rules, "ask", spy)
    monkeypatch.setattr(rules, "token_log_probabilities", lambda _m, asked, _a, **_k: [[-1.0, -2.0]] * len(asked))
    rows = EXPERIMENT.measure(few, next(unit for unit in EXPERIMENT.plan(few) if unit.id == "en/baseline/0"))
    assert asked[1] == "<Is it wet? Answer with “yes” or “no” and nothing else.>"
    assert all(row["followed"] and row["nats"] == 1.5 and not row["cut"] and row["thought"] for row in rows)


def test_a_language_without_rules_is_left_out_or_refused(few: SteeringInputs) -> None:
    both = dataclasses.replace(few, languages=["de", "ja"])
    assert {unit.values["language"] for unit in EXPERIMENT.plan(both)} == {"ja"}
    with pytest.raises(EmovecError, match=r"steering\.languages: rules are worded in en and ja"):
        EXPERIMENT.plan(dataclasses.replace(few, languages=["de"]))


def test_limit_bounds_the_prompts_of_each_rule(inputs: SteeringInputs) -> None:
    def requests(limit: int | None) -> int:
        units: list[Unit] = EXPERIMENT.plan(with_settings(inputs, limit=limit, strengths=[0.1]))
        return sum(len(unit.values["requests"]) for unit in units if unit.id.startswith("en/baseline/"))

    rules = sum("en" in rule.wordings for rule in load_rules())
    assert (requests(1), requests(3), requests(None)) == (rules, 3 * rules, 6 * rules)


def test_a_tiny_model_is_steered_through_the_real_thing(
    inputs: SteeringInputs, tiny_model: Callable[..., LanguageModel]
) -> None:
    unit = next(unit for unit in EXPERIMENT.plan(inputs) if unit.id == "ja/ja.angry.L2.0.5/0")
    blocks = tiny_model("llama").blocks
    before = [len(block._forward_hooks) for block in blocks]
    rows = EXPERIMENT.measure(inputs, unit)
    assert len(rows) == len(unit.values["requests"])
    assert [len(block._forward_hooks) for block in blocks] == before
