"""`Study`: runs the stages in order, does what is missing and nothing else."""

import logging
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from emovec.config import StudyConfig, read_config
from emovec.corpus.load import Corpus, load_corpus
from emovec.errors import EmovecError
from emovec.files import read_json, write_bytes
from emovec.lock import locked
from emovec.outputs import STAGES, Stage, State, output_keys, output_state, record_path, report_key
from emovec.ready import require_ready
from emovec.stages import RUNNERS, Track, run_experiment
from emovec.study_files import (
    HEADER,
    RESULTS_FILE,
    command,
    model_path,
    moved,
    results_folder,
    study_file,
)

if TYPE_CHECKING:
    import pandas as pd

    from emovec.activations.store import Activations
    from emovec.models.language_model import LanguageModel
    from emovec.vectors.emotion_vectors import EmotionVectors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """A part of a stage and how it stands: `stale` is done, but with other settings or texts."""

    stage: Stage
    name: str
    state: State
    detail: str = ""


def _untracked(_description: str, _total: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda _done: None)


class Study:
    """One study: its file, its folder, and what is done in it.

    Each output carries the hash of what it was made from (`key`), so that a changed setting re-does exactly what
    depends on it.
    """

    def __init__(self, path: str | Path, out: str | Path | None = None, limit: int | None = None):
        """Read the study file; `limit` keeps that many stories of each emotion, in a folder of its own.

        Args:
            path: a study file, or a folder of results with the one that a run wrote there.
            out: the folder for the results; by default beside the file, named like it, or the folder that it lies in.
            limit: stories of each emotion.

        Raises:
            EmovecError: if the file is missing or holds something that can't be right.
        """
        self._opened = Path(path), out, limit
        self.path = study_file(path)
        config = read_config(self.path)
        if limit is not None:
            config = config.model_copy(update={"extraction": config.extraction.model_copy(update={"limit": limit})})
        # Like every path in a study file, the model's starts from the file's folder.
        self.config: StudyConfig = config.model_copy(update={"model": model_path(config.model, self.path.parent)})
        self.folder = Path(out) if out is not None else results_folder(path, limit)

    def command(self, *words: str | Path) -> str:
        """A command line on this study as it was opened, in backticks, that can be pasted: what to do next."""
        path, out, limit = self._opened
        return command(*words, path, out=out, limit=limit)

    @cached_property
    def corpus(self) -> Corpus:
        """The texts of the study."""
        return load_corpus(self.config, self.path.parent, self._opened[0])

    @cached_property
    def model(self) -> "LanguageModel":
        """The language model, loaded at first use."""
        import torch

        from emovec.models.load import load_model

        settings = self.config.extraction
        if settings.threads:
            torch.set_num_threads(settings.threads)
        log.info("Loading %s", self.config.model)
        return load_model(
            self.config.model,
            revision=self.config.revision,
            device=settings.device,
            dtype=settings.dtype,
            trust_remote_code=self.config.trust_remote_code,
        )

    @property
    def activations(self) -> "Activations":
        """The activations on disk."""
        from emovec.activations.store import Activations

        return Activations(self.folder / "activations")

    @property
    def vectors(self) -> "EmotionVectors":
        """The emotion vectors on disk."""
        from emovec.vectors.emotion_vectors import EmotionVectors

        return EmotionVectors.load(self.folder / "vectors.safetensors")

    @property
    def report_path(self) -> Path:
        """Where the report is, or will be."""
        return self.folder / "report.html"

    def table(self, name: str) -> "pd.DataFrame":
        """A table of the geometry or of the steering stage.

        Raises:
            EmovecError: if it has not been computed.
        """
        import pandas as pd

        from emovec.steering.tables import COLUMNS

        stage = "steering" if name in COLUMNS else "geometry"
        path = self.folder / stage / f"{name}.parquet"
        if not path.is_file():
            raise EmovecError(f"{path}: no such table yet. {self.command(stage)} computes it.")
        return pd.read_parquet(path)

    def summary(self, analysis: str) -> dict[str, Any]:
        """The summary that an analysis of the geometry, or an experiment of the steering, left."""
        return read_json(record_path(self.folder, analysis)).get("summary", {})

    @cached_property
    def keys(self) -> dict[str, str]:
        """The hash of everything that each output depends on, by output."""
        keys = output_keys(self.config, self.corpus, self.path.parent)
        return {**keys, "report": report_key(keys["report"], self.folder, keys, self.config.steering.experiments)}

    def steps(self) -> list[Step]:
        """How each part of each stage stands, in order."""
        from emovec.activations.store import ShardStore, store_name
        from emovec.geometry.analyses import ANALYSES
        from emovec.steering.experiments import EXPERIMENTS

        n_stories, n_neutral = len(self.corpus.stories), len(self.corpus.neutral)
        steps = [Step("corpus", "corpus", self.state("corpus"), f"{n_stories} stories, {n_neutral} neutral texts")]
        texts = Counter(store_name(story) for story in [*self.corpus.stories, *self.corpus.neutral])
        state = self.state("activations")
        for store, n_texts in texts.items():
            planned = -(-n_texts // self.config.extraction.shard_size)
            committed = min(planned, len(ShardStore(self.folder / "activations" / store).records()))
            steps.append(Step("activations", store, state, f"{committed} of {planned} shards on disk"))
        steps.append(Step("vectors", "vectors", self.state("vectors"), "vectors.safetensors"))
        for name, analysis in ANALYSES.items():
            tables = ", ".join(f"{table}.parquet" for table in analysis.tables)
            steps.append(Step("geometry", name, self.state(name), tables or f"{name}.json"))
        for name, experiment in EXPERIMENTS.items():
            if name in self.config.steering.experiments or record_path(self.folder, name).is_file():
                tables = ", ".join(f"{table}.parquet" for table in experiment.tables)
                steps.append(Step("steering", name, self.state(name), tables))
        steps.append(Step("report", "report", self.state("report"), "report.html"))
        return steps

    def state(self, output: str) -> State:
        """How an output stands: a stage, an analysis of the geometry, an experiment of the steering."""
        return output_state(self.folder, output, self.keys[output])

    def run(self, until: Stage = "report", track: Track = _untracked) -> list[str]:
        """Do what is missing or stale, up to and including a stage.

        Returns:
            The outputs that were made, in order; empty if everything was up to date.

        Raises:
            EmovecError: if another process is working on this study, or on any bad input.
        """
        self.check(until)
        with locked(self.folder), self._logged():
            done: list[str] = []
            resolved = moved(self.config, self.path.parent, self.folder)
            write_bytes(self.folder / RESULTS_FILE, HEADER.encode() + _dump(resolved))
            for stage in STAGES[: STAGES.index(until) + 1]:
                # The state of these is that of each of their parts.
                if stage in {"geometry", "steering"} or self.state(stage) != "done":
                    log.info("Stage: %s", stage)
                    done.extend(RUNNERS[stage](self, track))
            return done

    def check(self, until: Stage = "report", experiment: str | None = None) -> None:
        """Look at everything that a run up to a stage will take, before any work and before anything is written.

        Raises:
            EmovecError: if a text, a file, the model, the device or a package that it takes is not there.
        """
        require_ready(self, until, experiment)

    def run_experiment(self, name: str, track: Track = _untracked) -> bool:
        """Run one steering experiment, listed in the study or not, and whatever of the stages before it needs.

        Returns:
            Whether anything had to be measured.

        Raises:
            EmovecError: as `run`.
        """
        self.check("vectors", name)
        self.run("vectors", track)
        with locked(self.folder), self._logged():
            return run_experiment(self, name, track)

    @contextmanager
    def _logged(self) -> Generator[None]:
        handler = logging.FileHandler(self.folder / "run.log", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
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

    def headlines(self) -> list[str]:
        """The main findings as plain sentences with numbers.

        Raises:
            EmovecError: if the geometry has not been computed.
        """
        from emovec.geometry.analyses import ANALYSES
        from emovec.geometry.headlines import headlines

        tables = {name: self.table(name) for analysis in ANALYSES.values() for name in analysis.tables}
        summaries = {name: self.summary(name) for name in ANALYSES}
        return headlines(tables, summaries, int(summaries["choice"]["layer"]))


def summarised(steps: Sequence[Step]) -> list[Step]:
    """One step for each stage: as its worst part stands, with the names of the parts that are not done."""
    found: list[Step] = []
    for stage in STAGES:
        parts = [step for step in steps if step.stage == stage]
        if not parts:
            continue
        order: tuple[State, ...] = ("missing", "stale", "done")
        there = {part.state for part in parts}
        state: State = next(each for each in order if each in there)
        left = [part.name for part in parts if part.state != "done"]
        if len(parts) == 1:
            detail = parts[0].detail
        elif not left:
            detail = f"all {len(parts)} parts"
        else:
            some = ", ".join(left[:4]) + (f" and {len(left) - 4} more" if len(left) > 4 else "")
            detail = f"{len(parts) - len(left)} of {len(parts)} parts done; to do: {some}"
        found.append(Step(stage, stage, state, detail))
    return found


def study_template() -> str:
    """A study file with every setting, its default and what it means."""
    return (resources.files("emovec") / "data" / "study.yaml").read_text(encoding="utf-8")


def _dump(config: StudyConfig) -> bytes:
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True).encode()
