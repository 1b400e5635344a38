"""What two languages share of one set of labels, under resampling of topics and labels; and how two sets differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.stats import t as student

from emovec.geometry.cells import Cells
from emovec.geometry.crossed import of_emotions
from emovec.geometry.decoding import decode_stories
from emovec.geometry.partial_correlation import partial_correlation
from emovec.geometry.reliability import BLOCKS, SPLITS, Halves, halves, noise_free_rsa, triangles
from emovec.geometry.uncertainty import pair_statistics
from emovec.stats.resampling import bootstrap_weights, half_weights, jackknife_weights

_JUMPS = ("retrieval_ab", "retrieval_ba")


@dataclass(frozen=True)
class Resampled:
    """A statistic of one set of labels, and what it is under resampling.

    Attributes:
        topics: [1 + unit], of all topics, and then without each unit of topics in turn.
        labels: [label], of all topics without each label in turn.
        draws: [draw] in bootstrap samples of topics, where leaving one out makes the statistic jump; else None.
    """

    topics: np.ndarray
    labels: np.ndarray
    draws: np.ndarray | None = None


def difference(emotions: Resampled, reference: Resampled, paired: bool, level: float = 0.95) -> dict[str, float]:
    """Two sets' values of a statistic, their difference, and its intervals.

    The interval for other topics is Student's t with the jackknife's standard error (Tukey 1958), of the difference
    itself where both sets have the same topics. The crossed one is for other topics and other labels of both kinds: the
    variances of leaving out a topic, an emotion and a reference label are added up, the degrees of freedom those of
    Satterthwaite (1946).

    Args:
        emotions: of one set.
        reference: of the other; its labels are others.
        paired: whether the units of topics are the same in both.
        level: of confidence.
    """
    value = float(emotions.topics[0] - reference.topics[0])
    if emotions.draws is not None and reference.draws is not None:
        n = [len(one.topics) - 1 for one in (emotions, reference)]
        pairs = [(emotions.draws - reference.draws, n[0])]
        pairs = pairs if paired else [(emotions.draws, n[0]), (reference.draws, n[1])]
        topics = [(float(np.nanvar(draws, ddof=1)), n_units - 1) for draws, n_units in pairs]
        shares = [(float(one.topics[0]), len(one.labels)) for one in (emotions, reference)]
        labels = [(share * (1 - share) / (n_labels - 1), n_labels - 1) for share, n_labels in shares]
    else:
        left_out = [one.topics[1:] for one in (emotions, reference)]
        topics = [_jackknife(x) for x in ([left_out[0] - left_out[1]] if paired else left_out)]
        labels = [_jackknife(one.labels) for one in (emotions, reference)]
    widths = [_width(parts, level) for parts in (topics, [*topics, *labels])]
    ends = {name: value + sign * width for name, sign, width in _ends(widths)}
    return {"emotions": float(emotions.topics[0]), "reference": float(reference.topics[0]), "difference": value} | ends


def _ends(widths: Sequence[float]) -> Iterator[tuple[str, int, float]]:
    for suffix, width in zip(("", "_crossed"), widths, strict=True):
        yield f"low{suffix}", -1, width
        yield f"high{suffix}", 1, width


def _jackknife(left_out: np.ndarray) -> tuple[float, int]:
    """Variance of a statistic from its values with one unit left out at a time, and its degrees of freedom."""
    known = left_out[np.isfinite(left_out)]
    n = len(known)
    return (float(((known - known.mean()) ** 2).sum() * (n - 1) / n), n - 1) if n > 1 else (np.nan, 1)


def _width(parts: Sequence[tuple[float, int]], level: float) -> float:
    """Half the length of Student's interval whose variance is the sum of some with their degrees of freedom."""
    total = sum(variance for variance, _ in parts)
    spent = sum(variance**2 / degrees for variance, degrees in parts)
    if not np.isfinite(total):
        return np.nan
    return float(student.ppf((1 + level) / 2, total**2 / spent) * np.sqrt(total)) if total > 0 else 0.0


def pair_resampled(
    cells: Cells, pair: tuple[str, str], confounds: np.ndarray, bootstraps: int, seed: int
) -> dict[str, Resampled]:
    """What two languages share of one set of labels at one layer: its statistics under resampling.

    Args:
        cells: of the set.
        pair: the two languages.
        confounds: [confound, pair of labels]: similarities from words, embeddings and the first layer.
        bootstraps: of the topics, for retrieval.
        seed: of blocks, splits and bootstrap.

    Returns:
        rsa, rsa_noise_free, partial (beyond the confounds), cosine_difference, retrieval_ab, retrieval_ba.
    """
    blocks = cells.merged(BLOCKS, seed)
    n, n_labels = len(blocks.topics), len(cells.emotions)
    weights = np.vstack([np.ones((1, n)), jackknife_weights(n)])
    splits = half_weights(n, SPLITS, seed)
    a, b = pair
    grams = {key: blocks.grams(weights, *key) for key in ((a, a), (b, b), (a, b))}
    halved = {language: halves(blocks, language, weights, splits) for language in pair}
    topics = _statistics(grams[a, a], grams[b, b], grams[a, b], halved[a], halved[b], confounds)
    without = {key: _without_each(gram[0]) for key, gram in grams.items()}
    split = {language: halves(blocks, language, weights[:1], splits, _triangles_without) for language in pair}
    split = {name: half.mapped(lambda x: np.moveaxis(x[0], 1, 0)) for name, half in split.items()}
    i, j = np.triu_indices(n_labels, 1)
    fewer = np.array([confounds[:, (i != label) & (j != label)] for label in range(n_labels)])
    labels = _statistics(without[a, a], without[b, b], without[a, b], split[a], split[b], fewer)
    drawn = bootstrap_weights(len(cells.topics), bootstraps, seed)
    draws = pair_statistics(*(cells.grams(drawn, *key) for key in ((a, a), (b, b), (a, b))))
    return {
        name: Resampled(values, labels[name], draws[name] if name in _JUMPS else None)
        for name, values in topics.items()
    }


def _statistics(
    own_a: np.ndarray, own_b: np.ndarray, cross: np.ndarray, a: Halves, b: Halves, confounds: np.ndarray
) -> dict[str, np.ndarray]:
    """Statistics by reweighting; the confounds are [confound, pair], or [reweighting, confound, pair]."""
    found = pair_statistics(own_a, own_b, cross)
    of_a, of_b = triangles(own_a), triangles(own_b)
    if confounds.ndim == 2:
        beyond = partial_correlation(of_a, of_b, confounds)
    else:
        beyond = np.array([partial_correlation(of_a[[k]], of_b[[k]], x)[0] for k, x in enumerate(confounds)])
    wanted = {name: found[name] for name in ("rsa", "cosine_difference", *_JUMPS)}
    return wanted | {"rsa_noise_free": noise_free_rsa(a, b), "partial": beyond}


def _without_each(grams: np.ndarray) -> np.ndarray:
    """Products without each label in turn, centred anew: [..., label, label] → [..., label left out, label, label]."""
    return np.stack([of_emotions(grams, kept) for kept in ~np.eye(grams.shape[-1], dtype=bool)], axis=-3)


def _triangles_without(grams: np.ndarray) -> np.ndarray:
    return triangles(_without_each(grams))


def decoding_resampled(
    arrays: dict[str, xr.DataArray], seed: int
) -> dict[tuple[str, str, str], tuple[Resampled, list[str]]]:
    """Decoding accuracy of one set of labels, under resampling of topics and of labels.

    Args:
        arrays: language → [story, hidden], as `activations` gives them.
        seed: of the folds where topics can't be held out.

    Returns:
        (variant, language of the centroids, language of the stories) → accuracy as in the table `decoding`, and the
        topics (folds) that were left out.
    """
    found: dict[tuple[str, str, str], tuple[Resampled, list[str]]] = {}
    for key, own in decode_stories(arrays, seed).items():
        topics, emotions, folds = own.labels["topic"], own.labels["emotion"], np.unique(own.fold)
        by_fold = [own.right[own.fold != fold].mean() for fold in folds]
        by_label = [own.right[emotions != label].mean() for label in np.unique(emotions)]
        names = [" ".join(np.unique(topics[own.fold == fold])) for fold in folds]
        found[key] = Resampled(np.array([own.right.mean(), *by_fold]), np.array(by_label)), names
    return found
