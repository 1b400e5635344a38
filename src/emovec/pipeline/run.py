"""Runs the stages of a study in order: does what is missing or stale, and nothing else."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from emovec.config import read_config
from emovec.errors import EmovecError
from emovec.files import disk_error, write_bytes
from emovec.lock import locked
from emovec.pipeline.ready import require_ready
from emovec.pipeline.stages import RUNNERS, leave_out_stale, measure_experiment
from emovec.printable import message
from emovec.progress import Track, untracked
from emovec.study.keys import STAGES, Stage, record_path
from emovec.study.study import OTHER_TEXTS, Study
from emovec.study_files import HEADER, RESULTS_FILE, moved
from emovec.yaml_file import dump_yaml

log = logging.getLogger(__name__)


def run_study(
    study: Study | str | Path, until: Stage = "report", track: Track = untracked, *, experiments: bool = True
) -> list[str]:
    """Do what is missing or stale, up to and including a stage.

    Args:
        study: a study, its file, or the folder of its results.
        until: the last stage.
        track: shows progress.
        experiments: whether the steering experiments that the study lists may run; if not, those that are missing
            or stale are left out of the report.

    Returns:
        The outputs that were made, in order; empty if everything was up to date.

    Raises:
        EmovecError: if another process is working on this study, or on any bad input.
    """
    from emovec.steering.experiments.registry import EXPERIMENTS

    study = study if isinstance(study, Study) else Study(study)
    require_ready(study, until)
    _require_as_many_texts(study)
    with locked(study.folder), _logged(study.folder):
        done: list[str] = []
        _write_settings(study)
        for stage in STAGES[: STAGES.index(until) + 1]:
            # The state of these is that of each of their parts.
            if stage == "steering" and not experiments:
                leave_out_stale(study, list(EXPERIMENTS))
            elif stage in {"geometry", "steering"} or study.state(stage) != "done":
                if stage == "geometry":
                    _read_other_texts(study, track)
                log.info("Stage: %s", stage)
                done.extend(RUNNERS[stage](study, track))
        return done


def _read_other_texts(study: Study, track: Track) -> None:
    """Make the vectors of the bundled texts that `geometry.reference` and `geometry.held_out` name."""
    for setting in OTHER_TEXTS:
        other = study.other(setting)
        if other is None or not other.is_part:
            continue
        other.folder.mkdir(parents=True, exist_ok=True)
        _write_settings(other)
        for stage in STAGES[: STAGES.index("geometry")]:
            if other.state(stage) != "done":
                log.info("Stage: %s of geometry.%s", stage, setting)
                RUNNERS[stage](other, track)


def run_experiment(study: Study | str | Path, name: str, track: Track = untracked, limit: int | None = None) -> bool:
    """Run one steering experiment, listed in the study or not, and whatever of the stages before it needs.

    Args:
        study: a study, its file, or the folder of its results.
        name: of the experiment.
        track: shows progress.
        limit: a quick look at so many items of each kind; its results lie in a folder of their own, `quick_look`'s.

    Returns:
        Whether anything had to be measured.

    Raises:
        EmovecError: as `run_study`.
    """
    study = study if isinstance(study, Study) else Study(study)
    require_ready(study, "vectors", name)
    run_study(study, "vectors", track)
    with locked(study.folder), _logged(study.folder):
        return measure_experiment(study if limit is None else study.quick_look(limit), name, track)


def _require_as_many_texts(study: Study) -> None:
    """Refuse to put a few texts' results in the place of those of more."""
    limit, path = study.config.extraction.limit, study.folder / "study.yaml"
    if limit is None or not record_path(study.folder, "activations").is_file() or not path.is_file():
        return
    before = read_config(path).extraction.limit
    if before is None or before > limit:
        texts = "all texts" if before is None else f"{before} texts of each emotion"
        raise EmovecError(
            f"{study.folder}: contains results of {texts}, which those of {limit} of each emotion would replace; give "
            "another `out`, or leave out extraction.limit."
        )


@contextmanager
def _logged(folder: Path) -> Generator[None]:
    try:
        handler = logging.FileHandler(folder / "run.log", encoding="utf-8")
    except OSError as error:
        raise disk_error(folder / "run.log", error) from error
    line = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.format = lambda record: message(line.format(record))
    handler.handleError = lambda record: None  # a full disk is told of by the stage that meets it
    logger = logging.getLogger("emovec")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    except EmovecError as error:
        log.error("%s", error)
        raise
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()


def _write_settings(study: Study) -> None:
    """Write the settings as they were resolved beside the results."""
    resolved = moved(study.config, study.path.parent, study.folder)
    written = dump_yaml(resolved.model_dump(mode="json"))
    write_bytes(study.folder / RESULTS_FILE, HEADER.encode() + written)
