"""What can be known of a model before minutes go into loading or converting it: that it is there, and its size."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emovec.errors import EmovecError
from emovec.models.embedded import EMBEDDED, converted_already, require_installed
from emovec.models.locate import named_file, resolve
from emovec.models.refusals import adapter_refusal, unreadable

if TYPE_CHECKING:
    from emovec.models.blocks import Decoder

_SHAPES = {"gemma-3-270m": (18, 640, False), "smollm2-135m-instruct": (30, 576, True)}
"""Of the embedded models: their files can't be asked before they are put together."""


@dataclass(frozen=True)
class ModelShape:
    """What vectors must fit, and whether a model can be talked to; None where that isn't known yet."""

    layers: int | None
    hidden: int | None
    chat: bool | None


def look_at_model(model: str, *, revision: str | None = None, trust_remote_code: bool = False) -> ModelShape:
    """Make sure that a model can be loaded, as far as its name and its configuration tell; no weights are read.

    Of a Hub model that isn't in the local cache the configuration is downloaded, a few kilobytes.

    Args:
        model: Hub id, folder, `.gguf` file or alias.
        revision: branch, tag or commit of the Hub.
        trust_remote_code: whether code that comes with the model may run.

    Raises:
        EmovecError: if it is misspelt, missing, not installed, or no language model.
    """
    if model in EMBEDDED:
        require_installed(model)
        return ModelShape(*_SHAPES[model])
    file = named_file(model)
    if file is not None and not converted_already(file):
        return _gguf_shape(file)
    from emovec.models.load import read_config

    where = resolve(model)
    config: Any = read_config(model, where, {"revision": revision, "trust_remote_code": trust_remote_code})
    text = config.get_text_config(decoder=True)
    chat = None
    if (folder := Path(where)).is_dir():
        settings = folder / "tokenizer_config.json"
        told = settings.read_text(encoding="utf-8", errors="replace") if settings.is_file() else ""
        chat = any(folder.glob("*chat_template*")) or '"chat_template"' in told
    return ModelShape(getattr(text, "num_hidden_layers", None), getattr(text, "hidden_size", None), chat)


def empty_model(model: str, *, revision: str | None = None, trust_remote_code: bool = False) -> tuple[Any, "Decoder"]:
    """A model's shapes without numbers, and its decoder, by a configuration that is on this machine.

    Raises:
        EmovecError: if the configuration is not here, or of no model that emovec reads.
    """
    import torch
    from huggingface_hub import try_to_load_from_cache

    from emovec.models.blocks import find_decoder
    from emovec.models.load import auto_class, read_config

    where = resolve(model)
    local = Path(where).is_dir()
    if not local and not isinstance(try_to_load_from_cache(where, "config.json", revision=revision), str):
        adapter = try_to_load_from_cache(where, "adapter_config.json", revision=revision)
        if isinstance(adapter, str):
            raise adapter_refusal(model, Path(adapter))
        raise EmovecError(
            f"model: the configuration of '{model}' is not on this machine, so its size is not known; give its "
            "`blocks`, `hidden` size and `parameters`, or run this again once the model has been downloaded."
        )
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    config = read_config(model, where, {**options, "local_files_only": True})
    try:
        with torch.device("meta"):
            empty: Any = auto_class(config).from_config(config, trust_remote_code=trust_remote_code)
    except Exception as error:  # each family raises errors of its own
        raise unreadable(model, error, local=local, config=config) from error
    return empty, find_decoder(empty, config)


def _gguf_shape(path: Path) -> ModelShape:
    from gguf import GGUFReader

    try:
        fields = GGUFReader(path).fields
        family = fields["general.architecture"].contents()
        layers, hidden = (fields[f"{family}.{key}"].contents() for key in ("block_count", "embedding_length"))
    except Exception as error:  # whatever a reader meets in a broken file
        raise EmovecError(f"model: {path} can't be read as a GGUF file of a language model ({error}).") from error
    return ModelShape(int(layers), int(hidden), "tokenizer.chat_template" in fields)
