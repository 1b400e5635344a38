"""The part of `check_model` that runs single passes: what they show, and how far two of them lie apart."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from emovec.models.blocks import block_output
from emovec.models.eager import uncompiled
from emovec.models.forward import pad_right, visit_layers
from emovec.models.generate import own_positions, pad_left
from emovec.models.language_model import LanguageModel
from emovec.models.text_tokenizer import EncodedText


@dataclass(frozen=True)
class Plain:
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


@dataclass(frozen=True)
class Runs:
    """Each text run alone through emovec's hooks, [layer, token, hidden], and plainly through transformers."""

    model: LanguageModel
    encoded: Sequence[EncodedText]
    layers: Sequence[int]
    alone: list[Tensor]
    plain: list[Plain]


def run_alone(model: LanguageModel, encoded: Sequence[EncodedText], layers: Sequence[int]) -> Runs:
    """Run each text by itself in both ways."""
    alone = [_alone(model, text, layers) for text in encoded]
    return Runs(model, encoded, layers, alone, [_plain(model, text) for text in encoded])


def _plain(model: LanguageModel, text: EncodedText) -> Plain:
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
    return Plain(read, recorded, output.last_hidden_state[0].float(), logits)


def normed(model: LanguageModel, states: Tensor) -> Tensor:
    """The last layer [token, hidden] as the decoder gives it out."""
    with torch.inference_mode():
        output = model.decoder.final_norm(states.to(model.dtype))
        return (output if model.decoder.project_out is None else model.decoder.project_out(output)).float()


def _alone(model: LanguageModel, text: EncodedText, layers: Sequence[int]) -> Tensor:
    """[layer, token, hidden] float32 of one text."""
    return _layers(model, pad_right([text], model.device), layers)[:, 0]


def _layers(model: LanguageModel, ids: Tensor, layers: Sequence[int]) -> Tensor:
    """[layer, text, token, hidden] float32, as extraction sees them."""
    seen: list[Tensor] = []
    visit_layers(model, ids, layers, lambda _position, hidden: seen.append(hidden.float()))
    return torch.stack(seen)


def batch_errors(runs: Runs, *, poison: int) -> list[float]:
    """Error of each text in a batch; `poison` shifts the ids that stand in the padding."""
    n_ids = runs.model.model.get_input_embeddings().num_embeddings
    ids = pad_right(runs.encoded, runs.model.device)
    for row, text in enumerate(runs.encoded):
        ids[row, len(text.ids) :] = (ids[row, len(text.ids) :] + poison) % n_ids
    batch = _layers(runs.model, ids, runs.layers)
    return [error(batch[:, row, : len(text.ids)], runs.alone[row]) for row, text in enumerate(runs.encoded)]


def left_padded_errors(runs: Runs) -> list[float]:
    """Error of each text in a batch with padding on the left."""
    model = runs.model
    ids, mask = pad_left([text.ids for text in runs.encoded], model.device)
    seen: list[Tensor] = []

    def keep(_module: object, _inputs: object, output: Any) -> None:
        seen.append(block_output(output).float())

    with ExitStack() as stack, uncompiled(), torch.inference_mode():
        for layer in runs.layers:
            stack.callback(model.blocks[layer].register_forward_hook(keep).remove)
        model.decoder.module(input_ids=ids, attention_mask=mask, position_ids=own_positions(mask), use_cache=False)
    states = torch.stack(seen)
    return [error(states[:, row, -len(text.ids) :], runs.alone[row]) for row, text in enumerate(runs.encoded)]


def read_out_error(model: LanguageModel, run: Plain) -> float:
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
        return error(cap * torch.tanh(own / cap), run.logits)
    return read_error(own, run.logits)


def device_errors(reference: LanguageModel, runs: Runs) -> list[float]:
    """Mean relative difference over tokens, of each layer of each text."""
    found: list[float] = []
    for text, states in zip(runs.encoded, runs.alone, strict=True):
        found += _relative(states, _alone(reference, text, runs.layers)).mean(dim=-1).tolist()
    return found


def stopped_errors(runs: Runs, layers: Sequence[int]) -> list[float]:
    """Error of each text in a pass that stops after `layers`, the first of those checked."""
    return [
        error(_alone(runs.model, text, layers), states[: len(layers)])
        for text, states in zip(runs.encoded, runs.alone, strict=True)
    ]


def _relative(value: Tensor, reference: Tensor) -> Tensor:
    """Relative differences; the last dimension holds the vectors compared."""
    value, reference = value.double().cpu(), reference.double().cpu()
    return torch.linalg.vector_norm(value - reference, dim=-1) / torch.linalg.vector_norm(reference, dim=-1)


def error(value: Tensor, reference: Tensor) -> float:
    """Largest relative difference over tokens."""
    return float(_relative(value, reference).max())


def read_error(value: Tensor, reference: Tensor) -> float:
    """Largest relative difference over tokens, once both are of one length: some models rescale between blocks."""
    value, reference = value.double().cpu(), reference.double().cpu()
    return error(value * float((value * reference).sum() / (value * value).sum()), reference)
