"""Vectors that were made elsewhere, in one file, several or a folder, as `EmotionVectors`; or the reason why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emovec.errors import EmovecError
from emovec.printable import shortened
from emovec.vectors.emotion_vectors import EmotionVectors
from emovec.vectors.naming import CODE, Named, by_labels, by_name, layer_of_stem
from emovec.vectors.reading import READERS, Contents, Parts, read_contents

_Key = tuple[str, str]


@dataclass(frozen=True)
class _Source:
    """A file, what the user calls its only vector, and the folders of a given folder that lead to it."""

    path: Path
    emotion: str | None = None
    above: Parts = ()


@dataclass(frozen=True)
class _Rows:
    """[hidden] by layer of one language and emotion, and where they came from."""

    by_layer: dict[int, np.ndarray]
    path: Path


def read_vectors(
    *paths: str | Path,
    named: Mapping[str, str | Path] | None = None,
    language: str = "en",
    layer: int | None = None,
    model: str | None = None,
    layer_offset: int = 0,
    names: str | None = None,
    array: str | None = None,
) -> EmotionVectors:
    """Read vectors out of one file, or of several or a folder of them that belong together.

    - `.safetensors`, `.npz`, `.pt`, `.pth`: arrays called `<emotion>` or `<language>.<emotion>`, each [layer, hidden]
      or [hidden], also with the layer in the name (`layer_28__afraid`), as keys of dictionaries in each other, or in
      the name of the file (`layer_28.npz`); or one array beside the lists `emotions` and, if wanted, `layers` and
      `languages`. emovec's own file is taken as it is. No pickled code is ever run.
    - `.npy`, `.pt`: one vector, called like its file.
    - `.gguf`: a control vector of llama.cpp or repeng, one emotion a file. `direction.k` is added to the output of
      0-based block k, so it is layer k here.

    Args:
        paths: the files or folders.
        named: {emotion: file}, for files that hold one vector without a name.
        language: of vectors whose names don't tell.
        layer: the block of lone [hidden] vectors whose names don't tell; without it they are refused.
        model: what the vectors were made with, where the file doesn't tell.
        layer_offset: what the files call block 0: 1 for indices of `hidden_states`, whose 0 are the embeddings.
        names: how names are made where that is another way, such as `block_{layer}_{emotion}`.
        array: the one with the vectors, where there are several beside the labels.

    Raises:
        EmovecError: if a file is missing, broken or of another kind, what it holds can't be told for sure, or the
            vectors don't fit each other.
    """
    sources = [each for path in paths for each in _sources(Path(path))]
    sources += [_Source(Path(path), emotion) for emotion, path in (named or {}).items()]
    if not sources:
        raise EmovecError("Give at least one file of vectors (.npz, .safetensors, .gguf or .pt).")
    found = [(source, read_contents(source.path)) for source in sources]
    origin: dict[str, Any] = {"imported": [source.path.name for source in sources]}
    if len(found) == 1 and (whole := found[0][1].whole) is not None:
        more = origin | ({"model": model} if model else {})
        return replace(whole, provenance={**whole.provenance, **more})
    rows: dict[_Key, _Rows] = {}
    numbered = len(sources) > 1 and all(source.path.stem.isdecimal() for source in sources)
    for source, contents in found:
        for key, by_layer in _of_file(source, contents, names, array, language, layer, layer_offset, numbered):
            _add(rows, key, by_layer, source.path)
    _require_equal_layers(rows)
    fixed = all(contents.layers is not None or contents.whole is not None for _, contents in found)
    origin |= {} if fixed else {"layer_offset": layer_offset}
    hint = model or next((contents.model for _, contents in found if contents.model), None)
    return _whole(rows, hint, origin, ", ".join(str(source.path) for source in sources))


def _sources(path: Path) -> list[_Source]:
    """The file itself, or all files of a folder."""
    if not path.is_dir():
        return [_Source(path)]
    files = sorted(file for file in path.rglob("*") if file.is_file())
    files = [file for file in files if not any(part.startswith(".") for part in file.relative_to(path).parts)]
    if other := next((file for file in files if file.suffix.lower() not in READERS), None):
        raise EmovecError(
            f"{path}: contains '{shortened(other.name, 60)}', which isn't a file of vectors; name the files that "
            f"are ({', '.join(READERS)})."
        )
    if not files:
        raise EmovecError(f"{path}: the folder contains no files of vectors.")
    return [_Source(file, above=file.relative_to(path).parts[:-1]) for file in files]


def _of_file(
    source: _Source,
    contents: Contents,
    names: str | None,
    array: str | None,
    language: str,
    layer: int | None,
    offset: int,
    numbered: bool,
) -> list[tuple[_Key, dict[int, np.ndarray]]]:
    """The vectors of one file: (language, emotion) and [hidden] by layer, counted from block 0."""
    path, where = source.path, str(source.path)
    if contents.whole is not None:
        raw = contents.whole.raw
        named: dict[Named, np.ndarray] = {
            Named(e, la): raw.sel(language=la, emotion=e).values
            for la in contents.whole.languages
            for e in contents.whole.emotions
        }
        layers, offset = contents.whole.layers, 0
    else:
        named, layers = _named(source, contents, where, names, array), contents.layers
        offset = 0 if layers is not None else offset
    at = layer_of_stem(path.stem) if not numbered else int(path.stem)
    found: list[tuple[_Key, dict[int, np.ndarray]]] = []
    for told, values in named.items():
        key = (told.language or language, str(told.emotion))
        by_layer = _by_layer(values, told.layer if told.layer is not None else at, layer, layers, key, where, offset)
        found.append((key, by_layer))
    return found


def _named(
    source: _Source, contents: Contents, where: str, names: str | None, array: str | None
) -> dict[Named, np.ndarray]:
    if labelled := by_labels(contents.arrays, contents.labels, where, array):
        return labelled[0]
    if array is not None:
        raise EmovecError(f"{where}: `array` names one array beside lists of labels, and there are no such lists.")
    alone = len(contents.arrays) == 1
    if source.emotion is not None and not alone:
        raise EmovecError(
            f"{where}: contains {len(contents.arrays)} vectors, so it can't be '{source.emotion}' as a whole."
        )
    full: dict[Parts, Parts] = {}
    for parts in contents.arrays:
        full[parts] = (*source.above, *(parts or (source.path.stem,)))
        if source.emotion is not None:
            full[parts] = source.above
    told = by_name(list(full.values()), where, names) if source.emotion is None else {source.above: Named()}
    found: dict[Named, np.ndarray] = {}
    spoken = source.path.stem if CODE.fullmatch(source.path.stem) and len(source.path.stem) == 2 else None
    for parts, values in contents.arrays.items():
        each = told[full[parts]]
        each = replace(
            each, emotion=source.emotion or each.emotion, language=each.language or (spoken if parts else None)
        )
        if each.emotion is None:
            raise EmovecError(
                f"{where}: the names give layers, but no emotion; give an emotion for each file, or `names`."
            )
        if each in found:
            raise EmovecError(f"{where}: '{shortened(each.emotion, 40)}' is there twice; give each vector once.")
        found[each] = values
    return found


def _by_layer(
    values: np.ndarray,
    told: int | None,
    asked: int | None,
    layers: Sequence[int] | None,
    key: _Key,
    where: str,
    offset: int,
) -> dict[int, np.ndarray]:
    """[hidden] by 0-based block, of an array [layer, hidden] or [hidden]."""
    name = f"{key[0]}.{shortened(key[1], 40)}"
    if values.dtype.kind not in "fiu":
        raise EmovecError(f"{where}: {name}: values of type {values.dtype} are not numbers.")
    if values.ndim == 2 and told is not None and len(values) == 1:
        values = values[0]
    if values.ndim == 1:
        if told is None and layers is not None and len(layers) == 1:
            return {layers[0]: values}
        if told is None and asked is None:
            raise EmovecError(
                f"{where}: {name} is one vector without a layer; say with `layer` at which 0-based block it was read."
            )
        number = told - offset if told is not None else int(asked or 0)
        return {number: values} if number >= 0 else {}
    if values.ndim != 2 or told is not None:
        wanted = "[hidden], because its name gives the layer" if told is not None else "[layer, hidden] or [hidden]"
        raise EmovecError(f"{where}: {name}: has the shape {values.shape}; a vector is {wanted}.")
    numbers = range(len(values)) if layers is None else layers
    if len(numbers) != len(values):
        raise EmovecError(f"{where}: {name}: has {len(values)} rows for {len(numbers)} layers.")
    return {number - offset: row for number, row in zip(numbers, values, strict=True) if number >= offset}


def _add(rows: dict[_Key, _Rows], key: _Key, by_layer: dict[int, np.ndarray], path: Path) -> None:
    known = rows.setdefault(key, _Rows({}, path))
    if twice := set(known.by_layer) & set(by_layer):
        raise EmovecError(
            f"{path}: {key[0]}.{shortened(key[1], 40)} was in {known.path} already (layer {min(twice)}); give each "
            "vector once."
        )
    known.by_layer.update(by_layer)


def _require_equal_layers(rows: Mapping[_Key, _Rows]) -> None:
    first_key, first = next(iter(rows.items()))
    wanted = sorted(first.by_layer)
    if not wanted:
        raise EmovecError(f"{first.path}: contains nothing but embeddings (layer 0) with this `layer_offset`.")
    for key, found in rows.items():
        if sorted(found.by_layer) != wanted:
            raise EmovecError(
                f"{found.path}: {'.'.join(key)} has the layers {_shown(found.by_layer)}, but "
                f"{'.'.join(first_key)} in {first.path} has {_shown(wanted)}; all need the same."
            )
    for key, found in rows.items():
        for number, row in found.by_layer.items():
            if row.size and not row.any():
                raise EmovecError(
                    f"{found.path}: {'.'.join(key)} is all zeros at layer {number}: no direction; leave it out."
                )


def _whole(rows: Mapping[_Key, _Rows], model: str | None, origin: Mapping[str, Any], where: str) -> EmotionVectors:
    layers = sorted(next(iter(rows.values())).by_layer)
    vectors: dict[str, dict[str, np.ndarray]] = {}
    for (code, emotion), found in rows.items():
        sizes = {found.by_layer[k].size for k in layers}
        if len(sizes) > 1:
            raise EmovecError(
                f"{found.path}: {code}.{emotion} has {min(sizes)} dimensions at one layer, {max(sizes)} at another."
            )
        vectors.setdefault(code, {})[emotion] = np.stack([found.by_layer[k] for k in layers])
    try:
        return EmotionVectors.from_arrays(vectors, layers=layers, model=model, provenance=origin)
    except EmovecError as error:
        raise EmovecError(f"{where}: {error}") from error


def _shown(layers: Sequence[int] | Mapping[int, Any]) -> str:
    return shortened(", ".join(map(str, sorted(layers))), 60)
