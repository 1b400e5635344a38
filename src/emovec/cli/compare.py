"""The command `compare`: finished studies side by side."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    studies: Annotated[list[Path], typer.Argument(metavar="STUDY…", help="Study files or folders, two or more.")],
    out: Annotated[Path, typer.Option(help="The page; its tables go into a folder beside it.")] = Path("compare.html"),
    permutations: Annotated[int, typer.Option(min=1, help="Random relabellings of every test.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the relabellings.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier comparison wrote.")] = False,
) -> None:
    """Compare the emotion geometries of finished studies: models, corpora, base and instruct."""
    from rich.table import Table

    from emovec.cli.progress import console, track
    from emovec.report.pages.comparison import overview, require_page, scope, summary, write_comparison
    from emovec.study.comparison import compare_studies

    require_page(out, overwrite=overwrite)
    found = compare_studies(studies, permutations=permutations, seed=seed, track=track)
    for title, rows in (("Studies", overview(found)), ("Agreement at the chosen layers", summary(found))):
        table = Table(*map(str, rows.columns), title=title)
        for row in rows.itertuples(index=False):
            table.add_row(*map(str, row))
        console.print(table, markup=False)
    for sentence in scope(found):
        console.print(sentence, highlight=False, markup=False)
    page = write_comparison(found, out, overwrite=overwrite)
    console.print(f"Page: {page}", highlight=False, soft_wrap=True, markup=False)
