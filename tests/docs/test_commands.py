import shlex

import pytest

from tests.docs.command_lines import parse
from tests.docs.pages import command_lines, inline_commands


@pytest.mark.fault("F5", "U1")
@pytest.mark.parametrize(("where", "line"), command_lines())
def test_a_command_of_the_docs_is_one(where: str, line: str) -> None:
    parse(line)


@pytest.mark.fault("F5", "U1")
@pytest.mark.parametrize(("where", "line"), inline_commands())
def test_a_command_that_a_sentence_names_exists(where: str, line: str) -> None:
    parse(line, whole=False)


def test_the_parser_finds_what_is_wrong() -> None:
    for wrong in ("emovec rum x.yaml", "emovec run", "emovec run a b", "emovec run a.yaml --limt 2", "emovec corpus"):
        with pytest.raises(AssertionError):
            parse(wrong)
    with pytest.raises(AssertionError):
        parse("emovec run --limt 2", whole=False)
    assert parse("emovec run a.yaml --limit 2")[1]["limit"] == 2
    assert len(command_lines()) > 30
    assert shlex.split("a # b", comments=True) == ["a"]
