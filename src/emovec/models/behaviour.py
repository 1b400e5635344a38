"""What a model is seen to do when it is loaded, from a few passes over eight tokens: no list of families to keep."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from emovec.errors import EmovecError
from emovec.models.blocks import Decoder
from emovec.models.passes import pass_faults, refusal

_TOLERANCES = {torch.float32: 1e-2, torch.float16: 0.1, torch.bfloat16: 0.2}
"""Relative differences of logits that rounding alone doesn't reach; what leaks or loses a token reaches more."""

_GREEDY: dict[str, Any] = {
    "do_sample": False, "num_beams": 1, "max_new_tokens": 2, "min_new_tokens": 2, "pad_token_id": 0,
    "output_logits": True, "return_dict_in_generate": True, "use_cache": True, "disable_compile": True,
}  # fmt: skip


@dataclass(frozen=True)
class Behaviour:
    """What a model was seen to do.

    Attributes:
        faults: layers that a pass over text doesn't show exactly once as [text, token, hidden], and why.
        batches: whether rows of one length may be generated from together, with a cache.
        pads_left: whether rows of different lengths may, padded on the left; many state models read the padding.
        shares_cache: whether the cache of one text can be copied before the rest of several.
    """

    faults: Mapping[int, str] = field(default_factory=dict[int, str])
    batches: bool = True
    pads_left: bool = True
    shares_cache: bool = True


def observe(name: str, model: Any, decoder: Decoder) -> Behaviour:
    """Run a few tokens through a model and see what it is.

    Raises:
        EmovecError: if it is no decoder-only model, no layer of it can be read, its final norm is not found, or its
            numbers with a cache are not those without.
    """
    vocabulary = int(model.get_input_embeddings().num_embeddings)
    # From all over the vocabulary: the first tokens are special ones, which no training met in a row, and of which
    # rounding in bfloat16 made another text (SmolLM2, padded on the left: .57 of the logits, others .02).
    ids = (torch.arange(1, 9, device=model.get_input_embeddings().weight.device) * (vocabulary // 9))[None]
    tolerance = _TOLERANCES.get(model.dtype, 0.2)
    with torch.inference_mode():
        _require_finite(name, model, ids)
        _require_causal(name, model, decoder, ids)
        faults = pass_faults(decoder, ids)
        if len(faults) == len(decoder.blocks):
            raise refusal(faults, len(decoder.blocks), name)
        if len(decoder.blocks) - 1 not in faults:
            _require_norm(name, model, decoder, ids, tolerance)
        if not _generates_as_without_cache(model, [ids[0]], tolerance):
            raise EmovecError(
                f"model: {name} ({type(model).__name__}) gives other numbers with a cache than without one, so one of "
                "the two is wrong in this version of transformers; install another version (pip install -U "
                "transformers), or take another model."
            )
        batches = _generates_as_without_cache(model, [ids[0], ids[0].flip(0)], tolerance)
        return Behaviour(
            faults,
            batches=batches,
            pads_left=batches and _generates_as_without_cache(model, [ids[0], ids[0, :3]], tolerance),
            shares_cache=_shares_cache(model, decoder, ids, tolerance),
        )


def named_cache(module: nn.Module, cache: Any) -> dict[str, Any]:
    """The cache by the name that the module gives it: `cache` in newer transformers."""
    return {"cache" if "cache" in signature(module.forward).parameters else "past_key_values": cache}


def _require_finite(name: str, model: Any, ids: Tensor) -> None:
    """Refuse a model whose numbers overflow: each later check would name another reason."""
    if not bool(torch.isfinite(model(input_ids=ids, use_cache=False).logits).all()):
        kind = str(model.dtype).removeprefix("torch.")
        remedy = (
            "its weights are damaged, or this version of transformers computes it wrongly; download it again"
            if kind == "float32"
            else "set extraction.dtype: float32 (or bfloat16 in the place of float16)"
        )
        raise EmovecError(f"model: {name} gives logits that are not finite in {kind}; {remedy}.")


def _require_causal(name: str, model: Any, decoder: Decoder, ids: Tensor) -> None:
    """Refuse a model whose early positions see later ones: an encoder has no residual stream to read this way."""
    changed = ids.clone()
    changed[0, -1] = 0
    before, after = (decoder.module(input_ids=x, use_cache=False).last_hidden_state[0, :-1] for x in (ids, changed))
    if not torch.allclose(before, after, rtol=1e-2, atol=1e-2 * float(before.abs().max())):
        raise EmovecError(
            f"model: {name} ({type(model).__name__}) is no decoder-only language model: its early tokens see later "
            "ones."
        )


def _require_norm(name: str, model: Any, decoder: Decoder, ids: Tensor, tolerance: float) -> None:
    """Refuse a model that does more between its last block and its output than the norm that was found."""
    last: list[Tensor] = []
    handle = decoder.blocks[-1].register_forward_hook(lambda _m, _i, output: last.append(_first(output)))
    try:
        output = decoder.module(input_ids=ids, use_cache=False).last_hidden_state
    finally:
        handle.remove()
    normed = decoder.final_norm(last[0])
    normed = normed if decoder.project_out is None else decoder.project_out(normed)
    if normed.shape != output.shape or not _difference(normed, output) <= tolerance:
        raise EmovecError(
            f"model: {name} ({type(model).__name__}) does more after its last block than a norm, so emovec can't read "
            "its vocabulary off the residual stream; take another model."
        )


def _generates_as_without_cache(model: Any, rows: list[Tensor], tolerance: float) -> bool:
    """Whether two tokens generated after each row, padded on the left, have the logits of each row alone, uncached."""
    longest = max(map(len, rows))
    ids = torch.stack([torch.cat([row[:1].expand(longest - len(row)), row]) for row in rows])
    mask = torch.stack([(torch.arange(longest, device=ids.device) >= longest - len(row)).long() for row in rows])
    generated = model.generate(ids, attention_mask=mask, **_GREEDY)
    if generated.logits[0].shape[0] != len(rows):
        return False
    for row, (own, logits) in enumerate(zip(rows, zip(*generated.logits, strict=True), strict=True)):
        whole = torch.cat([own, generated.sequences[row, longest:-1]])[None]
        alone = model(input_ids=whole, use_cache=False).logits[0, len(own) - 1 :]
        if not _difference(torch.stack(logits), alone) <= tolerance:
            return False
    return True


def _shares_cache(model: Any, decoder: Decoder, ids: Tensor, tolerance: float) -> bool:
    """Whether a beginning's cache, copied, stands before two rests as the beginning itself does."""
    names = signature(decoder.module.forward).parameters
    if not {"cache", "past_key_values"} & set(names):
        return False
    rests = torch.cat([ids[:, 4:], ids[:, 4:].flip(1)])
    try:
        cache = DynamicCache(config=model.config)
        decoder.module(input_ids=ids[:, :4], use_cache=True, **named_cache(decoder.module, cache))
        cache = copy.deepcopy(cache)
        cache.batch_repeat_interleave(2)
        found = model(input_ids=rests, use_cache=True, **named_cache(model, cache)).logits
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError):  # a cache of another kind
        return False
    whole = model(input_ids=torch.cat([ids[:, :4].expand(2, -1), rests], dim=1), use_cache=False).logits[:, 4:]
    return _difference(found, whole) <= tolerance


def _first(output: Any) -> Tensor:
    return output if isinstance(output, Tensor) else output[0]


def _difference(value: Tensor, reference: Tensor) -> float:
    """Largest relative difference of the vectors in the last dimension."""
    value, reference = value.float(), reference.float()
    return float(((value - reference).norm(dim=-1) / reference.norm(dim=-1)).max())
