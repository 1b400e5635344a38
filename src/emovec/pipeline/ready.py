"""Everything that a run will take, looked at before the first minute goes into it."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from emovec.config import StudyConfig
from emovec.errors import EmovecError
from emovec.files import require_writable
from emovec.study.cluster_names import names_state
from emovec.study.keys import STAGES, Stage
from emovec.study_files import RESULTS_FILE, norm_files
from emovec.targets import require_results_folder

if TYPE_CHECKING:
    from emovec.study.study import Study


def require_ready(study: "Study", until: Stage, experiment: str | None = None) -> None:
    """Make sure that a run of a study can begin: folder, texts, files, and where it will be loaded the model.

    Args:
        study: whose settings are looked at.
        until: the last stage of the run.
        experiment: a steering experiment that runs after it.

    Raises:
        EmovecError: on the first thing that is missing or can't be right.
    """
    from emovec.steering.experiments.registry import EXPERIMENTS

    require_results_folder(study.folder, study.path)
    require_writable(study.folder / RESULTS_FILE)
    _ = study.corpus  # reading the texts tells what is wrong with them
    check_files(study.config, study.path.parent, experiment)
    _check_other_texts(study, until)
    todo = _experiments_to_do(study, until, experiment)
    if study.config.steering.judge and any("judge" in EXPERIMENTS[name].settings for name in todo):
        _require_asked("steering.judge", study.config.steering.judge)
    names = study.config.report.cluster_names.model
    if names and _names_to_do(study, until):
        _require_asked("report.cluster_names.model", names)
    if todo or _reads_model(study, until):
        _require_model(study)


def require_inspect(what: str) -> None:
    """Make sure that Inspect, through which other models are asked, is installed.

    Raises:
        EmovecError: if it isn't; `what` is the setting or option that takes it.
    """
    if importlib.util.find_spec("inspect_ai") is None:
        raise EmovecError(f"{what}: other models are asked through Inspect: pip install inspect-ai")


def check_files(config: StudyConfig, base: Path, also: str | None = None) -> None:
    """Read every file that the settings of geometry and steering name, and see that prompts are in the languages asked.

    Args:
        config: the study.
        base: the folder that its relative paths start from.
        also: an experiment that runs besides those that the study lists.

    Raises:
        EmovecError: if a file is missing or wrong, or an experiment has no texts in a language that it is to use.
    """
    from emovec.languages.load import languages_folder, load_language
    from emovec.languages.norms import load_norms
    from emovec.steering.experiments.registry import EXPERIMENTS, require_experiments

    settings = config.steering
    named = norm_files(config, base)
    for language, file in named.items() if isinstance(named, dict) else [("", named)]:
        try:
            load_norms(file)
        except EmovecError as error:
            raise EmovecError(f"geometry.norms{f'.{language}' if language else ''}: {error}") from error
    require_experiments(settings.experiments)
    spoken = [load_language(code, languages_folder(config, base)) for code in settings.languages or config.languages]
    there: set[str] = set()
    for name, experiment in EXPERIMENTS.items():
        if name in settings.experiments or name == also:
            there |= experiment.texts_in(settings, spoken, base)
        else:  # its files are looked at all the same: a later run may take them
            experiment.texts_in(settings, [], base)
    for language in settings.languages or () if settings.experiments else ():
        if language not in there:
            raise EmovecError(
                f"steering.languages: no experiment has texts in '{language}'; there are some in "
                f"{', '.join(sorted(there)) or 'no language'}."
            )


def _check_other_texts(study: "Study", until: Stage) -> None:
    """See that the texts of `geometry.reference` and `geometry.held_out` are there, and fit the study."""
    from emovec.models.locate import model_identity
    from emovec.study.study import OTHER_TEXTS

    own = study.config
    for setting in OTHER_TEXTS if STAGES.index(until) >= STAGES.index("geometry") else ():
        if (other := study.other(setting)) is None:
            continue
        if other.is_part:
            _ = other.corpus
            continue
        theirs = other.config
        if model_identity(theirs.model, theirs.revision) != model_identity(own.model, own.revision):
            raise EmovecError(
                f"geometry.{setting}: {other.path} reads another model ({theirs.model}, not {own.model}); name a study "
                "of this model."
            )
        if not set(own.languages) & set(theirs.languages):
            raise EmovecError(f"geometry.{setting}: {other.path} has none of the study's languages.")
        shared = set(own.emotion_words) & set(theirs.emotion_words)
        if setting == "held_out" and len(shared) < 2:
            raise EmovecError(f"geometry.held_out: {other.path} has fewer than two of the study's emotions.")
        if other.state("vectors") != "done":
            raise EmovecError(
                f"geometry.{setting}: {other.path} has no vectors of its present settings; "
                f"{other.command('run', more=['--until', 'vectors'])} makes them."
            )


def check_layers(config: StudyConfig, n_layers: int | None) -> None:
    """See that every layer that the settings name is one of the model's; None where its depth is not known yet.

    Raises:
        EmovecError: naming the setting.
    """
    if n_layers is None:
        return
    read = config.extraction.layers
    named = {
        "extraction.layers": [] if read == "all" else read,
        "geometry.layer": [config.geometry.layer],
        "steering.layer": [config.steering.layer],
    }
    for setting, layers in named.items():
        for layer in layers:
            if isinstance(layer, int) and layer >= n_layers:
                raise EmovecError(
                    f"{setting}: {layer} is none of the layers of {config.model}, which has layers 0 to {n_layers - 1}."
                )


def _experiments_to_do(study: "Study", until: Stage, experiment: str | None) -> list[str]:
    names = [experiment] if experiment else []
    if STAGES.index(until) >= STAGES.index("steering"):
        names += study.config.steering.experiments
    return [name for name in names if study.state(name) != "done"]


def _reads_model(study: "Study", until: Stage) -> bool:
    from emovec.geometry.registry import ANALYSES
    from emovec.study.study import OTHER_TEXTS

    if STAGES.index(until) < STAGES.index("activations"):
        return False
    if study.state("activations") != "done":
        return True
    if STAGES.index(until) < STAGES.index("geometry"):
        return False
    others = [other for setting in OTHER_TEXTS if (other := study.other(setting)) is not None and other.is_part]
    if any(other.state("activations") != "done" for other in others):
        return True
    return any("model" in analysis.inputs and study.state(name) != "done" for name, analysis in ANALYSES.items())


def _require_model(study: "Study") -> None:
    from emovec.models.before_loading import look_at_model
    from emovec.models.load import choose_device, choose_dtype

    config = study.config
    choose_dtype(config.extraction.dtype, choose_device(config.extraction.device))
    shape = look_at_model(config.model, revision=config.revision, trust_remote_code=config.trust_remote_code)
    check_layers(config, shape.layers)


def _names_to_do(study: "Study", until: Stage) -> bool:
    from emovec.geometry.registry import ANALYSES

    if STAGES.index(until) < STAGES.index("geometry"):
        return False
    settings = study.config
    return names_state(study.folder, settings.report.cluster_names, settings.geometry.seed) != "done" or any(
        "cluster_profile" in analysis.tables and study.state(name) != "done" for name, analysis in ANALYSES.items()
    )


def _require_asked(setting: str, model: str) -> None:
    require_inspect(setting)
    from inspect_ai.model import get_model

    from emovec.asking.errors import reason_of

    try:
        get_model(model)
    except Exception as error:  # each provider raises errors of its own
        raise EmovecError(f"{setting}: {model} can't be asked ({reason_of(error)}).") from error
