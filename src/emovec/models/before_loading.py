"""What can be known of a model before minutes go into loading or converting it: that it is there, and its size."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emovec.errors import EmovecError
from emovec.models.embedded import EMBEDDED, converted_already, require_installed
from emovec.models.locate import named_file, resolve
from emovec.models.refusals import require_decoder_only

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
    from transformers import AutoConfig

    from emovec.models.load import read_part

    where = resolve(model)
    config: Any = read_part(AutoConfig, model, where, {"revision": revision, "trust_remote_code": trust_remote_code})
    require_decoder_only(model, config)
    text = config.get_text_config(decoder=True)
    chat = None
    if (folder := Path(where)).is_dir():
        settings = folder / "tokenizer_config.json"
        told = settings.read_text(encoding="utf-8", errors="replace") if settings.is_file() else ""
        chat = any(folder.glob("*chat_template*")) or '"chat_template"' in told
    return ModelShape(getattr(text, "num_hidden_layers", None), getattr(text, "hidden_size", None), chat)


def _gguf_shape(path: Path) -> ModelShape:
    from gguf import GGUFReader

    try:
        fields = GGUFReader(path).fields
        family = fields["general.architecture"].contents()
        layers, hidden = (fields[f"{family}.{key}"].contents() for key in ("block_count", "embedding_length"))
    except Exception as error:  # whatever a reader meets in a broken file
        raise EmovecError(f"model: {path} can't be read as a GGUF file of a language model ({error}).") from error
    return ModelShape(int(layers), int(hidden), "tokenizer.chat_template" in fields)
