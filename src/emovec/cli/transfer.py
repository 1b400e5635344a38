"""`emovec transfer`: the centroids of one study name the emotions of another's texts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from emovec.study.transfer import Transfer


def register_transfer_command(app: typer.Typer) -> None:
    """Add the command of this module to the command line."""
    app.command()(transfer)


def transfer(
    studies: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE… TARGET", help="Finished studies, then the one whose texts are named: files or folders."
        ),
    ],
    source_out: Annotated[
        Path | None, typer.Option(help="Folder of the source's results, where it is not beside it.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the target's results, where it is not beside it.")] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Only this language, on both sides; repeat for more.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="A quick look: this many of the target's stories of each emotion.")
    ] = None,
    keep_topics: Annotated[
        bool, typer.Option(help="Name stories also by centroids of their own topic, where both studies share it.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a transfer that was made with other options.")
    ] = False,
) -> None:
    """Name the emotions of a study's texts by the vectors of another: from plain to literary, say, or to your own.

    What the target lacks of activations is extracted first, and takes as long as `emovec extract` does.
    """
    from emovec.cli.progress import console, show_log, track
    from emovec.errors import EmovecError
    from emovec.pipeline.transfer import require_transferable, run_transfer
    from emovec.report.pages.transfer import sentence, write_transfer
    from emovec.study.study import Study

    *sources, last = studies
    if not sources:
        raise EmovecError("transfer: name at least two studies: one or more whose vectors are used, then the target.")
    if source_out is not None and len(sources) > 1:
        raise EmovecError("--source-out: names the folder of one source; leave it out, or give one source at a time.")
    names = [Study(path, source_out).folder.name for path in sources]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise EmovecError(f"transfer: two sources are called '{twice}', so their results would have one folder.")
    show_log()
    target = Study(last, out, limit)
    opened = [Study(path, source_out) for path in sources]
    for source in opened:
        require_transferable(source, target, language or ())
    for source in opened:
        found = run_transfer(
            source, target, track, languages=language or (), hold_out=not keep_topics, overwrite=overwrite
        )
        write_transfer(found)
        console.print(_table(found))
        console.print(sentence(found), highlight=False, markup=False)
        console.print(f"Transfer: {found.folder}", highlight=False, soft_wrap=True, markup=False)


def _table(found: "Transfer"):
    from rich.table import Table

    from emovec.report.pages.transfer import rows_shown
    from emovec.report.style import number

    table = Table(
        *("from", "to", "accuracy (95 %)", "top 3", "words", "embeddings", "chance", "stories"),
        title=f"{found.source} → {found.target}, layer {found.layer}",
    )
    for row in rows_shown(found):
        table.add_row(
            row["source_language"],
            row["target_language"],
            f"{number(row['accuracy'])} ({number(row['low'])}–{number(row['high'])})",
            number(row["top3"]),
            *(number(row[key]) if row[key] is not None else "–" for key in ("words", "embeddings")),
            number(row["chance"], 3),
            str(row["n_stories"]),
        )
    return table
