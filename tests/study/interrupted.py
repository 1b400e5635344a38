"""Kill a study at random moments, resume it, and compare with one that was left alone.

Run by a test in a process of its own: `python interrupted.py STUDY.yaml FOLDER KILLS`. Children are forked, so that a
kill costs no imports.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from emovec.activations.store import Activations
from emovec.pipeline.run import run_study
from emovec.study.study import Study


def vectors(study_file: Path, folder: Path) -> bytes:
    run_study(Study(study_file, out=folder), "vectors")
    return (folder / "vectors.safetensors").read_bytes()


def main() -> None:
    study_file, folder, kills = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    expected = vectors(study_file, folder / "alone")
    started = time.perf_counter()  # of a run without imports, which children don't pay for
    if vectors(study_file, folder / "again") != expected:
        sys.exit("two runs that were left alone differ")
    whole = time.perf_counter() - started
    generator = random.Random(0)
    killed = killed_midway = rounds = 0
    while killed < kills:
        rounds += 1
        target = folder / f"interrupted-{rounds}"
        for _ in range(kills):
            child = os.fork()
            if child == 0:
                run_study(Study(study_file, out=target), "vectors")
                os._exit(0)
            time.sleep(generator.uniform(0.05, 0.6) * whole)
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            if not os.WIFSIGNALED(status):
                break
            killed += 1
            if (target / "activations").is_dir() and any((target / "activations").glob("*/manifest.jsonl")):
                committed = sum(len(s.records()) for s in Activations(target / "activations").stores)
                killed_midway += committed > 0
        if vectors(study_file, target) != expected:
            sys.exit(f"after round {rounds} the vectors differ")
        if list(target.rglob("*.tmp")):
            sys.exit("leftovers of an interrupted write")
    if killed_midway < kills // 4:
        sys.exit("too few kills fell into the extraction to show anything")


main()
