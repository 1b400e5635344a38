"""Rule-following and preferences as Inspect tasks, for any model that Inspect reaches, steered or not."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, GenerateConfig
from inspect_ai.scorer import (
    CORRECT,
    INCORRECT,
    Metric,
    SampleScore,
    Score,
    Scorer,
    Target,
    Value,
    accuracy,
    grouped,
    metric,
    scorer,
    stderr,
)
from inspect_ai.solver import TaskState

from emovec.asking.batch_mode import told_by_inspect
from emovec.models.answers import answer_of

if TYPE_CHECKING:
    import numpy as np

_CHOICE = re.compile(r"(?<![A-Za-z])[(（]?([ABＡＢ])(?![A-Za-z])")
_WIDE = str.maketrans("ＡＢ", "AB")


@task
def rules(language: str = "en", per_rule: int = 6, max_tokens: int = 200, prompts: str | None = None) -> Task:
    """Rules that a program can check, each with prompts that all rules share.

    Args:
        language: of the rules and prompts.
        per_rule: prompts that each rule is combined with.
        max_tokens: of an answer.
        prompts: a file of your own prompts (JSONL, CSV) instead of those that come with emovec.
    """
    from emovec.errors import EmovecError
    from emovec.languages.load import load_language
    from emovec.steering.experiments.rule_requests import combine, load_prompts, load_rules

    with told_by_inspect():
        spoken = load_language(language)
        spoken.require("language", "rules")
        found = combine(load_rules(), load_prompts(Path(prompts) if prompts else None), spoken, per_rule)
        if not found:
            raise EmovecError(f"language: there are no rules with prompts in '{language}'; take 'en' or 'ja'.")
    samples = [
        Sample(
            id=f"{request.rule.name}/{request.prompt.id}",
            input=request.text,
            metadata={
                "rule": request.rule.name,
                "prompt": request.prompt.id,
                "task": request.prompt.text,
                "language": language,
            },
        )
        for request in found
        if request.rule is not None
    ]
    config = GenerateConfig(max_tokens=max_tokens, temperature=0)
    return Task(dataset=samples, scorer=rule_kept(), config=config, name=f"rules-{language}")


@scorer(metrics=[accuracy(), stderr(cluster="prompt"), grouped(accuracy(), "rule", all=False)])
def rule_kept() -> Scorer:
    """Whether the answer keeps its rule; the standard error takes prompts, not answers, as drawn."""
    from emovec.steering.experiments.rule_requests import load_rules

    by_name = {rule.name: rule for rule in load_rules()}

    async def score(state: TaskState, target: Target) -> Score:
        rule, answer = by_name[state.metadata["rule"]], answer_of(state.output.completion).text.strip()
        kept = rule.followed(answer, state.metadata["language"], state.metadata["task"])
        return Score(value=CORRECT if kept else INCORRECT, answer=answer)

    return score


@task
def preferences(language: str = "en", limit: int = 2, prefill: bool = True, activities: str | None = None) -> Task:
    """Which of two activities a model would rather do: all ordered pairs.

    Args:
        language: of the activities.
        limit: activities of each category: n in 8 categories make 8n · (8n − 1) questions, and 8 make all 4,032.
        prefill: begin the answer with "(", so that a letter must follow; switch it off for hosted models, most of
            which go on from no beginning.
        activities: a file of your own.
    """
    from emovec.languages.load import load_language
    from emovec.steering.experiments.activities import load_activities
    from emovec.steering.experiments.questions import PREFILL, chat_question

    with told_by_inspect():
        spoken = load_language(language)
        spoken.require("language", "preferences")
        chosen = load_activities([language], Path(activities) if activities else None, limit)
        pairs = [
            (first, second, chat_question(spoken, first, second))
            for first in chosen
            for second in chosen
            if first is not second
        ]
    samples = [
        Sample(
            id=f"{first.id}/{second.id}",
            input=[
                ChatMessageUser(content=question),
                *([ChatMessageAssistant(content=PREFILL)] if prefill else []),
            ],
            metadata={"players": [first.id, second.id], "categories": [first.category, second.category]},
        )
        for first, second, question in pairs
    ]
    config = GenerateConfig(max_tokens=4 if prefill else 16, temperature=0)
    return Task(dataset=samples, scorer=activity_chosen(), config=config, name=f"preferences-{language}")


def choice(answer: str) -> str | None:
    """The letter that an answer names, A or B; None if it names neither, or both."""
    named = {found.translate(_WIDE) for found in _CHOICE.findall(answer)}
    return named.pop() if len(named) == 1 else None


@metric
def answered() -> Metric:
    """The share of questions answered with one letter."""

    def compute(scores: list[SampleScore]) -> Value:
        return sum(each.score.answer is not None for each in scores) / max(len(scores), 1)

    return compute


@metric
def named_first() -> Metric:
    """The share of answers that took the activity named first: far from one half it is a liking for the place."""

    def compute(scores: list[SampleScore]) -> Value:
        given = [each.score.as_float() for each in scores if each.score.answer is not None]
        return sum(given) / len(given) if given else float("nan")

    return compute


@metric
def elo() -> Metric:
    """The mean score of each category: Bradley–Terry on the Elo scale with a term for the place, mean 1500."""

    def compute(scores: list[SampleScore]) -> Value:
        from emovec.stats.bradley_terry import bradley_terry

        of, games = _games(scores)
        strengths = bradley_terry(games).scores
        names = list(of)
        by_category: dict[str, list[float]] = {}
        for name, strength in zip(names, strengths.tolist(), strict=True):
            by_category.setdefault(of[name], []).append(strength)
        return {category: sum(own) / len(own) for category, own in by_category.items()}

    return compute


def _games(scores: list[SampleScore]) -> "tuple[dict[str, str], np.ndarray]":
    """{activity: category}, and [first, second] the share of the win that the first had."""
    import numpy as np

    of: dict[str, str] = {}
    for each in scores:
        known = each.sample_metadata or {}
        of.update(zip(known["players"], known["categories"], strict=True))
    index = {name: position for position, name in enumerate(of)}
    won, asked = (np.zeros((len(of), len(of))) for _ in range(2))
    for each in scores:
        if each.score.answer is not None:
            first, second = ((each.sample_metadata or {})["players"][place] for place in (0, 1))
            won[index[first], index[second]] += each.score.as_float()
            asked[index[first], index[second]] += 1
    return of, np.divide(won, asked, out=np.full_like(won, np.nan), where=asked > 0)


@scorer(metrics=[answered(), named_first(), elo()])
def activity_chosen() -> Scorer:
    """1 if the activity named first is chosen, 0 if the other; an answer without a letter counts in no score."""

    async def score(state: TaskState, target: Target) -> Score:
        letter = choice(answer_of(state.output.completion).text)
        return Score(value={"A": 1.0, "B": 0.0}.get(letter or "", 0.5), answer=letter)

    return score
