"""Why a model can't be loaded, in a sentence: what its files lack, and what transformers' errors mean."""

import json
from pathlib import Path
from typing import Any

from emovec.errors import EmovecError

_PACKAGES = {
    "aqlm": "aqlm[cpu,gpu]",
    "auto-round": "auto-round",
    "awq": "gptqmodel",
    "bitsandbytes": "bitsandbytes",
    "compressed-tensors": "compressed-tensors",
    "eetq": "kernels",
    "fbgemm_fp8": "fbgemm-gpu",
    "fp8": "kernels",
    "fp_quant": "fp_quant",
    "gptq": "gptqmodel",
    "higgs": "flute-kernel",
    "hqq": "hqq",
    "mxfp4": "kernels",
    "quanto": "optimum-quanto",
    "quark": "amd-quark",
    "sinq": "sinq",
    "spqr": "spqr_quant[gpu]",
    "torchao": "torchao",
    "vptq": "vptq",
}
"""What to install for the kinds of quantised weights that transformers reads, by their `quant_method`."""

_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
_NO_PICKLE = (
    "pickled weights are not read, since such a file can run any code; take a version of the model with .safetensors "
    "files, or convert it (https://huggingface.co/spaces/safetensors/convert)."
)


def require_model_folder(folder: Path) -> None:
    """Refuse a folder that holds no model of its own.

    Raises:
        EmovecError: says what is missing and where to get it.
    """
    if (folder / "adapter_config.json").is_file():
        raise adapter_refusal(str(folder), folder / "adapter_config.json")
    if not (folder / "config.json").is_file():
        raise EmovecError(f"model: {folder} is {_without_config(folder)}")


def require_weights(folder: Path) -> None:
    """Refuse a model's folder whose weights are missing or pickled, before anything is loaded.

    Raises:
        EmovecError: names the files and the remedy.
    """
    if not any(folder.glob("*.safetensors")):
        if pickled := _pickled(folder):
            raise EmovecError(f"model: {folder} has its weights as {pickled}: {_NO_PICKLE}")
        raise EmovecError(
            f"model: {folder} can't be loaded as a causal language model: it has no weights (*.safetensors); copy the "
            "whole model folder."
        )
    for index in sorted(folder.glob("*.safetensors.index.json")):
        missing = sorted({name for name in _indexed(index) if not (folder / name).is_file()})
        if missing:
            raise EmovecError(
                f"model: {folder} lacks {len(missing)} of the files that {index.name} lists ({', '.join(missing[:3])}"
                f"{', …' if len(missing) > 3 else ''}); download the model again."
            )


def require_tokenizer(folder: Path) -> None:
    """Refuse a model folder without a tokenizer, which transformers would make up from nothing.

    Raises:
        EmovecError: says which files are missing.
    """
    known = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tokenizer_config.json",
             "tekken.json", "sentencepiece.bpe.model", "*.tiktoken", "tokenizer.model.v*")  # fmt: skip
    if not any(path for pattern in known for path in folder.glob(pattern)):
        raise EmovecError(
            f"model: {folder} has no tokenizer (tokenizer.json, tokenizer.model or vocab.json); copy the tokenizer "
            "files of the model that it was made from into it."
        )


def require_decoder_only(model: str, config: Any) -> None:
    """Refuse an encoder or encoder–decoder by its configuration.

    Raises:
        EmovecError: says what it is.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    name = (getattr(config, "architectures", None) or [type(config).__name__])[0]
    kind = str(config.model_type)
    causal = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    if getattr(config, "is_encoder_decoder", False):
        what = "an encoder–decoder: it reads a text with one part and writes with another"
    elif kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES and (not causal or not getattr(config, "is_decoder", True)):
        what = "an encoder: each of its tokens sees those that come after it"
    else:
        return
    raise EmovecError(
        f"model: {model} ({name}) is {what}. emovec reads decoder-only language models, such as Qwen, Llama or Gemma."
    )


def require_known_quantisation(model: str, config: Any) -> None:
    """Refuse quantised weights that transformers would read as if they weren't: it only warns.

    Raises:
        EmovecError: names the method.
    """
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

    method = quantisation(config)
    known = {name.removesuffix("_4bit").removesuffix("_8bit") for name in map(_value, AUTO_QUANTIZATION_CONFIG_MAPPING)}
    if method is not None and method not in known:
        raise EmovecError(
            f"model: the weights of {model} are quantised ({method}), in a way that this version of transformers "
            "doesn't know and would read as plain numbers; take the model that is not quantised, or try pip install -U "
            "transformers. If they aren't quantised, delete quantization_config from config.json."
        )


def require_all_weights(model: str, info: dict[str, Any]) -> None:
    """Refuse a checkpoint that left some of the model's weights as random numbers.

    Args:
        model: what the user called it.
        info: `output_loading_info` of transformers.

    Raises:
        EmovecError: names some of them.
    """
    absent = sorted(map(str, info.get("missing_keys") or ()))
    misfits = sorted(str(each[0]) for each in info.get("mismatched_keys") or ())
    for keys, what in ((absent, "are missing"), (misfits, "have another shape")):
        if keys:
            raise EmovecError(
                f"model: {model} can't be used: {len(keys)} of its weights {what} in its files ({', '.join(keys[:2])}"
                f"{', …' if len(keys) > 2 else ''}) and would be random numbers; download it again, or take the "
                "version for text generation (…ForCausalLM)."
            )


def unreadable(model: str, error: Exception, *, local: bool, config: Any = None) -> EmovecError:
    """What an error of transformers means for the user.

    Args:
        model: what the user called it.
        error: from `from_pretrained`.
        local: whether it is on this machine, rather than a Hub id.
        config: its configuration, where that could be read.
    """
    said = str(error)
    reason = next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)
    if "trust_remote_code" in said:
        return EmovecError(
            f"model: {model} comes with its own code, which runs only if you allow it: read that code, then set "
            "trust_remote_code: true."
        )
    if "pickle" in said.lower() or "weights_only" in said or "use_safetensors" in said or "model.safetensors" in said:
        return EmovecError(f"model: {model} has no weights as .safetensors: {_NO_PICKLE}")
    if (method := quantisation(config)) is not None:
        package = _PACKAGES.get(method)
        remedy = f" It needs: pip install '{package}'" if package else " Install what it needs"
        gpu = (
            "; many kinds of quantised weights also need a GPU"
            if "gpu" in said.lower() or "cuda" in said.lower()
            else ""
        )
        return EmovecError(
            f"model: the weights of {model} are quantised ({method}) and can't be read here: {reason}{remedy}{gpu}, or "
            "take the model that is not quantised."
        )
    if isinstance(error, ImportError):
        return EmovecError(f"model: {model} needs a package that is not installed: {reason}")
    if "does not recognize this architecture" in said:
        kind = said.split("`")[1] if said.count("`") > 1 else "?"
        return EmovecError(
            f"model: {model} is of the type '{kind}', which this version of transformers doesn't know; try pip install "
            "-U transformers."
        )
    if "safetensor" in type(error).__name__.lower() or "deserializing header" in said:
        return EmovecError(f"model: the weights of {model} are damaged or cut short ({reason}); download it again.")
    if "configuration class" in said:
        reason = f"{type(config).__name__.removesuffix('Config')} models don't continue a text"
    if local:
        return EmovecError(f"model: {model} can't be loaded as a causal language model: {reason}")
    if (adapter := _hub_adapter(model)) is not None:
        return adapter_refusal(model, adapter)
    return EmovecError(
        f"model: '{model}' is no local folder or .gguf file, and was not found in the local Hugging Face cache or on "
        f"the Hub (offline? misspelt? private without HF_TOKEN?): {reason}"
    )


def quantisation(config: Any) -> str | None:
    """The `quant_method` of a model's configuration; None where its weights are not quantised."""
    settings = getattr(config, "quantization_config", None)
    if settings is None and hasattr(config, "get_text_config"):  # of models that also see images
        settings = getattr(config.get_text_config(decoder=True), "quantization_config", None)
    settings = settings if isinstance(settings, dict) else getattr(settings, "__dict__", {})
    if not settings:
        return None
    method = settings.get("quant_method")
    if method is None and (settings.get("load_in_4bit") or settings.get("load_in_8bit")):
        method = "bitsandbytes"
    return "by a method that config.json doesn't name" if method is None else _value(method)


def _value(method: Any) -> str:
    return str(getattr(method, "value", method))


_MERGE = (
    "emovec reads whole models. Merge it: in Python, peft.AutoPeftModelForCausalLM.from_pretrained(…)"
    ".merge_and_unload().save_pretrained(FOLDER), add the tokenizer of the base model, and name FOLDER."
)


def _base(path: Path) -> str:
    try:
        base = json.loads(path.read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError, RecursionError):
        base = None
    return f" for {base}" if base else ""


def adapter_refusal(model: str, settings: Path) -> EmovecError:
    """The sentence about an adapter, whose adapter_config.json names its base."""
    merged = " If that is done already, take adapter_config.json out of the folder."
    whole = any(settings.parent.glob("model*.safetensors"))
    return EmovecError(f"model: {model} is a LoRA or PEFT adapter{_base(settings)}; {_MERGE}{merged if whole else ''}")


def _hub_adapter(model: str) -> Path | None:
    """The adapter_config.json of an adapter on the Hub; None where a Hub id is no adapter, or can't be asked."""
    from transformers.utils.hub import cached_file

    try:
        path = cached_file(model, "adapter_config.json")
    except Exception:  # the Hub's errors have no common base; the caller has one of its own to tell
        return None
    return Path(path) if path else None


def _without_config(folder: Path) -> str:
    if not any(folder.iterdir()):
        return (
            "an empty folder without config.json; name one that contains config.json, *.safetensors and tokenizer.json."
        )
    if ggufs := sorted(folder.glob("*.gguf")):
        return f"a folder without config.json, but it contains GGUF files; name one of them: {ggufs[0]}."
    inner = sorted(path.parent for path in folder.glob("*/config.json"))
    inside = f" {inner[0]} has one." if inner else ""
    return f"a folder without config.json, so it contains no transformers model.{inside}"


def _pickled(folder: Path) -> str | None:
    return next((path.name for pattern in _PICKLED for path in sorted(folder.glob(pattern))), None)


def _indexed(index: Path) -> list[str]:
    try:
        return [str(name) for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()]
    except (OSError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise EmovecError(f"model: {index} can't be read ({error}); download the model again.") from error
