"""Principal components of a language's emotion vectors, held against valence and arousal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from emovec.geometry.analysis import VARIANTS, Analysis, Outcome, Table, each_variant, plain
from emovec.geometry.component_tests import axis_cosines, compared, pole_correlations, rating_correlations
from emovec.languages.norms import DIMENSIONS, MINIMUM_RATED, NormFiles, load_norms, norm_agreement, norms_of
from emovec.stats.labelled import in_label_order, labels, layer_numbers
from emovec.stats.permutation import label_permutations
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {
    "axes": Table(
        "variant:str layer:int language:str component:int reference:str r p p_familywise null_95 n_emotions:int "
        "high:str low:str"
    ),
    "poles": Table(
        "variant:str layer:int language:str cosine p p_familywise null_95 high_valence:str low_valence:str "
        "high_arousal:str low_arousal:str"
    ),
}
PCA_TABLES = {
    "pca": Table("variant:str layer:int language:str emotion:str component:int score"),
    "pca_variance": Table("variant:str layer:int language:str component:int share neutral_share"),
}
COMPONENTS = 4

Sides = tuple[Sequence[str], Sequence[str]]
"""The words of an axis's high pole and of its low one."""
Poles = Mapping[str, Sides]
"""Axis → its poles."""

POLES: dict[str, Sides] = {
    "valence": (("thrilled", "joyful", "loving"), ("ashamed", "guilty", "resentful", "disgusted")),
    "arousal": (("thrilled", "excited", "angry", "overwhelmed"), ("serene", "calm", "indifferent", "bored")),
}
"""The post's poles, high and low; *thrilled* is in both axes, so they overlap."""

AXIS_NAMES = frozenset(f"{whose} {axis}" for whose in ("post", "own") for axis in POLES)
"""Names of the axes among the references of components."""


def named_axes(own: Poles | None) -> dict[str, Sides]:
    """Each axis under its name: `post valence`, or `own valence` where `own` has poles for it."""
    own = own or {}
    return {f"{'own' if axis in own else 'post'} {axis}": own.get(axis, sides) for axis, sides in POLES.items()}


def pole_words(emotions: list[str], sides: Sides) -> tuple[list[str], list[str]] | None:
    """The words of an axis's poles that a study has; None where one of the poles has no word in it."""
    high, low = ([word for word in side if word in emotions] for side in sides)
    return (high, low) if high and low else None


def pole_weights(emotions: list[str], sides: Sides) -> np.ndarray | None:
    """An axis as weights [emotion] of the vectors: mean of the high pole less mean of the low pole.

    None where one of the poles has no word among the emotions.
    """
    words = pole_words(emotions, sides)
    if words is None:
        return None
    high, low = (np.isin(emotions, side) for side in words)
    return high / high.sum() - low / low.sum()


def pca(
    vectors: xr.DataArray, components: int = 4, norms: pd.DataFrame | None = None, poles: Poles | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Principal components over emotions, each language alone, at every layer.

    The sign of a component is free; at a language's first layer it is the one that correlates positively with the
    valence axis, else with the valence of the first norm set, else the one in which the emotion furthest out
    is positive. At each following layer it is the one that correlates positively with the same-numbered component of
    the layer before, so that a curve over layers doesn't jump with the sign alone.

    Args:
        vectors: [language, emotion, layer, hidden]; centred here.
        components: how many to give scores for, bounded by the number of emotions less one.
        norms: as `load_norms` returns them, for the sign.
        poles: axis → poles in place of the post's, as for `axis_correlations`.

    Returns:
        Two tables: layer, language, emotion, component (from 1), score; and layer, language, component, share of the
        variance (all components).
    """
    scores: list[pd.DataFrame] = []
    shares: list[pd.DataFrame] = []
    before: dict[str, np.ndarray] = {}
    slices = [
        (layer, language, emotions, values)
        for language, _, emotions, own in _by_language(vectors)
        for layer, values in own.items()
    ]
    for layer, language, emotions, values in slices:
        n = len(emotions)
        u, s, _ = np.linalg.svd(values, full_matrices=False)
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
        projected *= _signs(projected, before.get(language), values, references(emotions, norms, poles, language))
        before[language] = projected
        frame = pd.DataFrame(projected, index=emotions, columns=range(1, kept + 1))
        frame = frame.rename_axis("emotion").reset_index().melt("emotion", var_name="component", value_name="score")
        scores.append(frame.assign(**at))
    return (
        pd.concat(scores, ignore_index=True)[PCA_TABLES["pca"].without("variant")],
        pd.concat(shares, ignore_index=True)[["layer", "language", "component", "share"]],
    )


def variance_shares(samples: np.ndarray) -> np.ndarray:
    """Share of the variance of samples [sample, hidden] along each of their principal components: [component]."""
    centred = samples.astype(np.float64) - samples.mean(axis=0, dtype=np.float64)
    gram = centred @ centred.T if len(centred) <= centred.shape[1] else centred.T @ centred
    energy = np.clip(np.linalg.eigvalsh(gram)[::-1], 0, None)
    return energy / (energy.sum() or 1.0)


def axis_correlations(
    vectors: xr.DataArray,
    scores: pd.DataFrame,
    norms: pd.DataFrame,
    permutations: int = 1_000,
    seed: int = 0,
    poles: Poles | None = None,
) -> pd.DataFrame:
    """Pearson correlation over emotions of component scores with valence, arousal and dominance, and its test.

    References are the projections on the post's axes, and human norms of the emotion's English word. The post's axes
    are made of the same vectors, so that any words make axes that go with the first components: their test shuffles
    which words are the poles and makes the axis anew. That of the norms shuffles the ratings. p is two-sided; the
    family-wise one counts the smallest p over layers, components and scales of the same source. References without
    variance are left out, and those with fewer than ten emotions.

    Args:
        vectors: [language, emotion, layer, hidden].
        scores: the first table of `pca` of the same vectors.
        norms: as `load_norms` returns them.
        permutations: B.
        seed: of the permutations.
        poles: `valence`, `arousal` or both → the words of the high and the low pole, in place of the post's.

    Returns:
        Columns layer, language, component, reference, r, p, p_familywise, null_95 (of |r|), n_emotions, high, low (the
        words of an axis's poles).
    """
    columns = TABLES["axes"].without("variant")
    frames: list[pd.DataFrame] = []
    for language, layers, emotions, values in _by_language(vectors):
        own = scores[scores["language"] == language]
        table = own.pivot(index="emotion", columns=["layer", "component"], values="score")
        layers = [layer for layer in layers if layer in table.columns.get_level_values("layer")]
        families: dict[str, list[tuple[pd.DataFrame, np.ndarray]]] = {}
        axes = named_axes(poles)
        for name, reference in references(emotions, norms, poles, language).items():
            known = np.isfinite(reference)
            high, low = map(", ".join, pole_words(emotions, axes[name]) or ("", "")) if name in axes else ("", "")
            n = int(known.sum())
            if n < MINIMUM_RATED:
                continue
            orders = np.vstack([np.arange(n), label_permutations(n, permutations, seed)])
            for layer in layers:
                shown = table.loc[emotions, layer]
                components = shown.to_numpy(np.float64).T[:, known]
                if name in axes:
                    r = pole_correlations(components, values[layer] @ values[layer].T, reference, orders)
                else:
                    r = rating_correlations(components, reference[known], orders)
                place = {"layer": layer, "component": shown.columns, "reference": name, "n_emotions": n}
                place |= {"high": high, "low": low}
                family = "axes" if name in axes else name.rsplit(" ", 1)[0]
                families.setdefault(family, []).append((pd.DataFrame(place), r))
        for places, drawn in (zip(*found, strict=True) for found in families.values()):
            every = np.concatenate(drawn, axis=1)
            p, familywise, null_95 = compared(every)
            tested = {"r": np.clip(every[0], -1, 1), "p": p, "p_familywise": familywise, "null_95": null_95}
            frames.append(pd.concat(places, ignore_index=True).assign(language=language, **tested)[columns])
    return pd.concat(frames, ignore_index=True).dropna(subset="r") if frames else pd.DataFrame(columns=columns)


def pole_cosines(
    vectors: xr.DataArray, permutations: int = 1_000, seed: int = 0, poles: Poles | None = None
) -> pd.DataFrame:
    """Cosine between the valence and arousal axes: how far the two are one direction to begin with.

    The test shuffles which words are the poles, of both axes together (so that *thrilled* or another word stays in
    both), and makes the axes anew; it is two-sided, family-wise over layers.

    Args:
        vectors: [language, emotion, layer, hidden].
        permutations: B.
        seed: of the permutations.
        poles: as for `axis_correlations`.

    Returns:
        Columns layer, language, cosine, p, p_familywise, null_95 (of |cosine|), high_valence, low_valence,
        high_arousal, low_arousal (words); empty where a pole has no word among
        the emotions. Without a test (NaN) where there are fewer than ten emotions.
    """
    frames: list[pd.DataFrame] = []
    for language, layers, emotions, values in _by_language(vectors):
        sides = dict(zip(POLES, named_axes(poles).values(), strict=True))
        valence, arousal = (pole_weights(emotions, own) for own in sides.values())
        if valence is None or arousal is None:
            continue
        n = len(emotions)
        drawn = label_permutations(n, permutations if n >= MINIMUM_RATED else 0, seed)
        orders = np.vstack([np.arange(n), drawn])
        grams = [values[layer] @ values[layer].T for layer in layers]
        cosines = np.stack([axis_cosines(gram, valence, arousal, orders) for gram in grams], axis=1)
        p, familywise, null_95 = compared(cosines)
        tested = {"cosine": cosines[0], "p": p, "p_familywise": familywise, "null_95": null_95}
        words = {axis: pole_words(emotions, own) or ((), ()) for axis, own in sides.items()}
        told = {f"high_{axis}": ", ".join(own[0]) for axis, own in words.items()}
        told |= {f"low_{axis}": ", ".join(own[1]) for axis, own in words.items()}
        frames.append(pd.DataFrame({"layer": layers, "language": language} | tested).assign(**told))
    columns = TABLES["poles"].without("variant")
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _by_language(vectors: xr.DataArray) -> Iterator[tuple[str, list[int], list[str], dict[int, np.ndarray]]]:
    """Language, layers, sorted emotions and layer → vectors [emotion, hidden] about their mean."""
    for language in labels(vectors, "language"):
        own = in_label_order(vectors, language).isel(language=0)
        emotions, layers = labels(own, "emotion"), layer_numbers(own)
        if len(emotions) > 1:
            values = own.transpose("layer", "emotion", "hidden").values
            yield language, layers, emotions, dict(zip(layers, values - values.mean(1, keepdims=True), strict=True))


def references(
    emotions: list[str], norms: pd.DataFrame | None, poles: Poles | None = None, language: str = ""
) -> dict[str, np.ndarray]:
    """What components are held against, the axes first: name → [emotion].

    Of the axes the weights that make them of the vectors; of norms the ratings, NaN where unknown.
    """
    axes = named_axes(poles).items()
    found = {name: own for name, sides in axes if (own := pole_weights(emotions, sides)) is not None}
    words = [emotion.casefold() for emotion in emotions]
    for source, table in () if norms is None else norms_of(norms, language).groupby("source"):
        values = table.set_index("word").reindex(words)
        found |= {f"{source} {dimension}": values[dimension].to_numpy(np.float64) for dimension in DIMENSIONS}
    return found


def _signs(
    scores: np.ndarray, before: np.ndarray | None, values: np.ndarray, references: Mapping[str, np.ndarray]
) -> np.ndarray:
    """±1 for each column of scores [emotion, component]; `before` are the scores of the layer before, if any."""
    furthest = np.take_along_axis(scores, np.abs(scores).argmax(axis=0)[None], axis=0)[0]
    signs = np.sign(furthest)
    for name, reference in references.items():
        if name in AXIS_NAMES:
            reference = values @ (reference @ values)
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


def _pca(
    vectors: EmotionVectors,
    norms: NormFiles,
    poles: Poles,
    neutral: Callable[[int, str], xr.DataArray | None],
) -> Outcome:
    ratings = load_norms(norms)
    found = {name: pca(vectors.variant(name), COMPONENTS, ratings, poles) for name in vectors.variants}
    tables = {
        "pca": [scores.assign(variant=name) for name, (scores, _) in found.items()],
        "pca_variance": [
            shares.assign(variant=name).merge(
                _neutral_shares(vectors, name, neutral), "left", ["layer", "language", "component"]
            )
            for name, (_, shares) in found.items()
        ],
    }
    return Outcome(tables, {}, {"components": COMPONENTS})


def _neutral_shares(
    vectors: EmotionVectors, variant: str, neutral: Callable[[int, str], xr.DataArray | None]
) -> pd.DataFrame:
    """Layer, language, component, neutral_share: of the variance of the neutral texts, scaled as the vectors are."""
    frames = [pd.DataFrame({"layer": [0], "language": "", "component": 0, "neutral_share": np.nan})[:0]]
    for layer in vectors.layers:
        scale = vectors.scale.sel(layer=layer).values if variant == VARIANTS[1] else 1.0
        for language in vectors.languages:
            if (states := neutral(layer, language)) is not None:
                shares = variance_shares(states.transpose("story", "hidden").values / scale)
                columns = {"component": np.arange(1, len(shares) + 1), "neutral_share": shares}
                frames.append(pd.DataFrame(columns).assign(layer=layer, language=language))
    return pd.concat(frames, ignore_index=True)


def _axes(vectors: EmotionVectors, norms: NormFiles, poles: Poles, permutations: int, seed: int) -> Outcome:
    ratings = load_norms(norms)

    def correlations(own: xr.DataArray) -> pd.DataFrame:
        scores = pca(own, COMPONENTS, ratings, poles)[0]
        return axis_correlations(own, scores, ratings, permutations, seed, poles)

    cosines = each_variant(vectors, lambda v: pole_cosines(v, permutations, seed, poles))
    tables = {"axes": each_variant(vectors, correlations), "poles": cosines}
    known = {
        axis: pole_words(vectors.emotions, sides) for axis, sides in zip(POLES, named_axes(poles).values(), strict=True)
    }
    absent = [f"The emotions lack a pole of the post's {axis} axis." for axis, words in known.items() if words is None]
    if (n := len(vectors.emotions)) < MINIMUM_RATED:
        absent = [f"There are {n} emotions; correlating components with an axis or with ratings takes {MINIMUM_RATED}."]
    summary: dict[str, Any] = {"norm_agreement": plain(norm_agreement(norms_of(ratings)))}
    parameters = {"poles": {axis: words and {"high": words[0], "low": words[1]} for axis, words in known.items()}}
    return Outcome(tables, summary | ({"note": " ".join(absent)} if absent else {}), parameters)


PCA = Analysis("pca", _pca, PCA_TABLES)
AXES = Analysis("axes", _axes, TABLES)
