"""The commands that run one steering experiment of a study: prefs, rules, steer calibrate, implicit, intensity."""

from pathlib import Path
from typing import Annotated

import typer

_StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="The study file, or the folder of its results.")]
_Out = Annotated[
    Path | None, typer.Option(help="Folder for the results; by default beside the study file, named like it.")
]
_Limit = Annotated[
    int | None, typer.Option(min=1, help="A quick look: this many items of each kind, in place of steering.limit.")
]


def register_experiment_commands(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command()(prefs)
    app.command()(rules)
    app.command()(implicit)
    app.command()(intensity)


def prefs(study: _StudyFile, out: _Out = None, limit: _Limit = None) -> None:
    """Measure which activities the model prefers, and how steering by emotions changes that."""
    _run("preferences", study, out, limit)


def rules(study: _StudyFile, out: _Out = None, limit: _Limit = None) -> None:
    """Measure how well the model follows rules that a program can check, steered and not."""
    _run("rules", study, out, limit)


def implicit(study: _StudyFile, out: _Out = None, limit: _Limit = None) -> None:
    """Read scenarios that imply an emotion without naming it."""
    _run("implicit", study, out, limit)


def intensity(study: _StudyFile, out: _Out = None, limit: _Limit = None) -> None:
    """Read texts in which a number raises or lowers an emotion."""
    _run("intensity", study, out, limit)


def calibrate(study: _StudyFile, out: _Out = None, limit: _Limit = None) -> None:
    """Find where and how strongly to steer: effect and coherence over layers and strengths."""
    _run("calibration", study, out, limit)


def _run(name: str, path: Path, out: Path | None, limit: int | None) -> None:
    from emovec.cli.progress import console, resumable, show_findings, show_log, track
    from emovec.pipeline.run import run_experiment
    from emovec.report.sections.registry import findings_of
    from emovec.study.study import Study

    show_log()
    study = Study(path, out)
    with resumable("What is measured is kept"):
        measured = run_experiment(study, name, track, limit)
    if not measured:
        console.print("Nothing to measure: everything is up to date.")
    results = study.folder if limit is None else study.quick_look(limit).results
    show_findings(findings_of(study.folder, name, results))
    where = results / "steering" / f"{name}.json"
    console.print(
        f"{name.capitalize()}: {where} and its tables beside it", highlight=False, soft_wrap=True, markup=False
    )
    hint = (
        f"{study.command('report')} puts it into the report."
        if limit is None
        else "A quick look: the report and the full results are as they were."
    )
    console.print(hint, highlight=False, soft_wrap=True, markup=False)
