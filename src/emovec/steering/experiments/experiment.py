"""What a steering experiment is, what it is given, and how a run of it resumes."""

import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from emovec.config import SteeringConfig
from emovec.corpus.story import Story
from emovec.files import disk_error, write_bytes
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
        norms: a CSV of human norms instead of the bundled ones.
        base: the folder that relative paths in the settings start from.
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
    norms: Path | None = None
    base: Path = Path()

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
        tables: names of its tables.
        settings: the fields of `SteeringConfig` that its numbers depend on.
        plan: its units.
        measure: the rows of one unit, plain JSON values.
        summarise: all rows → its tables, and a few facts (plain JSON values).
    """

    tables: tuple[str, ...]
    settings: frozenset[str]
    plan: Callable[[SteeringInputs], list[Unit]] = field(repr=False)
    measure: Callable[[SteeringInputs, Unit], list[dict[str, Any]]] = field(repr=False)
    summarise: Callable[[SteeringInputs, pd.DataFrame], tuple[dict[str, pd.DataFrame], dict[str, Any]]] = field(
        repr=False
    )


@dataclass(frozen=True)
class Ledger:
    """The rows measured so far, a unit a line, so that a killed run goes on at the unit it was killed in.

    Attributes:
        path: the JSONL file.
        key: of everything the rows depend on; rows of another key don't count.
    """

    path: Path
    key: str

    def read(self) -> dict[str, list[dict[str, Any]]]:
        """Unit → its rows; a line that a kill cut short is as if it had never been written."""
        found: dict[str, list[dict[str, Any]]] = {}
        for line in self._lines():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if record.get("key") == self.key:
                found[record["unit"]] = record["rows"]
        return found

    def add(self, unit: str, rows: list[dict[str, Any]]) -> None:
        """Keep the rows of a unit.

        Raises:
            EmovecError: if they can't be written.
        """
        line = json.dumps({"key": self.key, "unit": unit, "rows": rows}, ensure_ascii=False)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                if file.tell() and not _ends_line(file):
                    file.write(b"\n")
                file.write((line + "\n").encode())
        except OSError as error:
            raise disk_error(self.path, error) from error

    def drop_old(self) -> None:
        """Forget rows of all keys but this and the last other: a quick look must not cost what a long run measured."""
        lines: dict[str, list[bytes]] = {}
        for line in self._lines():
            try:
                lines.setdefault(json.loads(line)["key"], []).append(line)
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
        others = [key for key in lines if key != self.key]
        if len(others) > 1:
            kept = [line for key in lines if key in {self.key, others[-1]} for line in lines[key]]
            write_bytes(self.path, b"".join(line + b"\n" for line in kept))

    def _lines(self) -> list[bytes]:
        """The file's lines, undecoded: a kill may cut a character in two, and a text hold U+2028."""
        return self.path.read_bytes().split(b"\n") if self.path.is_file() else []


def _ends_line(file: Any) -> bool:
    file.seek(-1, 2)
    return file.read(1) == b"\n"


def measure(
    name: str,
    experiment: Experiment,
    inputs: SteeringInputs,
    ledger: Ledger,
    track: Callable[[str, int], AbstractContextManager[Callable[[int], None]]],
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Measure the units that are missing, with progress, and summarise all.

    What it will cost is logged before it starts: the tokens to run, and after the first unit the time.
    """
    units = experiment.plan(inputs)
    ledger.drop_old()
    rows = ledger.read()
    missing = [unit for unit in units if unit.id not in rows]
    if missing:
        kept = f" ({len(units) - len(missing)} of {len(units)} parts kept from before)" if rows else ""
        total = sum(unit.cost for unit in missing)
        speed = tokens_per_second(inputs.model)
        log.info(
            "%s: about %s tokens to run in %d parts%s, about %s on this machine",
            name.capitalize(), f"{total:,}", len(missing), kept, _duration(total / speed),
        )  # fmt: skip
        with track(f"Measuring {name}", total) as advance:
            for unit in missing:
                rows[unit.id] = experiment.measure(inputs, unit)
                ledger.add(unit.id, rows[unit.id])
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
