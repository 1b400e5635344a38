"""Where the tokens of a running model stand: absolute columns, whatever the cache and the padding."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Columns:
    """The columns [start, start + token) that the decoder runs now, and where its rows and its prompt lie.

    A column counts from the left edge of the batch, padding included; what a row calls its own token 0 stands after its
    padding.

    Attributes:
        prompt: width of the prompt: everything that was run when its first column was.
    """

    def __init__(self) -> None:
        self.prompt = 0
        self._start = 0
        self._width = 0
        self._padding: Tensor | None = None
        self._first: Tensor | None = None

    def columns(self, device: torch.device) -> Tensor:
        """[token]: absolute columns."""
        return torch.arange(self._start, self._start + self._width, device=device)

    def own(self, n_rows: int, device: torch.device) -> Tensor:
        """[row, token]: each row's own count of tokens, negative in its padding."""
        columns = self.columns(device)[None].expand(n_rows, -1)
        return columns if self._padding is None else columns - self._padding.to(device)[:, None]

    def see(self, _module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Note what the decoder is about to run: its forward pre-hook."""
        ids = named.get("input_ids", arguments[0] if arguments else None)
        given = ids if ids is not None else named["inputs_embeds"]
        # Newer transformers call it `cache`.
        cache = named.get("cache", named.get("past_key_values"))
        self._start = int(cache.get_seq_length()) if cache is not None else 0
        self._width = int(given.shape[1])
        mask = named.get("attention_mask", arguments[1] if len(arguments) > 1 else None)
        if isinstance(mask, Tensor) and mask.ndim == 2:
            # Only zeros on the left are padding that shifts a row.
            self._padding = (mask.cumsum(1) == 0).sum(1)
        elif self._start == 0:
            self._padding = None
        if self._start == 0 and not self._continues(given):
            self.prompt, self._first = self._width, given.detach().clone()

    def _continues(self, given: Tensor) -> bool:
        """Whether a run from column 0 is the prompt seen before with something after it: generation without a cache."""
        first = self._first
        return (
            first is not None
            and given.shape[1] > first.shape[1]
            and given.shape[0] == first.shape[0]
            and given.shape[2:] == first.shape[2:]
            and bool(torch.equal(given[:, : first.shape[1]], first))
        )


@contextmanager
def watch_columns(decoder: nn.Module) -> Generator[Columns]:
    """Follow the columns of a decoder while the block lasts."""
    columns = Columns()
    hook = decoder.register_forward_pre_hook(columns.see, with_kwargs=True)
    try:
        yield columns
    finally:
        hook.remove()
