"""Are emotions special? What two languages share of the emotions, next to what they share of other labels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from emovec.corpus.story import Story
from emovec.geometry.analysis import VARIANTS, Activations, Analysis, OtherTexts, Outcome, Table, stories_read
from emovec.geometry.cells import Cells, layer_cells
from emovec.geometry.matching import matched_difference, noise_free_squares
from emovec.geometry.profiles import triangle, word_cosines
from emovec.geometry.reliability import BLOCKS, MINIMUM_TOPICS, SPLITS, halves, spearman_brown
from emovec.geometry.resampled import Resampled, decoding_resampled, difference, pair_resampled
from emovec.geometry.similarity import pair_cosines
from emovec.labels import NEUTRAL
from emovec.stats.permutation import MINIMUM_EMOTIONS
from emovec.stats.resampling import half_weights
from emovec.vectors.emotion_vectors import EmotionVectors

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

_VALUES = "emotions reference difference low high low_crossed high_crossed"
TABLES = {
    "reference": Table(f"variant:str layer:int statistic:str language_a:str language_b:str {_VALUES}"),
    "reference_depth": Table(f"variant:str statistic:str language_a:str language_b:str {_VALUES}"),
    "reference_sets": Table("variant:str layer:int language:str labels:str n_labels:int reliability spread"),
}
SETS = ("emotions", "reference")
LATE = 2 / 3
"""Layers from this share of the depth on are the late ones."""


class _Set:
    """One set of labels with its texts: the emotions, or the reference."""

    def __init__(self, vectors: EmotionVectors, activations: Activations, stories: Sequence[Story]):
        self.vectors, self.activations = vectors, activations
        self.stories = [story for story in stories_read(stories, activations, vectors) if story.emotion != NEUTRAL]

    def word_similarities(self, model: "LanguageModel") -> Callable[[str, tuple[str, str]], np.ndarray]:
        """(variant, two languages) → similarities [confound, pair of labels] from embeddings, words, first layer."""
        embeddings, terms = word_cosines(self.stories, self.vectors.languages, model)
        labels = sorted(self.vectors.emotions)

        def similarities(variant: str, pair: tuple[str, str]) -> np.ndarray:
            known: list[Mapping[str, xr.DataArray]] = [embeddings[variant], *terms.values()]
            rows = [triangle(own[language], labels) for own in known for language in pair if language in own]
            first = pair_cosines(self.vectors.variant(variant), *pair)
            return np.array([*rows, first[0][0], first[1][0]])

        return similarities


def _reference(
    vectors: EmotionVectors,
    activations: Activations,
    stories: Sequence[Story],
    reference: OtherTexts | None,
    model: "Callable[[], LanguageModel]",
    bootstraps: int,
    seed: int,
    layer: int,
) -> Outcome:
    if reference is None:
        return Outcome({name: [] for name in TABLES}, {"note": "The study names no geometry.reference."})
    sets = (
        _Set(vectors, activations, stories),
        _Set(reference.vectors, reference.activations, reference.stories),
    )
    languages = [language for language in vectors.languages if language in reference.vectors.languages]
    layers = [at for at in vectors.layers if at in reference.vectors.layers]
    facts = {"reference": reference.name, "n_labels": [len(one.vectors.emotions) for one in sets]}
    if note := _incomparable(sets, languages, layers):
        return Outcome({name: [] for name in TABLES}, facts | {"note": note})
    rows: list[dict[str, Any]] = []
    described: list[dict[str, Any]] = []
    by_layer: dict[tuple[str, str, str], list[tuple[Resampled, Resampled]]] = {}
    similarities = [one.word_similarities(model()) for one in sets] if len(languages) > 1 else []
    paired = False
    for at in layers:
        both = [dict(layer_cells(one.vectors, one.activations, at, seed)) for one in sets]
        for variant in VARIANTS:
            cells = [one[variant] for one in both]
            if min(len(each.topics) for each in cells) < MINIMUM_TOPICS:
                continue
            paired = cells[0].topics == cells[1].topics
            place = {"variant": variant, "layer": at}
            described += [place | row for row in _described(cells, [one.vectors for one in sets], at, variant, seed)]
            for pair in combinations(languages, 2):
                e, r = (
                    pair_resampled(own, pair, similar(variant, pair), bootstraps, seed)
                    for own, similar in zip(cells, similarities, strict=True)
                )
                where = place | {"language_a": pair[0], "language_b": pair[1]}
                rows += [where | {"statistic": name} | difference(e[name], r[name], paired) for name in e]
                by_layer.setdefault((variant, *pair), []).append((e["rsa"], r["rsa"]))
                if at == layer:
                    matched = matched_difference(cells[0], cells[1], pair, paired, seed)
                    rows += [where | {"statistic": "rsa_matched"} | matched] if matched else []
        rows += list(_decoding(sets, languages, at, seed))
    depth = [
        {"variant": variant, "language_a": a, "language_b": b} | row
        for (variant, a, b), found in by_layer.items()
        for row in _depth(found, layers, vectors, paired)
    ]
    # At the first layer, nothing is left beyond the first layer.
    rows = [row for row in rows if np.isfinite(row["difference"])]
    tables = {"reference": rows, "reference_depth": depth, "reference_sets": described}
    notes = {} if rows else {"note": f"Fewer than {MINIMUM_TOPICS} topics: no intervals."}
    return Outcome(
        {name: [pd.DataFrame(found)] for name, found in tables.items()},
        facts | {"paired": paired} | notes,
        {"level": 0.95, "splits": SPLITS, "blocks": BLOCKS, "late": LATE},
    )


def _incomparable(sets: Sequence[_Set], languages: Sequence[str], layers: Sequence[int]) -> str:
    """Why the two sets can't be compared; empty where they can."""
    for one, whose in zip(sets, ("study", "reference"), strict=True):
        if len(one.vectors.emotions) < MINIMUM_EMOTIONS:
            return f"The {whose} has fewer than {MINIMUM_EMOTIONS} labels."
        if not np.isfinite(one.vectors.raw.sel(language=list(languages)).values).all():
            return f"Not every label of the {whose} has stories in each language that both have."
    return "" if layers else "The study and the reference have no layer in common."


def _described(
    cells: Sequence[Cells], vectors: Sequence[EmotionVectors], layer: int, variant: str, seed: int
) -> Iterator[dict[str, Any]]:
    """How reliable the vectors of both sets are, and how far apart, as a share of the variance of stories."""
    for labels, own, made in zip(SETS, cells, vectors, strict=True):
        blocks = own.merged(BLOCKS, seed)
        splits = half_weights(len(blocks.topics), SPLITS, seed)
        scale = made.scale.sel(layer=layer).values.astype("float64")
        total = float((scale**2).sum()) if variant == "raw" else scale.size
        for language in made.languages:
            half = halves(blocks, language, np.ones((1, len(blocks.topics))), splits)
            yield {
                "language": language, "labels": labels, "n_labels": len(own.emotions),
                "reliability": float(spearman_brown(half.correlation()[0])),
                "spread": float(noise_free_squares(own, language).mean()) / total,
            }  # fmt: skip


def _decoding(sets: Sequence[_Set], languages: Sequence[str], at: int, seed: int) -> Iterator[dict[str, Any]]:
    """Decoding of both sets, within and across languages; paired where the same topics were held out."""
    e, r = (decoding_resampled({name: one.activations(at, name) for name in languages}, seed) for one in sets)
    for (variant, train, test), (own, topics) in e.items():
        if (variant, train, test) not in r:
            continue
        other, others = r[variant, train, test]
        where = {"variant": variant, "layer": at, "language_a": train, "language_b": test}
        yield where | {"statistic": "decoding"} | difference(own, other, topics == others)


def _depth(
    found: Sequence[tuple[Resampled, Resampled]], layers: Sequence[int], vectors: EmotionVectors, paired: bool
) -> Iterator[dict[str, Any]]:
    """Mean agreement over the late layers, and how far up the layers at least half of the largest is left."""
    depth = max(vectors.layers)
    late = [k for k, layer in enumerate(layers) if layer >= LATE * depth]
    e, r = (
        Resampled(*(np.mean([getattr(found[k][side], of) for k in late], axis=0) for of in ("topics", "labels")))
        for side in (0, 1)
    )
    yield {"statistic": "late"} | difference(e, r, paired)
    values = [[pair[side].topics[0] for pair in found] for side in (0, 1)]
    reach = [
        float(max(layer for layer, r in zip(layers, own, strict=True) if r >= max(own) / 2)) if max(own) > 0 else np.nan
        for own in values
    ]
    unknown = dict.fromkeys(("low", "high", "low_crossed", "high_crossed"), np.nan)
    yield {
        "statistic": "reach",
        "emotions": reach[0],
        "reference": reach[1],
        "difference": reach[0] - reach[1],
    } | unknown


ANALYSIS = Analysis("reference", _reference, TABLES)
