"""The experiment on rule-following: does a model that is steered towards an emotion still do as it is told?"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from emovec.config import SteeringConfig
from emovec.errors import EmovecError
from emovec.languages.language import Language
from emovec.models.answers import Answer
from emovec.models.form import ask, talks
from emovec.models.generate import chat_prompt, generate, token_log_probabilities
from emovec.steering.coherence import distinct
from emovec.steering.conditions import Condition
from emovec.steering.experiments.experiment import Experiment, SteeringInputs, Unit
from emovec.steering.experiments.rule_requests import (
    PER_RULE,
    Request,
    combine,
    completion_prompt,
    load_prompts,
    load_rules,
)
from emovec.steering.experiments.rule_statistics import CONDITION, compare, rates

PERMUTATIONS = 10_000
FLOOR = 0.1
"""Rate below which a rule is hardly ever kept, so that steering can't make it fall."""

TABLES = {
    "rules": (
        *(*CONDITION, "n", "rate", "low", "high", "distinct", "perplexity_ratio", "regime", "cut", "baseline"),
        *("difference", "p", "p_familywise", "controls", "p_controls", "p_controls_familywise", "beyond_controls"),
    ),
    "rule_types": (*CONDITION, "rule", "n", "rate", "low", "high"),
    "rule_answers": (
        *(*CONDITION, "rule", "prompt", "request", "answer", "followed", "cut", "thought", "distinct", "nats"),
    ),
}
_UNIT = 32
_BATCH = 16
# A token that is generated costs about as much as so many that are read, in batches of this size.
_DECODING = 4
_UNASKED = Condition("baseline", "without the rule", "", -1, 0.0)


def _plan(inputs: SteeringInputs) -> list[Unit]:
    units: list[Unit] = []
    for language in _languages(inputs):
        requests = _requests(inputs, language)
        for condition in (_UNASKED, *inputs.conditions(language)):
            asked = condition is not _UNASKED
            chosen = requests if asked else [request for request in requests if request.rule and request.rule.chance]
            # Requests of about one length share a batch, and so do those of one prompt, answered once, without rules.
            chosen = sorted(chosen, key=lambda r: (len(r.text), r.text) if asked else (len(r.prompt.text), r.prompt.id))
            for begin in range(0, len(chosen), _UNIT):
                part = chosen[begin : begin + _UNIT]
                texts = {request.text if asked else request.prompt.text for request in part}
                read = sum(len(inputs.model.text_token_ids(text)) for text in texts)
                new = len(texts) * inputs.settings.max_new_tokens
                values = {
                    "language": language,
                    "condition": asdict(condition),
                    "asked": asked,
                    "requests": [[request.rule.name, request.prompt.id] for request in part if request.rule],
                }
                name = condition.id if asked else "unasked"
                units.append(Unit(f"{language}/{name}/{begin // _UNIT}", 2 * read + (_DECODING + 1) * new, values))
    return units


def _measure(inputs: SteeringInputs, unit: Unit) -> list[dict[str, Any]]:
    language, asked = unit.values["language"], unit.values["asked"]
    condition = Condition(**unit.values["condition"])
    known = {(r.rule.name, r.prompt.id): r for r in _requests(inputs, language) if r.rule}
    requests = [known[rule, prompt] for rule, prompt in unit.values["requests"]]
    texts = [request.text if asked else request.prompt.text for request in requests]
    answers = _answers(inputs, condition, language, list(dict.fromkeys(texts)))
    named = asdict(condition) | ({} if asked else {"kind": "unasked"})
    rows: list[dict[str, Any]] = []
    for request, text in zip(requests, texts, strict=True):
        assert request.rule is not None
        answer = answers[text]
        kept = request.rule.followed(answer["answer"], language, request.prompt.text)
        told = {"language": language, "rule": request.rule.name, "prompt": request.prompt.id, "request": text}
        rows.append(named | told | {"followed": kept} | answer)
    return rows


def _answers(
    inputs: SteeringInputs, condition: Condition, language: str, texts: list[str]
) -> dict[str, dict[str, Any]]:
    """Text → the answer to it and how coherent it is, under a condition."""
    model, limit = inputs.model, inputs.settings.max_new_tokens
    chat = talks(model, inputs.settings.form)
    if chat:
        prompts = [chat_prompt(model, [{"role": "user", "content": text}]) for text in texts]
    else:
        prompts = [completion_prompt(text, inputs.language(language, "rules")) for text in texts]
    look: dict[str, Any] = {"special_tokens": not chat, "batch_size": _BATCH}
    how: dict[str, Any] = {"max_new_tokens": limit, "batch_size": _BATCH}
    with inputs.steered(condition):
        if chat:
            given = ask(model, prompts, **how)
        else:
            given = [
                Answer(text)
                for text in generate(model, prompts, stop=(inputs.language(language).rules["stop"],), **how)
            ]
    answers = [each.text for each in given]
    said = [i for i, answer in enumerate(answers) if answer]
    scored = token_log_probabilities(model, [prompts[i] for i in said], [answers[i] for i in said], **look)
    scores = dict(zip(said, scored, strict=True))
    found: dict[str, dict[str, Any]] = {}
    for i, (text, answer) in enumerate(zip(texts, answers, strict=True)):
        varied = distinct(answer, 2)
        found[text] = {
            "answer": answer.strip(),
            "nats": -sum(scores[i]) / len(scores[i]) if i in scores else None,
            "distinct": None if math.isnan(varied) else varied,
            "cut": len(scores.get(i, ())) >= limit - 1,
            "thought": given[i].thought,
        }
    return found


def _summarise(inputs: SteeringInputs, rows: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    groups = [own for _, own in rows.groupby("language", sort=False)]
    compared = pd.concat([compare(own, PERMUTATIONS, inputs.seed) for own in groups], ignore_index=True)
    types = rates(rows, [*CONDITION, "rule"])
    answers = rows[
        [*CONDITION, "rule", "prompt", "request", "answer", "followed", "cut", "thought", "distinct", "nats"]
    ]
    answers = answers.astype({"distinct": float, "nats": float})
    base = types[types["kind"] == "baseline"]
    left_out = [language for language in inputs.languages if language not in set(rows["language"])]
    summary: dict[str, Any] = {
        "format": "chat template"
        if talks(inputs.model, inputs.settings.form)
        else "Instruction/Answer with two examples",
        "max_new_tokens": inputs.settings.max_new_tokens,
        "permutations": PERMUTATIONS,
        "thinking_removed": int(rows["thought"].sum()),
        "languages": {
            str(language): {
                "rules": int(own["rule"].nunique()),
                "rules_hardly_ever_kept": int((own["rate"] < FLOOR).sum()),
                "answers": int(own["n"].sum()),
                "rate": float((own["rate"] * own["n"]).sum() / own["n"].sum()),
                "beyond_controls": int(compared.loc[compared["language"] == language, "beyond_controls"].sum()),
            }
            for language, own in base.groupby("language", sort=False)
        },
    }
    if left_out:
        summary["note"] = f"No rules are worded, or no prompts given, in: {', '.join(left_out)}."
    return dict(zip(TABLES, (compared, types, answers), strict=True)), summary


def _languages(inputs: SteeringInputs) -> list[str]:
    found = [language for language in inputs.languages if _requests(inputs, language)]
    if not found:
        worded = sorted({language for rule in load_rules() for language in rule.wordings})
        raise EmovecError(
            f"steering.languages: rules are worded in {' and '.join(worded)}, and no prompt here is in one of them "
            f"that is also among {', '.join(inputs.languages)}; name one there, with prompts in it."
        )
    return found


def _requests(inputs: SteeringInputs, language: str) -> list[Request]:
    own: str | Path | None = inputs.settings.prompts
    prompts = load_prompts(None if own is None else inputs.base / own)
    if language not in {prompt.language for prompt in prompts} & {each for r in load_rules() for each in r.wordings}:
        return []
    return combine(load_rules(), prompts, inputs.language(language, "rules"), inputs.settings.limit or PER_RULE)


def _texts_in(settings: SteeringConfig, languages: Sequence[Language], base: Path) -> set[str]:
    asked = [language.code for language in languages]
    prompts = load_prompts(base / settings.prompts if settings.prompts else None)
    there = {each.language for each in prompts} & {language for rule in load_rules() for language in rule.wordings}
    if languages and not there & set(asked):
        raise EmovecError(
            f"steering.languages: rules have prompts in {', '.join(sorted(there)) or 'no language'}, and in none of "
            f"{', '.join(asked)}; name one of them, or leave rules out of steering.experiments."
        )
    return there


EXPERIMENT = Experiment(
    "rules",
    TABLES,
    frozenset(
        {
            "emotions",
            "layer",
            "strengths",
            "controls",
            "languages",
            "limit",
            "seed",
            "max_new_tokens",
            "prompts",
            "form",
        }
    ),
    _texts_in,
    _plan,
    _measure,
    _summarise,
)
