"""Texts that are nearly the same: candidates by MinHash and banding (Broder 1997), then exact Jaccard similarity."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from emovec.corpus.quality.ngrams import NGrams, distinct, joined, ngrams, tokenise
from emovec.corpus.story import Story
from emovec.languages.lexicon import unspaced

COLUMNS = ("group", "scope", "language", "emotion", "id", "jaccard", "nearest", "copy_of")
WORDS, CHARACTERS = 3, 5
"""The length of a shingle: in words, or in characters for languages without spaces."""

THRESHOLD = 0.5
"""From this Jaccard similarity of their shingles on two texts count as nearly the same."""

_ROWS, _BANDS = 3, 42  # a pair of similarity 0.5 is a candidate with probability 1 - (1 - 0.5³)⁴² = 0.996
_NEIGHBOURS = 50
_SLACK = 0.2  # over four standard errors of a similarity estimated from 126 hashes


def near_duplicates(stories: Sequence[Story], language: str, threshold: float = THRESHOLD) -> pd.DataFrame:
    """Groups of texts that are linked by nearly equal pairs.

    Args:
        stories: texts of one language, stories and neutral ones.
        language: its code, which decides between shingles of words and of characters.
        threshold: least Jaccard similarity (0–1) of a pair.

    Returns:
        Columns `COLUMNS`, a row a text, a group's texts in the order given. scope: `within` where all of the group have
        one emotion, else `across`. jaccard: similarity to the nearest text of the group, whose id is `nearest`.
        copy_of: the id of an earlier text that is nearly equal and is no copy itself; empty for texts to keep. (A chain
        may link texts that are unlike: such are no copies of each other.)
    """
    pairs = similar_pairs([story.text for story in stories], language, threshold)
    if not len(pairs):
        return pd.DataFrame(columns=pd.Index(COLUMNS))
    a, b, similarity = pairs["a"].to_numpy(), pairs["b"].to_numpy(), pairs["jaccard"].to_numpy()
    n = len(stories)
    _, group_of = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)
    nearest: dict[int, tuple[float, int]] = {}
    for i, j, value in zip((*a, *b), (*b, *a), (*similarity, *similarity), strict=True):
        nearest[int(i)] = max(nearest.get(int(i), (0.0, 0)), (float(value), -int(j)))
    members = sorted(nearest)
    number = {label: k for k, label in enumerate(dict.fromkeys(int(group_of[i]) for i in members), 1)}
    originals = _originals([stories[i].text for i in members], [int(group_of[i]) for i in members], language, threshold)
    copy_of = {i: stories[members[k]].id for i, k in zip(members, originals, strict=True) if members[k] != i}
    emotions: dict[int, set[str]] = {}
    for i in members:
        emotions.setdefault(number[int(group_of[i])], set()).add(stories[i].emotion)
    rows = [
        (
            group := number[int(group_of[i])],
            "within" if len(emotions[group]) == 1 else "across",
            language,
            stories[i].emotion,
            stories[i].id,
            nearest[i][0],
            stories[-nearest[i][1]].id,
            copy_of.get(i, ""),
        )
        for i in members
    ]
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS)).sort_values("group", kind="stable", ignore_index=True)


def similar_pairs(texts: Sequence[str], language: str, threshold: float = THRESHOLD) -> pd.DataFrame:
    """Pairs of texts whose shingles have at least this Jaccard similarity.

    Nearly all such pairs are found (0.996 of those at 0.5 and more of those above, but 0.68 of those at 0.3). Of a
    crowd of more than 50 texts alike only some pairs are given, which link the crowd.

    Returns:
        Columns a, b (numbers of texts, a < b) and jaccard, which is exact.
    """
    grams = shingles(texts, language)
    starts = np.searchsorted(grams.texts, np.arange(len(texts) + 1))
    full = np.flatnonzero(np.diff(starts))
    signatures = _signatures(grams.keys, starts[full])
    found: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    for left, right in _candidates(signatures):
        alike = (signatures[left] == signatures[right]).mean(axis=1) >= threshold - _SLACK
        found.append(full[left[alike]] * len(texts) + full[right[alike]])
    rows: list[tuple[int, int, float]] = []
    for code in np.unique(np.concatenate(found)).tolist():
        a, b = divmod(code, len(texts))
        similarity = _jaccard(grams.keys[starts[a] : starts[a + 1]], grams.keys[starts[b] : starts[b + 1]])
        if similarity >= threshold:
            rows.append((a, b, similarity))
    return pd.DataFrame(rows, columns=pd.Index(["a", "b", "jaccard"]))


def _originals(texts: Sequence[str], groups: Sequence[int], language: str, threshold: float) -> list[int]:
    """[text] the place of the text that each one is a copy of, its own where it stays."""
    grams = shingles(texts, language)
    starts = np.searchsorted(grams.texts, np.arange(len(texts) + 1))
    keys = [grams.keys[start:stop] for start, stop in pairwise(starts)]
    kept: dict[int, list[int]] = {}
    found: list[int] = []
    for i, group in enumerate(groups):
        staying = kept.setdefault(group, [])
        original = next((k for k in staying if _jaccard(keys[i], keys[k]) >= threshold), i)
        if original == i:
            staying.append(i)
        found.append(original)
    return found


def _jaccard(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


def shingles(texts: Sequence[str], language: str) -> NGrams:
    """The distinct shingles of each text; a text shorter than a shingle is one as a whole."""
    tokens = tokenise(texts, language)
    size = CHARACTERS if unspaced(language) else WORDS
    lengths = np.diff(tokens.starts)
    parts = [ngrams(tokens, size)]
    for shorter in range(1, size):
        grams = ngrams(tokens, shorter)
        whole = lengths[grams.texts] == shorter
        parts.append(NGrams(grams.keys[whole], grams.texts[whole], grams.positions[whole]))
    return distinct(joined(parts))


def _signatures(keys: NDArray[np.uint64], starts: NDArray[np.int64]) -> NDArray[np.uint32]:
    """[text, hash] the least hash of each text's shingles under each of the hash functions."""
    draws = np.random.default_rng(1).integers(0, 2**64, (_ROWS * _BANDS, 2), dtype=np.uint64)
    signatures = np.empty((len(starts), len(draws)), np.uint32)
    if len(starts):
        for k, (factor, shift) in enumerate(draws):
            hashes = ((keys * (factor | np.uint64(1)) + shift) >> np.uint64(32)).astype(np.uint32)
            signatures[:, k] = np.minimum.reduceat(hashes, starts)
    return signatures


def _candidates(signatures: NDArray[np.uint32]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of texts that agree in all rows of a band, band by band and distance by distance in its order."""
    for band in range(_BANDS):
        rows = signatures[:, band * _ROWS : (band + 1) * _ROWS]
        order = np.lexsort(rows.T)
        rows = rows[order]
        alike = np.arange(len(order))
        for distance in range(1, _NEIGHBOURS + 1):
            alike = alike[alike + distance < len(order)]
            alike = alike[(rows[alike] == rows[alike + distance]).all(axis=1)]
            if not len(alike):
                break
            left, right = order[alike], order[alike + distance]
            yield np.minimum(left, right), np.maximum(left, right)
