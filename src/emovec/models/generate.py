"""Text out of a model, steered or not: continuations, chat prompts, next-token logits, log-probabilities."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emovec.errors import EmovecError
from emovec.models.answers import THINKING
from emovec.models.control_tokens import ChatPrompt
from emovec.models.language_model import LanguageModel

# A checkpoint may bring settings of its own (penalties, beams, banned tokens, cut-offs) that would bend what steering
# does, or what a temperature means.
_PLAIN: dict[str, Any] = {
    **dict.fromkeys(
        (
            "min_p", "min_new_tokens", "suppress_tokens", "begin_suppress_tokens", "bad_words_ids", "sequence_bias",
            "exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id", "guidance_scale",
            "stop_strings", "max_time", "prompt_lookup_num_tokens",
        )
    ),
    **dict.fromkeys(("num_beams", "num_return_sequences"), 1),
    **dict.fromkeys(("repetition_penalty", "encoder_repetition_penalty", "typical_p"), 1.0),
    **dict.fromkeys(("no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "min_length"), 0),
    **dict.fromkeys(("epsilon_cutoff", "eta_cutoff"), 0.0),
    "return_dict_in_generate": False,
}  # fmt: skip


_THINKING_SWITCHES = ("enable_thinking", "thinking")
"""What chat templates call the variable that switches thinking off."""


def generate(
    model: LanguageModel,
    prompts: Sequence[str],
    *,
    max_new_tokens: int = 64,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    stop: Sequence[str] = (),
    special_tokens: bool = True,
    keep_special: bool = False,
    batch_size: int = 8,
    on_tokens: Callable[[list[str]], None] | None = None,
) -> list[str]:
    """Continue each prompt; inside a block of `steer` the continuation is steered.

    Args:
        model: the language model.
        prompts: texts to continue.
        max_new_tokens: most tokens of each continuation.
        temperature: 0 always takes the likeliest token.
        top_p: share of the probability that sampling draws from.
        seed: of the sampling.
        stop: texts that end a continuation; left out of it.
        special_tokens: whether the tokenizer puts its BOS first. A prompt from `chat_prompt` holds its own.
        keep_special: leave the special tokens in the continuations, up to those that end them.
        batch_size: prompts run at once, padded on the left. Interventions with a row for each prompt need them all
            in one batch.
        on_tokens: called after each step with what there is of the batch's continuations so far.

    Returns:
        The continuations, in the order of the prompts, without the prompt.

    Raises:
        EmovecError: if a prompt is empty or leaves no room in the model's positions, or logits are not finite.
    """
    encoded = [_ids(model, prompt, special_tokens) for prompt in prompts]
    _require_room(model, encoded, prompts, max_new_tokens)
    found = [""] * len(encoded)
    sampling = _sampling(temperature, top_p)
    for begin, rows, ids, mask in _aligned(model, encoded, batch_size):
        devices = [model.device] if model.device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed + begin)
            whole = model.model.generate(
                ids,
                attention_mask=mask,
                max_new_tokens=max_new_tokens,
                pad_token_id=_pad(model),
                stopping_criteria=_stopping(model, ids, stop, on_tokens),
                logits_processor=[_require_finite],
                **_PLAIN,
                **sampling,
            )
        texts = _written(model, ids, whole, special=keep_special)
        for row in rows:
            found[begin + row] = _until(texts[row], stop)
    return found


def _sampling(temperature: float, top_p: float) -> dict[str, Any]:
    if temperature > 0:
        return {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    # None, not 1: a checkpoint's own sampling settings would warn beside greedy search.
    return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}


def _stopping(
    model: LanguageModel, ids: Tensor, stop: Sequence[str], on_tokens: Callable[[list[str]], None] | None
) -> list[Callable[[Tensor, Any], Tensor]]:
    """Criteria that report the texts after each step and stop those that are done; none where nobody asks."""

    def seen(whole: Tensor, _scores: Any) -> Tensor:
        texts = _written(model, ids, whole)
        if on_tokens is not None:
            on_tokens([_until(text, stop) for text in texts])
        return torch.tensor([any(mark in text for mark in stop) for text in texts], device=whole.device)

    return [seen] if stop or on_tokens is not None else []


def _written(model: LanguageModel, ids: Tensor, whole: Tensor, *, special: bool = False) -> list[str]:
    """What follows each prompt, decoded with it: by itself a continuation would lose the space that it begins with."""
    decode = model.tokenizer.tokenizer.batch_decode
    rows = [_before_end(model, row.tolist(), ids.shape[1]) for row in whole] if special else whole
    before, decoded = (decode(each, skip_special_tokens=not special) for each in (ids, rows))
    return [text[len(start) :] for start, text in zip(before, decoded, strict=True)]


def has_chat_template(model: LanguageModel) -> bool:
    """Whether its tokenizer has a chat template; that of a base model may have one too: see `talks`."""
    return bool(getattr(model.tokenizer.tokenizer, "chat_template", None))


def chat_prompt(model: LanguageModel, messages: Sequence[Mapping[str, str]], *, prefill: str = "") -> ChatPrompt:
    """A conversation as the model's chat template writes it, up to where the assistant goes on.

    Pass it on with `special_tokens=False`: the template has put in all special tokens. What looks like one in the
    messages or the prefill stays text, as long as the prompt is passed on as it is, or with text put behind it. A model
    that thinks before it answers is told not to, where its template has a switch for it, or else finds its thinking
    closed already.

    Args:
        model: an instruct model.
        messages: `role` (system, user, assistant) and `content` of each.
        prefill: what the assistant's answer begins with.

    Raises:
        EmovecError: if the model has no chat template, or the template refuses the messages.
    """
    if not has_chat_template(model):
        raise EmovecError(
            f"model: {model.id} is a base model without a chat template; take its instruct version, or give plain text."
        )
    template = str(model.tokenizer.tokenizer.chat_template)
    switches = {name: False for name in _THINKING_SWITCHES if re.search(rf"\b{name}\b", template)}
    try:
        prompt = model.tokenizer.chat(messages, **switches)
    except Exception as error:  # templates raise errors of their own engine
        raise EmovecError(f"model: the chat template of {model.id} refuses these messages ({error}).") from error
    return _without_thinking(prompt) + prefill


def _without_thinking(prompt: ChatPrompt) -> ChatPrompt:
    """A prompt that lets an answer follow at once: with thinking closed, or in the final channel of several."""
    bare = prompt.rstrip()
    for mark, end in THINKING.items():
        if bare.endswith(mark):
            return prompt.closed(f"\n\n{end}\n\n")
    return prompt.closed("<|channel|>final<|message|>") if bare.endswith("<|start|>assistant") else prompt


def log_probabilities(
    model: LanguageModel,
    prompts: Sequence[str],
    continuations: Sequence[str],
    *,
    special_tokens: bool = True,
    batch_size: int = 8,
) -> NDArray[np.float64]:
    """[prompt]: log-probability of each continuation after its prompt, summed over its tokens, in nats.

    The two are tokenised together where the prompt's tokens stay what they are, as a reader would meet them, and
    separately otherwise.

    Raises:
        EmovecError: as in `generate`; or if a continuation has no token.
    """
    return np.array([sum(each) for each in token_log_probabilities(
        model, prompts, continuations, special_tokens=special_tokens, batch_size=batch_size
    )])  # fmt: skip


def token_log_probabilities(
    model: LanguageModel,
    prompts: Sequence[str],
    continuations: Sequence[str],
    *,
    special_tokens: bool = True,
    batch_size: int = 8,
) -> list[list[float]]:
    """The log-probability of each token of each continuation, in nats; as in `log_probabilities`."""
    before = [_ids(model, prompt, special_tokens) for prompt in prompts]
    _require_room(model, before, prompts, 0)
    after = [
        _after(model, prompt, continuation, ids, special_tokens)
        for prompt, continuation, ids in zip(prompts, continuations, before, strict=True)
    ]
    encoded = [first + last for first, last in zip(before, after, strict=True)]
    _require_room(model, encoded, prompts, 0)
    found: list[list[float]] = [[]] * len(encoded)
    for begin, rows, ids, mask in _aligned(model, encoded, batch_size):
        keep = max(len(after[begin + row]) for row in rows) + 1
        with torch.inference_mode():
            logits = model.model(
                input_ids=ids, attention_mask=mask, position_ids=own_positions(mask), use_cache=False,
                logits_to_keep=keep,
            ).logits  # fmt: skip
        logits = torch.log_softmax(_require_finite(ids, logits[:, :-1]).float(), dim=-1)
        wanted = logits.gather(-1, ids[:, 1:][:, -(keep - 1) :, None])[..., 0].cpu().double()
        for row in rows:
            found[begin + row] = wanted[row, -len(after[begin + row]) :].tolist()
    return found


def pad_left(encoded: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """[row, token] ids and attention mask, each row padded on its left with its own first token."""
    longest = max(map(len, encoded))
    ids = [[each[0]] * (longest - len(each)) + list(each) for each in encoded]
    mask = [[0] * (longest - len(each)) + [1] * len(each) for each in encoded]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def own_positions(mask: Tensor) -> Tensor:
    """[row, token]: position ids that start at each row's first own token."""
    return (mask.cumsum(1) - 1).clamp(min=0)


def _aligned(
    model: LanguageModel, encoded: Sequence[Sequence[int]], batch_size: int
) -> Iterator[tuple[int, list[int], Tensor, Tensor]]:
    """Batches of prompts: where each begins, the rows of it that count, ids and mask [row, token].

    Padding stands on the left. Many state models read it: of such a model, each run of a batch counts for the rows of
    one length, and one of them stands in the place of every other row. So each row keeps its place, at which steering
    may have a vector of its own. A model that can't generate from several rows at all gets one at a time.
    """
    if not model.behaviour.batches:
        batch_size = 1
    for begin in range(0, len(encoded), batch_size):
        batch = encoded[begin : begin + batch_size]
        lengths = sorted(set(map(len, batch)))
        if model.behaviour.pads_left or len(lengths) == 1:
            yield begin, list(range(len(batch))), *pad_left(batch, model.device)
            continue
        for length in lengths:
            rows = [row for row, ids in enumerate(batch) if len(ids) == length]
            alike = [ids if len(ids) == length else batch[rows[0]] for ids in batch]
            yield begin, rows, *pad_left(alike, model.device)


def _ids(model: LanguageModel, prompt: str, special_tokens: bool) -> list[int]:
    if special_tokens:
        return list(model.tokenizer.encode([prompt])[0].ids)
    return model.tokenizer.prompt_ids(prompt)


def _after(model: LanguageModel, prompt: str, continuation: str, ids: list[int], special_tokens: bool) -> list[int]:
    together = _ids(model, prompt + continuation, special_tokens)
    apart = together[: len(ids)] != ids or len(together) == len(ids)
    own = model.text_token_ids(continuation) if apart else together[len(ids) :]
    if not own:
        raise EmovecError(f"continuation: '{continuation}' after '…{prompt[-40:]}' has no token for {model.id}.")
    return own


def _require_room(
    model: LanguageModel, encoded: Sequence[Sequence[int]], prompts: Sequence[str], new_tokens: int
) -> None:
    for ids, prompt in zip(encoded, prompts, strict=True):
        if not ids:
            raise EmovecError("prompt: it is empty, so there is nothing to continue; give some text.")
        if model.max_tokens is not None and len(ids) + new_tokens > model.max_tokens:
            raise EmovecError(
                f"prompt: '{' '.join(prompt.split())[:40]}…' has {len(ids)} tokens, with {new_tokens} new ones more "
                f"than the {model.max_tokens} that {model.id} has positions for; shorten it."
            )


def _pad(model: LanguageModel) -> int:
    tokenizer = model.tokenizer.tokenizer
    return next((i for i in (tokenizer.pad_token_id, tokenizer.eos_token_id) if i is not None), 0)


def _before_end(model: LanguageModel, row: list[int], n_prompt: int) -> list[int]:
    """A row up to the token that ended its continuation; what comes after it is padding."""
    stops = getattr(model.model.generation_config, "eos_token_id", None)
    ends = {*(stops if isinstance(stops, list) else [stops]), model.tokenizer.tokenizer.eos_token_id}
    return row[: next((i for i, token in enumerate(row[n_prompt:], n_prompt) if token in ends), len(row))]


def _until(text: str, stop: Sequence[str]) -> str:
    return min((text.split(mark, 1)[0] for mark in stop), key=len, default=text)


def _require_finite(_ids: Tensor, logits: Tensor) -> Tensor:
    # The largest is not finite where any is not a number or infinite, and costs a single look at each.
    if not bool(torch.isfinite(logits.amax(-1)).all()):
        raise EmovecError(
            "The model's logits are no longer finite: steering this strong has blown it up; lower the strength, or set "
            "the dtype to float32."
        )
    return logits
