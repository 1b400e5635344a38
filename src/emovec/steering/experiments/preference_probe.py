"""Do activities that lie along an emotion's vector get chosen more, or less?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emovec.languages.norms import MINIMUM_RATED
from emovec.stats.bradley_terry import Floats
from emovec.stats.permutation import familywise_p_values, label_permutations, null_bound, p_values

PERMUTATIONS = 10_000
CONTROL = r"(?:random|shuffled) \d+$"
"""Names of directions without emotion."""


def correlations(
    projections: Floats, scores: Floats, permutations: int, seed: int, kinds: NDArray[Any] | None = None
) -> pd.DataFrame:
    """Pearson's r of each emotion's projections with the scores, and how often shuffled scores reach it.

    Args:
        projections: [activity, emotion].
        scores: [activity].
        permutations: B.
        seed: of the permutations.
        kinds: [activity] kinds to shuffle within: r is then that of deviations from the kinds' means. Any direction
            that tells kinds apart goes with scores that differ between them.

    Returns:
        Columns r, p (two-sided), p_familywise (over emotions, from the null of the largest |r|), null_95 (of |r|) and
        n, a row for each emotion; NaN where one of the two doesn't vary, and where there are fewer than ten activities.
    """
    n = len(scores)
    if n < MINIMUM_RATED:
        untested = np.full(projections.shape[1], np.nan)
        return pd.DataFrame(dict.fromkeys(("r", "p", "p_familywise", "null_95"), untested)).assign(n=n)
    if kinds is None:
        orders = label_permutations(n, permutations, seed)
    else:
        projections, scores = (_within(values, kinds) for values in (projections, scores))
        orders = _within_kinds(kinds, permutations, seed)
    x, y = _standardised(projections), _standardised(scores[:, None])[:, 0]
    r = x.T @ y / n
    null = np.abs(y[orders] @ x / n)
    known = np.isfinite(r)
    p, familywise = np.full(len(r), np.nan), np.full(len(r), np.nan)
    if known.any():
        p[known] = p_values(np.abs(r[known]), null[:, known])
        familywise[known] = familywise_p_values(np.abs(r[known]), null[:, known])
    columns = {"r": r, "p": p, "p_familywise": familywise, "null_95": null_bound(null)}
    return pd.DataFrame(columns).assign(n=n)


def probe_correlations(rows: pd.DataFrame, scores: Sequence[pd.DataFrame], language: str, seed: int) -> pd.DataFrame:
    """The rows of the table `preference_probe` for one language: the unsteered model's scores against projections.

    `p_kinds` is family-wise, of scores shuffled within kinds of activities; `control` the largest |r| of a direction
    without emotion, NaN where none was projected on.
    """
    every = pd.concat(list(scores), ignore_index=True)
    baseline = every[(every["language"] == language) & (every["kind"] == "baseline")].set_index("activity")
    projected = pd.DataFrame(rows["projections"].tolist(), index=rows["first"])
    liked = baseline.loc[projected.index, "score"].to_numpy(np.float64)
    kinds = np.unique(baseline.loc[projected.index, "category"], return_inverse=True)[1]
    control = projected.columns.str.match(CONTROL)
    beside = correlations(projected.loc[:, control].to_numpy(np.float64), liked, 1, seed)["r"].abs().max()
    own = projected.loc[:, ~control].to_numpy(np.float64)
    found = correlations(own, liked, PERMUTATIONS, seed)
    found["p_kinds"] = correlations(own, liked, PERMUTATIONS, seed, kinds)["p_familywise"]
    found["control"] = beside
    found.insert(0, "emotion", list(projected.columns[~control]))
    found.insert(0, "layer", int(rows["layer"].iloc[0]))
    found.insert(0, "vector_language", str(rows["vector_language"].iloc[0]))
    found.insert(0, "language", language)
    return found


def _within(values: Floats, kinds: NDArray[Any]) -> Floats:
    members = np.eye(kinds.max() + 1)[kinds]
    return values - members @ ((members / members.sum(axis=0)).T @ values)


def _within_kinds(kinds: NDArray[Any], permutations: int, seed: int) -> NDArray[np.intp]:
    """[permutation, activity]: orders that exchange activities of one kind only."""
    drawn = np.random.default_rng(seed).random((permutations, len(kinds)))
    orders = np.empty(drawn.shape, np.intp)
    orders[:, np.argsort(kinds, kind="stable")] = np.argsort(kinds + drawn, axis=1)
    return orders


def _standardised(values: Floats) -> Floats:
    centred = values - values.mean(axis=0)
    deviation = centred.std(axis=0)
    return centred / np.where(deviation > 1e-12 * np.abs(values).max(axis=0, initial=1), deviation, np.nan)
