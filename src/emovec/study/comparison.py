"""Finished studies side by side: headline numbers, how far their geometries agree, and what steering does in each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from emovec.commands import command
from emovec.config import read_config
from emovec.errors import EmovecError
from emovec.geometry.model_agreement import at_equal_depth, between_layers, between_models, overlap
from emovec.models.locate import model_name
from emovec.progress import Track, untracked
from emovec.stats.permutation import MINIMUM_EMOTIONS
from emovec.study.compared_experiments import ComparedExperiments, compare_experiments
from emovec.study.results import StudyTables, read_study
from emovec.study_files import results_folder, study_file
from emovec.vectors.emotion_vectors import EmotionVectors


@dataclass(frozen=True)
class ComparedStudy:
    """A study, what to call it, and its vectors; the layer is the one that it shows first."""

    name: str
    tables: StudyTables
    vectors: EmotionVectors

    @property
    def layer(self) -> int:
        """The study's own choice, or of its layers the nearest to it."""
        return min(self.vectors.layers, key=lambda layer: abs(layer - self.tables.layer))

    @cached_property
    def numbers(self) -> pd.DataFrame:
        """Columns study, model, layer, measure, language_a, language_b, value, at the chosen layer."""
        rows = pd.DataFrame(self._rows(), columns=["measure", "language_a", "language_b", "value"])
        rows.insert(0, "layer", self.layer)
        rows.insert(0, "model", model_name(self.tables.config.model))
        rows.insert(0, "study", self.name)
        return rows

    def _rows(self) -> Iterable[tuple[str, str, str, float]]:
        for row in self._at_layer("rsa", "method", "pearson"):
            yield "rsa", row["language_a"], row["language_b"], row["r"]
        for row in self._at_layer("decoding"):
            if row["train_language"] == row["test_language"]:
                yield "decoding", row["train_language"], row["test_language"], row["accuracy"]
        words = self.tables.tables.get("lexical", pd.DataFrame())
        for language in self.tables.languages if len(words) else ():
            own = words[(words["train_language"] == language) & (words["test_language"] == language)]
            if len(own):
                yield "words", language, language, own["accuracy"].max()
        for row in self._at_layer("crosslingual"):
            yield "retrieval", row["language_a"], row["language_b"], (row["retrieval_ab"] + row["retrieval_ba"]) / 2
        for row in self._at_layer("affect", "scale", "valence"):
            if row["source"] == "Glasgow2019":
                yield "valence", row["language"], row["language"], row["r"]

    def _at_layer(self, table: str, column: str = "layer", value: str | int | None = None) -> list[dict[str, Any]]:
        rows = self.tables.tables.get(table, pd.DataFrame())
        if rows.empty:
            return []
        rows = rows[(rows["layer"] == self.layer) & (rows[column] == (self.layer if value is None else value))]
        rows = rows[rows["variant"] == self.vectors.variants[-1]]
        return [{str(key): cell for key, cell in row.items()} for row in rows.to_dict("records")]


@dataclass(frozen=True)
class Comparison:
    """Studies and what was found between every two of them.

    Attributes:
        studies: in the order given.
        agreement: columns study_a, study_b, variant and those of `between_models`.
        layers: columns study_a, study_b, variant and those of `between_layers`.
        experiments: what they prefer, and how they follow rules, where two of them have asked.
    """

    studies: Sequence[ComparedStudy]
    agreement: pd.DataFrame
    layers: pd.DataFrame
    experiments: ComparedExperiments

    @property
    def numbers(self) -> pd.DataFrame:
        """The headline numbers of all studies, long."""
        return pd.concat([study.numbers for study in self.studies], ignore_index=True)

    @property
    def depths(self) -> pd.DataFrame:
        """Of `layers`, the rows at equal relative depth."""
        parts = [at_equal_depth(rows) for _, rows in self.layers.groupby(["study_a", "study_b", "variant"], sort=False)]
        return pd.concat(parts, ignore_index=True)


def compare_studies(
    paths: Sequence[str | Path], *, permutations: int = 10_000, seed: int = 0, track: Track = untracked
) -> Comparison:
    """Compare every two of some finished studies: at the layers that they chose, over all layers, and in experiments.

    Args:
        paths: study files or their folders, two or more.
        permutations: B of the label permutations.
        seed: of the permutations.
        track: shows progress.

    Raises:
        EmovecError: if a study is missing or has no vectors yet, or no two share four emotions.
    """
    folders = [_folder(Path(path)) for path in paths]
    if len(folders) < 2 or len({folder.resolve() for folder in folders}) < len(folders):
        raise EmovecError("Give two or more studies to compare, each once.")
    names = _names(folders)
    studies = [
        ComparedStudy(name, read_study(folder), EmotionVectors.load(folder / "vectors.safetensors"))
        for name, folder in zip(names, folders, strict=True)
    ]
    pairs = [
        (a, b)
        for a, b in combinations(studies, 2)
        if len(overlap(a.vectors.best, b.vectors.best).emotions) >= MINIMUM_EMOTIONS
    ]
    if not pairs:
        raise EmovecError(f"No two of these studies share {MINIMUM_EMOTIONS} emotions: there is nothing to compare.")
    agreement: list[pd.DataFrame] = []
    layers: list[pd.DataFrame] = []
    with track("Comparing studies", len(pairs)) as advance:
        for a, b in pairs:
            for variant in [name for name in a.vectors.variants if name in b.vectors.variants]:
                ours, theirs = a.vectors.variant(variant), b.vectors.variant(variant)
                place = {"study_a": a.name, "study_b": b.name, "variant": variant}
                agreement.append(between_models(ours, theirs, a.layer, b.layer, permutations, seed).assign(**place))
                layers.append(between_layers(ours, theirs).assign(**place))
            advance(1)
    chosen, every = (_first(pd.concat(parts, ignore_index=True)) for parts in (agreement, layers))
    return Comparison(studies, chosen, every, compare_experiments([(study.name, study.tables) for study in studies]))


def _folder(path: Path) -> Path:
    """The folder with a study's results, of a study file or of the folder itself."""
    file = study_file(path)
    read_config(file)  # tells what is wrong with it
    folder = results_folder(path)
    if file.name == "study.yaml" and not folder.is_dir() and (file.parent / "vectors.safetensors").is_file():
        folder = file.parent  # results of version 0.3 that were imported
    if not (folder / "vectors.safetensors").is_file():
        raise EmovecError(f"{path}: has no vectors in {folder} yet; {command('run', path)} makes them.")
    return folder


def _names(folders: Sequence[Path]) -> list[str]:
    """The folders' names, with as many of their parents as tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for n in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-n:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _first(table: pd.DataFrame) -> pd.DataFrame:
    names = ["study_a", "study_b", "variant"]
    return table[[*names, *(column for column in table.columns if column not in names)]]
