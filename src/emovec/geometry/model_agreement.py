"""Do two models, or one model read with two corpora, arrange the emotions alike? Only cosines are compared."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from emovec.errors import EmovecError
from emovec.geometry.representational import rsa
from emovec.geometry.similarity import pair_cosines
from emovec.stats.labelled import in_label_order, labels
from emovec.stats.permutation import MINIMUM_EMOTIONS


@dataclass(frozen=True)
class Overlap:
    """What two sets of vectors have in common.

    Attributes:
        emotions: in both, sorted.
        languages: pairs (of the first, of the second): every two of the shared languages, or of all if none is shared.
        only_a: emotions and languages of the first alone.
        only_b: those of the second alone.
    """

    emotions: list[str]
    languages: list[tuple[str, str]]
    only_a: list[str]
    only_b: list[str]


def overlap(a: xr.DataArray, b: xr.DataArray) -> Overlap:
    """What two sets of vectors [language, emotion, layer, hidden] have in common, by label."""
    ours, theirs = ({dim: labels(v, dim) for dim in ("language", "emotion")} for v in (a, b))
    shared = [language for language in ours["language"] if language in theirs["language"]]
    pairs = [(x, y) for x in shared or ours["language"] for y in shared or theirs["language"]]
    alone = [
        [x for dim in ("language", "emotion") for x in mine[dim] if x not in other[dim]]
        for mine, other in ((ours, theirs), (theirs, ours))
    ]
    return Overlap(sorted(set(ours["emotion"]) & set(theirs["emotion"])), pairs, *alone)


def between_models(
    a: xr.DataArray, b: xr.DataArray, layer_a: int, layer_b: int, permutations: int = 10_000, seed: int = 0
) -> pd.DataFrame:
    """Correlate two models' cosine matrices at one layer of each, with a label-permutation test as in `rsa`.

    Vectors are centred anew over the emotions that both have, so that both are seen from the same origin. The hidden
    sizes may differ: nothing but cosines within a model is compared.

    Source: Kriegeskorte et al. 2008.

    Args:
        a: [language, emotion, layer, hidden] of one model.
        b: the same of the other.
        layer_a: layer of the first.
        layer_b: layer of the second.
        permutations: B.
        seed: of the permutations.

    Returns:
        Columns language_a, language_b, layer_a, layer_b, method (pearson, spearman, rho_a), r, p, null_95, n_emotions,
        permutations; pairs of languages as in `overlap`.

    Raises:
        EmovecError: if they share fewer than four emotions.
    """
    shared = _enough(a, b)
    frames: list[pd.DataFrame] = []
    for language_a, language_b in shared.languages:
        first = _chosen(a.sel(layer=[layer_a]), language_a, shared.emotions)
        second = _chosen(b.sel(layer=[layer_b]), language_b, shared.emotions)
        table = rsa(_side_by_side(first, second), "a", "b", permutations, seed)
        places = {"language_a": language_a, "language_b": language_b, "layer_a": layer_a, "layer_b": layer_b}
        frames.append(table.assign(**places, n_emotions=len(shared.emotions)))
    columns = ["language_a", "language_b", "layer_a", "layer_b", "method", "r", "p", "null_95"]
    return pd.concat(frames, ignore_index=True)[[*columns, "n_emotions", "permutations"]]


def between_layers(a: xr.DataArray, b: xr.DataArray) -> pd.DataFrame:
    """Pearson correlation of two models' cosine matrices for every layer of one with every layer of the other.

    Args:
        a: [language, emotion, layer, hidden] of one model.
        b: the same of the other.

    Returns:
        Columns language_a, language_b, layer_a, layer_b, depth_a, depth_b, r. Depth is (layer + 1) / (last layer + 1).
        Where one of the matrices is constant r is NaN.

    Raises:
        EmovecError: if they share fewer than four emotions.
    """
    shared = _enough(a, b)
    frames: list[pd.DataFrame] = []
    for language_a, language_b in shared.languages:
        first, second = _chosen(a, language_a, shared.emotions), _chosen(b, language_b, shared.emotions)
        triangles = [
            pair_cosines(v, str(v["language"].values[0]), str(v["language"].values[0])) for v in (first, second)
        ]
        (rows, _, layers_a), (columns, _, layers_b) = triangles
        with np.errstate(invalid="ignore", divide="ignore"):
            r = np.corrcoef(rows, columns)[: len(rows), len(rows) :]
        table = (
            xr.DataArray(r, coords={"layer_a": layers_a, "layer_b": layers_b}, name="r").to_dataframe().reset_index()
        )
        depths = {
            "depth_a": (table["layer_a"] + 1) / (max(layers_a) + 1),
            "depth_b": (table["layer_b"] + 1) / (max(layers_b) + 1),
        }
        frames.append(table.assign(language_a=language_a, language_b=language_b, **depths))
    columns = ["language_a", "language_b", "layer_a", "layer_b", "depth_a", "depth_b", "r"]
    return pd.concat(frames, ignore_index=True)[columns]


def at_equal_depth(table: pd.DataFrame) -> pd.DataFrame:
    """Of the rows of `between_layers`, for each layer of the first model that of the second at the nearest depth."""
    gaps = table.assign(gap=(table["depth_a"] - table["depth_b"]).abs())
    keys = [name for name in ("language_a", "language_b", "layer_a") if name in table]
    return (
        gaps.sort_values(["gap", "layer_b"], kind="stable").drop_duplicates(keys).sort_values(keys).drop(columns="gap")
    )


def _enough(a: xr.DataArray, b: xr.DataArray) -> Overlap:
    shared = overlap(a, b)
    if len(shared.emotions) < MINIMUM_EMOTIONS:
        raise EmovecError(
            f"These share {len(shared.emotions)} emotions ({', '.join(shared.emotions) or 'none'}); it takes at least "
            f"{MINIMUM_EMOTIONS} to compare."
        )
    return shared


def _chosen(vectors: xr.DataArray, language: str, emotions: list[str]) -> xr.DataArray:
    """One language, [language, emotion, layer, hidden] in the order of the labels, centred over these emotions."""
    # Residual norms go with vectors that were extracted and not with imported ones; cosines have no use for them.
    chosen = in_label_order(vectors.sel(emotion=emotions), language).reset_coords(drop=True)
    return chosen - chosen.mean("emotion")


def _side_by_side(a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """One layer of two models as languages `a` and `b` of one array; zeros up to a common size change no cosine."""
    size = max(a.sizes["hidden"], b.sizes["hidden"])
    parts = [
        v.pad(hidden=(0, size - v.sizes["hidden"]), constant_values=0).assign_coords(language=[name], layer=[0])
        for v, name in ((a, "a"), (b, "b"))
    ]
    return xr.concat(parts, "language", join="inner")
