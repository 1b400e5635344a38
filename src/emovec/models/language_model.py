"""`LanguageModel`: a causal language model, its blocks, tokens and read-out."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from emovec.models.behaviour import Behaviour
from emovec.models.blocks import Decoder
from emovec.models.passes import refusal
from emovec.models.text_tokenizer import TextTokenizer


@dataclass(frozen=True)
class LanguageModel:
    """A loaded model. Layer k is the output of its 0-based block k, before any final norm (resid_post).

    Attributes:
        id: what the user called it: Hub id, folder, file or alias.
        revision: commit of the Hub, or a digest of the local files.
        model: the transformers model with its output head.
        decoder: the part that carries the residual stream.
        tokenizer: its tokenizer.
        behaviour: what it was seen to do when it was loaded.
    """

    id: str
    revision: str
    model: Any
    decoder: Decoder
    tokenizer: TextTokenizer
    behaviour: Behaviour = field(default_factory=Behaviour)

    @property
    def blocks(self) -> nn.ModuleList:
        """The decoder blocks, in order."""
        return self.decoder.blocks

    @property
    def n_layers(self) -> int:
        """Number of decoder blocks."""
        return len(self.blocks)

    @property
    def hidden_size(self) -> int:
        """Width of the residual stream."""
        return self.decoder.hidden_size

    @property
    def max_tokens(self) -> int | None:
        """Longest input that the model's positions allow, BOS counted; None where it names none."""
        limit = getattr(self.model.config.get_text_config(decoder=True), "max_position_embeddings", None)
        return int(limit) if limit else None

    @property
    def device(self) -> torch.device:
        """Where the token embeddings are: the device that inputs go to."""
        return self.model.get_input_embeddings().weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the weights."""
        return self.model.dtype

    def require_layers(self, layers: Sequence[int]) -> None:
        """Refuse layers that this model does not show exactly once a pass, before any work starts.

        Raises:
            EmovecError: names the layers and the remedy.
        """
        faults = {layer: self.behaviour.faults[layer] for layer in layers if layer in self.behaviour.faults}
        if faults:
            raise refusal(self.behaviour.faults, self.n_layers, self.id)

    def text_token_ids(self, text: str) -> list[int]:
        """The text's own tokens, without BOS or EOS."""
        return self.tokenizer.text_token_ids(text)

    def token_texts(self, ids: Sequence[int]) -> list[str]:
        """What each token id reads as by itself."""
        return self.tokenizer.token_texts(ids)

    def unembedding(self) -> np.ndarray:
        """[vocab, hidden] float32: the rows that turn a normed residual into logits."""
        rows = self.model.get_output_embeddings().weight.detach().float().cpu()
        if (project_out := self.decoder.project_out) is not None:
            narrow: torch.Tensor = project_out.get_parameter("weight")
            rows = rows @ narrow.detach().float().cpu()
        return rows.numpy()

    def embeddings(self, ids: Sequence[int]) -> np.ndarray:
        """[token, hidden] float32: the rows of the input embedding matrix for some token ids."""
        rows = self.model.get_input_embeddings().weight.detach()
        return rows[torch.as_tensor(list(ids), dtype=torch.long, device=rows.device)].float().cpu().numpy()

    def final_norm(self, directions: np.ndarray) -> np.ndarray:
        """Take directions [..., hidden] through the linear part of the final norm.

        A direction has no scale of its own, so only the elementwise gain is applied, after centring where the norm
        centres (LayerNorm). The gain is read off the norm's behaviour and so needs no knowledge of its family (Gemma
        multiplies by 1 + w).
        """
        gain, centres = self._norm_gain
        if centres:
            directions = directions - directions.mean(axis=-1, keepdims=True)
        return (directions * gain).astype(directions.dtype)

    @cached_property
    def _norm_gain(self) -> tuple[np.ndarray, bool]:
        norm = copy.deepcopy(self.decoder.final_norm).double().cpu()
        # Mean 0 and mean square 1: RMSNorm and LayerNorm alike only multiply it by their gain.
        signs = torch.ones(self.hidden_size, dtype=torch.float64)
        signs[1::2] = -1
        with torch.inference_mode():
            bias, ones, alternating = (norm(x).double() for x in (0 * signs, signs.abs(), signs))
        return ((alternating - bias) / signs).numpy(), bool(torch.allclose(ones, bias, atol=1e-6))
