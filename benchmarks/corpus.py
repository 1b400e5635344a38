"""Checking a large corpus: time and peak memory of the whole command, in a process of its own.

    python benchmarks/corpus.py [--stories 72000] [--tokens] [--keep FOLDER]

The stories are made of sentences of the bundled ones: 30 emotions × 100 topics × English and Japanese, each of ten
sentences drawn from those of its emotion in all three styles, with some words swapped for others; one in a hundred is a
copy of another with a tenth of its sentences changed. The time of making them is not counted.
"""

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from emovec.corpus.bundled import bundled_stories

STYLES = ("plain", "literary", "controlled")
TOPICS = 100


def sentences(text: str) -> list[str]:
    return re.findall(r"[^.!?。！？]+[.!?。！？]+[\"”」』]*\s*", text)


def swapped(sentence: str, pool: list[str], rng: random.Random, language: str) -> str:
    """A sentence with a fifth of its words, or one run of characters, taken from others."""
    other = rng.choice(pool)
    if language == "ja":
        at, width = rng.randrange(len(sentence)), 4
        return sentence[:at] + other[:width] + sentence[at + width :]
    words, others = sentence.split(" "), other.split(" ")
    return " ".join(rng.choice(others) if rng.random() < 0.2 else word for word in words)


def write_corpus(path: Path, n: int, seed: int = 0) -> int:
    rng = random.Random(seed)
    pools: dict[tuple[str, str], list[str]] = {}
    for style in STYLES:
        for story in bundled_stories(style):
            pools.setdefault((story.language, story.emotion), []).extend(sentences(story.text))
    per_cell = max(1, round(n / (len(pools) * TOPICS)))
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for (language, emotion), pool in pools.items():
            last: list[str] = []
            for topic in range(TOPICS):
                for number in range(per_cell):
                    drawn = [swapped(rng.choice(pool), pool, rng, language) for _ in range(10)]
                    if last and rng.random() < 0.01:
                        drawn = [*last[:9], drawn[0]]
                    last = drawn
                    record = {
                        "id": f"{language}-{emotion}-{topic}-{number}",
                        "language": language,
                        "emotion": emotion,
                        "topic": f"topic_{topic}",
                        "text": "".join(drawn).strip(),
                    }
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")
                    written += 1
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=72_000)
    parser.add_argument(
        "--tokens", action="store_true", help="count tokens as well, with the default model's tokenizer"
    )
    parser.add_argument("--keep", type=Path, help="folder for the corpus and the page")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        n = write_corpus(folder / "stories.jsonl", arguments.stories)
        command = [sys.executable, "-m", "emovec", "corpus", "check", str(folder / "stories.jsonl")]
        command += ["--page", str(folder / "page.html"), *([] if arguments.tokens else ["--no-tokens"])]
        started = time.perf_counter()
        code = subprocess.run(command, check=False).returncode
        seconds = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    spent = usage.ru_utime + usage.ru_stime
    print(f"{n:,} stories: {seconds:.0f} s ({spent:.0f} s of CPU), peak memory {peak:,.0f} MB, exit code {code}")


if __name__ == "__main__":
    main()
