"""`steer`: add emotion vectors to a model's residual stream, or project them out, while a `with` block lasts."""

import math
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn

from emovec.errors import EmovecError
from emovec.models.blocks import Decoder, find_decoder
from emovec.models.depth import two_thirds
from emovec.models.language_model import LanguageModel
from emovec.models.passes import watch_layers
from emovec.models.positions import Columns, Positions, Span, require_positions, watch_columns

Vector = xr.DataArray | NDArray[Any] | Tensor
"""[hidden]; [layer, hidden] with a coordinate `layer`; or [row, hidden] for the rows of a batch."""


@dataclass(frozen=True)
class Intervention:
    """What is done to the residual stream; made by `intervene`.

    Attributes:
        layers: 0-based blocks whose output is changed.
        directions: [layer, row, hidden] float32, unit vectors; one row stands for every row of a batch.
        lengths: [layer, row] float32, how much of the direction is added; rows of zero stay as they are.
        positions: which tokens.
        project_out: whether the direction is taken out instead of being added.
    """

    layers: tuple[int, ...]
    directions: Tensor
    lengths: Tensor
    positions: Positions = "all"
    project_out: bool = False


def intervene(
    vector: Vector,
    *,
    layer: int | Sequence[int],
    strength: float | Sequence[float] = 0.1,
    norm: float | Sequence[float] | None = None,
    positions: Positions = "all",
    project_out: bool = False,
) -> Intervention:
    """Describe one intervention: h ← h + strength × norm × unit(vector), or h ← h − (h·unit) unit.

    Args:
        vector: [hidden]; or [layer, hidden] with a coordinate `layer`, from which each layer takes its own; or
            [row, hidden] for the rows of a batch.
        layer: 0-based block or blocks whose output is steered.
        strength: in residual norms; one for all rows, or one for each.
        norm: the residual norm, one for all layers or one for each; by default the coordinate `residual_norm` that
            arrays taken from `EmotionVectors` carry.
        positions: `all`, `prompt` (what is there before generation), `generated`, or a `Span` of each row's tokens.
        project_out: take the direction out of the stream, wherever `strength` isn't 0; `norm` then doesn't count.

    Raises:
        EmovecError: if a vector is zero or not finite, a layer is missing, the norm is unknown, or a strength is no
            finite number or so large that it can't but blow the model up.
    """
    layers = (int(layer),) if isinstance(layer, int | np.integer) else tuple(map(int, layer))
    if not layers or len(set(layers)) < len(layers):
        raise EmovecError("layer: give at least one layer, and each only once.")
    rows = torch.stack([_rows(vector, each) for each in layers])
    norms = torch.linalg.vector_norm(rows, dim=-1)
    if not bool(torch.isfinite(rows).all()) or not bool((norms > 0).all()):
        raise EmovecError(
            "vector: it is zero or contains values that are not finite, so it has no direction to steer in."
        )
    strengths = torch.as_tensor(np.atleast_1d(np.asarray(strength, dtype=np.float64)))
    if strengths.ndim != 1 or not len(strengths) or not bool(torch.isfinite(strengths).all()):
        raise EmovecError(f"strength: {strength} is no finite number, or list of such, in residual norms.")
    if len(strengths) > 1 and rows.shape[1] > 1 and len(strengths) != rows.shape[1]:
        raise EmovecError(f"strength: {len(strengths)} of them for {rows.shape[1]} vectors; give one for each row.")
    require_positions(positions)
    scale = torch.ones(len(layers), dtype=torch.float64) if project_out else _norms(vector, layers, norm)
    lengths = (scale[:, None] * strengths[None]).float()
    # Longer, its square overflows: the model's next norm makes zeros of the state, and all tokens equally likely.
    if not bool(torch.isfinite(lengths.square()).all()):
        largest = float(strengths.abs().max())
        raise EmovecError(
            f"strength: {largest:g} residual norms would blow the model up: their square overflows; lower the "
            "strength (0.1 is usual)."
        )
    return Intervention(
        layers=layers,
        directions=(rows / norms[..., None]).float(),
        lengths=lengths,
        positions=positions,
        project_out=project_out,
    )


@contextmanager
def steer(
    model: "LanguageModel | nn.Module",
    what: Vector | Intervention | Sequence[Intervention],
    *,
    layer: int | Sequence[int] | None = None,
    strength: float | Sequence[float] = 0.1,
    norm: float | Sequence[float] | None = None,
    positions: Positions = "all",
    project_out: bool = False,
) -> Generator[None]:
    """Steer a model while the block lasts; blocks may be nested, and nothing stays behind, also after an error.

    Positions are absolute: with a KV cache, left padding, any batch, the outcome is that of the whole text run at once.
    What is compiled with `torch.compile` runs uncompiled in the block: a compiled model would pass the steering over.

    Args:
        model: from `load_model`, or a transformers model.
        what: a vector, for which the other arguments are those of `intervene`; or interventions, done in their order.
        layer: by default the layer that the vector was taken from with `.sel(layer=…)`, else the one of its
            layers, or of the model's, that is nearest to two thirds of the depth.
        strength: as in `intervene`.
        norm: as in `intervene`.
        positions: as in `intervene`.
        project_out: as in `intervene`.

    Raises:
        EmovecError: if the vectors don't fit the model, or as in `intervene`; while running, if the rows of a batch are
            no multiple of the rows given, or a pass doesn't show each steered layer exactly once.
    """
    decoder = _decoder(model)
    if isinstance(what, Intervention):
        interventions = [what]
    elif isinstance(what, Sequence):
        interventions = list(what)
    else:
        where = _usual_layer(what, decoder) if layer is None else layer
        how: dict[str, Any] = {"strength": strength, "norm": norm, "positions": positions, "project_out": project_out}
        interventions = [intervene(what, layer=where, **how)]
    for intervention in interventions:
        _require_fit(intervention, decoder, model)
    acting = [intervention for intervention in interventions if bool(intervention.lengths.any())]
    with ExitStack() as stack:
        if acting:
            _push_on_each_pass(acting, decoder, _name(model), stack)
        yield


def _push_on_each_pass(acting: Sequence[Intervention], decoder: Decoder, name: str, stack: ExitStack) -> None:
    """Change the steered layers' outputs until the stack closes, each by its interventions in their order."""
    columns = stack.enter_context(watch_columns(decoder.module))
    pushes: dict[int, list[_Push]] = {}
    for intervention in acting:
        for position, layer in enumerate(intervention.layers):
            pushes.setdefault(layer, []).append(_Push(intervention, position, columns))

    def push(layer: int, hidden: Tensor) -> Tensor:
        for one in pushes[layer]:
            hidden = one(hidden)
        return hidden

    stack.enter_context(watch_layers(decoder, sorted(pushes), push, name=name))


class _Push:
    """What one intervention does to the output of one block."""

    def __init__(self, intervention: Intervention, position: int, columns: Columns):
        self._directions = intervention.directions[position]
        self._lengths = intervention.lengths[position]
        self._positions = intervention.positions
        self._project_out = intervention.project_out
        self._columns = columns
        self._delta: Tensor | None = None

    def __call__(self, hidden: Tensor) -> Tensor:
        if self._project_out:
            unit = self._for_rows(self._directions.to(hidden.device), len(hidden))[:, None, :]
            wide = hidden.float()
            steered = (wide - (wide * unit).sum(-1, keepdim=True) * unit).to(hidden.dtype)
        else:
            if self._delta is None or self._delta.device != hidden.device or self._delta.dtype != hidden.dtype:
                self._delta = (self._directions * self._lengths[:, None]).to(hidden.device, hidden.dtype)
            steered = hidden + self._for_rows(self._delta, len(hidden))[:, None, :]
        chosen = self._chosen(hidden)
        return steered if chosen is None else torch.where(chosen[..., None], steered, hidden)

    def _chosen(self, hidden: Tensor) -> Tensor | None:
        """[row or 1, token] bool: where to steer; None for everywhere."""
        n_rows, device = len(hidden), hidden.device
        # A row of strength zero stays bit-identical: adding 0 would turn −0 into 0.
        still = self._lengths == 0
        moved = None
        if bool(still.any()):
            moved = self._for_rows(~still, n_rows).to(device)[:, None]
        if self._positions == "all":
            return None if moved is None else moved.expand(len(moved), hidden.shape[1])
        if isinstance(self._positions, str):
            column = self._columns.columns(device)[None]
            in_prompt = column < self._columns.prompt
            chosen = in_prompt if self._positions == "prompt" else ~in_prompt
        else:
            spans = [self._positions] if isinstance(self._positions, Span) else list(self._positions)
            bounds = self._for_rows(torch.tensor(spans), n_rows).to(device)
            own = self._columns.own(n_rows, device)
            chosen = (own >= bounds[:, :1]) & (own < bounds[:, 1:])
        return chosen if moved is None else chosen & moved

    @staticmethod
    def _for_rows(values: Tensor, n_rows: int) -> Tensor:
        """Values of each row of the batch: beams and samples of one prompt stand side by side."""
        if len(values) in (1, n_rows):
            return values
        if n_rows % len(values):
            raise EmovecError(f"steering: vectors, strengths or spans for {len(values)} rows, a batch of {n_rows}.")
        return values.repeat_interleave(n_rows // len(values), dim=0)


def _usual_layer(vector: Any, decoder: Decoder) -> int:
    """The layer that a vector was taken from, else the one of its layers nearest to two thirds of the depth."""
    own = _own_layer(vector)
    return two_thirds(len(decoder.blocks), _layers_of(vector)) if own is None else own


def _own_layer(vector: Any) -> int | None:
    """The layer that a vector was taken from, where it tells."""
    known = vector.coords.get("layer") if isinstance(vector, xr.DataArray) else None
    return int(known) if known is not None and known.ndim == 0 else None


def _layers_of(vector: Any) -> list[int] | None:
    """The layers that a vector has one for; None where it tells none."""
    return vector["layer"].values.tolist() if isinstance(vector, xr.DataArray) and "layer" in vector.dims else None


def _rows(vector: Any, layer: int) -> Tensor:
    """[row, hidden] float64 of one layer."""
    if isinstance(vector, xr.DataArray):
        if "layer" in vector.dims:
            if layer not in vector["layer"].values:
                known = ", ".join(map(str, vector["layer"].values))
                raise EmovecError(f"layer: there is no vector for layer {layer}; the layers are {known}.")
            vector = vector.sel(layer=layer)
        extra = [str(dim) for dim in vector.dims if dim != "hidden"]
        if len(extra) > 1:
            raise EmovecError(f"vector: it has the dimensions {', '.join(extra)}; choose one of each with .sel().")
        vector = vector.transpose(*extra, "hidden").values
    rows = torch.as_tensor(np.asarray(vector.detach().cpu() if isinstance(vector, Tensor) else vector)).double()
    rows = rows[None] if rows.ndim == 1 else rows
    if rows.ndim != 2:
        raise EmovecError(f"vector: its shape {tuple(rows.shape)} is neither [hidden] nor [row, hidden].")
    return rows


def _norms(vector: Any, layers: tuple[int, ...], norm: float | Sequence[float] | None) -> Tensor:
    """[layer] float64: the residual norm of each layer."""
    if norm is None and isinstance(vector, xr.DataArray) and "residual_norm" in vector.coords:
        known, own = vector["residual_norm"], _own_layer(vector)
        if own is not None and layers != (own,):
            raise EmovecError(
                f"norm: this vector has the residual norm of layer {own} only; give norm= for {list(layers)}."
            )
        if set(known.dims) - {"layer"}:
            raise EmovecError(
                "norm: the rows of this vector have residual norms of their own; give one of them as norm=."
            )
        norm = [float(known.sel(layer=each) if "layer" in known.dims else known) for each in layers]
    if norm is None:
        raise EmovecError(
            "norm: this vector comes without a residual norm, the unit of strength; give norm=, or take the vector out "
            "of EmotionVectors."
        )
    norms = torch.as_tensor(np.atleast_1d(np.asarray(norm, dtype=np.float64)))
    if len(norms) not in (1, len(layers)) or not all(math.isfinite(n) and n > 0 for n in norms.tolist()):
        raise EmovecError(f"norm: {norm}; give one positive number, or one for each of {len(layers)} layers.")
    return norms.expand(len(layers))


def _decoder(model: "LanguageModel | nn.Module") -> Decoder:
    return model.decoder if isinstance(model, LanguageModel) else find_decoder(model, model.config)


def _require_fit(intervention: Intervention, decoder: Decoder, model: Any) -> None:
    hidden, n_layers = decoder.hidden_size, len(decoder.blocks)
    name = _name(model)
    if intervention.directions.shape[-1] != hidden:
        raise EmovecError(
            f"vector: it has {intervention.directions.shape[-1]} dimensions, {name} has {hidden}: it was made with "
            "another model."
        )
    if not all(0 <= layer < n_layers for layer in intervention.layers):
        raise EmovecError(f"layer: {list(intervention.layers)}; {name} has the layers 0 to {n_layers - 1}.")
    if isinstance(model, LanguageModel):
        model.require_layers(intervention.layers)


def _name(model: Any) -> str:
    return model.id if isinstance(model, LanguageModel) else type(model).__name__
