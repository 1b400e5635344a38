"""One forward pass over a batch of texts, with a visitor at every layer asked for."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from emovec.models.language_model import LanguageModel
from emovec.models.passes import require_all, watch_layers
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
        visit: called once with each position in `layers` and the block's output [text, token, hidden].

    Raises:
        EmovecError: if the pass did not show every layer exactly once, as [text, token, hidden].
    """
    last = layers[-1]
    position = {layer: place for place, layer in enumerate(layers)}

    def see(layer: int, hidden: Tensor) -> None:
        visit(position[layer], hidden)
        if layer == last and last < model.n_layers - 1:
            raise _Done

    model.require_layers(layers)
    with watch_layers(model.decoder, layers, see, name=model.id) as record:
        try:
            with torch.inference_mode():
                model.decoder.module(input_ids=ids, use_cache=False)
        except _Done:
            record.stop()
            require_all(record, model.decoder, model.id)
