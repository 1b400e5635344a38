"""Where a model that the user names is, and what identifies it, without loading anything."""

import hashlib
from pathlib import Path

from emovec.errors import EmovecError
from emovec.models.embedded import EMBEDDED, embedded_folder, gguf_folder
from emovec.models.refusals import require_model_folder

_WEIGHTS = ("*.safetensors", "*.bin", "config.json", "tokenizer.json")


def resolve(model: str) -> str:
    """What transformers should load for a model as the user named it: a folder, or a Hub id.

    Raises:
        EmovecError: if it names a path that does not exist or is no model.
    """
    if model in EMBEDDED:
        return str(embedded_folder(model))
    path = Path(model).expanduser()
    if (file := named_file(model)) is not None:
        return str(gguf_folder(file))
    if path.is_dir():
        require_model_folder(path)
        return str(path)
    if path.is_file() or path.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1:
        raise EmovecError(f"model: {model}: no such model folder or .gguf file.")
    return model


def named_file(model: str) -> Path | None:
    """The `.gguf` file that a model's name is; None where it is something else.

    Raises:
        EmovecError: if there is no such file.
    """
    path = Path(model).expanduser()
    if path.suffix != ".gguf":
        return None
    if not path.is_file():
        raise EmovecError(f"model: {path}: no such file.")
    return path


def model_name(model: str) -> str:
    """What results call a model: a Hub id or an alias as it is, of a path its last part, which no move changes."""
    path = Path(model)
    is_path = path.is_absolute() or model.startswith((".", "~")) or path.suffix == ".gguf" or model.count("/") > 1
    return (path.name or path.resolve().name) if is_path or path.exists() else model


def local_digest(where: str) -> str | None:
    """A digest of a local model's files (names, sizes, both ends of their content); None for a Hub id."""
    folder = Path(where)
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern)):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}".encode())
        with path.open("rb") as file:
            digest.update(file.read(1 << 20))
            file.seek(max(0, size - (1 << 20)))
            digest.update(file.read())
    return digest.hexdigest()


def model_identity(model: str, revision: str | None) -> str:
    """What tells a model from others before it is loaded or converted: its name, and its files where they are local."""
    path = Path(model).expanduser()
    if path.is_file():
        state = path.stat()
        return f"{path.name} {state.st_size} {state.st_mtime_ns}"
    return local_digest(str(path)) or f"{model}@{revision}"
