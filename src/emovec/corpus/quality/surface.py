"""How well the surface of stories alone tells their emotion on topics unseen: a confound of every finding on them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_matrix, hstack

from emovec.corpus.quality.confounds import MARKS, surface_features
from emovec.corpus.quality.ngrams import ngrams, tokenise
from emovec.corpus.story import Story
from emovec.languages.lexicon import unspaced
from emovec.stats.folds import assign_folds
from emovec.stats.shares import clustered_wilson
from emovec.stats.word_baseline import decode_counts

COLUMNS = ("language", "features", "accuracy", "low", "high", "chance", "n_stories", "n_topics", "folds")
FEATURES = ("length and punctuation", "words", "all")
"""Sets of features; words are single ones, in languages without spaces characters and pairs of them."""

_LENGTH_BINS = 10


def predict_from_surface(stories: Sequence[Story], language: str, *, seed: int = 0) -> pd.DataFrame:
    """Decode the emotion from length, punctuation and words, each topic held out in turn.

    Terms are weighted and compared as in `emovec.stats.word_baseline.decode_words`: TF-IDF, nearest centroid by cosine.
    Marks of punctuation count as terms, and so does the tenth of all stories, ordered by length, that a story is in.

    Args:
        stories: stories of one language.
        language: its code.
        seed: of the folds where topics can't be held out.

    Returns:
        Columns `COLUMNS`, a row for each of `FEATURES`: accuracy with its 95 % interval (Wilson's, for as many
        independent stories as the scatter over topics leaves: see `emovec.stats.shares.clustered_wilson`), chance
        (one over the number of emotions), and a sentence on the folds. No rows where nothing could be held out.
    """
    index = pd.DataFrame([(s.id, s.language, s.emotion, s.topic or "") for s in stories])
    if index.empty:
        return pd.DataFrame(columns=pd.Index(COLUMNS))
    index.columns = ["id", "language", "emotion", "topic"]
    emotions, truth = np.unique(index["emotion"].to_numpy(dtype=str), return_inverse=True)
    folds, how = assign_folds(index, seed)
    texts = [story.text for story in stories]
    shape, words = _shape_counts(texts, language), word_counts(texts, language)
    n_topics = index.loc[index["topic"] != "", "topic"].nunique()
    units = index["topic"].where(index["topic"] != "", index["id"]) if n_topics > 1 else index["id"]
    rows: list[tuple[object, ...]] = []
    for name, counts in zip(FEATURES, (shape, words, csr_matrix(hstack([shape, words]))), strict=True):
        if not counts.shape[1]:
            continue
        right, asked = decode_counts(counts, truth, folds, len(emotions))
        if asked.any():
            low, high = clustered_wilson(right[asked], units.to_numpy(dtype=str)[asked])
            accuracy = float(right[asked].mean())
            rows.append((language, name, accuracy, low, high, 1 / len(emotions), int(asked.sum()), n_topics, how))
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def word_counts(texts: Sequence[str], language: str) -> csr_matrix:
    """[text, term] how often each text uses each word, or each character and pair of characters."""
    tokens = tokenise(texts, language)
    parts: list[csr_matrix] = []
    for n in (1, 2) if unspaced(language) else (1,):
        grams = ngrams(tokens, n)
        terms, term_of = np.unique(grams.keys, return_inverse=True)
        parts.append(_counts(grams.texts, term_of, (len(texts), len(terms))))
    return csr_matrix(hstack(parts))


def _shape_counts(texts: Sequence[str], language: str) -> csr_matrix:
    """[text, term] marks of punctuation by their number, and the tenth that the text is in by its length."""
    table = surface_features(texts, language)
    marks = np.rint(table[list(MARKS)].to_numpy() * table["characters"].to_numpy()[:, None] / 100).astype(np.int32)
    ranks = table["characters"].rank(method="average", pct=True).to_numpy()
    tenths = np.minimum((ranks * _LENGTH_BINS).astype(int), _LENGTH_BINS - 1)
    lengths = _counts(np.arange(len(texts)), tenths, (len(texts), _LENGTH_BINS))
    return csr_matrix(hstack([csr_matrix(marks), lengths]))


def _counts(rows: NDArray[np.integer], columns: NDArray[np.integer], shape: tuple[int, int]) -> csr_matrix:
    ones = np.ones(len(rows), np.int32)
    return csr_matrix(coo_array((ones, (rows.astype(np.int32), columns.astype(np.int32))), shape=shape))
