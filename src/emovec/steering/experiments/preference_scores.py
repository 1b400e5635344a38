"""From the choices of a condition to scores, and to what changed against the unsteered model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from emovec.stats.bradley_terry import Floats, bradley_terry, interval, resampled, sequential_elo
from emovec.stats.contrasts import strata
from emovec.steering.experiments.activities import Activity, categories

BOOTSTRAPS = 300
K = 16.0
_PLACE = ["language", "design", "strength"]


@dataclass(frozen=True)
class Games:
    """The choices of one condition.

    Attributes:
        wins: [first, second] probability of the first among the two; NaN where not asked.
        mass: [first, second] probability of A and B together; NaN likewise.
    """

    wins: Floats
    mass: Floats

    @classmethod
    def of(cls, rows: pd.DataFrame, activities: Sequence[Activity]) -> "Games":
        """Matrices in the order of the activities, from rows of `measure`."""
        place = {activity.id: i for i, activity in enumerate(activities)}
        wins, mass = (np.full((len(place), len(place)), np.nan) for _ in range(2))
        for first, seconds, log_odds, masses in zip(
            rows["first"], rows["second"], rows["log_odds"], rows["mass"], strict=True
        ):
            at = [place[second] for second in seconds]
            wins[place[first], at] = 0.5 * (1 + np.tanh(np.asarray(log_odds, dtype=np.float64) / 2))
            mass[place[first], at] = masses
        return cls(wins, mass)

    def only(self, asked: NDArray[np.bool_]) -> "Games":
        """Without the pairs that another condition was not asked."""
        return Games(np.where(asked, self.wins, np.nan), np.where(asked, self.mass, np.nan))


def summarise_condition(
    games: Games, baseline: Games, activities: Sequence[Activity], half: NDArray[np.bool_] | None, seed: int
) -> dict[str, pd.DataFrame]:
    """Scores and changes of one condition, with intervals by bootstrap over activities.

    Both models are fitted to the same pairs and the same draws. In the half design the unsteered half is where it was
    without steering, so that the steered half's mean shift is told from everyone's. `change_sequential` is the change
    of the sequential ratings: it depends on the order of the games as well, the same one with and without steering.

    Args:
        games: of the condition.
        baseline: of the unsteered model.
        activities: in the order of the matrices.
        half: [activity] the steered half; None where every token is steered.
        seed: of the bootstrap and of the order of the sequential ratings.

    Returns:
        The parts of the tables `preference_scores`, `preference_changes`, `preference_shift` and `preference_bias`.
    """
    kinds = np.array([activity.category for activity in activities])
    drawn_within = strata(kinds, half)
    stratum = int(np.unique(drawn_within, return_counts=True)[1].min())
    draws = resampled(drawn_within, BOOTSTRAPS, seed)
    counts = np.concatenate([np.ones((1, len(kinds))), draws])
    before = baseline.only(~np.isnan(games.wins))
    fitted, fitted_before = bradley_terry(games.wins, weights=counts), bradley_terry(before.wins, weights=counts)
    scores, scores_before = fitted.scores, fitted_before.scores
    if half is not None:
        still = counts * ~half
        moved = ((scores - scores_before) * still).sum(1) / still.sum(1)
        scores = scores - moved[:, None]
    counted = np.where(counts > 0, counts, np.nan)
    ratings = sequential_elo(games.wins, k=K, seed=seed)
    told = _score_table(activities, half, scores, counts, stratum).assign(
        sequential=ratings, change=math.nan if games is baseline else scores[0] - scores_before[0]
    )
    tables = {"preference_scores": told, "preference_bias": _bias(games, float(fitted.first[0]))}
    if games is baseline:
        return tables
    change = (scores - scores_before) * counted
    # The same games in the same order, so that what the order does to both drops out as far as it can.
    rated = ratings - sequential_elo(before.wins, k=K, seed=seed)
    rated -= 0.0 if half is None else rated[~half].mean()
    judged = np.ones(len(kinds), dtype=bool) if half is None else half
    members = {category: judged & (kinds == category) for category in categories(activities)}
    tables["preference_changes"] = pd.DataFrame(
        {
            "category": category,
            **_mean(change, counted, own, int(own.sum()), stratum),
            "change_sequential": float(rated[own].mean()),
        }
        for category, own in members.items()
        if own.any()
    )
    if half is not None:
        n = int(min(half.sum(), (~half).sum()))
        tables["preference_shift"] = pd.DataFrame([_mean(change, counted, half, n, stratum)])
    return tables


def _score_table(
    activities: Sequence[Activity],
    half: NDArray[np.bool_] | None,
    scores: NDArray[np.float64],
    counts: NDArray[np.float64],
    stratum: int,
) -> pd.DataFrame:
    """Each activity's score with its interval; scores and counts are [draw, activity], the first of them all games."""
    drawn = np.where(counts[1:] > 0, scores[1:], np.nan)
    ends = [interval(scores[0, i], drawn[:, i], len(activities), stratum) for i in range(len(activities))]
    return pd.DataFrame(
        {
            "activity": [activity.id for activity in activities],
            "category": [activity.category for activity in activities],
            "text": [activity.text for activity in activities],
            "steered": True if half is None else half,
            "score": scores[0],
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
        }
    )


def changes_of(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Sets the controls beside the changes, and asks whether emotions as a group go beyond them.

    `preference_changes` and `preference_shift` gain a column `control`: the largest absolute change under any control
    of the same language, design and strength (in any category). `preference_effects` has a row for each of those: the
    root mean square of the changes over categories, averaged over emotions and over controls, and the one-sided p of a
    rank test (Mann & Whitney 1947) of the emotions' against the controls'.
    """
    tables = dict(tables)
    for name in ("preference_changes", "preference_shift"):
        table = tables[name]
        if table.empty:
            continue
        controls = table[table["kind"].isin(["random", "shuffled"])]
        largest = controls.assign(control=controls["change"].abs()).groupby(_PLACE)["control"].max()
        tables[name] = table.join(largest, on=_PLACE)
    rows: list[dict[str, Any]] = []
    sources = (("categories", tables["preference_changes"]), ("shift", tables["preference_shift"]))
    for measure, table in sources:
        if table.empty:
            continue
        for place, group in table.groupby(_PLACE, sort=False):
            size = group.groupby(["kind", "name"])["change"].apply(lambda changes: float(np.sqrt((changes**2).mean())))
            kinds = size.index.get_level_values("kind")
            emotions, controls = size[kinds == "emotion"], size[kinds != "emotion"]
            p = mannwhitneyu(emotions, controls, alternative="greater").pvalue if len(controls) else np.nan
            rows.append(
                {
                    **dict(zip(_PLACE, place, strict=True)), "measure": measure, "emotions": emotions.mean(),
                    "controls": controls.mean() if len(controls) else np.nan, "n_emotions": len(emotions),
                    "n_controls": len(controls), "p": float(p),
                }
            )  # fmt: skip
    tables["preference_effects"] = pd.DataFrame(rows, columns=_EFFECTS)
    return tables


_EFFECTS = [*_PLACE, "measure", "emotions", "controls", "n_emotions", "n_controls", "p"]


def _mean(change: Floats, counted: Floats, members: NDArray[np.bool_], n: int, stratum: int) -> dict[str, Any]:
    """The members' mean change, each weighted as often as it was drawn, and its interval over the draws."""
    with np.errstate(invalid="ignore"):  # a draw may hold none of them; it then doesn't count
        means = np.nansum(change[:, members], axis=1) / np.nansum(counted[:, members], axis=1)
    low, high = interval(float(means[0]), means[1:], n, stratum)
    return {"change": float(means[0]), "low": low, "high": high, "n_activities": int(members.sum())}


def _bias(games: Games, first: float) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "share_a": float(np.nanmean(games.wins)),
                "first": first,
                "mass": float(np.nanmean(games.mass)),
                "mass_least": float(np.nanmin(games.mass)),
                "n_questions": int(np.isfinite(games.wins).sum()),
            }
        ]
    )
