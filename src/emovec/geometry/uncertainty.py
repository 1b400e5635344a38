"""Headline numbers of one layer under resampled topics: their intervals, reliability, and the ceiling it sets."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from emovec.geometry.analysis import VARIANTS, Activations, Analysis, Outcome, Table, noted, plain
from emovec.geometry.axes import AXIS_NAMES, Poles, pca, references
from emovec.geometry.cells import Cells, layer_cells
from emovec.geometry.reliability import (
    BLOCKS,
    LOW_RELIABILITY,
    MINIMUM_TOPICS,
    SPLITS,
    Halves,
    halves,
    noise_free_rsa,
    row_correlations,
    spearman_brown,
    triangles,
)
from emovec.languages.norms import MINIMUM_RATED, NormFiles, load_norms
from emovec.stats.permutation import MINIMUM_EMOTIONS
from emovec.stats.resampling import (
    bootstrap_weights,
    bounded_interval,
    half_weights,
    intervals,
    jackknife_interval,
    jackknife_weights,
)
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "intervals": Table(
        "variant:str layer:int statistic:str language_a:str language_b:str reference:str estimate low high "
        "low_percentile high_percentile low_bca high_bca standard_error bootstraps:int"
    ),
    "reliability": Table("variant:str layer:int language:str r_half r splits:int"),
    "ceiling": Table("variant:str layer:int language_a:str language_b:str r ceiling disattenuated warning:str"),
}
COMPONENTS = 2

_CORRELATIONS = {"rsa", "pc_norm"}
_COUNTED = {"retrieval_ab", "retrieval_ba"}


def pair_statistics(own_a: np.ndarray, own_b: np.ndarray, cross: np.ndarray) -> dict[str, np.ndarray]:
    """RSA, cosines and retrieval of two languages, from dot products within and between them.

    Args:
        own_a: [draw, emotion, emotion] of one language.
        own_b: of the other.
        cross: between the two, rows of the first.

    Returns:
        Name of the statistic → [draw].
    """
    length_a, length_b = (np.sqrt(np.einsum("bee->be", own)) for own in (own_a, own_b))
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = cross / (length_a[:, :, None] * length_b[:, None, :])
    known = np.isfinite(cosines)
    filled = np.where(known, cosines, 0.0)
    diagonal = np.eye(cross.shape[1], dtype=bool)
    n = known.sum(axis=(1, 2), where=diagonal)
    same = filled.sum(axis=(1, 2), where=diagonal) / np.maximum(n, 1)
    n_other = known.sum(axis=(1, 2), where=~diagonal)
    other = filled.sum(axis=(1, 2), where=~diagonal) / np.maximum(n_other, 1)
    ranked = np.where(known, cosines, -np.inf)
    own, there = np.arange(cross.shape[1]), np.einsum("bee->be", known)
    found_ab, found_ba = ((there & (ranked.argmax(axis=axis) == own)).sum(axis=1) / np.maximum(n, 1) for axis in (2, 1))
    found: dict[str, np.ndarray] = {
        "rsa": row_correlations(triangles(own_a), triangles(own_b)),
        "same_cosine": same,
        "cosine_difference": same - other,
        "retrieval_ab": found_ab,
        "retrieval_ba": found_ba,
    }
    return {name: np.where(n > 1, values, np.nan) for name, values in found.items()}


@dataclass(frozen=True)
class References:
    """What principal components are held against.

    Attributes:
        values: name → [emotion], NaN where unknown: human norms.
        poles: name → [emotion] weights, whose axis is the mean of the high pole less that of the low pole.
    """

    values: dict[str, np.ndarray]
    poles: dict[str, np.ndarray]


def component_references(
    emotions: list[str], norms: pd.DataFrame | None, own_poles: Poles | None = None, language: str = ""
) -> References:
    """The poles of the axes and human norms, as far as these emotions have them, named as in `axis_correlations`."""
    known = {
        name: own
        for name, own in references(emotions, norms, own_poles, language).items()
        if np.isfinite(own).sum() >= MINIMUM_RATED
    }
    poles = {name: known.pop(name) for name in [*known] if name in AXIS_NAMES}
    return References(known, poles)


def component_correlations(grams: np.ndarray, scores: np.ndarray, references: References) -> dict[str, np.ndarray]:
    """Correlation over emotions of principal components with references, the components signed as given scores are.

    Args:
        grams: [draw, emotion, emotion] centred dot products; NaN where an emotion is absent.
        scores: [emotion, component] that decide the signs; NaN where an emotion is absent.
        references: of the same emotions.

    Returns:
        `component 1 · name` → [draw].
    """
    present = np.isfinite(np.einsum("bee->be", grams))
    filled = np.where(np.isfinite(grams), grams, 0.0)
    _, leading = np.linalg.eigh(filled)
    targets = {name: filled @ weights for name, weights in references.poles.items()}
    targets |= {name: np.broadcast_to(values, present.shape) for name, values in references.values.items()}
    found: dict[str, np.ndarray] = {}
    for component in range(scores.shape[1]):
        direction = np.where(present, leading[:, :, -1 - component], np.nan)
        turned = np.sign(np.nansum(direction * scores[:, component], axis=1))
        for name, target in targets.items():
            found[f"component {component + 1} · {name}"] = turned * row_correlations(direction, target)
    return found


def layer_uncertainty(
    cells: Cells,
    scores: dict[str, np.ndarray],
    norms: pd.DataFrame | None,
    bootstraps: int,
    seed: int,
    poles: Poles | None = None,
) -> dict[str, pd.DataFrame]:
    """Intervals, reliabilities and ceilings of one layer.

    Args:
        cells: of the layer.
        scores: language → [emotion, component], the components as they are shown elsewhere, for their signs.
        norms: as `load_norms` returns them, or None.
        bootstraps: B.
        seed: of the bootstrap, the splits and the blocks.
        poles: as for `axis_correlations`.

    Returns:
        Tables `intervals`, `reliability` and `ceiling` without the columns variant and layer.
    """
    blocks = cells.merged(BLOCKS, seed)
    every = np.ones((1, len(blocks.topics)))
    left_out = np.vstack([every, jackknife_weights(len(blocks.topics))])
    drawn = bootstrap_weights(len(cells.topics), bootstraps, seed)
    splits = half_weights(len(blocks.topics), SPLITS, seed)
    own = {language: (blocks.grams(left_out, language, language), cells.grams(drawn, language, language))
           for language in cells.languages}  # fmt: skip
    halved = {language: halves(blocks, language, left_out, splits) for language in cells.languages}
    has = {language: np.isfinite(own[language][0][0]).any(axis=0) for language in cells.languages}
    rows: list[dict[str, Any]] = []
    for language, (jackknife, draws) in own.items():
        if language in scores:
            references = component_references(cells.emotions, norms, poles, language)
            kept, resampled = (component_correlations(g, scores[language], references) for g in (jackknife, draws))
            rows += [
                _interval("pc_norm", kept[name], resampled[name], language, "", name)
                for name in kept
                if np.isfinite(kept[name][0])
            ]
    ceilings: list[dict[str, Any]] = []
    for a, b in combinations(cells.languages, 2):
        if (has[a] & has[b]).sum() < MINIMUM_EMOTIONS:
            continue
        kept = pair_statistics(own[a][0], own[b][0], blocks.grams(left_out, a, b))
        resampled = pair_statistics(own[a][1], own[b][1], cells.grams(drawn, a, b))
        rows += [_interval(name, kept[name], resampled[name], a, b) for name in kept]
        without_noise = noise_free_rsa(halved[a], halved[b])
        rows.append(_interval("rsa_noise_free", without_noise, None, a, b))
        ceilings.append(_ceiling(a, b, float(kept["rsa"][0]), float(without_noise[0]), halved[a], halved[b]))
    reliabilities = [_reliability(name, half) for name, half in halved.items() if has[name].sum() >= MINIMUM_EMOTIONS]
    tables = {"intervals": rows, "reliability": reliabilities, "ceiling": ceilings}
    return {name: pd.DataFrame(found) for name, found in tables.items()}


def _interval(
    statistic: str, kept: np.ndarray, draws: np.ndarray | None, a: str, b: str, reference: str = ""
) -> dict[str, Any]:
    """One row: `kept` holds the statistic of all topics and then without each in turn."""
    estimate, left_out = kept[0], kept[1:]
    percentile = (np.nan,) * 4 if draws is None else intervals(estimate, draws, left_out)
    if statistic in _COUNTED and draws is not None:
        low, high, error = bounded_interval(estimate, draws, len(left_out))
    else:
        low, high, error = jackknife_interval(estimate, left_out, fisher=statistic in _CORRELATIONS)
    names = ("low_percentile", "high_percentile", "low_bca", "high_bca")
    return {
        "statistic": statistic,
        "language_a": a,
        "language_b": b,
        "reference": reference,
        "estimate": float(estimate),
        "low": float(low),
        "high": float(high),
        **{name: float(value) for name, value in zip(names, percentile, strict=True)},
        "standard_error": float(error),
        "bootstraps": 0 if draws is None else len(draws),
    }


def _reliability(language: str, half: Halves) -> dict[str, Any]:
    r_half = half.correlation()[0]
    return {"language": language, "r_half": float(r_half), "r": float(spearman_brown(r_half)), "splits": SPLITS}


def _ceiling(a: str, b: str, r: float, without_noise: float, half_a: Halves, half_b: Halves) -> dict[str, Any]:
    reliabilities = {
        language: float(spearman_brown(half.correlation()[0])) for language, half in ((a, half_a), (b, half_b))
    }
    warnings = [
        f"reliability in {language} is below {LOW_RELIABILITY}"
        for language, value in reliabilities.items()
        if not value >= LOW_RELIABILITY
    ]
    if without_noise > 1:
        warnings.append("the corrected r exceeds 1, which sampling error alone can bring about")
    product = np.prod(list(reliabilities.values())) if min(reliabilities.values()) > 0 else np.nan
    return {
        "language_a": a,
        "language_b": b,
        "r": r,
        "ceiling": float(np.sqrt(product)),
        "disattenuated": without_noise,
        "warning": "; ".join(warnings),
    }


def _uncertainty(
    vectors: EmotionVectors,
    activations: Activations,
    norms: NormFiles,
    poles: Poles,
    bootstraps: int,
    seed: int,
    layer: int,
) -> Outcome:
    frames: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    ratings = load_norms(norms)
    scores = {variant: _scores(vectors, variant, ratings, poles) for variant in VARIANTS}
    units, notes = "", []
    for at in vectors.layers:
        both = list(layer_cells(vectors, activations, at, seed))
        units = both[0][1].note
        if len(both[0][1].topics) < MINIMUM_TOPICS:
            notes = [f"There are {units}; intervals over topics take at least {MINIMUM_TOPICS}."]
            break

        def resampled(given: tuple[str, Cells], at: int = at) -> dict[str, pd.DataFrame]:
            variant, cells = given
            own = {language: table for (where, language), table in scores[variant].items() if where == at}
            found = layer_uncertainty(cells, own, ratings, bootstraps, seed, poles)
            return {name: table.assign(variant=variant, layer=at) for name, table in found.items()}

        # The linear algebra leaves the interpreter's lock, so threads do; a layer at a time bounds the memory.
        with ThreadPoolExecutor(len(VARIANTS)) as pool:
            for found in pool.map(resampled, both):
                for name, table in found.items():
                    frames[name].append(table)
    intervals = TABLES["intervals"].of(frames["intervals"])
    shown = intervals[(intervals["layer"] == layer) & (intervals["statistic"] != "pc_norm")]
    summary = {"units": units, "headline": plain(shown)} | noted(vectors, notes)
    return Outcome(frames, summary, {"level": 0.95, "splits": SPLITS, "blocks": BLOCKS})


def _scores(
    vectors: EmotionVectors, variant: str, norms: pd.DataFrame, poles: Poles
) -> dict[tuple[int, str], np.ndarray]:
    """(layer, language) → [emotion, component] of the components as they are shown, emotions sorted."""
    own = vectors.variant(variant)
    if own.sizes["emotion"] <= COMPONENTS:
        return {}
    table, _ = pca(own, COMPONENTS, norms, poles)
    emotions = sorted(vectors.emotions)
    found: dict[tuple[int, str], np.ndarray] = {}
    for layer in vectors.layers:
        for language in vectors.languages:
            part = table[(table["layer"] == layer) & (table["language"] == language)]
            if len(part):
                wide = part.pivot(index="emotion", columns="component", values="score").reindex(emotions)
                found[layer, language] = wide.to_numpy(np.float64)
    return found


ANALYSIS = Analysis("uncertainty", _uncertainty, TABLES)
