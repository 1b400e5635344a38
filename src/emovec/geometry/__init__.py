"""Read-outs of emotion vectors: pure functions over labelled arrays that return tidy tables.

Layer k is always the output of 0-based block k before any final norm (resid_post).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emovec.geometry.affect import component_affect, held_out_predictions, predict_ratings, word_influence
    from emovec.geometry.alignment import procrustes
    from emovec.geometry.analyses import ANALYSES, run_analysis
    from emovec.geometry.axes import axis_correlations, pca, pole_cosines
    from emovec.geometry.cells import Cells, topic_cells
    from emovec.geometry.clusters import k_means, umap_embedding
    from emovec.geometry.controls import control_table, mean_embeddings, partial_correlations, profile_cosines
    from emovec.geometry.cross_layer import layer_agreement
    from emovec.geometry.crosslingual import cross_lingual_cosine
    from emovec.geometry.decoding import choose_layer, decode
    from emovec.geometry.distances import cka, crossnobis, debiased_cka
    from emovec.geometry.geodesic import geodesic_distances, geodesic_rsa, isomap
    from emovec.geometry.inputs import AnalysisResult, Inputs
    from emovec.geometry.languages import language_agreement, language_map
    from emovec.geometry.lens import lens_hits, logit_lens
    from emovec.geometry.manifold import aligned_umap, pca_path
    from emovec.geometry.outliers import outlier_dimensions, outlier_tokens
    from emovec.geometry.representational import rsa
    from emovec.geometry.robustness import analytic_choices, pooling_choices
    from emovec.geometry.similarity import cosine_matrices, cosine_table, leaf_order
    from emovec.geometry.transfer import transfer_accuracy, transfer_texts
    from emovec.geometry.uncertainty import layer_uncertainty
    from emovec.geometry.word_decoding import decode_words
    from emovec.languages.norms import load_norms, norm_agreement
    from emovec.stats.resampling import (
        bootstrap_weights,
        half_weights,
        intervals,
        jackknife_interval,
        jackknife_weights,
    )

_HOME = {
    "component_affect": "emovec.geometry.affect",
    "held_out_predictions": "emovec.geometry.affect",
    "predict_ratings": "emovec.geometry.affect",
    "word_influence": "emovec.geometry.affect",
    "procrustes": "emovec.geometry.alignment",
    "Cells": "emovec.geometry.cells",
    "bootstrap_weights": "emovec.stats.resampling",
    "half_weights": "emovec.stats.resampling",
    "intervals": "emovec.stats.resampling",
    "jackknife_interval": "emovec.stats.resampling",
    "jackknife_weights": "emovec.stats.resampling",
    "layer_uncertainty": "emovec.geometry.uncertainty",
    "topic_cells": "emovec.geometry.cells",
    "control_table": "emovec.geometry.controls",
    "mean_embeddings": "emovec.geometry.controls",
    "partial_correlations": "emovec.geometry.controls",
    "profile_cosines": "emovec.geometry.controls",
    "transfer_accuracy": "emovec.geometry.transfer",
    "transfer_texts": "emovec.geometry.transfer",
    "pca_path": "emovec.geometry.manifold",
    "aligned_umap": "emovec.geometry.manifold",
    "isomap": "emovec.geometry.geodesic",
    "geodesic_rsa": "emovec.geometry.geodesic",
    "geodesic_distances": "emovec.geometry.geodesic",
    "ANALYSES": "emovec.geometry.analyses",
    "AnalysisResult": "emovec.geometry.inputs",
    "Inputs": "emovec.geometry.inputs",
    "analytic_choices": "emovec.geometry.robustness",
    "axis_correlations": "emovec.geometry.axes",
    "choose_layer": "emovec.geometry.decoding",
    "cka": "emovec.geometry.distances",
    "cosine_matrices": "emovec.geometry.similarity",
    "cosine_table": "emovec.geometry.similarity",
    "cross_lingual_cosine": "emovec.geometry.crosslingual",
    "crossnobis": "emovec.geometry.distances",
    "debiased_cka": "emovec.geometry.distances",
    "decode": "emovec.geometry.decoding",
    "decode_words": "emovec.geometry.word_decoding",
    "k_means": "emovec.geometry.clusters",
    "language_agreement": "emovec.geometry.languages",
    "language_map": "emovec.geometry.languages",
    "layer_agreement": "emovec.geometry.cross_layer",
    "leaf_order": "emovec.geometry.similarity",
    "lens_hits": "emovec.geometry.lens",
    "load_norms": "emovec.languages.norms",
    "logit_lens": "emovec.geometry.lens",
    "norm_agreement": "emovec.languages.norms",
    "outlier_dimensions": "emovec.geometry.outliers",
    "outlier_tokens": "emovec.geometry.outliers",
    "pca": "emovec.geometry.axes",
    "pole_cosines": "emovec.geometry.axes",
    "pooling_choices": "emovec.geometry.robustness",
    "rsa": "emovec.geometry.representational",
    "run_analysis": "emovec.geometry.analyses",
    "umap_embedding": "emovec.geometry.clusters",
}

__all__ = [  # noqa: RUF022
    "ANALYSES",
    "AnalysisResult",
    "Inputs",
    "run_analysis",
    "predict_ratings",
    "word_influence",
    "component_affect",
    "held_out_predictions",
    "procrustes",
    "analytic_choices",
    "axis_correlations",
    "choose_layer",
    "control_table",
    "mean_embeddings",
    "partial_correlations",
    "profile_cosines",
    "transfer_accuracy",
    "transfer_texts",
    "cka",
    "cosine_matrices",
    "cosine_table",
    "cross_lingual_cosine",
    "crossnobis",
    "debiased_cka",
    "decode",
    "decode_words",
    "k_means",
    "language_agreement",
    "language_map",
    "layer_agreement",
    "leaf_order",
    "lens_hits",
    "load_norms",
    "logit_lens",
    "norm_agreement",
    "outlier_dimensions",
    "outlier_tokens",
    "pca",
    "pole_cosines",
    "pooling_choices",
    "rsa",
    "umap_embedding",
    "geodesic_distances",
    "geodesic_rsa",
    "isomap",
    "aligned_umap",
    "pca_path",
    "Cells",
    "bootstrap_weights",
    "half_weights",
    "intervals",
    "jackknife_interval",
    "jackknife_weights",
    "layer_uncertainty",
    "topic_cells",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'emovec.geometry' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
