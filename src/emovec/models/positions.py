"""Which tokens are steered, and where those of a running model stand: absolute, whatever the cache and the padding."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from emovec.errors import EmovecError
from emovec.models.language_model import LanguageModel


class Span(NamedTuple):
    """The tokens of a row from `start` to before `stop`: its own and its BOS count, padding doesn't."""

    start: int
    stop: int


Positions = Literal["all", "prompt", "generated"] | Span | Sequence[Span]
"""Which tokens are steered. A sequence holds a span for each row of the batch."""


def character_span(model: LanguageModel, text: str, start: int, stop: int, *, special_tokens: bool = True) -> Span:
    """The tokens that hold any of the characters [start, stop) of a text, as positions to steer.

    Args:
        model: whose tokenizer counts.
        text: the whole prompt.
        start: first character.
        stop: the character after the last.
        special_tokens: whether the tokenizer puts its BOS before the text, as `generate` lets it.

    Raises:
        EmovecError: if the span is empty or lies outside the text, or the tokenizer knows no offsets.
    """
    if not 0 <= start < stop <= len(text):
        raise EmovecError(f"positions: characters {start} to {stop} are no part of a text of {len(text)} characters.")
    if not model.tokenizer.tokenizer.is_fast:
        raise EmovecError(f"positions: the tokenizer of {model.id} gives no character offsets; name tokens by a Span.")
    _, spans = model.tokenizer.spans(text, special_tokens=special_tokens)
    held = [i for i, (first, last) in enumerate(spans) if first < stop and last > start and last > first]
    return Span(held[0], held[-1] + 1)


def require_positions(positions: Any) -> None:
    """Refuse what names no tokens.

    Raises:
        EmovecError: if it is neither a known word nor spans that end after they start.
    """
    if isinstance(positions, str):
        if positions not in ("all", "prompt", "generated"):
            raise EmovecError(f"positions: '{positions}' is none of all, prompt, generated; or give spans.")
        return
    spans = [positions] if isinstance(positions, Span) else list(positions)
    if not spans or not all(isinstance(span, Span) and span.start <= span.stop for span in spans):
        raise EmovecError(
            f"positions: {positions}; give a Span(start, stop) that doesn't end before it starts, or several."
        )


class Columns:
    """The columns [start, start + token) that the decoder runs now, and where its rows and its prompt lie.

    A column counts from the left edge of the batch, padding included; what a row calls its own token 0 stands after its
    padding.

    Attributes:
        prompt: width of the prompt: everything that was run when its first column was, or after a cache that was there
            before the block.
    """

    def __init__(self) -> None:
        self.prompt = 0
        self._start = 0
        self._width = 0
        self._padding: Tensor | None = None
        self._first: Tensor | None = None
        self._known = True

    def columns(self, device: torch.device) -> Tensor:
        """[token]: absolute columns."""
        if not self._known:
            raise EmovecError(
                "positions: this model's cache doesn't say how many tokens it contains, and was begun before steering; "
                "run the whole prompt while steering, or steer positions='all'."
            )
        return torch.arange(self._start, self._start + self._width, device=device)

    def own(self, n_rows: int, device: torch.device) -> Tensor:
        """[row, token]: each row's own count of tokens, negative in its padding."""
        columns = self.columns(device)[None].expand(n_rows, -1)
        return columns if self._padding is None else columns - self._padding.to(device)[:, None]

    def see(self, _module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Note what the decoder is about to run: its forward pre-hook."""
        ids = named.get("input_ids", arguments[0] if arguments else None)
        given = ids if ids is not None else named["inputs_embeds"]
        # Newer transformers call it `cache`; RWKV's is called `state`.
        names = ("cache", "past_key_values", "cache_params", "state")
        cache = next((named[name] for name in names if named.get(name) is not None), None)
        last = self._start + self._width
        before = _tokens_in(cache, last, named)
        self._known = before is not None
        self._start = before or 0
        self._width = int(given.shape[1])
        if not self._known:
            return
        self._padding = self._left_padding(named, arguments)
        if self._start == 0:
            if cache is not None or self._width != last + 1 or not self._continues(given):
                self.prompt, self._first = self._width, given.detach().clone()
        elif self.prompt == 0 and self._width > 1:  # the rest of a prompt whose beginning is in the cache
            self.prompt = self._start + self._width

    def _left_padding(self, named: dict[str, Any], arguments: tuple[Any, ...]) -> Tensor | None:
        """[row]: columns of padding before each row's own first token; only those shift a row."""
        mask = named.get("attention_mask", arguments[1] if len(arguments) > 1 else None)
        if isinstance(mask, Tensor) and mask.ndim == 2:
            return (mask.cumsum(1) == 0).sum(1)
        places = named.get("position_ids")
        # For a static cache, generation makes masks that show the padding no more; the place of the last token does.
        if mask is not None and isinstance(places, Tensor) and places.ndim == 2:
            return self._start + self._width - 1 - places[:, -1]
        return None if self._start == 0 else self._padding

    def _continues(self, given: Tensor) -> bool:
        """Whether a run from column 0 is the prompt seen before with something after it: generation without a cache."""
        first = self._first
        return (
            first is not None
            and given.shape[0] == first.shape[0]
            and given.shape[2:] == first.shape[2:]
            and bool(torch.equal(given[:, : first.shape[1]], first))
        )


def _tokens_in(cache: Any, last: int, named: dict[str, Any]) -> int | None:
    """How many columns a cache holds; None if that can't be known.

    The caches of state models count no tokens: one that has been begun goes on where the last run ended.

    Args:
        cache: of any kind, or None.
        last: the column after the last one that was run.
        named: what the decoder is called with.
    """
    if cache is None:
        return 0
    # Not `cache.get_seq_length()`: that asks one layer, which may be one that keeps a state.
    counts = [layer.get_seq_length() for layer in getattr(cache, "layers", ()) if hasattr(layer, "get_seq_length")]
    if counts and (int(max(counts)) or _state(cache) is not True):
        return int(max(counts))
    if not counts and hasattr(cache, "get_seq_length") and not hasattr(cache, "layers"):
        return int(cache.get_seq_length())
    places = named.get("cache_position")
    if isinstance(places, Tensor):
        return int(places[0])
    return 0 if _state(cache) is False else last or None


def _state(cache: Any) -> bool | None:
    """Whether a cache holds a state from before; None if it can't tell."""
    begun = getattr(cache, "has_previous_state", None)
    try:
        return begun if begun is None else bool(begun() if callable(begun) else begun)
    except ValueError:  # a cache of attention layers alone
        return None


@contextmanager
def watch_columns(decoder: nn.Module) -> Generator[Columns]:
    """Follow the columns of a decoder while the block lasts."""
    columns = Columns()
    hook = decoder.register_forward_pre_hook(columns.see, with_kwargs=True)
    try:
        yield columns
    finally:
        hook.remove()
