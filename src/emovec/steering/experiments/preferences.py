"""The experiment on preferences: which activities a model chooses, and how that shifts under an emotion's vector.

Two designs. `whole` steers every token of the question: since scores are relative, it can only show that some kinds of
activities gain on others. `half` steers the tokens of one half of the activities alone, each set against the other
half: what all steered ones gain or lose together, their mean shift, then shows too.
"""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emovec.activations.batches import token_budget_batches
from emovec.activations.pooling import pool
from emovec.config import SteeringConfig
from emovec.languages.language import Language
from emovec.models.form import talks
from emovec.models.forward import pad_right, visit_layers
from emovec.stats.bradley_terry import RIDGE
from emovec.steering.conditions import BASELINE, Condition, condition_vector
from emovec.steering.experiments.activities import Activity, categories, load_activities
from emovec.steering.experiments.experiment import Experiment, SteeringInputs, Unit
from emovec.steering.experiments.preference_probe import PERMUTATIONS, probe_correlations
from emovec.steering.experiments.preference_scores import BOOTSTRAPS, Games, K, changes_of, summarise_condition
from emovec.steering.experiments.questions import Question, answer_tokens, question_format, questions
from emovec.steering.experiments.shared_prefix import log_probabilities_after, shared_length
from emovec.steering.projections import sink_threshold

DESIGNS = ("whole", "half")
_FIRSTS = 16
"""Activities whose questions are one unit: with 64 activities, a quarter of a condition."""
_BATCH_TOKENS = 512


def activities_of(inputs: SteeringInputs, language: str) -> list[Activity]:
    """The activities of a language, those that the study names or else our own, at most `limit` a category."""
    settings = inputs.settings
    path = inputs.base / settings.activities if settings.activities else None
    return load_activities([language], path, settings.limit)


def steered_half(activities: Sequence[Activity], seed: int) -> NDArray[np.bool_]:
    """[activity]: a fixed half, drawn within each category so that both halves hold the same kinds."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(activities), dtype=bool)
    turn = 0
    for category in categories(activities):
        members = [i for i, activity in enumerate(activities) if activity.category == category]
        for member in rng.permutation(members):
            chosen[member] = turn % 2 == 0
            turn += 1
    return chosen


def asked(activities: Sequence[Activity], half: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """[first, second]: which ordered pairs are asked: all of two, or in the half design those across the halves."""
    distinct = ~np.eye(len(activities), dtype=bool)
    return distinct if half is None else distinct & (half[:, None] != half[None, :])


def plan(inputs: SteeringInputs) -> list[Unit]:
    """Each condition, design and language in parts of a few first activities; and the activities' own activations."""
    units: list[Unit] = []
    for language in inputs.languages:
        spoken = inputs.language(language, "preferences")
        answer_tokens(inputs.model, spoken, inputs.settings.form)
        activities = activities_of(inputs, language)
        n, half = len(activities), steered_half(activities, inputs.seed)
        tokens = sum(text.n_own for text in inputs.model.tokenizer.encode([a.text for a in activities]))
        units.append(Unit(f"{language}/activations", tokens, {"language": language}))
        prompts = [
            question.ids
            for question in questions(
                inputs.model, spoken, [(activities[0], b) for b in activities[1:]], inputs.settings.form
            )
        ]
        shared = shared_length(prompts)
        rest = round(sum(map(len, prompts)) / len(prompts)) - shared
        for condition in inputs.conditions(language):
            for design in DESIGNS if condition != BASELINE else DESIGNS[:1]:
                pairs = asked(activities, half if design == "half" else None)
                for begin in range(0, n, _FIRSTS):
                    part = pairs[begin : begin + _FIRSTS]
                    cost = len(part) * shared + int(part.sum()) * rest
                    values = {"language": language, "design": design, "begin": begin, **asdict(condition)}
                    units.append(Unit(f"{language}/{design}/{condition.id}/{begin}", cost, values))
    return units


def measure(inputs: SteeringInputs, unit: Unit) -> list[dict[str, Any]]:
    """The choices of one unit: a row for each activity named first, with a value for each one named second."""
    language = str(unit.values["language"])
    activities = activities_of(inputs, language)
    if "design" not in unit.values:
        return _projections(inputs, language, activities)
    design, begin = str(unit.values["design"]), int(unit.values["begin"])
    condition = Condition(**{name: unit.values[name] for name in asdict(BASELINE)})
    half = steered_half(activities, inputs.seed) if design == "half" else None
    pairs = asked(activities, half)
    form = inputs.settings.form
    spoken = inputs.language(language, "preferences")
    tokens = answer_tokens(inputs.model, spoken, form)
    rows: list[dict[str, Any]] = []
    for first in range(begin, min(begin + _FIRSTS, len(activities))):
        seconds = np.flatnonzero(pairs[first])
        put = questions(inputs.model, spoken, [(activities[first], activities[second]) for second in seconds], form)
        found = _answers(inputs, condition, put, tokens, None if half is None else bool(half[first]))
        rows.append(
            {
                "language": language, "design": design, **asdict(condition), "first": activities[first].id,
                "second": [activities[second].id for second in seconds],
                "log_odds": np.round(found[:, 0] - found[:, 1], 6).tolist(),
                "mass": np.round(np.exp(found).sum(1), 6).tolist(),
            }
        )  # fmt: skip
    return rows


def _answers(
    inputs: SteeringInputs,
    condition: Condition,
    put: Sequence[Question],
    tokens: tuple[int, int],
    first_steered: bool | None,
) -> NDArray[np.float64]:
    """[question, 2]: log-probabilities of A and B; all tokens steered, or those of one of the two activities."""
    if first_steered is None:
        positions: Any = "all"
    elif first_steered:
        positions = [question.first for question in put]
    else:
        positions = [question.second for question in put]
    return log_probabilities_after(
        inputs.model,
        [question.ids for question in put],
        tokens,
        steered=partial(inputs.steered, condition),
        positions=positions,
    )


def _projections(inputs: SteeringInputs, language: str, activities: Sequence[Activity]) -> list[dict[str, Any]]:
    """Each activity's mean activation along each emotion's and control's unit vector, at the layer that is steered."""
    import torch

    model, layer = inputs.model, inputs.layer
    vectors = inputs.vectors.best.sel(language=inputs.vector_language(language), layer=layer).transpose(
        "emotion", "hidden"
    )
    weakest = min(inputs.settings.strengths)
    controls = [
        each for each in inputs.conditions(language) if each.kind in ("random", "shuffled") and each.strength == weakest
    ]
    beside = [condition_vector(each, inputs.vectors, inputs.activations, inputs.seed) for each in controls]
    directions = np.concatenate([vectors.values, *(each[None] for each in beside)])
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    encoded = model.tokenizer.encode([activity.text for activity in activities])
    means = np.full((len(activities), model.hidden_size), np.nan)
    sinks = sink_threshold(inputs.vectors)
    for batch in token_budget_batches([len(text.ids) for text in encoded], _BATCH_TOKENS):
        texts = [encoded[i] for i in batch]
        ids = pad_right(texts, model.device)
        columns = torch.arange(ids.shape[1], device=model.device)[None]
        starts, stops = (torch.tensor(edge, device=model.device)[:, None] for edge in (
            [text.start for text in texts], [len(text.ids) for text in texts]
        ))  # fmt: skip
        own = (columns >= starts) & (columns < stops)

        def keep(_: int, hidden: Any, batch: Sequence[int] = batch, own: Any = own) -> None:
            means[list(batch)] = pool(hidden, own, own, sinks).mean.double().cpu().numpy()

        visit_layers(model, ids, [layer], keep)
    projected = means @ unit.T
    names = [*map(str, vectors["emotion"].values), *(each.name for each in controls)]
    return [
        {
            "language": language, "design": "activations", "first": activity.id, "layer": layer,
            "vector_language": inputs.vector_language(language),
            "projections": dict(zip(names, np.round(row, 6).tolist(), strict=True)),
        }
        for activity, row in zip(activities, projected, strict=True)
    ]  # fmt: skip


def summarise(inputs: SteeringInputs, rows: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Scores, changes by category, mean shifts, position bias, and the correlation of projections with scores."""
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for language in inputs.languages:
        activities = activities_of(inputs, language)
        own = rows[rows["language"] == language]
        half = steered_half(activities, inputs.seed)
        baseline = Games.of(own[(own["design"] == "whole") & (own["kind"] == "baseline")], activities)
        for condition in inputs.conditions(language):
            for design in DESIGNS if condition != BASELINE else DESIGNS[:1]:
                chosen = own[(own["design"] == design) & _is(own, condition)]
                games = baseline if condition == BASELINE else Games.of(chosen, activities)
                steered = half if design == "half" else None
                found = summarise_condition(games, baseline, activities, steered, inputs.seed)
                place = {"language": language, "design": design, **asdict(condition)}
                for name, table in found.items():
                    parts[name].append(table.assign(**place)[[*place, *table.columns]])
        parts["preference_probe"].append(
            probe_correlations(
                own[own["design"] == "activations"], parts["preference_scores"], language, inputs.seed
            )
        )  # fmt: skip
    tables = {name: pd.concat(found, ignore_index=True) if found else pd.DataFrame() for name, found in parts.items()}
    tables = changes_of(tables)
    return tables, _facts(inputs, tables)


def _is(rows: pd.DataFrame, condition: Condition) -> "pd.Series[bool]":
    same = (rows["name"] == condition.name) & (rows["kind"] == condition.kind)
    return same & np.isclose(rows["strength"].astype(float), condition.strength)


def _facts(inputs: SteeringInputs, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    bias = tables["preference_bias"]
    base = bias[bias["kind"] == "baseline"].set_index("language")
    return {
        "format": "chat template" if talks(inputs.model, inputs.settings.form) else "plain question and answer",
        "questions": {
            language: question_format(inputs.model, inputs.language(language, "preferences"), inputs.settings.form)
            for language in inputs.languages
        },
        "activities": {language: len(activities_of(inputs, language)) for language in inputs.languages},
        "source": Path(inputs.settings.activities).name if inputs.settings.activities else "bundled",
        "limit": inputs.settings.limit,
        "layer": inputs.layer,
        "share_a": {str(language): float(value) for language, value in base["share_a"].items()},
        "mass": {str(language): float(value) for language, value in base["mass"].items()},
        "ridge": RIDGE,
        "bootstraps": BOOTSTRAPS,
        "permutations": PERMUTATIONS,
        "sequential": {"K": K, "order": "shuffled", "seed": inputs.seed, "passes": 1},
    }


def _texts_in(settings: SteeringConfig, languages: Sequence[Language], base: Path) -> set[str]:
    found = load_activities(
        [each.code for each in languages], base / settings.activities if settings.activities else None
    )
    for language in languages:
        language.require("steering.languages", "preferences")
    return {activity.language for activity in found}


_WHERE = ("language", "design", "kind", "name", "vector_language", "layer", "strength")
TABLES = {
    "preference_scores": (
        *(*_WHERE, "activity", "category", "text", "steered", "score", "low", "high", "sequential", "change"),
    ),
    "preference_changes": (
        *(*_WHERE, "category", "change", "low", "high", "n_activities", "change_sequential", "control"),
    ),
    "preference_shift": (*_WHERE, "change", "low", "high", "n_activities", "control"),
    "preference_effects": (
        *("language", "design", "strength", "measure", "emotions", "controls", "n_emotions", "n_controls", "p"),
    ),
    "preference_bias": (*_WHERE, "share_a", "first", "mass", "mass_least", "n_questions"),
    "preference_probe": (
        *("language", "vector_language", "layer", "emotion", "r", "p", "p_familywise", "null_95", "n", "p_kinds"),
        "control",
    ),
}
EXPERIMENT = Experiment(
    "preferences",
    TABLES,
    frozenset({"emotions", "layer", "strengths", "controls", "languages", "limit", "seed", "activities", "form"}),
    _texts_in,
    plan,
    measure,
    summarise,
)
