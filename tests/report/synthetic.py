"""A study folder with planted structure, of any size: what the report reads, without a model."""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
import yaml

from emovec.emotions import DEFAULT_30
from emovec.geometry.analysis import VARIANTS
from emovec.geometry.registry import TABLES
from emovec.models.depth import two_thirds
from emovec.vectors.emotion_vectors import VECTOR_DIMS, EmotionVectors

WORDS = {
    "en": (" afraid", " fear", "terror", " the", "\n", " cold"),
    "ja": ("恐れ", "怖い", "恐怖", "の", "▁心", "冷たい"),
}


def pairs(languages: Sequence[str]) -> list[tuple[str, str]]:
    return [(a, b) for i, a in enumerate(languages) for b in languages[i:]]


def planted(
    languages: Sequence[str], emotions: Sequence[str], layers: Sequence[int], hidden: int = 24, seed: int = 0
) -> np.ndarray:
    """[variant, language, emotion, layer, hidden]: shared axes and noise; one dimension rules the raw early layers."""
    rng = np.random.default_rng(seed)
    meaning = rng.normal(size=(len(emotions), 4))
    basis = rng.normal(size=(4, hidden))
    depth = np.linspace(0.3, 1.2, len(layers))
    vectors = np.einsum("ec,ch,l->elh", meaning, basis, depth)[None].repeat(len(languages), 0)
    vectors = vectors + rng.normal(size=vectors.shape) * 0.8
    both = np.stack([vectors, vectors])
    outlier = rng.normal(size=(len(languages), len(emotions), len(layers))) * np.linspace(30, 1, len(layers))
    both[0, ..., 3] += outlier
    return both - both.mean(axis=2, keepdims=True)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def tables(
    languages: Sequence[str], emotions: Sequence[str], layers: Sequence[int], norms: bool = True
) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(1)
    vectors = planted(languages, emotions, layers)
    unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    upper = np.triu_indices(len(emotions), 1)
    n_layers, chance = len(layers), 1 / len(emotions)
    chances = {
        (a, b): 0.001 + 0.002 * i + 0.01 * j for i, a in enumerate(languages) for j, b in enumerate(("raw", "cleaned"))
    }
    rows: dict[str, list[tuple]] = {name: [] for name in TABLES}
    for (v, variant), (m, layer) in product(enumerate(VARIANTS), enumerate(layers)):
        height = m / max(n_layers - 1, 1)
        for (i, a), (j, b) in product(enumerate(languages), enumerate(languages)):
            accuracy = float(
                np.clip(
                    (0.25 + 0.65 * np.sin(2.2 * height + 0.2)) * (1 if i == j else 0.9)
                    - 0.04 * i
                    - (0.1 if v == 0 else 0),
                    0,
                    1,
                )
            )
            ends = (accuracy - 0.05, accuracy + 0.05, accuracy - 0.08, accuracy + 0.07)
            rows["decoding"].append((variant, layer, a, b, accuracy, *ends, 360, chance))
        for a, b in pairs(languages):
            i, j = list(languages).index(a), list(languages).index(b)
            c = unit[v, i, :, m] @ unit[v, j, :, m].T
            for (p, ea), (q, eb) in product(enumerate(emotions), enumerate(emotions)):
                rows["cosine"].append((variant, layer, a, b, ea, eb, c[p, q]))
            if a == b:
                order = np.argsort(unit[v, i, :, m] @ np.linalg.svd(unit[v, i, :, m])[2][0])
                rows["order"] += [(variant, layer, a, position, emotions[e]) for position, e in enumerate(order)]
                continue
            off = c[~np.eye(len(emotions), dtype=bool)]
            if m == n_layers // 2:
                rows["robustness"] += [
                    (layer, texts, 720, choice, option, int(q == 0), variant, statistic, a, b, 0.8 - 0.3 * q)
                    for texts, choice in (("all stories", "distance"), ("a sample", "offset"))
                    for q, option in enumerate(
                        ("cosine", "euclidean") if choice == "distance" else ("50 tokens", "0 tokens")
                    )
                    for statistic in ("rsa", "cosine_difference", "retrieval")
                ]
            ab, ba = (c.argmax(1) == np.arange(len(emotions))).mean(), (c.argmax(0) == np.arange(len(emotions))).mean()
            rows["crosslingual"].append((variant, layer, a, b, np.diag(c).mean(), off.mean(), 0.0001, ab, ba, chance))
            own = [(unit[v, k, :, m] @ unit[v, k, :, m].T)[upper] for k in (i, j)]
            for method, shrink in (("pearson", 1.0), ("spearman", 0.97), ("rho_a", 0.96)):
                r = correlation(*own) * shrink
                p = 0.0001 if r > 0.12 else 0.3
                rows["rsa"].append(
                    (variant, layer, a, b, method, r, p, min(1.0, 3 * p), 0.002, 0.09 + 0.01 * rng.random(), 10_000)
                )
        for i, language in enumerate(languages):
            scores = unit[v, i, :, m] - unit[v, i, :, m].mean(0)
            _, s, basis = np.linalg.svd(scores, full_matrices=False)
            for component in range(min(4, len(s))):
                share = s[component] ** 2 / (s**2).sum()
                rows["pca_variance"].append((variant, layer, language, component + 1, share, share))
                rows["pca"] += [
                    (variant, layer, language, e, component + 1, x)
                    for e, x in zip(emotions, scores @ basis[component], strict=True)
                ]
                references = ["post valence", "post arousal"]
                if norms:
                    references += [
                        f"{s} {d}"
                        for s in ("Glasgow2019", "RussellMehrabian1977")
                        for d in ("valence", "arousal", "dominance")
                    ]
                for n, reference in enumerate(references if component < 2 else []):
                    r = np.clip(0.9 * np.cos(n + component) * (0.3 + 0.7 * height), -1, 1)
                    tested = (0.004, 0.02 if component else 0.2, 0.36)
                    at, words = (variant, layer, language, component + 1, reference), ("joyful", "sad")
                    rows["axes"].append((*at, r, *tested, len(emotions), *words))
            words = ("joyful", "sad", "angry", "calm")
            rows["poles"].append((variant, layer, language, 0.31 + 0.1 * i, 0.4, 0.9, 0.5, *words))
            # The mean vectors have one dimension in common; denoising evens out.
            squares = (vectors[v, i, :, m] ** 2).sum(0)
            common = squares + 20 * squares.sum() * (np.arange(len(squares)) == 5)
            for kind, energy in (("raw", common), ("centred", squares), ("denoised", np.sqrt(squares))):
                dimensions = np.argsort(-energy)
                rows["outliers"] += [
                    (kind, variant, language, layer, rank + 1, int(d), energy[d] / energy.sum())
                    for rank, d in enumerate(dimensions[:5])
                ]
        for i, j in product(range(len(languages)), repeat=2):
            a, b = languages[i], languages[j]
            own = unit[v, i, :, m] @ unit[v, i, :, m].T
            for n, other in enumerate(layers if i <= j else []):
                r = correlation(own[upper], (unit[v, j, :, n] @ unit[v, j, :, n].T)[upper])
                rows["cross_layer"] += [
                    (variant, a, b, "rsa", layer, other, r),
                    (variant, a, b, "cka", layer, other, r),
                ]
            r = correlation(own[upper], (unit[v, j, :, m] @ unit[v, j, :, m].T)[upper])
            rows["language_agreement"].append((variant, layer, a, b, r))
            if i < j:
                rows["cka"].append((variant, layer, a, b, 0.9 * r, 0.0001, 0.002, 0.1))
                rows["distance_rsa"] += [
                    (variant, layer, a, b, distance, measure, shrink * r, 0.0001, 0.002, 0.12)
                    for distance, shrink in (("cosine", 1.0), ("crossnobis", 0.8))
                    for measure in ("pearson", "spearman", "rho_a")
                ]
        rows["language_map"] += [
            (variant, layer, language, np.cos(2 * k), np.sin(2 * k), k) for k, language in enumerate(languages)
        ]
        sets = list(languages) + (["+".join(languages)] if len(languages) > 1 else [])
        for name in sets:
            members = [(k, language) for k, language in enumerate(languages) if language in name.split("+")]
            for k in range(2, min(11, len(emotions) * len(members))):
                rows["silhouette"].append((variant, layer, name, k, 0.5 * np.exp(-((k - 4) ** 2) / 8) + 0.05 * v))
                for i, language in members:
                    flat = unit[v, i, :, m] @ np.ones(unit.shape[-1])
                    cluster = np.digitize(flat, np.quantile(flat, np.arange(1, k) / k))
                    rows["clusters"] += [
                        (variant, layer, name, k, language, e, int(c)) for e, c in zip(emotions, cluster, strict=True)
                    ]
            for i, language in members:
                spot = unit[v, i, :, m] @ np.random.default_rng(3).normal(size=(unit.shape[-1], 2)) + 5
                rows["umap"] += [
                    (variant, layer, name, language, e, *xy) for e, xy in zip(emotions, spot.tolist(), strict=True)
                ]
    for i, language in enumerate(languages):
        for features, accuracy in (("word", 0.42), ("character", 0.55)):
            rows["lexical"].append((features, language, language, accuracy + 0.1 * i, 360, chance))
        for layer, choice in (*product(layers, ("none",)), (two_thirds(layers[-1] + 1, layers), "held out")):
            gap = (0.2, 0.12, 0.28, 0.08, 0.32, 0.001) if i == 0 else (-0.02, -0.08, 0.04, -0.1, 0.06, 0.6)
            rows["beyond_words"].append((layer, choice, language, "character", 0.75, 0.75 - gap[0], *gap, 360))
        words = WORDS.get(language, WORDS["en"])
        for (m, layer), lens in product(enumerate(layers), ("raw", "cleaned")):
            for (e, emotion), side, rank in product(enumerate(emotions), ("top", "bottom"), range(1, 11)):
                token = words[(rank + e + m) % len(words)]
                rows["lens"].append(
                    (
                        language,
                        layer,
                        lens,
                        emotion,
                        side,
                        rank,
                        100 + rank,
                        token,
                        (1 if side == "top" else -1) * (9 - 0.5 * rank),
                    )
                )
            for k, spoken in product((1, 10), ["any", *languages]):
                hits = min(1.0, 0.06 * m * (1 if lens == "cleaned" else 0.3) * (1 if k == 10 else 0.4))
                rows["lens_hits"].append(
                    (language, layer, lens, k, spoken, hits, chances[language, lens] * k, len(emotions))
                )
        for n, token in enumerate(words):
            rows["outlier_tokens"].append(
                (
                    language,
                    layers[-1] if len(layers) < 3 else layers[2],
                    3,
                    token,
                    40 - n,
                    0.4 / (n + 1),
                    0.9 if n == 0 else 0.0,
                )
            )
    _groups(rows, languages, emotions, layers)
    _uncertainty(rows, languages, layers)
    _confusions(rows, languages, emotions, layers[(2 * n_layers) // 3])
    _confounds(rows, languages, layers)
    _paths(rows, languages, emotions, layers)
    _alignment(rows, languages, layers)
    if norms:
        _affect(rows, languages, emotions, layers)
    found = {name: pd.DataFrame(rows[name], columns=table.columns) for name, table in TABLES.items()}
    return {name: table for name, table in found.items() if len(table)}


def _groups(
    rows: dict[str, list[tuple]], languages: Sequence[str], emotions: Sequence[str], layers: Sequence[int]
) -> None:
    shown = two_thirds(layers[-1] + 1, layers)
    sets = list(languages) + (["+".join(languages)] if len(languages) > 1 else [])
    ks = range(2, min(11, len(emotions)))
    for variant, layer, algorithm, k in product(VARIANTS, layers, ("k-means", "average linkage"), ks):
        at = layer == shown
        for name in sets:
            measured = (0.9 - 0.05 * k, 50) if at or k == 2 else (np.nan, 0)
            chances = (0.15, 0.2, 0.5, 0.7) if at else (np.nan,) * 4
            rows["cluster_quality"].append((variant, layer, name, algorithm, k, 0.4 - 0.02 * k, *measured, *chances))
            for cluster in range(k if at else 0):
                own = ", ".join(emotions[cluster::k])
                rating = (5.0 + cluster / 3, 4.5 if cluster else np.nan, "Glasgow2019")
                rows["cluster_profile"].append(
                    (variant, layer, name, algorithm, k, cluster, len(emotions[cluster::k]), own, *rating)
                )
        for a, b in pairs(languages):
            if a != b:
                rows["cluster_agreement"].append((variant, layer, a, b, algorithm, k, 0.6 - 0.03 * k, 0.001, 0.01))


def _confusions(rows: dict[str, list[tuple]], languages: Sequence[str], emotions: Sequence[str], layer: int) -> None:
    n, following = len(emotions), [*emotions[1:], emotions[0]]
    for method, (a, b) in product(("centroid", "logistic"), product(languages, languages)):
        rows["methods"].append((layer, method, a, b, 0.75, 0.68, 0.81, 0.62, 0.84, 12 * n, 1 / n))
        for emotion, other in zip(emotions, following, strict=True):
            rows["confusion"] += [(layer, method, a, b, emotion, emotion, 9), (layer, method, a, b, emotion, other, 3)]
    for method in ("centroid", "logistic"):
        for language, one, other in product(languages, emotions, emotions):
            if one < other:
                near = following[list(emotions).index(one)] == other
                rows["confused_pairs"].append((layer, method, one, other, language, 0.125 * near))
        rows["confusion_agreement"] += [
            (layer, method, a, b, 0.8, 0.001, n * (n - 1) // 2, 10_000) for a, b in pairs(languages) if a != b
        ]


def _paths(
    rows: dict[str, list[tuple]], languages: Sequence[str], emotions: Sequence[str], layers: Sequence[int]
) -> None:
    places = np.random.default_rng(5).normal(size=(len(languages), len(emotions), 3))
    for variant, (m, layer) in product(VARIANTS, enumerate(layers)):
        for (i, language), (e, emotion) in product(enumerate(languages), enumerate(emotions)):
            x, y, z = (places[i, e] * (1 + m / 5)).tolist()
            rows["isomap"].append((variant, layer, language, emotion, x, y, 5))
            for method, dimensions in product(("aligned-umap", "pca"), (2, 3)):
                depth, share = (z if dimensions == 3 else np.nan), (0.4 if method == "pca" else np.nan)
                rows["manifold"].append((variant, method, dimensions, layer, language, emotion, x, y, depth, share))
        for (a, b), k in product(pairs(languages), range(2, 6)):
            if a != b:
                rows["geodesic"].append(
                    (variant, layer, a, b, k, int(k > 2), 0.6, 0.8, 0.7, 0.9, 0.8, 0.9, -0.2, -0.3, -0.1)
                )


def _alignment(rows: dict[str, list[tuple]], languages: Sequence[str], layers: Sequence[int]) -> None:
    samples = {"in-sample": 0.9, "held-out": 0.4, "shuffled in-sample": 0.6, "shuffled held-out": -0.2}
    for variant, layer, (a, b), components in product(VARIANTS, layers, pairs(languages), (0, 2, 5)):
        for sample, r2 in samples.items():
            shuffled = sample.startswith("shuffled")
            if a != b and (components or "held" not in sample):
                limit, shuffles = (r2 + 0.1, 20) if shuffled else (np.nan, 0)
                rows["procrustes"].append((variant, layer, a, b, components, sample, r2, limit, 0.5, 0.1, shuffles))


def _affect(
    rows: dict[str, list[tuple]], languages: Sequence[str], emotions: Sequence[str], layers: Sequence[int]
) -> None:
    rated = emotions[: len(emotions) - 1]
    for variant, (m, layer), language in product(VARIANTS, enumerate(layers), languages):
        for n, scale in enumerate(("valence", "arousal", "dominance")):
            r = 0.3 + 0.5 * m / len(layers) - 0.1 * n
            numbers = (r, r - 0.2, r + 0.1, 0.01, 0.03, 0.25, len(rated), 0.9)
            rows["affect"].append((variant, layer, language, "Glasgow2019", scale, *numbers))
            rows["affect_predictions"] += [
                (variant, layer, language, "Glasgow2019", emotion, scale, 2 + e / 5, 3 + e / 7)
                for e, emotion in enumerate(rated)
            ]
            if m == len(layers) // 2:
                word = (r, r - 0.3, emotions[0], r + 0.1, emotions[-1], r - 0.3, emotions[0], len(rated))
                rows["word_influence"].append((variant, layer, language, "Glasgow2019", scale, *word))
        rows["affect_components"] += [
            (variant, layer, language, "Glasgow2019", component, 0.6, -0.4, 0.002, 0.3, 0.5, 0.45, 0.01, len(rated))
            for component in (1, 2)
        ]


def _uncertainty(rows: dict[str, list[tuple]], languages: Sequence[str], layers: Sequence[int]) -> None:
    for variant, layer in product(VARIANTS, layers):
        for language in languages:
            rows["reliability"].append((variant, layer, language, 0.8, 0.89, 30))
            spread = (0.4, 0.2, 0.6, 0.1, *[np.nan] * 3, 0.2, 0.5, 0.25, 0.55, 1000)
            rows["intervals"].append((variant, layer, "pc_norm", language, "", "component 1 · norm valence", *spread))
        for a, b in pairs(languages):
            if a != b:
                rows["ceiling"].append((variant, layer, a, b, 0.7, 0.89, 0.79, ""))
                for name, value in (("rsa", 0.7), ("same_cosine", 0.5), ("retrieval_ab", 0.9), ("retrieval_ba", 0.8)):
                    crossed = (value - 0.15, value + 0.13, 0.07)
                    spread = (value - 0.1, value + 0.1, 0.05, *crossed, value - 0.2, value, value - 0.1, value, 1000)
                    rows["intervals"].append((variant, layer, name, a, b, "", value, *spread))
                free = (0.79, 0.7, 0.88, 0.04, 0.6, 0.95, 0.08, *[np.nan] * 4, 0)
                rows["intervals"].append((variant, layer, "rsa_noise_free", a, b, "", *free))


def _confounds(rows: dict[str, list[tuple]], languages: Sequence[str], layers: Sequence[int]) -> None:
    alone = {"embeddings": 0.62, "words": 0.76, "first layer": 0.64}
    for variant, layer, (a, b) in product(VARIANTS, layers, pairs(languages)):
        for n, given in enumerate(("none", "embeddings", "words", "valence", "first layer", "all") if a != b else ()):
            left = 0.85 - 0.05 * n - 0.01 * abs(layer - 2)
            rows["confounds"].append(
                (variant, layer, a, b, given, alone.get(given, np.nan), left, left + 0.1, 0.0001, 0.0001, 10_000)
            )


def write_study(
    folder: Path,
    languages: Sequence[str] = ("en", "ja"),
    emotions: Sequence[str] = DEFAULT_30,
    layers: Sequence[int] = tuple(range(18)),
    norms: bool = True,
    story: str | None = None,
    neutral: bool = True,
) -> Path:
    """Write a study folder as a run leaves it."""
    config = {"model": "gemma-3-270m", "languages": list(languages), "emotions": list(emotions)}
    (folder / "geometry").mkdir(parents=True, exist_ok=True)
    (folder / "corpus").mkdir(exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    for name, table in tables(languages, emotions, layers, norms).items():
        table.to_parquet(folder / "geometry" / f"{name}.parquet")
    summary = {"layer": two_thirds(layers[-1] + 1, layers), "reason": "best mean held-out decoding within languages"}
    choice = {"analysis": "choice", "tables": [], "parameters": {}, "emovec": "0.1.0", "summary": summary}
    (folder / "geometry" / "choice.json").write_text(json.dumps(choice))
    texts = {
        "en": "The door closed, and her hands would not stop shaking. ",
        "ja": "ドアが閉まる音で、背中に冷たい汗が噴き出した。",
    }
    for language in languages:
        body = story or texts.get(language, texts["en"]) * 6
        with (folder / "corpus" / f"stories.{language}.jsonl").open("w", encoding="utf-8") as file:
            for emotion, topic in product(emotions, ("job_interview", "moving_house")):
                record = {
                    "id": f"{language}-{topic}-{emotion}",
                    "language": language,
                    "emotion": emotion,
                    "topic": topic,
                    "text": body,
                }
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
        if neutral:
            record = {
                "id": "n",
                "language": language,
                "emotion": "neutral",
                "topic": None,
                "text": "A table is a table.",
            }
            (folder / "corpus" / f"neutral.{language}.jsonl").write_text(json.dumps(record) + "\n")
    _vectors(languages, emotions, layers, neutral).save(folder / "vectors.safetensors")
    facts = {
        "languages": {
            language: {"stories": 2 * len(emotions) - 1, "neutral": 1, "tokens": 61_234, "sink_tokens": 721,
                       "skipped": [{"id": f"{language}-x", "reason": "no token past the offset"}]}
            for language in languages
        },
        "batch_tokens": 2048, "device": "cpu", "dtype": "float32", "seconds": 312.4,
    }  # fmt: skip
    (folder / "activations.json").write_text(json.dumps(facts))
    return folder


def _vectors(languages: Sequence[str], emotions: Sequence[str], layers: Sequence[int], neutral: bool) -> EmotionVectors:
    values = planted(languages, emotions, layers)[1].astype("float32")
    coords = {"language": list(languages), "emotion": list(emotions), "layer": list(layers)}
    full = xr.DataArray(values, dims=VECTOR_DIMS, coords=coords)
    by_layer = xr.DataArray(np.full((len(languages), len(layers)), 7, dtype="int64"), dims=("language", "layer"),
                            coords={"language": list(languages), "layer": list(layers)})  # fmt: skip
    return EmotionVectors(
        raw=full, centred=full, denoised=full if neutral else None,
        story_std=full.std("emotion") + 1, residual_norm=by_layer.astype("float32") * 11.5,
        counts=xr.DataArray(np.full((len(languages), len(emotions)), 2), dims=("language", "emotion"),
                            coords={"language": list(languages), "emotion": list(emotions)}),
        noise_components=by_layer if neutral else None,
        noise_variance=by_layer.astype("float32") * 0 + 0.52 if neutral else None,
        provenance={"model": "gemma-3-270m", "revision": "abc123", "emovec": "0.1.0", "recipe": {"offset": 50}},
    )  # fmt: skip
