"""The commands that set studies side by side: compare, and transfer, where one study's vectors name another's texts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emovec.cli.options import Language, Limit, Out, Overwrite, Page, Seed
from emovec.cli.progress import show_log, track
from emovec.cli.show import console, say, show_frame, show_table

if TYPE_CHECKING:
    from emovec.study.transfer import Transfer


def compare(
    studies: Annotated[list[Path], typer.Argument(metavar="STUDY…", help="Study files or folders, two or more.")],
    page: Page = Path("compare.html"),
    permutations: Annotated[int, typer.Option(min=1, help="Number of random relabellings in every test.")] = 10_000,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Compare finished studies: geometry, and what steering changes.

    The studies may differ in model or corpus. Preferences and rules are compared if two studies have measured them.
    The page's tables go into a folder beside it.
    """
    from emovec.report.pages.compared_experiments import preference_finding, rule_finding
    from emovec.report.pages.comparison import overview, require_page, scope, summary, write_comparison
    from emovec.study.comparison import compare_studies

    target = page or Path("compare.html")
    require_page(target, overwrite=overwrite)
    found = compare_studies(studies, permutations=permutations, seed=seed, track=track)
    for title, rows in (("Studies", overview(found)), ("Agreement at the chosen layers", summary(found))):
        show_frame(rows, title)
    told = (preference_finding(found.experiments), rule_finding(found.experiments))
    for sentence in (*scope(found), *filter(None, told)):
        console.print(sentence)
    say(f"Page: {write_comparison(found, target, overwrite=overwrite)}")


def transfer(
    studies: Annotated[
        list[Path],
        typer.Argument(metavar="SOURCE… TARGET", help="Finished studies, then the target study: files or folders."),
    ],
    source_out: Annotated[
        Path | None, typer.Option(help="Folder of the source's results, if it isn't beside its study file.")
    ] = None,
    out: Out = None,
    language: Language = None,
    limit: Limit = None,
    keep_topics: Annotated[
        bool,
        typer.Option(
            "--keep-topics", help="Compare stories with centroids of their own topic too, if both studies share it."
        ),
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Identify emotions in one study's texts with another's vectors.

    For example from plain to literary or to your own texts. `--out` and `--limit` are the target's. Activations
    that it lacks are extracted first, which takes as long as `emovec run --until activations`.
    """
    from emovec.errors import EmovecError
    from emovec.pipeline.transfer import require_transferable, run_transfer
    from emovec.report.pages.transfer import sentence, write_transfer
    from emovec.study.study import Study

    *sources, last = studies
    if not sources:
        raise EmovecError("transfer: name at least two studies: one or more whose vectors are used, then the target.")
    if source_out is not None and len(sources) > 1:
        raise EmovecError("--source-out: names the folder of one source; leave it out, or give one source at a time.")
    opened = [Study(path, source_out) for path in sources]
    names = [source.folder.name for source in opened]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise EmovecError(f"transfer: two sources are called '{twice}', so their results would have one folder.")
    show_log()
    target = Study(last, out, limit)
    for source in opened:
        require_transferable(source, target, language or ())
    for source in opened:
        found = run_transfer(
            source, target, track, languages=language or (), hold_out=not keep_topics, overwrite=overwrite
        )
        write_transfer(found)
        _show(found)
        console.print(sentence(found))
        say(f"Transfer: {found.folder}")


def _show(found: "Transfer") -> None:
    from emovec.report.pages.transfer import rows_shown
    from emovec.report.style import number

    rows = [
        (
            row["source_language"],
            row["target_language"],
            f"{number(row['accuracy'])} ({number(row['low'])}–{number(row['high'])})",
            number(row["top3"]),
            *(number(row[key]) if row[key] is not None else "–" for key in ("words", "embeddings")),
            number(row["chance"], 3),
            row["n_stories"],
        )
        for row in rows_shown(found)
    ]
    columns = ("from", "to", "accuracy (95 %)", "top 3", "words", "embeddings", "chance", "stories")
    show_table(columns, rows, f"{found.source} → {found.target}, layer {found.layer}")
