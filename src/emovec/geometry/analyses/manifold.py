"""The maps that move through the layers."""

import pandas as pd
import xarray as xr

from emovec.geometry import manifold
from emovec.geometry.analyses.analysis import Analysis, Outcome, each_variant
from emovec.geometry.inputs import Inputs

DIMENSIONS = (2, 3)


def _manifold(inputs: Inputs) -> Outcome:
    kept = () if inputs.layer is None else (inputs.layer,)

    def paths(vectors: xr.DataArray) -> pd.DataFrame:
        return pd.concat([manifold.pca_path(vectors, d) for d in DIMENSIONS], ignore_index=True)

    frames = each_variant(inputs, paths)
    scaled = inputs.vectors.variants[-1]
    few = manifold.spread(inputs.vectors.variant(scaled), kept=kept)
    maps = [manifold.aligned_umap(few, d, inputs.seed).assign(variant=scaled) for d in DIMENSIONS]
    notes: list[str] = []
    if not any(map(len, maps)):
        notes.append(f"Aligned UMAP takes at least {manifold.MINIMUM_POINTS} vectors.")
    parameters = {
        "metric": "cosine",
        "n_neighbors": manifold.N_NEIGHBORS,
        "epochs": manifold.EPOCHS,
        "layers": [int(layer) for layer in few["layer"].values],
    }
    return Outcome({"manifold": [*maps, *frames]}, {"note": " ".join(notes)} if notes else {}, parameters)


ANALYSES: dict[str, Analysis] = {
    "manifold": Analysis(("manifold",), frozenset({"vectors", "seed", "layer"}), _manifold),
}
