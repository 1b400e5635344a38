"""Files of arrays as they lie, without any code in them being run: `.npz`, `.npy`, `.safetensors`, `.gguf`, `.pt`."""

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emovec.errors import EmovecError
from emovec.printable import shortened
from emovec.vectors.emotion_vectors import EmotionVectors

Parts = tuple[str | int, ...]
"""What a vector is called: the words of its name, or the keys that lead to it; empty for one without a name."""

_DIRECTION = re.compile(r"direction\.(\d+)")
_NAMELESS = {"arr_0"}  # what np.savez calls an array without a name
_WRAPPERS = {"vectors", "emotion_vectors", "directions", "means"}  # a key above all others that says nothing of them
_LARGEST = 1 << 30  # bytes from which a file that grows a hundredfold when unpacked is taken for a trap


@dataclass(frozen=True)
class Contents:
    """What one file holds.

    Attributes:
        arrays: name → array of numbers.
        labels: name → list of words or numbers, such as `emotions` and `layers`.
        layers: the 0-based blocks of the rows, where the file's format fixes them.
        model: what the file says that it was made with.
        whole: a record of emovec's own.
    """

    arrays: dict[Parts, np.ndarray]
    labels: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    layers: list[int] | None = None
    model: str | None = None
    whole: EmotionVectors | None = field(default=None, repr=False)


def read_contents(path: Path) -> Contents:
    """Read a file of arrays by the reader for its ending.

    Raises:
        EmovecError: if it is missing, broken, of another kind, or holds what only running its code would read.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise EmovecError(f"{path}: vectors are read from {', '.join(READERS)}; this is none of them.")
    if not path.is_file():
        raise EmovecError(f"{path}: no such file.")
    found = reader(path)
    if not found.arrays and found.whole is None:
        raise EmovecError(f"{path}: contains no vectors.")
    return found


def _read_npz(path: Path) -> Contents:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise EmovecError(f"{path}: '{shortened(twice, 60)}' is there twice; keep one of them.")
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > _LARGEST and unpacked > 100 * path.stat().st_size:
                raise EmovecError(f"{path}: would take {unpacked:,} bytes when unpacked; it is taken for broken.")
            for entry in entries:
                if not entry.filename.endswith(".npy"):
                    raise ValueError(f"it contains '{shortened(entry.filename, 60)}', which isn't an array")
                _require_declared(archive, entry)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except EmovecError:
        raise
    except Exception as error:  # zipfile and NumPy raise many kinds for a broken file
        raise EmovecError(f"{path}: not an .npz file of plain arrays ({_brief(error)}).") from error
    return _told_apart(arrays)


def _require_declared(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Refuse an array that declares another size than it has, before memory for it is asked for."""
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    size = dtype.itemsize
    for length in shape:
        size *= int(length)
    if size > entry.file_size or any(length < 0 for length in shape):
        raise ValueError(f"{entry.filename} declares the shape {shape}, which it doesn't hold")


def _read_npy(path: Path) -> Contents:
    try:
        with path.open("rb") as file:
            array = np.load(file, allow_pickle=False)
    except Exception as error:  # NumPy raises many kinds for a broken file
        raise EmovecError(f"{path}: not an .npy file of numbers ({_brief(error)}).") from error
    return Contents({(): array} if isinstance(array, np.ndarray) else {})


def _read_safetensors(path: Path) -> Contents:
    from safetensors import SafetensorError, safe_open

    try:
        # PyTorch reads bfloat16, which NumPy doesn't have.
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors: dict[str, Any] = {} if "emovec" in metadata else {n: file.get_tensor(n) for n in file.keys()}  # noqa: SIM118
        if "emovec" in metadata:
            return Contents({}, whole=EmotionVectors.load(path))
        header = json.loads(metadata.get("control_vectors", "{}"))
        layers = header.get("layers")
        if layers is not None and not (isinstance(layers, list) and all(type(each) is int for each in layers)):  # pyright: ignore[reportUnknownVariableType]
            raise ValueError("its header doesn't give the layers")
        model = (header.get("provenance") or {}).get("model")
        arrays = {name: tensor.float().numpy() for name, tensor in tensors.items()}
    except (SafetensorError, OSError, ValueError, AttributeError, RuntimeError, RecursionError, TypeError) as error:
        raise EmovecError(f"{path}: not a readable safetensors file ({_brief(error)}).") from error
    # What `emovec vectors export` wrote tells which layers its rows are.
    return Contents(
        {(name,): array for name, array in arrays.items()}, {}, layers, None if model is None else str(model)
    )


def _read_gguf(path: Path) -> Contents:
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
        tensors = {str(tensor.name): np.array(tensor.data) for tensor in reader.tensors}
        hint = reader.get_field("controlvector.model_hint")
        kind = reader.get_field("general.architecture")
        said = [None if entry is None else str(entry.contents()) for entry in (hint, kind)]
    except Exception as error:  # the reader raises many kinds for a broken file
        raise EmovecError(f"{path}: not a readable GGUF file ({_brief(error)}).") from error
    directions = {int(match[1]): tensors[name] for name in tensors if (match := _DIRECTION.fullmatch(name))}
    if not directions:
        raise EmovecError(
            f"{path}: a GGUF file of kind '{shortened(said[1], 40)}' without tensors 'direction.<k>': not a control "
            "vector."
        )
    shapes = {array.shape for array in directions.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1 or any(a.dtype.kind != "f" for a in directions.values()):
        raise EmovecError(
            f"{path}: each direction must be one list of floats, all of one length (got {sorted(shapes)})."
        )
    layers = sorted(directions)
    return Contents({(): np.stack([directions[k] for k in layers])}, {}, layers, said[0])


def _read_torch(path: Path) -> Contents:
    import pickle

    import torch

    try:
        data: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise EmovecError(
            f"{path}: contains more than tensors, lists, words and numbers, and reading the rest could run somebody's "
            "code; have its maker save it as .safetensors or .npz."
        ) from error
    except Exception as error:  # the reader raises many kinds for a broken file
        raise EmovecError(f"{path}: not a readable PyTorch file ({_brief(error)}).") from error
    arrays: dict[Parts, np.ndarray] = {}
    labels: dict[str, list[Any]] = {}
    try:
        _collect(data, (), arrays, labels)
    except (TypeError, ValueError, RuntimeError, RecursionError) as error:
        raise EmovecError(f"{path}: contains something other than tensors of numbers ({_brief(error)}).") from error
    return _told_apart(arrays, labels)


def _collect(data: Any, key: Parts, arrays: dict[Parts, np.ndarray], labels: dict[str, list[Any]]) -> None:
    """Every tensor of nested dictionaries by the keys that lead to it, and lists of words or numbers as labels."""
    import torch

    if isinstance(data, torch.Tensor):
        if data.layout is not torch.strided or data.is_quantized:
            raise ValueError(f"a tensor of layout {data.layout}")
        arrays[key] = (data.detach().float() if data.is_floating_point() else data.detach()).numpy()
    elif isinstance(data, Mapping):
        for name, value in data.items():  # pyright: ignore[reportUnknownVariableType]
            if not isinstance(name, str | int) or isinstance(name, bool):
                raise TypeError(f"a key of type {type(name).__name__}")  # pyright: ignore[reportUnknownArgumentType]
            _collect(value, (*key, name), arrays, labels)
    elif isinstance(data, list | tuple) and data and all(isinstance(each, torch.Tensor) for each in data):  # pyright: ignore[reportUnknownVariableType]
        _collect(torch.stack(list(data)), key, arrays, labels)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(data, list | tuple) and all(isinstance(each, str | int) for each in data) and key:  # pyright: ignore[reportUnknownVariableType]
        labels[str(key[-1])] = list(data)  # pyright: ignore[reportUnknownArgumentType]
    elif not isinstance(data, str | int | float | None):
        raise TypeError(type(data).__name__)


def _told_apart(arrays: Mapping[Any, np.ndarray], labels: Mapping[str, list[Any]] | None = None) -> Contents:
    """Arrays of numbers as vectors, lists of words as labels; of lists of whole numbers `layers` is one."""
    found = dict(labels or {})
    vectors: dict[Parts, np.ndarray] = {}
    for name, array in arrays.items():
        parts: Parts = name if isinstance(name, tuple) else () if name in _NAMELESS and len(arrays) == 1 else (name,)
        if array.dtype.kind in "US" or (parts and parts[-1] in {"layers", "layer"} and array.ndim == 1):
            found[str(parts[-1]) if parts else ""] = array.astype(
                str if array.dtype.kind == "S" else array.dtype
            ).tolist()
        else:
            vectors[parts] = array
    if len({parts[:1] for parts in vectors}) == 1 and all(
        len(parts) > 1 and parts[0] in _WRAPPERS for parts in vectors
    ):
        vectors = {parts[1:]: array for parts, array in vectors.items()}
    return Contents(vectors, found)


def _brief(error: BaseException) -> str:
    return shortened(str(error), 200) or type(error).__name__


READERS = {
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".safetensors": _read_safetensors,
    ".gguf": _read_gguf,
    ".pt": _read_torch,
    ".pth": _read_torch,
}
"""How a file is read, by the end of its name."""
