"""What a model is steered by: nothing, an emotion's vector, or a control of the same length."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from emovec.errors import EmovecError
from emovec.models.intervene import Intervention, intervene
from emovec.models.positions import Positions
from emovec.vectors.choosing import emotion_vector, require_name
from emovec.vectors.emotion_vectors import EmotionVectors

Kind = Literal["baseline", "emotion", "random", "shuffled"]


@dataclass(frozen=True)
class Condition:
    """One way to steer.

    Attributes:
        kind: `baseline` (nothing), `emotion`, `random` (a direction drawn at random) or `shuffled` (a vector built from
            stories whose emotions were shuffled).
        name: the emotion, or the control with its number; "baseline".
        vector_language: whose vector, or of a random direction whose residual norm; "" for the baseline.
        layer: 0-based block; −1 for the baseline.
        strength: in residual norms; 0 for the baseline.
    """

    kind: Kind
    name: str
    vector_language: str
    layer: int
    strength: float

    @property
    def id(self) -> str:
        """One word that tells it from all others."""
        if self.kind == "baseline":
            return "baseline"
        of = f"{self.vector_language}." if self.vector_language else ""
        return f"{of}{self.name.replace(' ', '-')}.L{self.layer}.{self.strength:g}"


BASELINE = Condition("baseline", "baseline", "", -1, 0.0)


def random_direction(hidden: int, seed: int, number: int) -> NDArray[np.float32]:
    """[hidden]: the `number`-th unit vector drawn uniformly from all directions."""
    drawn = np.random.default_rng([seed, number]).standard_normal(hidden)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


def shuffled_direction(stories: xr.DataArray, n_drawn: int, seed: int, number: int) -> NDArray[np.float32]:
    """[hidden]: what an emotion's vector would be, had the emotions been shuffled over stories.

    The mean of as many stories as an emotion has, drawn at random, less the mean of all: it holds what an emotion's
    vector holds except the emotion.

    Args:
        stories: [story, hidden] activations of one language and layer.
        n_drawn: stories of an emotion.
        seed: of the draw.
        number: which one.
    """
    values = stories.values.astype(np.float64)
    drawn = np.random.default_rng([seed, number]).choice(len(values), min(n_drawn, len(values) - 1), replace=False)
    return (values[drawn].mean(axis=0) - values.mean(axis=0)).astype(np.float32)


def condition_vector(
    condition: Condition,
    vectors: EmotionVectors,
    activations: Callable[[int, str], xr.DataArray] | None,
    seed: int,
) -> NDArray[np.float32]:
    """[hidden]: the vector of a condition other than the baseline; only its direction counts.

    Args:
        condition: what to steer by; the number of a control is the last word of its name.
        vectors: of the model.
        activations: (layer, language) → [story, hidden]; None where the vectors came without.
        seed: of the controls.

    Raises:
        EmovecError: if the emotion has no vector in that language, or a shuffled control is asked for without
            activations.
    """
    if condition.kind == "emotion":
        at = condition.layer
        return emotion_vector(vectors, condition.name, condition.vector_language, [at]).sel(layer=at).values
    number = int(condition.name.split()[-1])
    if condition.kind == "random":
        return random_direction(vectors.raw.sizes["hidden"], seed, number)
    if activations is None:
        raise EmovecError("A shuffled-label control needs the activations of the stories, which are not there.")
    stories = activations(condition.layer, condition.vector_language)
    counts = vectors.counts
    n_drawn = (
        max(2, len(stories) // len(vectors.emotions))
        if counts is None
        else round(float(counts.sel(language=condition.vector_language).mean()))
    )
    shuffled = shuffled_direction(stories, n_drawn, seed, number)
    noise = vectors.noise_directions
    if vectors.denoised is not None and noise is not None:
        directions = noise.sel(language=condition.vector_language, layer=condition.layer).values.astype(np.float64)
        shuffled = shuffled - (directions.T @ (directions @ shuffled)).astype(np.float32)
    return shuffled


def named_conditions(
    vectors: EmotionVectors,
    emotions: Sequence[str],
    strengths: Sequence[float],
    *,
    language: str | None = None,
    layers: Sequence[int],
) -> list[Condition]:
    """What a user names: emotions at strengths, at the same layers, of which each gets all the strength.

    Args:
        vectors: where they are taken from.
        emotions: which; `random 1`, `random 2` … are directions drawn at random, as controls.
        strengths: one for all, or one for each, in residual norms.
        language: whose vectors; by default the first.
        layers: 0-based blocks.

    Raises:
        EmovecError: if an emotion, the language or a layer is unknown, a vector has no direction at a layer, or there
            are more or fewer strengths than emotions.
    """
    if len(strengths) not in (1, len(emotions)):
        raise EmovecError(
            f"strength: {len(strengths)} of them for {len(emotions)} emotions; give one, or one for each."
        )
    of = require_name("language", language or vectors.languages[0], vectors.languages)
    for layer in layers:
        if layer not in vectors.layers:
            known = ", ".join(map(str, vectors.layers))
            raise EmovecError(f"layer: there is no vector for layer {layer}; the layers are {known}.")
    each = list(strengths) * (len(emotions) if len(strengths) == 1 else 1)
    found: list[Condition] = []
    for emotion, strength in zip(emotions, each, strict=True):
        drawn = re.fullmatch(r"random \d+", emotion) is not None
        if not drawn:
            emotion_vector(vectors, emotion, of, layers)
        found += [Condition("random" if drawn else "emotion", emotion, of, layer, float(strength)) for layer in layers]
    return found


def interventions(
    conditions: Sequence[Condition],
    vectors: EmotionVectors,
    *,
    rows: Sequence[float] | None = None,
    positions: Positions = "all",
    project_out: bool = False,
    activations: Callable[[int, str], xr.DataArray] | None = None,
    seed: int = 0,
) -> list[Intervention]:
    """What conditions do to the residual stream, all at once.

    Args:
        conditions: which; a baseline does nothing.
        vectors: of the model.
        rows: for each row of a batch, how many times its strength a condition gets; by default once for every row.
        positions: which tokens.
        project_out: take the directions out of the stream instead of adding them.
        activations: as in `condition_vector`.
        seed: of the controls.

    Raises:
        EmovecError: as in `condition_vector`, `residual_norm` and `intervene`.
    """
    return [
        intervene(
            condition_vector(each, vectors, activations, seed),
            layer=each.layer,
            strength=each.strength if rows is None else [each.strength * row for row in rows],
            norm=None if project_out else residual_norm(each, vectors),
            positions=positions,
            project_out=project_out,
        )
        for each in conditions
        if each.kind != "baseline"
    ]


def residual_norm(condition: Condition, vectors: EmotionVectors) -> float:
    """The unit of a condition's strength: its language's residual norm, so that controls are as long as vectors.

    Raises:
        EmovecError: if the vectors came without residual norms.
    """
    norms = vectors.residual_norm
    if norms is None:
        raise EmovecError(
            "These vectors came without residual norms, the unit of steering strength; give residual_norm when "
            "they are made."
        )
    return float(norms.sel(layer=condition.layer, language=condition.vector_language))


def spread_emotions(emotions: Sequence[str]) -> list[str]:
    """A few emotions that lie far apart in valence and arousal; of a list without these, its first six."""
    apart = [emotion for emotion in ("angry", "afraid", "sad", "calm", "joyful", "loving") if emotion in emotions]
    return apart if len(apart) >= 4 else list(emotions[:6])
