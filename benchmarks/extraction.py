"""Extraction against what users would otherwise run: tokens a second and peak memory, as ratios within one run.

    python benchmarks/extraction.py [--model gemma-3-270m] [--threads 2] [--texts 48] [--rounds 3]

Four ways over the same real texts and weights, in processes of their own, in turn, several rounds:

(a) the post's loop: causal model, all hidden states kept, fixed batches of 4 in arrival order, slicing story by layer;
(b) `output_hidden_states=True` with batches of 8 on the causal model;
(c) the bare base model without a hook, at its own best batch shape, on batches sorted by length;
(d) emovec, from texts to shards on disk.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from emovec.activations.batches import token_budget_batches
from emovec.activations.extract import extract
from emovec.activations.forward import pad_right
from emovec.corpus.bundled import bundled_stories
from emovec.corpus.story import Story
from emovec.models.language_model import LanguageModel
from emovec.models.load import load_model

BUDGETS = (1, 512, 1024, 2048, 4096)
WAYS = ("a", "b", "c", "d")


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


def hidden_states(model: LanguageModel, stories: Sequence[Story], batch: int, keep_all: bool) -> None:
    """Ways (a) and (b): right-padded batches in arrival order through the causal model."""
    tokenizer = model.tokenizer.tokenizer
    tokenizer.padding_side = "right"
    kept: list[torch.Tensor] = []
    for start in range(0, len(stories), batch):
        inputs = tokenizer([s.text for s in stories[start : start + batch]], return_tensors="pt", padding=True)
        with torch.no_grad():
            states = model.model(**inputs, output_hidden_states=True).hidden_states
        for row in range(len(inputs["input_ids"])):
            end = int(inputs["attention_mask"][row].sum())
            kept.append(torch.stack([layer[row, 51:end].mean(0) for layer in states[1:]]))
        if not keep_all:
            del states


def base_model(model: LanguageModel, stories: Sequence[Story], budget: int) -> None:
    """Way (c): nothing but the forward pass."""
    encoded = model.tokenizer.encode([story.text for story in stories])
    with torch.inference_mode():
        for rows in token_budget_batches([len(text.ids) for text in encoded], budget):
            model.decoder.module(input_ids=pad_right([encoded[row] for row in rows], model.device), use_cache=False)


def emovec(model: LanguageModel, stories: Sequence[Story], budget: int) -> None:
    """Way (d): texts to shards on disk."""
    with tempfile.TemporaryDirectory() as folder:
        extract(model, stories, folder, batch_tokens=budget)


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


def measure(way: str, corpus: str, options: argparse.Namespace) -> dict[str, float]:
    """One way over one corpus, in this process: tokens a second, share of the matrix-product rate, peak memory."""
    torch.set_num_threads(options.threads)
    model = load_model(options.model, device="cpu")
    stories = like_length(options.texts) if corpus == "like" else mixed_lengths(options.texts, model)
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    budget = options.budget
    if way in "cd" and not budget:
        sample = stories[: max(8, options.texts // 3)]
        runs = {b: timed(lambda b=b: base_model(model, sample, b)) for b in BUDGETS}
        budget = min(runs, key=lambda b: runs[b])
    if way == "pair":
        emovec(model, stories[:2], 1)
        pairs = [
            (timed(lambda: base_model(model, stories, budget)), timed(lambda: emovec(model, stories, budget)))
            for _ in range(options.rounds + 2)
        ]
        return {"ratio": statistics.median(c for c, _ in pairs) / statistics.median(d for _, d in pairs)}
    ways = {
        "a": lambda: hidden_states(model, stories, 4, keep_all=True),
        "b": lambda: hidden_states(model, stories, 8, keep_all=False),
        "c": lambda: base_model(model, stories, budget),
        "d": lambda: emovec(model, stories, budget),
    }
    warm_up = stories[:2]
    if way in "ab":
        hidden_states(model, warm_up, 2, keep_all=False)
    elif way == "c":
        base_model(model, warm_up, 1)
    else:
        emovec(model, warm_up, 1)  # hashes the tokenizer as well: once a process, whatever the number of texts
    seconds = timed(ways[way])
    tokens = sum(len(text.ids) for text in model.tokenizer.encode([story.text for story in stories]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "rate": tokens / seconds,
        "share": tokens / seconds * block_operations(model) / matrix_product_rate(),
        "working_mb": (peak - loaded) / 1024,
        "peak_mb": peak / 1024,
        "budget": budget or 0,
    }


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
    console = Console(width=120)
    for corpus, title in (("like", "stories of like length"), ("mixed", "a mix of lengths: log-normal, 60–600 tokens")):
        results: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        budget = options.budget
        command: list[str] = []
        for _ in range(options.rounds):
            for way in WAYS:
                command = [sys.executable, __file__, "--one", way, corpus, "--budget", str(budget)]
                for name in ("model", "threads", "texts"):
                    command += [f"--{name}", str(getattr(options, name))]
                printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                results[way].append(json.loads(printed.splitlines()[-1]))
                # (c) finds the best shape; (d) then gets the same.
                budget = budget or int(results[way][-1]["budget"])
        rate = {way: statistics.median(r["rate"] for r in runs) for way, runs in results.items()}
        peak = {way: statistics.median(r["peak_mb"] for r in runs) for way, runs in results.items()}
        columns = ("way", "tokens/s", "of matrix product", "peak MB", "above the loaded model, MB")
        setting = f"{options.model}, {options.texts} texts, {title}; {options.threads} threads"
        method = f"median of {options.rounds} rounds; (c) and (d) in batches of {budget} tokens"
        table = Table(*columns, "speed of a", "memory of a", title=f"{setting}; {method}")
        for way, runs in results.items():
            table.add_row(
                way,
                f"{rate[way]:.0f}",
                f"{statistics.median(r['share'] for r in runs):.2f}",
                f"{peak[way]:.0f}",
                f"{statistics.median(r['working_mb'] for r in runs):.0f}",
                f"{rate[way] / rate['a']:.2f}",
                f"{peak[way] / peak['a']:.2f}",
            )
        console.print(table)
        command[command.index("--one") + 1] = "pair"
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        ratio = json.loads(printed.splitlines()[-1])["ratio"]
        console.print(f"speed of d over c, in turn in one process: {ratio:.3f}\n")


if __name__ == "__main__":
    main()
