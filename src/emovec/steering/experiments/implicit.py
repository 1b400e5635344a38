"""Do the vectors see an emotion that a scenario implies but does not name?"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.feature_extraction.text import TfidfTransformer

from emovec.config import SteeringConfig
from emovec.corpus.story import Story
from emovec.labels import NEUTRAL
from emovec.languages.language import Language
from emovec.stats.clustered import mean_interval, share_interval
from emovec.stats.labelled import unit
from emovec.stats.permutation import familywise_p_values, label_permutations, p_values
from emovec.stats.word_baseline import counter, text_features
from emovec.steering.experiments.experiment import Experiment, SteeringInputs, Unit
from emovec.steering.experiments.scenarios import Scenario, read_scenarios
from emovec.steering.projections import READINGS, project, read_texts, sink_threshold

STATISTICS = ("first", "top3", "mean_rank")
"""Share of scenarios whose own emotion ranks first, among the first three, and the mean of its rank."""

TOP = 3
PERMUTATIONS = 5_000
CHUNK = 8
"""Scenarios that are read at once."""

_LABELS = ["variant", "reading", "vector_language", "text_language"]
_RANKED = ("statistic", "value", "low", "high", "null", "p")
_COUNTS = ("n_scenarios", "n_emotions")
TABLES = {
    "implicit": (*_LABELS, "layer", *_RANKED, "p_familywise", *_COUNTS),
    "implicit_words": ("features", "text_language", *_RANKED, *_COUNTS),
    "implicit_scenarios": (*_LABELS, "layer", "id", "emotion", "rank", "first_ranked", "text"),
    "implicit_emotions": (*_LABELS, "layer", "emotion", "vector", "score"),
}


def ranks(scores: NDArray[Any]) -> NDArray[np.intp]:
    """[text, layer, emotion]: the place of each emotion (1: highest) in each text; of equal scores the worse place.

    Args:
        scores: [text, layer, emotion]; each emotion is centred over the texts first.
    """
    return rankdata(-(scores - scores.mean(axis=0)), method="max", axis=-1).astype(np.intp)


def rank_statistics(
    places: NDArray[np.intp],
    truth: NDArray[np.intp],
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """How high the implied emotions rank, against emotions that are given to other emotions' scenarios.

    p is one-sided, from shuffles of the emotions' names, the same at every layer; family-wise over layers (largest
    statistic). All scenarios of an emotion get one new name: they are alike in more than the emotion, so that each by
    itself would count for too much. Intervals (95 %) are for other emotions, and so for as many groups of scenarios:
    `share_interval` and `mean_interval`.

    Args:
        places: [scenario, layer, emotion] from `ranks`.
        truth: [scenario] the index of each one's emotion.
        permutations: B of the test.
        seed: of the shuffles.

    Returns:
        Columns position (of the layer), statistic, value, low, high, null (mean under shuffling), p, p_familywise.
    """
    n, n_layers, _ = places.shape
    present, group = np.unique(truth, return_inverse=True)
    shuffled = present[label_permutations(len(present), permutations, seed)[:, group]]
    at = np.arange(n)
    own = places[at, :, truth]
    null = np.stack([places[at, layer, shuffled] for layer in range(n_layers)], axis=-1)
    parts: list[pd.DataFrame] = []
    for statistic in STATISTICS:
        found, drawn = _hits(own, statistic), _hits(null, statistic).mean(axis=1)
        sign, interval = (-1, mean_interval) if statistic == "mean_rank" else (1, share_interval)
        low, high = interval(found, group)
        value = found.mean(axis=0)
        parts.append(
            pd.DataFrame(
                {
                    "position": np.arange(n_layers),
                    "statistic": statistic,
                    "value": value,
                    "low": low,
                    "high": high,
                    "null": drawn.mean(axis=0),
                    "p": p_values(sign * value, sign * drawn),
                    "p_familywise": familywise_p_values(sign * value, sign * drawn),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def word_scores(stories: Sequence[Story], texts: Sequence[str], features: str) -> tuple[list[str], NDArray[Any]]:
    """Cosine-like scores of texts by TF-IDF centroids of stories: what vocabulary alone tells, without a model.

    Args:
        stories: of one language; neutral ones are passed over.
        texts: those to be scored.
        features: `word` or `character`.

    Returns:
        The stories' emotions, and [text, emotion].
    """
    stories = [story for story in stories if story.emotion != NEUTRAL]
    emotions, codes = np.unique([story.emotion for story in stories], return_inverse=True)
    counts, weights = counter(features), TfidfTransformer(sublinear_tf=True)
    known: Any = weights.fit_transform(counts.fit_transform([story.text for story in stories]))
    asked: Any = weights.transform(counts.transform(texts))
    members = np.eye(len(emotions))[codes]
    means = (known.T @ (members / members.sum(axis=0))).T
    return [str(emotion) for emotion in emotions], asked @ unit(means - means.mean(axis=0)).T


def _hits(places: NDArray[np.intp], statistic: str) -> NDArray[np.float64]:
    within = {"first": 1, "top3": TOP}.get(statistic)
    return (places if within is None else places <= within).astype(np.float64)


def _chosen(inputs: SteeringInputs) -> dict[str, list[Scenario]]:
    """Language → scenarios of emotions that have a vector."""
    path = inputs.settings.scenarios
    scenarios = read_scenarios(None if path is None else inputs.base / path)
    found: dict[str, list[Scenario]] = {}
    for language in inputs.languages:
        kept: list[Scenario] = []
        for scenario in scenarios:
            if scenario.language == language and scenario.emotion in inputs.vectors.emotions:
                same = sum(other.emotion == scenario.emotion for other in kept)
                if inputs.settings.limit is None or same < inputs.settings.limit:
                    kept.append(scenario)
        if len({scenario.emotion for scenario in kept}) > 1:  # one emotion alone can't be told from others
            found[language] = kept
    return found


def _plan(inputs: SteeringInputs) -> list[Unit]:
    units: list[Unit] = []
    for language, scenarios in _chosen(inputs).items():
        for start in range(0, len(scenarios), CHUNK):
            part = scenarios[start : start + CHUNK]
            values = {"scenarios": [[s.id, s.language, s.emotion, s.text] for s in part]}
            units.append(text_unit(inputs, f"{language}.{start}", [s.text for s in part], values))
    return units


def text_unit(inputs: SteeringInputs, name: str, texts: Sequence[str], values: dict[str, Any]) -> Unit:
    """A unit that reads a batch of texts; its id tells the texts, so that changed ones are read anew."""
    cost = sum(len(tokens.ids) for tokens in inputs.model.tokenizer.encode(list(texts)))
    digest = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:12]
    return Unit(f"{name}.{digest}", cost, values)


def projections(inputs: SteeringInputs, texts: Sequence[str]) -> Iterable[tuple[dict[str, str], NDArray[np.float64]]]:
    """For each variant, reading and language of the vectors: [text, layer, emotion]."""
    vectors = inputs.vectors
    states = read_texts(inputs.model, texts, vectors.layers, sink_threshold(vectors))
    for variant in vectors.variants:
        for language in vectors.languages:
            found = project(states, vectors, language, variant)
            for reading in READINGS:
                labels = {"variant": variant, "reading": reading, "vector_language": language}
                yield labels, found.sel(reading=reading).transpose("text", "layer", "emotion").values


def rounded(values: NDArray[np.float64]) -> list[Any]:
    """Nested lists with five digits that count: rows are kept as text."""
    magnitude = 10.0 ** (4 - np.floor(np.log10(np.where(values == 0, 1.0, np.abs(values)))))
    return (np.round(values * magnitude) / magnitude).tolist()


def _measure(inputs: SteeringInputs, unit: Unit) -> list[dict[str, Any]]:
    scenarios = [Scenario(*fields) for fields in unit.values["scenarios"]]
    return [
        {
            **labels,
            "text_language": s.language,
            "id": s.id,
            "emotion": s.emotion,
            "text": s.text,
            "scores": rounded(row),
        }
        for labels, scores in projections(inputs, [scenario.text for scenario in scenarios])
        for s, row in zip(scenarios, scores, strict=True)
    ]


def _summarise(inputs: SteeringInputs, rows: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    if rows.empty:
        note = "There are no scenarios in the study's languages for at least two of its emotions."
        return {name: pd.DataFrame(columns=list(columns)) for name, columns in TABLES.items()}, {"note": note}
    vectors, layers = inputs.vectors, inputs.vectors.layers
    shown = layers.index(min(layers, key=lambda layer: abs(layer - inputs.layer)))
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    own: dict[tuple[str, ...], pd.Series] = {}
    for key, group in rows.groupby(_LABELS, sort=False):
        labels = dict(zip(_LABELS, map(str, key), strict=True))
        scores = np.array(group["scores"].tolist(), np.float64)
        kept = np.flatnonzero(np.isfinite(scores).all(axis=(0, 1)))  # a language may lack vectors of an emotion
        emotions = [vectors.emotions[i] for i in kept]
        asked = group["emotion"].isin(emotions).to_numpy()
        group, scores = group[asked], scores[asked]
        if group["emotion"].nunique() < 2:
            continue
        truth = np.array([emotions.index(emotion) for emotion in group["emotion"]], np.intp)
        centred = (scores - scores.mean(axis=0))[:, :, kept]
        places = ranks(centred)
        table = rank_statistics(places, truth, seed=inputs.seed)
        sizes = {"n_scenarios": len(group), "n_emotions": len(emotions)}
        parts["implicit"].append(table.assign(**labels, layer=np.array(layers)[table["position"]], **sizes))
        at = places[:, shown]
        own[tuple(labels.values())] = pd.Series(at[np.arange(len(truth)), truth], _by_emotion(group))
        firsts = [emotions[i] for i in centred[:, shown].argmax(axis=1)]
        listed = group[["id", "emotion", "text"]].assign(rank=own[tuple(labels.values())].to_numpy())
        parts["implicit_scenarios"].append(listed.assign(**labels, layer=layers[shown], first_ranked=firsts))
        means = (
            pd.DataFrame(centred[:, shown], columns=emotions).groupby(group["emotion"].to_numpy(), sort=False).mean()
        )
        long = means.rename_axis("emotion").reset_index().melt("emotion", var_name="vector", value_name="score")
        parts["implicit_emotions"].append(long.assign(**labels, layer=layers[shown]))
    words = _words(inputs, rows, parts["implicit_words"])
    tables = {
        name: (pd.concat(parts[name], ignore_index=True) if parts[name] else pd.DataFrame(columns=list(columns)))[
            list(columns)
        ]
        for name, columns in TABLES.items()
    }
    summary = {
        "layer": layers[shown],
        "permutations": PERMUTATIONS,
        "scenarios": {name: int(own["id"].nunique()) for name, own in rows.groupby("text_language", sort=False)},
        "beyond_words": _beyond_words(own, words),
    }
    return tables, summary | without(inputs, rows, "scenarios")


def without(inputs: SteeringInputs, rows: pd.DataFrame, what: str) -> dict[str, str]:
    """A note on the languages asked for in which there are no texts to read, where there are such."""
    missing = [language for language in inputs.languages if language not in set(rows["text_language"])]
    if not missing:
        return {}
    return {"note": f"There are no {what} in {', '.join(missing)}; steering.scenarios may name a file with some."}


def _words(inputs: SteeringInputs, rows: pd.DataFrame, parts: list[pd.DataFrame]) -> dict[str, pd.Series]:
    """Language → the ranks that words give to the scenarios' emotions, by the better kind of term."""
    best: dict[str, pd.Series] = {}
    for language, group in rows.groupby("text_language", sort=False):
        asked = group.drop_duplicates("id")
        stories = [s for s in inputs.stories if s.language == language and s.emotion in inputs.vectors.emotions]
        asked = asked[asked["emotion"].isin({story.emotion for story in stories})]
        if asked["emotion"].nunique() < 2:
            continue
        for features in text_features(str(language)):
            emotions, scores = word_scores(stories, asked["text"].tolist(), features)
            truth = np.array([emotions.index(emotion) for emotion in asked["emotion"]], np.intp)
            places = ranks(scores[:, None])
            sizes = {"n_scenarios": len(asked), "n_emotions": len(emotions)}
            labels = {"features": features, "text_language": language}
            parts.append(rank_statistics(places, truth, seed=inputs.seed).assign(**labels, **sizes))
            found = pd.Series(places[np.arange(len(truth)), 0, truth], _by_emotion(asked))
            if str(language) not in best or (found <= TOP).sum() > (best[str(language)] <= TOP).sum():
                best[str(language)] = found
    return best


def _by_emotion(scenarios: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(scenarios[["id", "emotion"]])


def _beyond_words(own: dict[tuple[str, ...], pd.Series], words: dict[str, pd.Series]) -> list[dict[str, Any]]:
    """How many more of the same scenarios the vectors put among the first three than words do, with its interval."""
    found: list[dict[str, Any]] = []
    for key, places in own.items():
        labels = dict(zip(_LABELS, key, strict=True))
        if (by_words := words.get(labels["text_language"])) is None:
            continue
        both = places.index.intersection(by_words.index)
        gaps = (places[both] <= TOP).to_numpy(float) - (by_words[both] <= TOP).to_numpy(float)
        low, high = mean_interval(gaps, np.unique(both.get_level_values("emotion"), return_inverse=True)[1])
        found.append({**labels, "gap": float(gaps.mean()), "low": float(low), "high": float(high)})
    return found


def _texts_in(settings: SteeringConfig, _languages: Sequence[Language], base: Path) -> set[str]:
    return {each.language for each in read_scenarios(base / settings.scenarios if settings.scenarios else None)}


EXPERIMENT = Experiment(
    name="implicit",
    tables=TABLES,
    settings=frozenset({"scenarios", "languages", "limit", "layer", "seed"}),
    texts_in=_texts_in,
    plan=_plan,
    measure=_measure,
    summarise=_summarise,
)
