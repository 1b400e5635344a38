"""Can the emotion of a story on an unseen topic be read off its activations, also in another language?"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from emovec.geometry.analysis import Activations, Analysis, Outcome, Table, best
from emovec.labels import NEUTRAL
from emovec.stats.folds import assign_folds, unshared_topics
from emovec.stats.labelled import unit
from emovec.vectors.control_vectors import usual_layer
from emovec.vectors.emotion_vectors import EmotionVectors

log = logging.getLogger(__name__)

TABLES = {
    "decoding": Table("variant:str layer:int train_language:str test_language:str accuracy n_stories:int chance"),
}


def decode(
    activations: Activations,
    layers: Sequence[int],
    languages: Sequence[str],
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Nearest-centroid decoding of emotions from story activations, within and across all pairs of languages.

    In each fold every language is centred by the mean of its own training stories; the centroids are the means of the
    training language's training stories; a held-out story of the test language is given the emotion whose centroid has
    the largest cosine. `standardised` divides each dimension by its standard deviation over the training stories,
    pooled over the languages (root mean of their variances). A story whose emotion has no training story is left out.

    Args:
        activations: gives one layer of one language; one layer is held in memory at a time.
        layers: which layers.
        languages: which languages.
        seed: of the folds where topics can't be held out.
        progress: called with 1 after each layer.

    Returns:
        Columns variant, layer, train_language, test_language, accuracy, n_stories, chance (one over the emotions of
        the training language); no row where nothing could be tested.
    """
    frames: list[pd.DataFrame] = []
    for layer in layers:
        frames.append(_decode_layer({language: activations(layer, language) for language in languages}, seed))
        if progress:
            progress(1)
    columns = TABLES["decoding"].columns
    rows = [frame.assign(layer=layer) for layer, frame in zip(layers, frames, strict=True) if len(frame)]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def story_labels(array: xr.DataArray) -> pd.DataFrame:
    """The story coordinates id, language, emotion, topic of activations [story, hidden] as a table."""
    columns = ("id", "language", "emotion", "topic")
    return pd.DataFrame({name: array[name].values for name in columns}).fillna("").astype(str)


def choose_layer(decoding: pd.DataFrame) -> tuple[int, str]:
    """The layer with the best mean within-language decoding on standardised activations; of equals the earliest.

    Args:
        decoding: as `decode` returns it.

    Returns:
        The layer and a sentence that says why.

    Raises:
        ValueError: if the table holds no within-language decoding.
    """
    within = decoding[
        (decoding["variant"] == "standardised") & (decoding["train_language"] == decoding["test_language"])
    ]
    if within.empty:
        raise ValueError("no within-language decoding to choose a layer by")
    means = within.groupby("layer")["accuracy"].mean().round(12)
    layer = int(means[means == means.max()].index.min())
    return layer, (
        f"layer {layer} names the emotion of held-out stories best: {means.max():.1%} on average within a language "
        f"(standardised activations, nearest centroid)"
    )


@dataclass(frozen=True)
class FoldedLayer:
    """One layer's stories, dealt into folds that are the same for every language.

    Attributes:
        emotions: sorted; what the codes of `sums` stand for.
        n_folds: folds are numbered from 0.
        sums: language → its stories by fold.
        stories: language → their labels id, language, emotion, topic, in the order of `sums`.
    """

    emotions: list[str]
    n_folds: int
    sums: "dict[str, FoldSums]"
    stories: dict[str, pd.DataFrame]


def folded(arrays: dict[str, xr.DataArray], seed: int) -> FoldedLayer:
    """Deal one layer's stories of each language [story, hidden] into folds; neutral texts are left out."""
    index = pd.concat([story_labels(array) for array in arrays.values()], ignore_index=True)
    values = [array.transpose("story", "hidden").values for array in arrays.values()]
    rows = np.concatenate([np.full(len(part), at) for at, part in enumerate(values)])
    keep = (index["emotion"] != NEUTRAL).to_numpy()
    folds, _ = assign_folds(index[keep], seed)
    emotions, codes = np.unique(index["emotion"][keep], return_inverse=True)
    n_folds = int(folds.max(initial=-1)) + 1
    sums: dict[str, FoldSums] = {}
    stories: dict[str, pd.DataFrame] = {}
    for at, language in enumerate(arrays):
        own = rows == at
        among = own[keep]
        sums[language] = FoldSums(values[at][keep[own]], codes[among], folds[among], len(emotions), max(n_folds, 1))
        stories[language] = index[keep & own].reset_index(drop=True)
    return FoldedLayer([str(emotion) for emotion in emotions], n_folds, sums, stories)


def nearest_centroid(stories: np.ndarray, directions: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The emotion [story] whose centroid of length 1 [emotion, hidden], if known, has the largest cosine."""
    return np.where(known, stories @ directions.T, -np.inf).argmax(axis=1)


def pooled_scale(variances: Sequence[np.ndarray]) -> np.ndarray:
    """Standard deviation [hidden] pooled over languages: root mean of their variances; 1 where nothing varies."""
    pooled = np.sqrt(np.mean(variances, axis=0))
    return np.where(pooled > 0, pooled, 1.0)


def _decode_layer(arrays: dict[str, xr.DataArray], seed: int) -> pd.DataFrame:
    layer = folded(arrays, seed)
    languages = layer.sums
    hits: dict[tuple[str, str, str], list[int]] = {}
    for fold in range(layer.n_folds):
        training = {name: sums.training(fold) for name, sums in languages.items() if sums.n_training(fold)}
        if not training:
            continue
        scale = pooled_scale([variance for _, _, variance in training.values()])
        for variant, divisor in (("raw", np.ones_like(scale)), ("standardised", scale)):
            centroids = {name: unit(means / divisor) for name, (_, means, _) in training.items()}
            for test, (mean, _, _) in training.items():
                stories, truth = languages[test].held_out(fold)
                stories = (stories - mean) / divisor
                for train, directions in centroids.items():
                    known = languages[train].trained(fold)
                    testable = known[truth]
                    right = nearest_centroid(stories, directions, known) == truth
                    tally = hits.setdefault((variant, train, test), [0, 0])
                    tally[0] += int(right[testable].sum())
                    tally[1] += int(testable.sum())
    return pd.DataFrame(
        [
            {
                "variant": variant,
                "train_language": train,
                "test_language": test,
                "accuracy": right / total,
                "n_stories": total,
                "chance": 1 / languages[train].n_emotions,
            }
            for (variant, train, test), (right, total) in hits.items()
            if total
        ]
    )


class FoldSums:
    """Sums over each fold's stories by emotion, from which every training set's means and variances follow."""

    def __init__(self, values: np.ndarray, emotions: np.ndarray, folds: np.ndarray, n_emotions: int, n_folds: int):
        # A shift changes no result, but keeps the sums of squares from cancelling where a dimension is massive.
        self._values = values - values.mean(axis=0, keepdims=True) if len(values) else values
        self._emotions = emotions
        self._members = [np.flatnonzero(folds == fold) for fold in range(n_folds)]
        hidden = values.shape[1]
        self._sums = np.zeros((n_folds, n_emotions, hidden))
        self._squares = np.zeros((n_folds, hidden))
        self._counts = np.zeros((n_folds, n_emotions))
        for fold, members in enumerate(self._members):
            block = self._values[members].astype("float64")
            np.add.at(self._sums[fold], emotions[members], block)
            self._squares[fold] = (block**2).sum(axis=0)
            self._counts[fold] = np.bincount(emotions[members], minlength=n_emotions)
        self.n_emotions = int((self._counts.sum(axis=0) > 0).sum())

    def trained(self, fold: int) -> np.ndarray:
        """[emotion]: whether the training set of a fold has a story of it."""
        return self._counts.sum(axis=0) > self._counts[fold]

    def n_training(self, fold: int) -> int:
        """Stories outside the fold."""
        return int(self._counts.sum() - self._counts[fold].sum())

    def training(self, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Over the training set: mean [hidden], emotion means less it [emotion, hidden], variances [hidden]."""
        others = np.arange(len(self._counts)) != fold
        sums, counts = self._sums[others].sum(axis=0), self._counts[others].sum(axis=0)
        n = counts.sum()
        mean, square = sums.sum(axis=0) / n, self._squares[others].sum(axis=0) / n
        variance = square - mean**2
        known = (counts > 0)[:, None]
        means = np.where(known, sums / np.maximum(counts, 1)[:, None] - mean, 0.0)
        return mean, means, np.where(variance > 1e-12 * square, variance, 0.0)

    def held_out(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """The stories of a fold [story, hidden] and their emotions [story]."""
        return self._stories(self._members[fold])

    def learnt_from(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """The stories outside a fold [story, hidden] and their emotions [story]."""
        others = [members for number, members in enumerate(self._members) if number != fold]
        return self._stories(np.sort(np.concatenate(others)) if others else np.zeros(0, dtype=np.intp))

    def members(self, fold: int) -> np.ndarray:
        """Which stories a fold holds out, in the order of `held_out`."""
        return self._members[fold]

    def _stories(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._values[members].astype("float64"), self._emotions[members]


def _decoding(vectors: EmotionVectors, activations: Activations, seed: int) -> Outcome:
    table = decode(activations, vectors.layers, vectors.languages, seed)
    first = [activations(vectors.layers[0], language) for language in vectors.languages]
    stories = pd.concat(map(story_labels, first), ignore_index=True)
    _, rule = assign_folds(stories, seed)
    summary: dict[str, Any] = {
        "folds": rule,
        "best": best(table, "accuracy", ["variant", "train_language", "test_language"]),
    }
    if warning := unshared_topics(stories):
        log.warning("%s", warning)
        summary["warning"] = warning
    if table.empty:
        summary["note"] = "No emotion has stories both to learn from and to test on."
    return Outcome({"decoding": [table]}, summary)


def _choice(vectors: EmotionVectors, decoding: pd.DataFrame | None, fixed_layer: int | None) -> Outcome:
    if fixed_layer is not None:
        reason = f"layer {fixed_layer} is fixed by the study's settings"
        return Outcome({}, {"layer": fixed_layer, "by": "settings", "reason": reason})
    by = "decoding"
    try:
        layer, reason = choose_layer(TABLES["decoding"].of([]) if decoding is None else decoding)
    except ValueError:
        layer, by = usual_layer(vectors), "depth"
        reason = f"layer {layer} is at two thirds of the depth: there are too few stories to choose by decoding"
    return Outcome({}, {"layer": layer, "by": by, "reason": reason})


DECODING = Analysis("decoding", _decoding, TABLES, gives="decoding")
CHOICE = Analysis("choice", _choice, {}, gives="layer")
