"""Checked answers with a planted effect of steering."""

import numpy as np
import pandas as pd

from emovec.steering.experiments.rule_statistics import CONDITION


def answers(shift: dict[str, float], n_prompts: int = 30, seed: int = 0, controls: int = 4) -> pd.DataFrame:
    """Answers of one language: every condition at two strengths, whose rate is the baseline's 0.5 plus a shift."""
    generator = np.random.default_rng(seed)
    names = [("emotion", "angry"), ("emotion", "calm")]
    names += [(kind, f"{kind} {i + 1}") for kind in ("random", "shuffled") for i in range(controls)]
    conditions = [("baseline", "baseline", "", -1, 0.0), ("unasked", "without the rule", "", -1, 0.0)]
    conditions += [(kind, name, "en", 3, strength) for kind, name in names for strength in (0.1, 0.2)]
    rows = [
        (
            "en",
            *condition,
            f"rule {r}",
            f"prompt {p}",
            generator.random() < 0.5 + shift.get(condition[1], 0),
            0.8,
            2.0,
            False,
        )
        for condition in conditions
        for r in range(5)
        for p in range(n_prompts)
    ]
    return pd.DataFrame(rows, columns=[*CONDITION, "rule", "prompt", "followed", "distinct", "nats", "cut"])
