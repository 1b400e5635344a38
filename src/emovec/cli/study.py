"""The commands that take a study file: init, run and its stages, status, demo."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from emovec.study.keys import Stage

_StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="The study file, or the folder of its results.")]
_Out = Annotated[
    Path | None, typer.Option(help="Folder for the results; by default beside the study file, named like it.")
]
_Limit = Annotated[
    int | None,
    typer.Option(min=1, help="A quick look: this many stories of each emotion, in a folder of its own."),
]


def register_study_commands(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command()(demo)
    app.command()(init)
    app.command()(run)
    app.command()(status)
    app.command()(extract)
    app.command()(vectors)
    app.command()(geometry)
    app.command()(steering)
    app.command()(report)


def demo(out: _Out = None, limit: _Limit = None) -> None:
    """Run the bundled study: Gemma 3 270M on 720 stories in English and Japanese."""
    path = Path("emovec-demo.yaml")
    if not path.exists():
        _write_template(path)
    _run(path, out, limit, "report")


def init(
    path: Annotated[Path, typer.Argument(help="Where to write the study file.")] = Path("study.yaml"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a study file that is there.")] = False,
) -> None:
    """Write a study file with every setting, its default and what it means."""
    from emovec.targets import STUDY_FILE, require_file

    require_file(path, STUDY_FILE, overwrite=overwrite)
    _write_template(path)


def run(study: _StudyFile, out: _Out = None, limit: _Limit = None) -> None:
    """Run a study from its texts to the report; does what is missing and nothing else."""
    _run(study, out, limit, "report")


def extract(study: _StudyFile, out: _Out = None, limit: _Limit = None) -> None:
    """Run the texts through the model and keep their activations."""
    _run(study, out, limit, "activations")


def vectors(study: _StudyFile, out: _Out = None, limit: _Limit = None) -> None:
    """Build the emotion vectors, and whatever they need."""
    _run(study, out, limit, "vectors")


def geometry(study: _StudyFile, out: _Out = None, limit: _Limit = None) -> None:
    """Compare the vectors, and whatever that needs."""
    _run(study, out, limit, "geometry")


def steering(study: _StudyFile, out: _Out = None, limit: _Limit = None) -> None:
    """Run the steering experiments that the study lists, and whatever they need."""
    _run(study, out, limit, "steering")


def report(study: _StudyFile, out: _Out = None, limit: _Limit = None) -> None:
    """Write the report, and whatever it needs; steering experiments are not started by it."""
    _run(study, out, limit, "report", experiments=False)


def status(
    study: _StudyFile,
    out: _Out = None,
    limit: _Limit = None,
    everything: Annotated[bool, typer.Option("--all", help="A row for each part of each stage.")] = False,
) -> None:
    """Show what is done, what is stale and what is missing."""
    from rich.table import Table
    from rich.text import Text

    from emovec.cli.progress import console
    from emovec.study.study import Study, summarised
    from emovec.targets import is_imported

    opened = Study(study, out, limit)
    if is_imported(held := opened.path.parent) or is_imported(held := opened.folder):
        console.print(
            f"{held}: its vectors were imported, and what they tell is in {held / 'report.html'}.", soft_wrap=True
        )
        return
    steps = opened.steps()
    columns = ("stage", "part", "state", "what") if everything else ("stage", "state", "what")
    table = Table(*columns, title=str(opened.folder))
    colours = {"done": "green", "stale": "yellow", "missing": "red"}
    for step in steps if everything else summarised(steps):
        name = [step.name] if everything else []
        table.add_row(step.stage, *name, Text(step.state, colours[step.state]), step.detail)
    console.print(table)
    to_do = list(dict.fromkeys(step.stage for step in steps if step.state != "done"))
    message = f"To do: {', '.join(to_do)}. {opened.command('run')} does it." if to_do else "Everything is up to date."
    console.print(message, highlight=False, soft_wrap=True, markup=False)


def _write_template(path: Path) -> None:
    from emovec.cli.progress import console
    from emovec.commands import command
    from emovec.files import write_bytes
    from emovec.study.study import study_template

    write_bytes(path, study_template().encode())
    said = f"Wrote {path}. Change what you like, then: {command('run', path)}"
    console.print(said, highlight=False, soft_wrap=True, markup=False)


def _run(path: Path, out: Path | None, limit: int | None, until: "Stage", *, experiments: bool = True) -> None:
    from emovec.cli.progress import console, resumable, show_findings, show_log, track
    from emovec.pipeline.run import run_study
    from emovec.report.sections.registry import headlines
    from emovec.study.keys import STAGES
    from emovec.study.results import read_study
    from emovec.study.study import Study

    show_log()
    study = Study(path, out, limit)
    with resumable("What is finished is kept"):
        done = run_study(study, until, track, experiments=experiments)
    if not done:
        console.print("Nothing to do: everything is up to date.")
    results = {
        "activations": study.folder / "activations",
        "vectors": study.folder / "vectors.safetensors",
        "geometry": study.folder / "geometry",
        "steering": study.folder / "steering",
        "report": study.report_path,
    }
    if STAGES.index(until) >= STAGES.index("geometry"):
        stages = ["geometry"] if until == "geometry" else ["geometry", "steering"]
        show_findings([said for _, said in headlines(read_study(study.folder, stages))])
    console.print(f"{until.capitalize()}: {results[until]}", highlight=False, soft_wrap=True, markup=False)
    missing = [name for name in study.config.steering.experiments if study.state(name) != "done"]
    if until == "report" and missing:
        said = f"Listed in the study and not measured, so not in the report: {', '.join(missing)}."
        console.print(f"{said} `emovec run {path}` measures them.", highlight=False, soft_wrap=True, markup=False)
