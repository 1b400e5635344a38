"""From the residual stream of a batch to one mean for each text, without padding, BOS or attention sinks."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Pooled:
    """What is kept of one layer for a batch of texts.

    Attributes:
        mean: [text, hidden] float32, mean over the pooled tokens; NaN where none is left.
        n_pooled: [text], number of tokens in the mean.
        n_sinks: [text], tokens past the offset that were left out as attention sinks.
        token_norm: [text], median norm of the text's own tokens that are no sinks.
    """

    mean: Tensor
    n_pooled: Tensor
    n_sinks: Tensor
    token_norm: Tensor


def first_pooled(n_own: int, offset: float) -> int:
    """How many of a text's own tokens come before the mean.

    Args:
        n_own: number of the text's own tokens.
        offset: a number of tokens, or below 1 a fraction of the text.
    """
    return int(offset * n_own) if offset < 1 else int(offset)


def pool(hidden: Tensor, own: Tensor, counted: Tensor, sink_threshold: float | None) -> Pooled:
    """Average the residual stream over the counted tokens of each text.

    A token is an attention sink where its norm exceeds `sink_threshold` times the median norm over the text's own
    tokens (Sun et al. 2024, "Massive Activations in Large Language Models").

    Args:
        hidden: [text, token, hidden], output of one block.
        own: [text, token] bool, the text's own tokens: neither BOS nor padding.
        counted: [text, token] bool, own tokens past the offset.
        sink_threshold: multiple of the median norm; None turns sink masking off.
    """
    hidden = hidden.float()
    norms = torch.linalg.vector_norm(hidden, dim=-1)
    ascending = norms.masked_fill(~own, torch.inf).sort(dim=1).values
    if sink_threshold is None:
        sinks = torch.zeros_like(own)
    else:
        sinks = norms > sink_threshold * _median(ascending, own.sum(1))[:, None]
    kept = counted & ~sinks
    n_pooled = kept.sum(1)
    # A product with weights instead of a masked copy: one pass over the largest array. Padding repeats a token of the
    # text, so that whatever weighs zero is finite.
    mean = torch.bmm(kept.float().div(n_pooled[:, None])[:, None], hidden)[:, 0]
    # Sinks are the largest norms, so that the median of the others needs no second sorting.
    token_norm = _median(ascending, (own & ~sinks).sum(1))
    return Pooled(mean, n_pooled, (counted & sinks).sum(1), token_norm)


def _median(ascending: Tensor, n: Tensor) -> Tensor:
    """Median of the first `n` values of each row [text, token], which are in ascending order."""
    middle = torch.stack(((n - 1) // 2, n // 2), dim=1)
    return ascending.gather(1, middle).mean(dim=1)
