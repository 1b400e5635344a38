"""`emovec corpus export` and `emovec corpus import`: texts to others and from others."""

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emovec.cli.options import License, Overwrite, Texts
from emovec.cli.progress import track
from emovec.cli.show import console, say, with_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emovec.corpus.story import Story


def export_corpus(
    source: Texts,
    out: Annotated[Path, typer.Option(help="A folder, new or empty.")],
    format: Annotated[str, typer.Option(help="parquet or jsonl.")] = "parquet",
    license: License = None,
    name: Annotated[str | None, typer.Option(help="Name of the dataset; by default the folder's.")] = None,
    about: Annotated[
        Path | None,
        typer.Option(help="A Markdown file to add to the card: who wrote, who labelled, known weaknesses."),
    ] = None,
    audit: Annotated[bool, typer.Option(help="Add the scores of `emovec corpus check` to the card.")] = True,
    overwrite: Overwrite = False,
) -> None:
    """Write texts as a dataset for the Hugging Face Hub.

    Data files and a card; nothing is uploaded.
    """
    from typing import Any, cast

    from emovec.corpus.exchange.exporting import export_corpus as export
    from emovec.corpus.exchange.exporting import texts_to_share
    from emovec.corpus.quality.audit import STAGES
    from emovec.errors import EmovecError

    try:
        said = about.read_text(encoding="utf-8-sig") if about else ""
    except (OSError, UnicodeDecodeError) as error:
        raise EmovecError(f"--about {about}: can't be read ({error}).") from error
    n_texts = sum(map(len, texts_to_share(source)[0].values())) if audit else 0
    with track("Checking texts for the card", STAGES * n_texts) if audit else nullcontext() as progress:
        files = export(
            source,
            out,
            format=cast(Any, format),
            license=license,
            name=name,
            about=said,
            audit=audit,
            progress=progress,
            overwrite=overwrite,
        )
    for file in files:
        say(f"{file}")
    if "license: other" in files[-1].read_text(encoding="utf-8"):
        console.print("No licence is stated: others can't use it. Give --license, or fill it in in README.md.")
    upload = shlex.join(["hf", "upload", "NAME", str(out), "--repo-type", "dataset"])
    said = f"Read the card, then, with the dataset's name on the Hub in place of NAME: {upload}"
    say(said)


def import_corpus(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A file or folder.")],
    out: Annotated[Path, typer.Option(help="A .jsonl file to write.")],
    layout: Annotated[str, typer.Option(help="auto, jsonl-folder, nested-json, text-folder or datasets.")] = "auto",
    map: Annotated[
        list[str] | None,
        typer.Option(
            help="FIELD=COLUMN for id, language, emotion, other, topic, text; path={emotion}/{topic}-*; "
            "levels=topic/emotion. Repeat for more."
        ),
    ] = None,
    language: Annotated[str | None, typer.Option(help="Language of all texts.")] = None,
    emotion: Annotated[str | None, typer.Option(help="Emotion of all texts; 'neutral' for none.")] = None,
    relabel: Annotated[list[str] | None, typer.Option(help="THEIRS=OURS for an emotion's name; repeat.")] = None,
    config: Annotated[str | None, typer.Option(help="Read only this config of a `datasets` folder.")] = None,
    several: Annotated[
        str | None,
        typer.Option(
            help="Text with several emotions: first (use the first), single (leave it out), each (once for each)."
        ),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Field separator of CSV and TSV files: a character, or tab.")
    ] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether the first row names the columns.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Read texts in another layout into one JSONL file."""
    from typing import Any, cast

    from emovec.commands import command
    from emovec.corpus.exchange.importing import import_corpus as read
    from emovec.corpus.read import require_no_problems
    from emovec.corpus.write import write_jsonl
    from emovec.targets import TEXTS, require_file

    require_file(out, TEXTS, overwrite=overwrite, inputs=[source])
    imported = read(
        source,
        layout=cast(Any, layout),
        mapping=_pairs("--map", map),
        language=language,
        emotion=emotion,
        relabel=_pairs("--relabel", relabel),
        config=config,
        several=cast(Any, several),
        delimiter=delimiter,
        header=header,
    )
    if imported.stories:
        say(with_options(imported.sentence, ["relabel", "layout", "several", "mapping"]))
    require_no_problems(imported.problems)
    write_jsonl(imported.stories, out)
    _print_labels(imported.stories)
    look = command("corpus", "check", out)
    say(f"{out}; look at it with {look}")


def _print_labels(stories: "Sequence[Story]") -> None:
    from emovec.labels import NEUTRAL

    emotions = list(dict.fromkeys(story.emotion for story in stories if story.emotion != NEUTRAL))
    n_neutral = sum(story.emotion == NEUTRAL for story in stories)
    languages = ", ".join(dict.fromkeys(story.language for story in stories))
    shown = ", ".join(emotions[:8]) + (", …" if len(emotions) > 8 else "")
    beside = f", and {n_neutral:,} neutral texts," if n_neutral else ""
    say(f"{len(emotions)} emotions ({shown}){beside} in {languages}")


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    from emovec.errors import EmovecError

    pairs: dict[str, str] = {}
    for each in given or []:
        name, equals, value = each.partition("=")
        if not (name and equals and value):
            raise EmovecError(f"{option} {each}: give it as NAME=VALUE.")
        pairs[name.strip()] = value.strip()
    return pairs
