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
    "component_affect": "affect",
    "held_out_predictions": "affect",
    "predict_ratings": "affect",
    "word_influence": "affect",
    "procrustes": "alignment",
    "Cells": "cells",
    "bootstrap_weights": "resampling",
    "half_weights": "resampling",
    "intervals": "resampling",
    "jackknife_interval": "resampling",
    "jackknife_weights": "resampling",
    "layer_uncertainty": "uncertainty",
    "topic_cells": "cells",
    "control_table": "controls",
    "mean_embeddings": "controls",
    "partial_correlations": "controls",
    "profile_cosines": "controls",
    "transfer_accuracy": "transfer",
    "transfer_texts": "transfer",
    "pca_path": "manifold",
    "aligned_umap": "manifold",
    "isomap": "geodesic",
    "geodesic_rsa": "geodesic",
    "geodesic_distances": "geodesic",
    "ANALYSES": "analyses",
    "AnalysisResult": "inputs",
    "Inputs": "inputs",
    "analytic_choices": "robustness",
    "axis_correlations": "axes",
    "choose_layer": "decoding",
    "cka": "distances",
    "cosine_matrices": "similarity",
    "cosine_table": "similarity",
    "cross_lingual_cosine": "crosslingual",
    "crossnobis": "distances",
    "debiased_cka": "distances",
    "decode": "decoding",
    "decode_words": "lexical",
    "k_means": "clusters",
    "language_agreement": "languages",
    "language_map": "languages",
    "layer_agreement": "cross_layer",
    "leaf_order": "similarity",
    "lens_hits": "lens",
    "load_norms": "norms",
    "logit_lens": "lens",
    "norm_agreement": "norms",
    "outlier_dimensions": "outliers",
    "outlier_tokens": "outliers",
    "pca": "axes",
    "pole_cosines": "axes",
    "pooling_choices": "robustness",
    "rsa": "representational",
    "run_analysis": "analyses",
    "umap_embedding": "clusters",
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
    return getattr(import_module(f"emovec.geometry.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
