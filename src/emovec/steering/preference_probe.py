"""Do activities that lie along an emotion's vector get chosen more, or less?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emovec.geometry.permutation import familywise_p_values, label_permutations, p_values
from emovec.steering.elo import Floats

PERMUTATIONS = 10_000


def correlations(projections: Floats, scores: Floats, permutations: int, seed: int) -> pd.DataFrame:
    """Pearson's r of each emotion's projections with the scores, and how often shuffled scores reach it.

    Args:
        projections: [activity, emotion].
        scores: [activity].
        permutations: B.
        seed: of the permutations.

    Returns:
        Columns r, p (two-sided), p_familywise (over emotions, from the null of the largest |r|), null_95 (of |r|) and
        n, a row for each emotion; NaN where one of the two doesn't vary.
    """
    x, y = _standardised(projections), _standardised(scores[:, None])[:, 0]
    n = len(y)
    r = x.T @ y / n
    null = np.abs(y[label_permutations(n, permutations, seed)] @ x / n)
    known = np.isfinite(r)
    p, familywise = np.full(len(r), np.nan), np.full(len(r), np.nan)
    if known.any():
        p[known] = p_values(np.abs(r[known]), null[:, known])
        familywise[known] = familywise_p_values(np.abs(r[known]), null[:, known])
    columns = {"r": r, "p": p, "p_familywise": familywise, "null_95": np.quantile(null, 0.95, axis=0)}
    return pd.DataFrame(columns).assign(n=n)


def probe_correlations(rows: pd.DataFrame, scores: Sequence[pd.DataFrame], language: str, seed: int) -> pd.DataFrame:
    """The rows of the table `preference_probe` for one language: the unsteered model's scores against projections."""
    every = pd.concat(list(scores), ignore_index=True)
    baseline = every[(every["language"] == language) & (every["kind"] == "baseline")].set_index("activity")["score"]
    projected = pd.DataFrame(rows["projections"].tolist(), index=rows["first"])
    found = correlations(
        projected.to_numpy(dtype=np.float64), baseline.loc[projected.index].to_numpy(), PERMUTATIONS, seed
    )
    found.insert(0, "emotion", list(projected.columns))
    found.insert(0, "layer", int(rows["layer"].iloc[0]))
    found.insert(0, "vector_language", str(rows["vector_language"].iloc[0]))
    found.insert(0, "language", language)
    return found


def _standardised(values: Floats) -> Floats:
    centred = values - values.mean(axis=0)
    deviation = centred.std(axis=0)
    return centred / np.where(deviation > 1e-12 * np.abs(values).max(axis=0, initial=1), deviation, np.nan)
