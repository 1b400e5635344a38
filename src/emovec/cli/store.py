"""`emovec store`: the activations on disk."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

_PLAIN: Any = {"highlight": False, "soft_wrap": True, "markup": False}
store_app = typer.Typer(help="Look after the activations on disk.", no_args_is_help=True)


@store_app.callback()
def _group() -> None:
    pass


@store_app.command("verify")
def verify(
    study: Annotated[Path, typer.Argument(help="A study file, its results, or the folder of its activations.")],
    out: Annotated[Path | None, typer.Option(help="The study's folder, where it isn't the default.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="As in the run that was limited.")] = None,
    drop: Annotated[
        bool, typer.Option("--drop", help="Forget broken shards, so that the next run makes them anew.")
    ] = False,
) -> None:
    """Hash every shard again and compare with the manifest; exits with 2 if one is broken and not dropped."""
    from emovec.activations.store import Activations
    from emovec.cli.progress import console
    from emovec.commands import command
    from emovec.lock import locked
    from emovec.study.study import Study
    from emovec.study_files import is_study

    opened = Study(study, out, limit) if is_study(study) or not study.is_dir() else None
    folder = opened.folder / "activations" if opened else study
    if opened:
        anew = opened.command("run")
    else:  # a folder of activations by itself has no study to name
        anew = command("run", folder.parent) if is_study(folder.parent) else "`emovec run`, with the study,"
    n_broken = n_shards = 0
    with locked(folder.parent) if drop else nullcontext():
        for store in Activations(folder).stores:
            problems = store.broken()
            n_shards += len(store.records())
            n_broken += len(problems)
            console.print(f"{store.name}: {len(store.records())} shards, {len(problems)} broken", highlight=False)
            for path, reason in problems.items():
                console.print(f"  {path}: {reason}", style="red", highlight=False, soft_wrap=True, markup=False)
            if drop and problems:
                store.drop([path.name for path in problems])
                # So that the stage counts as unfinished.
                (folder.parent / "activations.json").unlink(missing_ok=True)
    if n_broken and drop:
        console.print(f"Forgot {n_broken} broken shards; {anew} makes them anew.", **_PLAIN)
    elif n_broken:
        forget = opened.command("store", "verify") if opened else command("store", "verify", folder)
        console.print(f"{forget[:-1]} --drop` forgets them; {anew} then makes them anew.", **_PLAIN)
        raise typer.Exit(2)
    else:
        console.print(f"All {n_shards} shards are as they were written.")
