"""RSA's permutation test against what users would otherwise run, and the memory of a large study.

    python benchmarks/geometry.py [--permutations 10000] [--layers 28] [--emotions 30] [--hidden 3584] [--stories 36000]

Speed: Pearson and Spearman of two languages at every layer, in one process, in turn, several rounds:

(a) emovec: `compare_triangles`, all permutations and layers at once, with ρ_a, p-values and null quantiles;
(b) a plain numpy loop over permutations and layers, ranks taken once;
(c) rsatoolbox: one permuted RDM compared at a time, as its users do.

(b) and (c) run fewer permutations, and their time is scaled up.

Memory: the cells of one layer after another, each read from disk, and every statistic of `distances` from them.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr
from rich.console import Console
from rich.table import Table
from scipy.stats import rankdata

from emovec.geometry.representational import compare_triangles
from emovec.stats.permutation import label_permutations

LANGUAGES = ("en", "ja")
TOPICS = 100


def emovec_way(a: np.ndarray, b: np.ndarray, emotions: int, permutations: int) -> None:
    compare_triangles(a, b, range(len(a)), permutations)


def loop_way(a: np.ndarray, b: np.ndarray, emotions: int, permutations: int) -> None:
    i, j = np.triu_indices(emotions, 1)
    squares = np.zeros((2, len(b), emotions, emotions))
    squares[:, :, i, j] = squares[:, :, j, i] = b, rankdata(b, axis=1)
    ranks = rankdata(a, axis=1)
    for order in label_permutations(emotions, permutations, 0):
        i_moved, j_moved = order[i], order[j]
        for layer in range(len(a)):
            np.corrcoef(a[layer], squares[0, layer, i_moved, j_moved])
            np.corrcoef(ranks[layer], squares[1, layer, i_moved, j_moved])


def rsatoolbox_way(a: np.ndarray, b: np.ndarray, emotions: int, permutations: int) -> None:
    from rsatoolbox.rdm import RDMs, compare
    from rsatoolbox.rdm.rdms import permute_rdms

    pairs = [(RDMs(x[None]), RDMs(y[None])) for x, y in zip(a, b, strict=True)]
    for order in label_permutations(emotions, permutations, 0):
        for first, second in pairs:
            permuted = permute_rdms(second, order)
            compare(first, permuted, method="corr")
            compare(first, permuted, method="spearman")


def speed(layers: int, emotions: int, permutations: int, rounds: int) -> Table:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, layers, emotions * (emotions - 1) // 2))
    ways: list[tuple[str, Callable[..., None], int]] = [
        ("emovec", emovec_way, permutations),
        ("plain numpy loop", loop_way, min(permutations, 100)),
        ("rsatoolbox", rsatoolbox_way, min(permutations, 20)),
    ]
    seconds: dict[str, list[float]] = {name: [] for name, _, _ in ways}
    for _, way, _ in ways:
        way(a, b, emotions, 2)  # imports and first calls are nobody's fault
    for _ in range(rounds):
        for name, way, number in ways:
            start = time.perf_counter()
            way(a, b, emotions, number)
            seconds[name].append((time.perf_counter() - start) * permutations / number)
    title = f"RSA permutation test: {permutations:,} permutations, {layers} layers, {emotions} emotions"
    table = Table("way", "permutations run", "seconds, median", "times emovec's, median (range)", title=title)
    for name, _, number in ways:
        ratios = [own / ours for own, ours in zip(seconds[name], seconds["emovec"], strict=True)]
        spread = f"{statistics.median(ratios):.0f} ({min(ratios):.0f}–{max(ratios):.0f})"
        table.add_row(name, f"{number:,}", f"{statistics.median(seconds[name]):.2f}", spread)
    return table


def study_inputs(folder: Path, layers: int, emotions: int, hidden: int, stories: int):
    """A random study whose activations lie on disk as float32, one file a language, the same at every layer."""
    from emovec.geometry import Inputs
    from emovec.vectors.emotion_vectors import VECTOR_DIMS, EmotionVectors

    rng = np.random.default_rng(0)
    labels = [f"emotion{k:02}" for k in range(emotions)]
    coords = {"language": list(LANGUAGES), "emotion": labels, "layer": list(range(layers))}
    values = rng.normal(size=(len(LANGUAGES), emotions, layers, hidden)).astype("float32")
    vectors = xr.DataArray(values, dims=VECTOR_DIMS, coords=coords)
    std = xr.ones_like(vectors.isel(emotion=0, drop=True))
    counts = xr.DataArray(np.full((2, emotions), stories // emotions), dims=("language", "emotion"),
                          coords={name: coords[name] for name in ("language", "emotion")})  # fmt: skip
    own = {
        "id": ("story", np.arange(stories).astype(str)),
        "emotion": ("story", np.array(labels)[np.arange(stories) % emotions]),
        "topic": ("story", np.char.mod("topic%02d", np.arange(stories) // emotions % TOPICS)),
    }
    for language in LANGUAGES:
        file = np.lib.format.open_memmap(folder / f"{language}.npy", "w+", "float32", (stories, hidden))
        for start in range(0, stories, 1000):
            file[start : start + 1000] = rng.normal(size=(min(1000, stories - start), hidden))
        file.flush()

    def activations(layer: int, language: str) -> xr.DataArray:
        # Into memory, as activations of several shards are.
        values = np.fromfile(folder / f"{language}.npy", "float32", offset=128).reshape(stories, hidden)
        return xr.DataArray(values, dims=("story", "hidden"), coords=own | {"language": language})

    record = EmotionVectors(raw=vectors, centred=vectors, denoised=None, story_std=std,
                            residual_norm=std.mean("hidden"), counts=counts)  # fmt: skip
    return Inputs(vectors=record, activations=activations, stories=[], model=lambda: None)  # type: ignore[arg-type, return-value]


def measure(layers: int, emotions: int, hidden: int, stories: int) -> dict[str, float]:
    """Peak memory of a process that runs the analysis `distances` on a random study, and its seconds."""
    from emovec.geometry import run_analysis

    with tempfile.TemporaryDirectory() as folder:
        inputs = study_inputs(Path(folder), layers, emotions, hidden, stories)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        run_analysis("distances", inputs)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"before": before / 1024**2, "peak": peak / 1024**2, "seconds": seconds}


def memory(emotions: int, hidden: int, stories: int, layers: int) -> Table:
    """Each row in a process of its own. The peak must not grow with the layers, and may grow with the stories."""
    title = f"Memory of the distances of 2 languages, {TOPICS} topics, {emotions} emotions, {hidden:,} dimensions"
    table = Table("stories a language", "layers", "peak, GB", "seconds", title=title)
    for number, depth in ((stories // 4, 1), (stories // 4, min(4, layers)), (stories, min(2, layers))):
        command = [sys.executable, __file__, "--measure", *map(str, (depth, emotions, hidden, number))]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = json.loads(printed.splitlines()[-1])
        table.add_row(f"{number:,}", str(depth), f"{found['peak']:.2f}", f"{found['seconds']:.0f}")
    return table


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="RSA permutation tests: speed and memory.")
    for name, default in (("permutations", 10_000), ("layers", 28), ("emotions", 30), ("hidden", 3584),
                          ("stories", 36_000), ("rounds", 3)):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--measure", type=int, nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure)))
        return
    console = Console(width=110)
    console.print(speed(arguments.layers, arguments.emotions, arguments.permutations, arguments.rounds))
    console.print(memory(arguments.emotions, arguments.hidden, arguments.stories, arguments.layers))


if __name__ == "__main__":
    main()
