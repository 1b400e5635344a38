"""How often rules are kept: rates with intervals, and tests over prompts against the baseline and the controls."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, t

from emovec.stats.clustered import effective_number
from emovec.stats.permutation import familywise_p_values, p_values
from emovec.stats.shares import wilson
from emovec.steering.coherence import regime

CONDITION = ["language", "kind", "name", "vector_language", "layer", "strength"]
LEVEL = 0.05

_TESTS = ["baseline", "difference", "p", "p_familywise", "controls", "p_controls", "p_controls_familywise"]


def rates(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Share of answers that keep their rule, in each group.

    Args:
        rows: an answer each, with `prompt` and `followed`.
        by: columns that tell groups apart.

    Returns:
        `by`, n, rate, and low and high: Wilson's 95 % interval for other prompts under the same rules. Where answers to
        one prompt are alike, they count as the fewer independent ones that would vary as much (Kish 1965), never more,
        and the quantile is Student's for so many prompts.
    """
    each = rows.assign(followed=rows["followed"].astype(float))
    each["off"] = each["followed"] - each.groupby(list(by))["followed"].transform("mean")
    prompts = each.groupby([*by, "prompt"], sort=False)["off"].agg(["sum", "size"])
    prompts["square"] = prompts["sum"] ** 2
    of = prompts.groupby(list(by), sort=False).agg(square=("square", "sum"), k=("size", "size"), most=("size", "max"))
    found = each.groupby(list(by), sort=False).agg(n=("followed", "size"), rate=("followed", "mean"))
    n, rate, k = (found["n"].to_numpy(float), found["rate"].to_numpy(float), of["k"].to_numpy(float))
    variance = of["square"].to_numpy(float) * k / np.maximum(k - 1, 1) / n**2
    alone = of["most"].to_numpy() == 1  # one answer to each prompt: nothing is estimated of how alike they are
    quantile = np.where(alone, norm.ppf(0.975), t.ppf(0.975, np.maximum(k - 1, 1)))
    low, high = wilson(rate, np.where(alone, n, effective_number(rate, variance, n)), quantile)
    return found.assign(low=low, high=high).reset_index()


def exchange_test(
    values: NDArray[np.float64], permutations: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Whether conditions differ from what they are compared with, by exchanging them within blocks.

    If a condition does nothing of its own, each of the 1 + k values of a block might as well have been its own: every
    draw picks one of them in each block, the same place for all conditions. With k = 1 this flips the signs of paired
    differences. The statistic is |sum of own values less the block's mean|, in standard deviations under the null.

    Args:
        values: [condition, 1 + k, block]: each condition's own value first, then those that it is compared with.
        permutations: draws.
        seed: of the draws.

    Returns:
        [condition] two-sided p, and the same family-wise over conditions (Westfall & Young 1993). Where nothing
        differs, p is 1.
    """
    deviations = values - values.mean(axis=1, keepdims=True)
    spread = np.sqrt((deviations**2).mean(axis=1).sum(axis=-1))
    scaled = np.divide(
        deviations, spread[:, None, None], out=np.zeros_like(deviations), where=spread[:, None, None] > 0
    )
    n_values, n_blocks = values.shape[1:]
    picked = np.random.default_rng(seed).integers(n_values, size=(permutations, n_blocks))
    null = np.abs(sum((picked == k).astype(float) @ scaled[:, k].T for k in range(n_values)))
    observed = np.abs(scaled[:, 0].sum(axis=-1))
    return p_values(observed, null), familywise_p_values(observed, null)


def beside_controls(difference: NDArray[np.float64], controls: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whether directions change more or less than another direction without emotion would be expected to.

    Exchanges within prompts take the controls for the only ones there are. But each direction does something of its
    own: most others would differ from the controls' mean, and be larger than all k one time in k + 1. So here the
    direction is the unit: the next draw from where the controls came from lies around their mean, with their spread.

    Args:
        difference: [condition] change under each direction that is asked about.
        controls: [k] the changes under the controls.

    Returns:
        [condition] two-sided p of Student's t with k − 1 degrees of freedom; NaN with fewer than two controls.
    """
    k = len(controls)
    if k < 2:
        return np.full(len(difference), np.nan)
    off = np.abs(difference - controls.mean())
    spread = controls.std(ddof=1) * math.sqrt(1 + 1 / k)
    return 2 * t.sf(np.divide(off, spread, out=np.where(off > 0, np.inf, 0.0), where=spread > 0), k - 1)


def compare(rows: pd.DataFrame, permutations: int, seed: int) -> pd.DataFrame:
    """Every steered condition of a language beside its baseline and the controls of its strength.

    Args:
        rows: an answer each, all of one language: the columns of a condition, `rule`, `prompt`, `followed`, `distinct`,
            `nats` (per token, under the unsteered model) and `cut`.
        permutations: draws of each test; prompts are its blocks.
        seed: of the draws.

    Returns:
        One row for each condition: its rate with interval; `difference` to the `baseline`, p and family-wise p over
        the emotions (or over the controls) at all strengths; `controls`, the largest difference in size of a control at
        its strength, with p of being one of the controls, by exchanges within prompts and by `beside_controls`,
        whichever is larger; `beyond_controls`, whether both family-wise p are below 0.05 and the difference is larger
        than any control's; coherence: `distinct` bigrams, `perplexity_ratio`
        to the baseline's answers, `regime`; `cut`, the share of answers that the limit of tokens ended. In the row of
        kind `unasked` the difference is to the baseline's answers to the same requests.
    """
    asked = rows[rows["kind"] != "unasked"]
    found = rates(rows, CONDITION).merge(_coherence(asked), on=CONDITION, how="left")
    found[_TESTS] = math.nan
    counts = asked.pivot_table(index=CONDITION, columns="prompt", values="followed", aggfunc="sum")
    blocks = {tuple(key): counts.loc[key].to_numpy(float) for key in counts.index}
    keys = [tuple(key) for key in found[CONDITION].itertuples(index=False)]
    base = next(key for key in keys if key[1] == "baseline")
    found["baseline"] = rate = float(found.loc[found["kind"] == "baseline", "rate"].iloc[0])
    unasked = _without_rules(rows)
    if len(unasked):
        told = found["kind"] == "unasked"
        found.loc[told, "difference"] = float(unasked[0].sum() - unasked[1].sum()) / int(found.loc[told, "n"].iloc[0])
        found.loc[told, ["p", "p_familywise"]] = exchange_test(unasked[None], permutations, seed)[0].item()
    steered = found["kind"].isin(["emotion", "random", "shuffled"])
    found.loc[steered, "difference"] = found["rate"] - rate
    emotion, control = found["kind"] == "emotion", steered & (found["kind"] != "emotion")
    for family in (emotion, control):
        own = [key for key, chosen in zip(keys, family, strict=True) if chosen]
        if own:
            tests = exchange_test(np.stack([[blocks[key], blocks[base]] for key in own]), permutations, seed)
            found.loc[family, ["p", "p_familywise"]] = np.stack(tests, axis=1)
    _beside_controls(found, keys, blocks, emotion, control, permutations, seed)
    found["beyond_controls"] = (
        (found["p_familywise"] < LEVEL)
        & (found["p_controls_familywise"] < LEVEL)
        & (found["difference"].abs() > found["controls"])
    )
    return found


def _beside_controls(
    found: pd.DataFrame,
    keys: Sequence[tuple[Any, ...]],
    blocks: Mapping[tuple[Any, ...], NDArray[np.float64]],
    emotion: "pd.Series[bool]",
    control: "pd.Series[bool]",
    permutations: int,
    seed: int,
) -> None:
    """Add `controls`, `p_controls` and `p_controls_familywise` to the rows of emotions; arguments as in `compare`."""
    beside = {
        strength: [key for key, chosen in zip(keys, control, strict=True) if chosen and key[-1] == strength]
        for strength in found.loc[emotion, "strength"].unique()
    }
    if beside and all(beside.values()):
        own = [key for key, chosen in zip(keys, emotion, strict=True) if chosen]
        values = np.stack([[blocks[key], *(blocks[other] for other in beside[key[-1]])] for key in own])
        on_prompts = exchange_test(values, permutations, seed + 1)
        p = pd.Series(math.nan, found.index)
        for strength in beside:
            here, others = (chosen & (found["strength"] == strength) for chosen in (emotion, control))
            p[here] = beside_controls(*(found.loc[chosen, "difference"].to_numpy(float) for chosen in (here, others)))
        among = np.stack([p[emotion], np.minimum(1, p[emotion] * len(own))])
        found.loc[emotion, ["p_controls", "p_controls_familywise"]] = np.maximum(on_prompts, among).T
        sizes = found[control].groupby("strength")["difference"].agg(lambda each: each.abs().max())
        found.loc[emotion, "controls"] = found.loc[emotion, "strength"].map(sizes)


def _without_rules(rows: pd.DataFrame) -> NDArray[np.float64]:
    """[2, prompt]: rules kept by the answers written without them, and by the baseline's to the same requests."""
    unasked, base = (rows[rows["kind"] == kind] for kind in ("unasked", "baseline"))
    if unasked.empty:
        return np.empty((0, 0))
    both = unasked.merge(base, on=["rule", "prompt"], suffixes=("_unasked", "_asked"))
    return both.groupby("prompt")[["followed_unasked", "followed_asked"]].sum().to_numpy(float).T


def _coherence(asked: pd.DataFrame) -> pd.DataFrame:
    base = asked.loc[asked["kind"] == "baseline", ["rule", "prompt", "nats", "distinct"]]
    joined = asked.merge(base[["rule", "prompt", "nats"]], on=["rule", "prompt"], suffixes=("", "_base"))
    joined["more"] = joined["nats"].astype(float) - joined["nats_base"].astype(float)
    joined["distinct"] = joined["distinct"].astype(float)
    found = joined.groupby(CONDITION, sort=False).agg(
        distinct=("distinct", "mean"), perplexity_ratio=("more", "mean"), cut=("cut", "mean")
    )
    found["perplexity_ratio"] = np.exp(found["perplexity_ratio"])
    plain = float(base["distinct"].astype(float).mean())
    found["regime"] = [
        regime(ratio, distinct, plain)
        for ratio, distinct in zip(found["perplexity_ratio"], found["distinct"], strict=True)
    ]
    return found.reset_index()
