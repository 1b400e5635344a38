"""What a steering experiment is, what it is given, and how a run of it resumes."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from emovec import ledger
from emovec.config import SteeringConfig
from emovec.corpus.story import Story
from emovec.languages.language import Language
from emovec.languages.load import load_language
from emovec.languages.norms import NormFiles
from emovec.models.intervene import steer
from emovec.models.language_model import LanguageModel
from emovec.models.positions import Positions
from emovec.steering.conditions import BASELINE, Condition, interventions
from emovec.vectors.emotion_vectors import EmotionVectors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SteeringInputs:
    """What the experiments are run on.

    Attributes:
        model: the language model.
        vectors: its emotion vectors.
        settings: the section `steering` of the study.
        languages: of the prompts.
        emotions: those to steer by.
        layer: the block to steer at.
        seed: of everything random.
        stories: the study's stories, with their texts.
        activations: (layer, language) → [story, hidden]; None where the vectors came without.
        norms: a CSV of human norms instead of the bundled ones, or language → such a file.
        base: the folder that relative paths in the settings start from.
        languages_folder: of the user's own language files, if there are any.
    """

    model: LanguageModel
    vectors: EmotionVectors
    settings: SteeringConfig
    languages: list[str]
    emotions: list[str]
    layer: int
    seed: int = 0
    stories: Sequence[Story] = ()
    activations: Callable[[int, str], xr.DataArray] | None = None
    norms: NormFiles = None
    base: Path = Path()
    languages_folder: Path | None = None

    def language(self, code: str, *keys: str) -> Language:
        """A language of the prompts, whose file has some keys.

        Raises:
            EmovecError: if it lacks any of them: the file and the keys.
        """
        language = load_language(code, self.languages_folder)
        language.require("steering.languages", *keys)
        return language

    def conditions(
        self, language: str, strengths: Sequence[float] | None = None, layer: int | None = None
    ) -> list[Condition]:
        """The baseline, each emotion at each strength with the vectors of a language, and as many controls as are set.

        A language that has no vectors takes those of the study's first.
        """
        of = self.vector_language(language)
        at = self.layer if layer is None else layer
        found = [BASELINE]
        for strength in self.settings.strengths if strengths is None else strengths:
            found += [Condition("emotion", emotion, of, at, strength) for emotion in self.emotions]
            for number in range(1, self.settings.controls + 1):
                found.append(Condition("random", f"random {number}", of, at, strength))
                if self.activations is not None:
                    found.append(Condition("shuffled", f"shuffled {number}", of, at, strength))
        return found

    def vector_language(self, language: str) -> str:
        """Whose vectors steer texts of a language: its own, or the study's first."""
        return language if language in self.vectors.languages else self.vectors.languages[0]

    def steered(self, condition: Condition, positions: Positions = "all") -> AbstractContextManager[None]:
        """A block in which the model is steered by a condition; the baseline's does nothing."""
        return steer(
            self.model,
            interventions([condition], self.vectors, positions=positions, activations=self.activations, seed=self.seed),
        )


@dataclass(frozen=True)
class Unit:
    """A part of an experiment that is measured at once, and kept once it is.

    Attributes:
        id: tells it from all other units of the experiment.
        cost: tokens to run forward.
        values: whatever `measure` needs to know.
    """

    id: str
    cost: int
    values: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        name: as the study file lists it.
        tables: the columns of each of its tables, by the table's name.
        settings: the fields of `SteeringConfig` that its numbers depend on.
        texts_in: reads the files that the settings name (paths start from the given folder) and gives those of the
            languages in which the experiment has texts, or others that it has some in. Raises an `EmovecError` where a
            file is wrong or a language lacks what the experiment must have. It runs before any work starts.
        plan: its units.
        measure: the rows of one unit, plain JSON values.
        summarise: all rows → its tables, and a few facts (plain JSON values).
    """

    name: str
    tables: Mapping[str, tuple[str, ...]]
    settings: frozenset[str]
    texts_in: Callable[[SteeringConfig, Sequence[Language], Path], set[str]] = field(repr=False)
    plan: Callable[[SteeringInputs], list[Unit]] = field(repr=False)
    measure: Callable[[SteeringInputs, Unit], list[dict[str, Any]]] = field(repr=False)
    summarise: Callable[[SteeringInputs, pd.DataFrame], tuple[dict[str, pd.DataFrame], dict[str, Any]]] = field(
        repr=False
    )


def read_rows(path: Path, key: str) -> dict[str, list[dict[str, Any]]]:
    """Unit → its rows, of those measured so far under a key: the hash of everything the rows depend on."""
    return {record["unit"]: record["rows"] for record in ledger.read(path) if record.get("key") == key}


def drop_old(path: Path, key: str) -> None:
    """Forget rows of all keys but this and the last other: a quick look must not cost what a long run measured."""
    records = ledger.read(path)
    others = [found for found in dict.fromkeys(record.get("key") for record in records) if found != key]
    if len(others) > 1:
        ledger.rewrite(path, [record for record in records if record.get("key") in {key, others[-1]}])


def measure(
    experiment: Experiment,
    inputs: SteeringInputs,
    path: Path,
    key: str,
    track: Callable[[str, int], AbstractContextManager[Callable[[int], None]]],
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Measure the units that are missing, with progress, and summarise all.

    The ledger at `path` keeps the rows of each unit under `key`, so that a killed run goes on at the unit it was killed
    in.

    What it will cost is logged before it starts: the tokens to run, and after the first unit the time.
    """
    units = experiment.plan(inputs)
    drop_old(path, key)
    rows = read_rows(path, key)
    missing = [unit for unit in units if unit.id not in rows]
    if missing:
        kept = f" ({len(units) - len(missing)} of {len(units)} parts kept from before)" if rows else ""
        total = sum(unit.cost for unit in missing)
        speed = tokens_per_second(inputs.model)
        log.info(
            "%s: about %s tokens to run in %d parts%s, about %s on this machine",
            experiment.name.capitalize(), f"{total:,}", len(missing), kept, _duration(total / speed),
        )  # fmt: skip
        with track(f"Measuring {experiment.name}", total) as advance:
            for unit in missing:
                rows[unit.id] = experiment.measure(inputs, unit)
                ledger.append(path, {"key": key, "unit": unit.id, "rows": rows[unit.id]})
                advance(unit.cost)
    table = pd.DataFrame([row for unit in units for row in rows[unit.id]])
    return experiment.summarise(inputs, table)


def tokens_per_second(model: LanguageModel, n_tokens: int = 256) -> float:
    """How many tokens a second the model reads here, from one short run after a first that warms it up."""
    import torch

    ids = torch.arange(3, 3 + n_tokens, device=model.device).remainder(
        model.model.get_input_embeddings().num_embeddings
    )[None, : min(n_tokens, model.max_tokens or n_tokens)]
    with torch.inference_mode():
        model.decoder.module(input_ids=ids, use_cache=False)
        started = time.perf_counter()
        float(model.decoder.module(input_ids=ids, use_cache=False).last_hidden_state.sum())
    return ids.shape[1] / (time.perf_counter() - started)


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 120 else f"{seconds / 60:.0f} min"
