"""What each stage of a study takes on this machine, before anything is run: counted where it can be, else reckoned."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emovec.activations.costs import ModelSize
from emovec.errors import EmovecError

if TYPE_CHECKING:
    from emovec.corpus.load import Corpus
    from emovec.corpus.story import Story
    from emovec.study.study import Study

MEASURED = "plain stories on two cores (18 layers, 2 languages, 30 emotions, 12 topics: geometry 2:23, report 1:23 min)"
"""What geometry and report are reckoned from."""
_GEOMETRY, _REPORT = 143.0, 83.0  # seconds of these
_STARTING = 15.0  # of these, seconds that any study takes
WITH_REFERENCE = 1.6
"""How much longer the geometry takes where a study has a reference: reckoned from the processor time of one run."""
STEERING = 0.5
"""Steering's share of the extraction's rate, on short texts in small batches: 44,000 tokens took 2:13."""
_OF_PRODUCTS = {"cpu": 0.7, "cuda": 0.3, "mps": 0.3}
"""The share of a device's matrix products a second that an extraction reaches: 0.70–0.73 measured on the CPU."""
_WORK_BYTES = 1.0e9  # of the libraries and a layer's tables
_COPIES = 4.2  # measured: the analysis of uncertainty holds so many times the products of all cells


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens a second through the model's blocks, on what, and how that is known."""

    tokens: float
    device: str
    known: str


@dataclass(frozen=True, slots=True)
class StageCost:
    """What a stage takes: seconds and bytes of memory, None where they can't be told; `amount` says of what."""

    stage: str
    amount: str
    seconds: float | None
    memory_bytes: float | None = None


def past_rate(study: "Study") -> Rate | None:
    """The rate of the study's own extraction, where there is one with the model it names now."""
    from emovec.activations.store import Activations
    from emovec.models.locate import model_name

    try:
        found = Activations(study.folder / "activations")
        facts = found.facts()
    except EmovecError:
        return None
    tokens = sum(language["tokens"] for language in facts["languages"].values())
    if found.source.get("model") != model_name(study.config.model) or not tokens or not facts["seconds"]:
        return None
    device = f"{facts.get('device')} in {facts.get('dtype')}, {facts.get('threads')} threads"
    return Rate(tokens / facts["seconds"], device, "measured by this study's own extraction")


def reckoned_rate(size: ModelSize, device: str = "auto", threads: int | None = None) -> Rate:
    """The rate that matrix products on this machine promise, timed for half a second.

    Args:
        size: of the model: a token takes two operations for each parameter of its blocks.
        device: as in the study.
        threads: as in the study.

    Raises:
        EmovecError: if this machine lacks the device.
    """
    import torch

    from emovec.models.load import choose_device, choose_dtype

    target = choose_device(device)
    if threads:
        torch.set_num_threads(threads)
    n = 512 if target.type == "cpu" else 4096  # so short on a CPU that the best of many has it to itself
    matrix = torch.ones(n, n, device=target, dtype=choose_dtype("auto", target))
    best, until = float("inf"), time.perf_counter() + 0.5
    while time.perf_counter() < until:
        started = time.perf_counter()
        float((matrix @ matrix)[0, 0])  # waits for the device
        best = min(best, time.perf_counter() - started)
    share = _OF_PRODUCTS.get(target.type, 0.3)
    on = f"{target.type}, {torch.get_num_threads()} threads" if target.type == "cpu" else str(target)
    rate = share * 2 * n**3 / best / (2 * size.block_parameters)
    return Rate(rate, on, f"reckoned from matrix products timed now, of which an extraction reaches {share:.0%}")


def stage_costs(study: "Study", texts: int, tokens: int, size: ModelSize, rate: Rate) -> list[StageCost]:
    """Every stage after the texts, in order.

    Args:
        study: whose settings count.
        texts: stories and neutral texts in all languages.
        tokens: of all of them.
        size: of the model.
        rate: of its extraction here.
    """
    config = study.config
    layers = size.layers if config.extraction.layers == "all" else len(config.extraction.layers)
    deep = size.layers if config.extraction.layers == "all" else max(config.extraction.layers) + 1
    languages, emotions = len(config.languages), len(config.emotion_words)
    topics = _topics(study)
    return [
        StageCost("extraction", f"{tokens:,} tokens", tokens / rate.tokens * deep / size.layers, 4.8 * size.parameters),
        *_other_texts(study, tokens, rate.tokens * size.layers / deep),
        StageCost("vectors", f"{layers} layers", 1 + texts * layers * size.hidden / 5e7),
        StageCost(
            "geometry",
            f"{layers} layers, {_n(languages, 'language')}, {emotions} emotions × {_n(topics, 'topic')}",
            geometry_seconds(layers, languages, emotions, topics)
            * (1 if config.geometry.reference is None else WITH_REFERENCE),
            geometry_bytes(languages, emotions, topics),
        ),
        *steering_costs(study, size, rate),
        StageCost("report", _n(languages, "language"), report_seconds(layers, languages, emotions)),
    ]


def _other_texts(study: "Study", tokens: int, speed: float) -> list[StageCost]:
    """The extraction of the bundled texts that the geometry names, their tokens reckoned from the study's own."""
    from emovec.study.study import OTHER_TEXTS

    if not _stories(study):
        return []

    def n_bytes(texts: "Corpus") -> int:
        return sum(len(story.text.encode()) for story in [*texts.stories, *texts.neutral])

    found: list[StageCost] = []
    for setting in OTHER_TEXTS:
        if (other := study.other(setting)) is not None and other.is_part:
            n = round(tokens * n_bytes(other.corpus) / n_bytes(study.corpus))
            found.append(StageCost(f"extraction: {setting}", f"about {n:,} tokens", n / speed))
    return found


def geometry_seconds(layers: int, languages: int, emotions: int, topics: int) -> float:
    """The time measured, times how many more layers, pairs of languages, pairs of emotions and topics there are."""
    pairs = languages * (languages + 1) / 2
    return _STARTING + (_GEOMETRY - _STARTING) * layers / 18 * pairs / 3 * (emotions / 30) ** 2 * max(topics, 1) / 12


def geometry_bytes(languages: int, emotions: int, topics: int) -> float:
    """Products of all cells (language × topic × emotion) with all, in 8 bytes, times the copies held at once."""
    return _WORK_BYTES + _COPIES * 8 * (languages * emotions * max(topics, 1)) ** 2


def report_seconds(layers: int, languages: int, emotions: int) -> float:
    """The time measured; the figures grow with layers, pairs of languages and emotions."""
    pairs = languages * (languages + 1) / 2
    return _STARTING + (_REPORT - _STARTING) * layers / 18 * pairs / 3 * emotions / 30


def steering_costs(study: "Study", size: ModelSize, rate: Rate) -> list[StageCost]:
    """The experiments that the study lists: the tokens that each runs are counted by its own plan.

    A token that is written, and the logits of one, count as the tokens whose passes take as long.
    """
    from emovec.steering.experiments.registry import EXPERIMENTS

    listed = [name for name in study.config.steering.experiments if name in EXPERIMENTS]
    if not listed:
        return []
    try:
        inputs = _planned_inputs(study, size)
        costs = {name: sum(unit.cost for unit in EXPERIMENTS[name].plan(inputs)) for name in listed}
    except EmovecError as error:
        return [StageCost(f"steering: {name}", f"not counted: {error}", None) for name in listed]
    speed = STEERING * rate.tokens
    return [StageCost(f"steering: {name}", f"{cost:,} tokens", cost / speed) for name, cost in costs.items()]


def _planned_inputs(study: "Study", size: ModelSize) -> Any:
    """What experiments plan their parts from: the real tokenizer, the model and the vectors without their numbers."""
    import numpy as np

    from emovec.models.before_loading import empty_model
    from emovec.models.language_model import LanguageModel
    from emovec.models.load import load_tokenizer
    from emovec.pipeline.stages import steering_inputs
    from emovec.vectors.emotion_vectors import EmotionVectors

    config = study.config
    options: dict[str, Any] = {"revision": config.revision, "trust_remote_code": config.trust_remote_code}
    empty, decoder = empty_model(config.model, **options)
    model = LanguageModel(config.model, "", empty, decoder, load_tokenizer(config.model, **options))
    asked = config.extraction.layers
    layers = list(range(size.layers)) if asked == "all" else asked
    vectors = EmotionVectors.from_arrays(
        np.zeros((len(config.languages), len(config.emotion_words), len(layers), 1), np.float32),
        languages=config.languages,
        emotions=list(config.emotion_words),
        layers=layers,
    )
    return steering_inputs(study, model, vectors, _stories(study))


def _stories(study: "Study") -> "Sequence[Story]":
    """The study's stories; none where they are still to be written."""
    try:
        return study.corpus.stories
    except EmovecError:
        return ()


def _topics(study: "Study") -> int:
    """How many topics the texts have, or will have once they are written."""
    if stories := _stories(study):
        return len({story.topic for story in stories})
    from emovec.corpus.generation.topics import load_topics

    return len(load_topics(study.config.generation.topics, study.path.parent))


def _n(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"
