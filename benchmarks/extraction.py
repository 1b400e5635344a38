"""Extraction against what users would otherwise run: tokens a second and peak memory, as ratios within one run.

    python benchmarks/extraction.py [--model gemma-3-270m] [--threads 2] [--texts 48] [--rounds 3]

The same real texts and weights, each way in a process of its own, in turn, several rounds. No way runs the head over
the vocabulary, which none of them needs:

transformer-lens  the post's loop: HookedTransformer, resid_post of every layer cached, no logits, batches of 4 in
                  arrival order; only where `pip install "transformer-lens<4"` was done, and for models that it knows
hooks             a careful notebook: the base model, a hook on each block, batches of 4 in arrival order
hidden-states     the base model with `output_hidden_states=True`, batches of 8 in arrival order
bare              the base model without a hook, sorted by length, at its own best batch shape: nothing can be faster
emovec            from texts to shards on disk, at the same batch shape
"""

import argparse
import gc
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from emovec.activations.batches import token_budget_batches
from emovec.activations.extract import extract
from emovec.corpus.bundled import bundled_stories
from emovec.corpus.story import Story
from emovec.models.blocks import block_output
from emovec.models.forward import pad_right
from emovec.models.language_model import LanguageModel
from emovec.models.load import load_model

BUDGETS = (1, 512, 1024, 2048, 4096)
WAYS = ("transformer-lens", "hooks", "hidden-states", "bare", "emovec")
SHAPED = ("bare", "emovec")
OFFSET = 50
# transformer-lens knows models by their names on the Hub; SmolLM2 is none of them.
PUBLISHED = {"gemma-3-270m": "google/gemma-3-270m"}


def like_length(n: int) -> list[Story]:
    """Bundled stories as they are: about 170 to 215 tokens."""
    stories = bundled_stories("plain", ["en", "ja"])
    return stories[:: len(stories) // n][:n]


def mixed_lengths(n: int, model: LanguageModel) -> list[Story]:
    """Texts cut from bundled stories to log-normal lengths between 60 and 600 tokens."""
    generator = np.random.default_rng(0)
    lengths = np.clip(generator.lognormal(np.log(180), 0.6, n), 60, 600).astype(int)
    source = [story.text for story in bundled_stories("plain", ["en"])]
    texts: list[Story] = []
    for i, length in enumerate(lengths):
        ids = model.text_token_ids(" ".join(source[(i * 5 + j) % len(source)] for j in range(5)))[:length]
        texts.append(Story(f"mixed-{i}", "en", "calm", None, model.tokenizer.tokenizer.decode(ids)))
    return texts


def padded(model: LanguageModel, stories: Sequence[Story]) -> tuple[torch.Tensor, list[tuple[int, int]]]:
    """Right-padded ids of a batch, and for each text the positions from its 50th own token to its end."""
    encoded = model.tokenizer.encode([story.text for story in stories])
    return pad_right(encoded, model.device), [(text.start + OFFSET, len(text.ids)) for text in encoded]


def pooled(layers: Sequence[torch.Tensor], spans: Sequence[tuple[int, int]]) -> list[torch.Tensor]:
    """For each text [layer, hidden], from the block outputs [text, token, hidden]."""
    return [torch.stack([layer[row, start:end].mean(0) for layer in layers]) for row, (start, end) in enumerate(spans)]


def hooks(model: LanguageModel, stories: Sequence[Story], batch: int = 4) -> list[torch.Tensor]:
    """A hook on each block keeps its output; the mean is taken after the pass."""
    kept: list[torch.Tensor] = []
    layers: list[torch.Tensor] = []
    handles = [
        block.register_forward_hook(lambda _module, _inputs, output: layers.append(block_output(output)))
        for block in model.blocks
    ]
    for start in range(0, len(stories), batch):
        ids, spans = padded(model, stories[start : start + batch])
        layers.clear()
        with torch.inference_mode():
            model.decoder.module(input_ids=ids, use_cache=False)
        kept += pooled(layers, spans)
    for handle in handles:
        handle.remove()
    return kept


def hidden_states(model: LanguageModel, stories: Sequence[Story], batch: int = 8) -> list[torch.Tensor]:
    """Transformers' own record of the layers; its last one is after the final norm."""
    kept: list[torch.Tensor] = []
    for start in range(0, len(stories), batch):
        ids, spans = padded(model, stories[start : start + batch])
        with torch.inference_mode():
            states = model.decoder.module(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states
        kept += pooled(states[1:], spans)
    return kept


def hooked_transformer(model: LanguageModel, name: str) -> Any:
    """The same weights as a HookedTransformer; stands in for a download by giving it the loaded model."""
    import transformers
    from transformer_lens import HookedTransformer

    # transformer-lens reads most families' configurations from the Hub, also when it is given the model.
    transformers.AutoConfig.from_pretrained = lambda *_, **__: model.model.config
    return HookedTransformer.from_pretrained_no_processing(
        PUBLISHED[name], hf_model=model.model, tokenizer=model.tokenizer.tokenizer, device="cpu", n_ctx=1024
    )


def transformer_lens(lens: Any, model: LanguageModel, stories: Sequence[Story], batch: int = 4) -> list[torch.Tensor]:
    """The post's loop, without logits."""
    kept: list[torch.Tensor] = []
    for start in range(0, len(stories), batch):
        ids, spans = padded(model, stories[start : start + batch])
        with torch.inference_mode():
            _, cache = lens.run_with_cache(
                ids, return_type=None, names_filter=lambda name: name.endswith("hook_resid_post")
            )
        kept += pooled([cache["resid_post", layer] for layer in range(model.n_layers)], spans)
    return kept


def base_model(model: LanguageModel, stories: Sequence[Story], budget: int) -> None:
    """Nothing but the forward pass."""
    encoded = model.tokenizer.encode([story.text for story in stories])
    with torch.inference_mode():
        for rows in token_budget_batches([len(text.ids) for text in encoded], budget):
            model.decoder.module(input_ids=pad_right([encoded[row] for row in rows], model.device), use_cache=False)


def emovec(model: LanguageModel, stories: Sequence[Story], budget: int) -> None:
    """Texts to shards on disk."""
    with tempfile.TemporaryDirectory() as folder:
        extract(model, stories, folder, offset=OFFSET, batch_tokens=budget)


def matrix_product_rate(seconds: float = 1.0) -> float:
    """Floating-point operations a second in a float32 product of two 1,024 × 1,024 matrices."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    n, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        torch.mm(a, b)
        n += 1
    return n * 2 * 1024**3 / (time.perf_counter() - started)


def block_operations(model: LanguageModel) -> float:
    """Floating-point operations for each token in the matrices of the blocks."""
    return 2.0 * sum(p.numel() for block in model.blocks for p in block.parameters() if p.ndim == 2)


def timed(run: Callable[[], None]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def restart_peak() -> None:
    """Let the peak of this process's memory start again from what it holds now (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """Largest memory in MB that this process has held since `restart_peak`."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def best_budget(model: LanguageModel, stories: Sequence[Story]) -> int:
    """The number of tokens in a batch at which the bare model is fastest."""
    runs = {budget: timed(lambda b=budget: base_model(model, stories, b)) for budget in BUDGETS}
    return min(runs, key=lambda budget: runs[budget])


def measure(way: str, corpus: str, options: argparse.Namespace) -> dict[str, float]:
    """One way over one corpus, in this process: tokens a second, share of the matrix-product rate, peak memory."""
    torch.set_num_threads(options.threads)
    model = load_model(options.model, device="cpu")
    stories = like_length(options.texts) if corpus == "like" else mixed_lengths(options.texts, model)
    budget = options.budget
    if way in SHAPED and not budget:
        budget = best_budget(model, stories[: max(8, options.texts // 3)])
    if way == "pair":
        emovec(model, stories[:2], 1)
        pairs = [
            (timed(lambda: base_model(model, stories, budget)), timed(lambda: emovec(model, stories, budget)))
            for _ in range(options.rounds + 2)
        ]
        return {"ratio": statistics.median(bare for bare, _ in pairs) / statistics.median(own for _, own in pairs)}
    ways: dict[str, Callable[[Sequence[Story]], object]] = {
        "hooks": lambda texts: hooks(model, texts),
        "hidden-states": lambda texts: hidden_states(model, texts),
        "bare": lambda texts: base_model(model, texts, budget),
        "emovec": lambda texts: emovec(model, texts, budget),
    }
    if way == "transformer-lens":
        lens = hooked_transformer(model, options.model)
        ways[way] = lambda texts: transformer_lens(lens, model, texts)
        require_same(transformer_lens(lens, model, stories[:2]), hooks(model, stories[:2]))
        model.blocks.to("meta")  # their weights now stand twice in memory, which is no cost of the loop
        gc.collect()
    ways[way](stories[:2])  # emovec hashes the tokenizer as well: once a process, whatever the number of texts
    tokens = sum(len(text.ids) for text in model.tokenizer.encode([story.text for story in stories]))
    restart_peak()
    loaded = peak_mb()
    seconds = timed(lambda: ways[way](stories))
    peak = peak_mb()
    return {
        "rate": tokens / seconds,
        "share": tokens / seconds * block_operations(model) / matrix_product_rate(),
        "working_mb": peak - loaded,
        "peak_mb": peak,
        "budget": budget or 0,
    }


def require_same(first: Sequence[torch.Tensor], second: Sequence[torch.Tensor]) -> None:
    """An opponent that computes something else is no opponent."""
    for a, b in zip(first, second, strict=True):
        error = float((a - b).norm(dim=-1).div(b.norm(dim=-1)).max())
        if error > 1e-3:
            raise SystemExit(f"transformer-lens and transformers differ by {error:.3g} on this model")


def main() -> None:
    """Measure all ways in turn and print one table a corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gemma-3-270m")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--texts", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=0, help="tokens of a batch for (c) and (d); 0 times a few")
    parser.add_argument("--one", nargs=2, metavar=("WAY", "CORPUS"), help="used by the benchmark itself")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one, options)))
        return
    has_lens = importlib.util.find_spec("transformer_lens") is not None and options.model in PUBLISHED
    ways = [way for way in WAYS if way != "transformer-lens" or has_lens]
    for corpus, title in (("like", "stories of like length"), ("mixed", "a mix of lengths: log-normal, 60–600 tokens")):
        compare(ways, corpus, title, options)


def run_one(way: str, corpus: str, budget: int, options: argparse.Namespace) -> dict[str, float]:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--one", way, corpus, "--budget", str(budget)]
    for name in ("model", "threads", "texts", "rounds"):
        command += [f"--{name}", str(getattr(options, name))]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(printed.splitlines()[-1])


def compare(ways: Sequence[str], corpus: str, title: str, options: argparse.Namespace) -> None:
    """Run all ways in turn and print a table of medians over the rounds."""
    results: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    budget = options.budget or int(run_one("bare", corpus, 0, options)["budget"])
    for _ in range(options.rounds):
        for way in ways:
            results[way].append(run_one(way, corpus, budget, options))

    def median(way: str, name: str) -> float:
        return statistics.median(run[name] for run in results[way])

    setting = f"{options.model}, {options.texts} texts, {title}; {options.threads} threads"
    method = f"median of {options.rounds} rounds; bare and emovec in batches of {budget} tokens"
    columns = ("way", "tokens/s", "of matrix product", "peak MB", "of these for the work", "speed of emovec", "memory")
    table = Table(*columns, title=f"{setting}; {method}")
    for way in ways:
        # What loading into transformer-lens leaves behind in memory says nothing about the loop.
        twice = way == "transformer-lens"
        table.add_row(
            way,
            f"{median(way, 'rate'):.0f}",
            f"{median(way, 'share'):.2f}",
            "–" if twice else f"{median(way, 'peak_mb'):.0f}",
            f"{median(way, 'working_mb'):.0f}",
            f"{median('emovec', 'rate') / median(way, 'rate'):.2f} ×",
            "–" if twice else f"{median('emovec', 'peak_mb') / median(way, 'peak_mb'):.2f} ×",
        )
    console = Console(width=120)
    console.print(table)
    ratio = run_one("pair", corpus, budget, options)["ratio"]
    console.print(f"speed of emovec over bare, in turn in one process: {ratio:.3f}\n")


if __name__ == "__main__":
    main()
