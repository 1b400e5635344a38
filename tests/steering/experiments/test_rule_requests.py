"""The rules and prompts that come with emovec, users' prompts, and how both are combined."""

import json
from collections import Counter
from pathlib import Path

import pytest

from emovec.errors import EmovecError
from emovec.languages.load import load_language
from emovec.languages.script import writing_of
from emovec.steering.experiments.rule_checks import written_in
from emovec.steering.experiments.rule_requests import (
    KINDS,
    Prompt,
    Request,
    combine,
    completion_prompt,
    load_prompts,
    load_rules,
)

LANGUAGES = ("en", "ja")


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_least_25_rules_in_each_language(language: str) -> None:
    rules = [rule for rule in load_rules() if language in rule.wordings]
    assert len({rule.name for rule in rules}) == len(rules) >= 25
    instructions = [rule.wordings[language].instruct for rule in rules]
    assert len(set(instructions)) == len(rules)
    assert all(written_in(text, language) for text in instructions if "JSON" not in text)


def test_both_languages_share_most_rules() -> None:
    shared = [rule.name for rule in load_rules() if set(LANGUAGES) <= set(rule.wordings)]
    assert len(shared) >= 25
    assert all(writing_of(language) for rule in load_rules() for language in rule.wordings)


@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_keep_no_rule_of_their_own_accord(language: str) -> None:
    prompts = [prompt for prompt in load_prompts() if prompt.language == language]
    assert Counter(prompt.kind for prompt in prompts) == {"task": 24, "closed": 8, "quantity": 8}
    assert all(written_in(prompt.text, language) for prompt in prompts)
    requests = combine(load_rules(), prompts, load_language(language), 24)
    words = ("lantern", "river", "提灯", "川", "password", "合言葉")
    assert not [request for request in requests if any(word in request.prompt.text for word in words)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_rules_are_dealt_out_evenly_and_always_alike(language: str) -> None:
    prompts = load_prompts()
    requests = combine(load_rules(), prompts, load_language(language), 4)
    assert requests == combine(load_rules(), prompts, load_language(language), 4)
    assert set(Counter(request.rule.name for request in requests if request.rule).values()) == {4}
    for kind in KINDS:
        uses = Counter(request.prompt.id for request in requests if request.prompt.kind == kind)
        assert max(uses.values()) - min(uses.values()) <= 1
    assert len(set(requests_key(requests))) == len(requests)


def requests_key(requests: list[Request]) -> list[tuple[str, str]]:
    return [(request.rule.name if request.rule else "", request.prompt.id) for request in requests]


def test_a_rule_without_fitting_prompts_is_left_out() -> None:
    prompts = [Prompt("a", "en", "closed", "Is it?"), Prompt("b", "de", "task", "Sag etwas.")]
    assert [request.text for request in combine(load_rules(), prompts, load_language("en"))] == [
        "Is it? Answer with “yes” or “no” and nothing else."
    ]
    assert combine(load_rules(), prompts, load_language("de")) == []


def test_an_answer_is_judged_by_its_own_task() -> None:
    rule = next(rule for rule in load_rules() if rule.name == "repeat-task")
    assert rule.followed("Is it {wet}? Yes.", "en", "Is it {wet}?")
    assert not rule.followed("Is it dry? Yes.", "en", "Is it {wet}?")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_base_model_is_asked_in_its_language(language: str) -> None:
    text = completion_prompt("X {y}", load_language(language))
    assert text.count("X {y}") == 1
    assert text.endswith(("X {y}\nAnswer:", "X {y}\n回答："))
    assert written_in(text, language)


def test_own_prompts(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text('language,prompt,kind\nen,"Say\n hi.",\nja,何時ですか。,quantity\n', encoding="utf-8")
    assert load_prompts(own) == [
        Prompt("line-2", "en", "task", "Say hi."),
        Prompt("line-4", "ja", "quantity", "何時ですか。"),
    ]


GOOD = {"language": "en", "prompt": "Say hi."}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([GOOD, {"language": "en"}], ":2: no text in 'prompt'"),
        ([GOOD, {"language": "en", "prompt": "  "}], ":2: no text in 'prompt'"),
        ([GOOD, {"prompt": "Say ho."}], ":2: no text in 'language'"),
        ([GOOD | {"kind": "poem"}], ":1: 'kind' is 'poem', which is none of task, closed, quantity"),
        ([GOOD, GOOD | {"text": "x"}], ":2: unknown field 'text'"),
        ([GOOD, GOOD], ":2: the text 'Say hi.' is that of line 1 already"),
        ([GOOD | {"id": "a"}, {"language": "en", "prompt": "Ho.", "id": "a"}], ":2: the id 'a' is that of line 1"),
        ([GOOD, "Say ho."], ":2: no JSON object"),
        ([], "contains no records"),
    ],
)
def test_a_broken_prompt_is_named_by_file_and_line(tmp_path: Path, rows: list, message: str) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(EmovecError, match=r"own\.jsonl") as raised:
        load_prompts(own)
    assert message in str(raised.value)


def test_a_missing_file_of_prompts(tmp_path: Path) -> None:
    with pytest.raises(EmovecError, match=r"none\.jsonl: no such file"):
        load_prompts(tmp_path / "none.jsonl")
