"""One emotion's vector by its name, or one sentence on what isn't there."""

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
import xarray as xr

from emovec.errors import EmovecError
from emovec.vectors.emotion_vectors import EmotionVectors

_LISTED = 30


def require_name(what: str, name: str, known: Sequence[str]) -> str:
    """The name of an emotion or a language, if it is known.

    Raises:
        EmovecError: if it isn't; it tells the nearest, or where none is near those that there are.
    """
    if name in known:
        return name
    spelt = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), spelt, n=1)
    listed = ", ".join(known[:_LISTED]) + " …" * (len(known) > _LISTED)
    hint = f"did you mean '{spelt[near[0]]}'?" if near else f"there are for {listed}."
    raise EmovecError(f"{what}: there are no vectors for '{name}'; {hint}")


def emotion_vector(
    vectors: EmotionVectors, emotion: str, language: str | None = None, layers: Sequence[int] = ()
) -> xr.DataArray:
    """[layer, hidden]: the best vectors of an emotion.

    Args:
        vectors: where they are taken from.
        emotion: which.
        language: whose; by default the first.
        layers: the 0-based blocks at which it must have a direction.

    Raises:
        EmovecError: if the emotion or the language is unknown, or the vector is zero or not finite at one of the
            layers, so that it has no direction there.
    """
    of = require_name("language", language or vectors.languages[0], vectors.languages)
    found = vectors.best.sel(language=of, emotion=require_name("emotion", emotion, vectors.emotions))
    for layer in layers:
        if layer in vectors.layers:
            require_direction(found.sel(layer=layer).values, emotion, of, layer)
    return found


def require_direction(vector: np.ndarray, emotion: str, language: str, layer: int) -> float:
    """The length of a vector [hidden], in which it can be divided to give a direction.

    Raises:
        EmovecError: if it has none.
    """
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not (np.isfinite(length) and length > 0):
        raise EmovecError(
            f"emotion: '{emotion}' has no vector in '{language}' at layer {layer} (it is zero or not finite); leave "
            "the emotion out, or build the vectors with stories of it in that language."
        )
    return length
