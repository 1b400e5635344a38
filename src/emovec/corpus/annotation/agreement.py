"""How well labels given blind agree with the intended emotions, and with one another."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from emovec.corpus.annotation.answers import NONE
from emovec.stats.resampling import bootstrap_weights
from emovec.stats.shares import clustered_wilson

ALL = "all"
"""Stands for all languages together."""
DRAWS = 1000
"""Bootstrap samples of topics."""
_ACCURACY = ["by", "kind", "language", "n", "accuracy", "low", "high", "chance", "top3", "none", "kappa", "first"]


@dataclass(frozen=True)
class Agreement:
    """Tables of agreement; in each, the language `all` pools those that there are if they are several.

    Attributes:
        accuracy: by annotator and language: n, accuracy with low and high, chance, top3 (NaN where one emotion was
            asked for), none (share of that label), kappa against the intended emotion, first (share of answers that
            are the option shown first; NaN for people).
        recall: by annotator, language and emotion: n, recall, low, high (Wilson).
        confusion: by annotator, language, intended emotion and label: count; only pairs that occur.
        confused_pairs: by annotator and language: emotion_a, emotion_b, count, and rate: the mean of the two
            directions' shares; highest first.
        pairs: by two annotators and language: n texts that both labelled, agreement (share), kappa, low, high.
        together: by language: annotators, n texts that all labelled, fleiss (on these), and alpha (Krippendorff's, on
            every text that at least two labelled).
    """

    accuracy: pd.DataFrame
    recall: pd.DataFrame
    confusion: pd.DataFrame
    confused_pairs: pd.DataFrame
    pairs: pd.DataFrame
    together: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """Each table by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def agreement(labels: pd.DataFrame, options: Sequence[str], seed: int = 0) -> Agreement:
    """Compare labels with the intended emotions and with one another.

    An accuracy's interval is Wilson's for as many independent texts as the scatter over topics leaves (see
    `emovec.geometry.confusion.clustered_wilson`); that of Cohen's kappa comes from a bootstrap over topics, or over
    texts where they have fewer than two topics. Chance is one over the number of emotions to choose from. A text
    labelled `none` counts as wrong.

    Args:
        labels: from `emovec.corpus.annotation.answers.label_table`.
        options: the emotions to choose from.
        seed: of the bootstrap.
    """
    accuracy: list[dict[str, object]] = []
    recall: list[dict[str, object]] = []
    pairs: list[dict[str, object]] = []
    together: list[dict[str, object]] = []
    confusions: list[pd.DataFrame] = []
    confused: list[pd.DataFrame] = []
    for language, part in _views(labels):
        annotators = list(part["by"].unique())
        for by in annotators:
            own = part[part["by"] == by]
            key = {"by": by, "kind": own["kind"].iloc[0], "language": language}
            accuracy.append(key | _accuracy(own, options))
            recall += [key | {"emotion": emotion} | _recall(rows) for emotion, rows in own.groupby("emotion")]
            counts = own.groupby(["emotion", "label"]).size().rename("count").reset_index()
            confusions.append(counts.assign(by=by, language=language))
            confused.append(_confused(counts, own["emotion"].value_counts()).assign(by=by, language=language))
        named = part.assign(topic=part["topic"].fillna(""))
        wide = named.pivot(index=["id", "topic"], columns="by", values="label").reset_index()
        for a, b in combinations(annotators, 2):
            both = wide.dropna(subset=[a, b])
            if len(both):
                pairs.append({"by_a": a, "by_b": b, "language": language} | _pair(both, a, b, seed))
        if len(annotators) > 1:
            together.append({"language": language} | _together(wide[annotators].astype(object)))
    return Agreement(
        pd.DataFrame(accuracy, columns=_ACCURACY),
        pd.DataFrame(recall, columns=["by", "kind", "language", "emotion", "n", "recall", "low", "high"]),
        _stacked(confusions, ["by", "language", "emotion", "label", "count"]),
        _stacked(confused, ["by", "language", "emotion_a", "emotion_b", "count", "rate"]),
        pd.DataFrame(pairs, columns=["by_a", "by_b", "language", "n", "agreement", "kappa", "low", "high"]),
        pd.DataFrame(together, columns=["language", "annotators", "n", "fleiss", "alpha"]),
    )


def cohen_kappa(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cohen's kappa (1960) of tables [..., k, k] of one annotator's labels against another's; NaN where chance is 1."""
    total = counts.sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.trace(counts, axis1=-2, axis2=-1) / total
        expected = (counts.sum(axis=-1) * counts.sum(axis=-2)).sum(axis=-1) / total**2
        return np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)


def fleiss_kappa(counts: NDArray[np.float64]) -> float:
    """Fleiss's kappa (1971).

    Args:
        counts: [text, label] how many annotators gave the label; each text has as many annotators.

    Returns:
        1 for full agreement, 0 for chance; NaN without texts, or where only one label was ever given.
    """
    if not len(counts):
        return float("nan")
    raters = counts.sum(axis=1)
    if not np.all(raters == raters[0]):
        raise ValueError("Fleiss's kappa takes the same number of annotators for each text.")
    n = raters[0]
    observed = ((counts**2).sum(axis=1) - n).mean() / (n * (n - 1))
    expected = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return float((observed - expected) / (1 - expected)) if expected < 1 else float("nan")


def krippendorff_alpha(counts: NDArray[np.float64]) -> float:
    """Krippendorff's alpha for labels without order ("Computing Krippendorff's Alpha-Reliability", 2011).

    Args:
        counts: [text, label] how many annotators gave the label; texts with fewer than two are left out.

    Returns:
        1 for full agreement, 0 for chance; NaN where nothing is paired, or only one label was ever given.
    """
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return float("nan")
    raters = counts.sum(axis=1)
    total, by_label = float(raters.sum()), counts.sum(axis=0)
    observed = float(((raters**2 - (counts**2).sum(axis=1)) / (raters - 1)).sum()) / total
    expected = (total**2 - float((by_label**2).sum())) / (total * (total - 1))
    return 1 - observed / expected if expected > 0 else float("nan")


def _views(labels: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    languages = list(labels["language"].unique())
    each = [(language, labels[labels["language"] == language]) for language in languages]
    return [(ALL, labels), *each] if len(each) > 1 else each


def _accuracy(own: pd.DataFrame, options: Sequence[str]) -> dict[str, object]:
    right = (own["label"] == own["emotion"]).to_numpy()
    low, high = clustered_wilson(right, own["topic"].fillna("").to_numpy(dtype=str))
    several = own["second"].notna().any()
    within = own[["label", "second", "third"]].eq(own["emotion"], axis=0).any(axis=1)
    shown = own["position"].dropna()
    names = [*dict.fromkeys([*own["emotion"], *own["label"]])]
    return {
        **{"n": len(own), "accuracy": right.mean(), "low": low, "high": high, "chance": 1 / len(options)},
        "top3": within.mean() if several else np.nan,
        "none": (own["label"] == NONE).mean(),
        "kappa": float(cohen_kappa(_cross(own["emotion"], own["label"], names))),
        "first": (shown == 0).mean() if len(shown) else np.nan,
    }


def _recall(rows: pd.DataFrame) -> dict[str, object]:
    right = int((rows["label"] == rows["emotion"]).sum())
    interval = binomtest(right, len(rows)).proportion_ci(method="wilson")
    return {"n": len(rows), "recall": right / len(rows), "low": interval.low, "high": interval.high}


def _confused(counts: pd.DataFrame, n: "pd.Series[int]") -> pd.DataFrame:
    """Pairs of emotions that are taken for each other; a pair with `none` has one direction alone."""
    wrong = counts[counts["emotion"] != counts["label"]]
    rows: dict[tuple[str, str], list[float]] = {}
    for emotion, label, count in wrong[["emotion", "label", "count"]].itertuples(index=False):
        pair = (emotion, label) if label == NONE or emotion < label else (label, emotion)
        found = rows.setdefault(pair, [0, 0.0])
        found[0] += count
        # An emotion that was never shown can't be taken for another: the one direction is then all there is.
        found[1] += count / int(n[emotion]) / (2 if label in n.index else 1)
    table = pd.DataFrame(
        [(a, b, int(count), rate) for (a, b), (count, rate) in rows.items()],
        columns=["emotion_a", "emotion_b", "count", "rate"],
    )
    return table.sort_values(["rate", "count", "emotion_a", "emotion_b"], ascending=[False, False, True, True])


def _pair(both: pd.DataFrame, a: str, b: str, seed: int) -> dict[str, object]:
    names = [*dict.fromkeys([*both[a], *both[b]])]
    whole = _cross(both[a], both[b], names)
    topics = [rows for _, rows in both.groupby("topic")]
    if len(topics) > 1:
        tables = np.stack([_cross(rows[a], rows[b], names).ravel() for rows in topics])
        drawn = bootstrap_weights(len(topics), DRAWS, seed) @ tables
    else:
        drawn = np.random.default_rng(seed).multinomial(len(both), whole.ravel() / len(both), size=DRAWS).astype(float)
    kappas = cohen_kappa(drawn.reshape(DRAWS, len(names), len(names)))
    low, high = np.nanquantile(kappas, [0.025, 0.975]) if np.isfinite(kappas).any() else (np.nan, np.nan)
    same = float(np.trace(whole)) / len(both)
    return {"n": len(both), "agreement": same, "kappa": float(cohen_kappa(whole)), "low": low, "high": high}


def _together(values: pd.DataFrame) -> dict[str, object]:
    """How well all annotators (columns) agree on the texts (rows)."""
    complete = values.dropna()
    return {
        "annotators": values.shape[1],
        "n": len(complete),
        "fleiss": fleiss_kappa(_counts(complete)),
        "alpha": krippendorff_alpha(_counts(values)),
    }


def _cross(a: "pd.Series[str]", b: "pd.Series[str]", names: Sequence[str]) -> NDArray[np.float64]:
    table = pd.crosstab(a, b).reindex(index=list(names), columns=list(names), fill_value=0)
    return table.to_numpy(dtype=float)


def _counts(values: pd.DataFrame) -> NDArray[np.float64]:
    """[text, label]: how many annotators (columns) gave each text (rows) each label; missing ones don't count."""
    names = list(pd.unique(values.to_numpy().ravel()))
    names = [name for name in names if isinstance(name, str)]
    if not names:
        return np.zeros((0, 0))
    return np.stack([(values == name).sum(axis=1).to_numpy(dtype=float) for name in names], axis=1)


def _stacked(frames: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)
