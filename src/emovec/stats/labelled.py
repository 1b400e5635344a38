"""Vectors in one canonical order, so that no number depends on how labels were ordered."""

import numpy as np
import xarray as xr

from emovec.errors import EmovecError


def in_label_order(vectors: xr.DataArray, *languages: str) -> xr.DataArray:
    """The vectors of some languages with emotions sorted by label and layers by number.

    Emotions that one of the languages lacks (vectors that are not finite) are left out for all of them.

    Args:
        vectors: [language, emotion, layer, hidden] in any order of dims and labels; `layer` may be a scalar coordinate.
        languages: which ones, in the order wanted.

    Returns:
        [language, emotion, layer, hidden], float64.

    Raises:
        EmovecError: if a language is not among the vectors.
    """
    known = [str(language) for language in vectors["language"].values]
    for language in languages:
        if language not in known:
            raise EmovecError(f"language: there are no vectors for '{language}'; there are for {', '.join(known)}.")
    if "layer" not in vectors.dims:
        vectors = vectors.expand_dims("layer")
    chosen = vectors.sel(language=list(languages)).transpose("language", "emotion", "layer", "hidden")
    chosen = chosen.sortby("emotion").sortby("layer").astype("float64")
    finite = np.isfinite(chosen.values).all(axis=(0, 2, 3))
    return chosen if finite.all() else chosen.isel(emotion=np.flatnonzero(finite))


def labels(array: xr.DataArray, dim: str) -> list[str]:
    """The labels of a dim as plain strings."""
    return [str(value) for value in array[dim].values]


def layer_numbers(array: xr.DataArray) -> list[int]:
    """The labels of the dim `layer` as plain integers."""
    return [int(value) for value in array["layer"].values]


def unit(values: np.ndarray) -> np.ndarray:
    """Rows [..., hidden] scaled to length 1; a row of zeros stays as it is."""
    norms = np.linalg.norm(values, axis=-1, keepdims=True)
    return values / np.where(norms > 0, norms, 1.0)
