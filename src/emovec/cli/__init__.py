"""The command line. Each command parses, calls the library and prints; heavy imports wait until a command runs."""

import inspect
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import typer

from emovec.cli import corpus, model, vectors
from emovec.cli.chat import chat as chat_command
from emovec.cli.compare import compare as compare_command
from emovec.cli.compare import transfer
from emovec.cli.corpus_generate import generate
from emovec.cli.corpus_label import label
from emovec.cli.corpus_languages import languages
from emovec.cli.corpus_share import export_corpus, import_corpus
from emovec.cli.plan import plan as plan_command
from emovec.cli.show import aside, with_options
from emovec.cli.steer import steer as steer_command
from emovec.cli.study import demo, init, run, status
from emovec.cli.trace import trace as trace_command
from emovec.errors import EmovecError

PANELS: dict[str, list[Callable[..., None]]] = {
    "Study": [init, run, status, plan_command, demo],
    "Compare": [compare_command, transfer],
    "Live": [steer_command, chat_command, trace_command],
}
GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "corpus": (
        "The texts: check, show, write, label, import, export.",
        {
            "check": corpus.check,
            "show": corpus.show,
            "generate": generate,
            "label": label,
            "languages": languages,
            "import": import_corpus,
            "export": export_corpus,
        },
    ),
    "vectors": (
        "Emotion vectors: import, export.",
        {"import": vectors.import_vectors, "export": vectors.export_vectors},
    ),
    "model": ("A model as emovec sees it: check.", {"check": model.check}),
}
"""The commands that look at one part: their help and their members."""


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"emovec {version('emovec')}")
        raise typer.Exit


def _options(
    _version: bool = typer.Option(False, "--version", is_eager=True, callback=_show_version, help="Show the version."),
) -> None:
    # Loading bars and notices of the libraries underneath would bury what a command has to say.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _flowing(command: Callable[..., None]) -> str:
    """A command's docstring with a line for each paragraph, which the terminal then breaks at its own width."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(command) or "")


def _build() -> typer.Typer:
    settings: dict[str, Any] = {"no_args_is_help": True, "add_completion": False}
    built = typer.Typer(
        help="Emotion vectors in open language models: one study file in, one report out.",
        pretty_exceptions_enable=False,
        callback=_options,
        **settings,
    )
    for panel, commands in PANELS.items():
        for command in commands:
            built.command(rich_help_panel=panel, help=_flowing(command))(command)
    for name, (said, members) in GROUPS.items():
        group = typer.Typer(help=said, callback=lambda: None, **settings)
        for member, command in members.items():
            group.command(member, help=_flowing(command))(command)
        built.add_typer(group, name=name, rich_help_panel="Parts")
    return built


app = _build()


def _parameters(words: list[str]) -> set[str]:
    """The parameters behind the options of the command that a command line calls."""
    command: Any = typer.main.get_command(app)
    for word in words:
        if word not in getattr(command, "commands", {}):
            break
        command = command.commands[word]
    return {parameter.name for parameter in command.params if parameter.opts[0].startswith("-")}


def main() -> None:
    """Run the command line; bad input ends in one sentence and exit code 2."""
    from rich.text import Text

    from emovec.files import path_error
    from emovec.printable import message

    try:
        app()
    except (EmovecError, OSError, RuntimeError) as error:
        said = error if isinstance(error, EmovecError) else path_error(error)
        if said is None:
            raise
        shown = message(" ".join(with_options(str(said), _parameters(sys.argv[1:])).split()))
        aside.print(Text.assemble(("Error: ", "bold red"), shown), soft_wrap=True)
        sys.exit(2)
