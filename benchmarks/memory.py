"""Peak memory of an extraction from 1,000 and from 20,000 texts: it must not grow with their number.

    python benchmarks/memory.py

A tiny random model, so that the texts and results weigh more than the weights. Each size runs in its own process.
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

SIZES = (1_000, 5_000, 20_000)


def measure(n: int, model_folder: str) -> dict[str, float]:
    """Peak memory before and after extracting `n` texts."""
    from tests.tiny_models import random_stories

    from emovec.activations.extract import extract
    from emovec.models.load import load_model

    torch.set_num_threads(1)
    model = load_model(model_folder, device="cpu")
    topics = tuple(f"t{i}" for i in range(n // 4))
    stories = random_stories(languages=("en",), topics=topics, n_neutral=0, words=(55, 90))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        extract(model, stories, folder, offset=50, batch_tokens=2048)
    return {"before": before / 1024, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    """Print one row a size."""
    root = Path(__file__).parents[1]
    sys.path.insert(0, str(root))
    if len(sys.argv) == 3:
        print(json.dumps(measure(int(sys.argv[1]), sys.argv[2])))
        return
    from tests.tiny_models import FAMILIES, save_tiny_model

    table = Table("texts", "before, MB", "peak, MB", "grown by, MB", title="Memory of an extraction, tiny model")
    with tempfile.TemporaryDirectory() as folder:
        save_tiny_model(Path(folder), FAMILIES["llama"])
        for n in SIZES:
            command = [sys.executable, __file__, str(n), folder]
            printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout
            found = json.loads(printed.splitlines()[-1])
            growth = found["peak"] - found["before"]
            table.add_row(f"{n:,}", f"{found['before']:.0f}", f"{found['peak']:.0f}", f"{growth:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
