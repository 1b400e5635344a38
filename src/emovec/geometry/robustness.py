"""How the headline numbers change with each choice that another researcher could reasonably have made."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr

from emovec.corpus.story import Story
from emovec.geometry.affect import INFLUENCE, word_influence
from emovec.geometry.analysis import (
    VARIANTS,
    Activations,
    Analysis,
    Outcome,
    Table,
    each_variant,
    noted,
    stories_read,
)
from emovec.languages.norms import NormFiles, load_norms
from emovec.stats.labelled import in_label_order, labels, unit
from emovec.stats.permutation import MINIMUM_EMOTIONS
from emovec.vectors.build import Denoise, layer_vectors
from emovec.vectors.emotion_vectors import EmotionVectors

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

TABLES = {
    "robustness": Table(
        "layer:int texts:str n_texts:int choice:str option:str used:int variant:str statistic:str language_a:str "
        "language_b:str value"
    ),
    "word_influence": INFLUENCE,
}
SAMPLE = 2
"""Stories of each emotion and language that are read anew for other offsets."""

OFFSETS = (0, 20, 50, 0.5)
REMOVED = (1, 3, 10)
Distance = Literal["cosine", "euclidean"]
Measure = Literal["pearson", "spearman"]

_COLUMNS = TABLES["robustness"].without("layer", "texts", "n_texts")
_USUAL = {"centring": "emotions", "denoise": "none", "denoise_variance": 0.5, "denoise_components": None}


def headline_numbers(
    vectors: xr.DataArray, distance: Distance = "cosine", measure: Measure = "pearson"
) -> Iterator[tuple[str, str, str, float]]:
    """The numbers that a study leads with, for each pair of languages.

    Args:
        vectors: [language, emotion, hidden], centred.
        distance: between emotions within a language, for the RSA: `cosine` or `euclidean`.
        measure: of the RSA: `pearson` or `spearman`.

    Yields:
        Statistic (rsa, cosine_difference: same less other emotions, retrieval: mean of both ways), the two languages,
        and the value; pairs that share fewer than four emotions are passed over.
    """
    correlate = pearsonr if measure == "pearson" else spearmanr
    for a, b in combinations(labels(vectors, "language"), 2):
        pair = in_label_order(vectors.expand_dims(layer=[0]), a, b).isel(layer=0).values
        n = pair.shape[1]
        if n < MINIMUM_EMOTIONS:
            continue
        yield "rsa", a, b, float(correlate(pdist(pair[0], distance), pdist(pair[1], distance)).statistic)
        rows = unit(pair)
        cosines = rows[0] @ rows[1].T
        same = np.trace(cosines) / n
        yield "cosine_difference", a, b, float(same - (cosines.sum() - n * same) / (n * n - n))
        found = [(cosines.argmax(axis=axis) == np.arange(n)).mean() for axis in (0, 1)]
        yield "retrieval", a, b, float(np.mean(found))


def analytic_choices(
    stories: Mapping[str, xr.DataArray],
    neutral: Mapping[str, xr.DataArray | None],
    emotions: Sequence[str],
    recipe: Mapping[str, object],
) -> pd.DataFrame:
    """The headline numbers at one layer under each choice of centring, denoising, scaling, distance and dimensions.

    One choice is changed at a time from the study's own; each is given for raw and standardised. `dimensions` leaves
    out those that hold the most energy of the study's vectors, all languages together.

    Args:
        stories: for each language [story, hidden] with the story coordinates emotion and topic.
        neutral: for each language [story, hidden], or None.
        emotions: those of the study.
        recipe: the study's `centring`, `denoise`, `denoise_variance` and, if given, `denoise_components`.

    Returns:
        Columns choice, option, used (1 where it is the study's own), variant, statistic, language_a, language_b, value.
    """
    own = {"centring": str(recipe["centring"]), "denoise": str(recipe["denoise"])}
    topics = all((own_stories["topic"].values != "").all() for own_stories in stories.values())
    options = {
        "centring": ["emotions", "topics"] if topics else ["emotions"],
        "denoise": ["neutral"] * all(texts is not None for texts in neutral.values()) + ["emotion-components", "none"],
    }
    fixed = recipe.get("denoise_components")
    amount = (0.5 if fixed else float(str(recipe["denoise_variance"])), int(str(fixed)) if fixed else None)
    rows: list[tuple[object, ...]] = []

    def add(choice: str, option: str, used: bool, built: Mapping[str, xr.DataArray], **how: Any) -> None:
        for variant, vectors in built.items():
            rows.extend((choice, option, int(used), variant, *found) for found in headline_numbers(vectors, **how))

    usual = _vectors(stories, neutral, emotions, own["centring"], own["denoise"], amount)
    for choice, names in options.items():
        for option in names:
            used = option == own[choice]
            changed = own | {choice: option}
            add(
                choice,
                option,
                used,
                usual
                if used
                else _vectors(stories, neutral, emotions, changed["centring"], changed["denoise"], amount),
            )
    for distance in get_args(Distance):
        add("distance", distance, distance == "cosine", usual, distance=distance)
    for measure in get_args(Measure):
        add("correlation", measure, measure == "pearson", usual, measure=measure)
    add("dimensions", "all", True, usual)
    energy = (usual["raw"].astype("float64") ** 2).sum(("language", "emotion")).values
    for count in REMOVED:
        kept = np.sort(np.argsort(-energy, kind="stable")[count:])
        add("dimensions", f"without the {count} largest", False, {k: v.isel(hidden=kept) for k, v in usual.items()})
    return pd.DataFrame(rows, columns=_COLUMNS)


def pooling_choices(
    texts: Mapping[str, Sequence[Story]],
    states: Callable[[str], xr.DataArray],
    emotions: Sequence[str],
    offset: float,
    sink_threshold: float | None,
) -> pd.DataFrame:
    """The headline numbers at one layer under each choice of token offset and of sink masking, on a sample of stories.

    Each text is read once; vectors are centred and not denoised. A story with no token past an offset is left out
    there, and an emotion without a story for all of the choice.

    Args:
        texts: for each language its sample.
        states: text → [layer, token, hidden] of one layer, with the token coordinate `own` (False for BOS).
        emotions: those of the study.
        offset: the study's own.
        sink_threshold: the study's own; where it is None, 10 stands for masking.

    Returns:
        Columns as `analytic_choices`.
    """
    offsets = sorted({*OFFSETS, offset})
    masking = 10.0 if sink_threshold is None else sink_threshold
    settings = {("offset", _offset_name(value)): (value, sink_threshold, value == offset) for value in offsets}
    settings[("sinks", f"left out above {masking:g} × median")] = (offset, masking, sink_threshold is not None)
    settings[("sinks", "kept")] = (offset, None, sink_threshold is None)
    pooled: dict[tuple[str, str], dict[str, xr.DataArray]] = {key: {} for key in settings}
    for language, stories in texts.items():
        means: dict[tuple[str, str], list[np.ndarray]] = {key: [] for key in settings}
        for story in stories:
            read = states(story.text).isel(layer=0)
            for key, (first, threshold, _) in settings.items():
                means[key].append(_pooled(read, first, threshold))
        names = np.array([story.emotion for story in stories], dtype=object)
        for key, read_means in means.items():
            array = np.stack(read_means)
            kept = np.isfinite(array).all(axis=1)
            coords = {"emotion": ("story", names[kept]), "topic": ("story", np.full(kept.sum(), "", dtype=object))}
            pooled[key][language] = xr.DataArray(array[kept], dims=("story", "hidden"), coords=coords)
    rows: list[tuple[object, ...]] = []
    for (choice, option), (_, _, used) in settings.items():
        arrays = pooled[choice, option]
        present = [e for e in emotions if all((array["emotion"].values == e).any() for array in arrays.values())]
        if len(present) < MINIMUM_EMOTIONS:
            continue
        built = _vectors(arrays, dict.fromkeys(arrays), present, "emotions", "none", (0.5, None))
        for variant, vectors in built.items():
            rows += [(choice, option, int(used), variant, *found) for found in headline_numbers(vectors)]
    return pd.DataFrame(rows, columns=_COLUMNS)


def balanced_sample(stories: Sequence[Story], language: str, emotions: Sequence[str], each: int) -> list[Story]:
    """So many stories of each emotion in a language, spread over the topics alike; their order changes nothing."""
    picked: list[Story] = []
    for emotion in emotions:
        own = sorted(
            (story for story in stories if story.language == language and story.emotion == emotion),
            key=lambda story: (story.topic or "", story.id),
        )
        picked += (
            [own[at] for at in sorted({round(place) for place in np.linspace(0, len(own) - 1, each)})] if own else []
        )
    return picked


def _vectors(
    stories: Mapping[str, xr.DataArray],
    neutral: Mapping[str, xr.DataArray | None],
    emotions: Sequence[str],
    centring: str,
    denoise: str,
    amount: tuple[float, int | None],
) -> dict[str, xr.DataArray]:
    """Variant → [language, emotion, hidden]."""
    how: Denoise = denoise  # pyright: ignore[reportAssignmentType]
    sets = [
        layer_vectors(array, neutral[language], emotions, centring, how, *amount)  # pyright: ignore[reportArgumentType]
        for language, array in stories.items()
    ]
    best = [own["denoised"] if "denoised" in own else own["centred"] for own in sets]
    vectors = xr.concat(best, xr.Variable("language", list(stories)))
    spread = np.sqrt(np.mean([own["story_std"].values.astype("float64") ** 2 for own in sets], axis=0))
    scale = xr.DataArray(np.where(spread > 0, spread, 1.0), dims="hidden")
    return dict(zip(VARIANTS, (vectors, vectors / scale), strict=True))


def _pooled(read: xr.DataArray, offset: float, sink_threshold: float | None) -> np.ndarray:
    """[hidden], as extraction averages a text; NaN where no token is past the offset."""
    import torch

    from emovec.activations.pooling import first_pooled, pool

    own = read["own"].values.astype(bool)
    counted = own & (np.cumsum(own) > first_pooled(int(own.sum()), offset))
    hidden = torch.from_numpy(read.values)[None]
    return pool(hidden, torch.from_numpy(own)[None], torch.from_numpy(counted)[None], sink_threshold).mean[0].numpy()


def _offset_name(offset: float) -> str:
    return f"{offset:.0%} of the text" if 0 < offset < 1 else f"{offset:g} tokens"


def _robustness(
    vectors: EmotionVectors,
    activations: Activations,
    neutral: Callable[[int, str], xr.DataArray | None],
    stories: Sequence[Story],
    model: "Callable[[], LanguageModel]",
    norms: NormFiles,
    layer: int,
) -> Outcome:
    from emovec.activations.tokens import token_states

    ratings, languages = load_norms(norms), vectors.languages
    words = each_variant(vectors, lambda v: word_influence(v.sel(layer=layer, drop=True), ratings).assign(layer=layer))
    if len(languages) < 2:
        return Outcome({"robustness": [], "word_influence": words}, noted(vectors, []))
    recipe = _USUAL | vectors.provenance.get("vectors", {})
    arrays = {language: activations(layer, language) for language in languages}
    without = {language: neutral(layer, language) for language in languages}
    analytic = analytic_choices(arrays, without, vectors.emotions, recipe)
    read = stories_read(stories, activations, vectors)
    sample = {language: balanced_sample(read, language, vectors.emotions, SAMPLE) for language in languages}
    loaded, pooling = model(), vectors.provenance.get("pooling", {})
    pooled = pooling_choices(
        sample,
        lambda text: token_states(loaded, text, [layer]),
        vectors.emotions,
        pooling.get("offset", 50),
        pooling.get("sink_threshold", 10),
    )
    sizes = {"all stories": sum(map(len, arrays.values())), "a sample": sum(map(len, sample.values()))}
    frames = [
        table.assign(layer=layer, texts=texts, n_texts=sizes[texts])
        for texts, table in (("all stories", analytic), ("a sample", pooled))
    ]
    tables = {"robustness": frames, "word_influence": words}
    return Outcome(tables, {"layer": layer, "texts": sizes}, {"sample_stories": SAMPLE})


ANALYSIS = Analysis("robustness", _robustness, TABLES)
