"""Load a language model by Hub id, local folder, `.gguf` file, or the alias of an embedded one."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
)
from transformers.utils import logging as transformers_logging

from emovec.errors import EmovecError
from emovec.models.behaviour import Behaviour, observe
from emovec.models.blocks import Decoder, find_decoder
from emovec.models.known_bad import require_sound
from emovec.models.language_model import LanguageModel
from emovec.models.locate import local_digest, resolve
from emovec.models.refusals import (
    require_all_weights,
    require_decoder_only,
    require_known_quantisation,
    require_tokenizer,
    require_weights,
    unreadable,
)
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
    local = Path(where).is_dir()
    if local:
        require_weights(Path(where))
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    config = read_config(model, where, options)
    require_sound(config, target)
    tokenizer = load_tokenizer(model, revision=revision, trust_remote_code=trust_remote_code)
    try:
        with _without_bars():
            loaded, info = auto_class(config).from_pretrained(
                where, config=config, dtype=precision, use_safetensors=True, output_loading_info=True, **options
            )
    except torch.OutOfMemoryError as error:
        raise _too_large(model, target) from error
    except Exception as error:  # each family and quantiser raises errors of its own
        raise unreadable(model, error, local=local, config=config) from error
    require_all_weights(model, info)
    try:
        loaded = loaded.to(target).eval()
    except torch.OutOfMemoryError as error:
        raise _too_large(model, target) from error
    decoder = find_decoder(loaded, config)
    return LanguageModel(
        id=model,
        revision=str(getattr(config, "_commit_hash", None) or local_digest(where) or revision or "unknown"),
        model=loaded,
        decoder=decoder,
        tokenizer=tokenizer,
        behaviour=_observed(model, loaded, decoder),
    )


def load_tokenizer(model: str, *, revision: str | None = None, trust_remote_code: bool = False) -> TextTokenizer:
    """Load only the tokenizer of a model; arguments and errors as in `load_model`."""
    where = resolve(model)
    if Path(where).is_dir():
        require_tokenizer(Path(where))
    options = {"revision": revision, "trust_remote_code": trust_remote_code}
    return TextTokenizer(read_part(AutoTokenizer, model, where, options))


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


def auto_class(config: Any) -> Any:
    """The class of transformers that loads a model: most write text, some see images too and are given none."""
    if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING:
        return AutoModelForCausalLM
    return AutoModelForImageTextToText if type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING else AutoModelForCausalLM


def _observed(model: str, loaded: Any, decoder: Decoder) -> Behaviour:
    try:
        return observe(model, loaded, decoder)
    except EmovecError:
        raise
    except torch.OutOfMemoryError as error:
        raise _too_large(model, loaded.device) from error
    except Exception as error:  # whatever a family's own code raises
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise EmovecError(
            f"model: {model} ({type(loaded).__name__}) is loaded, but can't run a text or continue one here: {reason}"
        ) from error


def _too_large(model: str, device: torch.device) -> EmovecError:
    return EmovecError(
        f"model: {model} does not fit into the memory of {device}; set extraction.dtype: bfloat16 or "
        "extraction.device: cpu, or take a smaller model."
    )


def read_config(model: str, where: str, options: dict[str, Any]) -> Any:
    """The configuration of a model that `resolve` has found, if it is one that emovec reads.

    Raises:
        EmovecError: if it can't be read, or is of no decoder-only model, or of weights that are no plain numbers.
    """
    config = read_part(AutoConfig, model, where, options)
    require_decoder_only(model, config)
    require_known_quantisation(model, config)
    return config


def read_part(reader: Any, model: str, where: str, options: dict[str, Any]) -> Any:
    """The configuration or the tokenizer of a model that `resolve` has found; errors name the model as it was given."""
    try:
        return reader.from_pretrained(where, **options)
    except Exception as error:  # tokenizers and configurations raise errors of many kinds
        raise unreadable(model, error, local=Path(where).is_dir()) from error
