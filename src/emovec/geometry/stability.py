"""How far groups of emotions can be trusted: their fit, their stability under new topics, languages' agreement."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from emovec.geometry.analysis import Activations, Analysis, Outcome, Table, best, noted
from emovec.geometry.cells import Cells, layer_cells
from emovec.geometry.clouds import cloud_quality
from emovec.geometry.clusters import Label
from emovec.geometry.grouping import ALGORITHMS, Grouping, groupings, point_grams, redrawn
from emovec.geometry.partition import (
    adjusted_rand,
    cosines_of,
    silhouettes,
)
from emovec.languages.norms import NormFiles, load_norms, norms_of
from emovec.stats.permutation import (
    MINIMUM_EMOTIONS,
    familywise_p_values,
    label_permutations,
    p_values,
)
from emovec.stats.resampling import bootstrap_weights
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "cluster_quality": Table(
        "variant:str layer:int languages:str algorithm:str k:int silhouette stability draws:int silhouette_chance "
        "silhouette_95 stability_chance stability_95"
    ),
    "cluster_agreement": Table(
        "variant:str layer:int language_a:str language_b:str algorithm:str k:int ari p p_familywise"
    ),
    "cluster_profile": Table(
        "variant:str layer:int languages:str algorithm:str k:int cluster:int size:int emotions:str valence arousal "
        "source:str"
    ),
}

DRAWS = 50
CLOUDS = 19
"""The largest value of 19 clouds is exceeded by a twentieth in one case of 20: p = (1 + 0) / (1 + 19)."""


def cluster_quality(
    cells: Cells,
    found: Sequence[Grouping],
    weights: np.ndarray,
    seed: int = 0,
    every_k: bool = True,
    clouds: int = CLOUDS,
) -> pd.DataFrame:
    """Silhouette and stability of partitions, beside those of clouds of points that have no groups.

    Stability is the mean adjusted Rand index between the partition of the whole and those of bootstrap draws of the
    topics. A cloud is what the same vectors become when their emotions are mixed by a random rotation: it has the same
    principal variances, the same likeness of the languages and gets the same sampling noise (each draw's deviation from
    the whole), but where its points lie along the components is chance.

    Args:
        cells: of one layer and variant.
        found: what `groupings` found on them.
        weights: [draw, topic] of the bootstrap; draws that hold no story of an emotion are left out.
        seed: of the partitions and of the clouds.
        every_k: stability for every k; else only for the k of the best silhouette of each algorithm (NaN elsewhere).
        clouds: how many; 0 for none (NaN); it takes 19 for a bound.

    Returns:
        Columns languages, algorithm, k, silhouette, stability, draws, and of the clouds silhouette_chance (mean),
        silhouette_95 (what a set without groups exceeds in one case of 20, see `null_bound`), stability_chance,
        stability_95.
    """
    rows: list[dict[str, object]] = []
    for one in found:
        cosines = cosines_of(one.gram[None])
        fit = {key: float(silhouettes(cosines, labels[None])[0]) for key, labels in one.labels.items()}
        wanted = list(fit) if every_k else _best_keys(fit)
        grams, _ = point_grams(cells, weights, one.languages.split("+"))
        grams = grams[np.isfinite(grams).all(axis=(1, 2))]
        ks = sorted({k for _, k in wanted})
        drawn = redrawn(cosines_of(grams), one.labels, ks, seed) if len(grams) else {}
        chance = cloud_quality(one, grams, ks, seed, clouds) if clouds and len(grams) else {}
        nothing = dict.fromkeys(("silhouette_chance", "silhouette_95", "stability_chance", "stability_95"), np.nan)
        for key, labels in one.labels.items():
            measured = key in wanted and key in drawn
            row: dict[str, object] = {
                "languages": one.languages,
                "algorithm": key[0],
                "k": key[1],
                "silhouette": fit[key],
                "stability": float(adjusted_rand(labels[None], drawn[key]).mean()) if measured else np.nan,
                "draws": len(grams) if measured else 0,
            }
            rows.append(row | chance.get(key, nothing))
    return pd.DataFrame(rows)


def cluster_agreement(found: Sequence[Grouping], permutations: int, seed: int = 0) -> pd.DataFrame:
    """Adjusted Rand index between the partitions of every two languages, over the emotions that both have.

    Args:
        found: what `groupings` found.
        permutations: B of the test that shuffles which emotion is which in the second language.
        seed: of the permutations.

    Returns:
        Columns language_a, language_b, algorithm, k, ari, p (one-sided), p_familywise (over the k of an algorithm).
    """
    alone = [one for one in found if "+" not in one.languages]
    frames: list[pd.DataFrame] = []
    for a, b in combinations(alone, 2):
        emotions_a, emotions_b = ([emotion for _, emotion in one.owners] for one in (a, b))
        shared = sorted(set(emotions_a) & set(emotions_b))
        if len(shared) < MINIMUM_EMOTIONS:
            continue
        rows_a, rows_b = ([own.index(e) for e in shared] for own in (emotions_a, emotions_b))
        orders = label_permutations(len(shared), permutations, seed)
        for algorithm in ALGORITHMS:
            ks = [k for name, k in a.labels if name == algorithm and (name, k) in b.labels]
            pairs = [(a.labels[algorithm, k][rows_a], b.labels[algorithm, k][rows_b]) for k in ks]
            if not pairs:
                continue
            observed = np.array([adjusted_rand(x[None], y[None])[0] for x, y in pairs])
            null = np.stack([adjusted_rand(x[None], y[orders]) for x, y in pairs], axis=1)
            at = {"language_a": a.languages, "language_b": b.languages, "algorithm": algorithm, "k": ks}
            p = {"p": p_values(observed, null), "p_familywise": familywise_p_values(observed, null)}
            frames.append(pd.DataFrame(at | {"ari": observed} | p))
    columns = TABLES["cluster_agreement"].without("variant", "layer")
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def cluster_profile(found: Sequence[Grouping], norms: pd.DataFrame) -> pd.DataFrame:
    """Each cluster's members and their mean valence and arousal.

    Args:
        found: what `groupings` found.
        norms: as `load_norms` returns them; the first source is used, and members that it lacks are left out of means.

    Returns:
        Columns languages, algorithm, k, cluster, size, emotions, valence, arousal (NaN where no member is rated),
        source. Where several languages are together, an emotion that only some bring to a cluster names them.
    """
    source = str(norms["source"].iloc[0]) if len(norms) else ""
    rated = norms[norms["source"] == source].set_index("word")
    rows: list[dict[str, object]] = []
    for one in found:
        n_languages = len({language for language, _ in one.owners})
        for (algorithm, k), labels in one.labels.items():
            for cluster in range(int(labels.max()) + 1):
                owners = [owner for owner, label in zip(one.owners, labels, strict=True) if label == cluster]
                means = rated.reindex([emotion.casefold() for _, emotion in owners])[["valence", "arousal"]].mean()
                rows.append(
                    {
                        "languages": one.languages,
                        "algorithm": algorithm,
                        "k": k,
                        "cluster": cluster,
                        "size": len(owners),
                        "emotions": _members(owners, n_languages),
                        "valence": means["valence"],
                        "arousal": means["arousal"],
                        "source": source,
                    }
                )
    return pd.DataFrame(rows)


def _members(owners: Sequence[Label], n_languages: int) -> str:
    by_emotion: dict[str, list[str]] = {}
    for language, emotion in owners:
        by_emotion.setdefault(emotion, []).append(language)
    return ", ".join(
        emotion if len(own) == n_languages else f"{emotion} ({'+'.join(own)})"
        for emotion, own in sorted(by_emotion.items())
    )


def _best_keys(fit: dict[tuple[str, int], float]) -> list[tuple[str, int]]:
    """For each algorithm the k of the best silhouette; of equals the smallest."""
    best: list[tuple[str, int]] = []
    for algorithm in ALGORITHMS:
        scores = {key: score for key, score in fit.items() if key[0] == algorithm and np.isfinite(score)}
        if scores:
            best.append(max(scores, key=lambda key: (round(scores[key], 12), -key[1])))
    return best


def _stability(
    vectors: EmotionVectors,
    activations: Activations,
    layer: int,
    permutations: int,
    bootstraps: int,
    seed: int,
    norms: NormFiles,
) -> Outcome:
    ratings = norms_of(load_norms(norms))
    draws = min(DRAWS, bootstraps)
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    units = ""
    for at in vectors.layers:
        shown = at == layer
        for variant, cells in layer_cells(vectors, activations, at, seed):
            units = cells.note
            found = groupings(cells, seed=seed)
            weights = bootstrap_weights(len(cells.topics), draws, seed)
            parts = {
                "cluster_quality": cluster_quality(cells, found, weights, seed, shown, CLOUDS if shown else 0),
                "cluster_agreement": cluster_agreement(found, permutations, seed),
            }
            if shown:
                parts["cluster_profile"] = cluster_profile(found, ratings)
            for name, table in parts.items():
                tables[name].append(table.assign(variant=variant, layer=at))
    quality = pd.concat(tables["cluster_quality"], ignore_index=True)
    if quality.empty:
        return Outcome(tables, {"note": f"There are too few emotions to group: it takes {MINIMUM_EMOTIONS}."})
    highest = best(quality[quality["layer"] == layer], "silhouette", ["variant", "languages", "algorithm"])
    summary: dict[str, Any] = {"layer": layer, "units": units, "best": highest}
    notes = ["No two languages share enough emotions to compare their groups."]
    summary |= noted(vectors, [] if any(map(len, tables["cluster_agreement"])) else notes)
    return Outcome(tables, summary, {"draws": draws, "clouds": CLOUDS, "linkage": "average on 1 − cosine"})


ANALYSIS = Analysis("stability", _stability, TABLES)
