"""Everything that a run will take, looked at before the first minute goes into it."""

import importlib.util
from typing import TYPE_CHECKING

from emovec.errors import EmovecError
from emovec.files import require_writable
from emovec.outputs import STAGES, Stage
from emovec.study_check import check_files, check_layers
from emovec.study_files import RESULTS_FILE
from emovec.targets import require_results_folder

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
    require_results_folder(study.folder, study.path)
    require_writable(study.folder / RESULTS_FILE)
    n_texts = len(study.corpus.stories)  # reading them tells what is wrong with them
    assert n_texts
    check_files(study.config, study.path.parent)
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
    check_layers(config, shape.layers)
