"""Load a language model by Hub id, local folder, `.gguf` file, or the alias of an embedded one."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from emovec.errors import EmovecError
from emovec.models.blocks import find_decoder
from emovec.models.embedded import EMBEDDED
from emovec.models.language_model import LanguageModel
from emovec.models.locate import local_digest, resolve
from emovec.models.text_tokenizer import TextTokenizer


def load_model(
    model: str,
    *,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    trust_remote_code: bool = False,
) -> LanguageModel:
    """Load a causal language model for inference.

    Args:
        model: Hub id, folder, `.gguf` file, or `gemma-3-270m` (the embedded default).
        revision: branch, tag or commit of the Hub.
        device: `auto` (CUDA, else Apple's MPS, else the CPU) or a torch device.
        dtype: `auto` (bfloat16 on an accelerator, float32 on the CPU), `float32`, `bfloat16` or `float16`.
        trust_remote_code: whether code that comes with the model may run.

    Raises:
        EmovecError: if the model can't be found or read, or is no decoder-only language model.
    """
    target = choose_device(device)  # before a conversion: that takes a minute
    precision = choose_dtype(dtype, target)
    with _without_bars():
        where = resolve(model)
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    config = read_part(AutoConfig, model, where, options)
    try:
        with _without_bars():
            loaded: Any = AutoModelForCausalLM.from_pretrained(where, config=config, dtype=precision, **options)
    except (OSError, ValueError) as error:
        raise _unreadable(model, error) from error
    try:
        loaded = loaded.to(target).eval()
    except torch.OutOfMemoryError as error:
        raise EmovecError(
            f"model: {model} does not fit into the memory of {target}; set extraction.dtype: bfloat16 or "
            "extraction.device: cpu, or take a smaller model."
        ) from error
    decoder = find_decoder(loaded, config)
    _require_causal(model, decoder.module, loaded)
    return LanguageModel(
        id=model,
        revision=str(getattr(config, "_commit_hash", None) or local_digest(where) or revision or "unknown"),
        model=loaded,
        decoder=decoder,
        tokenizer=load_tokenizer(model, revision=revision, trust_remote_code=trust_remote_code),
    )


def load_tokenizer(model: str, *, revision: str | None = None, trust_remote_code: bool = False) -> TextTokenizer:
    """Load only the tokenizer of a model; arguments and errors as in `load_model`."""
    options = {"revision": revision, "trust_remote_code": trust_remote_code}
    return TextTokenizer(read_part(AutoTokenizer, model, resolve(model), options))


def choose_device(device: str) -> torch.device:
    """The torch device for a `device` setting.

    Raises:
        EmovecError: if the setting names no device, or one that this machine lacks.
    """
    if device == "auto":
        mps = torch.backends.mps.is_available()
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if mps else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise EmovecError(f"extraction.device: '{device}' can't be used here ({reason}); try auto or cpu.") from error
    return chosen


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """The torch dtype for a `dtype` setting on a device.

    `auto` never gives float16: massive activations overflow it.

    Raises:
        EmovecError: if the setting names none of those that models run in.
    """
    if dtype not in ("auto", "float32", "bfloat16", "float16"):
        raise EmovecError(f"dtype: '{dtype}' is none of auto, float32, bfloat16, float16.")
    if dtype != "auto":
        return getattr(torch, dtype)
    if device.type == "cpu" or (device.type == "cuda" and not torch.cuda.is_bf16_supported()):
        return torch.float32
    return torch.bfloat16


@contextmanager
def _without_bars() -> Generator[None]:
    """Keep transformers' own bars, a dozen lines a load, out of what a command has to say."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def read_part(auto_class: Any, model: str, where: str, options: dict[str, Any]) -> Any:
    """The configuration or the tokenizer of a model that `resolve` has found; errors name the model as it was given."""
    try:
        return auto_class.from_pretrained(where, **options)
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(model, error) from error


def _unreadable(model: str, error: Exception) -> EmovecError:
    reason = str(error).strip().splitlines()[0]
    if Path(model).expanduser().exists() or model in EMBEDDED:
        return EmovecError(f"model: {model} can't be loaded as a causal language model: {reason}")
    return EmovecError(
        f"model: '{model}' is no local folder or .gguf file, and was not found in the local Hugging Face cache or on "
        f"the Hub (offline? misspelt? private without HF_TOKEN?): {reason}"
    )


def _require_causal(name: str, decoder: torch.nn.Module, model: Any) -> None:
    """Refuse a model whose early positions see later ones: an encoder has no residual stream to read this way."""
    ids = torch.arange(1, 7, device=model.device).remainder(model.config.get_text_config(decoder=True).vocab_size)[None]
    changed = ids.clone()
    changed[0, -1] = 0
    with torch.inference_mode():
        before, after = (decoder(input_ids=x, use_cache=False).last_hidden_state[0, :-1] for x in (ids, changed))
    if not torch.allclose(before, after, rtol=1e-2, atol=1e-2 * float(before.abs().max())):
        raise EmovecError(
            f"model: {name} ({type(model).__name__}) is no decoder-only language model: its early tokens see later "
            "ones."
        )
