"""The space that emotions and reference labels share: are they apart, and is what a language adds the same for both?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from emovec.corpus.story import Story
from emovec.geometry.analysis import VARIANTS, Activations, Analysis, OtherTexts, Outcome, Table
from emovec.geometry.decoding import story_labels
from emovec.geometry.lens import candidate_tokens, logit_lens
from emovec.geometry.reference import SETS
from emovec.geometry.reliability import BLOCKS, MINIMUM_TOPICS
from emovec.stats.labelled import unit
from emovec.stats.resampling import half_weights, jackknife_interval
from emovec.stats.shares import wilson
from emovec.vectors.emotion_vectors import EmotionVectors

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

TABLES = {
    "reference_space": Table("variant:str layer:int statistic:str language_a:str language_b:str value low high chance"),
    "reference_tokens": Table(
        "layer:int labels:str language_a:str language_b:str side:str rank:int token_id:int token:str score"
    ),
}
DIRECTIONS = 5
"""So many leading directions of some labels' language differences are held against those of others."""
FOLDS = 10
REPEATS = 10
"""Random halves of the labels, or of the topics."""
Z95 = 1.96


def topic_means(
    activations: Activations, layer: int, language: str, labels: Sequence[str], topics: Sequence[Sequence[str]]
) -> np.ndarray:
    """Mean activation of each label's stories in each block of topics.

    Returns:
        [block, label, hidden] float64; NaN where there is no story.
    """
    array = activations(layer, language)
    index = story_labels(array)
    block = {topic: at for at, names in enumerate(topics) for topic in names}
    place = {label: at for at, label in enumerate(labels)}
    used = np.flatnonzero(index["topic"].isin(list(block)) & index["emotion"].isin(list(place)))
    rows = [block[topic] for topic in index["topic"].iloc[used]]
    columns = [place[label] for label in index["emotion"].iloc[used]]
    sums = np.zeros((len(topics), len(labels), array.sizes["hidden"]))
    counts = np.zeros((len(topics), len(labels), 1))
    np.add.at(sums, (rows, columns), array.transpose("story", "hidden").values[used].astype(np.float64))
    np.add.at(counts, (rows, columns), 1.0)
    with np.errstate(invalid="ignore"):
        return sums / counts


def noise_free_products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Dot products of label means without what a topic puts into both: mean over all pairs of different blocks.

    Args:
        a: [block, label, hidden].
        b: the same with other labels, or the same ones.

    Returns:
        [label, label].
    """
    n = len(a)
    own = np.matmul(a, b.transpose(0, 2, 1)).sum(axis=0)
    return (a.sum(axis=0) @ b.sum(axis=0).T - own) / (n * (n - 1))


def language_difference(emotions: np.ndarray, reference: np.ndarray, seed: int = 0) -> dict[str, float]:
    """What a change of language does to emotions and to reference labels, and what of it is the same.

    Each label has a difference: its mean in one language less that in the other. Its mean over labels is the
    language's offset; what is left of a label's difference is its rest. All squares and products are noise-free, that
    is between different topics.

    Args:
        emotions: [block, label, hidden] differences.
        reference: the same of the reference labels, in the same blocks of topics.
        seed: of random halves.

    Returns:
        offset_cosine: cosine of the two offsets; offset_share and offset_share_reference: the part of the squared
        differences that is the offset; offset_shared: the part of the emotions' that the reference's offset accounts
        for; rest_rank and rest_rank_reference: participation ratio (Σλ)² / Σλ² of the rests; rest_by_reference,
        rest_by_emotions, rest_by_stories: the part of half of the emotions' rests that lies in the five leading
        directions of the rests of as many reference labels, of the other emotions, and of differences between stories
        of the same label.
    """
    pairs = {"ee": (emotions, emotions), "rr": (reference, reference), "er": (emotions, reference)}
    products = {name: noise_free_products(*pair) for name, pair in pairs.items()}
    square = {name: float(products[name].mean()) for name in products}
    whole = {name: float(np.trace(products[name])) / len(products[name]) for name in ("ee", "rr")}
    root = square["ee"] * square["rr"]
    cosine = square["er"] / np.sqrt(root) if min(square["ee"], square["rr"]) > 0 else np.nan
    share = square["ee"] / whole["ee"]
    rests = [each - each.mean(axis=1, keepdims=True) for each in (emotions, reference)]
    found = {
        "offset_cosine": cosine,
        "offset_share": share,
        "offset_share_reference": square["rr"] / whole["rr"],
        "offset_shared": share * cosine**2,
        "rest_rank": participation(rests[0], seed),
        "rest_rank_reference": participation(rests[1], seed),
    }
    return found | _captured(emotions, reference, seed)


def participation(rests: np.ndarray, seed: int = 0) -> float:
    """In how many directions label differences lie: (Σλ)² / Σλ² of their products, without noise.

    The products in the denominator are those of one half of the blocks with those of the other.

    Args:
        rests: [block, label, hidden].
        seed: of the halves.
    """
    above, below = 0.0, 0.0
    for first, second in zip(*half_weights(len(rests), REPEATS, seed), strict=True):
        a, b = (noise_free_products(rests[kept > 0], rests[kept > 0]) for kept in (first, second))
        above += float(np.trace(a) * np.trace(b))
        below += float((a * b).sum())
    return above / below if below > 0 else np.nan


def _captured(emotions: np.ndarray, reference: np.ndarray, seed: int) -> dict[str, float]:
    """The part of half of the emotions' rests that lies in the leading directions of other differences.

    Each half has its own mean taken out, so that no label takes part in the directions that it is held against.
    """
    size = min(emotions.shape[1], reference.shape[1]) // 2
    rng = np.random.default_rng(seed)
    rests = reference - reference.mean(axis=1, keepdims=True)
    stories = _leading((rests - rests.mean(axis=0)).reshape(-1, rests.shape[-1]))
    sums = dict.fromkeys(("rest_by_reference", "rest_by_emotions", "rest_by_stories"), 0.0)
    whole = 0.0
    for _ in range(REPEATS):
        order, others = rng.permutation(emotions.shape[1]), rng.permutation(reference.shape[1])
        chosen = emotions[:, order[:size]], reference[:, others[:size]], emotions[:, order[size : 2 * size]]
        asked, *learnt = (part - part.mean(axis=1, keepdims=True) for part in chosen)
        bases = dict(zip(sums, (*(_leading(part.mean(axis=0)) for part in learnt), stories), strict=True))
        whole += float(np.trace(noise_free_products(asked, asked)))
        for name, basis in bases.items():
            inside = asked @ basis.T
            sums[name] += float(np.trace(noise_free_products(inside, inside)))
    return {name: value / whole if whole > 0 else np.nan for name, value in sums.items()}


def _leading(rows: np.ndarray) -> np.ndarray:
    """The leading directions of some rows: [direction, hidden], orthonormal."""
    values, vectors = np.linalg.eigh(rows @ rows.T)
    kept = np.argsort(-values)[:DIRECTIONS]
    return (vectors[:, kept] / np.sqrt(np.maximum(values[kept], 1e-30))).T @ rows


def separation(
    emotions: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray], train: str, test: str, seed: int = 0
) -> np.ndarray:
    """Whether a label that took no part in learning is told to be an emotion or a reference label.

    Nearest of the two means of a language's other labels; each language is centred by the mean of the two.

    Args:
        emotions: language → [label, hidden].
        reference: the same of the reference labels.
        train: the language that the means are learnt in.
        test: the language of the labels that are asked.
        seed: of the ten folds of labels.

    Returns:
        [label] of the emotions and then of the reference: 1 where right.
    """
    rng = np.random.default_rng(seed)
    folds = [rng.permutation(len(side[train])) % FOLDS for side in (emotions, reference)]
    right = [np.zeros(len(fold)) for fold in folds]
    for fold in range(FOLDS):
        means = {
            language: [
                side[language][own != fold].mean(axis=0) for side, own in zip((emotions, reference), folds, strict=True)
            ]
            for language in (train, test)
        }
        axis = means[train][0] - means[train][1]
        middle = (means[test][0] + means[test][1]) / 2
        for side, (own, sign) in enumerate(zip(folds, (1, -1), strict=True)):
            asked = (emotions, reference)[side][test][own == fold]
            right[side][own == fold] = sign * ((asked - middle) @ axis) > 0
    return np.concatenate(right)


def _reference_space(
    vectors: EmotionVectors,
    activations: Activations,
    stories: Sequence[Story],
    reference: OtherTexts | None,
    model: "Callable[[], LanguageModel]",
    top_k: int,
    seed: int,
) -> Outcome:
    nothing = {name: [] for name in TABLES}
    if reference is None:
        return Outcome(nothing, {"note": "The study names no geometry.reference."})
    languages = [language for language in vectors.languages if language in reference.vectors.languages]
    layers = [at for at in vectors.layers if at in reference.vectors.layers]
    labels = [sorted(one.emotions) for one in (vectors, reference.vectors)]
    sources = (activations, reference.activations)
    topics = _shared_topics(sources, layers[0], languages, seed) if layers else []
    if len(topics) < MINIMUM_TOPICS:
        return Outcome(nothing, {"note": f"The study and {reference.name} share fewer than {MINIMUM_TOPICS} topics."})
    rows: list[dict[str, Any]] = []
    offsets: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for at in layers:
        means = [
            {language: topic_means(source, at, language, names, topics) for language in languages}
            for source, names in zip(sources, labels, strict=True)
        ]
        whole = [_complete(side) for side in means]
        scales = {"raw": 1.0, "standardised": vectors.scale.sel(layer=at).values.astype(np.float64)}
        for variant in VARIANTS:
            scaled = [{name: values / scales[variant] for name, values in side.items()} for side in whole]
            place = {"variant": variant, "layer": at}
            rows += [place | row for row in _apart(scaled, seed)]
            for a, b in combinations(languages, 2):
                e, r = (side[b] - side[a] for side in scaled)
                rows += [place | {"language_a": a, "language_b": b} | row for row in _with_intervals(e, r, seed)]
        for a, b in combinations(languages, 2):
            for name, side in zip(SETS, whole, strict=True):
                offsets.setdefault((name, a, b), []).append((side[b] - side[a]).mean(axis=(0, 1)))
    texts = {language: [s.text for s in stories if s.language == language] for language in languages}
    tokens = _tokens(offsets, layers, texts, model(), top_k) if offsets else []
    summary = {"reference": reference.name, "topics": len(topics), "directions": DIRECTIONS}
    return Outcome({"reference_space": [pd.DataFrame(rows)], "reference_tokens": tokens}, summary)


def _shared_topics(sources: Sequence[Activations], layer: int, languages: Sequence[str], seed: int) -> list[list[str]]:
    """The topics that both sets have in all languages, in at most as many blocks as are left out one at a time."""
    there = [set(source(layer, language)["topic"].values.astype(str)) for source in sources for language in languages]
    shared = np.array(sorted(set.intersection(*there) - {""})) if there else np.array([])
    order = np.random.default_rng(seed).permutation(len(shared))
    return [sorted(shared[order[k::BLOCKS]].tolist()) for k in range(min(BLOCKS, len(shared)))]


def _complete(side: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Only the labels that have stories in every block and language."""
    there = np.all([np.isfinite(values).all(axis=(0, 2)) for values in side.values()], axis=0)
    return {language: values[:, there] for language, values in side.items()}


def _apart(scaled: Sequence[dict[str, np.ndarray]], seed: int) -> Iterator[dict[str, Any]]:
    sides = [{language: values.mean(axis=0) for language, values in side.items()} for side in scaled]
    for train in sides[0]:
        for test in sides[0]:
            right = separation(sides[0], sides[1], train, test, seed)
            low, high = wilson(np.array(right.mean()), np.array(float(len(right))), Z95)
            yield {
                "statistic": "separation", "language_a": train, "language_b": test, "value": float(right.mean()),
                "low": float(low), "high": float(high), "chance": 0.5,
            }  # fmt: skip


def _with_intervals(emotions: np.ndarray, reference: np.ndarray, seed: int) -> Iterator[dict[str, Any]]:
    """The statistics of `language_difference`, with intervals for other topics."""
    whole = language_difference(emotions, reference, seed)
    left_out = [
        language_difference(np.delete(emotions, k, 0), np.delete(reference, k, 0), seed) for k in range(len(emotions))
    ]
    for name, value in whole.items():
        low, high, _ = jackknife_interval(np.array(value), np.array([found[name] for found in left_out]))
        chance = DIRECTIONS / emotions.shape[-1] if name.startswith("rest_by") else np.nan
        yield {"statistic": name, "value": value, "low": float(low), "high": float(high), "chance": chance}


def _tokens(
    offsets: Mapping[tuple[str, str, str], Sequence[np.ndarray]],
    layers: Sequence[int],
    texts: Mapping[str, Sequence[str]],
    model: "LanguageModel",
    top_k: int,
) -> list[pd.DataFrame]:
    """Tokens of the two languages' texts that the offset makes more and less likely, at every layer: cleaned lens."""
    vocabulary = model.token_texts(range(len(model.unembedding())))
    found: list[pd.DataFrame] = []
    for a, b in dict.fromkeys(key[1:] for key in offsets):
        values = np.array([unit(np.array(offsets[name, a, b])) for name in SETS])
        array = xr.DataArray(
            values[None],
            dims=("language", "emotion", "layer", "hidden"),
            coords={"language": [b], "emotion": list(SETS), "layer": list(layers)},
        )
        candidates = {b: candidate_tokens([*texts[a], *texts[b]], [], vocabulary, model)}
        table = logit_lens(array, model, candidates, top_k, vocabulary).rename(columns={"emotion": "labels"})
        found.append(table[table["lens"] == "cleaned"].assign(language_a=a, language_b=b))
    return found


ANALYSIS = Analysis("reference_space", _reference_space, TABLES)
