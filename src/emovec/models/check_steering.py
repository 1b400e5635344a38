"""The part of `check_model` that generates: with a cache, and steered at each kind of position."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emovec.models.blocks import block_output
from emovec.models.check_passes import Runs
from emovec.models.eager import uncompiled
from emovec.models.generate import pad_left
from emovec.models.intervene import intervene, steer
from emovec.models.language_model import LanguageModel
from emovec.models.positions import Span
from emovec.models.text_tokenizer import EncodedText

_NEW = 3
_MODES = {"all": "all tokens", "prompt": "the prompt", "generated": "generated tokens", "span": "a span of the prompt"}
_STRENGTH = 1.0

Generated = tuple[list[list[int]], Tensor]
"""Each row's own tokens with the new ones, and logits [row, new token, vocab] float32."""


def cached_errors(runs: Runs) -> list[float]:
    """Relative difference of the logits of generated tokens with a cache to those of each text alone without one."""
    model = runs.model
    found: list[float] = []
    for part in _parts(model, runs.encoded):
        whole, logits = _generate(model, part)
        for text, ids, row in zip(part, whole, logits, strict=True):
            expected = _alone(model, ids, None)[len(text.ids) - 1 :]
            found.append(float(_norm(row - expected) / _norm(expected)))
    return found


def steering_errors(runs: Runs) -> dict[str, list[float]]:
    """For each kind of positions, the error of steered logits as a share of what steering changes.

    The reference adds the vector with a plain hook to each text alone, without a cache. Where that changes nothing, the
    share is infinite.
    """
    model, layers = runs.model, runs.layers
    # Not the last, nor those before layers that share keys and values: what is added there reaches no later token.
    config = model.model.config.get_text_config(decoder=True)
    n_reaching = model.n_layers - 1 - int(getattr(config, "num_kv_shared_layers", 0) or 0)
    earlier = [i for i in range(len(layers)) if layers[i] < n_reaching] or [0]
    place = min(earlier, key=lambda i: abs(layers[i] - 2 * model.n_layers / 3))
    direction = np.random.default_rng(0).standard_normal(model.hidden_size)
    norm = float(torch.cat([states[place] for states in runs.alone]).norm(dim=-1).median())
    push = torch.from_numpy(_STRENGTH * norm * direction / np.linalg.norm(direction)).float()
    found: dict[str, list[float]] = {}
    for mode, name in _MODES.items():
        errors: list[float] = []
        for part in _parts(model, runs.encoded):
            # Near the end of the prompt: what is far away may be out of a window, or forgotten.
            spans = [Span(max(0, len(text.ids) - 3), len(text.ids) - 1) for text in part]
            positions: Any = spans if mode == "span" else mode
            what = intervene(direction, layer=layers[place], strength=_STRENGTH, norm=norm, positions=positions)
            with steer(model, what):
                whole, logits = _generate(model, part)
            for text, span, ids, row in zip(part, spans, whole, logits, strict=True):
                first = len(text.ids) - 1
                at = torch.arange(len(ids) - 1)
                chosen = {
                    "all": at >= 0,
                    "prompt": at <= first,
                    "generated": at > first,
                    "span": (at >= span.start) & (at < span.stop),
                }[mode]
                steered = _alone(model, ids, (layers[place], chosen[:, None] * push))[first:]
                effect = _norm(steered - _alone(model, ids, None)[first:])
                errors.append(float(_norm(row - steered) / effect))
        found[name] = errors
    return found


def _parts(model: LanguageModel, encoded: Sequence[EncodedText]) -> list[list[EncodedText]]:
    """The texts that may run as one batch with padding on their left."""
    return [list(encoded)] if model.behaviour.pads_left else [[text] for text in encoded]


def _generate(model: LanguageModel, texts: Sequence[EncodedText]) -> Generated:
    ids, mask = pad_left([text.ids for text in texts], model.device)
    options: dict[str, Any] = {"do_sample": False, "num_beams": 1, "max_new_tokens": _NEW, "min_new_tokens": _NEW}
    with uncompiled(), torch.inference_mode():
        out = model.model.generate(
            ids, attention_mask=mask, pad_token_id=0, output_logits=True, return_dict_in_generate=True,
            use_cache=True, **options,
        )  # fmt: skip
    new = out.sequences[:, ids.shape[1] :].tolist()
    return [[*text.ids, *row] for text, row in zip(texts, new, strict=True)], torch.stack(out.logits, dim=1).float()


def _alone(model: LanguageModel, ids: list[int], change: tuple[int, Tensor] | None) -> Tensor:
    """[token, vocab] float32 logits of one text but its last token, with something added to a layer by a plain hook."""

    def hook_of(added: Tensor) -> Callable[..., Any]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            hidden = block_output(output)
            steered = hidden + added.to(hidden.device, hidden.dtype)
            return steered if isinstance(output, Tensor) else (steered, *output[1:])

        return hook

    with ExitStack() as stack, uncompiled(), torch.inference_mode():
        if change is not None:
            layer, added = change
            stack.callback(model.blocks[layer].register_forward_hook(hook_of(added)).remove)
        return model.model(input_ids=torch.tensor([ids[:-1]], device=model.device), use_cache=False).logits[0].float()


def _norm(values: Tensor) -> Tensor:
    return torch.linalg.vector_norm(values.double())
