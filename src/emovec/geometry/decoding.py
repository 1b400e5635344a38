"""Can the emotion of a story on an unseen topic be read off its activations, also in another language?"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from emovec.corpus.story import Story
from emovec.geometry.analysis import Activations, Analysis, Outcome, Table, best, stories_read
from emovec.geometry.beyond_words import BEYOND_WORDS, beyond_words
from emovec.geometry.fold_sums import FoldSums
from emovec.geometry.word_decoding import word_hits
from emovec.labels import NEUTRAL
from emovec.stats.crossed import crossed_wilson
from emovec.stats.folds import assign_folds, unshared_topics
from emovec.stats.labelled import unit
from emovec.stats.shares import clustered_wilson
from emovec.vectors.control_vectors import usual_layer
from emovec.vectors.emotion_vectors import EmotionVectors

log = logging.getLogger(__name__)

TABLES = {
    "decoding": Table(
        "variant:str layer:int train_language:str test_language:str accuracy low high low_crossed high_crossed "
        "n_stories:int chance"
    ),
    "beyond_words": BEYOND_WORDS,
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
        Columns variant, layer, train_language, test_language, accuracy, low, high (its interval for other topics, as
        `clustered_wilson` has it), low_crossed, high_crossed (for other topics and other emotions), n_stories, chance
        (one over the emotions of the training language); no row where nothing could be tested.
    """
    frames: list[pd.DataFrame] = []
    for layer in layers:
        tested = decode_stories({language: activations(layer, language) for language in languages}, seed)
        frames.append(_accuracies(tested, layer))
        if progress:
            progress(1)
    columns = TABLES["decoding"].columns
    rows = [frame for frame in frames if len(frame)]
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
    sums: dict[str, FoldSums]
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


@dataclass(frozen=True)
class Tested:
    """The held-out stories of one language, decoded with centroids of one language: arrays [story].

    Attributes:
        labels: id, emotion and topic of each.
        fold: in which it was held out.
        right: whether it was given its emotion.
        chance: one over the emotions of the language that the centroids are of.
    """

    labels: dict[str, np.ndarray]
    fold: np.ndarray
    right: np.ndarray
    chance: float


def decode_stories(arrays: dict[str, xr.DataArray], seed: int = 0) -> dict[tuple[str, str, str], Tested]:
    """Which held-out stories of one layer are given their emotion, decoded as `decode` says.

    Args:
        arrays: language → [story, hidden] with story coordinates id, language, emotion, topic.
        seed: of the folds where topics can't be held out.

    Returns:
        (variant, training language, test language) → the stories tested; without those of which there are none.
    """
    layer = folded(arrays, seed)
    languages = layer.sums
    found: dict[tuple[str, str, str], list[np.ndarray]] = {}
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
                    right = nearest_centroid(stories, directions, known) == truth
                    story = np.stack([languages[test].members(fold), np.full(len(truth), fold), right])
                    found.setdefault((variant, train, test), []).append(story[:, known[truth]])
    labels = {test: {name: own[name].to_numpy(dtype=str) for name in ("id", "emotion", "topic")}
              for test, own in layer.stories.items()}  # fmt: skip
    tested: dict[tuple[str, str, str], Tested] = {}
    for (variant, train, test), parts in found.items():
        at, folds, right = np.concatenate(parts, axis=1)
        if len(at):
            own = {name: values[at] for name, values in labels[test].items()}
            tested[variant, train, test] = Tested(own, folds, right > 0, 1 / languages[train].n_emotions)
    return tested


def _accuracies(tested: dict[tuple[str, str, str], Tested], layer: int) -> pd.DataFrame:
    """The share of the stories tested whose emotion was found, with intervals: the rows of one layer of `decode`."""
    rows: list[dict[str, Any]] = []
    for (variant, train, test), own in tested.items():
        low, high = clustered_wilson(own.right, own.labels["topic"])
        low_crossed, high_crossed = crossed_wilson(own.right, own.labels["topic"], own.labels["emotion"])
        rows.append(
            {"variant": variant, "layer": layer, "train_language": train, "test_language": test}
            | {"accuracy": own.right.mean(), "n_stories": len(own.right), "chance": own.chance}
            | {"low": low, "high": high, "low_crossed": low_crossed, "high_crossed": high_crossed}
        )
    return pd.DataFrame(rows)


def _decoding(vectors: EmotionVectors, activations: Activations, stories: Sequence[Story], seed: int) -> Outcome:
    tables: list[pd.DataFrame] = []
    within: dict[int, pd.DataFrame] = {}
    for layer in vectors.layers:
        tested = decode_stories({language: activations(layer, language) for language in vectors.languages}, seed)
        tables.append(_accuracies(tested, layer))
        parts = [
            pd.DataFrame({**own.labels, "fold": own.fold, "right": own.right}).assign(language=test)
            for (variant, train, test), own in tested.items()
            if variant == "standardised" and train == test
        ]
        if parts:
            within[layer] = pd.concat(parts, ignore_index=True)
    table = TABLES["decoding"].of(tables)
    first = [activations(vectors.layers[0], language) for language in vectors.languages]
    index = pd.concat(map(story_labels, first), ignore_index=True)
    _, rule = assign_folds(index, seed)
    summary: dict[str, Any] = {
        "folds": rule,
        "best": best(table, "accuracy", ["variant", "train_language", "test_language"]),
    }
    if warning := unshared_topics(index):
        log.warning("%s", warning)
        summary["warning"] = warning
    if table.empty:
        summary["note"] = "No emotion has stories both to learn from and to test on."
    words = word_hits(stories_read(stories, activations, vectors), seed)
    beyond = [beyond_words(within, words, choose_layer(table)[0])] if within else []
    return Outcome({"decoding": [table], "beyond_words": beyond}, summary)


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
