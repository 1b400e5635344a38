"""Topic × emotion cells of one layer: vectors of any reweighting of topics, at a cost independent of hidden size."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from scipy.sparse import csr_matrix

from emovec.geometry.analysis import VARIANTS, Activations
from emovec.vectors.emotion_vectors import EmotionVectors

GROUPS = 20
"""Into how many random groups stories without topics are dealt."""

_CHUNK_ELEMENTS = 2**23


@dataclass(frozen=True)
class Cells:
    """One layer's stories, summed by language, topic and emotion, as the dot products of the sums.

    Attributes:
        languages: in the order of the vectors.
        emotions: sorted.
        topics: sorted; the units of resampling.
        gram: [language, topic, emotion, language, topic, emotion], float64.
        counts: [language, topic, emotion]: what each sum is divided by; 0 where there is no story.
        note: how the units were made, for the reader.
    """

    languages: list[str]
    emotions: list[str]
    topics: list[str]
    gram: np.ndarray
    counts: np.ndarray
    note: str

    def grams(self, weights: np.ndarray, a: str, b: str) -> np.ndarray:
        """Dot products between two languages' centred vectors, for each reweighting of the topics.

        A vector under the weights w is Σ_t w_t S_te / Σ_t w_t n_te less its mean over the emotions that have one.

        Args:
            weights: [draw, topic], not negative.
            a: language of the rows.
            b: language of the columns; may be the same.

        Returns:
            [draw, emotion, emotion]; NaN where a draw holds no story of an emotion.
        """
        weights = np.asarray(weights, np.float64)
        rows, columns = self.languages.index(a), self.languages.index(b)
        n_topics, n_emotions = self.counts.shape[1:]
        block = self.gram[rows, :, :, columns].reshape(n_topics, -1)
        n_a, n_b = weights @ self.counts[rows], weights @ self.counts[columns]
        result = np.empty((len(weights), n_emotions, n_emotions))
        step = max(1, _CHUNK_ELEMENTS // block.shape[1])
        for start in range(0, len(weights), step):
            draws = slice(start, start + step)
            w = weights[draws]
            half = (w @ block).reshape(len(w), n_emotions, n_topics, n_emotions)
            summed = (w[:, None, None, :] @ half)[:, :, 0]
            result[draws] = _centred(summed, n_a[draws], n_b[draws])
        return result

    def merged(self, blocks: int, seed: int) -> "Cells":
        """The same with topics joined at random into at most so many blocks, as even as can be."""
        n = len(self.topics)
        if n <= blocks:
            return self
        member = np.zeros((blocks, n))
        member[np.random.default_rng(seed).permutation(n) % blocks, np.arange(n)] = 1
        gram = np.einsum("pt,atebuf,qu->apebqf", member, self.gram, member, optimize=True)
        counts = np.einsum("pt,ate->ape", member, self.counts)
        return replace(self, topics=[f"block {k:03d}" for k in range(blocks)], gram=gram, counts=counts)


def topic_cells(vectors: EmotionVectors, activations: Activations, layer: int, variant: str, seed: int = 0) -> Cells:
    """Sum the stories of one layer by language, topic and emotion.

    The sums are denoised and scaled as the vectors of that variant are. Stories without topics are dealt at random into
    groups that serve as topics, each emotion's evenly.

    Args:
        vectors: of the same stories.
        activations: (layer, language) → [story, hidden] with story coordinates emotion and topic.
        layer: 0-based block.
        variant: `raw` or `standardised`.
        seed: of the groups of stories without topics.

    Returns:
        Cells whose `grams` under equal weights are those of `vectors.variant(variant)`.
    """
    return dict(layer_cells(vectors, activations, layer, seed, (variant,)))[variant]


def layer_cells(
    vectors: EmotionVectors,
    activations: Activations,
    layer: int,
    seed: int = 0,
    variants: tuple[str, ...] = VARIANTS,
) -> Iterator[tuple[str, Cells]]:
    """The cells of several variants of one layer, its activations read once."""
    stories = {language: activations(layer, language) for language in vectors.languages}
    units, note = _units(stories, sorted(vectors.emotions), seed)
    for variant in variants:
        yield variant, _cells(vectors, stories, units, note, layer, variant)


def _centred(summed: np.ndarray, n_a: np.ndarray, n_b: np.ndarray) -> np.ndarray:
    """Dot products of means less their mean over emotions, from those of sums [draw, emotion, emotion]."""
    has_a, has_b = n_a > 0, n_b > 0
    gram = summed / np.where(has_a, n_a, 1)[:, :, None] / np.where(has_b, n_b, 1)[:, None, :]
    gram -= (gram.sum(axis=1) / np.maximum(has_a.sum(axis=1), 1)[:, None])[:, None, :]
    gram -= (gram * has_b[:, None, :]).sum(axis=2, keepdims=True) / np.maximum(has_b.sum(axis=1), 1)[:, None, None]
    return np.where(has_a[:, :, None] & has_b[:, None, :], gram, np.nan)


def _cells(
    vectors: EmotionVectors,
    stories: dict[str, xr.DataArray],
    units: dict[str, np.ndarray],
    note: str,
    layer: int,
    variant: str,
) -> Cells:
    emotions = sorted(vectors.emotions)
    topics = sorted(set(np.concatenate([np.unique(own) for own in units.values()]).tolist()))
    by_topics = _balanced(vectors) and note.endswith("topics")
    scale = vectors.scale.sel(layer=layer).values.astype(np.float64) if variant == "standardised" else 1.0
    parts: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    for language, states in stories.items():
        sums, n = _sums(states, units[language], topics, emotions)
        if by_topics:
            sums, n = _less_topics(sums, n)
        if vectors.denoised is not None and vectors.noise_directions is not None:
            noise = vectors.noise_directions.sel(language=language, layer=layer).values.astype(np.float64)
            sums -= sums @ noise.T @ noise
        parts.append((sums / scale).reshape(-1, sums.shape[-1]))
        counts.append(n)
    rows = np.concatenate(parts)
    shape = (len(parts), len(topics), len(emotions))
    return Cells(list(stories), emotions, topics, (rows @ rows.T).reshape(shape * 2), np.stack(counts), note)


def _units(stories: dict[str, xr.DataArray], emotions: list[str], seed: int) -> tuple[dict[str, np.ndarray], str]:
    """What is resampled together: the topic of each story by language, or a random group."""
    topics = {language: states["topic"].values.astype(str) for language, states in stories.items()}
    if all(len(np.unique(own)) > 1 for own in topics.values()):
        return topics, f"{len(set(np.concatenate(list(topics.values())).tolist()))} topics"
    labels = {language: states["emotion"].values.astype(str) for language, states in stories.items()}
    fewest = min(int((own == emotion).sum()) for own in labels.values() for emotion in emotions)
    groups = min(GROUPS, max(fewest, 2))
    units: dict[str, np.ndarray] = {}
    for language, own in labels.items():
        # Seeded by language and emotion, so that no other emotion's stories change who is dealt where.
        units[language] = np.full(len(own), "", dtype="<U9")
        for emotion in np.unique(own):
            rows = np.flatnonzero(own == emotion)
            key = [seed, *f"{language} {emotion}".encode()]
            order = np.random.default_rng(key).permutation(len(rows))
            units[language][rows[order]] = [f"group {k % groups:03d}" for k in range(len(rows))]
    return units, f"{groups} random groups of stories: no topics"


def _sums(
    states: xr.DataArray, units: np.ndarray, topics: list[str], emotions: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Sums [topic, emotion, hidden] of stories less the overall mean, and how many stories there are in each.

    The mean is a constant that centring over emotions takes out anyway; without it the sums keep their precision.
    """
    topic_at = {topic: at for at, topic in enumerate(topics)}
    emotion_at = {emotion: at for at, emotion in enumerate(emotions)}
    labels = states["emotion"].values.astype(str)
    used = np.flatnonzero(np.isin(labels, emotions))
    code = np.array([topic_at[units[i]] * len(emotions) + emotion_at[labels[i]] for i in used], dtype=np.intp)
    size = len(topics) * len(emotions)
    member = csr_matrix((np.ones(len(used)), (code, used)), shape=(size, len(labels)))
    n = np.bincount(code, minlength=size).astype(np.float64)
    sums = np.asarray(member @ states.transpose("story", "hidden").values.astype(np.float64))
    sums -= n[:, None] * (sums.sum(axis=0) / max(n.sum(), 1))
    return sums.reshape(len(topics), len(emotions), -1), n.reshape(len(topics), len(emotions))


def _balanced(vectors: EmotionVectors) -> bool:
    return vectors.provenance.get("vectors", {}).get("centring") == "topics"


def _less_topics(sums: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cell means less their topic's mean over emotions, each counting once, as vectors centred by topics are made."""
    there = (n > 0) & ((n > 0).sum(axis=1, keepdims=True) > 1)
    means = sums / np.where(n > 0, n, 1)[..., None] * there[..., None]
    topic = means.sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1), 1)[:, None, None]
    return (means - topic) * there[..., None], there.astype(np.float64)
