"""Questions that begin alike: the common beginning run once, against one run for each question.

    python benchmarks/preferences.py [--models smollm2-135m-instruct gemma-3-270m] [--firsts 2] [--rounds 3]

(a) emovec: `log_probabilities_after`, the keys and values of the beginning shared by the 63 questions;
(b) one forward pass a question, as is usual: no batch, no cache, logits of the last token alone;
(c) batches of 16 padded questions without sharing.

All in one process on one thread, in turn; ratios are taken within a round, and their median is shown.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from emovec import load_model
from emovec.languages.load import load_language
from emovec.models.generate import own_positions, pad_left
from emovec.models.language_model import LanguageModel
from emovec.steering.experiments.activities import load_activities
from emovec.steering.experiments.questions import answer_tokens, questions
from emovec.steering.experiments.shared_prefix import log_probabilities_after, shared_length

Prompts = Sequence[Sequence[int]]


def one_by_one(model: LanguageModel, prompts: Prompts, tokens: Sequence[int]) -> np.ndarray:
    with torch.inference_mode():
        rows = [
            model.model(input_ids=torch.tensor([list(ids)]), use_cache=False, logits_to_keep=1).logits[0, -1]
            for ids in prompts
        ]
    return torch.log_softmax(torch.stack(rows).double(), -1)[:, list(tokens)].numpy()


def batched(model: LanguageModel, prompts: Prompts, tokens: Sequence[int]) -> np.ndarray:
    rows = []
    for begin in range(0, len(prompts), 16):
        ids, mask = pad_left(prompts[begin : begin + 16], model.device)
        with torch.inference_mode():
            rows.append(
                model.model(
                    input_ids=ids, attention_mask=mask, position_ids=own_positions(mask), use_cache=False,
                    logits_to_keep=1,
                ).logits[:, -1]
            )  # fmt: skip
    return torch.log_softmax(torch.cat(rows).double(), -1)[:, list(tokens)].numpy()


def timed(way: Callable[..., np.ndarray], model: LanguageModel, sets: Sequence[Prompts], tokens: Sequence[int]):
    started = time.perf_counter()
    found = np.concatenate([way(model, prompts, tokens) for prompts in sets])
    return time.perf_counter() - started, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["smollm2-135m-instruct", "gemma-3-270m"])
    parser.add_argument("--languages", nargs="+", default=["en", "ja"])
    parser.add_argument("--firsts", type=int, default=2, help="activities named first, each with 63 questions")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = Table(title="A question's time, on one thread")
    for column in ("model", "language", "shared", "rest", "shared run once", "one by one", "batched", "largest gap"):
        table.add_column(column)
    for name in options.models:
        model = load_model(name, device="cpu")
        for language in options.languages:
            activities = load_activities([language])
            spoken = load_language(language)
            tokens = answer_tokens(model, spoken)
            sets = [
                [question.ids for question in questions(model, spoken, [(first, b) for b in activities if b != first])]
                for first in activities[:: len(activities) // options.firsts][: options.firsts]
            ]
            log_probabilities_after(model, sets[0][:4], tokens)  # warms up
            ours, ratios, batch_ratios, gap = [], [], [], 0.0
            for _ in range(options.rounds):
                mine, found = timed(log_probabilities_after, model, sets, tokens)
                alone, reference = timed(one_by_one, model, sets, tokens)
                together, _ = timed(batched, model, sets, tokens)
                ours.append(mine)
                ratios.append(alone / mine)
                batch_ratios.append(together / mine)
                gap = max(gap, float(np.abs(found - reference).max()))
            n = sum(map(len, sets))
            shared = shared_length(sets[0])
            rest = sum(map(len, sets[0])) / len(sets[0]) - shared
            table.add_row(
                name, language, str(shared), f"{rest:.0f}", f"{1000 * statistics.median(ours) / n:.0f} ms",
                f"{statistics.median(ratios):.1f} ×", f"{statistics.median(batch_ratios):.1f} ×", f"{gap:.0e}",
            )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
