"""Proof, on the user's own model, that layers, padding and read-out are what emovec takes them for."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from emovec.activations.forward import pad_right, visit_layers
from emovec.models.blocks import block_output
from emovec.models.eager import uncompiled
from emovec.models.language_model import LanguageModel
from emovec.models.text_tokenizer import EncodedText

TEXTS = (
    "Nora's hand stopped inside the drawer, and for a long moment she could not make herself pull the letter out.",
    "彼女は引き出しの中の手紙に触れたまま、しばらく動けなかった。窓の外では雨が降り続いていた。",
    "He waited.",
)
"""Texts of different lengths and scripts, so that a batch of them needs padding."""

_TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        name: what must hold.
        error: largest relative difference found: norm of the difference over norm of the reference.
        tolerance: what the model's floating-point type allows.
    """

    name: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; not a number never is."""
        return self.error <= self.tolerance


def check_model(model: LanguageModel, texts: Sequence[str] = TEXTS) -> list[Check]:
    """Compare hooks, padding, layer numbers, early stop and read-out with plain, unpadded runs.

    Args:
        model: the language model.
        texts: at least two texts of different lengths.
    """
    tolerance = _TOLERANCES[model.dtype]
    encoded = model.tokenizer.encode(texts)
    layers = list(range(model.n_layers))
    alone = [_layers(model, pad_right([text], model.device), layers)[:, 0] for text in encoded]
    references = [_hidden_states(model, text) for text in encoded]
    with torch.inference_mode():
        normed_last = [model.decoder.final_norm(states[-1].to(model.dtype)) for states in alone]
        logits = [model.model(input_ids=pad_right([t], model.device)).logits[0, -1].float() for t in encoded]
    some = layers[: len(layers) // 2 + 1]
    stopped = [_layers(model, pad_right([text], model.device), some)[:, 0] for text in encoded]
    pairs = list(zip(alone, references, strict=True))
    results = {
        "layer k equals hidden_states[k + 1], for every block but the last": [
            _error(states[:-1], reference[1:-1]) for states, reference in pairs
        ],
        "the last layer is before the final norm: normed, it equals hidden_states[-1]": [
            _error(normed, reference[-1]) for normed, reference in zip(normed_last, references, strict=True)
        ],
        "texts in a right-padded batch equal texts alone": _in_batch(model, encoded, layers, alone, poison=0),
        "what stands in the padding changes nothing": _in_batch(model, encoded, layers, alone, poison=17),
        "left padding with an attention mask equals texts alone": _left_padded(model, encoded, alone),
        "stopping after the middle layer changes nothing": [
            _error(early, states[: len(some)]) for early, states in zip(stopped, alone, strict=True)
        ],
        "final norm and unembedding give the direction of the model's logits": [
            _read_out_error(model, normed[-1], row) for normed, row in zip(normed_last, logits, strict=True)
        ],
    }
    return [Check(name, max(errors), tolerance) for name, errors in results.items()]


def _layers(model: LanguageModel, ids: Tensor, layers: list[int]) -> Tensor:
    """[layer, text, token, hidden] float32, as extraction sees them."""
    seen: list[Tensor] = []
    visit_layers(model, ids, layers, lambda _position, hidden: seen.append(hidden.float()))
    return torch.stack(seen)


def _hidden_states(model: LanguageModel, text: EncodedText) -> Tensor:
    """[layer + 1, token, hidden] float32 from transformers' own record of an unpadded run."""
    with torch.inference_mode():
        output = model.decoder.module(
            input_ids=torch.tensor([text.ids], device=model.device), output_hidden_states=True, use_cache=False
        )
    return torch.stack([states[0].float() for states in output.hidden_states])


def _in_batch(
    model: LanguageModel, encoded: Sequence[EncodedText], layers: list[int], alone: Sequence[Tensor], *, poison: int
) -> list[float]:
    """Error of each text in a batch; `poison` shifts the ids that stand in the padding."""
    n_ids = model.model.get_input_embeddings().num_embeddings
    ids = pad_right(encoded, model.device)
    for row, text in enumerate(encoded):
        ids[row, len(text.ids) :] = (ids[row, len(text.ids) :] + poison) % n_ids
    batch = _layers(model, ids, layers)
    return [_error(batch[:, row, : len(text.ids)], alone[row]) for row, text in enumerate(encoded)]


def _left_padded(model: LanguageModel, encoded: Sequence[EncodedText], alone: Sequence[Tensor]) -> list[float]:
    longest = max(len(text.ids) for text in encoded)
    pads = [longest - len(text.ids) for text in encoded]
    ids = torch.tensor(
        [text.ids[:1] * n + text.ids for n, text in zip(pads, encoded, strict=True)], device=model.device
    )
    mask = torch.tensor([[0] * n + [1] * (longest - n) for n in pads], device=model.device)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    seen: list[Tensor] = []

    def keep(_module: object, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        seen.append(block_output(output).float())

    hooks = [block.register_forward_hook(keep) for block in model.blocks]
    try:
        with uncompiled(), torch.inference_mode():
            model.decoder.module(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    states = torch.stack(seen)
    return [_error(states[:, row, n:], alone[row]) for row, n in enumerate(pads)]


def _read_out_error(model: LanguageModel, normed: Tensor, logits: Tensor) -> float:
    """Difference between the model's logits and those of `unembedding`, up to a monotone cap that some models add."""
    weight = model.model.get_output_embeddings().weight.detach()
    bias = getattr(model.model.get_output_embeddings(), "bias", None)
    own = (weight @ normed.to(weight.dtype)).float() + (0 if bias is None else bias.detach().float())
    cap = getattr(model.model.config.get_text_config(decoder=True), "final_logit_softcapping", None)
    return _error(cap * torch.tanh(own / cap) if cap else own, logits)


def _error(value: Tensor, reference: Tensor) -> float:
    """Largest relative difference over tokens (the last dimension holds the vectors compared)."""
    difference = torch.linalg.vector_norm(value.double().cpu() - reference.double().cpu(), dim=-1)
    return float((difference / torch.linalg.vector_norm(reference.double().cpu(), dim=-1)).max())
