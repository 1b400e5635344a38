"""How well words alone, without a model, tell the emotion of a story on an unseen topic."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emovec.languages.lexicon import unspaced
from emovec.stats.labelled import unit

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import CountVectorizer

FEATURES = ("word", "character")


def counter(features: str) -> "CountVectorizer":
    """Counts the terms of texts: words, or runs of one to three characters."""
    from sklearn.feature_extraction.text import CountVectorizer

    if features == "word":
        return CountVectorizer(token_pattern=r"(?u)\b\w+\b")
    return CountVectorizer(analyzer="char", ngram_range=(1, 3))


def decode_counts(counts: Any, truth: np.ndarray, folds: np.ndarray, n_emotions: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearest-centroid decoding (cosine) of held-out stories from counts of terms, weighted as in `decode_words`.

    Args:
        counts: [story, term] sparse.
        truth: [story] numbers of the emotions.
        folds: [story] the fold each story is held out in.
        n_emotions: how many emotions there are.

    Returns:
        [story] whether its emotion was found, and whether it was asked for: some story of it was there to learn from.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    right, asked = np.zeros(len(truth), bool), np.zeros(len(truth), bool)
    for fold in np.unique(folds):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        members = np.eye(n_emotions)[truth[train]]
        known = np.bincount(truth[train], minlength=n_emotions) > 0
        if not known.any():
            continue
        # A term of the held-out stories alone is not known to exist.
        seen = counts[:, np.flatnonzero(counts[train].getnnz(axis=0))]
        weights = TfidfTransformer(sublinear_tf=True).fit(seen[train])
        training: Any = weights.transform(seen[train])
        testing: Any = weights.transform(seen[test])
        mean = np.asarray(training.mean(axis=0)).ravel()
        means = (training.T @ (members / np.maximum(members.sum(axis=0), 1))).T
        directions = unit(np.where(known[:, None], means - mean, 0.0))
        scores = testing @ directions.T - directions @ mean
        answers = np.where(known, scores, -np.inf).argmax(axis=1)
        asked[test] = known[truth[test]]
        right[test] = asked[test] & (answers == truth[test])
    return right, asked


def tfidf(texts: Sequence[str], features: str) -> Any:
    """TF-IDF of words (`word`) or runs of one to three characters (`character`): sparse [text, term], rows of length 1.

    Term counts enter by 1 + log.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    return TfidfTransformer(sublinear_tf=True).fit_transform(counter(features).fit_transform(texts))


def text_features(language: str) -> list[str]:
    """The kinds of terms that texts of a language have: no words where it is written without spaces."""
    return [name for name in FEATURES if name == "character" or not unspaced(language)]
