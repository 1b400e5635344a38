"""Agreement of the geometry at one layer with that at another, within a language and across languages."""

from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import xarray as xr

from emovec.geometry.distances import kernel_triangles
from emovec.geometry.representational import MINIMUM_EMOTIONS, standardised
from emovec.geometry.similarity import pair_cosines
from emovec.stats.labelled import in_label_order, labels, layer_numbers

MEASURES = ("rsa", "cka")


def layer_agreement(vectors: xr.DataArray) -> pd.DataFrame:
    """Compare every layer of a language with every layer of the same and of each other language.

    `rsa` is the Pearson correlation of the upper triangles of the cosine matrices, `cka` the debiased centred kernel
    alignment of the vectors.

    Args:
        vectors: [language, emotion, layer, hidden].

    Returns:
        Columns language_a, language_b, measure (rsa, cka), layer_a, layer_b, r: `layer_a` is a layer of `language_a`.
        Language pairs once, in the order of the vectors, each language with itself too; none of fewer than four
        shared emotions.
    """
    frames: list[pd.DataFrame] = []
    for a, b in combinations_with_replacement(labels(vectors, "language"), 2):
        pair = in_label_order(vectors, a, b).transpose("language", "layer", "emotion", "hidden")
        if pair.sizes["emotion"] < MINIMUM_EMOTIONS:
            continue
        cosines_a, cosines_b, layers = pair_cosines(vectors, a, b)
        kernels_a, kernels_b = kernel_triangles(pair.values)
        grid_a, grid_b = (grid.ravel() for grid in np.meshgrid(layers, layer_numbers(pair), indexing="ij"))
        for measure, r in zip(
            MEASURES, (standardised(cosines_a) @ standardised(cosines_b).T, kernels_a @ kernels_b.T), strict=True
        ):
            frames.append(
                pd.DataFrame(
                    {
                        "language_a": a,
                        "language_b": b,
                        "measure": measure,
                        "layer_a": grid_a,
                        "layer_b": grid_b,
                        "r": r.ravel(),
                    }
                )
            )
    columns = ["language_a", "language_b", "measure", "layer_a", "layer_b", "r"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
