"""`emovec export`: vectors for llama.cpp, repeng, any reader of safetensors, or the Hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from emovec.vectors.emotion_vectors import EmotionVectors


def export(
    source: Annotated[
        Path, typer.Argument(metavar="STUDY|VECTORS", help="A study file, its folder, or vectors.safetensors.")
    ],
    out: Annotated[Path, typer.Option(help="File to write; for 'hub' a folder.")],
    emotion: Annotated[
        list[str] | None, typer.Option(help="Which; repeat for more. 'hub' and 'safetensors' take all by default.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Whose vectors; 'gguf' takes the first by default, the others all.")
    ] = None,
    format: Annotated[str, typer.Option(help="gguf, safetensors or hub.")] = "gguf",
    kind: Annotated[str | None, typer.Option(help="denoised, centred or raw; by default the best there is.")] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="0-based block, two thirds of the depth by default; repeat for more, or 'all'."),
    ] = None,
    strength: Annotated[
        float, typer.Option(help="In residual norms: what factor 1 means in the program that adds the vector.")
    ] = 0.1,
    norm: Annotated[float | None, typer.Option(help="The residual norm, for vectors that came without it.")] = None,
    base_model: Annotated[str | None, typer.Option(help="The model's name on the Hub, for the card.")] = None,
    license: Annotated[str | None, typer.Option(help="The card's licence, such as apache-2.0.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier export wrote.")] = False,
) -> None:
    """Write vectors in a form that other programs read."""
    from typing import Any, cast, get_args

    from emovec.cli.progress import console
    from emovec.errors import EmovecError
    from emovec.vectors.control_vectors import Kind, usual_layer
    from emovec.vectors.exporting import export_vectors, not_steered

    if kind is not None and kind not in get_args(Kind):
        raise EmovecError(f"--kind {kind}: give one of {', '.join(get_args(Kind))}.")
    vectors, findings = _read(source)
    layers = _layers(layer or [], vectors, format)
    files = export_vectors(
        vectors,
        out,
        format=cast(Any, format),
        emotions=emotion,
        languages=language,
        layers=layers,
        kind=cast(Any, kind),
        strength=strength,
        norm=norm,
        base_model=base_model,
        license=license,
        findings=findings,
        overwrite=overwrite,
    )
    at = ", ".join(map(str, layers or [usual_layer(vectors)]))
    spoken = f" in {vectors.languages[0]}" if format == "gguf" and not language else ""
    console.print(f"Layer {at}, strength {strength:g} residual norms{spoken}", highlight=False, markup=False)
    if "all" in (layer or []) and format != "safetensors" and 0 in vectors.layers:
        console.print("Block 0 is left out: control vectors can't steer it", highlight=False)
    if format != "safetensors" and (warned := not_steered(vectors.provenance)):
        console.print(warned, style="yellow", highlight=False, markup=False, soft_wrap=True)
    for file in files[:3]:
        console.print(f"{file}", highlight=False, soft_wrap=True, markup=False)
    if len(files) > 3:
        console.print(f"and {len(files) - 3} more", highlight=False)


def _read(source: Path) -> "tuple[EmotionVectors, list[str]]":
    """The vectors, and what the study found about them where it got that far."""
    from emovec.cli.vectors_file import vectors_file
    from emovec.errors import EmovecError
    from emovec.report.sections.registry import headlines
    from emovec.study.results import read_study
    from emovec.study.study import Study
    from emovec.study_files import is_study
    from emovec.vectors.emotion_vectors import EmotionVectors

    vectors = EmotionVectors.load(vectors_file(source))
    if not is_study(source):
        return vectors, []
    try:
        study = Study(source)
        if study.state("report") != "done":
            return vectors, []
        return vectors, [said for _, said in headlines(read_study(study.folder, ["geometry"]))]
    except EmovecError:
        return vectors, []


def _layers(asked: list[str], vectors: "EmotionVectors", format: str) -> list[int] | None:
    from emovec.errors import EmovecError

    if "all" in asked:
        return [layer for layer in vectors.layers if layer > 0 or format == "safetensors"]
    try:
        return [int(layer) for layer in asked] or None
    except ValueError as error:
        raise EmovecError(f"--layer {', '.join(asked)}: give numbers of 0-based blocks, or 'all'.") from error
