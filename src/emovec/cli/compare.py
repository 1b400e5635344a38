"""The command `compare`: finished studies side by side."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    studies: Annotated[list[Path], typer.Argument(metavar="STUDY…", help="Study files or folders, two or more.")],
    out: Annotated[Path, typer.Option(help="The page; its tables go into a folder beside it.")] = Path("compare.html"),
    permutations: Annotated[int, typer.Option(min=1, help="Random relabellings of every test.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the relabellings.")] = 0,
) -> None:
    """Compare the emotion geometries of finished studies: models, corpora, base and instruct."""
    from rich.table import Table

    from emovec.cli.progress import console, track
    from emovec.errors import EmovecError
    from emovec.ready import require_new_file
    from emovec.report.compare import compare_studies, write_comparison

    if out.suffix.lower() not in {".html", ".htm"}:
        raise EmovecError(f"--out {out}: give the page a name that ends in .html.")
    require_new_file(out, "--out")
    found = compare_studies(studies, permutations=permutations, seed=seed, track=track)
    for title, rows in (("Studies", found.overview()), ("Agreement at the chosen layers", found.summary())):
        table = Table(*map(str, rows.columns), title=title)
        for row in rows.itertuples(index=False):
            table.add_row(*map(str, row))
        console.print(table, markup=False)
    for sentence in found.scope():
        console.print(sentence, highlight=False, markup=False)
    page = write_comparison(found, out)
    console.print(f"Page: {page}", highlight=False, soft_wrap=True, markup=False)
