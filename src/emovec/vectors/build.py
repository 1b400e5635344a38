"""From the activations of stories to emotion vectors."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from emovec.errors import EmovecError
from emovec.vectors.emotion_vectors import VECTOR_DIMS, EmotionVectors

if TYPE_CHECKING:
    from emovec.activations.store import Activations

Denoise = Literal["neutral", "emotion-components", "none"]


def build_vectors(
    activations: "Activations",
    *,
    languages: Sequence[str] | None = None,
    emotions: Sequence[str] | None = None,
    centring: Literal["emotions", "topics"] = "emotions",
    denoise: Denoise = "neutral",
    denoise_variance: float = 0.5,
    denoise_components: int | None = None,
    provenance: dict[str, Any] | None = None,
    progress: Callable[[], None] | None = None,
) -> EmotionVectors:
    """Build one vector for each language, emotion and layer, one layer in memory at a time.

    Args:
        activations: of stories, and of neutral texts where there are any.
        languages: in the order wanted; by default all, sorted.
        emotions: in the order wanted; by default all, in order of appearance.
        centring: `emotions` takes the mean over emotions away; `topics` takes each topic's mean away first, all with
            equal weight for each topic of an emotion.
        denoise: what to project out: principal components of the `neutral` texts, of the emotion vectors themselves
            (`emotion-components`, which the post's text also describes), or `none`.
        denoise_variance: share of variance that the components projected out must reach.
        denoise_components: so many components instead, whatever their share.
        provenance: facts to keep beside the vectors, with what the activations say of themselves.
        progress: called after each layer.

    Raises:
        EmovecError: if an emotion has no story in a language.
    """
    languages = list(languages or activations.languages)
    emotions = list(emotions or dict.fromkeys(activations.index["emotion"]))
    counts = _counts(activations, languages, emotions)
    denoise = _possible_denoise(activations, languages, denoise)
    by_layer: list[xr.Dataset] = []
    for layer in activations.layers:
        by_language: list[xr.Dataset] = []
        for language in languages:
            stories = activations.layer(layer, language)
            neutral = activations.layer(layer, language, neutral=True) if denoise == "neutral" else None
            amount = denoise_variance, denoise_components
            by_language.append(layer_vectors(stories, neutral, emotions, centring, denoise, *amount))
        by_layer.append(_concat(by_language, "language", languages))
        if progress:
            progress()
    norms = [activations.token_norms(language).median("story") for language in languages]
    recipe = {
        "centring": centring,
        "denoise": denoise,
        "denoise_variance": denoise_variance if denoise_components is None else None,
        "denoise_components": denoise_components,
    }
    return _emotion_vectors(
        _concat(by_layer, "layer", activations.layers),
        xr.concat(norms, xr.Variable("language", languages)),
        counts,
        {**activations.source, **(provenance or {}), "vectors": recipe, "emovec": version("emovec")},
    )


def _possible_denoise(activations: "Activations", languages: Sequence[str], denoise: Denoise) -> Denoise:
    """What is asked for, or `none` where no language has neutral texts to denoise by."""
    lacking = [language for language in languages if not activations.has_neutral(language)]
    if denoise != "neutral" or not lacking:
        return denoise
    if len(lacking) < len(languages):
        raise EmovecError(f"No neutral texts in {', '.join(lacking)}: add some, or set vectors.denoise: none.")
    return "none"


def _emotion_vectors(
    arrays: xr.Dataset, residual_norm: xr.DataArray, counts: xr.DataArray, provenance: dict[str, Any]
) -> EmotionVectors:
    """The arrays of all languages and layers, as `layer_vectors` gives them for one of each, with dims in order."""

    def array(name: str, *dims: str) -> xr.DataArray | None:
        return arrays[name].transpose(*dims) if name in arrays else None

    return EmotionVectors(
        raw=arrays["raw"].transpose(*VECTOR_DIMS),
        centred=arrays["centred"].transpose(*VECTOR_DIMS),
        denoised=array("denoised", *VECTOR_DIMS),
        story_std=array("story_std", "language", "layer", "hidden"),
        residual_norm=residual_norm.transpose("language", "layer").astype(np.float32),
        counts=counts,
        noise_components=array("noise_components", "language", "layer"),
        noise_variance=array("noise_variance", "language", "layer"),
        noise_directions=array("noise_directions", "language", "layer", "component", "hidden"),
        provenance=provenance,
    )


def layer_vectors(
    stories: xr.DataArray,
    neutral: xr.DataArray | None,
    emotions: Sequence[str],
    centring: Literal["emotions", "topics"],
    denoise: Denoise,
    denoise_variance: float = 0.5,
    denoise_components: int | None = None,
) -> xr.Dataset:
    """Vectors of one language and layer.

    Args:
        stories: [story, hidden], with coordinates emotion and topic on story.
        neutral: [story, hidden], or None.
        emotions: the emotions, in the order wanted.
        centring: as in `build_vectors`.
        denoise: as in `build_vectors`.
        denoise_variance: as in `build_vectors`.
        denoise_components: as in `build_vectors`.

    Returns:
        raw, centred and, where something is projected out, denoised [emotion, hidden]; story_std [hidden];
        noise_components and noise_variance (scalars), noise_directions [component, hidden].
    """
    states = stories.values.astype(np.float64)
    labels = stories["emotion"].values
    raw = np.stack([states[labels == emotion].mean(axis=0) for emotion in emotions])
    effects = raw if centring == "emotions" else _topic_balanced(states, labels, stories["topic"].values, emotions)
    centred = effects - effects.mean(axis=0)
    dims = ("emotion", "hidden")
    result: dict[str, Any] = {
        "raw": (dims, raw.astype(np.float32)),
        "centred": (dims, centred.astype(np.float32)),
        "story_std": ("hidden", states.std(axis=0).astype(np.float32)),
    }
    source = centred if denoise == "emotion-components" else None if neutral is None else neutral.values
    if source is not None and denoise != "none":
        components, variance = principal_components(source.astype(np.float64), denoise_variance, denoise_components)
        result["denoised"] = (dims, (centred - centred @ components.T @ components).astype(np.float32))
        result["noise_components"] = ((), np.int32(len(components)))
        result["noise_variance"] = ((), np.float32(variance))
        result["noise_directions"] = (("component", "hidden"), components.astype(np.float32))
    return xr.Dataset(result, coords={"emotion": list(emotions)})


def _concat(parts: Sequence[xr.Dataset], dim: str, labels: Sequence[Any]) -> xr.Dataset:
    """Parts one after the other, those with fewer noise directions than others filled up with zeros."""
    most = max(part.sizes.get("component", 0) for part in parts)
    filled = [
        part.pad(component=(0, most - part.sizes["component"]), constant_values=0) if "component" in part.dims else part
        for part in parts
    ]
    return xr.concat(filled, xr.Variable(dim, labels))


def principal_components(samples: np.ndarray, variance: float, number: int | None = None) -> tuple[np.ndarray, float]:
    """The leading principal components that together reach a share of the variance, or so many of them.

    Args:
        samples: [sample, hidden] float64.
        variance: the share to reach, between 0 and 1.
        number: how many instead, or as many as there are.

    Returns:
        Components [k, hidden], orthonormal, and the share of variance that they hold.
    """
    centred = samples - samples.mean(axis=0)
    _, singular, components = np.linalg.svd(centred, full_matrices=False)
    energy = singular**2
    if energy.sum() == 0:
        return components[:0], 0.0
    shares = np.cumsum(energy) / energy.sum()
    most = int((energy > energy[0] * 1e-20).sum())  # the rest is rounding, and no direction at all
    k = int(np.searchsorted(shares, variance)) + 1 if number is None else min(number, most)
    return components[:k], float(shares[k - 1])


def _topic_balanced(states: np.ndarray, labels: np.ndarray, topics: np.ndarray, emotions: Sequence[str]) -> np.ndarray:
    """[emotion, hidden]: mean over an emotion's topics of (mean of its stories there − mean of all emotions there)."""
    sums = np.zeros((len(emotions), states.shape[1]))
    n_topics = np.zeros(len(emotions))
    for topic in np.unique(topics):
        here = [np.flatnonzero((topics == topic) & (labels == emotion)) for emotion in emotions]
        present = [position for position, rows in enumerate(here) if len(rows)]
        if len(present) < 2:  # one emotion alone can't be told from its topic
            continue
        cells = np.stack([states[here[position]].mean(axis=0) for position in present])
        sums[present] += cells - cells.mean(axis=0)
        n_topics[present] += 1
    if not n_topics.all():
        raise EmovecError(
            f"vectors.centring: '{emotions[int(np.argmin(n_topics))]}' shares no topic with another emotion, so topics "
            "can't be taken away; set vectors.centring: emotions."
        )
    return sums / n_topics[:, None]


def _counts(activations: "Activations", languages: Sequence[str], emotions: Sequence[str]) -> xr.DataArray:
    index = activations.index
    values = np.array(
        [[((index["language"] == la) & (index["emotion"] == em)).sum() for em in emotions] for la in languages],
        np.int32,
    )
    if not values.all():
        language, emotion = (int(i[0]) for i in np.nonzero(values == 0))
        raise EmovecError(
            f"No story of '{emotions[emotion]}' in '{languages[language]}' is left: every one was too short for "
            "extraction.offset, or there is none. Lower the offset, add stories, or take the emotion out of the study."
        )
    return xr.DataArray(values, dims=("language", "emotion"), coords={"language": languages, "emotion": emotions})
