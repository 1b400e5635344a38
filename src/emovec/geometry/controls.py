"""How much of the agreement between two languages do the stories' words explain, and their valence?"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.sparse import csr_array

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
from emovec.geometry.decoding import pooled_scale
from emovec.geometry.reliability import (
    BLOCKS,
    LOW_RELIABILITY,
    MINIMUM_TOPICS,
    SPLITS,
    Halves,
    halves,
    noise_free_rsa,
    spearman_brown,
)
from emovec.geometry.representational import label_number, permuted_pairs, standardised
from emovec.geometry.similarity import pair_cosines
from emovec.labels import NEUTRAL
from emovec.languages.norms import NormFiles, load_norms, norms_of
from emovec.stats.labelled import in_label_order, labels, unit
from emovec.stats.permutation import MINIMUM_EMOTIONS, familywise_p_values, label_permutations, p_values
from emovec.stats.resampling import half_weights
from emovec.stats.word_baseline import FEATURES, text_features, tfidf
from emovec.vectors.emotion_vectors import EmotionVectors

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

TABLES = {
    "controls": Table(
        "variant:str layer:int language_a:str language_b:str given:str r_control partial partial_noise_free p "
        "p_familywise permutations:int"
    ),
}
GIVENS = ("none", "embeddings", "words", "valence", "first layer", "all")
"""What the agreement is asked beyond."""

PAIRS_LEFT = 5
"""So many pairs of emotions must be left over when as many were spent as there are controls."""

_SPENT = 1e-10
_COLUMNS = TABLES["controls"].without("variant")


def mean_embeddings(texts: Sequence[str], model: "LanguageModel") -> np.ndarray:
    """The input embeddings of each text's own tokens, averaged: [text, hidden] float64; no forward pass is made.

    A text without tokens gets zeros.
    """
    ids = [model.text_token_ids(text) for text in texts]
    vocabulary, columns = np.unique(np.concatenate([np.empty(0, np.int64), *ids]).astype(int), return_inverse=True)
    rows = np.repeat(np.arange(len(ids)), [len(own) for own in ids])
    share = np.repeat([1 / max(1, len(own)) for own in ids], [len(own) for own in ids])
    weights = csr_array((share, (rows, columns)), shape=(len(ids), len(vocabulary)))
    return weights @ model.embeddings(vocabulary.tolist()).astype("float64")


def profile_cosines(values: Any, emotions: Sequence[str]) -> xr.DataArray:
    """Cosines between emotions' mean profiles, less their mean over emotions.

    Args:
        values: [story, feature], dense or sparse.
        emotions: [story] labels.

    Returns:
        [emotion_a, emotion_b], both sorted by label.
    """
    names, codes = np.unique(np.asarray(emotions, dtype=str), return_inverse=True)
    members = csr_array((1 / np.bincount(codes)[codes], (codes, np.arange(len(codes)))))
    means = members @ values
    gram = means @ means.T
    gram = np.asarray(gram.todense() if hasattr(gram, "todense") else gram, dtype="float64")
    gram = gram - gram.mean(0) - gram.mean(1, keepdims=True) + gram.mean()
    length = np.sqrt(np.clip(np.diag(gram), 0, None))
    length = np.where(length > 0, length, 1.0)
    coords = {"emotion_a": names.tolist(), "emotion_b": names.tolist()}
    return xr.DataArray(gram / np.outer(length, length), dims=("emotion_a", "emotion_b"), coords=coords)


def valence(norms: pd.DataFrame) -> dict[str, float]:
    """Each word's valence: of the Glasgow Norms where they are among the norms, else of the source with most words."""
    rated = norms.dropna(subset="valence")
    if rated.empty:
        return {}
    by_source = {str(name): rows for name, rows in rated.groupby("source")}
    source = "Glasgow2019" if "Glasgow2019" in by_source else max(sorted(by_source), key=lambda x: len(by_source[x]))
    rated = by_source[source]
    return dict(zip(rated["word"], rated["valence"].astype(float), strict=True))


def partial_correlations(
    a: np.ndarray, b: np.ndarray, controls: np.ndarray, permutations: int = 10_000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Partial correlation of two languages' upper triangles at each layer, with a label-permutation test.

    Double semi-partialling: what the controls leave of `b` is permuted (rows and columns of its matrix together), and
    its partial correlation with `a` given the unpermuted controls is taken anew each time; one-sided,
    p = (1 + #{r_π ≥ r}) / (1 + B). The family-wise p compares r with the largest r_π over the layers. Without controls
    it is the plain test of `rsa`.

    Source: Dekker, Krackhardt & Snijders 2007, Psychometrika 72: it holds its level where permuting a variable itself
    (Mantel) does not, if the controls add to the similarities that are compared. Where a confound adds to the vectors
    instead, similarities are no sum of parts, and p ≤ .05 comes up in 14 to 17 % of cases without any agreement beyond
    the controls.

    Args:
        a: [layer, pair], pairs in the order of `numpy.triu_indices(n, 1)`.
        b: the same of the language whose labels are permuted.
        controls: [control, pair], the same at all layers; may have no rows.
        permutations: B.
        seed: of the permutations.

    Returns:
        [layer] partial correlations, their p-values and their family-wise p-values, NaN where the controls leave
        nothing of `a` or `b`.
    """
    n, basis = label_number(a), _basis(controls)
    rest_a, rest_b = (x - (x @ basis.T) @ basis for x in (standardised(a), standardised(b)))
    left = (np.minimum((rest_a**2).sum(1), (rest_b**2).sum(1))) > _SPENT
    rest_a, rest_b = unit(rest_a), unit(rest_b)
    orders = np.vstack([np.arange(n), label_permutations(n, permutations, seed)])
    values = np.full((len(orders), len(a)), np.nan)
    for some, moved in permuted_pairs(orders):
        for layer in np.flatnonzero(left):
            products = rest_b[layer][moved] @ np.vstack([rest_a[layer], basis]).T
            free = np.sqrt(np.clip(1 - (products[:, 1:] ** 2).sum(1), 0, None))
            values[some, layer] = np.divide(products[:, 0], free, out=np.zeros(len(free)), where=free > _SPENT)
    p, familywise = np.full(len(a), np.nan), np.full(len(a), np.nan)
    if left.any():
        p[left] = p_values(values[0, left], values[1:, left])
        familywise[left] = familywise_p_values(values[0, left], values[1:, left])
    return values[0], p, familywise


def noise_free_partial(a: Halves, b: Halves, controls: np.ndarray) -> float:
    """What the partial correlation of two languages would be with endless topics, the controls as they are.

    What the controls leave of one language's cosines from half of the topics is correlated with what they leave of the
    other's from the other half, and divided by the root of the two reliabilities of what is left (`noise_free_rsa`).

    Args:
        a: of one language, each of [1, split, pair].
        b: of the other.
        controls: [control, pair]; may have no rows.

    Returns:
        NaN where less than half of what the controls leave of a language would return on other topics.
    """
    basis = _basis(controls)

    def left(values: np.ndarray) -> np.ndarray:
        rows = standardised(values.reshape(-1, values.shape[-1]))
        return (rows - (rows @ basis.T) @ basis).reshape(values.shape)

    rest = a.mapped(left), b.mapped(left)
    lowest = min(float(spearman_brown(half.correlation()[0])) for half in rest)
    return float(noise_free_rsa(*rest)[0]) if lowest >= LOW_RELIABILITY else np.nan


def control_table(
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

    Controls enter as upper triangles of cosines, those of both languages: averaged embeddings (`embeddings`); every
    kind of terms (`words`); the first extracted layer; and the absolute difference of valence. Where valence is
    given only emotions that have one count.

    Args:
        vectors: [language, emotion, layer, hidden].
        language_a: one language.
        language_b: the other.
        cosines: control → language → [emotion_a, emotion_b]; controls `embeddings`, `word`, `character`.
        valences: emotion → valence.
        permutations: B.
        seed: of the permutations.
        halved: layer → language → cosines of the vectors' emotions, sorted, from halves of the topics ([1, split,
            pair]), to correct the partial correlation for noise.

    Returns:
        Columns layer, language_a, language_b, given (of `GIVENS`), r_control (RSA of the control alone: of `words` the
        best pair of kinds; NaN where it is not one matrix a language), partial, partial_noise_free (NaN where it is
        not known), p, p_familywise (over layers, for each
        control), permutations. No row where the controls use up the pairs, or leave nothing (the first layer given
        itself).
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
        texts = {name: [_triangle(cosines[name][x], emotions) for x in pair if x in cosines[name]] for name in cosines}
        words = [triangle for name in FEATURES for triangle in texts.get(name, [])]
        rated = np.array([valences.get(e, np.nan) for e in emotions])
        parts = {
            "none": [],
            "embeddings": texts.get("embeddings", []),
            "words": words,
            "valence": [np.abs(rated[:, None] - rated)[np.triu_indices(len(emotions), 1)]],
            "first layer": [a[0], b[0]],
        }
        used = [x for name in GIVENS[1:-1] for x in parts[name]] if given == "all" else parts[given]
        controls = np.array(used).reshape(len(used), a.shape[1])
        if given != "none" and (not used or a.shape[1] - 1 - len(used) < PAIRS_LEFT):
            continue
        partial, p, familywise = partial_correlations(a, b, controls, permutations, seed)
        alone = np.nan
        if given in ("embeddings", "first layer"):
            alone = _correlation(parts[given][0], parts[given][1])
        elif given == "words":
            alone = max(control_rsa(cosines, pair[0], pair[1], emotions).values(), default=np.nan)
        free = [_corrected(halved, layer, vectors, pair, emotions, controls) for layer in layers]
        tested = {"partial": partial, "partial_noise_free": free, "p": p, "p_familywise": familywise}
        frame = pd.DataFrame({"layer": layers, "given": given, "r_control": alone, **tested})
        frames.append(frame.dropna(subset="partial"))
    if not frames:
        return pd.DataFrame(columns=_COLUMNS)
    whole = pd.concat(frames, ignore_index=True)
    return whole.assign(language_a=language_a, language_b=language_b, permutations=permutations)[_COLUMNS]


def control_rsa(
    cosines: Mapping[str, Mapping[str, xr.DataArray]], language_a: str, language_b: str, emotions: Sequence[str]
) -> dict[tuple[str, str], float]:
    """RSA from terms alone, for each kind of terms of one language with each of the other: (kind_a, kind_b) → r."""
    kinds = [[name for name in FEATURES if language in cosines.get(name, {})] for language in (language_a, language_b)]
    return {
        (x, y): _correlation(_triangle(cosines[x][language_a], emotions), _triangle(cosines[y][language_b], emotions))
        for x in kinds[0]
        for y in kinds[1]
    }


def _corrected(
    halved: Mapping[int, Mapping[str, Halves]] | None,
    layer: int,
    vectors: xr.DataArray,
    pair: Sequence[str],
    emotions: Sequence[str],
    controls: np.ndarray,
) -> float:
    if halved is None or layer not in halved:
        return np.nan
    every = sorted(labels(vectors, "emotion"))
    i, j = np.triu_indices(len(every), 1)
    kept = np.isin(every, list(emotions))
    chosen = np.flatnonzero(kept[i] & kept[j])
    a, b = (halved[layer][name].mapped(lambda x: x[..., chosen]) for name in pair)
    return noise_free_partial(a, b, controls)


def _basis(controls: np.ndarray) -> np.ndarray:
    """Orthonormal rows that span the controls, centred."""
    if not len(controls):
        return np.empty((0, controls.shape[1]))
    _, sizes, rows = np.linalg.svd(standardised(controls), full_matrices=False)
    return rows[sizes > 1e-8]


def _triangle(cosines: xr.DataArray, emotions: Sequence[str]) -> np.ndarray:
    matrix = cosines.sel(emotion_a=list(emotions), emotion_b=list(emotions)).values
    return matrix[np.triu_indices(len(emotions), 1)]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float((standardised(a[None]) * standardised(b[None])).sum())


def _controls(
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
    embeddings, terms = _word_controls(told, vectors.languages, model())
    halved = _halves(vectors, activations, seed)
    frames: list[pd.DataFrame] = []
    words: list[dict[str, Any]] = []
    notes: list[str] = []
    for a, b in language_pairs(vectors):
        shared = labels(in_label_order(vectors.best, a, b), "emotion")
        rated = sum(emotion in valences for emotion in shared)
        if len(shared) < MINIMUM_EMOTIONS:
            notes.append(f"{a} and {b} share {len(shared)} emotions; it takes {MINIMUM_EMOTIONS} to compare.")
            continue
        if rated < len(shared):
            notes.append(f"{rated} of the {len(shared)} emotions of {a} and {b} have a valence.")
        kinds = control_rsa(terms, a, b, shared)
        words += [
            {"language_a": a, "language_b": b, "features_a": x, "features_b": y, "r": r} for (x, y), r in kinds.items()
        ]
        for variant in VARIANTS:
            known = {"embeddings": embeddings[variant], **terms}
            given = (known, valences, permutations, seed, halved[variant])
            frames.append(control_table(vectors.variant(variant), a, b, *given).assign(variant=variant))
    parameters = {
        "embeddings": "input embeddings of a story's own tokens, averaged",
        "words": "TF-IDF of words and of 1–3 characters, 1 + log counts",
        "test": "double semi-partialling",
    }
    return Outcome({"controls": frames}, {"words": words} | noted(vectors, list(dict.fromkeys(notes))), parameters)


def _word_controls(
    stories: Sequence[Story], languages: Sequence[str], model: "LanguageModel"
) -> tuple[dict[str, dict[str, xr.DataArray]], dict[str, dict[str, xr.DataArray]]]:
    """Cosines of the emotions from words alone: variant → language for embeddings, kind of terms → language."""
    emotions: dict[str, list[str]] = {}
    means: dict[str, np.ndarray] = {}
    terms: dict[str, dict[str, xr.DataArray]] = {}
    for language in languages:
        own = [story for story in stories if story.language == language]
        texts, emotions[language] = [story.text for story in own], [story.emotion for story in own]
        means[language] = mean_embeddings(texts, model)
        for name in text_features(language):
            terms.setdefault(name, {})[language] = profile_cosines(tfidf(texts, name), emotions[language])
    # As for the vectors: one scale for all languages.
    pooled = pooled_scale([values.var(axis=0) for values in means.values()])
    scales = dict(zip(VARIANTS, (np.ones_like(pooled), pooled), strict=True))
    embedded = {
        variant: {language: profile_cosines(values / scale, emotions[language]) for language, values in means.items()}
        for variant, scale in scales.items()
    }
    return embedded, terms


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


ANALYSIS = Analysis("controls", _controls, TABLES)
