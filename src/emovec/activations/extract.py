"""Extraction: run the texts through the model, shard by shard, and keep the mean residual stream of each."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from emovec.activations.batches import token_budget_batches
from emovec.activations.plan import PlannedShard, Recipe, plan, source, unusable
from emovec.activations.pooling import first_pooled, pool
from emovec.activations.store import SOURCE, Activations, ShardRecord, ShardStore, layer_name, store_folder, store_name
from emovec.activations.tuning import choose_batch_tokens
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.files import read_json, write_json
from emovec.models.forward import pad_right, visit_layers
from emovec.models.language_model import LanguageModel
from emovec.models.locate import model_name
from emovec.models.text_tokenizer import EncodedText

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called after each batch with the texts and the bytes of text (UTF-8) that are newly done."""


def extract(
    model: LanguageModel,
    stories: Sequence[Story],
    folder: str | Path,
    *,
    offset: float = 50,
    layers: Literal["all"] | Sequence[int] = "all",
    sink_threshold: float | None = 10,
    store_dtype: Literal["float32", "bfloat16"] = "float32",
    batch_tokens: Literal["auto"] | int = "auto",
    shard_size: int = 256,
    progress: Progress | None = None,
) -> Activations:
    """Extract the mean residual stream of every text, resuming what an earlier call left undone.

    Args:
        model: the language model.
        stories: texts with an emotion, and neutral ones, in any number of languages.
        folder: where the shards go; shards of other texts or settings in it are dropped.
        offset: own tokens left out at the start of each text; below 1, a fraction of the text.
        layers: 0-based blocks, or `all`.
        sink_threshold: leave out tokens whose norm exceeds this multiple of the text's median; None keeps all.
        store_dtype: floating-point type on disk.
        batch_tokens: tokens of a batch, padding counted; `auto` times a few.
        shard_size: stories of a shard.
        progress: called after each batch.

    Raises:
        EmovecError: if a result is not finite, the disk is full, or no text of a language is long enough.
    """
    threshold = None if sink_threshold is None else float(sink_threshold)  # 10 and 10.0 are one recipe
    recipe = Recipe(float(offset), "all" if isinstance(layers, str) else tuple(layers), threshold, store_dtype)
    groups: dict[str, list[Story]] = {}
    for story in stories:
        groups.setdefault(store_name(story), []).append(story)
    folder = Path(folder)
    folders = {name: store_folder(folder, name) for name in groups}
    origin = source(model, recipe, stories)
    _tell_change(read_json(folder / SOURCE), origin)
    write_json(folder / SOURCE, origin)
    todo: list[tuple[ShardStore, PlannedShard]] = []
    for name, group in groups.items():
        store = ShardStore(folders[name])
        planned = plan(group, model, recipe, shard_size)
        done = store.keep_only([shard.key for shard in planned])
        finished = [shard for shard in planned if shard.key in done]
        if progress and finished:
            progress(*_amount([story for shard in finished for story in shard.stories]))
        todo.extend((store, shard) for shard in planned if shard.key not in done)
    if todo:
        _announce(model, todo, recipe)
        if batch_tokens == "auto":
            batch_tokens = _batch_tokens(model, todo, recipe, folder)
    for store, shard in todo:
        assert batch_tokens != "auto"
        _extract_shard(model, shard, store, recipe, batch_tokens, progress)
    for name in groups:
        _require_texts(ShardStore(folders[name]), recipe)
    return Activations(folder)


def _tell_change(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Say which settings differ from those of the activations that are there, and are about to be replaced."""
    if not before:
        return
    was, is_now = ({**part, **part.get("pooling", {})} for part in (before, now))
    was["model"] = model_name(str(was.get("model")))  # up to version 0.3 it held a path
    settings = ("model", "revision", "dtype", "layers", "offset", "sink_threshold", "store_dtype")
    changed = [f"{name} {was.get(name)} → {is_now[name]}" for name in settings if was.get(name) != is_now[name]]
    if changed:
        log.warning("Activations made with other settings are replaced: %s", "; ".join(changed))


def _announce(model: LanguageModel, todo: Sequence[tuple[ShardStore, PlannedShard]], recipe: Recipe) -> None:
    """Say what the extraction will cost; tokens are estimated from the first texts of each language."""
    tokens = 0.0
    for name in dict.fromkeys(store.name for store, _ in todo):
        stories = [story for store, shard in todo if store.name == name for story in shard.stories]
        sample = stories[:16]
        n_own = sum(text.n_own for text in model.tokenizer.encode([story.text for story in sample]))
        tokens += n_own / max(1, _amount(sample)[1]) * _amount(stories)[1]
    n_texts = sum(len(shard.stories) for _, shard in todo)
    width = 2 if recipe.store_dtype == "bfloat16" else 4
    size = n_texts * len(recipe.layers_of(model)) * model.hidden_size * width
    log.info("%d texts to extract: about %s tokens; %.0f MB on disk", n_texts, f"{round(tokens, -3):,.0f}", size / 1e6)


def _batch_tokens(
    model: LanguageModel, todo: Sequence[tuple[ShardStore, PlannedShard]], recipe: Recipe, folder: Path
) -> int:
    """The batch size with which an interrupted extraction began, or else the fastest of a few on the first texts."""
    known = [r.facts.get("batch_tokens") for p in folder.glob("*") if p.is_dir() for r in ShardStore(p).records()]
    if known and known[-1]:
        return int(known[-1])
    remaining = sum(_amount(shard.stories)[1] for _, shard in todo)
    sample = model.tokenizer.encode([story.text for story in todo[0][1].stories])
    return choose_batch_tokens(model, sample, recipe.layers_of(model), remaining // 4)


def _amount(stories: Sequence[Story]) -> tuple[int, int]:
    return len(stories), sum(len(story.text.encode()) for story in stories)


@dataclass(frozen=True)
class _Results:
    """Pooled activations of a shard's texts: one row for each text, NaN until its batch has run."""

    means: np.ndarray  # [text, layer, hidden]
    n_pooled: np.ndarray  # [text, layer]
    n_sinks: np.ndarray  # [text, layer]
    token_norm: np.ndarray  # [text, layer]

    @classmethod
    def empty(cls, n_texts: int, n_layers: int, hidden: int) -> "_Results":
        """Of no text yet."""
        shape = (n_texts, n_layers)
        return cls(
            np.full((*shape, hidden), np.nan, np.float32),
            np.zeros(shape, np.int32),
            np.zeros(shape, np.int32),
            np.full(shape, np.nan, np.float32),
        )


def _extract_shard(
    model: LanguageModel,
    shard: PlannedShard,
    store: ShardStore,
    recipe: Recipe,
    batch_tokens: int,
    progress: Progress | None,
) -> None:
    started = time.perf_counter()
    layers = recipe.layers_of(model)
    encoded = model.tokenizer.encode([story.text for story in shard.stories])
    reasons = [unusable(text, recipe, model.max_tokens) for text in encoded]
    rows = [row for row, reason in enumerate(reasons) if reason is None]
    if progress:
        progress(*_amount([shard.stories[row] for row in range(len(reasons)) if reasons[row]]))
    results = _Results.empty(len(encoded), len(layers), model.hidden_size)
    for batch in token_budget_batches([len(encoded[row].ids) for row in rows], batch_tokens):
        batch_rows = [rows[position] for position in batch]
        _run_batch(model, encoded, batch_rows, layers, recipe, results)
        _require_finite(shard.stories, batch_rows, layers, results, model)
        if progress:
            progress(*_amount([shard.stories[row] for row in batch_rows]))
    for row in rows:
        if (results.n_pooled[row] == 0).any():
            reasons[row] = "every token past the offset is an attention sink at some layer"
    kept = [row for row, reason in enumerate(reasons) if reason is None]
    dtype = getattr(torch, recipe.store_dtype)
    tensors = {
        layer_name(layer): torch.from_numpy(results.means[kept, position]).to(dtype)
        for position, layer in enumerate(layers)
    }
    tensors["n_tokens"] = torch.tensor([encoded[row].n_own for row in kept], dtype=torch.int32)
    tensors["n_pooled"] = torch.from_numpy(results.n_pooled[kept])
    tensors["n_sinks"] = torch.from_numpy(results.n_sinks[kept])
    tensors["token_norm"] = torch.from_numpy(results.token_norm[kept])
    labels = [[s.id, s.emotion, s.topic or ""] for s in (shard.stories[row] for row in kept)]
    skipped = [{"id": shard.stories[row].id, "reason": reason} for row, reason in enumerate(reasons) if reason]
    record = ShardRecord(
        shard=shard.shard,
        key=shard.key,
        file=f"shard-{shard.shard:05d}.safetensors",
        sha256="",
        stories=len(kept),
        tokens=sum(encoded[row].n_own for row in kept),
        sinks=int(results.n_sinks[kept].sum()),
        skipped=skipped,
        facts={
            "device": str(model.device),
            "dtype": str(model.dtype).removeprefix("torch."),
            "batch_tokens": batch_tokens,
            "threads": torch.get_num_threads(),
            "seconds": round(time.perf_counter() - started, 2),
        },
    )
    store.commit(record, tensors, {"stories": labels, "hook_point": "resid_post"})


def _run_batch(
    model: LanguageModel,
    encoded: Sequence[EncodedText],
    rows: Sequence[int],
    layers: Sequence[int],
    recipe: Recipe,
    results: _Results,
) -> None:
    """Run one batch, halving it as long as the accelerator's memory doesn't hold it; fills the rows of `results`."""
    texts = [encoded[row] for row in rows]
    ids = pad_right(texts, model.device)
    position = torch.arange(ids.shape[1], device=ids.device)[None]
    start = torch.tensor([[text.start] for text in texts], device=ids.device)
    end = torch.tensor([[len(text.ids)] for text in texts], device=ids.device)
    skipped = torch.tensor([[first_pooled(text.n_own, recipe.offset)] for text in texts], device=ids.device)
    own = (position >= start) & (position < end)
    counted = own & (position >= start + skipped)
    # One buffer for all layers: means, then counts and norms, so that a batch costs one copy from the device.
    hidden_size = model.hidden_size
    buffer = torch.full((len(texts), len(layers), hidden_size + 3), torch.nan, device=ids.device)

    def keep(layer: int, hidden: torch.Tensor) -> None:
        pooled = pool(hidden, own.to(hidden.device), counted.to(hidden.device), recipe.sink_threshold)
        buffer[:, layer, :hidden_size] = pooled.mean
        buffer[:, layer, hidden_size] = pooled.n_pooled
        buffer[:, layer, hidden_size + 1] = pooled.n_sinks
        buffer[:, layer, hidden_size + 2] = pooled.token_norm

    fits = True
    try:
        visit_layers(model, ids, layers, keep)
    except torch.OutOfMemoryError as error:
        if len(rows) == 1:
            raise EmovecError(
                f"The memory of {model.device} is too small for one text of {len(texts[0].ids)} tokens; set "
                "extraction.dtype: bfloat16, or extraction.device: cpu."
            ) from error
        fits = False
    if not fits:  # outside of `except`, whose traceback would hold on to the memory of the failed pass
        del buffer, keep
        half = len(rows) // 2
        log.warning("A batch of %d texts does not fit into memory; trying %d", len(rows), half)
        for part in (rows[:half], rows[half:]):
            _run_batch(model, encoded, part, layers, recipe, results)
        return
    values = buffer.cpu().numpy()
    results.means[rows] = values[..., :hidden_size]
    results.n_pooled[rows] = values[..., hidden_size]
    results.n_sinks[rows] = values[..., hidden_size + 1]
    results.token_norm[rows] = values[..., hidden_size + 2]


def _require_finite(
    stories: Sequence[Story], rows: Sequence[int], layers: Sequence[int], results: _Results, model: LanguageModel
) -> None:
    means, n_pooled = results.means[rows], results.n_pooled[rows]
    bad = ~np.isfinite(means).all(axis=-1) & (n_pooled > 0) | ~np.isfinite(results.token_norm[rows])
    if bad.any():
        row, layer = (int(i[0]) for i in np.nonzero(bad))
        raise EmovecError(
            f"Story '{stories[rows[row]].id}' gives activations that are not finite at layer {layers[layer]} "
            f"({str(model.dtype).removeprefix('torch.')}); set extraction.dtype to bfloat16 or float32. "
            "Finished shards are kept."
        )


def _require_texts(store: ShardStore, recipe: Recipe) -> None:
    records = store.records()
    if not any(record.stories for record in records):
        reason = next((skip["reason"] for record in records for skip in record.skipped), "no texts")
        raise EmovecError(
            f"No text of '{store.name}' can be used (the first: {reason}); lower extraction.offset (now "
            f"{recipe.offset:g}; below 1 it is a fraction of each text) or bring longer texts."
        )
