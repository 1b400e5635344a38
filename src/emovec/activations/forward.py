"""One forward pass over a batch of texts, with a visitor at every layer asked for."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from emovec.models.blocks import block_output
from emovec.models.eager import uncompiled
from emovec.models.language_model import LanguageModel
from emovec.models.text_tokenizer import EncodedText


class _Done(Exception):
    """Not an error: leaves the forward pass after the last layer asked for."""


def pad_right(texts: Sequence[EncodedText], device: torch.device) -> Tensor:
    """[text, token] ids, each row continued with its own last token.

    To the right of a text, no causal model can see padding; so there is no attention mask to get wrong, and any token
    will do. One of the text's own needs no pad token and keeps every activation ordinary.
    """
    longest = max(len(text.ids) for text in texts)
    rows = [text.ids + text.ids[-1:] * (longest - len(text.ids)) for text in texts]
    return torch.tensor(rows, device=device)


def visit_layers(
    model: LanguageModel, ids: Tensor, layers: Sequence[int], visit: Callable[[int, Tensor], None]
) -> None:
    """Run the decoder on `ids` and show each layer's output to `visit`, then stop after the last of them.

    Args:
        model: the language model.
        ids: [text, token] ids, right-padded.
        layers: 0-based blocks, ascending.
        visit: called with the position in `layers` and the block's output [text, token, hidden].
    """
    last = layers[-1]

    def hook(position: int) -> Callable[..., None]:
        def seen(_module: object, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
            visit(position, block_output(output))
            if layers[position] == last and last < model.n_layers - 1:
                raise _Done

        return seen

    handles = [model.blocks[layer].register_forward_hook(hook(position)) for position, layer in enumerate(layers)]
    try:
        with uncompiled(), torch.inference_mode():
            model.decoder.module(input_ids=ids, use_cache=False)
    except _Done:
        pass
    finally:
        for handle in handles:
            handle.remove()
