"""Arrays from elsewhere, with labels, or one sentence on what is wrong with them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from emovec.errors import EmovecError
from emovec.labels import NEUTRAL, Spellings, check_label
from emovec.printable import shortened

DIMS = ("language", "emotion", "layer", "hidden")


def labelled(
    vectors: xr.DataArray | np.ndarray | Mapping[str, Any],
    languages: Sequence[str] | None = None,
    emotions: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
) -> xr.DataArray:
    """Vectors as [language, emotion, layer, hidden], float32, whatever of the three forms they come in.

    Raises:
        EmovecError: if shapes or labels don't fit, a value is not finite, or there are fewer than two emotions.
    """
    if isinstance(vectors, xr.DataArray):
        array = _with_labels(vectors)
    elif isinstance(vectors, Mapping):
        array = _stacked(vectors, languages, layers)
    else:
        array = _from_plain(np.asarray(vectors), languages, emotions, layers)
    numbers = array["layer"].values.tolist()
    if len(set(numbers)) < len(numbers):
        raise EmovecError(
            f"vectors: the same layer is named twice among {shortened(', '.join(map(str, numbers)), 200)}."
        )
    if array.sizes["emotion"] < 2:
        raise EmovecError("vectors: give at least two emotions: a vector is what sets an emotion apart from others.")
    if 0 in array.shape:
        raise EmovecError(f"vectors: an array of shape {array.shape} has no values.")
    require_finite(array.values, "vectors")
    with np.errstate(over="ignore"):
        narrow = array.astype("float32").rename("raw")
    if not np.isfinite(narrow.values).all():
        raise EmovecError("vectors: contain numbers too large for float32 (beyond 3.4e38).")
    return narrow


def checked(array: xr.DataArray | np.ndarray, name: str, dims: tuple[str, ...], vectors: xr.DataArray) -> xr.DataArray:
    """An array that belongs to the vectors, in the order of their labels.

    Raises:
        EmovecError: if its shape or labels are others than theirs, or a value is not finite.
    """
    coords = {dim: vectors[dim].values for dim in dims if dim != "hidden"}
    shape = tuple(vectors.sizes[dim] for dim in dims)
    if isinstance(array, xr.DataArray):
        if set(array.dims) != set(dims):
            raise EmovecError(f"{name}: has the dims {_listed(array.dims)}; give {_listed(dims)}.")
        lacking = [
            f"{dim} {label}"
            for dim, names in coords.items()
            for label in names
            if dim not in array.coords or label not in array[dim].values
        ]
        if lacking:
            raise EmovecError(f"{name}: has nothing for {lacking[0]}, for which there are vectors.")
        array = array.sel(coords).transpose(*dims).values
    values = np.asarray(array)
    if values.shape != shape:
        raise EmovecError(f"{name}: has the shape {values.shape}; the vectors ask for {_listed(dims)} = {shape}.")
    require_finite(values, name)
    return xr.DataArray(values.astype("int64" if name == "counts" else "float32"), dims=dims, coords=coords, name=name)


def require_finite(values: np.ndarray, name: str) -> None:
    """Make sure that there are numbers and nothing else.

    Raises:
        EmovecError: if there are not.
    """
    if values.dtype.kind not in "fiu":
        raise EmovecError(f"{name}: values of type {values.dtype} are not numbers.")
    wrong = np.count_nonzero(~np.isfinite(values))
    if wrong:
        raise EmovecError(f"{name}: {wrong:,} of {values.size:,} values are not finite (NaN or infinite).")


def _with_labels(vectors: xr.DataArray) -> xr.DataArray:
    lacking = [dim for dim in DIMS if dim not in vectors.dims or (dim != "hidden" and dim not in vectors.coords)]
    if lacking or vectors.ndim != len(DIMS):
        raise EmovecError(
            f"vectors: have the dims {_listed(vectors.dims)}; give {_listed(DIMS)}, the first three with labels."
        )
    values = vectors.transpose(*DIMS).values
    return _array(values, *([label.item() for label in vectors[dim].values] for dim in DIMS[:3]))


def _stacked(vectors: Mapping[str, Any], languages: Sequence[str] | None, layers: Sequence[int] | None) -> xr.DataArray:
    nested = all(isinstance(value, Mapping) for value in vectors.values())
    if not nested:
        if languages is None or len(languages) != 1:
            raise EmovecError("vectors: {emotion: array} takes exactly one of languages, such as ['en'].")
        vectors = {languages[0]: vectors}
    if not vectors or not all(vectors.values()):
        raise EmovecError("vectors: there are none.")
    first_language, first = next(iter(vectors.items()))
    rows: list[list[np.ndarray]] = []
    shape: tuple[int, ...] | None = None
    where = ""
    for language, by_emotion in vectors.items():
        unshared = sorted(set(first) ^ set(by_emotion))
        if unshared:
            raise EmovecError(
                f"vectors: {first_language} and {language} don't have the same emotions ({', '.join(unshared)}); give "
                "each language the same ones."
            )
        rows.append([])
        for emotion in first:
            values = np.asarray(by_emotion[emotion])
            values = values[None] if values.ndim == 1 else values
            if values.ndim != 2:
                raise EmovecError(
                    f"{language}.{emotion}: has the shape {values.shape}; a vector is [layer, hidden] or [hidden]."
                )
            if shape is None:
                shape, where = values.shape, f"{language}.{emotion}"
            elif values.shape != shape:
                raise EmovecError(
                    f"{language}.{emotion}: is {values.shape[0]} layers × {values.shape[1]} dimensions, but {where} is "
                    f"{shape[0]} × {shape[1]}; all must come from the same layers of one model."
                )
            require_finite(values, f"{language}.{emotion}")
            rows[-1].append(values)
    numbers = list(range(shape[0])) if layers is None and shape else list(layers or ())
    return _array(np.array(rows), list(vectors), list(first), numbers)


def _from_plain(
    values: np.ndarray,
    languages: Sequence[str] | None,
    emotions: Sequence[str] | None,
    layers: Sequence[int] | None,
) -> xr.DataArray:
    if values.ndim != len(DIMS):
        raise EmovecError(f"vectors: have the shape {values.shape}; give {_listed(DIMS)}.")
    if languages is None or emotions is None:
        raise EmovecError("vectors: a plain array takes languages and emotions as its labels.")
    return _array(values, languages, emotions, range(values.shape[2]) if layers is None else layers)


def _array(
    values: np.ndarray, languages: Sequence[Any], emotions: Sequence[Any], layers: Sequence[Any]
) -> xr.DataArray:
    names = {"languages": languages, "emotions": emotions, "layers": layers}
    for (name, labels), size in zip(names.items(), values.shape, strict=False):
        if len(labels) != size:
            raise EmovecError(f"vectors: there are {size} {name} in the array, but {len(labels)} labels for them.")
    try:
        numbers = [int(layer) for layer in layers]
    except (TypeError, ValueError):
        numbers = [-1]
    if any(number < 0 or number != layer for number, layer in zip(numbers, layers, strict=False)):
        raise EmovecError(f"layers: give 0-based block indices (got {', '.join(map(str, layers))}).")
    try:
        coords = {
            "language": checked_names("language", languages),
            "emotion": checked_names("emotion", emotions),
            "layer": numbers,
        }
    except EmovecError as error:
        raise EmovecError(f"vectors: {error}.") from error
    return xr.DataArray(values, dims=DIMS, coords=coords)


def checked_names(kind: Literal["language", "emotion"], names: Sequence[Any]) -> list[str]:
    """Labels in their one spelling.

    Raises:
        EmovecError: if one can't be a label, or two are the same, be it in two spellings.
    """
    spellings = Spellings()
    labels: list[str] = []
    for name in names:
        label = check_label(kind, str(name))
        if label == NEUTRAL and kind == "emotion":
            raise EmovecError("'neutral' is no emotion, so it has no vector; leave it out")
        if label in labels:
            raise EmovecError(f"the same {kind} is named twice: {shortened(label)}")
        if other := spellings.other_spelling(kind, label, "the same vectors"):
            raise EmovecError(other)
        labels.append(label)
    return labels


def _listed(dims: Sequence[Any]) -> str:
    return f"[{', '.join(map(str, dims))}]"


def header_labels(text: str, format: str, path: Path) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """The labels of a file of emotion vectors, by dim, and its provenance, out of the JSON in its header.

    Raises:
        EmovecError: if the file is of another kind, or its labels are none.
    """
    try:
        header: Any = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != format:  # pyright: ignore[reportUnknownMemberType]
        raise EmovecError(f"{path}: a safetensors file, but not one of emotion vectors ({format}).")
    found: Any = header  # pyright: ignore[reportUnknownVariableType]
    lists = [found.get(name) for name in ("languages", "emotions", "layers")]
    provenance = found.get("provenance", {})
    if not all(isinstance(each, list) and each for each in lists) or not isinstance(provenance, dict):
        raise EmovecError(f"{path}: its header lacks languages, emotions or layers. Build it again.")
    languages, emotions, layers = lists
    if any(type(layer) is not int or layer < 0 for layer in layers):
        raise EmovecError(f"{path}: its header names layers that are no 0-based blocks. Build it again.")
    if len(set(layers)) < len(layers):
        raise EmovecError(f"{path}: its header names a layer twice. Build it again.")
    try:
        labels: dict[str, list[Any]] = {
            "language": checked_names("language", languages),
            "emotion": checked_names("emotion", emotions),
            "layer": layers,
        }
    except EmovecError as error:
        raise EmovecError(f"{path}: {error}.") from error
    return labels, provenance  # pyright: ignore[reportUnknownVariableType]
