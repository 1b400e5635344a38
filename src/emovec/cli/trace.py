"""`emovec trace`: a text coloured, token by token, by how far it lies along emotion vectors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emovec.cli.inputs import layers_of, load_fitting, vectors_file
from emovec.cli.options import Device, Dtype, Emotion, Language, Layer, Model, Overwrite, Page, Vectors
from emovec.cli.progress import show_log, waiting
from emovec.cli.show import console, say

if TYPE_CHECKING:
    import xarray as xr
    from rich.text import Text

    from emovec.vectors.emotion_vectors import EmotionVectors

_MARKED = 1.0
"""Without colour, pieces at least this many standard deviations from 0 carry their score."""


def trace(
    model: Model,
    vectors: Vectors,
    text: Annotated[str, typer.Argument(help="Any text; '-' reads it from standard input.")],
    emotion: Emotion = None,
    language: Language = None,
    layer: Layer = None,
    top: Annotated[int, typer.Option(min=1, help="How many emotions to show if none is named.")] = 5,
    baseline: Annotated[
        str, typer.Option(help="What to compare with: neutral, text, or a file with one neutral text per line.")
    ] = "neutral",
    page: Page = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> None:
    """Score each token of a text along the emotion vectors.

    A score is a token's projection on an emotion's vector, in standard deviations from the mean of neutral tokens.
    Red means along the vector, blue against it. A token's state reflects all of the text before it. By default it
    uses the vectors of the language whose script matches the text, at the study's layer or at two thirds of the
    depth. The page has every emotion and layer.
    """
    import sys

    from emovec.files import write_bytes
    from emovec.report.pages.trace import page as drawn
    from emovec.steering import trace as tracing
    from emovec.vectors.choosing import require_name

    show_log()
    text = sys.stdin.read() if text == "-" else text
    file = vectors_file(vectors)
    opened = tracing.open_vectors(file)
    shown_layers = layers_of(opened, layer) or [_usual_layer(file.parent, opened)]
    for code in language or ():
        require_name("language", code, opened.languages)
    for name in emotion or ():
        tracing.known_emotions(opened, [name])
    against = baseline if baseline in ("neutral", "text") else _lines(Path(baseline))
    if page:
        _require_page(page, language, overwrite, [file, *([Path(baseline)] if not isinstance(against, str) else [])])
    loaded = load_fitting(opened, model, device, dtype)
    for code in language or [None]:
        with waiting("Reading the text and neutral texts"):
            traced = tracing.trace(
                loaded,
                opened,
                text,
                emotions=None if page else emotion,
                language=code,
                layers=None if page else shown_layers,
                baseline=against,  # pyright: ignore[reportArgumentType]
            )
        shown = [_show(traced, number, emotion, top) for number in shown_layers]
        if page:
            write_bytes(page, drawn(traced, shown[0], shown_layers[0]).encode())
            say(f"\nPage: {page}")


def _require_page(page: Path, languages: "list[str] | None", overwrite: bool, inputs: list[Path]) -> None:
    from emovec.errors import EmovecError
    from emovec.targets import PAGE, require_file

    if len(languages or ()) > 1:
        raise EmovecError("--page: shows the vectors of one language; give one --language.")
    require_file(page, PAGE, overwrite=overwrite, inputs=inputs)


def _show(traced: "xr.DataArray", layer: int, asked: "list[str] | None", top: int) -> list[str]:
    """Print the text once for each emotion, at one layer; gives the emotions shown."""
    from emovec.report.pages.trace import heading, peaks, signed
    from emovec.steering import trace as tracing

    shown = list(dict.fromkeys(asked or tracing.strongest(traced, layer, top)))
    pieces = tracing.by_piece(traced).sel(layer=layer)
    console.print(f"{heading(traced)}; layer {layer}")
    if not _plain():
        console.print(_legend())
    means = tracing.token_means(traced).sel(layer=layer)
    for name in shown:
        own = pieces.sel(emotion=name)
        line = f"{name}: mean {signed(float(means.sel(emotion=name)))}; highest at {peaks(own)}"
        console.print(f"\n{line}", style="bold")
        console.print(_coloured(own, _plain()))
    return shown


def _plain() -> bool:
    """Whether there is no colour: NO_COLOR is set, or the output is no terminal."""
    return console.no_color or console.color_system is None


def _usual_layer(folder: Path, vectors: "EmotionVectors") -> int:
    from emovec.files import read_json
    from emovec.vectors.control_vectors import usual_layer

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
        raise EmovecError(f"--baseline {path}: the file contains no text; put a neutral text on each line.")
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
