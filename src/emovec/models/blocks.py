"""Where the residual stream is: decoder blocks and final norm, found by structure."""

from dataclasses import dataclass
from inspect import signature
from typing import Any

from torch import nn

from emovec.errors import EmovecError


@dataclass(frozen=True)
class Decoder:
    """The part of a causal language model that carries its residual stream.

    Attributes:
        module: the module whose forward runs embeddings, blocks and final norm, and nothing else.
        blocks: its decoder blocks, in order; the output of block k is layer k.
        final_norm: the norm that it applies after the last block; an identity where it has none (GPT-1).
        hidden_size: width of the residual stream.
        project_out: what stands between final norm and unembedding where they differ in width (OPT 350M), else None.
    """

    module: nn.Module
    blocks: nn.ModuleList
    final_norm: nn.Module
    hidden_size: int
    project_out: nn.Module | None = None


def find_decoder(model: nn.Module, config: Any) -> Decoder:
    """Find the decoder of a transformers model without knowing its family.

    The blocks are the module list with as many entries as the text configuration has layers; the module that owns it
    and reads token ids is the decoder, and its last child that is a norm over the hidden size is the final norm.

    Raises:
        EmovecError: if there is no such list.
    """
    text_config = config.get_text_config(decoder=True)
    hidden = int(getattr(text_config, "hidden_size", 0))
    # LongCat counts its attentions in num_hidden_layers, two to a block, and its blocks in num_layers.
    numbers = [n for n in (getattr(text_config, key, None) for key in ("num_hidden_layers", "num_layers")) if n]
    found: list[Decoder] = []
    for n_layers in dict.fromkeys(map(int, numbers)):
        for module in model.modules():
            for blocks in module.children():
                if isinstance(blocks, nn.ModuleList) and len(blocks) == n_layers and _reads_tokens(module):
                    norms = [child for child in module.children() if _is_norm(child, hidden)]
                    last = norms[-1] if norms else nn.Identity()
                    found.append(Decoder(module, blocks, last, hidden, getattr(module, "project_out", None)))
    with_norm = [decoder for decoder in found if not isinstance(decoder.final_norm, nn.Identity)]
    for decoder in [*with_norm, *found]:
        return decoder
    raise EmovecError(
        f"model: {type(model).__name__} has no single list of {' or '.join(map(str, numbers))} decoder blocks that one "
        "text runs through, so emovec can't read it; take a decoder-only language model."
    )


def _reads_tokens(module: nn.Module) -> bool:
    return "input_ids" in signature(module.forward).parameters


def _is_norm(module: nn.Module, hidden: int) -> bool:
    weight = getattr(module, "weight", None)
    parameters_fit = weight is None or tuple(weight.shape) == (hidden,)
    return "norm" in type(module).__name__.lower() and parameters_fit


def block_output(output: Any) -> Any:
    """The hidden states [batch, token, hidden] that a block returned, alone or first in a tuple."""
    return output[0] if isinstance(output, tuple | list) and output else output
