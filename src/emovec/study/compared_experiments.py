"""What two studies' experiments on preferences and rules have in common, and how far their results differ."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emovec.stats.bradley_terry import MEAN
from emovec.stats.clustered import mean_interval, mean_p_value
from emovec.stats.contrasts import contrast, holm, strata
from emovec.stats.resampling import jackknife_interval
from emovec.study.results import StudyTables

_FEWEST = 4
"""Fewest activities for a correlation between two models."""
_STEERING = ["design", "emotion", "vector_language", "strength"]
_STEERED = _STEERING[1:]
_UNSTEERED = {"design": "", "emotion": "", "vector_language": "", "strength": 0.0}
_ACTIVITY = ["language", "activity", "category", "text"]
_REQUEST = ["language", "rule", "prompt", "request"]
_DIFFERENCE = ["a", "b", "difference", "low", "high", "p", "p_familywise"]

TABLES = {
    "activities": [*_ACTIVITY, "score_a", "score_b"],
    "preference_agreement": ["language", "within", "r", "low", "high", "n_activities"],
    "preferences": [
        *("language", "measure", *_STEERING, "category", *_DIFFERENCE, "control_a", "control_b", "n_activities")
    ],
    "rules": [
        *("language", "measure", *_STEERED, "rule", *_DIFFERENCE, "control_a", "control_b", "n_answers", "n_prompts")
    ],
}
"""Columns of the tables, each after `study_a` and `study_b`."""


@dataclass(frozen=True)
class ComparedExperiments:
    """Every two studies' preferences and rules side by side; a table is empty where no two have what it takes.

    Scores of two models are set beside each other on the activities that both were asked about, 1500 being their mean.
    What steering changes is compared where both were steered by the same emotion at the same strength, whatever the
    layer. Differences are the second study's values minus the first's. Intervals are of 95 %. `p_familywise` is
    corrected for the number of rows of the same studies, language, measure and design (Holm 1979); the rate of all
    rules together is a single test.

    Attributes:
        activities: the unsteered scores of each activity.
        preference_agreement: their correlation, over all activities and within categories.
        preferences: by category the mean unsteered score (measure `score`), and what steering changes (`change`); and
            the mean shift of the steered half (`shift`). The interval is for other activities of the same kinds, each
            model's scores of one taken together. `control_a` and `control_b`: each study's largest change of a control.
        rules: share of answers that keep their rules (measure `rate`; of all rules, `rule` then being empty, and of
            each), and what steering changes (`change`). The interval is for other prompts under the same rules.
        scope: what was compared and what was left out, in a sentence each.
    """

    activities: pd.DataFrame
    preference_agreement: pd.DataFrame
    preferences: pd.DataFrame
    rules: pd.DataFrame
    scope: Sequence[str]


def compare_experiments(studies: Sequence[tuple[str, StudyTables]]) -> ComparedExperiments:
    """Compare every two of some studies, each given with its name."""
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    scope: list[str] = []
    for (name_a, a), (name_b, b) in combinations(studies, 2):
        found = _preferences(a, b) | {"rules": _rules(a, b)}
        for table, rows in found.items():
            parts[table].append(pd.DataFrame(rows, columns=TABLES[table]))
            parts[table][-1].insert(0, "study_b", name_b)
            parts[table][-1].insert(0, "study_a", name_a)
        for experiment, table in (("preferences", "preference_scores"), ("rules", "rule_answers")):
            scope += _scope(experiment, table, (name_a, a), (name_b, b))
    whole = {name: [each for each in found if len(each)] or found[:1] for name, found in parts.items()}
    return ComparedExperiments(**{n: pd.concat(f, ignore_index=True) for n, f in whole.items()}, scope=scope)


# ── preferences ──


def _preferences(a: StudyTables, b: StudyTables) -> dict[str, Any]:
    both = _joined(a, b, "preference_scores", [*_ACTIVITY, "design", "steered"])
    if both.empty:
        return {"activities": [], "preference_agreement": [], "preferences": []}
    activities: list[pd.DataFrame] = []
    agreement: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for language, own in both.groupby("language", sort=False):
        base = own[own["kind"] == "baseline"].copy()
        for end in "ab":
            base[f"score_{end}"] += MEAN - base[f"score_{end}"].mean()
        activities.append(base[TABLES["activities"]])
        agreement += [{"language": language, **each} for each in _agreement(base)]
        found = list(_by_category(base, "score"))
        steered = own[own["kind"] == "emotion"].rename(columns={"name": "emotion"})
        for key, condition in steered.groupby(_STEERING, sort=False):
            place = dict(zip(_STEERING, key, strict=True))
            found += [place | each for each in _by_category(condition, "change")]
        rows += [{"language": language, **_UNSTEERED, **each} for each in found]
    table = _corrected(pd.DataFrame(rows), ["language", "measure", "design"])
    return {
        "activities": pd.concat(activities),
        "preference_agreement": agreement,
        "preferences": _beside_controls(
            table, a, b, "control", {"change": "preference_changes", "shift": "preference_shift"}
        ),
    }


def _by_category(both: pd.DataFrame, value: str) -> Iterator[dict[str, Any]]:
    """Each category's mean in both studies and its difference; with halves the mean shift of the steered one as well.

    Scores have no zero, so a mean is taken against that of all activities, or against that of the unsteered half.
    """
    kinds, judged = both["category"].to_numpy(str), both["steered"].to_numpy(bool)
    half = judged if (both["design"] == "half").any() else None
    within = strata(kinds, half)
    beside = judged if half is None else ~judged
    if not (judged.any() and beside.any()):
        return
    targets = [("shift", "", judged)] if half is not None else []
    targets += [(value, kind, judged & (kinds == kind)) for kind in dict.fromkeys(kinds[judged].tolist())]
    a, b = (both[f"{value}_{end}"].to_numpy(float) for end in "ab")
    level = MEAN if value == "score" else 0.0
    for measure, kind, members in targets:
        weights = members / members.sum() - beside / beside.sum()
        found = contrast(b - a, weights, within)
        yield {
            "measure": measure, "category": kind, "a": level + float(weights @ a), "b": level + float(weights @ b),
            "difference": found.estimate, "low": found.low, "high": found.high, "p": found.p,
            "n_activities": int(members.sum()),
        }  # fmt: skip


def _agreement(base: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Correlation of two models' scores, and the same with each category's mean taken away."""
    a, b = (base[f"score_{end}"].to_numpy(float) for end in "ab")
    kinds = pd.factorize(base["category"])[0]
    for within in ("everything", "categories"):
        groups = np.zeros_like(kinds) if within == "everything" else kinds
        r = _correlation(a, b, groups)
        without = [_correlation(*(np.delete(each, i) for each in (a, b, groups))) for i in range(len(a))]
        low, high, _ = jackknife_interval(np.array(r), np.array(without), fisher=True)
        yield {"within": within, "r": r, "low": float(low), "high": float(high), "n_activities": len(a)}


def _correlation(a: NDArray[Any], b: NDArray[Any], groups: NDArray[Any]) -> float:
    """Pearson's r of deviations from the groups' means; NaN with too few of them, or where nothing varies."""
    counts = np.maximum(np.bincount(groups), 1)
    x, y = (each - (np.bincount(groups, each) / counts)[groups] for each in (a, b))
    varies = float(np.sqrt((x @ x) * (y @ y)))
    if len(a) - len(np.unique(groups)) < _FEWEST - 1 or varies < 1e-9:
        return math.nan
    return float(np.clip(x @ y / varies, -1, 1))


# ── rules ──


def _rules(a: StudyTables, b: StudyTables) -> pd.DataFrame:
    both = _joined(a, b, "rule_answers", _REQUEST)
    if both.empty:
        return both
    rows: list[dict[str, Any]] = []
    for language, own in both.groupby("language", sort=False):
        base = own[own["kind"] == "baseline"]
        found = [_rates(base, "rate") | {"rule": ""}]
        found += [_rates(each, "rate") | {"rule": rule} for rule, each in base.groupby("rule", sort=False)]
        steered = own[own["kind"] == "emotion"].rename(columns={"name": "emotion"})
        for key, condition in steered.groupby(_STEERED, sort=False):
            compared = condition.merge(base[[*_REQUEST, "followed_a", "followed_b"]], on=_REQUEST, suffixes=("", "_0"))
            for end in "ab":
                compared[f"followed_{end}"] -= compared[f"followed_{end}_0"]
            if len(compared):
                found.append({**dict(zip(_STEERED, key, strict=True)), **_rates(compared, "change"), "rule": ""})
        rows += [{"language": language, **_UNSTEERED, **each} for each in found]
    table = pd.DataFrame(rows)
    table = _corrected(table.assign(together=table["rule"] == ""), ["language", "measure", "together"])
    return _beside_controls(table, a, b, "controls", {"change": "rules"})


def _rates(both: pd.DataFrame, measure: str) -> dict[str, Any]:
    a, b = (both[f"followed_{end}"].to_numpy(float) for end in "ab")
    prompts = pd.factorize(both["prompt"])[0]
    (low, high), p = mean_interval(b - a, prompts), mean_p_value(b - a, prompts)
    if low == high:  # all differ alike: nothing is known of how others would
        low, high = math.nan, math.nan
    return {
        "measure": measure, "a": float(a.mean()), "b": float(b.mean()), "difference": float((b - a).mean()),
        "low": float(low), "high": float(high), "p": float(p), "n_answers": len(a), "n_prompts": int(prompts.max()) + 1,
    }  # fmt: skip


# ── both ──


def _joined(a: StudyTables, b: StudyTables, table: str, of: Sequence[str]) -> pd.DataFrame:
    """The rows of the unsteered model and of emotions that two studies share, with their values as `…_a` and `…_b`."""
    if table not in a.tables or table not in b.tables:
        return pd.DataFrame()
    key = [*of, "kind", "name", "vector_language", "strength"]
    values = ["score", "change"] if table == "preference_scores" else ["followed"]
    sides = [each.tables[table] for each in (a, b)]
    sides = [side.loc[side["kind"].isin(["baseline", "emotion"]), [*key, *values]] for side in sides]
    return (
        sides[0]
        .merge(sides[1], on=key, suffixes=("_a", "_b"))
        .astype({f"{v}_{e}": float for v in values for e in "ab"})
    )


def _corrected(table: pd.DataFrame, family: list[str]) -> pd.DataFrame:
    def correct(p: pd.Series) -> NDArray[np.float64]:
        return holm(p.to_numpy(float))

    return table.assign(p_familywise=table.groupby(family, sort=False)["p"].transform(correct))


def _beside_controls(
    table: pd.DataFrame, a: StudyTables, b: StudyTables, column: str, sources: dict[str, str]
) -> pd.DataFrame:
    """Add `control_a` and `control_b`: a column of each study's own tables (`sources`: measure → table)."""
    for end, study in (("a", a), ("b", b)):
        found = [
            study.tables[name].query("kind == 'emotion'").assign(measure=measure)
            for measure, name in sources.items()
            if name in study.tables
        ]
        if found:
            known = pd.concat(found).rename(columns={"name": "emotion", column: f"control_{end}"})
            key = [name for name in ("measure", "language", *_STEERING, "category") if name in known]
            known = known[[*key, f"control_{end}"]].fillna({"category": ""})
            table = table.merge(known, on=key, how="left")
        else:
            table = table.assign(**{f"control_{end}": math.nan})
    return table


def _scope(experiment: str, table: str, a: tuple[str, StudyTables], b: tuple[str, StudyTables]) -> Iterator[str]:
    """What two studies share of an experiment, and what only one of them has, in a sentence."""
    there = [(name, study) for name, study in (a, b) if table in study.tables]
    if len(there) == 1:
        yield f"Of {a[0]} and {b[0]} only {there[0][0]} has the experiment on {experiment}."
    if len(there) < 2:
        return
    what = "activity" if experiment == "preferences" else "request"
    sets = [_parts_of(study.tables[table], what) for _, study in there]
    shared = [ours & theirs for ours, theirs in zip(*sets, strict=True)]
    how = [
        f"{name} as {study.summaries.get(experiment, {}).get('format', 'unknown')}, steered at layer "
        f"{_layer(study.tables[table])}"
        for name, study in there
    ]
    count, plural = len(shared[0]), "activities" if what == "activity" else "requests"
    left: list[str] = []
    for (name, _), own in zip(there, sets, strict=True):
        asked, ways = len(own[0] - shared[0]), sorted(own[1] - shared[1])
        alone = [*([f"{asked} {plural if asked > 1 else what}"] if asked else []), *ways]
        left += [f"only in {name}: {', '.join(alone)}"] if alone else []
    without = f" (left out, {'; '.join(left)})" if left else ""
    yield (
        f"On {experiment}, {a[0]} and {b[0]} share {count} {plural if count != 1 else what} and {len(shared[1])} "
        f"way{'s' if len(shared[1]) != 1 else ''} of steering{without}. Asked: {'; '.join(how)}."
    )


def _parts_of(table: pd.DataFrame, what: str) -> tuple[set[Any], set[str]]:
    """What a study asked in which language, and its ways of steering in words."""
    key = _ACTIVITY if what == "activity" else _REQUEST
    asked = set(table.loc[table["kind"] == "baseline", key].itertuples(index=False, name=None))
    steered = table[table["kind"] == "emotion"]
    columns = [steered[name] for name in ("name", "strength", "language", "vector_language")]
    ways = {
        f"{name} at {strength:g} ({language if of == language else f'{language}, vectors of {of}'})"
        for name, strength, language, of in zip(*columns, strict=True)
    }
    return asked, ways


def _layer(table: pd.DataFrame) -> str:
    layers = table.loc[table["kind"] == "emotion", "layer"]
    return str(int(layers.iloc[0])) if len(layers) else "–"
