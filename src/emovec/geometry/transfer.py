"""Do the emotion vectors of one corpus name the emotions of another corpus's texts?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats
from scipy.sparse import csr_array

from emovec.corpus.story import Story
from emovec.geometry.analysis import VARIANTS
from emovec.geometry.decoding import story_labels
from emovec.labels import NEUTRAL
from emovec.stats.folds import FEW_TOPICS, FOLDS
from emovec.stats.labelled import unit
from emovec.stats.resampling import bootstrap_weights
from emovec.stats.shares import wilson
from emovec.stats.word_baseline import counter, text_features

TOP = 3
FEWEST_TOPICS = 5
"""With fewer topics an interval is taken over stories (Wilson) instead of topics."""

_MEASURES = ["accuracy", "low", "high", "top3", "top3_low", "top3_high", "chance", "n_stories", "n_emotions"]
_COLUMNS = ["variant", "source_language", "target_language", *_MEASURES]
_TEXT_COLUMNS = ["features", *_COLUMNS[1:]]


def transfer_accuracy(
    source: xr.DataArray, target: xr.DataArray, *, hold_out: bool = True, bootstraps: int = 1_000, seed: int = 0
) -> pd.DataFrame:
    """Name the emotion of each target story by the nearest centroid (cosine) of the source's stories, at one layer.

    Only emotions that both corpora have count; neutral stories are passed over. Each language of each side is centred
    by the mean of its own stories, of the target without a look at its labels; `standardised` divides each dimension
    by its standard deviation over the source's stories, pooled over its languages. With `hold_out` a story is named by
    centroids of the other topics wherever both corpora share its topic (ten groups of them where there are more than
    twelve), so that a plot that both corpora tell is no help.

    Accuracy is balanced: the mean over emotions of the share of their stories named right, so that chance is one over
    the emotions however many stories each has. Of equal cosines the worse rank counts. Intervals (95 %) are Wilson's
    for as many independent stories as a bootstrap over the target's topics says there are, with the centroids as they
    are and Student's t for so many topics; over stories where there are fewer than five topics.

    Args:
        source: [story, hidden] with the story coordinates id, language, emotion, topic; any number of languages.
        target: the same of the other corpus.
        hold_out: whether shared topics are held out.
        bootstraps: B.
        seed: of the bootstrap.

    Returns:
        Columns variant, source_language, target_language, accuracy, low, high, top3, top3_low, top3_high, chance,
        n_stories, n_emotions; no row where nothing could be named.
    """
    sides = [_Side(a.transpose("story", "hidden").values.astype("float64"), story_labels(a)) for a in (source, target)]
    emotions = shared_emotions(sides[0].labels["emotion"], sides[1].labels["emotion"])
    known, asked = (side.of(side.labels["emotion"].isin(emotions).to_numpy()) for side in sides)
    languages = [list(dict.fromkeys(side.labels["language"])) for side in (known, asked)]
    sources = {name: known.of((known.labels["language"] == name).to_numpy()) for name in languages[0]}
    targets = {name: asked.of((asked.labels["language"] == name).to_numpy()) for name in languages[1]}
    if not sources or not targets:
        return pd.DataFrame(columns=_COLUMNS)
    pooled = np.sqrt(np.mean([side.values.var(axis=0) for side in sources.values()], axis=0))
    scales = {"raw": np.ones_like(pooled), "standardised": np.where(pooled > 0, pooled, 1.0)}
    rows: list[dict[str, Any]] = []
    for variant in VARIANTS:
        for source_language, a in sources.items():
            for target_language, b in targets.items():
                ranks = _ranks(a.over(scales[variant]), b.over(scales[variant]), emotions, hold_out)
                found = _measures(ranks, b.labels, len(emotions), bootstraps, seed)
                pair = {"source_language": source_language, "target_language": target_language}
                rows += [{"variant": variant, **pair, **found}] if found else []
    return pd.DataFrame(rows, columns=_COLUMNS)


def transfer_texts(
    source: Sequence[Story], target: Sequence[Story], *, hold_out: bool = True, bootstraps: int = 1_000, seed: int = 0
) -> pd.DataFrame:
    """The same by words alone: TF-IDF of words and of one to three characters (1 + log counts), without a model.

    A term counts where the source's stories of that language have it, and its document frequency is theirs. From one
    language to another words can say nothing, so each language is only asked of itself.

    Returns:
        The columns of `transfer_accuracy` with `features` (word, character) for `variant`; the languages are equal.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    rows: list[dict[str, Any]] = []
    emotions = shared_emotions([story.emotion for story in source], [story.emotion for story in target])
    for language in dict.fromkeys(story.language for story in source):
        sides = [[s for s in side if s.language == language and s.emotion in emotions] for side in (source, target)]
        if not all(sides):
            continue
        index = [
            pd.DataFrame(
                {"id": s.id, "language": s.language, "emotion": s.emotion, "topic": s.topic or ""} for s in side
            )
            for side in sides
        ]
        for features in text_features(language):
            counts, weights = counter(features), TfidfTransformer(sublinear_tf=True)
            known = weights.fit_transform(counts.fit_transform([s.text for s in sides[0]]))
            asked = weights.transform(counts.transform([s.text for s in sides[1]]))
            ranks = _ranks(_Side(known, index[0]), _Side(asked, index[1]), emotions, hold_out)
            found = _measures(ranks, index[1], len(emotions), bootstraps, seed)
            pair = {"source_language": language, "target_language": language}
            rows += [{"features": features, **pair, **found}] if found else []
    return pd.DataFrame(rows, columns=_TEXT_COLUMNS)


def unshared_topics(source: pd.DataFrame, target: pd.DataFrame) -> str:
    """A sentence that names the languages whose topics can't be held out since none is shared; empty where all can.

    Args:
        source: columns language and topic ("" for none) of the stories that centroids are made of.
        target: the same of the stories named.
    """
    ours, theirs = (
        {str(language): set(rows["topic"]) - {""} for language, rows in side.groupby("language")}
        for side in (source, target)
    )
    apart = [
        f"{a} to {b}" for a, own in ours.items() for b, other in theirs.items() if own and other and not own & other
    ]
    if not apart:
        return ""
    return (
        f"No topic is held out from {', '.join(apart)}: they have no topic name in common. If some are the same topics "
        "under other names, give a topic the same name on both sides."
    )


def shared_emotions(source: Sequence[str] | pd.Series, target: Sequence[str] | pd.Series) -> list[str]:
    """The emotions that both corpora have, sorted; neutral is none."""
    return sorted((set(map(str, source)) & set(map(str, target))) - {NEUTRAL})


class _Side:
    """Values [story, feature], dense or sparse, and the labels of their stories."""

    def __init__(self, values: Any, labels: pd.DataFrame):
        self.values, self.labels = values, labels.reset_index(drop=True)

    def of(self, chosen: np.ndarray) -> "_Side":
        """Some of the stories."""
        return _Side(self.values[np.flatnonzero(chosen)], self.labels[chosen])

    def over(self, scale: np.ndarray) -> "_Side":
        """Each feature divided by its scale."""
        return _Side(self.values / scale, self.labels)


def _ranks(source: _Side, target: _Side, emotions: list[str], hold_out: bool) -> np.ndarray:
    """[target story]: how many emotions come before its own (0: named right); NaN where its own has no centroid."""
    shared = sorted((set(source.labels["topic"]) & set(target.labels["topic"])) - {""}) if hold_out else []
    group = {topic: i if len(shared) <= FEW_TOPICS else i % FOLDS for i, topic in enumerate(shared)}
    folds, asked = (side.labels["topic"].map(group).fillna(-1).to_numpy(int) for side in (source, target))
    codes, truth = (np.searchsorted(emotions, side.labels["emotion"].to_numpy(str)) for side in (source, target))
    target_mean = np.asarray(target.values.mean(axis=0)).ravel()
    ranks = np.full(len(truth), np.nan)
    for fold in np.unique(asked):
        train = np.flatnonzero((folds != fold) | (folds == -1))
        test = np.flatnonzero(asked == fold)
        counts = np.bincount(codes[train], minlength=len(emotions))
        if not len(train):
            continue
        members = csr_array(
            (1 / counts[codes[train]], (codes[train], np.arange(len(train)))), shape=(len(emotions), len(train))
        )
        means = members @ source.values[train]
        means = np.asarray(means.todense() if hasattr(means, "todense") else means)
        known = counts > 0
        directions = unit(np.where(known[:, None], means - (counts / counts.sum()) @ means, 0.0))
        scores = np.asarray(target.values[test] @ directions.T) - target_mean @ directions.T
        scores = np.where(known, scores, -np.inf)
        own = scores[np.arange(len(test)), truth[test]][:, None]
        ranks[test] = np.where(known[truth[test]], (scores >= own).sum(axis=1) - 1, np.nan)
    return ranks


def _measures(ranks: np.ndarray, labels: pd.DataFrame, n_emotions: int, bootstraps: int, seed: int) -> dict[str, Any]:
    asked = np.isfinite(ranks)
    if not asked.any():
        return {}
    own = labels[asked]
    topics, places = np.unique(own["topic"].to_numpy(str), return_inverse=True)
    _, emotions = np.unique(own["emotion"].to_numpy(str), return_inverse=True)
    by_topic = len(topics) >= FEWEST_TOPICS and "" not in topics
    weights = np.ones((1, len(topics)))
    if by_topic:
        weights = np.vstack([weights, bootstrap_weights(len(topics), bootstraps, seed)])
    found: dict[str, Any] = {"chance": 1 / n_emotions, "n_stories": int(asked.sum()), "n_emotions": n_emotions}
    for name, within in (("accuracy", 1), ("top3", TOP)):
        right = np.zeros((len(topics), emotions.max() + 1))
        stories = np.zeros_like(right)
        np.add.at(right, (places, emotions), ranks[asked] < within)
        np.add.at(stories, (places, emotions), 1)
        # An emotion of which a draw has no story says nothing in that draw.
        drawn = weights @ stories
        shares = np.where(drawn > 0, weights @ right / np.where(drawn > 0, drawn, 1), np.nan)
        values = np.nanmean(shares, axis=1)
        low, high = _interval(float(values[0]), values[1:], int(asked.sum()), len(topics) if by_topic else 0)
        prefix = "" if name == "accuracy" else f"{name}_"
        found |= {name: float(values[0]), f"{prefix}low": float(low), f"{prefix}high": float(high)}
    return found


def _interval(share: float, draws: np.ndarray, n_stories: int, n_topics: int) -> tuple[float, float]:
    """Wilson's interval of a share; stories on one of `n_topics` topics are alike (0: every story is independent)."""
    if not n_topics:
        low, high = wilson(np.array(share), np.array(float(n_stories)), float(stats.norm.ppf(0.975)))
        return float(low), float(high)
    # A bootstrap of n topics understates the variance by (n − 1) / n.
    variance = float(np.nanvar(draws)) * n_topics / (n_topics - 1)
    effective = min(float(n_stories), share * (1 - share) / variance) if variance > 0 else float(n_stories)
    quantile = float(stats.t.ppf(0.975, n_topics - 1))
    low, high = wilson(np.array(share), np.array(max(effective, 1e-9)), quantile)
    return min(share, float(low)), max(share, float(high))
