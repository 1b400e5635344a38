"""Rules that a program can check, the tasks they are given with, and the requests made of both."""

import inspect
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from emovec.corpus.rows import read_records
from emovec.errors import EmovecError
from emovec.labels import check_label
from emovec.languages.language import Language
from emovec.steering.experiments.rule_checks import CHECKS, follows

Kind = Literal["task", "closed", "quantity"]
"""What a prompt is: an open task, a question of yes or no, or one that a number answers."""
KINDS: tuple[Kind, ...] = get_args(Kind)
PER_RULE = 6
"""Prompts that each rule is combined with."""


@dataclass(frozen=True)
class Wording:
    """A rule in one language: what the model is told, and the parameters of the check."""

    instruct: str
    parameters: Mapping[str, Any]
    kind: Kind = "task"


@dataclass(frozen=True)
class Rule:
    """A rule with its check (a name in `CHECKS`) and its wordings by language.

    Attributes:
        chance: whether it means anything to check an answer that was written without the rule.
    """

    name: str
    check: str
    wordings: Mapping[str, Wording]
    chance: bool = True

    def followed(self, answer: str, language: str, task: str) -> bool:
        """Whether an answer to the task keeps the rule."""
        return follows(self.check, answer, _filled(self.wordings[language].parameters, task))


@dataclass(frozen=True)
class Prompt:
    """A task, without any rule."""

    id: str
    language: str
    kind: Kind
    text: str


@dataclass(frozen=True)
class Request:
    """A prompt with a rule, or by itself; `space` stands between the two."""

    prompt: Prompt
    rule: Rule | None = None
    space: str = " "

    @property
    def text(self) -> str:
        """What the model is asked."""
        if self.rule is None:
            return self.prompt.text
        return self.prompt.text + self.space + self.rule.wordings[self.prompt.language].instruct


@cache
def load_rules() -> tuple[Rule, ...]:
    """The rules that come with emovec."""
    source = files("emovec") / "data" / "steering" / "rules.yaml"
    return tuple(_rule(entry) for entry in yaml.safe_load(source.read_text(encoding="utf-8")))


def load_prompts(path: Path | None = None) -> list[Prompt]:
    """The prompts of a file, or those that come with emovec.

    Args:
        path: JSONL, CSV or Parquet with columns `prompt`, `language` and, if wanted, `id` and `kind` (`task`, `closed`
            or `quantity`; `task` by default).

    Raises:
        EmovecError: if the file is missing or empty, or one of its lines can't be used: it is named.
    """
    if path is not None:
        return _read_prompts(path)
    with as_file(files("emovec") / "data" / "steering" / "rule_prompts.jsonl") as bundled:
        return _read_prompts(bundled)


def combine(
    rules: Sequence[Rule], prompts: Sequence[Prompt], language: Language, per_rule: int = PER_RULE
) -> list[Request]:
    """Each rule with `per_rule` prompts of its kind, dealt out so that all prompts are used about equally often.

    A rule without a wording in the language, or without a prompt of its kind, is left out.
    """
    dealt: Counter[Kind] = Counter()
    requests: list[Request] = []
    for rule in rules:
        if language.code not in rule.wordings:
            continue
        kind = rule.wordings[language.code].kind
        fitting = [prompt for prompt in prompts if prompt.language == language.code and prompt.kind == kind]
        count = min(per_rule, len(fitting))
        space = language.rules["space"]
        requests += [Request(fitting[(dealt[kind] + i) % len(fitting)], rule, space) for i in range(count)]
        dealt[kind] += count
    return requests


def completion_prompt(request: str, language: Language) -> str:
    """A request to a base model: a plain format with two worked examples, whose instructions are none of the rules."""
    return language.rules["examples"].format(request=request)


def _rule(entry: dict[str, Any]) -> Rule:
    wordings: dict[str, Wording] = {}
    for language in set(entry) - {"rule", "check", "chance"}:
        given: dict[str, Any] = dict(entry[language])
        wording = Wording(given.pop("instruct"), kind=given.pop("prompts", "task"), parameters=given)
        inspect.signature(CHECKS[entry["check"]]).bind("", **wording.parameters)
        wordings[language] = wording
    return Rule(entry["rule"], entry["check"], wordings, entry.get("chance", True))


def _filled(parameters: Mapping[str, Any], task: str) -> dict[str, Any]:
    return {
        key: value.replace("{task}", task) if isinstance(value, str) else value for key, value in parameters.items()
    }


def _read_prompts(path: Path) -> list[Prompt]:
    return read_records(
        path,
        _prompt,
        setting="steering.prompts",
        example='{"language": "en", "prompt": "Name a colour."}',
        unique={"id": lambda each: (each.language, each.id), "text": lambda each: (each.language, each.text)},
    )


def _prompt(row: Mapping[str, Any], line: int) -> Prompt | str:
    """A row as a prompt, or what is wrong with it."""
    unknown = sorted(set(row) - {"id", "language", "kind", "prompt"})
    if unknown:
        return f"unknown field '{unknown[0]}'; a prompt has 'prompt', 'language', 'id' and 'kind'"
    for field in ("prompt", "language"):
        if not isinstance(row.get(field), str) or not row[field].strip():
            return f"no text in '{field}'"
    kind = row.get("kind") or "task"
    if kind not in KINDS:
        return f"'kind' is '{kind}', which is none of {', '.join(KINDS)}"
    try:
        language = check_label("language", row["language"])
    except EmovecError as error:
        return str(error)
    text = re.sub(r"\s+", " ", row["prompt"]).strip()
    return Prompt(str(row.get("id") or f"line-{line}"), language, kind, text)
