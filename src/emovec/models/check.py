"""Proof, on the user's own model, that layers, padding, cache, read-out and steering are what emovec takes them for."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from emovec.models.blocks import block_output
from emovec.models.eager import uncompiled
from emovec.models.embedded import EMBEDDED
from emovec.models.forward import pad_right, visit_layers
from emovec.models.language_model import LanguageModel
from emovec.models.load import load_model
from emovec.models.passes import pass_faults, refusal
from emovec.models.refusals import quantisation
from emovec.models.text_tokenizer import EncodedText

TEXTS = (
    "Nora's hand stopped inside the drawer, and for a long moment she could not make herself pull the letter out.",
    "彼女は引き出しの中の手紙に触れたまま、しばらく動けなかった。窓の外では雨が降り続いていた。",
    "He waited for her.",
)
"""Texts of different lengths and scripts, so that a batch of them needs padding."""

TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
_DEVICE_TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 3e-2}

_EXTRACTION = (
    "Activations, and every vector and figure made of them, would be of something else than the layers they name. "
    "Don't extract with this model."
)
_PADDING = (
    "A text's numbers would depend on the texts that it shares a batch with. Set extraction.batch_tokens: 1 (one text "
    "at a time), and report it."
)
_GENERATION = (
    "Steered answers, calibration, preferences and chat rest on generated text, and would be wrong. Extraction is not "
    "concerned. Try another version of transformers, or another model."
)
_LENS = (
    "The tokens that the logit lens lists for a direction would be wrong. Extraction, geometry and steering are not "
    "concerned."
)
_DEVICE = (
    "The model computes something else here than on the CPU: no result from this device can be trusted. Set "
    "extraction.device: cpu, or install another version of torch."
)


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        name: what must hold.
        error: largest relative difference found: norm of the difference over norm of the reference.
        tolerance: what the model's floating-point type allows.
        meaning: what a failure means for results, and what to do.
    """

    name: str
    error: float
    tolerance: float
    meaning: str

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; not a number never is."""
        return self.error <= self.tolerance


def check_model(
    model: LanguageModel, texts: Sequence[str] = TEXTS, *, reference: LanguageModel | None = None
) -> list[Check]:
    """Compare what emovec does with a model with plain runs of one text at a time, without padding, cache or hooks.

    Args:
        model: the language model.
        texts: at least two texts of different lengths, of three tokens or more.
        reference: the same model on the CPU in float32, where `model` is on another device or of another type.
    """
    tolerance = TOLERANCES[model.dtype]
    encoded = model.tokenizer.encode(texts)
    faults = {
        **model.behaviour.faults,
        **pass_faults(model.decoder, torch.tensor([encoded[0].ids], device=model.device)),
    }
    layers = [layer for layer in range(model.n_layers) if layer not in faults]
    checks = [_seen_once(model, faults)]
    if not layers:  # nothing is left to check
        return checks
    runs = _Runs(
        model,
        encoded,
        layers,
        [_layers(model, pad_right([text], model.device), layers)[:, 0] for text in encoded],
        [_plain(model, text) for text in encoded],
    )
    found = [*_hook_errors(runs), *_padding_errors(runs), *_use_errors(runs)]
    if reference is not None:
        errors = _device_errors(reference, encoded, layers, runs.alone)
        device = "each layer is that of the CPU in float32 (mean over tokens)"
        found.append(_Found(device, errors, _DEVICE, _DEVICE_TOLERANCES[model.dtype]))
    checks += [
        Check(each.name, max(each.errors, key=lambda e: (e != e, e)), each.allowed or tolerance, each.meaning)
        for each in found
        if each.errors
    ]
    return checks


class _Found(NamedTuple):
    """What a check found for each text or layer; `allowed` where that is not the tolerance of the type."""

    name: str
    errors: Sequence[float]
    meaning: str
    allowed: float | None = None


@dataclass(frozen=True)
class _Runs:
    """Each text run alone through emovec's hooks, [layer, token, hidden], and plainly through transformers."""

    model: LanguageModel
    encoded: Sequence[EncodedText]
    layers: list[int]
    alone: list[Tensor]
    plain: "list[_Plain]"


def _hook_errors(runs: _Runs) -> Iterator[_Found]:
    """Whether layer k is what it is said to be."""
    model, layers = runs.model, runs.layers
    pairs = list(zip(runs.alone, runs.plain, strict=True))
    yield _Found(
        "layer k is what block k + 1 reads, and the last layer what the final norm reads",
        [_read_error(states[place], run.read[layer]) for states, run in pairs for place, layer in enumerate(layers)
         if layer in run.read],
        _EXTRACTION,
    )  # fmt: skip
    yield _Found(
        "layer k equals transformers' hidden_states[k + 1], for every block but the last",
        [_error(states[place], run.recorded[layer]) for states, run in pairs for place, layer in enumerate(layers)
         if layer in run.recorded],
        _EXTRACTION,
    )  # fmt: skip
    if layers[-1] == model.n_layers - 1:
        yield _Found(
            "the last layer is before the final norm: normed, it equals the decoder's output",
            [_error(_normed(model, states[-1]), run.output) for states, run in pairs],
            _EXTRACTION,
        )
    some = layers[: len(layers) // 2 + 1]
    yield _Found(
        "stopping after the middle layer changes nothing",
        [_error(_layers(model, pad_right([text], model.device), some)[:, 0], states[: len(some)])
         for text, states in zip(runs.encoded, runs.alone, strict=True)],
        _EXTRACTION,
    )  # fmt: skip


def _padding_errors(runs: _Runs) -> Iterator[_Found]:
    """Whether a text in a batch is the text alone."""
    model, given = runs.model, (runs.model, runs.encoded, runs.layers, runs.alone)
    yield _Found("texts in a right-padded batch equal texts alone", _in_batch(*given, poison=0), _PADDING)
    yield _Found("what stands in the padding changes nothing", _in_batch(*given, poison=17), _PADDING)
    if model.behaviour.pads_left:
        yield _Found("left padding with an attention mask equals texts alone", _left_padded(*given), _GENERATION)


def _use_errors(runs: _Runs) -> Iterator[_Found]:
    """Whether what vectors are put to, lens, generation and steering, does what it says."""
    from emovec.models.check_steering import cached_errors, steering_errors

    model = runs.model
    yield _Found(
        "final norm and unembedding give the direction of the model's logits",
        [_read_out_error(model, run) for run in runs.plain],
        _LENS,
    )
    yield _Found(
        "tokens generated with a cache have the logits of the whole text without",
        cached_errors(model, runs.encoded),
        _GENERATION,
    )
    for positions, errors in steering_errors(model, runs.encoded, runs.layers, runs.alone).items():
        yield _Found(
            f"steering {positions} changes what follows, as it changes each text alone without a cache",
            errors,
            "Steering here would do something else than it says, or nothing: don't steer this model at these "
            "positions. Extraction and geometry are not concerned.",
            0.01 if model.dtype == torch.float32 else 0.5,
        )


def cpu_reference(model: LanguageModel, *, trust_remote_code: bool = False) -> tuple[LanguageModel | None, str | None]:
    """The same model on the CPU in float32, to compare with; or None, and why there is none.

    No reason is given where the model itself is on the CPU in float32.
    """
    if model.device.type == "cpu" and model.dtype == torch.float32:
        return None, None
    if quantisation(model.model.config) is not None:
        return None, "its weights are quantised, and can't be read as float32."
    needed, free = 4 * sum(weights.numel() for weights in model.model.parameters()), _free_memory()
    if free is not None and needed > 0.8 * free:
        return None, f"that needs {needed / 1e9:.0f} GB of memory, {free / 1e9:.0f} GB are free."
    local = model.id in EMBEDDED or Path(model.id).expanduser().exists()
    revision = None if local or model.revision == "unknown" else model.revision
    return load_model(
        model.id, revision=revision, device="cpu", dtype="float32", trust_remote_code=trust_remote_code
    ), None


def _free_memory() -> int | None:
    """Bytes of memory that are free; None where the system doesn't say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows, macOS
        return None


def _seen_once(model: LanguageModel, faults: Mapping[int, str]) -> Check:
    # The sentence that extraction and steering would say.
    meaning = str(refusal(faults, model.n_layers, model.id)) if faults else ""
    name = "every layer is seen exactly once a pass, in order, as [text, token, hidden]"
    return Check(name, float("inf") if faults else 0.0, 0.0, meaning)


@dataclass(frozen=True)
class _Plain:
    """What a plain, unpadded run of one text showed without emovec's own hooks on block outputs.

    Attributes:
        read: layer → [token, hidden] that the next block, or the final norm, was given; −1 is what the first block was.
        recorded: layer → [token, hidden] in transformers' own record, where that has the usual form.
        output: [token, …] the decoder's output, after the final norm.
        logits: [vocab] of the last token.
    """

    read: dict[int, Tensor]
    recorded: dict[int, Tensor]
    output: Tensor
    logits: Tensor


def _plain(model: LanguageModel, text: EncodedText) -> _Plain:
    read: dict[int, Tensor] = {}

    def hook_of(layer: int) -> Callable[..., None]:
        def hook(_module: object, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            given = arguments[0] if arguments else named.get("hidden_states")
            if isinstance(given, Tensor) and given.ndim == 3:
                read[layer] = given[0].float()

        return hook

    ids = torch.tensor([text.ids], device=model.device)
    with ExitStack() as stack, uncompiled(), torch.inference_mode():
        readers = [*model.blocks, model.decoder.final_norm]
        for layer, reader in enumerate(readers, start=-1):
            stack.callback(reader.register_forward_pre_hook(hook_of(layer), with_kwargs=True).remove)
        output = model.decoder.module(input_ids=ids, output_hidden_states=True, use_cache=False)
        logits = model.model(input_ids=ids, use_cache=False).logits[0, -1].float()
    states = [each[0].float() for each in output.hidden_states or ()]
    # The usual record begins with what the first block reads; that of some state models doesn't.
    usual = len(states) == model.n_layers + 1 and -1 in read and torch.equal(states[0], read[-1])
    recorded = dict(enumerate(states[1:-1])) if usual else {}
    return _Plain(read, recorded, output.last_hidden_state[0].float(), logits)


def _normed(model: LanguageModel, states: Tensor) -> Tensor:
    """The last layer [token, hidden] as the decoder gives it out."""
    with torch.inference_mode():
        normed = model.decoder.final_norm(states.to(model.dtype))
        return (normed if model.decoder.project_out is None else model.decoder.project_out(normed)).float()


def _layers(model: LanguageModel, ids: Tensor, layers: Sequence[int]) -> Tensor:
    """[layer, text, token, hidden] float32, as extraction sees them."""
    seen: list[Tensor] = []
    visit_layers(model, ids, layers, lambda _position, hidden: seen.append(hidden.float()))
    return torch.stack(seen)


def _in_batch(
    model: LanguageModel, encoded: Sequence[EncodedText], layers: Sequence[int], alone: Sequence[Tensor], *, poison: int
) -> list[float]:
    """Error of each text in a batch; `poison` shifts the ids that stand in the padding."""
    n_ids = model.model.get_input_embeddings().num_embeddings
    ids = pad_right(encoded, model.device)
    for row, text in enumerate(encoded):
        ids[row, len(text.ids) :] = (ids[row, len(text.ids) :] + poison) % n_ids
    batch = _layers(model, ids, layers)
    return [_error(batch[:, row, : len(text.ids)], alone[row]) for row, text in enumerate(encoded)]


def _left_padded(
    model: LanguageModel, encoded: Sequence[EncodedText], layers: Sequence[int], alone: Sequence[Tensor]
) -> list[float]:
    longest = max(len(text.ids) for text in encoded)
    pads = [longest - len(text.ids) for text in encoded]
    ids = torch.tensor(
        [text.ids[:1] * n + text.ids for n, text in zip(pads, encoded, strict=True)], device=model.device
    )
    mask = torch.tensor([[0] * n + [1] * (longest - n) for n in pads], device=model.device)
    options: dict[str, Any] = {"attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    seen: list[Tensor] = []

    def keep(_module: object, _inputs: object, output: Any) -> None:
        seen.append(block_output(output).float())

    with ExitStack() as stack, uncompiled(), torch.inference_mode():
        for layer in layers:
            stack.callback(model.blocks[layer].register_forward_hook(keep).remove)
        model.decoder.module(input_ids=ids, use_cache=False, **options)
    states = torch.stack(seen)
    return [_error(states[:, row, n:], alone[row]) for row, n in enumerate(pads)]


def _read_out_error(model: LanguageModel, run: _Plain) -> float:
    """How far the model's logits lie from the direction of those of `unembedding`, under the cap that some models add.

    Models that scale their logits (Granite, Cohere) only change how long the direction is.
    """
    head = model.model.get_output_embeddings()
    bias = getattr(head, "bias", None)
    own = (head.weight.detach() @ run.output[-1].to(head.weight.dtype)).float()
    own = own if bias is None else own + bias.detach().float()
    config = model.model.config.get_text_config(decoder=True)
    caps = (getattr(config, name, None) for name in ("final_logit_softcapping", "logits_soft_cap"))
    cap = next((float(each) for each in caps if each), None)
    if cap is not None:
        return _error(cap * torch.tanh(own / cap), run.logits)
    return _read_error(own, run.logits)


def _device_errors(
    reference: LanguageModel, encoded: Sequence[EncodedText], layers: Sequence[int], alone: Sequence[Tensor]
) -> list[float]:
    """[layer, text] mean relative difference over tokens."""
    found: list[float] = []
    for text, states in zip(encoded, alone, strict=True):
        expected = _layers(reference, pad_right([text], reference.device), layers)[:, 0]
        found += _relative(states, expected).mean(dim=-1).tolist()
    return found


def _relative(value: Tensor, reference: Tensor) -> Tensor:
    """Relative differences; the last dimension holds the vectors compared."""
    value, reference = value.double().cpu(), reference.double().cpu()
    return torch.linalg.vector_norm(value - reference, dim=-1) / torch.linalg.vector_norm(reference, dim=-1)


def _error(value: Tensor, reference: Tensor) -> float:
    """Largest relative difference over tokens."""
    return float(_relative(value, reference).max())


def _read_error(value: Tensor, reference: Tensor) -> float:
    """Largest relative difference over tokens, once both are of one length: some models rescale between blocks."""
    value, reference = value.double().cpu(), reference.double().cpu()
    return _error(value * float((value * reference).sum() / (value * value).sum()), reference)
