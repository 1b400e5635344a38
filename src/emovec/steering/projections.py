"""Short texts read with emotion vectors: the residual stream of each, and how far it lies along each vector."""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from emovec.activations.pooling import pool
from emovec.errors import EmovecError
from emovec.models.forward import pad_right, visit_layers
from emovec.models.language_model import LanguageModel
from emovec.stats.labelled import unit
from emovec.vectors.emotion_vectors import EmotionVectors

READINGS = ("mean", "last")
"""The mean over a text's own tokens that are no attention sinks, and its last token."""

SINK_THRESHOLD = 10.0


def read_texts(
    model: LanguageModel, texts: Sequence[str], layers: Sequence[int], sink_threshold: float | None = SINK_THRESHOLD
) -> xr.DataArray:
    """Run the texts as one batch and keep two readings of each.

    Args:
        model: the language model.
        texts: short ones.
        layers: 0-based blocks, ascending.
        sink_threshold: multiple of a text's median norm above which a token is left out of the mean; None: none is.

    Returns:
        [text, reading, layer, hidden] float32.

    Raises:
        EmovecError: if a text has no tokens, or more than the model reads.
    """
    encoded = model.tokenizer.encode(list(texts))
    for text, tokens in zip(texts, encoded, strict=True):
        if not tokens.n_own:
            raise EmovecError(f"'{text[:40]}': has no tokens; give some text.")
        if model.max_tokens is not None and len(tokens.ids) > model.max_tokens:
            raise EmovecError(
                f"'{text[:40]}…': {len(tokens.ids)} tokens, longer than the model's {model.max_tokens}; shorten it."
            )
    ids = pad_right(encoded, model.device)
    places = torch.arange(ids.shape[1], device=model.device)
    starts = torch.tensor([tokens.start for tokens in encoded], device=model.device)[:, None]
    ends = torch.tensor([len(tokens.ids) for tokens in encoded], device=model.device)[:, None]
    own = (places >= starts) & (places < ends)
    found = np.full((len(texts), len(READINGS), len(layers), model.hidden_size), np.nan, np.float32)

    def keep(position: int, hidden: torch.Tensor) -> None:
        own_here = own.to(hidden.device)
        mean = pool(hidden, own_here, own_here, sink_threshold).mean
        last = hidden[torch.arange(len(texts), device=hidden.device), ends[:, 0].to(hidden.device) - 1]
        for reading, values in enumerate((mean, last)):
            found[:, reading, position] = values.float().cpu().numpy()

    visit_layers(model, ids, layers, keep)
    coords = {"reading": list(READINGS), "layer": list(layers)}
    return xr.DataArray(found, dims=("text", "reading", "layer", "hidden"), coords=coords)


def project(states: xr.DataArray, vectors: EmotionVectors, language: str, variant: str) -> xr.DataArray:
    """How far states lie along each emotion's unit vector, in units of the layer's own scale.

    `raw` projects onto the unit vector and divides by the median residual norm of the layer (where that is known);
    `standardised` first divides each dimension, of states and vectors alike, by its standard deviation over stories.

    Args:
        states: [..., layer, hidden]; the layers are among those of the vectors.
        vectors: of the same model.
        language: whose vectors.
        variant: `raw` or `standardised`.

    Returns:
        [..., layer, emotion] float64, not centred.
    """
    layers = states["layer"].values
    directions = unit(
        vectors.variant(variant)
        .sel(language=language, layer=layers)
        .transpose("layer", "emotion", "hidden")
        .values.astype(np.float64)
    )
    if variant == "standardised":
        scale = vectors.scale.sel(layer=layers).transpose("layer", "hidden").values.astype(np.float64)
        directions = directions / scale[:, None]
    elif vectors.residual_norm is not None:
        directions = directions / vectors.residual_norm.sel(language=language, layer=layers).values[:, None, None]
    values = states.transpose(..., "layer", "hidden")
    found = np.einsum("...lh,leh->...le", values.values.astype(np.float64), directions, optimize=True)
    coords = {name: array for name, array in values.coords.items() if "hidden" not in array.dims}
    coords["emotion"] = vectors.emotions
    return xr.DataArray(found, dims=(*values.dims[:-1], "emotion"), coords=coords)


def sink_threshold(vectors: EmotionVectors) -> float | None:
    """What counted as an attention sink when the vectors were made."""
    return vectors.provenance.get("pooling", {}).get("sink_threshold", SINK_THRESHOLD)
