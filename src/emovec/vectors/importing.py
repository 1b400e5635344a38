"""Vectors that were made elsewhere: `.npz`, `.safetensors` and control-vector `.gguf` files as `EmotionVectors`."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from emovec.errors import EmovecError
from emovec.vectors.emotion_vectors import EmotionVectors

_CODE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]+)*")
_DIRECTION = re.compile(r"direction\.(\d+)")
_ALONE = ""  # the name of the only vector in a file that names none


@dataclass(frozen=True)
class _Found:
    """What one file holds: (language or None, emotion) → [layer, hidden] or [hidden]."""

    vectors: dict[tuple[str | None, str], np.ndarray]
    layers: list[int] | None = None
    model: str | None = None
    whole: EmotionVectors | None = field(default=None, repr=False)


def read_vectors(
    *paths: str | Path,
    named: Mapping[str, str | Path] | None = None,
    language: str = "en",
    layer: int | None = None,
    model: str | None = None,
) -> EmotionVectors:
    """Read vectors out of one file or of several that belong together.

    - `.safetensors`: one of emovec's own, or tensors named `<emotion>`, `<language>.<emotion>` or
      `<language>/<emotion>`, each [layer, hidden] or [hidden].
    - `.npz`: arrays named like that; or one array [language, emotion, layer, hidden] beside the label arrays
      `languages`, `emotions` and, if wanted, `layers`. Pickled objects are refused.
    - `.gguf`: a control vector of llama.cpp or repeng, one emotion a file: tensors `direction.<k>`, each [hidden].
      `direction.k` is what llama.cpp adds to the output of 0-based block k, so it is layer k here.

    Rows of [layer, hidden] are the outputs of blocks 0, 1, 2 … before any final norm.

    Args:
        paths: the files; a `.gguf` gives the emotion that its file is named after.
        named: {emotion: file}, for files that hold one vector without a name.
        language: of vectors whose names don't tell.
        layer: the block of a lone [hidden]; by default 0.
        model: what the vectors were made with, where the file doesn't tell.

    Raises:
        EmovecError: if a file is missing, broken or of another kind, or the vectors don't fit each other.
    """
    files = [(None, Path(path)) for path in paths] + [(emotion, Path(path)) for emotion, path in (named or {}).items()]
    if not files:
        raise EmovecError("Give at least one file of vectors (.npz, .safetensors or .gguf).")
    found = [(path, _named(_read(path), emotion, path)) for emotion, path in files]
    origin = {"imported": [path.name for _, path in files]}
    if len(found) == 1 and (whole := found[0][1].whole) is not None:
        return _with_provenance(whole, origin | ({"model": model} if model else {}))
    vectors: dict[str, dict[str, np.ndarray]] = {}
    origins: dict[tuple[str, str], Path] = {}
    layers, first = found[0][1].layers, found[0][0]
    for path, part in found:
        if part.layers != layers:
            raise EmovecError(f"{path}: has the layers {_shown(part.layers)}, but {first} has {_shown(layers)}.")
        for (code, emotion), array in part.vectors.items():
            key = (code or language, emotion)
            if key in origins:
                raise EmovecError(f"{path}: {key[0]}.{emotion} was in {origins[key]} already; give each vector once.")
            origins[key] = path
            vectors.setdefault(key[0], {})[emotion] = array
    if layers is None and all(array.ndim == 1 for by in vectors.values() for array in by.values()):
        layers = [layer or 0]
    hint = model or next((part.model for _, part in found if part.model), None)
    try:
        return EmotionVectors.from_arrays(vectors, layers=layers, model=hint, provenance=origin)
    except EmovecError as error:
        raise EmovecError(f"{', '.join(str(path) for _, path in files)}: {error}") from error


def _read(path: Path) -> _Found:
    readers = {".npz": _read_npz, ".safetensors": _read_safetensors, ".gguf": _read_gguf}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise EmovecError(f"{path}: vectors are read from {', '.join(readers)}; this is none of them.")
    if not path.is_file():
        raise EmovecError(f"{path}: no such file.")
    found = reader(path)
    if not found.vectors:
        raise EmovecError(f"{path}: holds no vectors.")
    return found


def _read_npz(path: Path) -> _Found:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise EmovecError(f"{path}: not an .npz file of plain arrays ({error}).") from error
    if not {"languages", "emotions"} & set(arrays):
        return _Found(_split_names(arrays, path))
    try:
        languages, emotions = (arrays.pop(name).astype(str).tolist() for name in ("languages", "emotions"))
    except KeyError as error:
        raise EmovecError(f"{path}: has one of the label arrays 'languages' and 'emotions'; give both.") from error
    numbers = arrays.pop("layers", None)
    if len(arrays) != 1:
        raise EmovecError(
            f"{path}: beside the labels there must be one array (there are {', '.join(arrays) or 'none'})."
        )
    whole = EmotionVectors.from_arrays(
        next(iter(arrays.values())),
        languages=languages,
        emotions=emotions,
        layers=None if numbers is None else numbers.tolist(),
    )
    return _of(whole)


def _read_safetensors(path: Path) -> _Found:
    from safetensors import SafetensorError, safe_open

    try:
        # PyTorch reads bfloat16, which NumPy doesn't have.
        with safe_open(path, framework="pt") as file:
            ours, exported = (json.loads((file.metadata() or {}).get(k, "{}")) for k in ("emovec", "control_vectors"))
            tensors: dict[str, Any] = {} if ours else {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise EmovecError(f"{path}: not a readable safetensors file ({error}).") from error
    if ours:
        return _of(EmotionVectors.load(path))
    arrays = {name: tensor.float().numpy() for name, tensor in tensors.items()}
    # What `emovec export` wrote tells which layers its rows are.
    model = exported.get("provenance", {}).get("model")
    return _Found(_split_names(arrays, path), exported.get("layers"), model)


def _read_gguf(path: Path) -> _Found:
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
        tensors = {str(tensor.name): np.array(tensor.data) for tensor in reader.tensors}
        hint = reader.get_field("controlvector.model_hint")
        kind = reader.get_field("general.architecture")
        said = [None if entry is None else str(entry.contents()) for entry in (hint, kind)]
    except Exception as error:  # the reader raises many kinds for a broken file
        raise EmovecError(f"{path}: not a readable GGUF file ({' '.join(str(error).split())}).") from error
    directions = {int(match[1]): tensors[name] for name in tensors if (match := _DIRECTION.fullmatch(name))}
    if not directions:
        raise EmovecError(
            f"{path}: a GGUF file of kind '{said[1]}' without tensors 'direction.<k>': not a control vector."
        )
    shapes = {array.shape for array in directions.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1 or any(a.dtype.kind != "f" for a in directions.values()):
        raise EmovecError(
            f"{path}: each direction must be one list of floats, all of one length (got {sorted(shapes)})."
        )
    layers = sorted(directions)
    return _Found({(None, _ALONE): np.stack([directions[k] for k in layers])}, layers, said[0])


def _of(whole: EmotionVectors) -> _Found:
    """The raw vectors of a record, by name, beside the record itself."""
    vectors: dict[tuple[str | None, str], np.ndarray] = {
        (language, emotion): whole.raw.sel(language=language, emotion=emotion).values
        for language in whole.languages
        for emotion in whole.emotions
    }
    return _Found(vectors, whole.layers, whole.provenance.get("model"), whole)


def _split_names(arrays: Mapping[str, np.ndarray], path: Path) -> dict[tuple[str | None, str], np.ndarray]:
    """Arrays by language and emotion, as their names tell."""
    parts = {name: re.split(r"[./]", name, maxsplit=1) for name in arrays}
    if len({len(part) for part in parts.values()}) > 1:
        raise EmovecError(f"{path}: some names have a language ('en.happy') and some don't ({_some(parts)}).")
    for name, part in parts.items():
        if len(part) == 2 and not (_CODE.fullmatch(part[0]) and part[1]):
            raise EmovecError(
                f"{path}: '{name}' is no '<emotion>', '<language>.<emotion>' or '<language>/<emotion>', with a "
                "language such as 'en'; rename the arrays."
            )
    return {(part[0] if len(part) == 2 else None, part[-1]): arrays[name] for name, part in parts.items()}


def _named(found: _Found, emotion: str | None, path: Path) -> _Found:
    """The same with the emotion that the user gave, or for a vector without a name the file's."""
    if emotion is None and list(found.vectors) != [(None, _ALONE)]:
        return found
    if len(found.vectors) > 1:
        raise EmovecError(f"{path}: holds {len(found.vectors)} vectors, so it can't be '{emotion}' as a whole.")
    (language, _), array = next(iter(found.vectors.items()))
    return _Found({(language, emotion or path.stem): array}, found.layers, found.model)


def _with_provenance(vectors: EmotionVectors, more: dict[str, Any]) -> EmotionVectors:
    from dataclasses import replace

    return replace(vectors, provenance={**vectors.provenance, **more})


def _shown(layers: list[int] | None) -> str:
    return "0, 1, 2 …" if layers is None else ", ".join(map(str, layers))


def _some(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)[:4])
