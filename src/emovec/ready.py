"""Everything that a run will take, looked at before the first minute goes into it."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from emovec.errors import EmovecError
from emovec.files import require_writable
from emovec.outputs import STAGES, Stage
from emovec.study_files import RESULTS_FILE, is_results_file
from emovec.vectors.emotion_vectors import read_provenance

if TYPE_CHECKING:
    from emovec.study import Study


def require_ready(study: "Study", until: Stage, experiment: str | None = None) -> None:
    """Make sure that a run of a study can begin: folder, texts, files, and where it will be loaded the model.

    Args:
        study: whose settings are looked at.
        until: the last stage of the run.
        experiment: a steering experiment that runs after it.

    Raises:
        EmovecError: on the first thing that is missing or can't be right.
    """
    _require_folder(study)
    require_writable(study.folder / RESULTS_FILE)
    n_texts = len(study.corpus.stories)  # reading them tells what is wrong with them
    assert n_texts
    for section, names in (("geometry", ("norms",)), ("steering", ("activities", "prompts", "scenarios"))):
        for name in names:
            path = getattr(getattr(study.config, section), name)
            if path is not None and not (study.path.parent / path).is_file():
                raise EmovecError(f"{section}.{name}: {study.path.parent / path}: no such file.")
    todo = _experiments_to_do(study, until, experiment)
    if study.config.steering.judge and "calibration" in todo:
        require_inspect("steering.judge")
    if todo or _reads_model(study, until):
        _require_model(study)


def require_inspect(what: str) -> None:
    """Make sure that Inspect, through which other models are asked, is installed.

    Raises:
        EmovecError: if it isn't; `what` is the setting or option that takes it.
    """
    if importlib.util.find_spec("inspect_ai") is None:
        raise EmovecError(f"{what}: other models are asked through Inspect: pip install inspect-ai")


def _require_folder(study: "Study") -> None:
    if study.folder.exists() and not study.folder.is_dir():
        raise EmovecError(f"{study.folder}: can't be used as the study's folder: it is a file; give another --out.")
    if (study.folder / RESULTS_FILE).resolve() == study.path.resolve() and not is_results_file(study.path):
        raise EmovecError(f"{study.folder}: holds the study file, which results would replace; give another --out.")
    if "imported" in read_provenance(study.folder / "vectors.safetensors"):
        raise EmovecError(
            f"{study.folder}: its vectors were made elsewhere, so there are no texts to run, and a run would replace "
            f"the vectors. The report is {study.report_path}."
        )


def _experiments_to_do(study: "Study", until: Stage, experiment: str | None) -> list[str]:
    names = [experiment] if experiment else []
    if STAGES.index(until) >= STAGES.index("steering"):
        names += study.config.steering.experiments
    return [name for name in names if study.state(name) != "done"]


def _reads_model(study: "Study", until: Stage) -> bool:
    from emovec.geometry.analyses import ANALYSES

    if STAGES.index(until) < STAGES.index("activations"):
        return False
    if study.state("activations") != "done":
        return True
    if STAGES.index(until) < STAGES.index("geometry"):
        return False
    return any("model" in analysis.inputs and study.state(name) != "done" for name, analysis in ANALYSES.items())


def _require_model(study: "Study") -> None:
    from emovec.models.before_loading import look_at_model
    from emovec.models.load import choose_device, choose_dtype

    config = study.config
    choose_dtype(config.extraction.dtype, choose_device(config.extraction.device))
    shape = look_at_model(config.model, revision=config.revision, trust_remote_code=config.trust_remote_code)
    if shape.layers is None:
        return
    asked = config.extraction.layers
    there = list(range(shape.layers)) if asked == "all" else asked
    for name, layers in (
        ("extraction.layers", [] if asked == "all" else asked),
        ("geometry.layer", [config.geometry.layer]),
        ("steering.layer", [config.steering.layer]),
    ):
        for layer in layers:
            if isinstance(layer, int) and not 0 <= layer < shape.layers:
                raise EmovecError(f"{name}: {config.model} has layers 0 to {shape.layers - 1}; there is no {layer}.")
            if isinstance(layer, int) and layer not in there:
                raise EmovecError(f"{name}: {layer} is none of extraction.layers {there}.")


def require_new_file(path: Path, option: str) -> None:
    """Make sure that a file can be written where an option says.

    Raises:
        EmovecError: if it is a folder, or lies where nothing can be written.
    """
    if path.is_dir():
        raise EmovecError(f"{option} {path}: is a folder; name a file.")
    require_writable(path)
