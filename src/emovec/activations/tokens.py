"""The residual stream of one text, token by token."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from emovec.models.forward import pad_right, visit_layers
from emovec.models.language_model import LanguageModel


def token_states(model: LanguageModel, text: str, layers: Sequence[int]) -> xr.DataArray:
    """Block outputs at every token of a text, BOS included where the tokenizer adds one.

    Args:
        model: the language model.
        text: any text.
        layers: 0-based blocks.

    Returns:
        [layer, token, hidden] float32, with coordinates `token_text` and `own` (False for BOS) on token.
    """
    (encoded,) = model.tokenizer.encode([text])
    layers = sorted(layers)
    states = np.full((len(layers), len(encoded.ids), model.hidden_size), np.nan, np.float32)

    def keep(position: int, hidden: object) -> None:
        states[position] = hidden[0].float().cpu().numpy()  # type: ignore[index]

    visit_layers(model, pad_right([encoded], model.device), layers, keep)
    coords = {
        "layer": layers,
        "token_text": ("token", model.token_texts(encoded.ids)),
        "own": ("token", np.arange(len(encoded.ids)) >= encoded.start),
    }
    return xr.DataArray(states, dims=("layer", "token", "hidden"), coords=coords)
