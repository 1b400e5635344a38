"""Can valence, arousal and dominance, as people rate them, be read off the vector of an emotion never fitted?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from emovec.geometry.analysis import Analysis, Outcome, Table, best, each_variant
from emovec.geometry.axes import Poles, pca
from emovec.geometry.component_tests import compared, rating_correlations
from emovec.languages.norms import (
    DIMENSIONS,
    MINIMUM_RATED,
    NormFiles,
    load_norms,
    norm_agreement,
    norms_of,
    rating_ceiling,
)
from emovec.stats.labelled import in_label_order, labels, layer_numbers
from emovec.stats.permutation import familywise_p_values, label_permutations, null_bound, p_values
from emovec.stats.ridge import (
    PENALTIES,
    correlation_interval,
    correlations,
    correlations_without,
    held_out_predictions,
)
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "affect": Table(
        "variant:str layer:int language:str source:str scale:str r low high p p_familywise null_95 n_emotions:int "
        "ceiling"
    ),
    "affect_predictions": Table(
        "variant:str layer:int language:str source:str emotion:str scale:str rating prediction"
    ),
    "affect_components": Table(
        "variant:str layer:int language:str source:str component:int r_valence r_arousal p_valence p_arousal r2 "
        "r2_adjusted p_both n_emotions:int"
    ),
}
INFLUENCE = Table(
    "variant:str layer:int language:str source:str scale:str r low low_word:str high high_word:str r_without word:str "
    "n_emotions:int"
)
"""Columns of `word_influence`, a table of the analysis `robustness`."""
PERMUTATIONS = 1_000
"""At most: each redoes the fits of all emotions, at all layers."""
COMPONENTS = 2


@dataclass(frozen=True)
class Ratings:
    """Human ratings of the emotions of a study, by one source, on scales that it gives for the same emotions.

    Attributes:
        source: whose they are.
        emotions: the labels rated, sorted.
        scales: of `DIMENSIONS`; the emotions differ on each.
        values: [emotion, scale].
    """

    source: str
    emotions: list[str]
    scales: list[str]
    values: np.ndarray


def rated(norms: pd.DataFrame, emotions: list[str], together: tuple[str, ...] = ()) -> Iterator[Ratings]:
    """The ratings of each source that knows at least ten of the emotions.

    Args:
        norms: as `load_norms` returns them.
        emotions: labels, looked up as words whatever their case.
        together: only the emotions rated on all of these scales, and only these; else each scale has all its emotions.
    """
    for source, rows in norms.groupby("source"):
        words = rows.set_index("word").reindex([emotion.casefold() for emotion in sorted(emotions)])
        table = words[list(DIMENSIONS)].set_axis(sorted(emotions))
        sets: dict[tuple[str, ...], list[str]] = {}
        if together:
            sets[tuple(table[list(together)].dropna().index)] = list(together)
        else:
            for scale in DIMENSIONS:
                sets.setdefault(tuple(table[scale].dropna().index), []).append(scale)
        for known, scales in sets.items():
            values = table.loc[list(known), scales]
            values = values.loc[:, values.nunique() > 1]
            if len(known) >= MINIMUM_RATED and len(values.columns) and set(together) <= set(values.columns):
                yield Ratings(str(source), list(known), list(values.columns), values.to_numpy(dtype=np.float64))


def predict_ratings(
    vectors: xr.DataArray, norms: pd.DataFrame, permutations: int = 1_000, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predict human ratings of left-out emotions at every layer, and test how well.

    Each scale is fitted and tested by itself. The p-value permutes its ratings over the emotions, alike at all layers,
    and redoes every fit. The interval is the jackknife's over emotions, on the scale of Fisher's z: one emotion is left
    out and everything fitted anew (of more than 40 emotions, one of 20 random groups). A correlation of 0 is no chance
    level here: where nothing can be learnt the prediction is the mean of the others, which is the lower the higher the
    rating left out, so that r tends to −1. The permutations have the same drawback.

    Args:
        vectors: [language, emotion, layer, hidden].
        norms: as `load_norms` returns them.
        permutations: B of the test.
        seed: of the permutations and of the groups left out.

    Returns:
        Two tables: layer, language, source, scale, r, low, high, p, p_familywise (over layers), null_95, n_emotions,
        ceiling (what a perfect predictor could reach, as `norm_agreement` has it); and layer, language, source,
        emotion, scale, rating, prediction. Without rows where fewer than ten emotions are rated.
    """
    found: list[pd.DataFrame] = []
    predictions: list[pd.DataFrame] = []
    for language in labels(vectors, "language"):
        own = in_label_order(vectors, language).isel(language=0)
        layers, spoken = layer_numbers(own), norms_of(norms, language)
        agreement = norm_agreement(spoken)
        for known in rated(spoken, labels(own, "emotion")):
            values = own.sel(emotion=known.emotions).transpose("layer", "emotion", "hidden").values
            grams = [rows @ rows.T for rows in values]
            predicted, null, (low, high) = _fitted(grams, known.values, permutations, seed)
            r = correlations(predicted, known.values)
            at = {"language": language, "source": known.source}
            for d, scale in enumerate(known.scales):
                columns = {
                    "layer": layers,
                    "scale": scale,
                    "r": r[:, d],
                    "low": low[:, d],
                    "high": high[:, d],
                    "p": p_values(r[:, d], null[:, :, d]),
                    "p_familywise": familywise_p_values(r[:, d], null[:, :, d]),
                    "null_95": null_bound(null[:, :, d]),
                    "n_emotions": len(known.emotions),
                    "ceiling": rating_ceiling(agreement, known.source, scale),
                }
                found.append(pd.DataFrame(columns).assign(**at))
            index = pd.MultiIndex.from_product(
                [layers, known.emotions, known.scales], names=["layer", "emotion", "scale"]
            )
            columns = {"rating": np.tile(known.values.ravel(), len(layers)), "prediction": predicted.ravel()}
            predictions.append(pd.DataFrame(columns, index).reset_index().assign(**at))
    return _joined(found), _joined(predictions)


def _fitted(
    grams: Sequence[np.ndarray], ratings: np.ndarray, permutations: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At each layer what is predicted, how that correlates with permuted ratings, and the ends of r's interval.

    Returns:
        [layer, emotion, scale], [permutation, layer, scale] and [2, layer, scale].
    """
    permuted = ratings[label_permutations(len(ratings), permutations, seed)]
    predicted = np.stack([held_out_predictions(gram, ratings) for gram in grams])
    null = np.stack([correlations(held_out_predictions(gram, permuted), permuted) for gram in grams], axis=1)
    ends = [
        correlation_interval(correlations(own, ratings), gram, ratings, seed)
        for own, gram in zip(predicted, grams, strict=True)
    ]
    return predicted, null, np.stack(ends, axis=1)


def word_influence(vectors: xr.DataArray, norms: pd.DataFrame) -> pd.DataFrame:
    """How far the correlation of predicted with rated hangs on a single word: without each word in turn.

    Args:
        vectors: [language, emotion, hidden], of one layer.
        norms: as `load_norms` returns them.

    Returns:
        Columns language, source, scale, r, low, low_word, high, high_word (the range of r without each word in turn,
        and which words make its ends), r_without, word (the end further from r), n_emotions.
    """
    rows: list[tuple[object, ...]] = []
    for language in labels(vectors, "language"):
        own = in_label_order(vectors.expand_dims(layer=[0]), language).isel(language=0, layer=0)
        for known in rated(norms_of(norms, language), labels(own, "emotion")):
            values = own.sel(emotion=known.emotions).values
            gram = values @ values.T
            r = correlations(held_out_predictions(gram, known.values), known.values)
            without = correlations_without(gram, known.values)
            for d, scale in enumerate(known.scales):
                ends = [int(without[:, d].argmin()), int(without[:, d].argmax())]
                most = max(ends, key=lambda end, d=d: abs(without[end, d] - r[d]))
                named = [part for end in (*ends, most) for part in (float(without[end, d]), known.emotions[end])]
                rows.append((language, known.source, scale, float(r[d]), *named, len(known.emotions)))
    return pd.DataFrame(rows, columns=INFLUENCE.without("variant", "layer"))


def component_affect(
    vectors: xr.DataArray, scores: pd.DataFrame, norms: pd.DataFrame, permutations: int = 1_000, seed: int = 0
) -> pd.DataFrame:
    """Does a principal component carry valence, arousal, or both?

    Args:
        vectors: [language, emotion, layer, hidden], which the scores are of.
        scores: columns layer, language, emotion, component, score, as the first table of `pca`.
        norms: as `load_norms` returns them.
        permutations: B of the tests, which permute the ratings over the emotions.
        seed: of the permutations.

    Returns:
        Columns layer, language, source, component, r_valence, r_arousal, p_valence, p_arousal (two-sided, family-wise
        over layers, components and the two scales), r2 (share of the component's variance that both together explain),
        r2_adjusted (for two predictors of this many emotions), p_both (of r2, family-wise over layers and components),
        n_emotions. Without rows where fewer than ten emotions
        are rated on both.
    """
    rows: list[tuple[object, ...]] = []
    wide = scores.pivot(index=["language", "emotion"], columns=["layer", "component"], values="score")
    for language in labels(vectors, "language"):
        if language not in wide.index.get_level_values("language"):
            continue
        own = wide.xs(language).T.dropna(how="all").T
        for known in rated(norms_of(norms, language), [str(emotion) for emotion in own.index], ("valence", "arousal")):
            table, n = own.loc[known.emotions], len(known.emotions)
            columns = table.to_numpy(dtype=np.float64)
            orders = np.vstack([np.arange(n), label_permutations(n, permutations, seed)])
            every = np.stack([rating_correlations(columns.T, column, orders) for column in known.values.T], axis=-1)
            _, familywise, _ = compared(every)
            # The two scales are shuffled together, so that their own correlation stays and R² follows from the three.
            common = float(np.corrcoef(known.values.T)[0, 1])
            product = 2 * every[..., 0] * every[..., 1] * common
            explained = ((every**2).sum(axis=-1) - product) / max(1 - common**2, 1e-9)
            r2, (_, p_both, _) = explained[0], compared(explained)
            adjusted = 1 - (1 - r2) * (n - 1) / (n - 3)
            for i, (layer, component) in enumerate(table.columns):
                numbers = (*every[0, i], *familywise[i], r2[i], adjusted[i], p_both[i])
                rows.append((layer, language, known.source, component, *map(float, numbers), n))
    return pd.DataFrame(rows, columns=TABLES["affect_components"].without("variant"))


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _affect(vectors: EmotionVectors, norms: NormFiles, poles: Poles, permutations: int, seed: int) -> Outcome:
    ratings = load_norms(norms)
    fewer = min(permutations, PERMUTATIONS)
    found: dict[str, list[pd.DataFrame]] = {"affect": [], "affect_predictions": []}
    for name in vectors.variants:
        parts = predict_ratings(vectors.variant(name), ratings, fewer, seed)
        for table, part in zip(found, parts, strict=True):
            found[table].append(part.assign(variant=name))
    found["affect_components"] = each_variant(
        vectors, lambda v: component_affect(v, pca(v, COMPONENTS, ratings, poles)[0], ratings, permutations, seed)
    )
    highest = best(TABLES["affect"].of(found["affect"]), "r", ["variant", "language", "source", "scale"])
    together: list[dict[str, Any]] = [
        {"source": own.source, "r": float(np.corrcoef(own.values.T)[0, 1]), "n_emotions": len(own.emotions)}
        for own in rated(norms_of(ratings), vectors.emotions, ("valence", "arousal"))
    ]
    summary: dict[str, Any] = {"best": highest, "valence_arousal": together}
    if not highest:
        summary["note"] = (
            f"No source of human norms rates {MINIMUM_RATED} or more of the study's emotions; fewer can't carry a "
            "regression."
        )
    return Outcome(found, summary, {"permutations": fewer, "penalties": PENALTIES.tolist()})


ANALYSIS = Analysis("affect", _affect, TABLES)
