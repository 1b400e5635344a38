"""The command lines of README and docs: each is one, and each page's, in their order, do what the page says."""

import json
import re
import shlex
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emovec.cli import app
from tests.corpus.generation.mocks import asked, text_for
from tests.corpus.labelled import mock
from tests.docs.command_lines import parse
from tests.docs.commands import AFTER, NOT_HERE, SMALLER, STANDS_FOR, TYPED, finished_study, prepare
from tests.docs.pages import command_lines, inline_commands
from tests.figures import without_figures


def _whole(line: str) -> bool:
    with suppress(AssertionError):
        parse(line)
        return True
    return False


@cache
def pages() -> dict[str, list[tuple[str, str]]]:
    """(where, line) of every command that a page gives whole, in the page's order."""
    given = [*command_lines(), *(each for each in inline_commands() if " -" in each[1] or len(each[1].split()) > 2)]
    found: dict[str, list[tuple[str, str]]] = {}
    for where, line in sorted(given, key=lambda each: int(each[0].split(":")[1])):
        if _whole(line):
            found.setdefault(where.split(":")[0], []).append((where, line))
    return found


def as_here(line: str) -> list[str]:
    """The words of a line, with what stands for models and the reader's own files put in, and sizes cut."""
    words = [STANDS_FOR.get(word, word) for word in shlex.split(line, comments=True)]
    plain = " ".join(words)
    return words[1:] + [word for start, more in SMALLER.items() if plain.startswith(start) for word in more]


def answered(prompt: str) -> str:
    """What the model of a provider says: texts, the emotion of one, or a name for a group."""
    if "<text>" in prompt:
        return "calm"
    if "JSON" in prompt and re.search(r"\d", prompt):
        n, _, dialogue = asked([type("Message", (), {"text": prompt})])
        return json.dumps([text_for(f"{prompt} {i}", dialogue=dialogue) for i in range(n)])
    return "strong feelings"


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with without_figures():
        return finished_study(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> None:
    model = mock(answered)
    monkeypatch.setattr("inspect_ai.model.get_model", lambda *_, **__: model)


@pytest.mark.fault("F5", "U1")
@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("page", pages())
def test_the_commands_of_a_page_run(page: str, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = pages()[page]
    prepare(page, [line for _, line in lines], tmp_path, study)
    monkeypatch.chdir(tmp_path)
    for where, line in lines:
        if any(marked in line for marked in NOT_HERE):
            continue
        typed = next((text for marked, text in TYPED.items() if marked in line), None)
        result = CliRunner().invoke(app, as_here(line), input=typed)
        assert result.exit_code == 0, f"{where}: {line}\n{result.output[-2000:]}\n{result.exception!r}"
        for marked, then in AFTER.items():
            if line.startswith(marked):
                then(tmp_path, study)


@pytest.mark.fault("F5", "U1")
def test_a_command_of_the_docs_is_one() -> None:
    for _, line in command_lines():
        parse(line)
    for _, line in inline_commands():
        parse(line, whole=False)


def test_whatever_is_not_run_is_still_in_the_docs() -> None:
    lines = [line for each in pages().values() for _, line in each]
    for marked in [*NOT_HERE, *TYPED, *AFTER]:
        assert any(marked in line for line in lines), marked


def test_the_parser_finds_what_is_wrong() -> None:
    for wrong in ("emovec rum x.yaml", "emovec run", "emovec run a b", "emovec run a.yaml --limt 2", "emovec corpus"):
        with pytest.raises(AssertionError):
            parse(wrong)
    with pytest.raises(AssertionError):
        parse("emovec run --limt 2", whole=False)
    assert parse("emovec run a.yaml --limit 2")[1]["limit"] == 2
    assert len(command_lines()) > 30
    assert shlex.split("a # b", comments=True) == ["a"]
