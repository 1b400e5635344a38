"""Headline numbers of one layer under resampled topics: their intervals, reliability, and the ceiling it sets."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from emovec.geometry.analysis import VARIANTS, Activations, Analysis, Outcome, Table, noted, plain
from emovec.geometry.axes import Poles, pca
from emovec.geometry.cells import Cells, layer_cells
from emovec.geometry.crossed import kept_emotions, noise_free_without, of_emotions
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
from emovec.geometry.resampled_components import component_correlations, component_references
from emovec.languages.norms import NormFiles, load_norms
from emovec.stats.crossed import crossed_jackknife
from emovec.stats.permutation import MINIMUM_EMOTIONS
from emovec.stats.resampling import (
    bootstrap_weights,
    bounded_interval,
    half_weights,
    intervals,
    jackknife_interval,
    jackknife_weights,
)
from emovec.stats.shares import wilson
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "intervals": Table(
        "variant:str layer:int statistic:str language_a:str language_b:str reference:str estimate low high "
        "standard_error low_crossed high_crossed error_crossed low_percentile high_percentile low_bca high_bca "
        "bootstraps:int"
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
        grams = own[a][0], own[b][0], blocks.grams(left_out, a, b)
        masks, n = kept_emotions(has[a] | has[b], seed), int((has[a] & has[b]).sum())
        fewer = [pair_statistics(*(of_emotions(gram, mask) for gram in grams)) for mask in masks]
        kept = pair_statistics(*grams)
        resampled = pair_statistics(own[a][1], own[b][1], cells.grams(drawn, a, b))
        rows += [
            _crossed(_interval(name, kept[name], resampled[name], a, b), kept[name], [own[name] for own in fewer], n)
            for name in kept
        ]
        without_noise = noise_free_rsa(halved[a], halved[b])
        whole_a, whole_b = (halves(blocks, each, every, splits, lambda gram: gram) for each in (a, b))
        alone = noise_free_without(whole_a, whole_b, masks)
        row = _interval("rsa_noise_free", without_noise, None, a, b)
        rows.append(_crossed(row, without_noise, list(alone[:, None]), n))
        ceilings.append(_ceiling(a, b, float(kept["rsa"][0]), float(without_noise[0]), halved[a], halved[b]))
    reliabilities = [_reliability(name, half) for name, half in halved.items() if has[name].sum() >= MINIMUM_EMOTIONS]
    tables = {"intervals": rows, "reliability": reliabilities, "ceiling": ceilings}
    return {name: pd.DataFrame(found) for name, found in tables.items()}


def _crossed(row: dict[str, Any], by_topic: np.ndarray, fewer: Sequence[np.ndarray], n: int) -> dict[str, Any]:
    """A row with its interval for other topics and other emotions too.

    Retrieval counts emotions, each found or not: its interval is Wilson's over them, and never narrower than that over
    topics. `rsa_noise_free` is known without an emotion, but not without an emotion and a topic at once.

    Args:
        row: as `_interval` gives it.
        by_topic: [1 + topic], the statistic of all topics and then without each.
        fewer: the same without each emotion, or only its first value.
        n: emotions that both languages have.
    """
    ends = ("low_crossed", "high_crossed", "error_crossed")
    if not len(fewer) or not np.isfinite(row["estimate"]):
        return row
    if row["statistic"] in _COUNTED:
        share = np.array(row["estimate"])
        low, high = wilson(share, np.array(float(n)), float(student.ppf(0.975, n - 1)))
        error = max(row["standard_error"], float(np.sqrt(share * (1 - share) / n)))
        found = min(row["low"], float(low)), max(row["high"], float(high)), error
    else:
        values = np.full((1 + len(fewer), len(by_topic)), np.nan)
        values[0] = by_topic
        for at, own in enumerate(fewer, 1):
            values[at, : len(own)] = own
        found = crossed_jackknife(values, fisher=row["statistic"] in _CORRELATIONS)
    return row | dict(zip(ends, found, strict=True))


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
        **dict.fromkeys(("low_crossed", "high_crossed", "error_crossed"), np.nan),
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
