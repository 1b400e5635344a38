"""Are the statistics calibrated? Simulations of known truth, for docs/understand/uncertainty.md: a long run.

    python benchmarks/calibration.py [check …] [--simulations 1000] [--topics 12,50]

permutation   p-values of RSA between independent geometries of 30 emotions: uniform (Kolmogorov–Smirnov), and how
              often p <= .05, for Pearson, Spearman and rho_a
familywise    how often any of 28 correlated layers of independent geometries has a family-wise p <= .05
coverage      how often 95 % intervals of RSA hold the truth: the RSA of noise-free vectors, and the expected RSA of as
              many new topics
crossed       how often intervals hold the expected RSA, cosines and retrieval of other topics and other emotions
reliability   split-half reliability (Spearman–Brown) against the correlation of two independent sets of topics
crossnobis    mean crossnobis distance of emotions that don't differ
procrustes    held-out R² of independent geometries
geodesic      how often geodesic distances are said to agree better or worse than straight ones
retrieval     how often intervals of retrieval hold the mean over as many new topics
accuracy      how often intervals of a decoder's accuracy hold the truth where topics differ in difficulty
crossed_accuracy  likewise where emotions differ too; and p of two equally good decoders on the same stories
partial       partial correlations without noise, and p where the confounds explain all
ratings       p-values of predicted arousal, where vectors carry valence alone; and how often 95 % intervals hold the
              expected correlation
poles         p-values of components against axes made of the same vectors, where the vectors have no structure
ceiling       how high a perfect predictor correlates with one of two sources of ratings that agree with r
reference     how often intervals of the difference between emotions and reference labels contain 0, where both
              kinds are drawn from one population
steering_shares    how often intervals of shares of scenarios hold the truth, where those of an emotion are alike
steering_controls  likewise of the mean over a few control directions
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import expit
from scipy.stats import kstest

from emovec.emotions import DEFAULT_30
from emovec.geometry.affect import predict_ratings
from emovec.geometry.alignment import procrustes
from emovec.geometry.axes import axis_correlations, pca
from emovec.geometry.beyond_words import paired_difference
from emovec.geometry.cells import Cells
from emovec.geometry.distances import crossnobis
from emovec.geometry.geodesic_agreement import compare_distances, corrected_table
from emovec.geometry.matching import matched_difference
from emovec.geometry.neighbour_paths import chord_distances
from emovec.geometry.partial_correlation import noise_free_partial, partial_correlations
from emovec.geometry.reliability import halves, row_correlations, triangles
from emovec.geometry.representational import rsa
from emovec.geometry.resampled import difference, pair_resampled
from emovec.geometry.uncertainty import layer_uncertainty, pair_statistics
from emovec.stats.clustered import mean_interval, share_interval
from emovec.stats.crossed import crossed_wilson
from emovec.stats.resampling import bootstrap_weights, bounded_interval, half_weights
from emovec.stats.shares import clustered_wilson
from emovec.steering.experiments.word_effects import beside_directions, crossed_mean

EMOTIONS = 30
HIDDEN = 60
LANGUAGES = ["en", "ja"]
# How much of each language's structure is shared, for a true RSA of about these values.
SHARED = {0.2: 0.67, 0.4: 0.80, 0.65: 0.90, 0.9: 0.975}
NOISES = {"low": 0.5, "middle": 0.8, "high": 1.2}


def geometries(rng: np.random.Generator, shared: float, emotions: int = EMOTIONS) -> np.ndarray:
    """True vectors [language, emotion, hidden] with a falling spectrum and a share of structure in common."""
    parts = rng.normal(size=(3, emotions, HIDDEN)) / np.sqrt(np.arange(1, HIDDEN + 1))
    return shared * parts[:1] + np.sqrt(1 - shared**2) * parts[1:]


def noise(rng: np.random.Generator, topics: int, size: float, common: float, emotions: int = EMOTIONS) -> np.ndarray:
    """Noise [language, topic, emotion, hidden], part of its variance common to the languages.

    Its size is that of the mean over 12 topics whatever their number.
    """
    parts = rng.normal(size=(3, topics, emotions, HIDDEN)) / np.arange(1, HIDDEN + 1) ** 0.25
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


CROSSED = ("rsa", "rsa_noise_free", "same_cosine", "cosine_difference", "retrieval_ab")


def drawn(
    rng: np.random.Generator, topics: int, emotions: int, shared: float, size: float
) -> tuple[np.ndarray, np.ndarray]:
    """Emotions and topics from populations: true vectors [language, emotion, hidden], and those read on each topic.

    Each topic stretches the dimensions in its own way, alike for all emotions and in both languages.
    """
    truth = geometries(rng, shared, emotions)
    stretch = 1 + 0.3 * rng.normal(size=(1, topics, 1, HIDDEN))
    return truth, truth[:, None] * stretch + noise(rng, topics, size, 0.3, emotions)


def crossed_coverage(
    simulations: int, topics: int, emotions: int, shared: float, size: float, bootstraps: int = 100
) -> pd.DataFrame:
    """How often (per cent) intervals hold the mean over other sets of as many topics and emotions: a row a statistic.

    `rsa_noise_free` has to hold that of noise-free vectors.
    """
    key = [12, topics, emotions, int(1000 * shared), int(100 * size)]
    rng, truths = np.random.default_rng(key), []
    for _ in range(1000):
        truth, values = drawn(rng, topics, emotions, shared, size)
        every = {each: as_cells(part[:, None]) for each, part in (("true", truth), ("read", values.mean(axis=1)))}
        own = {each: _statistics(cells) for each, cells in every.items()}
        truths.append(own["read"] | {"rsa_noise_free": own["true"]["rsa"]})
    expected, rows = pd.DataFrame(truths).mean(), []
    for k in range(simulations):
        _, values = drawn(np.random.default_rng([*key, k]), topics, emotions, shared, size)
        table = layer_uncertainty(as_cells(values), {}, None, bootstraps, k)["intervals"]
        table = table[table["statistic"].isin(CROSSED)].assign(expected=table["statistic"].map(expected))
        for kind in ("", "_crossed"):
            low, high = table[f"low{kind}"], table[f"high{kind}"]
            table["width" + kind] = high - low
            table["holds" + kind] = 100 * ((low <= table["expected"]) & (table["expected"] <= high))
        rows.append(table)
    columns = ["expected", "estimate", "width", "holds", "width_crossed", "holds_crossed"]
    return pd.concat(rows).groupby("statistic", sort=False)[columns].mean().reset_index()


def _statistics(cells: Cells) -> dict[str, float]:
    own, other, cross = (cells.grams(np.ones((1, 1)), *pair) for pair in (("en", "en"), ("ja", "ja"), ("en", "ja")))
    return {name: float(values[0]) for name, values in pair_statistics(own, other, cross).items()}


def crossed(simulations: int, topics: list[int]) -> pd.DataFrame:
    """Intervals for other topics (holds) and for other topics and emotions (holds_crossed)."""
    return pd.concat(
        crossed_coverage(simulations, n, emotions, shared, 0.5).assign(topics=n, emotions=emotions, shared=shared)
        for n in topics
        for emotions in (30, 12)
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


def corrected_geodesic(simulations: int, topics: list[int]) -> pd.DataFrame:
    """How often geodesic and straight-line distances are said to agree differently, where they do and don't."""
    rows = []
    for n in topics:
        for shared, size in ((1.0, 0.5), (1.0, 0.8), (0.9, 0.5)):
            found = []
            for k in range(simulations):
                rng = np.random.default_rng([7, n, int(100 * shared), int(100 * size), k])
                truth = geometries(rng, shared)
                chords = [chord_distances((own - own.mean(axis=0)) @ (own - own.mean(axis=0)).T) for own in truth]
                r = compare_distances(*chords, 5)
                cells = as_cells(truth[:, None] + noise(rng, n, size, 0))
                table = corrected_table(cells, [("en", "ja")], [5], k).iloc[0]
                true = float(r[0] - r[1])
                holds = table["low"] <= true <= table["high"]
                found.append((true, table["difference"], table["high"] < 0, table["low"] > 0, holds))
            rows.append((n, shared, size, *np.nanmean(np.array(found, float), axis=0)))
    columns = [
        "topics",
        "shared",
        "noise",
        "true difference",
        "estimate",
        "said worse",
        "said better",
        "holds the truth",
    ]
    return pd.DataFrame(rows, columns=columns)


def retrieval_coverage(
    simulations: int, topics: int, shared: float, size: float, bootstraps: int = 300
) -> dict[str, float]:
    """Retrieval: how often its interval, and the bootstrap's percentiles, hold the mean over as many new topics."""
    rows = []
    for k in range(simulations):
        rng = np.random.default_rng([8, topics, int(100 * shared), int(100 * size), k])
        truth = geometries(rng, shared)
        new = [truth + noise(rng, 1, size / np.sqrt(topics), 0)[:, 0] * np.sqrt(topics) for _ in range(60)]
        expected = np.mean([_retrieved(as_cells(values[:, None]), np.ones((1, 1)))[0] for values in new])
        cells = as_cells(truth[:, None] + noise(rng, topics, size, 0))
        found = _retrieved(cells, np.vstack([np.ones((1, topics)), bootstrap_weights(topics, bootstraps, k)]))
        low, high, _ = bounded_interval(found[0], found[1:], topics)
        p_low, p_high = np.quantile(found[1:], [0.025, 0.975])
        held = (low <= expected <= high, low <= found[0] <= high, p_low <= expected <= p_high)
        rows.append((found[0], expected, *held, p_low <= found[0] <= p_high))
    columns = ["retrieval", "expected", "holds", "holds own", "percentile holds", "percentile holds own"]
    return pd.DataFrame(rows, columns=columns).astype(float).mean().to_dict()


def _retrieved(cells: Cells, weights: np.ndarray) -> np.ndarray:
    own, other, cross = (cells.grams(weights, *pair) for pair in (("en", "en"), ("ja", "ja"), ("en", "ja")))
    return pair_statistics(own, other, cross)["retrieval_ab"]


def retrieval(simulations: int, topics: list[int]) -> pd.DataFrame:
    settings = ((0.7, 1.2), (0.8, 0.8), (0.9, 0.8), (0.9, 0.5))
    return pd.DataFrame(
        {"topics": n, "shared": shared, "noise": size} | retrieval_coverage(simulations, n, shared, size)
        for n in topics
        for shared, size in settings
    )


def accuracy(simulations: int, topics: list[int]) -> pd.DataFrame:
    """Shares of 30 stories on each topic, whose difficulty varies: how often Wilson's interval holds the truth."""
    rows = []
    for n in topics:
        for level, spread in ((0.0, 0.7), (1.5, 1.2), (3.0, 0.7), (5.0, 0.7)):
            truth = expit(np.random.default_rng(0).normal(level, spread, 200_000)).mean()
            held = []
            for k in range(simulations):
                rng = np.random.default_rng([9, n, int(10 * level), k])
                right = rng.random((n, 30)) < expit(rng.normal(level, spread, (n, 1)))
                low, high = clustered_wilson(right.ravel(), np.repeat(np.arange(n).astype(str), 30))
                draws = bootstrap_weights(n, 400, k) @ right.mean(axis=1) / n
                p_low, p_high = np.quantile(draws, [0.025, 0.975])
                held.append((low <= truth <= high, p_low <= truth <= p_high))
            rows.append((n, truth, *np.mean(held, axis=0)))
    return pd.DataFrame(rows, columns=["topics", "true share", "holds", "percentile holds"])


def right_answers(rng: np.random.Generator, levels: tuple[float, ...], spread: float) -> np.ndarray:
    """Whether decoders are right [decoder, topic, emotion] on 12 topics and 30 emotions, both of differing difficulty.

    What topics and emotions have in common for the decoders is half of the variance.
    """
    shapes = (len(levels), 12, 1), (len(levels), 1, 30)
    parts = [rng.normal(size=shape) + rng.normal(size=(1, *shape[1:])) for shape in shapes]
    logits = np.array(levels)[:, None, None] + spread / np.sqrt(2) * (0.5 * parts[0] + parts[1])
    return rng.random(logits.shape) < expit(logits)


def crossed_accuracy(simulations: int, _: list[int]) -> pd.DataFrame:
    """Accuracy: intervals for other topics, and other emotions too. Two equal decoders: p, and the difference's."""
    rows, units = [], np.indices((12, 30)).reshape(2, -1).astype(str)
    for level, spread in ((0.0, 0.0), (0.0, 1.0), (-1.5, 1.5), (1.5, 1.0), (3.0, 1.0)):
        truth = np.mean([right_answers(np.random.default_rng([13, k]), (level,), spread) for k in range(4000)])
        held, p = [], []
        for k in range(simulations):
            right = right_answers(np.random.default_rng([14, int(10 * level) + 99, k]), (level, level), spread)
            right = right.reshape(2, -1)
            both = pd.DataFrame({"right": right[0], "right_words": right[1], "topic": units[0], "emotion": units[1]})
            gap = paired_difference(both)
            ends = clustered_wilson(right[0], units[0]), crossed_wilson(right[0], *units)
            held.append([low <= truth <= high for low, high in ends])
            held[-1] += [gap["low"] <= 0 <= gap["high"], gap["low_crossed"] <= 0 <= gap["high_crossed"]]
            p.append(gap["p"])
        levels = [np.mean(np.array(p) <= alpha) for alpha in (0.01, 0.05, 0.5)]
        rows.append((truth, spread, *100 * np.mean(held, axis=0), *levels))
    names = ["topics", "topics and emotions", "gap: topics", "gap: topics and emotions"]
    columns = ["true share", "spread", *names, "p <= .01", "p <= .05", "p <= .5"]
    return pd.DataFrame(rows, columns=columns).assign(error=100 * np.sqrt(0.05 * 0.95 / simulations))


def partial_coverage(simulations: int, topics: int, shared: float, size: float, same_topics: bool) -> dict[str, float]:
    """Partial correlation beyond a confound that adds to both languages' similarities: observed, corrected, true.

    With `same_topics` the confound is measured on the stories that the vectors come from, so that it has their noise.
    """
    rows = []
    for k in range(simulations):
        rng = np.random.default_rng([10, topics, int(100 * shared), int(100 * size), k])
        truth = geometries(rng, shared)
        words = geometries(rng, 1.0)[:1] * 0.7
        truth = np.concatenate([truth, np.repeat(words, 2, axis=0)], axis=2)
        own, of_words = noise(rng, topics, size, 0), 0.7 * noise(rng, topics, size, 0)
        values = truth[:, None] + np.concatenate([own, of_words], axis=3)
        exact = _triangle_of(words[0])
        confound = (
            np.vstack([_triangle_of(words[0] + part.mean(axis=0)) for part in of_words]) if same_topics else exact
        )
        true = _partial(*(_triangle_of(part) for part in truth), exact)
        observed = _partial(*(_triangle_of(part) for part in values.mean(axis=1)), confound)
        weights, splits = np.ones((1, topics)), half_weights(topics, 30, k)
        first, second = (halves(as_cells(values), name, weights, splits) for name in LANGUAGES)
        rows.append((true, observed, noise_free_partial(first, second, confound)))
    return pd.DataFrame(rows, columns=["true partial", "observed", "corrected"]).mean().to_dict()


def partial(simulations: int, topics: list[int]) -> pd.DataFrame:
    """Partial correlation without noise; and p where confounds explain all, in similarities or in vectors."""
    rows = [
        {"case": "noise removed", "topics": n, "noise": size, "confound has the same noise": same}
        | partial_coverage(simulations, n, 0.9, size, same)
        for n in topics
        for size in (0.5, 0.8)
        for same in (False, True)
    ]
    for case in ("confound in similarities", "confound in vectors"):
        for own in (0.3, 1.0):
            p = np.array([_confounded_p(case.endswith("vectors"), own, k) for k in range(simulations)])
            rows.append({"case": case, "own part": own, "p <= .05": (p <= 0.05).mean(), "p <= .5": (p <= 0.5).mean()})
    return pd.DataFrame(rows)


def _confounded_p(in_vectors: bool, own: float, k: int) -> float:
    rng = np.random.default_rng([11, int(10 * own), k])
    scale = 1 / np.sqrt(np.arange(1, 41))
    common = rng.normal(size=(26, 40)) * scale
    words = [common + 0.3 * rng.normal(size=(26, 40)) * scale for _ in range(2)]
    if in_vectors:
        found = [_triangle_of(part + own * rng.normal(size=(26, 40)) * scale) for part in words]
    else:
        found = [_triangle_of(part) + own * _triangle_of(rng.normal(size=(26, 40)) * scale) for part in words]
    confounds = np.vstack([_triangle_of(part) for part in words])
    return float(partial_correlations(found[0], found[1], confounds, 199, k)[1][0])


def _triangle_of(values: np.ndarray) -> np.ndarray:
    """Cosines of centred vectors [emotion, hidden]: [1, pair]."""
    centred = values - values.mean(axis=0)
    return triangles((centred @ centred.T)[None])


def _partial(a: np.ndarray, b: np.ndarray, confound: np.ndarray) -> float:
    return float(partial_correlations(a, b, confound, 1)[0][0])


RATED = 26


def rated_vectors(
    rng: np.random.Generator, emotions: int, strength: float, direction: np.ndarray | None = None
) -> tuple[xr.DataArray, pd.DataFrame]:
    """Vectors with a falling spectrum, valence along one direction (by default a random one), and arousal nowhere."""
    ratings = rng.normal(size=(emotions, 2))
    values = rng.normal(size=(emotions, 100)) / np.sqrt(np.arange(1, 101))
    along = rng.normal(size=100) if direction is None else direction
    values = values + strength * ratings[:, :1] * along / np.linalg.norm(along)
    names = [f"e{k:02d}" for k in range(emotions)]
    coords = {"language": ["en"], "emotion": names, "layer": [0]}
    array = xr.DataArray(values[None, :, None], dims=("language", "emotion", "layer", "hidden"), coords=coords)
    norms = pd.DataFrame({"source": "us", "word": names, "term": names, "dominance": np.nan})
    return array, norms.assign(valence=ratings[:, 0], arousal=ratings[:, 1])


def ratings_coverage_of(simulations: int, emotions: int, strength: float, seed: int = 7) -> dict[str, float]:
    """How often (per cent) 95 % intervals of predicted valence hold its mean r over as many other emotions."""
    direction = np.eye(100)[3] * 0.6 + np.eye(100)[8] * 0.8
    rows = []
    for k in range(simulations):
        array, norms = rated_vectors(np.random.default_rng([seed, emotions, k]), emotions, strength, direction)
        rows.append(predict_ratings(array, norms.assign(arousal=np.nan), 1, k)[0].iloc[0])
    table = pd.DataFrame(rows)
    mean = table["r"].mean()
    holds = 100 * ((table["low"] <= mean) & (mean <= table["high"])).mean()
    return {
        "strength": strength,
        "mean r": mean,
        "holds mean r": holds,
        "width": (table["high"] - table["low"]).median(),
    }


def ratings(simulations: int, _: list[int]) -> pd.DataFrame:
    rows = []
    for strength in (0.0, 1.0):
        p = []
        for k in range(simulations):
            array, norms = rated_vectors(np.random.default_rng([8, k]), RATED, strength)
            table = predict_ratings(array, norms, 199, k)[0].set_index("scale")
            p.append(table.loc["arousal", "p"])
        shares = {f"p <= {level}": np.mean(np.array(p) <= level) for level in (0.05, 0.1, 0.2, 0.5)}
        rows.append({"valence carried": strength} | shares)
    held = [ratings_coverage_of(simulations, RATED, strength) for strength in (0.3, 0.6, 1.0, 2.0)]
    return pd.concat([pd.DataFrame(rows), pd.DataFrame(held)])


def poles_of(simulations: int, permutations: int) -> pd.DataFrame:
    """Component 1 of vectors without structure against the post's axes: r and its p, a row each."""
    rows = []
    for k in range(simulations):
        rng = np.random.default_rng([9, k])
        values = rng.normal(size=(EMOTIONS, HIDDEN)) / np.sqrt(np.arange(1, HIDDEN + 1))
        coords = {"language": ["en"], "emotion": list(DEFAULT_30), "layer": [0]}
        array = xr.DataArray(values[None, :, None], dims=("language", "emotion", "layer", "hidden"), coords=coords)
        scores = pca(array, 4)[0]
        unrated = pd.DataFrame(columns=["source", "word", "term", "valence", "arousal", "dominance"])
        rows.append(axis_correlations(array, scores, unrated, permutations, k).assign(simulation=k))
    return pd.concat(rows, ignore_index=True)


def poles(simulations: int, _: list[int]) -> pd.DataFrame:
    table = poles_of(simulations, 199)
    first = table[table["component"] == 1]
    textbook = first["r"].abs() > 0.361  # p < .05 for 30 independent pairs
    family = table.groupby("simulation")["p_familywise"].min()
    row = {
        "median |r|": first["r"].abs().median(),
        "textbook p < .05": textbook.mean(),
        "p <= .05": (first["p"] <= 0.05).mean(),
        "p <= .5": (first["p"] <= 0.5).mean(),
        "family-wise, any": (family <= 0.05).mean(),
    }
    return pd.DataFrame([row])


def ceiling(simulations: int, _: list[int]) -> pd.DataFrame:
    rows = []
    for reliability in (0.96, 0.85):
        rng = np.random.default_rng(10)
        truth = rng.normal(size=(simulations, 1, RATED))
        sources = truth + np.sqrt(1 / reliability - 1) * rng.normal(size=(simulations, 2, RATED))
        agree = [np.corrcoef(*pair)[0, 1] for pair in sources]
        perfect = [np.corrcoef(own[0], pair[0])[0, 1] for own, pair in zip(truth, sources, strict=True)]
        rows.append((reliability, np.mean(agree), np.mean(perfect), np.sqrt(reliability)))
    return pd.DataFrame(rows, columns=["reliability", "two sources", "perfect predictor", "root"])


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


def reference_of(simulations: int, topics: int, labels: int, shared: float, size: float, seed: int = 9) -> pd.DataFrame:
    """Two kinds of labels of one population: how often (per cent) intervals of their difference hold none.

    A row for each statistic: for other topics, for other topics and labels, and the spread of the differences beside
    the mean half width of the latter over two.
    """
    rows = []
    for k in range(simulations):
        rng = np.random.default_rng([seed, topics, labels, int(1000 * shared), int(100 * size), k])
        sides = [
            geometries(rng, shared)[:, None, :labels] + noise(rng, topics, size, 0.3)[:, :, :labels] for _ in range(2)
        ]
        none = np.empty((0, labels * (labels - 1) // 2))
        e, r = (pair_resampled(as_cells(side), ("en", "ja"), none, 100, k) for side in sides)
        matched = matched_difference(*map(as_cells, sides), ("en", "ja"), True, k)
        pairs = {name: difference(e[name], r[name], True) for name in e} | ({"rsa_matched": matched} if matched else {})
        for name, found in pairs.items():
            topic, crossed = (100.0 * (found[f"low{kind}"] <= 0 <= found[f"high{kind}"]) for kind in ("", "_crossed"))
            width = (found["high_crossed"] - found["low_crossed"]) / 4
            rows.append((name, topic, crossed, found["difference"], width))
    table = pd.DataFrame(rows, columns=["statistic", "for topics", "crossed", "difference", "width"])
    found = table.groupby("statistic").agg(
        {"for topics": "mean", "crossed": "mean", "difference": "std", "width": "mean"}
    )
    return found.rename(columns={"difference": "spread", "width": "a quarter of the crossed interval"}).reset_index()


def reference(simulations: int, topics: list[int]) -> pd.DataFrame:
    return pd.concat(
        reference_of(simulations, n, labels, shared, size).assign(topics=n, labels=labels, shared=shared, noise=name)
        for n in topics
        for labels in (12, EMOTIONS)
        for name, size in NOISES.items()
        for shared in (0.67, 0.9)
    )


def _held(interval: tuple[np.ndarray, np.ndarray], truth: float) -> float:
    low, high = interval
    return float(((low <= truth) & (truth <= high)).mean())


CHECKS: dict[str, Callable[[int, list[int]], pd.DataFrame]] = {
    "permutation": permutation,
    "familywise": familywise,
    "coverage": coverage,
    "crossed": crossed,
    "reliability": reliability,
    "crossnobis": null_crossnobis,
    "procrustes": null_procrustes,
    "geodesic": corrected_geodesic,
    "retrieval": retrieval,
    "accuracy": accuracy,
    "crossed_accuracy": crossed_accuracy,
    "partial": partial,
    "ratings": ratings,
    "poles": poles,
    "ceiling": ceiling,
    "reference": reference,
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
