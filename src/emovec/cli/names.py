"""The command `names`: a language model names a study's clusters."""

from pathlib import Path
from typing import Annotated

import typer


def names(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="A study whose geometry is done, or its results.")],
    model: Annotated[str, typer.Option(help="The model that gives the names, as Inspect calls it: openai/…, hf/….")],
    k: Annotated[
        list[int] | None, typer.Option(min=2, help="Name the groupings into this many clusters; repeat for more.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer; models that think take more.")] = 256,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace names that were given before.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder of the results, where it is not beside the study.")] = None,
) -> None:
    """Have a language model give each group of emotions a short name, and show it in the report."""
    from rich.table import Table

    from emovec.cli.progress import console, track
    from emovec.pipeline.ready import require_inspect
    from emovec.report.pages.study import write_report
    from emovec.study.cluster_names import KS, name_study
    from emovec.study.study import Study

    opened = Study(study, out)
    opened.table("cluster_profile")  # the command that makes it is told before Inspect is waited for
    require_inspect("--model")
    found = name_study(opened, model, track, ks=tuple(k or KS), max_tokens=max_tokens, overwrite=overwrite)
    shown = found.drop_duplicates(["emotions"])
    table = Table("name", "emotions", title=f"Names by {model}")
    for row in shown[shown["name"] != ""].itertuples():
        table.add_row(str(row.name), str(row.emotions))
    console.print(table, markup=False)
    for row in shown[shown["name"] == ""].itertuples():
        console.print(f"No name for {row.emotions}: {row.problem}.", highlight=False, markup=False)
    page = write_report(opened.folder, track=track)
    console.print(f"Report: {page}", highlight=False, soft_wrap=True, markup=False)
