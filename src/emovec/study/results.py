"""What a study folder holds, read once: the report is a function of this and of nothing else."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emovec.commands import command
from emovec.config import StudyConfig, read_config
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.geometry.registry import TABLES
from emovec.labels import file_name
from emovec.models.depth import two_thirds
from emovec.steering.experiments.registry import COLUMNS as EXPERIMENT_COLUMNS
from emovec.steering.experiments.registry import EXPERIMENTS
from emovec.study.cluster_names import COLUMNS as NAME_COLUMNS
from emovec.vectors.emotion_vectors import EmotionVectors

EXCERPTS_PER_LANGUAGE = 3
_GEOMETRY = {name: table.columns for name, table in TABLES.items()}
_COLUMNS = {"geometry": {**_GEOMETRY, "cluster_names": NAME_COLUMNS}, "steering": EXPERIMENT_COLUMNS}
STAGES = tuple(_COLUMNS)
"""The stages whose tables a report is made of."""


def stage_of(table: str) -> str:
    """The stage, and so the folder, that a table belongs to."""
    return next(stage for stage, tables in _COLUMNS.items() if table in tables)


@dataclass(frozen=True)
class VectorFacts:
    """What the vectors' file says about itself, without the vectors.

    Attributes:
        counts: {language: {emotion: stories}}.
        residual_norm: {language: {layer: median norm of a token that is no sink}}.
        noise_components: {language: {layer: components projected out}}; empty without neutral texts.
        noise_variance: {language: {layer: share of the neutral texts' variance}}; empty likewise.
        provenance: as stored.
        layers: 0-based block indices.
    """

    counts: dict[str, dict[str, int]]
    residual_norm: dict[str, dict[int, float]]
    noise_components: dict[str, dict[int, int]]
    noise_variance: dict[str, dict[int, float]]
    provenance: dict[str, Any]
    layers: list[int]


@dataclass(frozen=True)
class StudyTables:
    """A study as the report sees it.

    Attributes:
        config: the study's resolved settings.
        tables: those of geometry and steering, and the clusters' names, that exist and hold rows.
        empty: tables that exist but hold no rows.
        analyses: analysis → its JSON file.
        activations: facts of the extraction; empty where unknown.
        vectors: facts of the vectors; None where the file is missing.
        corpus: {"stories" or "neutral": {language: number of texts}}.
        excerpts: {language: a few stories, of the same emotions in each}.
    """

    config: StudyConfig
    tables: Mapping[str, pd.DataFrame]
    empty: Mapping[str, pd.DataFrame]
    analyses: Mapping[str, dict[str, Any]]
    activations: Mapping[str, Any]
    vectors: VectorFacts | None
    corpus: Mapping[str, dict[str, int]]
    excerpts: Mapping[str, list[Story]]

    @property
    def languages(self) -> list[str]:
        """Language codes in the study's order."""
        return list(self.config.languages)

    @property
    def emotions(self) -> list[str]:
        """Emotion words in the study's order."""
        return list(self.config.emotion_words)

    @property
    def summaries(self) -> dict[str, dict[str, Any]]:
        """Analysis → the summary in its JSON file."""
        return {name: record.get("summary", {}) for name, record in self.analyses.items()}

    @property
    def layers(self) -> list[int]:
        """0-based block indices, ascending: those of the vectors, else those that the tables hold."""
        if self.vectors is not None:
            return sorted(self.vectors.layers)
        found = {int(layer) for table in self.tables.values() if "layer" in table for layer in table["layer"].unique()}
        return sorted(found)

    @property
    def layer(self) -> int:
        """The layer shown first: the study's own choice, else the one chosen by decoding, else two thirds of depth."""
        fixed = self.config.geometry.layer
        chosen = self.summaries.get("choice", {}).get("layer")
        if isinstance(fixed, int):
            return fixed
        if chosen is not None:
            return int(chosen)
        known = self.vectors.provenance.get("n_layers") if self.vectors is not None else None
        return two_thirds(int(known or self.layers[-1] + 1), self.layers) if self.layers else 0

    def layer_of(self, table: str) -> int:
        """The layer that a table's section is about: an experiment has its own; else the one shown first."""
        experiment = next((name for name, made in EXPERIMENTS.items() if table in made.tables), "")
        return int(self.summaries.get(experiment, {}).get("layer", self.layer))


def read_study(study: Path, stages: Sequence[str] = STAGES, results: Path | None = None) -> StudyTables:
    """Read what a report needs of a study folder, or only the tables of some stages; what is missing is left out.

    The stages' tables may lie in another folder than the study's own.

    Raises:
        EmovecError: if `study.yaml` is missing or wrong, or a file is broken.
    """
    config, tables = read_config(study / "study.yaml"), results or study
    analyses = {
        path.stem: _read_json(path, study) for stage in stages for path in sorted((tables / stage).glob("*.json"))
    }
    read = {name: _read_table(tables, stage, name) for stage in stages for name in _COLUMNS[stage]}
    # What an experiment leaves without its record was measured with other settings.
    outdated = {table for name, made in EXPERIMENTS.items() if name not in analyses for table in made.tables}
    found = {name: table for name, table in read.items() if table is not None and name not in outdated}
    activations = study / "activations.json"
    corpus: dict[str, dict[str, int]] = {"stories": {}, "neutral": {}}
    excerpts: dict[str, list[Story]] = {}
    words = config.emotion_words
    shown = dict.fromkeys(words[i] for i in np.linspace(0, len(words) - 1, EXCERPTS_PER_LANGUAGE).astype(int))
    for kind, counts in corpus.items():
        for language in config.languages:
            path = study / "corpus" / f"{kind}.{file_name(language)}.jsonl"
            if path.is_file():
                counts[language], firsts = _scan_corpus(path, set(shown) if kind == "stories" else set())
                if firsts:
                    excerpts[language] = [firsts[emotion] for emotion in shown if emotion in firsts]
    return StudyTables(
        config=config,
        tables={name: table for name, table in found.items() if len(table)},
        empty={name: table for name, table in found.items() if table.empty},
        analyses=analyses,
        activations=_read_json(activations, study) if activations.is_file() else {},
        vectors=_read_vectors(study / "vectors.safetensors"),
        corpus=corpus,
        excerpts=excerpts,
    )


def _read_table(study: Path, stage: str, name: str) -> pd.DataFrame | None:
    path = study / stage / f"{name}.parquet"
    if not path.is_file():
        return None
    try:
        # With Arrow's strings, a section's many selections of a few rows take half as long again.
        with pd.option_context("mode.string_storage", "python"):
            table = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises many kinds for a broken file
        raise EmovecError(
            f"{path}: not a readable Parquet table ({' '.join(str(error).split())}). "
            f"Delete it; {command('run', study, '--until', stage)} recreates it."
        ) from error
    missing = [column for column in _COLUMNS[stage][name] if column not in table]
    if missing:
        raise EmovecError(
            f"{path}: lacks the columns {', '.join(missing)}. Delete it; "
            f"{command('run', study, '--until', stage)} recreates it."
        )
    return table


def _read_json(path: Path, study: Path) -> dict[str, Any]:
    anew = f"Delete it; {command('run', study)} recreates it."
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EmovecError(f"{path}: not valid JSON ({error}). {anew}") from error
    if not isinstance(data, dict):
        raise EmovecError(f"{path}: contains no JSON object. {anew}")
    return data


def _scan_corpus(path: Path, wanted: set[str]) -> tuple[int, dict[str, Story]]:
    """Count the texts of a file, and keep the first story of each emotion in `wanted`."""
    counts: Counter[str] = Counter()
    firsts: dict[str, Story] = {}
    with path.open(encoding="utf-8") as lines:
        for position, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                story = Story(
                    str(record["id"]),
                    str(record["language"]),
                    str(record["emotion"]),
                    record.get("topic"),
                    str(record["text"]),
                )
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                record, again = path.parent.parent / "corpus.json", command("run", path.parent.parent)
                raise EmovecError(
                    f"{path}, line {position}: no text record ({error}). Delete {record}; {again} writes it again."
                ) from error
            counts[story.emotion] += 1
            if story.emotion in wanted:
                firsts.setdefault(story.emotion, story)
    return counts.total(), firsts


def _read_vectors(path: Path) -> VectorFacts | None:
    if not path.is_file():
        return None
    vectors = EmotionVectors.load(path)

    def nested(array: Any, inner: str, kind: type) -> dict[str, dict[Any, Any]]:
        if array is None:
            return {}
        rows = array.transpose("language", inner).values
        labels = [kind_of(label) for label in array[inner].values]
        return {
            language: {label: kind(value) for label, value in zip(labels, row, strict=True)}
            for language, row in zip(vectors.languages, rows, strict=True)
        }

    def kind_of(label: Any) -> Any:
        return str(label) if isinstance(label, str) else int(label)

    return VectorFacts(
        counts=nested(vectors.counts, "emotion", int),
        residual_norm=nested(vectors.residual_norm, "layer", float),
        noise_components=nested(vectors.noise_components, "layer", int),
        noise_variance=nested(vectors.noise_variance, "layer", float),
        provenance=vectors.provenance,
        layers=vectors.layers,
    )
