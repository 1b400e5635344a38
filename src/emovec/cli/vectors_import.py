"""The command `import`: vectors that were made elsewhere become a study."""

from pathlib import Path
from typing import Annotated

import typer


def import_vectors(
    out: Annotated[Path, typer.Option(help="Folder for the study that is made of them.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE…", help=".npz, .safetensors, .pt, .npy or control-vector .gguf files, or a folder."
        ),
    ] = None,
    emotion: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="A file that holds one vector, and what to call it.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model that they were made with, for the record.")] = None,
    language: Annotated[str, typer.Option(help="Language of vectors whose names don't tell.")] = "en",
    layer: Annotated[
        int | None,
        typer.Option(min=0, help="Layer to show first (two thirds of depth by default); that of a lone vector."),
    ] = None,
    layer_offset: Annotated[
        int,
        typer.Option(min=0, max=1, help="What the files call block 0: 1 for indices of hidden_states (0: embeddings)."),
    ] = 0,
    names: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="How vectors are called, such as 'block_{layer}_{emotion}'.")
    ] = None,
    array: Annotated[
        str | None, typer.Option(help="The array with the vectors, where there are several beside the labels.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier import wrote.")] = False,
) -> None:
    """Take vectors that were made elsewhere, and report what can be told from them."""
    from emovec.cli.progress import console, track
    from emovec.errors import EmovecError
    from emovec.pipeline.imported import require_import_folder, write_imported_study
    from emovec.vectors.importing import read_vectors

    named: dict[str, Path] = {}
    for entry in emotion or []:
        name, sign, path = entry.partition("=")
        if not (name and sign and path):
            raise EmovecError(f"--emotion {entry}: give it as NAME=FILE, such as happy=happy.gguf.")
        if name in named:
            raise EmovecError(f"--emotion {entry}: '{name}' is given twice.")
        named[name] = Path(path)
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
        f"{sizes['layer']} layer{'s' if sizes['layer'] > 1 else ''} × {sizes['hidden']} "
        "dimensions",
        highlight=False,
        markup=False,
    )
    if "layer_offset" in vectors.provenance:
        console.print(
            f"Layers are read as the outputs of blocks, which the files count from {layer_offset}: block "
            f"{vectors.layers[0]} is their {vectors.layers[0] + layer_offset}. If that is not so, give "
            f"--layer-offset {1 - layer_offset}.",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    sentences = write_imported_study(vectors, out, layer, track, overwrite=overwrite)
    for sentence in sentences:
        console.print(f"• {sentence}", highlight=False, markup=False)
    console.print(f"Report: {out / 'report.html'}", highlight=False, soft_wrap=True, markup=False)
