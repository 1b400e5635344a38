"""`Study`: what a study is, and what of it is done."""

import copy
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from emovec.commands import command
from emovec.config import BUNDLED, StudyConfig, read_config
from emovec.corpus.bundled import STYLES, bundled_stories
from emovec.corpus.load import Corpus, load_corpus
from emovec.errors import EmovecError
from emovec.files import read_json
from emovec.study.cluster_names import names_state
from emovec.study.keys import STAGES, Stage, State, output_keys, output_state, record_path, report_key
from emovec.study_files import limited, model_path, results_folder, study_file

if TYPE_CHECKING:
    import pandas as pd

    from emovec.activations.store import Activations
    from emovec.models.language_model import LanguageModel
    from emovec.vectors.emotion_vectors import EmotionVectors

log = logging.getLogger(__name__)

TextsSetting = Literal["reference", "held_out"]
OTHER_TEXTS: tuple[TextsSetting, ...] = get_args(TextsSetting)
"""The settings of `geometry` that name texts besides the study's own."""


@dataclass(frozen=True)
class Step:
    """A part of a stage and how it stands: `stale` is done, but with other settings or texts."""

    stage: Stage
    name: str
    state: State
    detail: str = ""


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
            limit: stories of each emotion; the folder is then called `<folder>-limit<n>`.

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
        self.folder = results_folder(path, limit) if out is None else limited(Path(out), limit)
        self.results: Path = self.folder
        """Where the results of experiments lie: the study's folder, or for a quick look a folder in it."""
        self._lends_model: Study | None = None
        self._others: dict[str, Study | None] = {}

    def command(self, *words: str | Path, more: Sequence[str] = ()) -> str:
        """A command line on this study as it was opened, in backticks, that can be pasted: what to do next.

        Args:
            words: what comes before the study.
            more: options after it.
        """
        path, out, limit = self._opened
        return command(*words, path, *more, out=out, limit=limit)

    @cached_property
    def corpus(self) -> Corpus:
        """The texts of the study."""
        return load_corpus(self.config, self.path.parent, self._opened[0])

    @cached_property
    def model(self) -> "LanguageModel":
        """The language model, loaded at first use."""
        if self._lends_model is not None:
            return self._lends_model.model
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

        for stage in ("geometry", "steering"):
            if (path := self.folder / stage / f"{name}.parquet").is_file():
                return pd.read_parquet(path)
        from emovec.steering.experiments.registry import COLUMNS  # slow: not for a table that is there

        stage = "steering" if name in COLUMNS else "geometry"
        raise EmovecError(
            f"{self.folder / stage / name}.parquet: no such table yet. "
            f"{self.command('run', more=['--until', stage])} computes it."
        )

    def summary(self, analysis: str) -> dict[str, Any]:
        """The summary that an analysis of the geometry, or an experiment of the steering, left."""
        return read_json(record_path(self.folder, analysis)).get("summary", {})

    @property
    def keys(self) -> dict[str, str]:
        """The hash of all that each output depends on, by output: the report's on the experiments that are there."""
        return {**self._keys, "report": report_key(self._keys["report"], self.folder)}

    @cached_property
    def _keys(self) -> dict[str, str]:
        others = {setting: other.vectors_key for setting in OTHER_TEXTS if (other := self.other(setting)) is not None}
        return output_keys(self.config, self.corpus, self.path.parent, others)

    @property
    def is_part(self) -> bool:
        """Whether its results are a part of another study's: it reads other texts for that one."""
        return self._lends_model is not None

    @property
    def vectors_key(self) -> str:
        """The key that the vectors of this study have, or will have once they are made from its texts."""
        return self.keys["vectors"]

    def other(self, setting: TextsSetting) -> "Study | None":
        """The study of the other texts that `geometry.reference` or `geometry.held_out` names; None where it is null.

        Bundled texts are read by this study's model in the same way; their results lie in a folder of the setting's
        name within this study's. Only languages that both have count, and as held-out texts only the study's emotions.

        Raises:
            EmovecError: if the other study can't be opened, or nothing is left to compare.
        """
        if setting not in self._others:
            self._others[setting] = self._open_other(setting)
        return self._others[setting]

    def _open_other(self, setting: TextsSetting) -> "Study | None":
        named = getattr(self.config.geometry, setting)
        if named is None:
            return None
        if named in BUNDLED:
            return self._part(setting, named)
        try:
            return Study(self.path.parent / named)
        except EmovecError as error:
            raise EmovecError(f"geometry.{setting}: {error}") from error

    def _part(self, setting: TextsSetting, bundled: str) -> "Study":
        """The study of bundled texts that is a part of this one."""
        style = BUNDLED[bundled]
        languages = [language for language in self.config.languages if language in STYLES[style]]
        labels = list(dict.fromkeys(story.emotion for story in bundled_stories(style, languages)))
        if setting == "held_out":
            labels = [label for label in labels if label in self.config.emotion_words]
        if len(labels) < 2:
            emotions = " of its emotions" * (setting == "held_out")
            raise EmovecError(
                f"geometry.{setting}: {bundled} has no texts in the study's languages{emotions}; name other texts, or "
                "leave it out."
            )
        config, nothing = self.config, StudyConfig()
        part = copy.copy(self)
        for cached in ("_keys", "corpus"):
            part.__dict__.pop(cached, None)
        part.config = config.model_copy(
            update={
                "languages": languages,
                "emotions": labels,
                "corpus": config.corpus.model_copy(update={"stories": bundled}),
                "geometry": nothing.geometry,
                "steering": nothing.steering,
                "report": nothing.report,
            }
        )
        part.folder = part.results = self.folder / setting
        part._lends_model, part._others = self, {}
        return part

    def steps(self) -> list[Step]:
        """How each part of each stage stands, in order."""
        from emovec.activations.store import ShardStore, store_name
        from emovec.geometry.registry import ANALYSES
        from emovec.steering.experiments.registry import EXPERIMENTS

        n_stories, n_neutral = len(self.corpus.stories), len(self.corpus.neutral)
        steps = [Step("corpus", "corpus", self.state("corpus"), f"{n_stories} stories, {n_neutral} neutral texts")]
        texts = Counter(store_name(story) for story in [*self.corpus.stories, *self.corpus.neutral])
        state = self.state("activations")
        for store, n_texts in texts.items():
            planned = -(-n_texts // self.config.extraction.shard_size)
            committed = min(planned, len(ShardStore(self.folder / "activations" / store).records()))
            steps.append(Step("activations", store, state, f"{committed} of {planned} shards on disk"))
        steps.append(Step("vectors", "vectors", self.state("vectors"), "vectors.safetensors"))
        steps += [
            Step("geometry", f"{setting} texts", other.state("vectors"), f"vectors of {other.folder}")
            for setting in OTHER_TEXTS
            if (other := self.other(setting)) is not None
        ]
        steps += [
            Step(
                "geometry", name, self.state(name), ", ".join(f"{t}.parquet" for t in analysis.tables) or f"{name}.json"
            )
            for name, analysis in ANALYSES.items()
        ]
        names = self.config.report.cluster_names
        if names.model is not None:
            state = names_state(self.folder, names, self.config.geometry.seed)
            steps.append(Step("geometry", "cluster_names", state, "cluster_names.parquet"))
        for name, experiment in EXPERIMENTS.items():
            if name in self.config.steering.experiments or record_path(self.folder, name).is_file():
                tables = ", ".join(f"{table}.parquet" for table in experiment.tables)
                steps.append(Step("steering", name, self.state(name), tables))
        report = self.state("report")
        if report == "done" and any(step.state != "done" for step in steps):
            report = "stale"  # it will be, once the others are there
        steps.append(Step("report", "report", report, "report.html"))
        return steps

    def state(self, output: str) -> State:
        """How an output stands: a stage, an analysis of the geometry, an experiment of the steering."""
        from emovec.steering.experiments.registry import EXPERIMENTS

        return output_state(self.results if output in EXPERIMENTS else self.folder, output, self.keys[output])

    def quick_look(self, limit: int) -> "Study":
        """The same study with few items of each kind in its experiments, whose results lie in `limit<n>` within it."""
        look = copy.copy(self)
        look.__dict__.pop("_keys", None)
        steering = self.config.steering.model_copy(update={"limit": limit})
        look.config = self.config.model_copy(update={"steering": steering})
        look.results = self.folder / f"limit{limit}"
        return look


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


def bundled_study(name: str) -> str:
    """A study file of the package: `study.yaml` has every setting, its default and what it means; `demo.yaml`."""
    return (resources.files("emovec") / "data" / name).read_text(encoding="utf-8")
