"""The commands that take one study file: demo, init, run, status."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emovec.cli.options import Limit, Out, Overwrite, StudyFile
from emovec.cli.progress import resumable, show_log, track
from emovec.cli.show import console, say, say_findings, show_table

if TYPE_CHECKING:
    from emovec.study.keys import Stage


def demo(out: Out = None, limit: Limit = None) -> None:
    """Run the bundled study: Gemma 3 270M, English and Japanese."""
    path = Path("emovec-demo.yaml")
    if not path.exists():
        _write(path, "demo.yaml")
    _run(path, out, limit, "report")


def init(
    path: Annotated[Path, typer.Argument(help="Where to write the study file.")] = Path("study.yaml"),
    overwrite: Overwrite = False,
) -> None:
    """Write a study file with every setting explained."""
    from emovec.targets import STUDY_FILE, require_file

    require_file(path, STUDY_FILE, overwrite=overwrite)
    _write(path, "study.yaml")


def run(
    study: StudyFile,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE", help="Stop after a stage: corpus, activations, vectors, geometry, steering or report."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXPERIMENT",
            help="Run only this steering experiment and what it needs: calibration, implicit, intensity, "
            "preferences or rules. Repeat for more.",
        ),
    ] = None,
    no_steering: Annotated[
        bool, typer.Option("--no-steering", help="Start no steering experiment; the report shows finished ones.")
    ] = False,
    out: Out = None,
    limit: Limit = None,
) -> None:
    """Run a study from its texts to the report.

    Does only what is missing or out of date; after an interruption it continues from there.
    """
    from emovec.errors import EmovecError
    from emovec.steering.experiments.registry import EXPERIMENTS
    from emovec.study.keys import STAGES

    if only and (until or no_steering):
        raise EmovecError("--only: runs only steering experiments; leave out --until and --no-steering.")
    for name in only or ():
        _require_one_of("--only", name, list(EXPERIMENTS))
    stage = _require_one_of("--until", until or "report", STAGES)
    if only:
        _run_experiments(study, only, out, limit)
    else:
        _run(study, out, limit, stage, steering=not no_steering)


def status(
    study: StudyFile,
    everything: Annotated[bool, typer.Option("--all", help="Show a row for each part of each stage.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Hash the activations again; exit with 2 if a file is broken.")
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="With --verify: drop broken files, so that a run recreates them.")
    ] = False,
    out: Out = None,
    limit: Limit = None,
) -> None:
    """Show what is done, out of date or missing."""
    from emovec.study.study import Study, summarised
    from emovec.targets import is_imported

    if verify or drop:
        _verify(study, out, limit, drop)
        return
    opened = Study(study, out, limit)
    if is_imported(held := opened.path.parent) or is_imported(held := opened.folder):
        say(f"{held}: its vectors were imported; what they show is in {held / 'report.html'}.")
        return
    steps = opened.steps()
    _show_steps(str(opened.folder), steps if everything else summarised(steps), everything)
    to_do = list(dict.fromkeys(step.stage for step in steps if step.state != "done"))
    say(f"To do: {', '.join(to_do)}. {opened.command('run')} does it." if to_do else "Everything is up to date.")


def _show_steps(title: str, steps: Sequence[Any], everything: bool) -> None:
    from rich.text import Text

    colours = {"done": "green", "stale": "yellow", "missing": "red"}
    columns = ("stage", "part", "state", "what") if everything else ("stage", "state", "what")
    rows = [
        (step.stage, *([step.name] if everything else []), Text(step.state, colours[step.state]), step.detail)
        for step in steps
    ]
    show_table(columns, rows, title)


def _require_one_of(option: str, given: str, names: Sequence[str]) -> Any:
    from emovec.errors import EmovecError

    if given not in names:
        raise EmovecError(f"{option} {given}: give one of {', '.join(names)}.")
    return given


def _write(path: Path, bundled: str) -> None:
    from emovec.commands import command
    from emovec.files import write_bytes
    from emovec.study.study import bundled_study

    write_bytes(path, bundled_study(bundled).encode())
    say(f"Wrote {path}. Change what you like, then: {command('run', path)}")


def _run(path: Path, out: Path | None, limit: int | None, until: "Stage", *, steering: bool = True) -> None:
    from emovec.pipeline.run import run_study
    from emovec.report.sections.registry import headlines
    from emovec.study.keys import STAGES
    from emovec.study.results import read_study
    from emovec.study.study import Study

    show_log()
    study = Study(path, out, limit)
    with resumable("What is finished is kept"):
        done = run_study(study, until, track, experiments=steering)
    if not done:
        say("Nothing to do: everything is up to date.")
    if STAGES.index(until) >= STAGES.index("geometry"):
        stages = ["geometry"] if until == "geometry" else ["geometry", "steering"]
        say_findings([said for _, said in headlines(read_study(study.folder, stages))])
    file = {"vectors": "vectors.safetensors", "report": "report.html"}.get(until, until)
    say(f"{until.capitalize()}: {study.folder / file}")
    missing = [name for name in study.config.steering.experiments if study.state(name) != "done"]
    if until == "report" and missing:
        listed = f"Listed in the study and not measured, so not in the report: {', '.join(missing)}."
        say(f"{listed} {study.command('run')} measures them.")


def _run_experiments(path: Path, names: Sequence[str], out: Path | None, limit: int | None) -> None:
    from emovec.pipeline.ready import require_ready
    from emovec.pipeline.run import run_experiment
    from emovec.report.sections.registry import findings_of
    from emovec.study.study import Study

    show_log()
    study = Study(path, out)
    results = study.folder if limit is None else study.quick_look(limit).results
    for name in names:
        require_ready(study, "vectors", name)
    for name in names:
        with resumable("What is measured is kept"):
            measured = run_experiment(study, name, track, limit)
        if not measured:
            say("Nothing to measure: everything is up to date.")
        say_findings(findings_of(study.folder, name, results))
        say(f"{name.capitalize()}: {results / 'steering' / f'{name}.json'} and its tables beside it")
    if limit is None:
        say(f"{study.command('run', more=['--no-steering'])} puts it into the report.")
    else:
        say("A quick look: the report and the full results are as they were.")


def _verify(source: Path, out: Path | None, limit: int | None, drop: bool) -> None:
    """Hash every file of the activations of a study, or of a folder of activations, and compare with the manifest."""
    from emovec.activations.store import Activations
    from emovec.commands import command
    from emovec.lock import locked
    from emovec.study.study import Study
    from emovec.study_files import is_study

    study: Study | None = Study(source, out, limit) if is_study(source) or not source.is_dir() else None
    folder = study.folder / "activations" if study else source
    n_broken = n_shards = 0
    with locked(folder.parent) if drop else nullcontext():
        for store in Activations(folder).stores:
            problems, records = store.broken(), store.records()
            n_shards += len(records)
            n_broken += len(problems)
            console.print(f"{store.name}: {len(records)} files, {len(problems)} broken")
            for path, reason in problems.items():
                say(f"  {path}: {reason}", "red")
            if drop and problems:
                store.drop([path.name for path in problems])
                (folder.parent / "activations.json").unlink(missing_ok=True)  # so that the stage counts as unfinished
    if study:
        anew = study.command("run")
    else:  # a folder of activations by itself has no study to name
        anew = command("run", folder.parent) if is_study(folder.parent) else "`emovec run`, with the study,"
    if n_broken and drop:
        say(f"Dropped {n_broken} broken files; {anew} recreates them.")
    elif n_broken:
        drops = ["--verify", "--drop"]
        said = study.command("status", more=drops) if study else command("status", folder, *drops)
        say(f"{said} drops them; {anew} then recreates them.")
        raise typer.Exit(2)
    else:
        console.print(f"All {n_shards} files are as they were written.")
