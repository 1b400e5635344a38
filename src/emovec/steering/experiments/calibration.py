"""Where and how strongly to steer: a sweep over layers and strengths, for vectors and texts of each language."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emovec.config import SteeringConfig
from emovec.errors import EmovecError
from emovec.languages.language import Language
from emovec.models.generate import generate
from emovec.models.intervene import intervene, steer
from emovec.steering.coherence import distinct, perplexity
from emovec.steering.conditions import Condition, condition_vector, residual_norm
from emovec.steering.experiments import calibration_statistics
from emovec.steering.experiments.experiment import Experiment, SteeringInputs, Unit
from emovec.steering.experiments.judge import judge
from emovec.steering.experiments.word_effects import (
    SplitFrame,
    frame_word,
    one_token,
    relative_changes,
    split_frame,
    word_log_probabilities,
)

QUADRANTS = ("joyful", "calm", "sad", "angry")
"""Steered by where the study names no emotions: one from each quadrant of valence and arousal."""
DEPTHS = (0.3, 0.9)
"""Layers of the sweep beside the steering layer, as shares of the depth."""
N_TOKENS = 16
"""Length of the continuations whose coherence is judged."""
N_OPENINGS = 2
"""Openings of a language that texts go on from: they take most of the time."""
TEMPERATURE = 0.7
"""Of the continuations: greedy ones of small models repeat themselves even unsteered."""


def chosen_emotions(inputs: SteeringInputs) -> list[str]:
    """The emotions of the sweep: those that the study names, else one for each quadrant, else its first four."""
    if inputs.settings.emotions is not None:
        return list(inputs.emotions)
    spread = [emotion for emotion in QUADRANTS if emotion in inputs.emotions]
    return spread if len(spread) > 1 else list(inputs.emotions[:4])


def chosen_layers(inputs: SteeringInputs) -> list[int]:
    """The layers of the sweep: the steering layer, and some before and after it."""
    known = sorted(inputs.vectors.layers)
    near = [min(known, key=lambda layer: abs(layer - share * (inputs.model.n_layers - 1))) for share in DEPTHS]
    return sorted({*near, inputs.layer})


def chosen_strengths(inputs: SteeringInputs) -> list[float]:
    """The strengths of the study and twice the largest, to see what lies beyond it."""
    strengths = list(inputs.settings.strengths)
    return [*strengths, 2 * strengths[-1]]


def chosen_languages(inputs: SteeringInputs) -> list[str]:
    """The languages of the prompts that have frames, and words for the emotions steered by."""
    return [
        language
        for language in inputs.languages
        if inputs.language(language).frames
        and inputs.language(language).openings
        and len(_steered(inputs, language)) > 0
        and len(_words(inputs, language)) > 1
    ]


def plan(inputs: SteeringInputs) -> list[Unit]:
    """A unit for the words and one for the texts of each layer and language.

    At the steering layer there are also words under the vectors of other languages. There is none for a language
    without frames or words.
    """
    units: list[Unit] = []
    head = _head_cost(inputs)
    for layer in chosen_layers(inputs):
        for language in chosen_languages(inputs):
            own = inputs.vector_language(language)
            n_rows = len(_conditions(inputs, own, layer))
            for of in [own, *(other for other in inputs.vectors.languages if other != own and layer == inputs.layer)]:
                splits = [split for _, split, _ in _frames(inputs, language)]
                read = sum(len(split.prefix) + (1 + _later(split)) * head for split in splits)
                cost = round(n_rows * read)
                values = {"task": "words", "vector_language": of, "language": language, "layer": layer}
                units.append(Unit(f"words.{of}.{language}.L{layer}", cost, values))
            n_texts = len(_heard(_conditions(inputs, own, layer)))
            lengths = [len(inputs.model.tokenizer.encode([text])[0].ids) for _, text in _openings(inputs, language)]
            # Written once, and read once more by the unsteered model.
            cost = round(n_texts * sum(2 * (length + N_TOKENS * (1 + head)) for length in lengths))
            values = {"task": "texts", "vector_language": own, "language": language, "layer": layer}
            units.append(Unit(f"texts.{language}.L{layer}", cost, values))
    return units


def measure(inputs: SteeringInputs, unit: Unit) -> list[dict[str, Any]]:
    """The rows of one unit: changes of words, or texts and how coherent they are."""
    return {"words": _measure_words, "texts": _measure_texts}[unit.values["task"]](inputs, unit)


def _measure_words(inputs: SteeringInputs, unit: Unit) -> list[dict[str, Any]]:
    language, layer = unit.values["language"], unit.values["layer"]
    conditions = _conditions(inputs, unit.values["vector_language"], layer)
    directions, lengths = _pushes(inputs, conditions)
    rows: list[dict[str, Any]] = []
    for frame, split, emotions in _frames(inputs, language):
        found = word_log_probabilities(inputs.model, split, directions, lengths, layer)
        own, relative = relative_changes(found, found[0])
        for i, condition in enumerate(conditions[1:], 1):
            for j, emotion in enumerate(emotions):
                change = {"own": float(own[i, j]), "effect": float(relative[i, j])}
                measured = {"n_words": len(split.words), **{key: _finite(value) for key, value in change.items()}}
                rows.append(_labels(unit, condition) | {"frame": frame, "emotion": emotion} | measured)
    return rows


def _measure_texts(inputs: SteeringInputs, unit: Unit) -> list[dict[str, Any]]:
    language, layer = unit.values["language"], unit.values["layer"]
    conditions = _heard(_conditions(inputs, unit.values["vector_language"], layer))
    directions, lengths = _pushes(inputs, conditions)
    rows: list[dict[str, Any]] = []
    for position, (name, opening) in enumerate(_openings(inputs, language)):
        seed = inputs.seed + 1000 * layer + position
        texts = _continue(inputs, opening, directions, lengths, layer, seed)
        written = [text or "" for text in texts]
        found = perplexity(inputs.model, [opening] * len(written), written)
        for condition, text, each in zip(conditions, texts, found, strict=True):
            # No text at all: the model's logits were no longer finite.
            measured = {
                "perplexity": _finite(each) if text is not None else 1e300,
                "distinct": _finite(distinct(text or "")),
            }
            rows.append(_labels(unit, condition) | {"opening": name, "text": text or ""} | measured)
    if inputs.settings.judge is not None:
        heard = judge([row["text"] for row in rows], chosen_emotions(inputs), inputs.settings.judge, inputs.seed)
        rows = [row | {"judged": answer} for row, answer in zip(rows, heard, strict=True)]
    return rows


def _continue(
    inputs: SteeringInputs, opening: str, directions: NDArray[Any], lengths: Sequence[float], layer: int, seed: int
) -> list[str | None]:
    """One continuation of an opening for each row, all in one batch; None where the model blew up."""

    def written(rows: slice) -> list[str]:
        push = intervene(directions[rows], layer=layer, strength=list(lengths[rows]), norm=1.0)
        prompts = [opening] * len(directions[rows])
        options: dict[str, Any] = {"max_new_tokens": N_TOKENS, "temperature": TEMPERATURE, "seed": seed}
        with steer(inputs.model, push):
            return generate(inputs.model, prompts, batch_size=len(prompts), **options)

    try:
        return list(written(slice(None)))
    except EmovecError:  # one row has blown up, which must not silence the others
        texts: list[str | None] = []
        for row in range(len(directions)):
            try:
                texts += written(slice(row, row + 1))
            except EmovecError:
                texts.append(None)
        return texts


def _conditions(inputs: SteeringInputs, vector_language: str, layer: int) -> list[Condition]:
    chosen = replace(inputs, emotions=chosen_emotions(inputs))
    return chosen.conditions(vector_language, chosen_strengths(inputs), layer)


def _heard(conditions: Sequence[Condition]) -> list[Condition]:
    """Those that write texts: of the controls the first of each kind, since texts cost most of the time."""
    controls = ("random", "shuffled")
    return [each for each in conditions if each.kind not in controls or each.name.endswith(" 1")]


def _pushes(inputs: SteeringInputs, conditions: Sequence[Condition]) -> tuple[NDArray[Any], list[float]]:
    """[row, hidden] directions and how much of each is added; the baseline, which comes first, adds none."""
    vectors = [condition_vector(each, inputs.vectors, inputs.activations, inputs.seed) for each in conditions[1:]]
    lengths = [each.strength * residual_norm(each, inputs.vectors) for each in conditions[1:]]
    return np.stack([vectors[0], *vectors]), [0.0, *lengths]


def _frames(inputs: SteeringInputs, language: str) -> list[tuple[str, SplitFrame, list[str]]]:
    """Each frame with the tokens of its words: the steered emotions' first, then all others of a single token.

    Words of one token cost nothing beyond the frame; the steered ones are always there.
    """
    steered, words = _steered(inputs, language), _words(inputs, language)
    found: list[tuple[str, SplitFrame, list[str]]] = []
    for name, frame in list(inputs.language(language).frames.items())[: inputs.settings.limit]:
        split = split_frame(inputs.model, frame, words)
        cheap = one_token(split)
        kept = tuple(word for i, word in enumerate(split.words) if i < len(steered) or cheap[i])
        found.append((name, SplitFrame(split.prefix, kept), steered))
    return found


def _steered(inputs: SteeringInputs, language: str) -> list[str]:
    return [emotion for emotion in chosen_emotions(inputs) if frame_word(inputs.language(language), emotion)]


def _words(inputs: SteeringInputs, language: str) -> list[str]:
    """The words of the steered emotions, then those of the others that are different words."""
    words = [frame_word(inputs.language(language), emotion) or "" for emotion in _steered(inputs, language)]
    others = [frame_word(inputs.language(language), emotion) for emotion in inputs.vectors.emotions]
    return words + list(dict.fromkeys(word for word in others if word and word not in words))


def _head_cost(inputs: SteeringInputs) -> float:
    """What the logits of a token cost beside its way through the blocks: much, in a small model with many words."""
    head = inputs.model.model.get_output_embeddings().weight.numel()
    blocks = sum(parameter.numel() for parameter in inputs.model.blocks.parameters())
    return head / max(blocks, 1)


def _later(split: SplitFrame) -> int:
    return sum(len(word) - 1 for word in split.words)


def _openings(inputs: SteeringInputs, language: str) -> list[tuple[str, str]]:
    """Names and texts of the openings that are used."""
    return list(inputs.language(language).openings.items())[: min(N_OPENINGS, inputs.settings.limit or N_OPENINGS)]


def _labels(unit: Unit, condition: Condition) -> dict[str, Any]:
    labels = {"kind": condition.kind, "name": condition.name, "strength": condition.strength}
    return dict(unit.values) | labels


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _texts_in(settings: SteeringConfig, languages: Sequence[Language], _base: Path) -> set[str]:
    framed = {language.code for language in languages if language.frames and language.openings}
    # Where it is among the experiments by default alone, the report says that there was nothing to ask.
    if languages and not framed and "experiments" in settings.model_fields_set:
        languages[0].require("steering.languages", "frames", "openings")
    return framed


EXPERIMENT = Experiment(
    name="calibration",
    tables=calibration_statistics.TABLES,
    settings=frozenset({"emotions", "layer", "strengths", "controls", "languages", "limit", "seed", "judge"}),
    texts_in=_texts_in,
    plan=plan,
    measure=measure,
    summarise=lambda inputs, rows: calibration_statistics.summarise(
        rows,
        layer=inputs.layer,
        emotions=chosen_emotions(inputs),
        strengths=chosen_strengths(inputs),
        languages=inputs.languages,
    ),
)
