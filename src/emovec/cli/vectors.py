"""`emovec vectors`: vectors that were made elsewhere become a study, and those of a study go to other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from emovec.cli.inputs import layers_of, vectors_file
from emovec.cli.options import Emotion, Language, Layer, License, Overwrite
from emovec.cli.progress import track
from emovec.cli.show import console, say

if TYPE_CHECKING:
    from emovec.vectors.emotion_vectors import EmotionVectors


def import_vectors(  # over 60 lines: most of them declare its ten options
    out: Annotated[Path, typer.Option(help="Folder for the study to make.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE…", help=".npz, .safetensors, .pt, .npy or control-vector .gguf files, or a folder."
        ),
    ] = None,
    emotion: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="A file with one vector, and its emotion; repeat.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model that the vectors were made with, for the record.")
    ] = None,
    language: Annotated[str, typer.Option(help="Language of vectors whose names don't give one.")] = "en",
    layer: Annotated[
        int | None,
        typer.Option(min=0, help="Layer to show first (two thirds of the depth by default); that of a lone vector."),
    ] = None,
    layer_offset: Annotated[
        int,
        typer.Option(
            min=0, max=1, help="Number of block 0 in the files: 1 for indices of hidden_states (0: embeddings)."
        ),
    ] = 0,
    names: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help="Pattern of the vectors' names, such as 'block_{layer}_{emotion}'."),
    ] = None,
    array: Annotated[
        str | None, typer.Option(help="The array with the vectors, if there are several besides the labels.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a study, with its report, from vectors of another program."""
    from emovec.pipeline.imported import require_import_folder, write_imported_study
    from emovec.vectors.importing import read_vectors

    named = _named_files(emotion or [])
    require_import_folder(out, overwrite=overwrite, inputs=[*(files or []), *named.values()])
    vectors = read_vectors(
        *(files or []),
        named=named,
        language=language,
        layer=layer,
        model=model,
        layer_offset=layer_offset,
        names=names,
        array=array,
    )
    sizes = vectors.raw.sizes
    console.print(
        f"{sizes['emotion']} emotions in {', '.join(vectors.languages)}, "
        f"{sizes['layer']} layer{'s' if sizes['layer'] > 1 else ''} × {sizes['hidden']} dimensions"
    )
    if "layer_offset" in vectors.provenance:
        say(
            f"Layers are read as the outputs of blocks, which the files count from {layer_offset}: block "
            f"{vectors.layers[0]} is their {vectors.layers[0] + layer_offset}. If that is not so, give "
            f"--layer-offset {1 - layer_offset}."
        )
    for sentence in write_imported_study(vectors, out, layer, track, overwrite=overwrite):
        console.print(f"• {sentence}")
    say(f"Report: {out / 'report.html'}")


def _named_files(entries: list[str]) -> dict[str, Path]:
    from emovec.errors import EmovecError

    named: dict[str, Path] = {}
    for entry in entries:
        name, sign, path = entry.partition("=")
        if not (name and sign and path):
            raise EmovecError(f"--emotion {entry}: give it as NAME=FILE, such as happy=happy.gguf.")
        if name in named:
            raise EmovecError(f"--emotion {entry}: '{name}' is given twice.")
        named[name] = Path(path)
    return named


def export_vectors(
    source: Annotated[
        Path, typer.Argument(metavar="STUDY|VECTORS", help="A study file, its folder, or vectors.safetensors.")
    ],
    out: Annotated[Path, typer.Option(help="File to write; for 'hub' a folder.")],
    format: Annotated[str, typer.Option(help="gguf, safetensors or hub.")] = "gguf",
    emotion: Emotion = None,
    language: Language = None,
    layer: Layer = None,
    kind: Annotated[str | None, typer.Option(help="denoised, centred or raw; by default the best available.")] = None,
    strength: Annotated[
        float, typer.Option(help="Strength of factor 1 in the other program, in residual norms.")
    ] = 0.1,
    norm: Annotated[float | None, typer.Option(help="The residual norm, for vectors stored without one.")] = None,
    base_model: Annotated[str | None, typer.Option(help="The model's name on the Hub, for the card.")] = None,
    license: License = None,
    overwrite: Overwrite = False,
) -> None:
    """Write vectors for llama.cpp, repeng, the Hub, other tools.

    By default at two thirds of the depth. 'gguf' takes one emotion, in the first language unless you name another;
    the other formats take all emotions and languages.
    """
    from typing import get_args

    from emovec.errors import EmovecError
    from emovec.vectors.control_vectors import Kind, usual_layer
    from emovec.vectors.exporting import export_vectors as write
    from emovec.vectors.exporting import not_steered

    if kind is not None and kind not in get_args(Kind):
        raise EmovecError(f"--kind {kind}: give one of {', '.join(get_args(Kind))}.")
    vectors, findings = _read(source)
    layers = layers_of(vectors, layer)
    left_out = format != "safetensors" and "all" in (layer or []) and 0 in layers
    if left_out:
        layers.remove(0)
    files = write(
        vectors,
        out,
        format=cast(Any, format),
        emotions=emotion,
        languages=language,
        layers=layers or None,
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
    console.print(f"Layer {at}, strength {strength:g} residual norms{spoken}")
    if left_out:
        console.print("Block 0 is left out: control vectors can't steer it")
    if format != "safetensors" and (warned := not_steered(vectors.provenance)):
        say(warned, "yellow")
    _list(files)


def _list(files: list[Path]) -> None:
    for file in files[:3]:
        say(f"{file}")
    if len(files) > 3:
        console.print(f"and {len(files) - 3} more")


def _read(source: Path) -> "tuple[EmotionVectors, list[str]]":
    """The vectors, and what the study found about them where it got that far."""
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
