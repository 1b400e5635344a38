"""Are the statistics calibrated? Simulations with known truth: a long run that prints tables for docs/uncertainty.md.

    python benchmarks/calibration.py [permutation] [familywise] [coverage] [reliability] [crossnobis] [procrustes]
        [steering_shares] [steering_controls]
        [--simulations 1000] [--topics 12,50]

permutation   p-values of RSA between independent geometries of 30 emotions: uniform (Kolmogorov–Smirnov), and how
              often p <= .05, for Pearson, Spearman and rho_a
familywise    how often any of 28 correlated layers of independent geometries has a family-wise p <= .05
coverage      how often 95 % intervals of RSA hold the truth: the RSA of noise-free vectors, and the expected RSA of as
              many new topics
reliability   split-half reliability (Spearman–Brown) against the correlation of two independent sets of topics
crossnobis    mean crossnobis distance of emotions that don't differ
procrustes    held-out R² of independent geometries
steering_shares    how often intervals of shares of scenarios hold the truth, where those of an emotion are alike
steering_controls  likewise of the mean over a few control directions
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import kstest

from emovec.geometry.alignment import procrustes
from emovec.geometry.cells import Cells
from emovec.geometry.distances import crossnobis
from emovec.geometry.reliability import row_correlations, triangles
from emovec.geometry.representational import rsa
from emovec.geometry.uncertainty import layer_uncertainty
from emovec.steering.clustered import mean_interval, share_interval
from emovec.steering.effects import beside_directions, crossed_mean

EMOTIONS = 30
HIDDEN = 60
LANGUAGES = ["en", "ja"]
# How much of each language's structure is shared, for a true RSA of about these values.
SHARED = {0.2: 0.67, 0.4: 0.80, 0.65: 0.90, 0.9: 0.975}
NOISES = {"low": 0.5, "middle": 0.8, "high": 1.2}


def geometries(rng: np.random.Generator, shared: float) -> np.ndarray:
    """True vectors [language, emotion, hidden] with a falling spectrum and a share of structure in common."""
    parts = rng.normal(size=(3, EMOTIONS, HIDDEN)) / np.sqrt(np.arange(1, HIDDEN + 1))
    return shared * parts[:1] + np.sqrt(1 - shared**2) * parts[1:]


def noise(rng: np.random.Generator, topics: int, size: float, common: float) -> np.ndarray:
    """Noise [language, topic, emotion, hidden], part of its variance common to the languages.

    Its size is that of the mean over 12 topics whatever their number.
    """
    parts = rng.normal(size=(3, topics, EMOTIONS, HIDDEN)) / np.arange(1, HIDDEN + 1) ** 0.25
    return size * np.sqrt(topics / 12) * (np.sqrt(common) * parts[:1] + np.sqrt(1 - common) * parts[1:])


def as_cells(values: np.ndarray) -> Cells:
    """Cells of vectors [language, topic, emotion, hidden], one story in each."""
    rows = values.reshape(-1, values.shape[-1])
    shape = values.shape[:3]
    names = [f"t{k:03d}" for k in range(shape[1])], [f"e{k:02d}" for k in range(shape[2])]
    return Cells(
        LANGUAGES[: shape[0]], names[1], names[0], (rows @ rows.T).reshape(shape * 2), np.ones(shape), "planted"
    )


def agreement(values: np.ndarray) -> float:
    """RSA of two languages' vectors [language, emotion, hidden]."""
    centred = values - values.mean(axis=1, keepdims=True)
    a, b = triangles(centred @ centred.transpose(0, 2, 1))
    return float(row_correlations(a, b))


def layered(rng: np.random.Generator, layers: int, stay: float) -> xr.DataArray:
    """Independent geometries of two languages, layers correlated with the next by `stay`."""
    values = rng.normal(size=(layers, 2, EMOTIONS, HIDDEN)) / np.sqrt(np.arange(1, HIDDEN + 1))
    for layer in range(1, layers):
        values[layer] = stay * values[layer - 1] + np.sqrt(1 - stay**2) * values[layer]
    coords = {"language": LANGUAGES, "emotion": [f"e{k:02d}" for k in range(EMOTIONS)], "layer": range(layers)}
    return xr.DataArray(values.transpose(1, 2, 0, 3), dims=("language", "emotion", "layer", "hidden"), coords=coords)


def permutation(simulations: int, _: list[int]) -> pd.DataFrame:
    found = [
        rsa(layered(np.random.default_rng([1, k]), 1, 0), *LANGUAGES, permutations=499, seed=k)
        for k in range(simulations)
    ]
    table = pd.concat(found)
    rows = [
        (method, kstest(rows["p"], "uniform").pvalue, (rows["p"] <= 0.05).mean(), np.sqrt(0.05 * 0.95 / simulations))
        for method, rows in table.groupby("method")
    ]
    return pd.DataFrame(rows, columns=["method", "KS p", "p <= .05", "Monte-Carlo error"])


def familywise(simulations: int, _: list[int]) -> pd.DataFrame:
    rows = []
    for stay in (0.5, 0.95):
        found = [
            rsa(layered(np.random.default_rng([2, k]), 28, stay), *LANGUAGES, permutations=199, seed=k)
            for k in range(simulations)
        ]
        for method in ("pearson", "spearman", "rho_a"):
            own = [table[table["method"] == method] for table in found]
            any_layer = np.mean([(table["p_familywise"] <= 0.05).any() for table in own])
            uncorrected = np.mean([(table["p"] <= 0.05).any() for table in own])
            rows.append((stay, method, any_layer, uncorrected, np.sqrt(0.05 * 0.95 / simulations)))
    return pd.DataFrame(rows, columns=["layer-to-layer r", "method", "family-wise", "uncorrected", "Monte-Carlo error"])


def coverage_of(
    simulations: int, topics: int, shared: float, size: float, common: float, bootstraps: int = 500, seed: int = 3
) -> dict[str, float]:
    """Coverage in per cent, and the means of truth, estimates and reliability, of one setting."""
    rows = []
    for k in range(simulations):
        rng = np.random.default_rng([seed, topics, int(1000 * shared), int(100 * size), int(100 * common), k])
        truth = geometries(rng, shared)
        target = agreement(truth)
        # As many new topics, many times over; the mean over them is all that their number changes.
        expected = np.mean([agreement(truth + noise(rng, 1, size / np.sqrt(topics), common)[:, 0] * np.sqrt(topics))
                            for _ in range(20)])  # fmt: skip
        cells = as_cells(truth[:, None] + noise(rng, topics, size, common))
        tables = layer_uncertainty(cells, {}, None, bootstraps, k)
        by_name = tables["intervals"].set_index("statistic")
        plain, free = by_name.loc["rsa"], by_name.loc["rsa_noise_free"]
        rows.append(
            {
                "true r": target,
                "expected r": expected,
                "r": plain["estimate"],
                "corrected r": free["estimate"],
                "reliability": tables["reliability"]["r"].mean(),
                "corrected holds true": 100 * (free["low"] <= target <= free["high"]),
                "jackknife holds expected": 100 * (plain["low"] <= expected <= plain["high"]),
                "percentile holds expected": 100 * (plain["low_percentile"] <= expected <= plain["high_percentile"]),
                "percentile holds true": 100 * (plain["low_percentile"] <= target <= plain["high_percentile"]),
                "BCa holds expected": 100 * (plain["low_bca"] <= expected <= plain["high_bca"]),
                "BCa holds true": 100 * (plain["low_bca"] <= target <= plain["high_bca"]),
            }
        )
    return pd.DataFrame(rows).mean().to_dict()


def coverage(simulations: int, topics: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {"topics": n, "noise": name, "common": common} | coverage_of(simulations, n, shared, size, common)
        for n in topics
        for name, size in NOISES.items()
        for common in (0.0, 0.3)
        for shared in SHARED.values()
    )


def reliability(simulations: int, topics: list[int]) -> pd.DataFrame:
    rows = []
    for n in topics:
        for name, size in NOISES.items():
            estimates, truths = [], []
            for k in range(simulations):
                rng = np.random.default_rng([4, n, int(100 * size), k])
                truth = geometries(rng, 0.8)
                first, second = (truth[:, None] + noise(rng, n, size, 0) for _ in range(2))
                table = layer_uncertainty(as_cells(first), {}, None, 2, k)["reliability"]
                estimates.append(float(table["r"].iloc[0]))
                truths.append(agreement(np.stack([first[0].mean(axis=0), second[0].mean(axis=0)])))
            rows.append((n, name, np.mean(truths), np.mean(estimates)))
    return pd.DataFrame(rows, columns=["topics", "noise", "two sets of topics", "split-half, stepped up"])


def null_crossnobis(simulations: int, topics: list[int]) -> pd.DataFrame:
    rows = []
    for n in topics:
        means = []
        for k in range(simulations):
            rng = np.random.default_rng([5, n, k])
            values = crossnobis(as_cells(noise(rng, n, 1.0, 0)), "en").values
            means.append(values[np.triu_indices(EMOTIONS, 1)].mean())
        rows.append((n, np.mean(means), np.std(means) / np.sqrt(simulations)))
    return pd.DataFrame(rows, columns=["topics", "mean distance", "standard error"])


def null_procrustes(simulations: int, _: list[int]) -> pd.DataFrame:
    found = [
        procrustes(layered(np.random.default_rng([6, k]), 1, 0), *LANGUAGES, shuffles=1, seed=k)
        for k in range(min(simulations, 200))
    ]
    table = pd.concat(found)
    return table.groupby(["components", "sample"])[["r2", "retrieval", "chance"]].mean().reset_index()


def steering_shares(simulations: int, _: list[int]) -> pd.DataFrame:
    """Shares of scenarios (12 emotions with 3 each): drawn one by one, and with emotions as the unit."""
    rows, groups = [], np.repeat(np.arange(12), 3)
    for share in (0.3, 0.6, 0.85):
        for alike in (0.0, 0.3, 0.6):
            rng = np.random.default_rng([7, int(100 * share), int(100 * alike)])
            spread = (1 - alike) / alike if alike else 1e9
            chance = rng.beta(share * spread, (1 - share) * spread, (12, simulations))
            hits = (rng.random((36, simulations)) < chance[groups]).astype(float)
            held = [_held(share_interval(hits, each), share) for each in (np.arange(36), groups)]
            rows.append((share, alike, *held, _held(mean_interval(hits, groups), share)))
    columns = ["share", "alike within", "one by one", "emotions, shares", "emotions, means"]
    return pd.DataFrame(rows, columns=columns).assign(error=np.sqrt(0.05 * 0.95 / simulations))


def steering_controls(simulations: int, _: list[int]) -> pd.DataFrame:
    """Mean over control directions that each do something of their own in all of 4 emotions and 4 frames."""
    rows = []
    for directions in (2, 4, 10):
        for own in (0.0, 1.0):
            rng = np.random.default_rng([8, directions, int(own)])
            found = []
            for _ in range(simulations):
                cells = own * rng.normal(size=(directions, 1, 1)) + 0.5 * rng.normal(size=(directions, 4, 4))
                cells += 0.5 * rng.normal(size=(1, 4, 1)) + 0.3 * rng.normal(size=(1, 1, 4))
                crossed = crossed_mean(cells.mean(axis=0))
                wider = beside_directions(crossed, cells.mean(axis=(1, 2)))
                found.append([each.low <= 0 <= each.high for each in (crossed, wider)])
            rows.append((directions, own, *np.mean(found, axis=0)))
    columns = ["directions", "sd of directions", "emotions and frames", "directions too"]
    return pd.DataFrame(rows, columns=columns).assign(error=np.sqrt(0.05 * 0.95 / simulations))


def _held(interval: tuple[np.ndarray, np.ndarray], truth: float) -> float:
    low, high = interval
    return float(((low <= truth) & (truth <= high)).mean())


CHECKS: dict[str, Callable[[int, list[int]], pd.DataFrame]] = {
    "permutation": permutation,
    "familywise": familywise,
    "coverage": coverage,
    "reliability": reliability,
    "crossnobis": null_crossnobis,
    "procrustes": null_procrustes,
    "steering_shares": steering_shares,
    "steering_controls": steering_controls,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checks", nargs="*", metavar="check")
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--topics", default="12,50")
    given = parser.parse_args()
    topics = [int(n) for n in given.topics.split(",")]
    for name in given.checks or CHECKS:
        start = time.perf_counter()
        table = CHECKS[name](given.simulations, topics)
        print(f"\n{name}: {given.simulations} simulations, {time.perf_counter() - start:.0f} s")
        print(table.round(3).to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
