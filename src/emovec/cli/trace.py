"""`emovec trace`: a text coloured, token by token, by how far it lies along emotion vectors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import xarray as xr
    from rich.text import Text

    from emovec.vectors.emotion_vectors import EmotionVectors

_MARKED = 1.0
"""Without colour, pieces at least this many standard deviations from 0 carry their score."""


def trace(
    model: Annotated[str, typer.Argument(help="Hub id, folder, .gguf file or alias of the model of the vectors.")],
    vectors: Annotated[Path, typer.Argument(help="A vectors.safetensors file, or a study's file or folder.")],
    text: Annotated[str, typer.Argument(help="Any text; '-' reads it from standard input.")],
    emotion: Annotated[list[str] | None, typer.Option(help="Show this one; repeat for more.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Whose vectors; by default those in whose script the text is written.")
    ] = None,
    layer: Annotated[
        int | None, typer.Option(min=0, help="Layer to show; by default the study's, or at two thirds of depth.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many emotions to show where none is named.")] = 5,
    baseline: Annotated[
        str, typer.Option(help="What scores are against: neutral, text, or a file with a neutral text on each line.")
    ] = "neutral",
    html: Annotated[Path | None, typer.Option(help="Write a page with every emotion and layer to this file.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Let --html replace a page.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps …")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
) -> None:
    """Show how far each token of a text lies along emotion vectors.

    A score is a token's projection on an emotion's vector, in standard deviations from the mean of neutral tokens.
    Red lies along the vector, blue against it. A token's state holds all of the text before it.
    """
    import sys

    from emovec.cli.progress import console, show_log
    from emovec.cli.steer import load_fitting
    from emovec.cli.vectors_file import vectors_file
    from emovec.files import write_bytes
    from emovec.report.pages.trace import heading, page, peaks, signed
    from emovec.steering import trace as tracing
    from emovec.targets import PAGE, require_file
    from emovec.vectors.choosing import require_name

    show_log()
    text = sys.stdin.read() if text == "-" else text
    file = vectors_file(vectors)
    opened = tracing.open_vectors(file)
    shown_layer = _layer(file.parent, opened, layer)
    if language is not None:
        require_name("language", language, opened.languages)
    for name in emotion or ():
        tracing.known_emotions(opened, [name])
    against = baseline if baseline in ("neutral", "text") else _lines(Path(baseline))
    if html:
        inputs = [file, *([Path(baseline)] if not isinstance(against, str) else [])]
        require_file(html, PAGE, overwrite=overwrite, inputs=inputs)
    loaded = load_fitting(opened, model, device, dtype)
    traced = tracing.trace(
        loaded,
        opened,
        text,
        emotions=None if html else emotion,
        language=language,
        layers=None if html else [shown_layer],
        baseline=against,  # pyright: ignore[reportArgumentType]
    )
    shown = list(dict.fromkeys(emotion or tracing.strongest(traced, shown_layer, top)))
    pieces = tracing.by_piece(traced).sel(layer=shown_layer)
    console.print(f"{heading(traced)}; layer {shown_layer}", highlight=False, markup=False)
    if not _plain():
        console.print(_legend())
    means = tracing.token_means(traced).sel(layer=shown_layer)
    for name in shown:
        own = pieces.sel(emotion=name)
        line = f"{name}: mean {signed(float(means.sel(emotion=name)))}; highest at {peaks(own)}"
        console.print(f"\n{line}", highlight=False, markup=False, style="bold")
        console.print(_coloured(own, _plain()))
    if html:
        write_bytes(html, page(traced, shown, shown_layer).encode())
        console.print(f"\nPage: {html}", highlight=False, soft_wrap=True, markup=False)


def _plain() -> bool:
    """Whether there is no colour: NO_COLOR is set, or the output is no terminal."""
    from emovec.cli.progress import console

    return console.no_color or console.color_system is None


def _layer(folder: Path, vectors: "EmotionVectors", asked: int | None) -> int:
    from emovec.errors import EmovecError
    from emovec.files import read_json
    from emovec.vectors.control_vectors import usual_layer

    if asked is not None:
        if asked not in vectors.layers:
            raise EmovecError(f"--layer {asked}: there are vectors for layers {vectors.layers}.")
        return asked
    chosen = read_json(folder / "geometry" / "choice.json").get("summary", {}).get("layer")
    return int(chosen) if chosen in vectors.layers else usual_layer(vectors)


def _lines(path: Path) -> list[str]:
    from emovec.errors import EmovecError

    try:
        texts = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise EmovecError(
            f"--baseline {path}: give neutral, text, or a file with a neutral text on each line ({error})."
        ) from error
    if not texts:
        raise EmovecError(f"--baseline {path}: the file holds no text; put a neutral text on each line.")
    return texts


def _coloured(pieces: "xr.DataArray", plain: bool) -> "Text":
    from math import isnan

    from rich.text import Text

    from emovec.report.pages.trace import shade, signed

    line = Text()
    for piece, score in zip(pieces["piece_text"].values, pieces.values, strict=True):
        if plain:
            marked = not abs(score) < _MARKED and str(piece).strip()
            said = "sink" if isnan(score) else signed(float(score))
            line.append(f"{piece}[{said}]" if marked else str(piece))
        else:
            background, ink = shade(float(score))
            line.append(str(piece), style=f"{ink} on {background}")
    return line


def _legend() -> "Text":
    from rich.text import Text

    from emovec.report.pages.trace import LIMIT, UNSCORED, shade

    line = Text(f"−{LIMIT:g} ")
    for step in range(-6, 7):
        background, ink = shade(step / 6 * LIMIT)
        line.append("  ", style=f"{ink} on {background}")
    line.append(f" +{LIMIT:g} standard deviations; ")
    line.append("no score: attention sink", style=f"{UNSCORED[1]} on {UNSCORED[0]}")
    return line
