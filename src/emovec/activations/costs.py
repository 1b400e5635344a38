"""What an extraction will take: tokens, arithmetic, hours by device, memory and disk, without loading any weights."""

import csv
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from emovec.config import StudyConfig
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.files import read_json

_PER_TEXT_AND_LAYER = 3 * 4  # n_pooled, n_sinks, token_norm
_PER_TEXT = 4 + 60  # n_tokens, and the labels in the header
_OVERHEAD = 1.2  # of memory, beside the weights: a batch's activations


@dataclass(frozen=True, slots=True)
class ModelSize:
    """What of a model decides how long an extraction takes.

    Attributes:
        layers: decoder blocks.
        hidden: size of the residual stream.
        parameters: of the whole model.
        block_parameters: of the blocks alone, which is what every token passes; embeddings are looked up, and the
            unembedding isn't run.
    """

    layers: int
    hidden: int
    parameters: int
    block_parameters: int


@dataclass(frozen=True, slots=True)
class Device:
    """A kind of device: peak dense 16-bit teraflops as its maker states them, the share one gets, gigabytes."""

    name: str
    teraflops: float
    utilisation: float
    memory_gb: float


@dataclass(frozen=True, slots=True)
class DeviceTime:
    """How long an extraction takes on a device, and whether the weights fit into it."""

    device: Device
    hours: float
    fits: bool


@dataclass(frozen=True)
class ExtractionCost:
    """What an extraction will take.

    Attributes:
        texts: how many.
        tokens: of all of them.
        layers: how many are kept.
        flops: of the forward passes.
        disk_bytes: of the stored activations.
        memory_bytes: of 16-bit weights and a batch, roughly.
        times: hours by device.
    """

    texts: int
    tokens: int
    layers: int
    flops: float
    disk_bytes: int
    memory_bytes: int
    times: tuple[DeviceTime, ...]


def extraction_cost(
    texts: int,
    tokens: int,
    size: ModelSize,
    *,
    layers: Literal["all"] | Sequence[int] = "all",
    store_dtype: Literal["float32", "bfloat16"] = "float32",
    devices: Sequence[Device] = (),
) -> ExtractionCost:
    """Two floating-point operations for each parameter and token, in the blocks up to the last layer asked for.

    Attention between tokens comes on top; on texts of a few hundred tokens it is a few per cent. A mixture of experts
    runs only some of its parameters, so for one this is an upper bound.

    Args:
        texts: how many.
        tokens: of all of them.
        size: of the model.
        layers: 0-based blocks that are kept.
        store_dtype: floating-point type on disk.
        devices: to tell the time for.

    Raises:
        EmovecError: if the model lacks one of the layers.
    """
    wanted = list(range(size.layers)) if layers == "all" else sorted(layers)
    if wanted[-1] >= size.layers:
        raise EmovecError(f"extraction.layers: the model has layers 0 to {size.layers - 1}; there is no {wanted[-1]}.")
    flops = 2 * tokens * size.block_parameters * (wanted[-1] + 1) / size.layers
    number_bytes = 4 if store_dtype == "float32" else 2
    per_text = len(wanted) * (size.hidden * number_bytes + _PER_TEXT_AND_LAYER) + _PER_TEXT
    memory = int(2 * size.parameters * _OVERHEAD)
    times = tuple(
        DeviceTime(
            device, flops / (device.teraflops * 1e12 * device.utilisation) / 3600, memory < device.memory_gb * 1e9
        )
        for device in devices
    )
    return ExtractionCost(texts, tokens, len(wanted), flops, texts * per_text, memory, times)


def known_devices() -> list[Device]:
    """The table in `emovec/data/devices.csv`."""
    lines = (files("emovec") / "data" / "devices.csv").read_text(encoding="utf-8").splitlines()
    return [
        Device(row["device"], float(row["teraflops"]), float(row["utilisation"]), float(row["memory_gb"]))
        for row in csv.DictReader(lines)
    ]


def model_size(model: str, *, revision: str | None = None, trust_remote_code: bool = False) -> ModelSize:
    """The size of a model by its configuration: a local one, or one in the Hugging Face cache. Loads no weights.

    Raises:
        EmovecError: if the configuration is not on this machine, or of no model that emovec reads.
    """
    from emovec.models.before_loading import empty_model
    from emovec.models.locate import resolve

    if (size := _size_of_weights(Path(resolve(model)))) is not None:
        return size
    empty, decoder = empty_model(model, revision=revision, trust_remote_code=trust_remote_code)
    return ModelSize(
        layers=len(decoder.blocks),
        hidden=decoder.hidden_size,
        parameters=_count(empty),
        block_parameters=_count(decoder.blocks),
    )


def _size_of_weights(folder: Path) -> ModelSize | None:
    """The size that weights on disk tell by their names and shapes, in a second where building a model takes ten.

    None where that is not plain: weights in another format, broken or quantised, of more than a language model.
    """
    from safetensors import SafetensorError, safe_open

    config = read_json(folder / "config.json")
    layers, hidden = config.get("num_hidden_layers"), config.get("hidden_size")
    if not (isinstance(layers, int) and isinstance(hidden, int)) or "quantization_config" in config:
        return None
    if not str((config.get("architectures") or [""])[0]).endswith("ForCausalLM"):  # an encoder may have such names too
        return None
    counts: dict[str, int] = {}
    try:
        for path in sorted(folder.glob("*.safetensors")):
            with safe_open(path, "numpy") as file:
                counts |= {name: math.prod(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        return None
    blocks = {name: found[1] for name in counts if (found := re.fullmatch(r"model\.layers\.(\d+)\..+", name))}
    if len(set(blocks.values())) != layers:
        return None
    return ModelSize(layers, hidden, sum(counts.values()), sum(counts[name] for name in blocks))


def given_size(
    known: ModelSize | None, layers: int | None, hidden: int | None, parameters: int | None
) -> ModelSize | None:
    """A size with what the user said about it put in; None where that leaves something open.

    `parameters` stands for those of the blocks too: a user knows the one number.
    """
    if known is None:
        if layers is None or hidden is None or parameters is None:
            return None
        return ModelSize(layers, hidden, parameters, parameters)
    size = replace(known, layers=layers or known.layers, hidden=hidden or known.hidden)
    return size if parameters is None else replace(size, parameters=parameters, block_parameters=parameters)


def _count(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def token_counter(model: str, revision: str | None, trust_remote_code: bool) -> Callable[[str], int] | None:
    """Counts the tokens of a text as a model's tokenizer does; None where that is not on this machine.

    Takes tokenizer.json where there is one: transformers needs several times as long to load it.

    Raises:
        EmovecError: if that file is broken.
    """
    from huggingface_hub import try_to_load_from_cache
    from tokenizers import Tokenizer

    from emovec.models.locate import resolve

    where = resolve(model)
    path = Path(where) / "tokenizer.json"
    if not Path(where).is_dir():
        cached = try_to_load_from_cache(where, path.name, revision=revision)
        path = Path(cached) if isinstance(cached, str) else path
    if path.is_file():
        try:
            fast = Tokenizer.from_file(str(path))
        except Exception as error:  # the library has no narrower one
            raise EmovecError(f"model: {path} can't be read ({error}); download or convert the model again.") from None
        fast.encode_special_tokens = True  # text is text, as in the extraction
        return lambda text: len(fast.encode(text, add_special_tokens=False).ids)

    from transformers import AutoTokenizer

    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code, "local_files_only": True}
    try:
        slow: Any = AutoTokenizer.from_pretrained(where, **options)
    except (OSError, ValueError, KeyError):
        return None
    return lambda text: len(slow(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def measured_rate(config: StudyConfig, stories: Sequence[Story]) -> tuple[float, str]:
    """Tokens a second of a real extraction of some texts on this machine, and what it ran on.

    Args:
        config: names the model and how it is run.
        stories: texts of usual length; a few dozen are enough.

    Raises:
        EmovecError: if the model can't be loaded or run.
    """
    from emovec.activations.extract import extract
    from emovec.models.load import load_model

    settings = config.extraction
    model = load_model(
        config.model,
        revision=config.revision,
        device=settings.device,
        dtype=settings.dtype,
        trust_remote_code=config.trust_remote_code,
    )
    with TemporaryDirectory() as folder:
        facts: dict[str, Any] = {}
        for part, chosen in (("warm-up", stories[:2]), ("timed", stories)):
            activations = extract(
                model,
                chosen,
                Path(folder) / part,
                offset=0,  # takes as long, and no text is too short for it
                layers=settings.layers,
                sink_threshold=settings.sink_threshold,
                batch_tokens=2048,
            )
            facts = activations.facts()
    tokens = sum(language["tokens"] for language in facts["languages"].values())
    return tokens / max(facts["seconds"], 0.01), f"{facts['device']} in {facts['dtype']}, {facts['threads']} threads"
