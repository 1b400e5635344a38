"""Finished studies side by side: their headline numbers, and how far their emotion geometries agree."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from emovec.config import read_config
from emovec.errors import EmovecError
from emovec.files import write_bytes
from emovec.geometry.models import at_equal_depth, between_layers, between_models, overlap
from emovec.geometry.representational import MINIMUM_EMOTIONS
from emovec.models.locate import model_name
from emovec.report.style import number, p_value
from emovec.report.tables import StudyTables, read_study
from emovec.study_files import command, results_folder, study_file
from emovec.targets import PAGE, require_file, require_folder
from emovec.vectors.emotion_vectors import EmotionVectors

Track = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
MEASURES = {
    "rsa": "languages alike (r)",
    "decoding": "decoding",
    "words": "words alone",
    "retrieval": "retrieval",
    "valence": "valence (r)",
}
"""The headline numbers of a study, and what a reader is told they are."""


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
    """

    studies: Sequence[ComparedStudy]
    agreement: pd.DataFrame
    layers: pd.DataFrame

    @property
    def numbers(self) -> pd.DataFrame:
        """The headline numbers of all studies, long."""
        return pd.concat([study.numbers for study in self.studies], ignore_index=True)

    @property
    def depths(self) -> pd.DataFrame:
        """Of `layers`, the rows at equal relative depth."""
        parts = [at_equal_depth(rows) for _, rows in self.layers.groupby(["study_a", "study_b", "variant"], sort=False)]
        return pd.concat(parts, ignore_index=True)

    def overview(self) -> pd.DataFrame:
        """The headline numbers as text, a column for each study."""
        columns: dict[str, list[str]] = {}
        for study in self.studies:
            cells = [model_name(study.tables.config.model), str(len(study.vectors.emotions))]
            cells += [", ".join(study.vectors.languages), f"{study.layer} of {max(study.vectors.layers)}"]
            for measure in MEASURES:
                found = study.numbers[study.numbers["measure"] == measure]
                cells.append(", ".join(f"{_pair(r)} {number(r['value'])}" for r in found.to_dict("records")) or "–")
            columns[study.name] = cells
        return pd.DataFrame({"": ["model", "emotions", "languages", "chosen layer", *MEASURES.values()], **columns})

    def summary(self) -> pd.DataFrame:
        """The agreement at the chosen layers as text, a row for each pair of studies, languages and each variant."""
        rows: list[dict[str, str]] = []
        keys = ["study_a", "study_b", "language_a", "language_b", "variant"]
        for _, found in self.agreement.groupby(keys, sort=False):
            by = {str(row["method"]): row for row in found.to_dict("records")}
            first = by["pearson"]
            rows.append(
                {
                    "studies": f"{first['study_a']} – {first['study_b']}",
                    "languages": f"{first['language_a']} – {first['language_b']}",
                    "layers": f"{first['layer_a']} – {first['layer_b']}",
                    "vectors": str(first["variant"]),
                    **{
                        method.capitalize(): f"{number(by[method]['r'])} ({p_value(by[method]['p'])})"
                        for method in ("pearson", "spearman")
                    },
                    "chance 95 %": number(first["null_95"]),
                }
            )
        return pd.DataFrame(rows)

    def scope(self) -> list[str]:
        """What each two studies have in common, and what was left out, in a sentence each."""
        sentences: list[str] = []
        for a, b in combinations(self.studies, 2):
            common = overlap(a.vectors.best, b.vectors.best)
            names = ", ".join(dict.fromkeys(f"{x}" if x == y else f"{x} with {y}" for x, y in common.languages))
            left = [
                f"only in {study.name}: {', '.join(alone)}"
                for study, alone in ((a, common.only_a), (b, common.only_b))
                if alone
            ]
            said = f"compared in {names}" + (f" (left out, {'; '.join(left)})" if left else "")
            few = len(common.emotions) < MINIMUM_EMOTIONS
            sentences.append(
                f"{a.name} and {b.name} share {len(common.emotions)} emotions, {'too few to compare' if few else said}."
            )
        return sentences


def compare_studies(
    paths: Sequence[str | Path], *, permutations: int = 10_000, seed: int = 0, track: Track | None = None
) -> Comparison:
    """Compare every two of some finished studies, at the layers that they chose and over all layers.

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
    with track("Comparing studies", len(pairs)) if track else nullcontext(_untold) as advance:
        for a, b in pairs:
            for variant in [name for name in a.vectors.variants if name in b.vectors.variants]:
                ours, theirs = a.vectors.variant(variant), b.vectors.variant(variant)
                place = {"study_a": a.name, "study_b": b.name, "variant": variant}
                agreement.append(between_models(ours, theirs, a.layer, b.layer, permutations, seed).assign(**place))
                layers.append(between_layers(ours, theirs).assign(**place))
            advance(1)
    return Comparison(studies, *(_first(pd.concat(parts, ignore_index=True)) for parts in (agreement, layers)))


def require_page(page: Path, *, overwrite: bool = False) -> None:
    """See that the page and the folder of its tables may be written.

    Raises:
        EmovecError: if one of them is there and may not be replaced, or can't be written.
    """
    require_file(page, PAGE, overwrite=overwrite)
    require_folder(page.with_suffix(""), "the tables of an earlier comparison", _only_tables, overwrite=overwrite)


def _only_tables(folder: Path) -> bool:
    return {file.name for file in folder.iterdir()} <= {f"{name}.parquet" for name in _TABLES}


_TABLES = ("studies", "agreement", "layers")


def write_comparison(found: Comparison, page: Path, *, overwrite: bool = False) -> Path:
    """Write the page, and its tables as Parquet into a folder of its name beside it; the same input, the same bytes.

    Raises:
        EmovecError: as `require_page`.
    """
    from emovec.report.compare_page import render

    require_page(page, overwrite=overwrite)
    tables = dict(zip(_TABLES, (found.numbers, found.agreement, found.layers), strict=True))
    for name, table in tables.items():
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        write_bytes(page.with_suffix("") / f"{name}.parquet", buffer.getvalue())
    write_bytes(page, render(found, page.stem).encode())
    return page


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


def _pair(row: Mapping[Any, Any]) -> str:
    a, b = (row[name] for name in ("language_a", "language_b"))
    return str(a) if a == b else f"{a}–{b}"


def _first(table: pd.DataFrame) -> pd.DataFrame:
    names = ["study_a", "study_b", "variant"]
    return table[[*names, *(column for column in table.columns if column not in names)]]


def _untold(_done: int) -> None:
    pass
