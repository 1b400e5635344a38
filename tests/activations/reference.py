"""The slow, obvious way: one text at a time, eager attention, all hidden states kept, pooled in float64."""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer

_FINAL_NORMS = ("norm", "ln_f", "final_layer_norm")


class Reference:
    def __init__(self, folder: Path):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
        self.base = model.base_model
        # Without the final norm, the last of `hidden_states` is the last block's own output.
        (name,) = [name for name in _FINAL_NORMS if hasattr(self.base, name)]
        setattr(self.base, name, nn.Identity())

    def token_states(self, text: str) -> np.ndarray:
        """[layer, token, hidden] float64 of the text's own tokens."""
        ids = self.tokenizer(text, return_tensors="pt")["input_ids"]
        own = len(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        with torch.no_grad():
            states = self.base(input_ids=ids, output_hidden_states=True).hidden_states[1:]
        return np.stack([layer[0, ids.shape[1] - own :].numpy().astype(np.float64) for layer in states])

    def pooled(self, text: str, offset: float, sink_threshold: float | None) -> np.ndarray:
        """[layer, hidden] float64."""
        means = []
        for states in self.token_states(text):
            norms = np.linalg.norm(states, axis=1)
            first = int(len(states) * offset) if offset < 1 else int(offset)
            keep = np.arange(len(states)) >= first
            if sink_threshold is not None:
                keep &= norms <= sink_threshold * np.median(norms)
            means.append(states[keep].mean(axis=0))
        return np.stack(means)
