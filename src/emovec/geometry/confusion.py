"""Which emotions are taken for which: two decoders, their accuracy, and the pairs that both languages confuse."""

import warnings
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from emovec.geometry.analysis import Activations, Analysis, Outcome, Table, noted, plain
from emovec.geometry.decoding import FoldedLayer, folded, nearest_centroid, pooled_scale
from emovec.stats.crossed import crossed_wilson
from emovec.stats.labelled import unit
from emovec.stats.permutation import MINIMUM_EMOTIONS, label_permutations, p_values
from emovec.stats.shares import clustered_wilson
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "methods": Table(
        "layer:int method:str train_language:str test_language:str accuracy low high low_crossed high_crossed "
        "n_stories:int chance"
    ),
    "confusion": Table("layer:int method:str train_language:str test_language:str emotion:str predicted:str count:int"),
    "confused_pairs": Table("layer:int method:str emotion_a:str emotion_b:str language:str rate"),
    "confusion_agreement": Table("layer:int method:str language_a:str language_b:str r p n_pairs:int permutations:int"),
}

METHODS = ("centroid", "logistic")
PENALTY_C = 10.0
"""C of the logistic regression, for stories scaled to a mean squared length of 1 over the training stories."""

COMPONENTS = 512
"""Principal components of the training stories that the logistic regression sees, at most."""

_CHUNK = 500


def predictions(arrays: dict[str, xr.DataArray], seed: int = 0) -> pd.DataFrame:
    """The emotion that each held-out story is given, within and across all pairs of languages, at one layer.

    Folds, centring and standardising are those of `decode`. `centroid` is its nearest centroid; `logistic` a
    multinomial logistic regression with an L2 penalty, on the training stories' principal components (all of them
    unless they are more than `COMPONENTS`: a rotation changes nothing), scaled by one number so that `PENALTY_C` means
    the same at every layer. A story whose emotion has no training story is left out.

    Args:
        arrays: language → [story, hidden] with story coordinates id, language, emotion, topic.
        seed: of the folds where topics can't be held out.

    Returns:
        Columns method, train_language, test_language, id, topic, emotion, predicted.
    """
    layer = folded(arrays, seed)
    frames = [frame for fold in range(layer.n_folds) for frame in _predict_fold(layer, fold)]
    columns = ["method", "train_language", "test_language", "id", "topic", "emotion", "predicted"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def confusion_counts(predicted: pd.DataFrame) -> pd.DataFrame:
    """How often stories of each emotion are given each emotion; pairs that never occur have no row.

    Args:
        predicted: as `predictions` returns them.

    Returns:
        Columns method, train_language, test_language, emotion, predicted, count.
    """
    by = ["method", "train_language", "test_language", "emotion", "predicted"]
    return predicted.groupby(by, sort=True).size().rename("count").reset_index()


def method_accuracies(predicted: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Accuracy of each decoder with its interval.

    The interval is Wilson's (1927) for as many independent stories as the scatter of the topics' accuracies says there
    are (Korn & Graubard 1998), with Student's t for so many topics: stories on one topic share its difficulty. Where
    fewer than two topics are named every story counts as independent. The crossed interval is for other emotions too,
    as `crossed_wilson` has it.

    Args:
        predicted: as `predictions` returns them.
        level: of the interval.

    Returns:
        Columns method, train_language, test_language, accuracy, low, high, low_crossed, high_crossed, n_stories, chance
        (one over the emotions that the training language's own stories have, or those named if it has none).
    """
    rows: list[dict[str, object]] = []
    for (method, train, test), own in predicted.groupby(["method", "train_language", "test_language"]):  # pyright: ignore[reportGeneralTypeIssues]
        right = (own["emotion"] == own["predicted"]).to_numpy()
        topics, emotions = (own[column].to_numpy(dtype=str) for column in ("topic", "emotion"))
        low, high = clustered_wilson(right, topics, level)
        low_crossed, high_crossed = crossed_wilson(right, topics, emotions, level)
        learnt = predicted[(predicted["train_language"] == train) & (predicted["test_language"] == train)]
        known = learnt if len(learnt) else own
        rows.append(
            {
                "method": method,
                "train_language": train,
                "test_language": test,
                "accuracy": right.mean(),
                "low": low,
                "high": high,
                "low_crossed": low_crossed,
                "high_crossed": high_crossed,
                "n_stories": len(own),
                "chance": 1 / known["emotion"].nunique(),
            }
        )
    return pd.DataFrame(rows)


def confused_pairs(counts: pd.DataFrame) -> pd.DataFrame:
    """How often two emotions are taken for each other within a language: the mean of the two directions' rates.

    Args:
        counts: as `confusion_counts` returns them.

    Returns:
        Columns method, emotion_a, emotion_b (in alphabetical order, every pair), language, rate.
    """
    frames: list[pd.DataFrame] = []
    for method, language, emotions, rates in _within(counts):
        a, b = np.triu_indices(len(emotions), 1)
        names = np.array(emotions, dtype=object)
        columns = {"emotion_a": names[a], "emotion_b": names[b], "rate": rates[a, b]}
        frames.append(pd.DataFrame(columns).assign(method=method, language=language))
    columns = TABLES["confused_pairs"].without("layer")
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def confusion_agreement(counts: pd.DataFrame, permutations: int, seed: int = 0) -> pd.DataFrame:
    """Do two languages confuse the same pairs? Pearson's r over pairs of their rates, against shuffled emotions.

    Args:
        counts: as `confusion_counts` returns them.
        permutations: B; one language's emotions are shuffled, rows and columns together.
        seed: of the permutations.

    Returns:
        Columns method, language_a, language_b, r, p (one-sided), n_pairs, permutations; no row where a language
        confuses nothing, or everything alike.
    """
    rows: list[tuple[str, str, str, float, float, int, int]] = []
    found = list(_within(counts))
    for (method, a, emotions_a, rates_a), (other, b, emotions_b, rates_b) in combinations(found, 2):
        shared = sorted(set(emotions_a) & set(emotions_b))
        if method != other or len(shared) < MINIMUM_EMOTIONS:
            continue
        at_a, at_b = ([own.index(e) for e in shared] for own in (emotions_a, emotions_b))
        x, y = rates_a[np.ix_(at_a, at_a)], rates_b[np.ix_(at_b, at_b)]
        upper = np.triu_indices(len(shared), 1)
        if np.ptp(x[upper]) == 0 or np.ptp(y[upper]) == 0:
            continue
        target = stats.zscore(x[upper]) / len(upper[0])
        orders = label_permutations(len(shared), permutations, seed)
        null = np.concatenate(
            [
                stats.zscore(y[part[:, upper[0]], part[:, upper[1]]], axis=1) @ target
                for part in (orders[start : start + _CHUNK] for start in range(0, permutations, _CHUNK))
            ]
        )
        r = float(stats.zscore(y[upper]) @ target)
        p = float(p_values(np.array([r]), null[:, None])[0])
        rows.append((method, a, b, r, p, len(upper[0]), permutations))
    return pd.DataFrame(rows, columns=TABLES["confusion_agreement"].without("layer"))


def _predict_fold(layer: FoldedLayer, fold: int) -> Iterator[pd.DataFrame]:
    training = {name: sums.training(fold) for name, sums in layer.sums.items() if sums.n_training(fold)}
    if not training:
        return
    scale = pooled_scale([variance for _, _, variance in training.values()])
    names = np.array(layer.emotions, dtype=object)
    tested = {test: layer.sums[test].held_out(fold) for test in training}
    for train, (mean_train, means, _) in training.items():
        known = layer.sums[train].trained(fold)
        directions = unit(means / scale)
        values, codes = layer.sums[train].learnt_from(fold)
        model = _Logistic((values - mean_train) / scale, codes)
        for test, (stories, truth) in tested.items():
            testable = known[truth]
            if not testable.any():
                continue
            stories = ((stories - training[test][0]) / scale)[testable]
            own = layer.stories[test].iloc[layer.sums[test].members(fold)[testable]]
            named = {METHODS[0]: nearest_centroid(stories, directions, known), METHODS[1]: model.predict(stories)}
            for method, given in named.items():
                yield own[["id", "topic", "emotion"]].assign(
                    method=method, train_language=train, test_language=test, predicted=names[given]
                )


class _Logistic:
    """Multinomial logistic regression on the principal components of its training stories."""

    def __init__(self, stories: np.ndarray, codes: np.ndarray):
        from sklearn.linear_model import LogisticRegression

        self._only = int(codes[0])
        self._model = None
        size = np.sqrt((stories**2).sum(axis=1).mean())
        if len(np.unique(codes)) < 2 or size == 0:
            return
        # What lies outside the span of the training stories gets no weight, so that a rotation into it loses nothing.
        values, vectors = np.linalg.eigh(
            stories @ stories.T if len(stories) < stories.shape[1] else stories.T @ stories
        )
        kept = np.argsort(values)[::-1][:COMPONENTS]
        kept = kept[values[kept] > 1e-10 * values[kept[0]]]
        basis = vectors[:, kept]
        if len(stories) < stories.shape[1]:
            basis = stories.T @ (basis / np.sqrt(values[kept]))
        self._basis = basis / size
        self._model = LogisticRegression(C=PENALTY_C, max_iter=200, tol=1e-4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._model.fit(stories @ self._basis, codes)

    def predict(self, stories: np.ndarray) -> np.ndarray:
        """The emotion code of each story [story, hidden]."""
        if self._model is None:
            return np.full(len(stories), self._only)
        return np.asarray(self._model.predict(stories @ self._basis))


def _within(counts: pd.DataFrame) -> Iterator[tuple[str, str, list[str], np.ndarray]]:
    """Method, language, sorted emotions tested, symmetric rates [emotion, emotion] within each language."""
    within = counts[counts["train_language"] == counts["test_language"]]
    for (method, language), own in within.groupby(["method", "train_language"]):  # pyright: ignore[reportGeneralTypeIssues]
        emotions = sorted(set(own["emotion"]))
        table = own.pivot_table(index="emotion", columns="predicted", values="count", aggfunc="sum", fill_value=0)
        rates = table.div(table.sum(axis=1), axis=0).reindex(index=emotions, columns=emotions, fill_value=0.0)
        rates = rates.to_numpy(dtype=float)
        yield str(method), str(language), emotions, (rates + rates.T) / 2


def _confusion(vectors: EmotionVectors, activations: Activations, layer: int, permutations: int, seed: int) -> Outcome:
    predicted = predictions({language: activations(layer, language) for language in vectors.languages}, seed)
    parameters = {"penalty": "L2", "C": PENALTY_C, "components": COMPONENTS, "variant": "standardised"}
    if predicted.empty:
        note = "No emotion has stories both to learn from and to test on."
        return Outcome({name: [] for name in TABLES}, {"note": note}, parameters)
    counts, methods = confusion_counts(predicted), method_accuracies(predicted)
    agreement = confusion_agreement(counts, permutations, seed)
    tables = {
        "methods": methods,
        "confusion": counts,
        "confused_pairs": confused_pairs(counts),
        "confusion_agreement": agreement,
    }
    summary: dict[str, Any] = {"layer": layer, "accuracies": plain(methods), "agreement": plain(agreement)}
    notes = ["No two languages share enough confused emotions to compare."] if agreement.empty else []
    parts = {name: [table.assign(layer=layer)] for name, table in tables.items()}
    return Outcome(parts, summary | noted(vectors, notes), parameters)


ANALYSIS = Analysis("confusion", _confusion, TABLES)
