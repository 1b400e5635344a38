"""Can valence, arousal and dominance, as people rate them, be read off the vector of an emotion never fitted?"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.linalg import helmert

from emovec.geometry.labelled import in_label_order, labels, layer_numbers
from emovec.geometry.norms import DIMENSIONS, norm_agreement
from emovec.geometry.permutation import familywise_p_values, label_permutations, p_values
from emovec.geometry.representational import MINIMUM_EMOTIONS
from emovec.geometry.resampling import bootstrap_weights, intervals, jackknife_weights

PENALTIES = np.logspace(-3, 3, 13)
"""Ridge penalties to choose from, in units of the mean eigenvalue of the Gram matrix fitted on."""

_CHUNK = 1_000


@dataclass(frozen=True)
class Ratings:
    """Human ratings of the emotions of a study, by one source.

    Attributes:
        source: whose they are.
        emotions: the labels rated on every dimension, sorted.
        dimensions: those that the source has, and on which the emotions differ.
        values: [emotion, dimension].
    """

    source: str
    emotions: list[str]
    dimensions: list[str]
    values: np.ndarray


def rated(norms: pd.DataFrame, emotions: list[str]) -> Iterator[Ratings]:
    """The ratings of each source that knows at least four of the emotions.

    Args:
        norms: as `load_norms` returns them.
        emotions: labels, looked up as words whatever their case.
    """
    for source, rows in norms.groupby("source"):
        words = rows.set_index("word").reindex([emotion.casefold() for emotion in sorted(emotions)])
        table = words[list(DIMENSIONS)].set_axis(sorted(emotions)).dropna(axis="columns", how="all").dropna()
        table = table.loc[:, table.nunique() > 1]
        if len(table) >= MINIMUM_EMOTIONS and len(table.columns):
            yield Ratings(str(source), list(table.index), list(table.columns), table.to_numpy(dtype=np.float64))


def held_out_predictions(gram: np.ndarray, ratings: np.ndarray) -> np.ndarray:
    """Ridge predictions of each emotion's ratings from a fit that never saw that emotion.

    For each emotion left out, the others' vectors and ratings are centred and fitted; one penalty serves all dimensions
    and is the one of `PENALTIES` with the least generalised cross-validation error among those others, each
    dimension's error in units of its variance there. Everything follows from dot products, so the cost does not
    depend on the hidden size.

    Source: generalised cross-validation, Golub, Heath & Wahba 1979.

    Args:
        gram: [emotion, emotion], dot products of the vectors about any origin.
        ratings: [..., emotion, dimension]; leading axes hold other ratings for the same vectors, as permuted ones.

    Returns:
        [..., emotion, dimension], in the ratings' units.
    """
    n, k = ratings.shape[-2:]
    columns = np.moveaxis(ratings.reshape(-1, n, k), 0, 1)
    predicted = np.empty_like(columns)
    contrasts = helmert(n - 1).T
    for out in range(n):
        rest = np.arange(n) != out
        # Directions that sum to zero over the emotions fitted: they centre vectors and ratings by themselves.
        values, turn = np.linalg.eigh(contrasts.T @ gram[np.ix_(rest, rest)] @ contrasts)
        values, axes = np.clip(values, 0, None), np.zeros((n, n - 2))
        axes[rest] = contrasts @ turn
        penalties = PENALTIES[:, None] * (values.mean() or 1.0)
        scores = np.tensordot(axes.T, columns, 1)
        squares = scores**2
        variance = squares.sum(axis=0)
        error = (squares / np.where(variance > 0, variance, 1)).sum(axis=2)
        left = penalties / (values + penalties)
        chosen = ((left**2 @ error) / left.sum(axis=1)[:, None] ** 2).argmin(axis=0)
        slopes = ((gram[out] - gram[rest].mean(axis=0)) @ axes) / (values + penalties)
        predicted[out] = np.einsum("pa,apk->pk", slopes[chosen], scores) + columns[rest].mean(axis=0)
    return np.moveaxis(predicted, 1, 0).reshape(ratings.shape)


def affect(
    vectors: xr.DataArray, norms: pd.DataFrame, permutations: int = 1_000, bootstraps: int = 1_000, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predict human ratings of left-out emotions at every layer, and test how well.

    The interval is of the correlation between predicted and rated, bootstrapped over emotions (BCa). The p-value
    permutes the ratings over the emotions, all dimensions together and alike at all layers, and redoes every fit. A
    correlation of 0 is no chance level here: where nothing can be learnt the prediction is the mean of the others,
    which is the lower the higher the rating left out, so that r tends to −1. The permutations have the same drawback.

    Args:
        vectors: [language, emotion, layer, hidden].
        norms: as `load_norms` returns them.
        permutations: B of the test.
        bootstraps: B of the interval.
        seed: of both.

    Returns:
        Two tables: layer, language, source, scale, r, low, high, p, p_familywise (over layers), null_95, n_emotions,
        ceiling (mean correlation of the source with the others on the words they share); and layer, language, source,
        emotion, scale, rating, prediction.
    """
    agreement = norm_agreement(norms)
    found: list[pd.DataFrame] = []
    predictions: list[pd.DataFrame] = []
    for language in labels(vectors, "language"):
        own = in_label_order(vectors, language).isel(language=0)
        layers = layer_numbers(own)
        for known in rated(norms, labels(own, "emotion")):
            values = own.sel(emotion=known.emotions).transpose("layer", "emotion", "hidden").values
            at = {"language": language, "source": known.source}
            predicted = np.empty((len(layers), *known.values.shape))
            null = np.empty((permutations, len(layers), len(known.dimensions)))
            orders = label_permutations(len(known.emotions), permutations, seed)
            for i, rows in enumerate(values):
                gram = rows @ rows.T
                predicted[i] = held_out_predictions(gram, known.values)
                for start in range(0, permutations, _CHUNK):
                    permuted = known.values[orders[start : start + _CHUNK]]
                    null[start : start + _CHUNK, i] = correlations(held_out_predictions(gram, permuted), permuted)
            r = correlations(predicted, known.values)
            low, high = _interval(r, predicted, known.values, bootstraps, seed)
            for d, dimension in enumerate(known.dimensions):
                found.append(
                    pd.DataFrame(
                        {
                            "layer": layers,
                            "scale": dimension,
                            "r": r[:, d],
                            "low": low[:, d],
                            "high": high[:, d],
                            "p": p_values(r[:, d], null[:, :, d]),
                            "p_familywise": familywise_p_values(r[:, d], null[:, :, d]),
                            "null_95": np.quantile(null[:, :, d], 0.95, axis=0),
                            "n_emotions": len(known.emotions),
                            "ceiling": _ceiling(agreement, known.source, dimension),
                        }
                    ).assign(**at)
                )
            index = pd.MultiIndex.from_product(
                [layers, known.emotions, known.dimensions], names=["layer", "emotion", "scale"]
            )
            columns = {"rating": np.tile(known.values.ravel(), len(layers)), "prediction": predicted.ravel()}
            predictions.append(pd.DataFrame(columns, index).reset_index().assign(**at))
    return _joined(found), _joined(predictions)


def component_affect(vectors: xr.DataArray, scores: pd.DataFrame, norms: pd.DataFrame) -> pd.DataFrame:
    """Does a principal component carry valence, arousal, or both?

    Args:
        vectors: [language, emotion, layer, hidden], which the scores are of.
        scores: columns layer, language, emotion, component, score, as the first table of `pca`.
        norms: as `load_norms` returns them.

    Returns:
        Columns layer, language, source, component, r_valence, r_arousal, r2 (share of the component's variance that
        both together explain), r2_adjusted (for two predictors of this many emotions), n_emotions.
    """
    rows: list[tuple[object, ...]] = []
    wide = scores.pivot(index=["language", "emotion"], columns=["layer", "component"], values="score")
    for language in labels(vectors, "language"):
        if language not in wide.index.get_level_values("language"):
            continue
        own = wide.xs(language)
        for known in rated(norms, [str(emotion) for emotion in own.index]):
            if not {"valence", "arousal"} <= set(known.dimensions):
                continue
            places = [known.dimensions.index(name) for name in ("valence", "arousal")]
            pair, table, n = known.values[:, places], own.loc[known.emotions], len(known.emotions)
            design = np.column_stack([np.ones(n), pair])
            for layer, component in table.columns:
                score = table[layer, component].to_numpy(dtype=np.float64)
                single = correlations(pair, np.repeat(score[:, None], 2, axis=1))
                residual = score - design @ np.linalg.lstsq(design, score, rcond=None)[0]
                total = float(((score - score.mean()) ** 2).sum())
                r2 = 1 - float(residual @ residual) / total if total > 0 else float("nan")
                adjusted = 1 - (1 - r2) * (n - 1) / (n - 3)
                rows.append((layer, language, known.source, component, *single.tolist(), r2, adjusted, n))
    columns = ["layer", "language", "source", "component", "r_valence", "r_arousal", "r2", "r2_adjusted", "n_emotions"]
    return pd.DataFrame(rows, columns=columns)


def correlations(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Pearson correlations over emotions, NaN where one of the two doesn't vary.

    Args:
        x: [..., emotion, dimension].
        y: the same, or broadcast with it.
        weights: [draw, emotion], how often each emotion counts; then a leading axis `draw` is added.

    Returns:
        [..., dimension].
    """
    x, y = np.broadcast_arrays(x, y)
    weights = np.ones((1, x.shape[-2])) if weights is None else weights
    total = weights.sum(axis=1).reshape(-1, *[1] * (x.ndim - 1))

    def mean(values: np.ndarray) -> np.ndarray:
        return np.tensordot(weights, values, (1, values.ndim - 2)) / total

    # About the plain mean first, or a large offset would cost digits.
    x, y = x - x.mean(axis=-2, keepdims=True), y - y.mean(axis=-2, keepdims=True)
    along = mean(x * y) - mean(x) * mean(y)
    spread = (mean(x * x) - mean(x) ** 2) * (mean(y * y) - mean(y) ** 2)
    with np.errstate(invalid="ignore"):
        r = np.where(spread > 1e-24, along / np.sqrt(np.where(spread > 0, spread, 1)), np.nan)
    return np.clip(r, -1, 1)[0] if len(weights) == 1 else np.clip(r, -1, 1)


def _interval(
    r: np.ndarray, predicted: np.ndarray, ratings: np.ndarray, bootstraps: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    n = len(ratings)
    draws = correlations(predicted, ratings, bootstrap_weights(n, bootstraps, seed))
    return intervals(r, draws, correlations(predicted, ratings, jackknife_weights(n)))[2:]


def _ceiling(agreement: pd.DataFrame, source: str, dimension: str) -> float:
    either = (agreement["source_a"] == source) | (agreement["source_b"] == source)
    return float(agreement.loc[either & (agreement["dimension"] == dimension), "r"].mean())


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
