"""How far decoding from activations goes beyond decoding from words, story by story."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import t as student

from emovec.geometry.analysis import Table
from emovec.stats.clustered import mean_interval
from emovec.stats.crossed import crossed_mean_variance

BEYOND_WORDS = Table(
    "layer:int choice:str language:str features:str accuracy words difference low high low_crossed high_crossed p "
    "n_stories:int"
)
"""Columns of `beyond_words`, a table of the analysis `decoding`."""
HELD_OUT, FIXED = "held out", "none"


def beyond_words(tested: Mapping[int, pd.DataFrame], words: pd.DataFrame, shown: int) -> pd.DataFrame:
    """Accuracy from activations less that from words, on the same held-out stories of each language.

    The best of many layers looks better than it is. In the rows with the choice `held out` each fold's stories are
    therefore decoded at the layer that is best on all other folds, by the rule of `choose_layer`.

    Args:
        tested: layer → the stories tested within each language, columns language, id, emotion, topic, fold, right.
        words: as `word_hits` returns them; of words and characters, those count that are better.
        shown: the layer under which the rows with the choice `held out` are filed.

    Returns:
        Columns layer, choice (`none`: this layer everywhere; or `held out`), language, features, accuracy, words,
        difference, low, high (95 % interval for other topics), low_crossed, high_crossed (for other topics and other
        emotions), p (two-sided, of no difference, for other topics and emotions), n_stories.
    """
    if not len(words):
        return pd.DataFrame(columns=BEYOND_WORDS.columns)
    rows = [(layer, FIXED, own) for layer, own in tested.items()] + [(shown, HELD_OUT, held_out_choice(tested))]
    found: list[dict[str, object]] = []
    for layer, choice, every in rows:
        for language, own in every.groupby("language", sort=False):
            known = words[words["language"] == language]
            reached = known.groupby("features")["right"].mean()
            if reached.empty:
                continue
            best = str(reached[reached == reached.max()].index[-1])
            both = own.merge(known[known["features"] == best][["id", "right"]], on="id", suffixes=("", "_words"))
            if len(both):
                at = {"layer": layer, "choice": choice, "language": language, "features": best}
                found.append(at | paired_difference(both))
    return pd.DataFrame(found, columns=BEYOND_WORDS.columns)


def held_out_choice(tested: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """The stories of each fold as decoded at the layer that is best, over all languages, on the other folds."""
    layers = sorted(tested)
    by = [tested[layer].groupby(["fold", "language"])["right"].agg(["sum", "size"]) for layer in layers]
    # Every layer has the same stories. [layer, fold, language] less the fold itself: right ones, and all.
    right, all_of = (
        np.stack([own[name].unstack(fill_value=0).to_numpy(float) for own in by]) for name in ("sum", "size")
    )
    right, all_of = (of.sum(axis=1, keepdims=True) - of for of in (right, all_of))
    shares = np.where(all_of > 0, right / np.maximum(all_of, 1), 0.0).mean(axis=2)
    chosen = np.round(shares, 12).argmax(axis=0)
    folds = by[0].index.get_level_values("fold").unique()
    best = [(fold, tested[layers[at]]) for fold, at in zip(folds, chosen, strict=True)]
    return pd.concat([own[own["fold"] == fold] for fold, own in best], ignore_index=True)


def paired_difference(both: pd.DataFrame) -> dict[str, object]:
    """The difference of two decoders on the same stories, its intervals and its p.

    Args:
        both: columns right and right_words (whether each decoder found the emotion), topic, emotion.
    """
    gap = both["right"].to_numpy(np.float64) - both["right_words"].to_numpy(np.float64)
    topics, emotions = (both[column].to_numpy(dtype=str) for column in ("topic", "emotion"))
    _, codes = np.unique(topics, return_inverse=True)
    low, high = mean_interval(gap, codes if codes.max() else np.arange(len(gap)))
    variance, freedom = crossed_mean_variance(gap, topics, emotions)
    width = float(student.ppf(0.975, freedom)) * np.sqrt(variance)
    return {
        "accuracy": both["right"].mean(),
        "words": both["right_words"].mean(),
        "difference": gap.mean(),
        "low": float(low),
        "high": float(high),
        "low_crossed": gap.mean() - width,
        "high_crossed": gap.mean() + width,
        "p": _p_value(float(gap.mean()), variance, freedom),
        "n_stories": len(both),
    }


def _p_value(mean: float, variance: float, freedom: float) -> float:
    """Two-sided p of a mean of 0; where nothing varies, that of all units of the fewer kind on one side by chance."""
    if variance > 0:
        return float(2 * student.sf(abs(mean) / np.sqrt(variance), freedom))
    return 0.5**freedom if mean else 1.0
