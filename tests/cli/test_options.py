"""The command line as a whole: a help of one screen, one meaning for each option, a library without flags."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from emovec.cli import app
from emovec.cli.show import with_options
from emovec.steering.experiments.registry import EXPERIMENTS
from emovec.study.keys import STAGES
from tests.cli.conftest import Run

SOURCES = Path(__file__).parents[2] / "src" / "emovec"
IMPORTS = {"emovec corpus import", "emovec vectors import"}
"""Here `--language`, `--emotion` and `--layer` say what all that comes in is, and not which of several."""
ALIKE = {
    *("--limit", "--language", "--emotion", "--layer", "--seed", "--overwrite", "--page", "--device", "--dtype"),
    *("--form", "--temperature", "--max-new-tokens", "--retries", "--max-tokens", "--prices", "--license"),
}


def commands(command: Any = None, path: str = "emovec") -> Iterator[tuple[str, Any]]:
    command = command or typer.main.get_command(app)
    if not hasattr(command, "commands"):
        yield path, command
    for name, member in getattr(command, "commands", {}).items():
        yield from commands(member, f"{path} {name}")


def test_the_help_fits_one_screen() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80", "TERM": "dumb"}).output
    assert len(shown.splitlines()) <= 40
    for panel in ("Study", "Compare", "Live", "Parts"):
        assert re.search(rf"─ {panel} ─", shown)
    for path, command in commands():
        first = (command.help or "").strip().splitlines()[0]
        assert len(first) <= 64, path
        if path.count(" ") == 1:
            assert re.search(rf"│ {path.split()[1]} +{re.escape(first)} +│", shown), path


def test_the_same_option_means_the_same_everywhere() -> None:
    seen: dict[str, set[tuple[object, ...]]] = {}
    for path, command in commands():
        hints = get_type_hints(command.callback, include_extras=True)
        for parameter in command.params:
            for option in {*parameter.opts} & ALIKE:
                if path not in IMPORTS:
                    hint = hints[parameter.name]
                    kind, least = hint.__origin__ | None, hint.__metadata__[0].min
                    seen.setdefault(option, set()).add((parameter.help, parameter.multiple, kind, least))
    assert {option for option, meanings in seen.items() if len(meanings) > 1} == set()
    assert seen.keys() == ALIKE
    names = {option for _, command in commands() for parameter in command.params for option in parameter.opts}
    assert names.isdisjoint({"--html", "--force", "--languages", "--layers", "--rules"})


def test_run_names_every_stage_and_experiment(run: Run) -> None:
    _, out, _ = run("run", "--help")
    for name in (*STAGES, *EXPERIMENTS):
        assert name in out
    code, _, err = run("run", "x.yaml", "--until", "vectros")
    assert (code, "give one of corpus, activations, vectors" in err) == (2, True)
    code, _, err = run("run", "x.yaml", "--only", "geometry")
    assert (code, "give one of calibration, implicit" in err) == (2, True)
    code, _, err = run("run", "x.yaml", "--only", "rules", "--until", "vectors")
    assert (code, "leave out --until" in err) == (2, True)


def _flags(tree: ast.AST) -> Iterator[str]:
    """Strings with `--options` in them, but for docstrings and the words of `command(…)`, which writes whole lines."""
    passed = {
        id(constant)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "command"
        for part in (*node.args, *(keyword.value for keyword in node.keywords))
        for constant in ast.walk(part)
    } | {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            said = re.sub(r"pip install [^`]*", "", node.value)
            if re.search(r"(?<![\w-])--[a-z]", said):
                yield node.value


def test_no_message_of_the_library_names_an_option() -> None:
    for path in sorted(SOURCES.rglob("*.py")):
        if path.parent.name != "cli" and path.name != "commands.py":
            found = list(_flags(ast.parse(path.read_text(encoding="utf-8"))))
            assert not found, (path, found)
    assert list(_flags(ast.parse('x = f"give {name} by --out"; command("run", "--out")'))) == [" by --out"]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("x: give another name, or `overwrite` it.", "x: give another name, or --overwrite it."),
        ("`layers` 3: none. `emovec run`, `other`", "--layer 3: none. `emovec run`, `other`"),
        ("(`mapping` text=… names it), `max_tokens`", "(--map text=… names it), --max-tokens"),
    ],
)
def test_parameters_are_spelled_as_options(message: str, said: str) -> None:
    assert with_options(message, ["overwrite", "layer", "map", "max_tokens"]) == said


def test_a_message_names_the_options_of_the_command_that_was_called(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("model: x\n", encoding="utf-8")
    code, _, err = run("init", "s.yaml")
    assert (code, "or --overwrite to replace it" in err) == (2, True)
