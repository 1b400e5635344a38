from pathlib import Path

import numpy as np
import pytest
from inspect_ai import eval
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage, ModelOutput, get_model
from inspect_ai.scorer import SampleScore, Score

from emovec.languages.load import load_language
from emovec.stats.bradley_terry import bradley_terry
from emovec.steering.experiments.activities import load_activities
from emovec.steering.experiments.rule_requests import combine, load_prompts, load_rules
from emovec.steering.inspect.tasks import choice, elo, preferences, rules


def run(task: object, answer: object, tmp_path: Path) -> EvalLog:
    """Evaluate a model whose answers are a function of the messages."""
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    log = eval(task, model=model, log_dir=str(tmp_path), display="none")[0]  # pyright: ignore[reportArgumentType]
    assert log.status == "success", log.error
    return log


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    return {name: each.value for score in log.results.scores for name, each in score.metrics.items()}


def said(text: str) -> ModelOutput:
    from inspect_ai.model import ModelUsage

    output = ModelOutput.from_content("mockllm/model", text)
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


@pytest.mark.parametrize("language", ["en", "ja"])
def test_rules_are_checked_by_program(tmp_path: Path, language: str) -> None:
    answer = "One short line." if language == "en" else "短い文です。"
    log = run(rules(language=language, per_rule=2), lambda *_: said(answer), tmp_path)
    requests = combine(load_rules(), load_prompts(), load_language(language), 2)
    kept = [r.rule.followed(answer, language, r.prompt.text) for r in requests if r.rule]
    found = metrics(log)
    assert 0 < np.mean(kept) < 1
    assert found["accuracy"] == pytest.approx(np.mean(kept))
    one = next(r.rule.name for r in requests if r.rule)
    own = [r.rule.followed(answer, language, r.prompt.text) for r in requests if r.rule and r.rule.name == one]
    assert found[one] == pytest.approx(np.mean(own))
    assert log.samples is not None
    assert len(log.samples) == len(requests)


def test_preferences_recover_a_planted_liking(tmp_path: Path) -> None:
    by_category = {activity.category: activity.text for activity in load_activities(["en"], None, 1)}
    liked = by_category["social"]

    def answer(messages: list[ChatMessage], *_: object) -> ModelOutput:
        question = messages[0].text
        if f"(A) {liked}" in question and f"(B) {by_category['helpful']}" in question:
            return said("I like both (A) and (B).")
        return said("B)" if f"(B) {liked}" in question else "A)")

    log = run(preferences(limit=1), answer, tmp_path)
    found = metrics(log)
    assert log.samples is not None
    assert len(log.samples) == 8 * 7
    assert found["answered"] == pytest.approx(1 - 1 / 56)
    # B is named only for the social activity in the second place.
    assert found["named_first"] == pytest.approx(1 - 7 / 55)
    others = [value for name, value in found.items() if name not in {"answered", "named_first", "social"}]
    assert found["social"] > max(others) + 400


def test_elo_is_that_of_the_games() -> None:
    rng = np.random.default_rng(0)
    names, kinds = ["a", "b", "c", "d"], ["x", "x", "y", "y"]
    games = rng.integers(0, 2, size=(4, 4)).astype(float)
    np.fill_diagonal(games, np.nan)
    scores = [
        SampleScore(
            score=Score(value=games[i, j], answer="A" if games[i, j] else "B"),
            sample_metadata={"players": [names[i], names[j]], "categories": [kinds[i], kinds[j]]},
        )
        for i in range(4)
        for j in range(4)
        if i != j
    ]
    found = elo()(scores)
    strengths = bradley_terry(games).scores
    assert found == pytest.approx({"x": strengths[:2].mean(), "y": strengths[2:].mean()})


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("A", "A"),
        ("(B)", "B"),
        ("A) take a walk", "A"),
        ("Ｂ", "B"),
        ("Banana", None),
        ("(A) or (B)", None),
        ("", None),
        ("私は（A）が好きです", "A"),
        ("I choose (B).", "B"),
    ],
)
def test_choices_are_read_off_answers(answer: str, letter: str | None) -> None:
    assert choice(answer) == letter


def test_an_answer_may_start_with_the_parenthesis() -> None:
    assert [m.role for m in preferences(limit=2).dataset[0].input] == ["user", "assistant"]  # pyright: ignore[reportAttributeAccessIssue]
    assert [m.role for m in preferences(limit=2, prefill=False).dataset[0].input] == ["user"]  # pyright: ignore[reportAttributeAccessIssue]


def test_a_language_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError) as caught:
        rules(language="fr")
    assert "no rules" in str(caught.value.message)
    with pytest.raises(PrerequisiteError):
        preferences(language="fr")
    with pytest.raises(PrerequisiteError):
        preferences(activities=str(tmp_path / "none.jsonl"))
