"""Answers of a steered model to requests that arrive one by one: loaded once, run in batches, one batch at a time."""

import hashlib
import json
import secrets
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np

from emovec.errors import EmovecError
from emovec.models.answers import Answer
from emovec.models.depth import two_thirds
from emovec.models.form import ask
from emovec.models.generate import generate
from emovec.models.intervene import Intervention, steer
from emovec.models.language_model import LanguageModel
from emovec.models.positions import Positions
from emovec.steering.conditions import Condition, interventions, named_conditions
from emovec.vectors.emotion_vectors import EmotionVectors

# Hooks sit on the model itself, and several providers may share one: only one of them runs at a time.
_RUNNING = threading.Lock()


@lru_cache(maxsize=1)
def shared_model(name: str, revision: str | None, device: str, dtype: str) -> LanguageModel:
    """A model, loaded once for all that steer it in this process."""
    from emovec.models.load import load_model

    return load_model(name, revision=revision, device=device, dtype=dtype)


@dataclass(frozen=True)
class Steering:
    """By what a model is steered, and how; nothing is the model as it is."""

    conditions: tuple[Condition, ...] = ()
    positions: Positions = "all"
    project_out: bool = False
    interventions: tuple[Intervention, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """What it is in plain JSON values; empty for the model as it is."""
        if not self.conditions:
            return {}
        how = {"positions": str(self.positions), "project_out": self.project_out}
        return {"steered_by": [asdict(each) for each in self.conditions], **how}

    def identity(self, model: LanguageModel) -> str:
        """A word that is another for any other weights, vectors, layers, strengths or positions."""
        numbers = hashlib.sha256()
        for each in self.interventions:
            numbers.update(each.directions.numpy().tobytes() + each.lengths.numpy().tobytes())
        parts = [version("emovec"), model.id, model.revision, str(model.dtype), self.facts, numbers.hexdigest()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def steering(
    model: LanguageModel,
    vectors: EmotionVectors | None,
    emotions: Sequence[str],
    *,
    strengths: Sequence[float] = (0.1,),
    layers: Sequence[int] = (),
    language: str | None = None,
    positions: Positions = "all",
    project_out: bool = False,
) -> Steering:
    """Several emotions at once, at the same layers: by default that of the vectors nearest to two thirds of the depth.

    The other arguments are those of `named_conditions` and `interventions`.

    Raises:
        EmovecError: if the vectors are missing or another model's, or as in `named_conditions`.
    """
    if not emotions:
        return Steering()
    if vectors is None:
        raise EmovecError("emotion: steering takes vectors; give -M vectors=FILE, a study's vectors.safetensors.")
    vectors.require_fit(model)
    at = list(layers) or [two_thirds(model.n_layers, vectors.layers)]
    conditions = named_conditions(vectors, emotions, strengths, language=language, layers=at)
    made = interventions(conditions, vectors, positions=positions, project_out=project_out)
    return Steering(tuple(conditions), positions, project_out, tuple(made))


@dataclass(frozen=True)
class Sampling:
    """What must be the same for two requests to share a batch."""

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    special_tokens: bool = False


@dataclass(eq=False)
class Request:
    """A prompt, and once it has been run its answer or what went wrong. Two that ask the same are still two.

    Attributes:
        prompt: the whole text that the model goes on from.
        sampling: how it goes on.
        text: the answer.
        n_tokens: how many tokens were drawn for it.
        cut: whether it ended since there was no room for more.
        error: what went wrong.
        thought: whether thinking was taken away before the answer.
    """

    prompt: str
    sampling: Sampling
    text: str | None = None
    n_tokens: int = 0
    cut: bool = False
    error: Exception | None = None
    thought: bool = False

    @property
    def done(self) -> bool:
        """Whether it has been run."""
        return self.text is not None or self.error is not None


class Server:
    """Runs what waits, as many at once as fit together.

    Args:
        model: the model.
        steered: how.
        batch_size: most requests run at once.
    """

    def __init__(self, model: LanguageModel, steered: Steering, batch_size: int):
        import anyio

        self._model = model
        self._steering = steered
        self._batch_size = batch_size
        self._waiting: list[Request] = []
        self._turn = anyio.Lock()

    async def answer(self, request: Request) -> Request:
        """Wait until a request has been run: by whoever's turn it is, together with others that came meanwhile.

        Raises:
            EmovecError: if it can't be run.
        """
        import anyio
        import anyio.to_thread

        self._waiting.append(request)
        try:
            async with self._turn:
                if not request.done:
                    await anyio.sleep(0.01)  # those that come at the same moment join
                    await anyio.to_thread.run_sync(self._run, self._batch(request))
        finally:
            self._waiting.remove(request)
        if request.error is not None:
            raise request.error
        return request

    def _batch(self, first: Request) -> list[Request]:
        # Sampled answers run alone: a seed then gives the same answer whatever else is asked at the same time.
        if first.sampling.temperature > 0:
            return [first]
        fitting = [each for each in self._waiting if each.sampling == first.sampling and not each.done]
        return [first, *(each for each in fitting if each is not first)][: self._batch_size]

    def _run(self, batch: list[Request]) -> None:
        try:
            with _RUNNING, steer(self._model, list(self._steering.interventions)):
                _generate(self._model, batch)
        except Exception as error:
            if len(batch) == 1:
                batch[0].error = error
            else:  # one request that can't be run must not fail the others
                for each in batch:
                    self._run([each])


def _generate(model: LanguageModel, batch: list[Request]) -> None:
    sampling = batch[0].sampling
    last = [""] * len(batch)
    grown = np.zeros(len(batch), dtype=int)
    steps = 0

    def count(texts: list[str]) -> None:
        nonlocal steps
        steps += 1
        for row, text in enumerate(texts):
            if text != last[row]:
                last[row], grown[row] = text, steps

    how: dict[str, Any] = {
        "max_new_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": secrets.randbits(31) if sampling.seed is None else sampling.seed,
        "stop": sampling.stop,
        "batch_size": len(batch),
        "on_tokens": count,
    }
    prompts = [each.prompt for each in batch]
    if sampling.special_tokens:  # plain text
        answers = [Answer(text) for text in generate(model, prompts, **how)]
    else:
        answers = ask(model, prompts, **how)
    for each, answer, n_tokens in zip(batch, answers, grown.tolist(), strict=True):
        # The token that ends an answer, which doesn't show in it, counts too.
        each.n_tokens = min(n_tokens + 1, steps)
        each.cut = n_tokens == sampling.max_new_tokens
        each.text, each.thought = answer.text, answer.thought
