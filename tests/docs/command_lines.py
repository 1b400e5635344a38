"""Command lines held against the real one: is there the command, has it the options, does it take the arguments."""

import shlex
from functools import cache
from typing import Any

import typer

from emovec.cli import app


@cache
def _commands() -> Any:
    return typer.main.get_command(app)


def parse(line: str, *, whole: bool = True) -> tuple[str, dict[str, Any]]:
    """Take a line as the command line would, without doing anything.

    Args:
        line: `emovec COMMAND …`.
        whole: whether it must be complete; of a mere mention only the command and the options must exist.

    Returns:
        The command and its parameters.

    Raises:
        AssertionError: if the command line would refuse it.
    """
    words = shlex.split(line, comments=True)
    assert words[0] == "emovec"
    words = words[1:]
    command: Any = _commands()
    path = "emovec"
    while hasattr(command, "commands"):
        if words and words[0] in command.commands:
            name = words.pop(0)
        elif not whole and not words:
            return path, {}
        else:
            raise AssertionError(f"{line}: {path} has no command {words[:1]}")
        command, path = command.commands[name], f"{path} {name}"
    if not whole:
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for word in words:
            assert not word.startswith("-") or word.split("=")[0] in known, f"{line}: {path} has no option {word}"
        return path, {}
    try:
        return path, command.make_context(path, words).params
    except Exception as error:
        raise AssertionError(f"{line}: {getattr(error, 'message', error)}") from error
