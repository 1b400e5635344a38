"""Where the residual stream is: decoder blocks and final norm, found by structure."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from emovec.errors import EmovecError


@dataclass(frozen=True)
class Decoder:
    """The part of a causal language model that carries its residual stream.

    Attributes:
        module: the module whose forward runs embeddings, blocks and final norm, and nothing else.
        blocks: its decoder blocks, in order; the output of block k is layer k.
        final_norm: the norm that it applies after the last block.
    """

    module: nn.Module
    blocks: nn.ModuleList
    final_norm: nn.Module


def find_decoder(model: nn.Module, config: Any) -> Decoder:
    """Find the decoder of a transformers model without knowing its family.

    The blocks are the module list with as many entries as the text configuration has layers; the module that owns it is
    the decoder, and its last child after the blocks that is a norm over the hidden size is the final norm.

    Raises:
        EmovecError: if there is no such list or norm.
    """
    text_config = config.get_text_config(decoder=True)
    n_layers, hidden = int(text_config.num_hidden_layers), int(text_config.hidden_size)
    for module in model.modules():
        for blocks in module.children():
            if isinstance(blocks, nn.ModuleList) and len(blocks) == n_layers:
                norms = [child for child in module.children() if _is_norm(child, hidden)]
                if norms:
                    return Decoder(module, blocks, norms[-1])
    raise EmovecError(
        f"model: {type(model).__name__} has no list of {n_layers} decoder blocks followed by a norm of size {hidden}; "
        "emovec reads decoder-only language models."
    )


def _is_norm(module: nn.Module, hidden: int) -> bool:
    weight = getattr(module, "weight", None)
    parameters_fit = weight is None or tuple(weight.shape) == (hidden,)
    return "norm" in type(module).__name__.lower() and parameters_fit


def block_output(output: Tensor | tuple[Any, ...]) -> Tensor:
    """The hidden states [batch, token, hidden] that a block returned, alone or first in a tuple."""
    return output if isinstance(output, Tensor) else output[0]
