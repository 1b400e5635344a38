"""What steering costs in generation, against the same model without it, and against repeng and steering-vectors.

    python benchmarks/steering.py [--model gemma-3-270m] [--threads 2] [--tokens 48] [--rows 4] [--rounds 9]

All ways generate the same number of tokens greedily from the same left-padded prompts, in turn within each round, and
push the same vector at the same layer; the ratio of a way is the median over rounds of its time over that of the
unsteered model in the same round. The peers pin old libraries, so they are taken from a folder of their own where
`pip install --no-deps --target FOLDER repeng steering-vectors` has put them and PYTHONPATH names it; without them they
are left out.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from emovec.models.depth import two_thirds
from emovec.models.generate import pad_left
from emovec.models.intervene import Span, intervene, steer
from emovec.models.language_model import LanguageModel
from emovec.models.load import load_model

PROMPTS = (
    "It was late when she finally closed the door behind her, and",
    "The letter had been on the table for a week.",
    "He said nothing for a while; then he",
    "On the other side of the street the shop was opening, and people were already waiting, so",
)
STRENGTH = 0.1

Way = Callable[[], AbstractContextManager[Any]]


def run(model: LanguageModel, prompts: tuple[str, ...], tokens: int, generate: Callable[..., Any]) -> torch.Tensor:
    """[row, token]: what was generated."""
    ids, mask = pad_left([list(text.ids) for text in model.tokenizer.encode(prompts)], model.device)
    with torch.inference_mode():
        whole = generate(
            ids, attention_mask=mask, do_sample=False, temperature=None, top_p=None, top_k=None,
            max_new_tokens=tokens, min_new_tokens=tokens, pad_token_id=0,
        )  # fmt: skip
    return whole[:, ids.shape[1] :]


def peers(model: LanguageModel, vector: torch.Tensor, layer: int) -> dict[str, Way]:
    """The peers that can be imported, each as a block in which `model` is steered."""
    found: dict[str, Way] = {}
    vars(np).setdefault("float_", np.float64)  # repeng asks for a name that numpy 2 dropped
    try:
        from repeng.control import ControlModel
    except Exception as error:
        warnings.warn(f"repeng is left out: {error!r}", stacklevel=2)
    else:

        @contextmanager
        def repeng() -> Any:
            wrapped = ControlModel(model.model, [layer])
            wrapped.set_raw_control({layer: vector})
            try:
                yield
            finally:
                wrapped.unwrap()

        found["repeng"] = repeng
    try:
        from steering_vectors import SteeringVector
    except Exception as error:
        warnings.warn(f"steering-vectors is left out: {error!r}", stacklevel=2)
    else:
        found["steering-vectors"] = lambda: SteeringVector({layer: vector}).apply(model.model)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gemma-3-270m")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(options.model)
    prompts = (PROMPTS * -(-options.rows // len(PROMPTS)))[: options.rows]
    layer = two_thirds(model.n_layers)
    direction = np.random.default_rng(0).standard_normal(model.hidden_size)
    norm = 100.0
    pushed = torch.from_numpy(STRENGTH * norm * direction / np.linalg.norm(direction)).to(model.device, model.dtype)
    common: dict[str, Any] = {"layer": layer, "strength": STRENGTH, "norm": norm}
    rows = np.tile(direction, (len(prompts), 1))
    several = [intervene(direction, **{**common, "layer": list(range(layer, layer + 3))})]
    ways: dict[str, Way] = {
        "unsteered": nullcontext,
        "emovec, all tokens": lambda: steer(model, direction, **common),
        "emovec, generated tokens": lambda: steer(model, direction, positions="generated", **common),
        "emovec, a span": lambda: steer(model, direction, positions=Span(2, 6), **common),
        "emovec, a vector a row": lambda: steer(model, rows, **common),
        "emovec, three layers": lambda: steer(model, several),
        **peers(model, pushed, layer),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    texts: dict[str, torch.Tensor] = {}
    for round_number in range(options.rounds + 1):
        order = list(ways) if round_number % 2 else list(reversed(ways))
        for name in order:
            with ways[name]():
                started = time.perf_counter()
                texts[name] = run(model, prompts, options.tokens, model.model.generate)
                if round_number:  # the first warms up
                    times[name].append(time.perf_counter() - started)
    table = Table("way", "time / unsteered", "range", "same tokens as emovec")
    for name in ways:
        ratios = [a / b for a, b in zip(times[name], times["unsteered"], strict=True)]
        same = "–" if name == "unsteered" else str(torch.equal(texts[name], texts["emovec, all tokens"]))
        table.add_row(name, f"{statistics.median(ratios):.3f}", f"{min(ratios):.2f}–{max(ratios):.2f}", same)
    console = Console()
    console.print(f"{options.model}, {options.rows} rows, {options.tokens} tokens, {options.threads} threads")
    console.print(table)


if __name__ == "__main__":
    main()
