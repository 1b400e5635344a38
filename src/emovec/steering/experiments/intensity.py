"""Does an emotion's vector follow a number on which the emotion depends?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from emovec.config import SteeringConfig
from emovec.languages.language import Language
from emovec.stats.clustered import mean_interval
from emovec.stats.permutation import familywise_p_values, label_permutations, p_values
from emovec.steering.experiments.experiment import Experiment, SteeringInputs, Unit
from emovec.steering.experiments.implicit import projections, rounded, text_unit, without
from emovec.steering.experiments.scenarios import Template, read_templates

STATISTICS = ("expected", "others")
"""Of the emotions that a number should move, and of all others in the same templates."""

PERMUTATIONS = 5_000

_LABELS = ["variant", "reading", "vector_language", "text_language"]
TABLES = {
    "intensity": (
        *(*_LABELS, "layer", "statistic", "value", "low", "high", "p", "p_familywise", "p_emotions", "n_templates"),
    ),
    "intensity_templates": (*_LABELS, "layer", "id", "emotion", "sign", "rho", "text"),
}


def signed_correlations(scores: NDArray[Any], signs: NDArray[Any]) -> NDArray[np.float64]:
    """Spearman's ρ of a template's number with the activation, under the expected sign.

    Args:
        scores: [value, layer, emotion], the values ascending; of equal scores each gets the mean rank.
        signs: [emotion] 1 where the emotion should rise, −1 where it should fall, 0 where nothing is expected.

    Returns:
        [statistic, layer]: `STATISTICS`. Expected is the mean of sign × ρ over the emotions that should rise or
        fall; others that of the same mean of signs × ρ over emotions that should do neither. A constant score has ρ 0.
    """
    rho, named = correlations(scores), signs != 0
    expected = (rho[:, named] * signs[named]).mean(axis=-1)
    others = rho[:, ~named].mean(axis=-1) * signs[named].mean() if (~named).any() else np.zeros_like(expected)
    return np.stack([expected, others])


def correlations(scores: NDArray[Any]) -> NDArray[np.float64]:
    """[layer, emotion]: Spearman's ρ of ascending numbers with scores [value, layer, emotion]; 0 for a constant."""
    placed, number = _unit_ranks(scores), _unit_ranks(np.arange(len(scores)))
    return np.einsum("v,vle->le", number, placed)


def _unit_ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Ranks along the first axis, centred and scaled to length 1, so that their products are Spearman's ρ."""
    placed = rankdata(values, axis=0)
    placed = placed - placed.mean(axis=0)
    lengths = np.linalg.norm(placed, axis=0)
    return placed / np.where(lengths > 0, lengths, 1)


def intensity_statistics(
    templates: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """The mean over templates of the signed ρ, against templates whose signs are flipped at random.

    An activation may drift steadily with any number, so numbers shuffled within a template would be no fair null: that
    the drift takes the expected direction in one template after another is what counts. p is one-sided; family-wise
    over layers (largest statistic, the same flips at every layer). Intervals (95 %) are
    Student's t over templates. `p_emotions` is that of the expected emotions against names
    shuffled over the vectors, the same in every template: whether it takes these emotions, or any would do.

    Args:
        templates: scores and signs of each, as `signed_correlations` takes them.
        permutations: B of the test.
        seed: of the test.

    Returns:
        Columns position (of the layer), statistic, value, low, high, p, p_familywise, p_emotions (NaN for the others).
    """
    each = np.stack([signed_correlations(scores, signs) for scores, signs in templates])  # [template, statistic, layer]
    flips = np.random.default_rng(seed).choice([-1.0, 1.0], (permutations, len(each)))
    null = np.einsum("bt,tsl->bsl", flips, each) / len(each)
    value = each.mean(axis=0)
    low, high = mean_interval(each, np.arange(len(each)))
    parts = [
        pd.DataFrame(
            {
                "position": np.arange(each.shape[-1]),
                "statistic": statistic,
                "value": value[i],
                "low": low[i],
                "high": high[i],
                "p": p_values(value[i], null[:, i]),
                "p_familywise": familywise_p_values(value[i], null[:, i]),
                "p_emotions": np.nan if i else p_values(value[0], _renamed(templates, permutations, seed)),
            }
        )
        for i, statistic in enumerate(STATISTICS)
    ]
    return pd.concat(parts, ignore_index=True)


def _renamed(templates: Sequence[tuple[NDArray[Any], NDArray[Any]]], permutations: int, seed: int) -> NDArray[Any]:
    """[shuffle, layer]: the mean signed ρ of the expected emotions had the vectors other names."""
    rho = np.stack([correlations(scores) for scores, _ in templates])
    weights = np.stack([signs / (np.abs(signs).sum() * len(templates)) for _, signs in templates])
    named = np.flatnonzero(np.any(weights != 0, axis=0))
    names = label_permutations(rho.shape[-1], permutations, seed)[:, named]
    return np.stack([np.einsum("tle,te->l", rho[:, :, own], weights[:, named]) for own in names])


def _chosen(inputs: SteeringInputs) -> list[Template]:
    """Templates in the languages asked for that expect something of an emotion with a vector."""
    path = inputs.settings.scenarios
    known = set(inputs.vectors.emotions)
    found: list[Template] = []
    templates = read_templates(None if path is None else inputs.base / path)
    for language in inputs.languages:
        own = [t for t in templates if t.language == language and known & set(t.signs)]
        found += own[: inputs.settings.limit]
    return found


def _plan(inputs: SteeringInputs) -> list[Unit]:
    return [
        text_unit(
            inputs,
            template.id,
            template.texts,
            {
                "id": template.id,
                "language": template.language,
                "template": template.template,
                "signs": template.signs,
                "texts": template.texts,
            },
        )
        for template in _chosen(inputs)
    ]


def _measure(inputs: SteeringInputs, unit: Unit) -> list[dict[str, Any]]:
    values = unit.values
    facts = {"id": values["id"], "text_language": values["language"], "text": values["template"]}
    return [
        {**labels, **facts, "signs": list(values["signs"].items()), "scores": rounded(scores)}
        for labels, scores in projections(inputs, values["texts"])
    ]


def _summarise(inputs: SteeringInputs, rows: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    if rows.empty:
        note = "There are no intensity templates for the study's languages and emotions."
        return {name: pd.DataFrame(columns=list(columns)) for name, columns in TABLES.items()}, {"note": note}
    layers = inputs.vectors.layers
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for key, group in rows.groupby(_LABELS, sort=False):
        labels = dict(zip(_LABELS, map(str, key), strict=True))
        templates: list[tuple[NDArray[Any], NDArray[Any]]] = []
        for row in group.to_dict("records"):
            scores = np.array(row["scores"], np.float64)
            kept = np.flatnonzero(np.isfinite(scores).all(axis=(0, 1)))
            emotions = [inputs.vectors.emotions[i] for i in kept]
            signs = np.array([dict(row["signs"]).get(emotion, 0) for emotion in emotions])
            if not signs.any():
                continue
            scores = scores[:, :, kept]
            templates.append((scores, signs))
            named = np.flatnonzero(signs)
            rho = pd.DataFrame(correlations(scores[:, :, named]), columns=[emotions[i] for i in named])
            long = rho.assign(layer=layers).melt("layer", var_name="emotion", value_name="rho")
            long["sign"] = long["emotion"].map(dict(row["signs"])).astype(int)
            parts["intensity_templates"].append(long.assign(**labels, id=row["id"], text=row["text"]))
        if templates:
            table = intensity_statistics(templates, seed=inputs.seed)
            at = np.array(layers)[table["position"]]
            parts["intensity"].append(table.assign(**labels, layer=at, n_templates=len(templates)))
    tables = {
        name: (pd.concat(parts[name], ignore_index=True) if parts[name] else pd.DataFrame(columns=list(columns)))[
            list(columns)
        ]
        for name, columns in TABLES.items()
    }
    counts = {str(name): int(own["id"].nunique()) for name, own in rows.groupby("text_language", sort=False)}
    shown = min(layers, key=lambda layer: abs(layer - inputs.layer))
    facts = {"layer": shown, "permutations": PERMUTATIONS, "templates": counts}
    return tables, facts | without(inputs, rows, "intensity templates")


def _texts_in(settings: SteeringConfig, _languages: Sequence[Language], base: Path) -> set[str]:
    return {each.language for each in read_templates(base / settings.scenarios if settings.scenarios else None)}


EXPERIMENT = Experiment(
    name="intensity",
    tables=TABLES,
    settings=frozenset({"scenarios", "languages", "limit", "layer", "seed"}),
    texts_in=_texts_in,
    plan=_plan,
    measure=_measure,
    summarise=_summarise,
)
