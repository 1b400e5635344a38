"""The batch size that runs fastest on this model and device."""

import logging
import time
from collections.abc import Sequence

import torch

from emovec.activations.batches import token_budget_batches
from emovec.models.forward import pad_right, visit_layers
from emovec.models.language_model import LanguageModel
from emovec.models.text_tokenizer import EncodedText

log = logging.getLogger(__name__)

DEFAULT = 2048
_BUDGETS = {"cpu": (1, 1024, 2048), "mps": (2048, 4096, 8192), "cuda": (4096, 8192, 16384, 32768, 65536)}
_ROUNDS = 2
_WORTH = 0.05  # of the whole work: no more than this goes into timing


def choose_batch_tokens(
    model: LanguageModel, sample: Sequence[EncodedText], layers: Sequence[int], remaining: int
) -> int:
    """Time a few batch sizes on texts of middling length and take the fastest.

    Args:
        model: the language model.
        sample: texts like those to come.
        layers: 0-based blocks to be read, ascending.
        remaining: tokens to come, roughly: a small job isn't worth the timing and gets a default.

    Returns:
        Tokens of a batch, padding counted; 1 means a text at a time.
    """
    by_length = sorted(sample, key=lambda text: len(text.ids))
    middle = by_length[len(by_length) // 4 :]
    batches: dict[int, list[EncodedText]] = {}
    for budget in _BUDGETS.get(model.device.type, _BUDGETS["mps"]):
        batch = next(token_budget_batches([len(text.ids) for text in middle], budget))
        if len(batch) not in {len(known) for known in batches.values()}:
            batches[budget] = [middle[position] for position in batch]
    timed = _ROUNDS * sum(len(text.ids) for batch in batches.values() for text in batch)
    if len(batches) < 2 or timed > _WORTH * remaining:
        return DEFAULT
    _time(model, min(batches.values(), key=len), layers)  # the first pass also warms up
    seconds = dict.fromkeys(batches, float("inf"))
    for _ in range(_ROUNDS):
        for budget, batch in batches.items():
            seconds[budget] = min(seconds[budget], _time(model, batch, layers))
    rates = {budget: sum(len(t.ids) for t in batch) / seconds[budget] for budget, batch in batches.items()}
    best = max(rates, key=lambda budget: rates[budget])
    log.info(
        "%.0f tokens a second in batches of %d tokens; about %.0f s to come", rates[best], best, remaining / rates[best]
    )
    return best


def _time(model: LanguageModel, batch: Sequence[EncodedText], layers: Sequence[int]) -> float:
    ids = pad_right(batch, model.device)
    _synchronize(model.device)
    started = time.perf_counter()
    try:
        visit_layers(model, ids, layers, lambda _layer, _hidden: None)
        _synchronize(model.device)
    except torch.OutOfMemoryError:
        return float("inf")
    return time.perf_counter() - started


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
