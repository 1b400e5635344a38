"""Principal components of a language's emotion vectors, held against valence and arousal."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from emovec.geometry.labelled import in_label_order, labels, unit
from emovec.geometry.norms import DIMENSIONS

POLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "valence": (("thrilled", "joyful", "loving"), ("ashamed", "guilty", "resentful", "disgusted")),
    "arousal": (("thrilled", "excited", "angry", "overwhelmed"), ("serene", "calm", "indifferent", "bored")),
}
"""The post's poles, high and low; *thrilled* is in both axes, so they overlap."""


def pole_words(emotions: list[str], axis: str) -> tuple[list[str], list[str]] | None:
    """The words of an axis's poles that a study has; None where one of the poles has no word in it."""
    high, low = ([word for word in side if word in emotions] for side in POLES[axis])
    return (high, low) if high and low else None


def pole_axis(vectors: np.ndarray, emotions: list[str], axis: str) -> np.ndarray | None:
    """The post's axis: mean vector of the high pole less that of the low pole.

    Args:
        vectors: [emotion, hidden].
        emotions: their labels.
        axis: `valence` or `arousal`.

    Returns:
        [hidden], of length 1; None where one of the poles has no word among the emotions.
    """
    words = pole_words(emotions, axis)
    if words is None:
        return None
    high, low = (vectors[[emotions.index(word) for word in side]].mean(axis=0) for side in words)
    return unit(high - low)


def pca(
    vectors: xr.DataArray, components: int = 4, norms: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Principal components over emotions, each language alone, at every layer.

    The sign of a component is free; at a language's first layer it is the one that correlates positively with the
    post's valence axis, else with the valence of the first norm set, else the one in which the emotion furthest out
    is positive. At each following layer it is the one that correlates positively with the same-numbered component of
    the layer before, so that a curve over layers doesn't jump with the sign alone.

    Args:
        vectors: [language, emotion, layer, hidden]; centred here.
        components: how many to give scores for, bounded by the number of emotions less one.
        norms: as `load_norms` returns them, for the sign.

    Returns:
        Two tables: layer, language, emotion, component (from 1), score; and layer, language, component, share of the
        variance (all components).
    """
    scores: list[pd.DataFrame] = []
    shares: list[pd.DataFrame] = []
    before: dict[str, np.ndarray] = {}
    for layer, language, emotions, values in _slices(vectors):
        n = len(emotions)
        u, s, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
        at = {"layer": layer, "language": language}
        total = (s**2).sum()
        rank = min(n - 1, len(s))
        shares.append(
            pd.DataFrame(
                at | {"component": np.arange(1, rank + 1), "share": s[:rank] ** 2 / total if total else np.zeros(rank)}
            )
        )
        kept = min(components, rank)
        projected = u[:, :kept] * s[:kept]
        projected *= _signs(projected, before.get(language), values, emotions, norms)
        before[language] = projected
        frame = pd.DataFrame(projected, index=emotions, columns=range(1, kept + 1))
        frame = frame.rename_axis("emotion").reset_index().melt("emotion", var_name="component", value_name="score")
        scores.append(frame.assign(**at))
    return (
        pd.concat(scores, ignore_index=True)[["layer", "language", "emotion", "component", "score"]],
        pd.concat(shares, ignore_index=True)[["layer", "language", "component", "share"]],
    )


def axis_correlations(vectors: xr.DataArray, scores: pd.DataFrame, norms: pd.DataFrame) -> pd.DataFrame:
    """Pearson correlation over emotions of component scores with valence, arousal and dominance.

    References are the projections on the post's axes (which are made of the same vectors: a high correlation says that
    the component separates the poles, not that people would agree) and human norms of the emotion's English word. A
    reference with fewer than three emotions, or without variance, is left out.

    Args:
        vectors: [language, emotion, layer, hidden].
        scores: the first table of `pca` of the same vectors.
        norms: as `load_norms` returns them.

    Returns:
        Columns layer, language, component, reference, r, n_emotions.
    """
    by_slice = dict(iter(scores.groupby(["layer", "language"])))
    rows: list[tuple[int, str, int, str, float, int]] = []
    for layer, language, emotions, values in _slices(vectors):
        if (layer, language) not in by_slice:
            continue
        table = by_slice[layer, language].pivot(index="emotion", columns="component", values="score").loc[emotions]
        for name, reference in _references(values, emotions, norms).items():
            known = np.isfinite(reference)
            if known.sum() < 3:
                continue
            for component in table.columns:
                r = _correlation(table[component].to_numpy()[known], reference[known])
                if np.isfinite(r):
                    rows.append((layer, language, int(component), name, r, int(known.sum())))
    return pd.DataFrame(rows, columns=["layer", "language", "component", "reference", "r", "n_emotions"])


def pole_cosines(vectors: xr.DataArray) -> pd.DataFrame:
    """Cosine between the post's valence and arousal axes: how far the two are one direction to begin with.

    Args:
        vectors: [language, emotion, layer, hidden].

    Returns:
        Columns layer, language, cosine; empty where a pole has no word among the emotions.
    """
    rows: list[tuple[int, str, float]] = []
    for layer, language, emotions, values in _slices(vectors):
        valence, arousal = (pole_axis(values, emotions, axis) for axis in POLES)
        if valence is not None and arousal is not None:
            rows.append((layer, language, float(valence @ arousal)))
    return pd.DataFrame(rows, columns=["layer", "language", "cosine"])


def _slices(vectors: xr.DataArray) -> Iterator[tuple[int, str, list[str], np.ndarray]]:
    """Layer, language, sorted emotions and their vectors [emotion, hidden], for each language and layer."""
    for language in labels(vectors, "language"):
        own = in_label_order(vectors, language).isel(language=0)
        emotions = labels(own, "emotion")
        if len(emotions) < 2:
            continue
        for at, layer in enumerate(own["layer"].values):
            yield int(layer), language, emotions, own.isel(layer=at).values


def _references(values: np.ndarray, emotions: list[str], norms: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """What components are held against: name → [emotion], NaN where unknown; the post's first."""
    references: dict[str, np.ndarray] = {}
    for axis in POLES:
        direction = pole_axis(values, emotions, axis)
        if direction is not None:
            references[f"post {axis}"] = values @ direction
    if norms is not None:
        words = [emotion.casefold() for emotion in emotions]
        for source, table in norms.groupby("source"):
            for dimension in DIMENSIONS:
                references[f"{source} {dimension}"] = table.set_index("word")[dimension].reindex(words).to_numpy()
    return references


def _signs(
    scores: np.ndarray, before: np.ndarray | None, values: np.ndarray, emotions: list[str], norms: pd.DataFrame | None
) -> np.ndarray:
    """±1 for each column of scores [emotion, component]; `before` are the scores of the layer before, if any."""
    furthest = np.take_along_axis(scores, np.abs(scores).argmax(axis=0)[None], axis=0)[0]
    signs = np.sign(furthest)
    for name, reference in _references(values, emotions, norms).items():
        known = np.isfinite(reference)
        if name.endswith(" valence") and known.sum() > 2:
            r = np.array([_correlation(column[known], reference[known]) for column in scores.T])
            signs = np.where(np.isfinite(r) & (r != 0), np.sign(r), signs)
            break
    if before is not None:
        r = np.array([_correlation(*columns) for columns in zip(scores.T, before.T, strict=True)])
        signs = np.where(np.isfinite(r) & (r != 0), np.sign(r), signs)
    return np.where(signs == 0, 1.0, signs)


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's r; NaN where one of the two doesn't vary."""
    x, y = x - x.mean(), y - y.mean()
    length = np.linalg.norm(x) * np.linalg.norm(y)
    return float(np.clip(x @ y / length, -1, 1)) if length > 0 else float("nan")
