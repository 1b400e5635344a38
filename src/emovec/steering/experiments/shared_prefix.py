"""The next token after many prompts that begin alike: what they share is run once."""

import copy
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import DynamicCache

from emovec.errors import EmovecError
from emovec.models.behaviour import named_cache
from emovec.models.eager import uncompiled
from emovec.models.language_model import LanguageModel
from emovec.models.positions import Positions, Span

Steered = Callable[[Positions], AbstractContextManager[None]]
"""Opens a block in which the model is steered at some positions, such as `partial(inputs.steered, condition)`."""


def _unsteered(_positions: Positions) -> AbstractContextManager[None]:
    return nullcontext()


def log_probabilities_after(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    tokens: Sequence[int],
    *,
    steered: Steered = _unsteered,
    positions: Positions = "all",
    batch_size: int = 16,
) -> NDArray[np.float64]:
    """Log-probabilities of a few tokens after each prompt, with the beginning that all prompts share run once.

    Its keys and values are kept and stand before the rest of every prompt. Rests are padded on the right, where no
    causal model can see it, and read at each one's own last token. The outcome is that of one run for each prompt.

    Args:
        model: the language model.
        prompts: token ids of each, BOS included.
        tokens: whose log-probability is asked for.
        steered: opens a block with the model steered at the positions it is given. Steering is handed over rather than
            put around the call because the positions of each run are worked out here.
        positions: as in `intervene`, where all of a prompt is prompt; spans count in the prompt's own tokens.
        batch_size: prompts run at once.

    Returns:
        [prompt, token], natural logarithms.

    Raises:
        EmovecError: if a prompt is empty or too long for the model, or the logits are not finite.
    """
    _require_room(model, prompts)
    spans = _spans(positions, len(prompts))
    # A cache that can't be copied: every prompt is run whole.
    shared = _shared(prompts, spans) if model.behaviour.shares_cache else 0
    if positions == "generated":
        steered = _unsteered
    found = np.empty((len(prompts), len(tokens)))
    with torch.inference_mode():
        cache: Any = None
        if shared:
            with steered("all" if spans is None else _clipped(spans[0], shared)):
                ids = torch.tensor([list(prompts[0][:shared])], device=model.device)
                cache = DynamicCache(config=model.model.config)
                model.decoder.module(input_ids=ids, use_cache=True, **named_cache(model.decoder.module, cache))
        # Of like length, so that little is padding.
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        for begin in range(0, len(order), batch_size):
            batch = order[begin : begin + batch_size]
            with steered("all" if spans is None else [spans[i] for i in batch]):
                logits = _last_logits(model, [prompts[i][shared:] for i in batch], cache)
            if not bool(torch.isfinite(logits).all()):
                raise EmovecError(
                    "The model's logits are no longer finite: steering this strong has blown it up; lower the "
                    "strength, or set the dtype to float32."
                )
            found[batch] = torch.log_softmax(logits.double(), dim=-1)[:, list(tokens)].cpu().numpy()
    return found


def shared_length(prompts: Sequence[Sequence[int]]) -> int:
    """How many first tokens all prompts have in common; at least one of each is left over."""
    shortest = min(map(len, prompts)) - 1
    first = prompts[0]
    for position in range(shortest):
        if any(prompt[position] != first[position] for prompt in prompts):
            return position
    return shortest


def _last_logits(model: LanguageModel, rests: Sequence[Sequence[int]], cache: Any) -> Tensor:
    """[prompt, vocab]: logits after the last token of each rest, with the cache (of one row) before all of them."""
    longest = max(map(len, rests))
    ids = torch.tensor([[*rest, *[rest[-1]] * (longest - len(rest))] for rest in rests], device=model.device)
    options: dict[str, Any] = {"use_cache": False}
    if cache is not None:
        past = copy.deepcopy(cache)
        past.batch_repeat_interleave(len(rests))
        options = {"use_cache": True, **named_cache(model.model, past)}
    last = torch.tensor([len(rest) - 1 for rest in rests], device=model.device)
    with _only_last(model.model.get_output_embeddings(), last):
        return model.model(input_ids=ids, **options).logits[:, 0]


@contextmanager
def _only_last(head: nn.Module, last: Tensor) -> Generator[None]:
    """Lets the output head read one token of each row: with a large vocabulary it costs more than all blocks do."""

    def gather(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor]:
        hidden: Tensor = inputs[0]
        rows = torch.arange(len(hidden), device=hidden.device)
        return (hidden[rows, last.to(hidden.device)][:, None],)

    hook = head.register_forward_pre_hook(gather)
    try:
        with uncompiled():
            yield
    finally:
        hook.remove()


def _spans(positions: Positions, n_prompts: int) -> list[Span] | None:
    """A span for each prompt, or None for all tokens."""
    if isinstance(positions, str):
        return None
    if isinstance(positions, Span):
        return [positions] * n_prompts
    spans = list(positions)
    if len(spans) != n_prompts:
        raise EmovecError(f"positions: {len(spans)} spans for {n_prompts} prompts; give one for each.")
    return spans


def _shared(prompts: Sequence[Sequence[int]], spans: Sequence[Span] | None) -> int:
    """How many tokens are run once: those that are alike, and alike in being steered or not."""
    shared = shared_length(prompts)
    if spans is None or len({_clipped(span, shared) for span in spans}) == 1:
        return shared
    return max(0, min(shared, *_starts(spans)))


def _starts(spans: Iterable[Span]) -> list[int]:
    return [span.start for span in spans]


def _clipped(span: Span, stop: int) -> Span:
    return Span(min(span.start, stop), min(span.stop, stop))


def _require_room(model: LanguageModel, prompts: Sequence[Sequence[int]]) -> None:
    longest = max(map(len, prompts), default=0)
    if not longest or not min(map(len, prompts)):
        raise EmovecError("prompt: there is none, or an empty one; give some text.")
    if model.max_tokens is not None and longest > model.max_tokens:
        raise EmovecError(
            f"prompt: the longest has {longest} tokens, more than the {model.max_tokens} that {model.id} has positions "
            "for; shorten the activities."
        )
