"""Texts as arrays of tokens, and their n-grams as 64-bit keys: what makes whole corpora quick to compare."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emovec.languages.lexicon import unspaced

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Tokens:
    """The tokens of many texts, one after another.

    Attributes:
        ids: [token] which of `vocabulary` each is; in unspaced languages the code point of a character.
        starts: [text + 1] where each text's tokens begin and the last one's end.
        vocabulary: distinct words, folded in case; empty in unspaced languages, whose tokens are characters.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    vocabulary: list[str]

    def spelt(self, position: int, n: int) -> str:
        """The n tokens from a position as text."""
        ids = self.ids[position : position + n].tolist()
        return " ".join(self.vocabulary[i] for i in ids) if self.vocabulary else "".join(map(chr, ids))


@dataclass(frozen=True)
class NGrams:
    """Every n-gram of every text, each text's in order.

    Attributes:
        keys: [n-gram] equal for equal n-grams; different ones share a key with probability 2⁻⁶⁴.
        texts: [n-gram] the number of the text it is in.
        positions: [n-gram] its first token.
    """

    keys: NDArray[np.uint64]
    texts: NDArray[np.int32]
    positions: NDArray[np.int64]


def tokenise(texts: Sequence[str], language: str) -> Tokens:
    """Words without their case and punctuation; in unspaced languages all characters but white space."""
    if unspaced(language):
        pieces = ["".join(text.casefold().split()) for text in texts]
        data = "".join(pieces).encode("utf-32-le", "surrogatepass")
        lengths = [len(piece) for piece in pieces]
        ids = np.frombuffer(data, np.int32)
        return Tokens(ids, np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), [])
    known: dict[str, int] = {}
    parts = [
        np.array([known.setdefault(word, len(known)) for word in _WORD.findall(text.casefold())], np.int32)
        for text in texts
    ]
    lengths = [len(part) for part in parts]
    ids = np.concatenate([*parts, np.empty(0, np.int32)])
    return Tokens(ids, np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), list(known) or [""])


def ngrams(tokens: Tokens, n: int) -> NGrams:
    """All runs of n tokens within a text."""
    lengths = np.diff(tokens.starts)
    texts = np.repeat(np.arange(len(lengths), dtype=np.int32), np.maximum(lengths - n + 1, 0))
    first = np.concatenate([[0], np.cumsum(np.maximum(lengths - n + 1, 0))])[:-1]
    positions = np.arange(len(texts)) - first[texts] + tokens.starts[:-1][texts]
    return NGrams(_keys(tokens, positions, n), texts, positions)


def _keys(tokens: Tokens, positions: NDArray[np.int64], n: int) -> NDArray[np.uint64]:
    """A polynomial modulo 2⁶⁴ in random codes of the tokens."""
    size = len(tokens.vocabulary) or 0x110000
    codes = np.random.default_rng(0).integers(0, 2**64, size, dtype=np.uint64)
    keys = np.zeros(len(positions), np.uint64)
    for step in range(n):
        keys = keys * _MULTIPLIER + codes[tokens.ids[positions + step]]
    return keys


def distinct(grams: NGrams) -> NGrams:
    """Each n-gram once a text, at its first place; sorted by text and key."""
    order = np.lexsort((grams.positions, grams.keys, grams.texts))
    keys, texts = grams.keys[order], grams.texts[order]
    new = np.ones(len(keys), bool)
    new[1:] = (keys[1:] != keys[:-1]) | (texts[1:] != texts[:-1])
    return NGrams(keys[new], texts[new], grams.positions[order][new])


def joined(parts: Sequence[NGrams]) -> NGrams:
    """Several sets of n-grams as one."""
    return NGrams(
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.texts for part in parts]),
        np.concatenate([part.positions for part in parts]),
    )
