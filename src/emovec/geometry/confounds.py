"""How much of the agreement between two languages do confounds explain: the stories' words, and their valence?"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from emovec.corpus.story import Story
from emovec.geometry.analysis import (
    VARIANTS,
    Activations,
    Analysis,
    Outcome,
    Table,
    language_pairs,
    noted,
    stories_read,
)
from emovec.geometry.cells import layer_cells
from emovec.geometry.partial_correlation import noise_free_partial, partial_correlations
from emovec.geometry.profiles import triangle, word_cosines
from emovec.geometry.reliability import BLOCKS, MINIMUM_TOPICS, SPLITS, Halves, halves
from emovec.geometry.representational import standardised
from emovec.geometry.similarity import pair_cosines
from emovec.labels import NEUTRAL
from emovec.languages.norms import NormFiles, load_norms, norms_of
from emovec.stats.labelled import in_label_order, labels
from emovec.stats.permutation import MINIMUM_EMOTIONS
from emovec.stats.resampling import half_weights
from emovec.stats.word_baseline import FEATURES
from emovec.vectors.emotion_vectors import EmotionVectors

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

TABLES = {
    "confounds": Table(
        "variant:str layer:int language_a:str language_b:str given:str r_confound partial partial_noise_free p "
        "p_familywise permutations:int"
    ),
}
GIVENS = ("none", "embeddings", "words", "valence", "first layer", "all")
"""What the agreement is asked beyond."""

PAIRS_LEFT = 5
"""So many pairs of emotions must be left over when as many were spent as there are confounds."""

_COLUMNS = TABLES["confounds"].without("variant")


def valence(norms: pd.DataFrame) -> dict[str, float]:
    """Each word's valence: of the Glasgow Norms where they are among the norms, else of the source with most words."""
    rated = norms.dropna(subset="valence")
    if rated.empty:
        return {}
    by_source = {str(name): rows for name, rows in rated.groupby("source")}
    source = "Glasgow2019" if "Glasgow2019" in by_source else max(sorted(by_source), key=lambda x: len(by_source[x]))
    rated = by_source[source]
    return dict(zip(rated["word"], rated["valence"].astype(float), strict=True))


def confound_table(
    vectors: xr.DataArray,
    language_a: str,
    language_b: str,
    cosines: Mapping[str, Mapping[str, xr.DataArray]],
    valences: Mapping[str, float],
    permutations: int = 10_000,
    seed: int = 0,
    halved: Mapping[int, Mapping[str, Halves]] | None = None,
) -> pd.DataFrame:
    """RSA of two languages beyond their words, embeddings, valence and first layer, at every layer.

    Confounds enter as upper triangles of cosines, those of both languages: averaged embeddings (`embeddings`); every
    kind of terms (`words`); the first extracted layer; and the absolute difference of valence. Where valence is
    given only emotions that have one count.

    Args:
        vectors: [language, emotion, layer, hidden].
        language_a: one language.
        language_b: the other.
        cosines: confound → language → [emotion_a, emotion_b]; confounds `embeddings`, `word`, `character`.
        valences: emotion → valence.
        permutations: B.
        seed: of the permutations.
        halved: layer → language → cosines of the vectors' emotions, sorted, from halves of the topics ([1, split,
            pair]), to correct the partial correlation for noise.

    Returns:
        Columns layer, language_a, language_b, given (of `GIVENS`), r_confound (RSA of the confound alone: of `words`
        the best pair of kinds; NaN where it is not one matrix a language), partial, partial_noise_free (NaN where it
        is not known), p, p_familywise (over layers, for each confound), permutations. No row where the confounds use
        up the pairs, or leave nothing (the first layer given itself).
    """
    pair = sorted((language_a, language_b))
    shared = in_label_order(vectors, *pair)
    everyone = labels(shared, "emotion")
    frames: list[pd.DataFrame] = []
    for given in GIVENS:
        emotions = [e for e in everyone if e in valences] if given in ("valence", "all") else everyone
        if len(emotions) < MINIMUM_EMOTIONS:
            continue
        a, b, layers = pair_cosines(shared.sel(emotion=emotions), *pair)
        known = _triangles(cosines, pair, emotions, valences) | {"first layer": [a[0], b[0]]}
        used = [x for own in known.values() for x in own] if given == "all" else known.get(given, [])
        if given != "none" and (not used or a.shape[1] - 1 - len(used) < PAIRS_LEFT):
            continue
        confounds = np.array(used).reshape(len(used), a.shape[1])
        partial, p, familywise = partial_correlations(a, b, confounds, permutations, seed)
        alone = _correlation(*known[given]) if given in ("embeddings", "first layer") else np.nan
        if given == "words":
            alone = max(confound_rsa(cosines, pair[0], pair[1], emotions).values(), default=np.nan)
        free = [_corrected(halved, layer, vectors, pair, emotions, confounds) for layer in layers]
        tested = {"partial": partial, "partial_noise_free": free, "p": p, "p_familywise": familywise}
        frame = pd.DataFrame({"layer": layers, "given": given, "r_confound": alone, **tested})
        frames.append(frame.dropna(subset="partial"))
    if not frames:
        return pd.DataFrame(columns=_COLUMNS)
    whole = pd.concat(frames, ignore_index=True)
    return whole.assign(language_a=language_a, language_b=language_b, permutations=permutations)[_COLUMNS]


def _triangles(
    cosines: Mapping[str, Mapping[str, xr.DataArray]],
    pair: Sequence[str],
    emotions: Sequence[str],
    valences: Mapping[str, float],
) -> dict[str, list[np.ndarray]]:
    """Confound → upper triangles [pair], those of both languages; of valence there is one."""
    texts = {name: [triangle(own[x], emotions) for x in pair if x in own] for name, own in cosines.items()}
    rated = np.array([valences.get(emotion, np.nan) for emotion in emotions])
    return {
        "embeddings": texts.get("embeddings", []),
        "words": [triangle for name in FEATURES for triangle in texts.get(name, [])],
        "valence": [np.abs(rated[:, None] - rated)[np.triu_indices(len(emotions), 1)]],
    }


def confound_rsa(
    cosines: Mapping[str, Mapping[str, xr.DataArray]], language_a: str, language_b: str, emotions: Sequence[str]
) -> dict[tuple[str, str], float]:
    """RSA from terms alone, for each kind of terms of one language with each of the other: (kind_a, kind_b) → r."""
    kinds = [[name for name in FEATURES if language in cosines.get(name, {})] for language in (language_a, language_b)]
    return {
        (x, y): _correlation(triangle(cosines[x][language_a], emotions), triangle(cosines[y][language_b], emotions))
        for x in kinds[0]
        for y in kinds[1]
    }


def _corrected(
    halved: Mapping[int, Mapping[str, Halves]] | None,
    layer: int,
    vectors: xr.DataArray,
    pair: Sequence[str],
    emotions: Sequence[str],
    confounds: np.ndarray,
) -> float:
    if halved is None or layer not in halved:
        return np.nan
    every = sorted(labels(vectors, "emotion"))
    i, j = np.triu_indices(len(every), 1)
    kept = np.isin(every, list(emotions))
    chosen = np.flatnonzero(kept[i] & kept[j])
    a, b = (halved[layer][name].mapped(lambda x: x[..., chosen]) for name in pair)
    return noise_free_partial(a, b, confounds)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float((standardised(a[None]) * standardised(b[None])).sum())


def _confounds(
    vectors: EmotionVectors,
    activations: Activations,
    stories: Sequence[Story],
    model: "Callable[[], LanguageModel]",
    norms: NormFiles,
    permutations: int,
    seed: int,
) -> Outcome:
    valences = valence(norms_of(load_norms(norms)))
    told = [story for story in stories_read(stories, activations, vectors) if story.emotion != NEUTRAL]
    embeddings, terms = word_cosines(told, vectors.languages, model())
    halved = _halves(vectors, activations, seed)
    frames: list[pd.DataFrame] = []
    words: list[dict[str, Any]] = []
    notes: list[str] = []
    for a, b in language_pairs(vectors):
        shared = labels(in_label_order(vectors.best, a, b), "emotion")
        rated = sum(emotion in valences for emotion in shared)
        if len(shared) < MINIMUM_EMOTIONS:
            notes.append(
                f"{a} and {b} share {len(shared)} emotions; at least {MINIMUM_EMOTIONS} are needed to compare."
            )
            continue
        if rated < len(shared):
            notes.append(f"{rated} of the {len(shared)} emotions of {a} and {b} have a valence.")
        kinds = confound_rsa(terms, a, b, shared)
        words += [
            {"language_a": a, "language_b": b, "features_a": x, "features_b": y, "r": r} for (x, y), r in kinds.items()
        ]
        for variant in VARIANTS:
            known = {"embeddings": embeddings[variant], **terms}
            given = (known, valences, permutations, seed, halved[variant])
            frames.append(confound_table(vectors.variant(variant), a, b, *given).assign(variant=variant))
    parameters = {
        "embeddings": "input embeddings of a story's own tokens, averaged",
        "words": "TF-IDF of words and of 1–3 characters, 1 + log counts",
        "test": "double semi-partialling",
    }
    return Outcome({"confounds": frames}, {"words": words} | noted(vectors, list(dict.fromkeys(notes))), parameters)


def _halves(vectors: EmotionVectors, activations: Activations, seed: int) -> dict[str, dict[int, dict[str, Halves]]]:
    """Variant → layer → language → cosines from halves of the topics; no layers where there are too few topics."""
    found: dict[str, dict[int, dict[str, Halves]]] = {variant: {} for variant in VARIANTS}
    if len(vectors.languages) < 2:
        return found
    for layer in vectors.layers:
        for variant, cells in layer_cells(vectors, activations, layer, seed):
            blocks = cells.merged(BLOCKS, seed)
            if (n := len(blocks.topics)) >= MINIMUM_TOPICS:
                splits = half_weights(n, SPLITS, seed)
                found[variant][layer] = {
                    name: halves(blocks, name, np.ones((1, n)), splits) for name in blocks.languages
                }
    return found


ANALYSIS = Analysis("confounds", _confounds, TABLES)
