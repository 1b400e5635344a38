"""The command line. Each command parses, calls the library and prints; heavy imports wait until a command runs."""

import os
import sys

import typer

from emovec.cli.chat import chat as chat_command
from emovec.cli.compare import compare as compare_command
from emovec.cli.corpus import corpus_app
from emovec.cli.corpus_generate import generate
from emovec.cli.corpus_label import label
from emovec.cli.corpus_languages import languages
from emovec.cli.corpus_share import export_corpus, import_corpus
from emovec.cli.experiments import register_experiment_commands
from emovec.cli.export import export as export_command
from emovec.cli.model import model_app
from emovec.cli.names import names as names_command
from emovec.cli.plan import plan as plan_command
from emovec.cli.steer import steer_app
from emovec.cli.store import store_app
from emovec.cli.study import register_study_commands
from emovec.cli.trace import trace as trace_command
from emovec.cli.transfer import register_transfer_command
from emovec.cli.vectors_import import import_vectors
from emovec.errors import EmovecError

app = typer.Typer(
    help="Emotion vectors in open language models: one study file in, one report out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
register_study_commands(app)
register_transfer_command(app)
register_experiment_commands(app)
app.command("import")(import_vectors)
app.command("plan")(plan_command)
app.command("compare")(compare_command)
app.command("trace")(trace_command)
app.command("chat")(chat_command)
app.command("names")(names_command)
app.command("export")(export_command)
corpus_app.command("generate")(generate)
corpus_app.command("label")(label)
corpus_app.command("languages")(languages)
corpus_app.command("export")(export_corpus)
corpus_app.command("import")(import_corpus)
app.add_typer(corpus_app, name="corpus")
app.add_typer(model_app, name="model")
app.add_typer(store_app, name="store")
app.add_typer(steer_app, name="steer")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"emovec {version('emovec')}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    # Loading bars and notices of the libraries underneath would bury what a command has to say.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def main() -> None:
    """Run the command line; bad input ends in one sentence and exit code 2."""
    from rich.text import Text

    from emovec.cli.terminal import SafeConsole
    from emovec.files import path_error
    from emovec.printable import message

    try:
        app()
    except (EmovecError, OSError, RuntimeError) as error:
        said = error if isinstance(error, EmovecError) else path_error(error)
        if said is None:
            raise
        shown = message(" ".join(str(said).split()))
        SafeConsole(stderr=True, soft_wrap=True).print(Text.assemble(("Error: ", "bold red"), shown))
        sys.exit(2)
