"""Logit lens: the tokens that a direction makes more and less likely, and whether its own word is among them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import hypergeom

from emovec.corpus.story import Story
from emovec.geometry.analysis import Analysis, Outcome, Table, best
from emovec.stats.labelled import in_label_order, labels, layer_numbers, unit
from emovec.vectors.emotion_vectors import EmotionVectors

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

TABLES = {
    "lens": Table("language:str layer:int lens:str emotion:str side:str rank:int token_id:int token:str score"),
    "lens_hits": Table("language:str layer:int lens:str k:int word_language:str hit_rate chance n_emotions:int"),
}
ANY = "any"
LENSES = ("raw", "cleaned")
_VOCABULARY_CHUNK = 8192
_SPACE_MARKERS = "▁Ġ \t\n"
# What a character tells of a word: an ideograph as much as three letters, two kana or Hangul syllables likewise.
_ENOUGH = 3.0


def logit_lens(
    vectors: xr.DataArray,
    model: "LanguageModel",
    candidates: Mapping[str, Sequence[int]],
    k: int = 10,
    vocabulary: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Top and bottom tokens of each unit vector, at every layer (nostalgebraist 2020).

    raw: unit vector → gain of the final norm → unembedding, over the whole vocabulary; the score is a logit. cleaned:
    unembedding rows less their mean over the vocabulary and scaled to length 1, over the language's candidate tokens
    only; the score is a cosine. The later blocks are passed over: at early layers neither need mean much. Rows of the
    unembedding that stand for no token (models pad them) are left out of both.

    Args:
        vectors: [language, emotion, layer, hidden].
        model: gives `final_norm` and `unembedding`.
        candidates: for each language the token ids of the cleaned lens.
        k: how many tokens on each side.
        vocabulary: text of every row of the unembedding, "" for no token; by default asked of the model.

    Returns:
        Columns language, layer, lens (raw, cleaned), emotion, side (top, bottom), rank (from 1), token_id, token,
        score.
    """
    unembedding = model.unembedding()
    vocabulary = model.token_texts(range(len(unembedding))) if vocabulary is None else vocabulary
    readable = _readable(vocabulary)
    mean = unembedding.mean(axis=0, dtype="float64").astype("float32")
    frames: list[pd.DataFrame] = []
    owners: list[pd.DataFrame] = []
    directions: list[np.ndarray] = []
    for language in labels(vectors, "language"):
        own = in_label_order(vectors, language).isel(language=0)
        normed = model.final_norm(unit(own.values)).astype("float32").reshape(-1, own.sizes["hidden"])
        emotions, layers = labels(own, "emotion"), layer_numbers(own)
        owner = pd.MultiIndex.from_product([emotions, layers], names=["emotion", "layer"]).to_frame(index=False)
        owner = owner.assign(language=language)
        owners.append(owner)
        directions.append(normed)
        ids = np.unique(np.asarray(candidates.get(language, ()), dtype=np.int64))
        ids = ids[readable[ids]]
        if len(ids):
            cleaned = _extremes(unit(normed), lambda some: unit(unembedding[some] - mean), ids, k, owner)
            frames += [frame.assign(lens="cleaned") for frame in cleaned]
    everything = np.flatnonzero(readable)
    stacked, whose = np.concatenate(directions), pd.concat(owners, ignore_index=True)
    frames += [frame.assign(lens="raw") for frame in _extremes(stacked, unembedding.__getitem__, everything, k, whose)]
    table = pd.concat(frames, ignore_index=True)
    table = table.assign(token=[vocabulary[int(i)] for i in table["token_id"]])
    return table.sort_values(["language", "layer", "lens", "emotion", "side", "rank"], ignore_index=True)[
        TABLES["lens"].columns
    ]


def lens_hits(
    table: pd.DataFrame,
    vocabulary: Sequence[str],
    candidates: Mapping[str, Sequence[int]],
    label_words: Callable[[str, str], Sequence[str]],
) -> pd.DataFrame:
    """Share of emotions with a token of their own label among the top k, against what k random tokens would give.

    A token counts for a word if, without its leading space and regardless of case, it is the word or a beginning of it
    that is long enough: three letters, one ideograph, or two kana or Hangul syllables. With m such tokens among N the
    chance of an emotion is exactly 1 − C(N−m, k) / C(N, k); `chance` is its mean over emotions.

    Args:
        table: as `logit_lens` returns it.
        vocabulary: text of every token id, "" for no token.
        candidates: as given to `logit_lens`.
        label_words: (language, emotion) → the emotion's labels in that language.

    Returns:
        Columns language, layer, lens, k, word_language (a language; `any` for all of the table's and English together),
        hit_rate, chance, n_emotions (those with a label).
    """
    languages = sorted(table["language"].unique())
    index = _TokenIndex.of(vocabulary)
    top = table[table["side"] == "top"]
    k = int(top["rank"].max()) if len(top) else 0
    rows: list[tuple[str, int, str, int, str, float, float, int]] = []
    for (language, lens), own in top.groupby(["language", "lens"]):
        allowed = np.ones(len(vocabulary), bool) if lens == "raw" else np.zeros(len(vocabulary), bool)
        allowed[np.asarray(candidates.get(str(language), ()), dtype=np.int64)] = True
        allowed &= _readable(vocabulary)
        n, drawn = int(allowed.sum()), min(k, int(allowed.sum()))
        for word_language in [*dict.fromkeys([str(language), "en"]), ANY]:
            spoken = sorted({*languages, "en"}) if word_language == ANY else [word_language]
            matching: dict[str, np.ndarray] = {}
            for emotion in own["emotion"].unique():
                words = [word for code in spoken for word in label_words(code, emotion)]
                if words:
                    ids = index.matching(words)
                    matching[emotion] = ids[allowed[ids]]
            if not matching:
                continue
            chance = float(np.mean([hypergeom.sf(0, n, len(ids), drawn) for ids in matching.values()]))
            sets = {emotion: set(ids.tolist()) for emotion, ids in matching.items()}
            labelled = own[own["emotion"].isin(list(sets))]
            hit = [i in sets[e] for i, e in zip(labelled["token_id"], labelled["emotion"], strict=True)]
            by_emotion = labelled.assign(hit=hit).groupby(["layer", "emotion"])["hit"].any()
            for layer, rate in by_emotion.groupby("layer").mean().items():
                rows.append((language, layer, lens, k, word_language, float(rate), chance, len(sets)))  # type: ignore[arg-type]
    columns = TABLES["lens_hits"].columns
    return pd.DataFrame(rows, columns=columns).sort_values(columns[:5], ignore_index=True)


def candidate_tokens(
    texts: Iterable[str], words: Iterable[str], vocabulary: Sequence[str], model: "LanguageModel"
) -> list[int]:
    """The tokens that the cleaned lens may show: those of a language's texts, and those that name an emotion.

    Corpora of emotion stories never name the emotion, so that without the second kind no direction could name its own.

    Args:
        texts: the corpus's texts of the language.
        words: the labels of all the study's emotions.
        vocabulary: text of every token id.
        model: gives `text_token_ids`.

    Returns:
        Token ids, sorted.
    """
    of_texts = {token for text in texts for token in model.text_token_ids(text)}
    return sorted(of_texts.union(_TokenIndex.of(vocabulary).matching(words).tolist()))


def _readable(vocabulary: Sequence[str]) -> np.ndarray:
    return np.array([text != "" for text in vocabulary])


@dataclass(frozen=True)
class _TokenIndex:
    """Which token ids read as a given plain text."""

    ids: dict[str, list[int]]

    @classmethod
    def of(cls, vocabulary: Sequence[str]) -> "_TokenIndex":
        ids: dict[str, list[int]] = {}
        for token_id, text in enumerate(vocabulary):
            ids.setdefault(_plain(text), []).append(token_id)
        return cls(ids)

    def matching(self, words: Iterable[str]) -> np.ndarray:
        """Sorted ids of the tokens that count for one of the words."""
        found = {i for word in words for beginning in _beginnings(word) for i in self.ids.get(beginning, ())}
        return np.array(sorted(found), dtype=np.int64)


def _plain(token: str) -> str:
    return token.lstrip(_SPACE_MARKERS).casefold()


def _beginnings(word: str) -> list[str]:
    word = word.casefold()
    weights = np.cumsum([_weight(character) for character in word])
    return [word[: at + 1] for at, weight in enumerate(weights) if weight >= _ENOUGH or at == len(word) - 1]


def _weight(character: str) -> float:
    if "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or character >= "\U00020000":
        return _ENOUGH
    if "\u3040" <= character <= "\u30ff" or "\uac00" <= character <= "\ud7a3":
        return _ENOUGH / 2
    return 1.0 if character.isalpha() else 0.0


def _extremes(
    directions: np.ndarray, rows: Callable[[np.ndarray], np.ndarray], ids: np.ndarray, k: int, owners: pd.DataFrame
) -> list[pd.DataFrame]:
    """The k largest and smallest dot products of each direction [n, hidden] with the rows [token, hidden] of the ids.

    All layers and languages share one pass over the vocabulary in pieces: it is read once, and no more than a piece's
    logits are held.
    """
    import torch

    k = min(k, len(ids))
    queries = torch.from_numpy(np.ascontiguousarray(directions))
    best: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for start in range(0, len(ids), _VOCABULARY_CHUNK):
        piece = torch.from_numpy(rows(ids[start : start + _VOCABULARY_CHUNK]))
        scores = queries @ piece.T
        for side in ("top", "bottom"):
            values, at = scores.topk(min(k, len(piece)), dim=1, largest=side == "top")
            at = at + start
            if side in best:
                values, at = torch.cat([best[side][0], values], 1), torch.cat([best[side][1], at], 1)
                values, order = values.topk(k, dim=1, largest=side == "top")
                at = at.gather(1, order)
            best[side] = values, at
    return [
        owners.loc[owners.index.repeat(k)].assign(
            side=side,
            rank=np.tile(np.arange(1, k + 1), len(owners)),
            token_id=ids[at.numpy()].ravel(),
            score=values.numpy().ravel(),
        )
        for side, (values, at) in best.items()
    ]


def _lens(
    vectors: EmotionVectors, stories: Sequence[Story], model: "Callable[[], LanguageModel]", top_k: int
) -> Outcome:
    from emovec.languages import lexicon

    loaded = model()
    vocabulary = loaded.token_texts(range(len(loaded.unembedding())))
    candidates: dict[str, list[int]] = {}
    for language in vectors.languages:
        codes = {language, "en"}
        words = [word for code in codes for emotion in vectors.emotions for word in lexicon.labels(code, emotion)]
        texts = (story.text for story in stories if story.language == language)
        candidates[language] = candidate_tokens(texts, words, vocabulary, loaded)
    table = logit_lens(vectors.best, loaded, candidates, top_k, vocabulary)
    hits = lens_hits(table, vocabulary, candidates, lexicon.labels)
    highest = best(hits, "hit_rate", ["language", "lens", "word_language"])
    parameters = {"candidates": {language: len(ids) for language, ids in candidates.items()}}
    return Outcome({"lens": [table], "lens_hits": [hits]}, {"best": highest}, parameters)


ANALYSIS = Analysis("lens", _lens, TABLES)
