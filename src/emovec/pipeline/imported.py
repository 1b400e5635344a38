"""A study of vectors that were made elsewhere: what can be told from them without a model or texts."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from emovec.config import GeometryConfig, parse_config
from emovec.errors import EmovecError
from emovec.files import write_bytes
from emovec.lock import locked
from emovec.pipeline.stages import save_result
from emovec.progress import Track
from emovec.study.keys import record_path
from emovec.study_files import HEADER
from emovec.targets import is_imported, require_folder
from emovec.vectors.control_vectors import usual_layer
from emovec.yaml_file import dump_yaml

if TYPE_CHECKING:
    from emovec.geometry.analysis import Analysis, AnalysisResult
    from emovec.vectors.emotion_vectors import EmotionVectors

log = logging.getLogger(__name__)

UNKNOWN_MODEL = "an unknown model"
KEY = "imported"
"""In place of the hash of what an output was made from: nobody here knows what these were made from."""


def require_import_folder(folder: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> None:
    """See that imported vectors may be kept in a folder: a new or empty one, or that of an earlier import.

    Raises:
        EmovecError: if something else lies there, an earlier import that may not be replaced, or one of the inputs.
    """
    if folder.is_dir() and is_imported(folder) and not (folder / "activations").exists():
        if not overwrite:
            raise EmovecError(
                f"{folder}: contains imported vectors already; give another `out`, or `overwrite` to replace them."
            )
        for given in inputs:
            if folder.resolve() in given.resolve().parents:
                raise EmovecError(f"{given}: is in the folder that would be replaced; give another `out`.")
        return
    if folder.is_dir() and (folder / "study.yaml").exists():
        raise EmovecError(f"{folder}: contains a study of its own; give another `out`.")
    require_folder(folder, "an earlier import", is_imported, overwrite=overwrite)


def write_imported_study(
    vectors: "EmotionVectors", folder: Path, layer: int | None, track: Track, *, overwrite: bool = False
) -> list[str]:
    """Write a study folder around vectors: `study.yaml`, the vectors, what can be told from them, the report.

    Analyses that take texts, activations or the model leave empty tables with a note that says so.

    Args:
        vectors: of at least two emotions.
        folder: where; made if it isn't there.
        layer: the one to show first; by default the one at two thirds of depth.
        track: shows progress.
        overwrite: whether an earlier import may be replaced.

    Returns:
        The main findings as plain sentences.

    Raises:
        EmovecError: if `layer` is none of the vectors', a name can't be right, or the folder holds another study.
    """
    from emovec.geometry.analysis import Inputs
    from emovec.geometry.registry import ANALYSES, run_analysis
    from emovec.report.pages.study import write_report
    from emovec.report.sections.registry import headlines
    from emovec.report.style import listed
    from emovec.study.results import read_study

    layers, settings = vectors.layers, GeometryConfig()
    if layer is not None and layer not in layers:
        raise EmovecError(f"layer: {layer} is none of the vectors' layers {layers}.")
    shown = usual_layer(vectors) if layer is None else layer
    model = str(vectors.provenance.get("model", UNKNOWN_MODEL))
    config: dict[str, Any] = {"model": model, "languages": vectors.languages, "emotions": vectors.emotions}
    config["corpus"] = {"neutral": None}
    if layer is not None:
        config["geometry"] = {"layer": layer}
    parse_config(config, "vectors")
    require_import_folder(folder, overwrite=overwrite)
    given = settings.model_dump(include={"permutations", "bootstraps", "seed", "top_k"})
    inputs = Inputs(vectors, _unknown, [], _unknown, fixed_layer=layer, layer=shown, **given)
    with locked(folder):
        write_bytes(folder / "study.yaml", HEADER.encode() + dump_yaml(config))
        write_bytes(record_path(folder, "vectors"), vectors.to_bytes())
        with track("Comparing vectors", len(ANALYSES)) as advance:
            for name, analysis in ANALYSES.items():
                if lacking := sorted(words for used, words in _LACKING.items() if used in analysis.inputs):
                    note = f"This needs the {listed(lacking)}, but the vectors were made elsewhere."
                    result = _passed_over(analysis, note)
                else:
                    try:
                        result = run_analysis(name, inputs)
                    except EmovecError as error:  # what it takes the vectors came without
                        result = _passed_over(analysis, str(error))
                save_result(folder / "geometry", result, KEY)
                advance(1)
        write_report(folder, track=track)
    return [said for _, said in headlines(read_study(folder))]


def _passed_over(analysis: "Analysis", note: str) -> "AnalysisResult":
    from emovec.geometry.analysis import AnalysisResult

    tables = {name: table.of([]) for name, table in analysis.tables.items()}
    return AnalysisResult(analysis.name, tables, {}, {"note": note})


_LACKING = {"activations": "stories' activations", "stories": "stories", "model": "model"}


def _unknown(*_asked: object) -> NoReturn:
    raise AssertionError("an analysis asked for what it didn't declare")
