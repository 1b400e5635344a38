"""Read-outs of emotion vectors: pure functions over labelled arrays that return tidy tables.

Layer k is always the output of 0-based block k before any final norm (resid_post). Each name loads its module at first
use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emovec.geometry.affect import component_affect as component_affect
    from emovec.geometry.affect import predict_ratings as predict_ratings
    from emovec.geometry.affect import word_influence as word_influence
    from emovec.geometry.alignment import procrustes as procrustes
    from emovec.geometry.analysis import AnalysisResult as AnalysisResult
    from emovec.geometry.analysis import Inputs as Inputs
    from emovec.geometry.axes import axis_correlations as axis_correlations
    from emovec.geometry.axes import pca as pca
    from emovec.geometry.axes import pole_cosines as pole_cosines
    from emovec.geometry.cells import Cells as Cells
    from emovec.geometry.cells import topic_cells as topic_cells
    from emovec.geometry.clusters import k_means as k_means
    from emovec.geometry.clusters import umap_embedding as umap_embedding
    from emovec.geometry.confounds import confound_table as confound_table
    from emovec.geometry.crosslingual import cross_lingual_cosine as cross_lingual_cosine
    from emovec.geometry.decoding import choose_layer as choose_layer
    from emovec.geometry.decoding import decode as decode
    from emovec.geometry.distances import cka as cka
    from emovec.geometry.distances import crossnobis as crossnobis
    from emovec.geometry.distances import debiased_cka as debiased_cka
    from emovec.geometry.distances import layer_agreement as layer_agreement
    from emovec.geometry.geodesic import geodesic_rsa as geodesic_rsa
    from emovec.geometry.geodesic import isomap as isomap
    from emovec.geometry.languages import language_agreement as language_agreement
    from emovec.geometry.languages import language_map as language_map
    from emovec.geometry.lens import lens_hits as lens_hits
    from emovec.geometry.lens import logit_lens as logit_lens
    from emovec.geometry.manifold import aligned_umap as aligned_umap
    from emovec.geometry.manifold import pca_path as pca_path
    from emovec.geometry.neighbour_paths import geodesic_distances as geodesic_distances
    from emovec.geometry.outliers import outlier_dimensions as outlier_dimensions
    from emovec.geometry.outliers import outlier_tokens as outlier_tokens
    from emovec.geometry.partial_correlation import partial_correlations as partial_correlations
    from emovec.geometry.profiles import mean_embeddings as mean_embeddings
    from emovec.geometry.profiles import profile_cosines as profile_cosines
    from emovec.geometry.registry import ANALYSES as ANALYSES
    from emovec.geometry.registry import run_analysis as run_analysis
    from emovec.geometry.representational import rsa as rsa
    from emovec.geometry.robustness import analytic_choices as analytic_choices
    from emovec.geometry.robustness import pooling_choices as pooling_choices
    from emovec.geometry.similarity import cosine_matrices as cosine_matrices
    from emovec.geometry.similarity import cosine_table as cosine_table
    from emovec.geometry.similarity import leaf_order as leaf_order
    from emovec.geometry.transfer import transfer_accuracy as transfer_accuracy
    from emovec.geometry.transfer import transfer_texts as transfer_texts
    from emovec.geometry.uncertainty import layer_uncertainty as layer_uncertainty
    from emovec.geometry.word_decoding import decode_words as decode_words
    from emovec.languages.norms import load_norms as load_norms
    from emovec.languages.norms import norm_agreement as norm_agreement
    from emovec.stats.resampling import bootstrap_weights as bootstrap_weights
    from emovec.stats.resampling import half_weights as half_weights
    from emovec.stats.resampling import intervals as intervals
    from emovec.stats.resampling import jackknife_interval as jackknife_interval
    from emovec.stats.resampling import jackknife_weights as jackknife_weights
    from emovec.stats.ridge import held_out_predictions as held_out_predictions

_MODULES = {
    "component_affect": "emovec.geometry.affect",
    "predict_ratings": "emovec.geometry.affect",
    "word_influence": "emovec.geometry.affect",
    "procrustes": "emovec.geometry.alignment",
    "AnalysisResult": "emovec.geometry.analysis",
    "Inputs": "emovec.geometry.analysis",
    "axis_correlations": "emovec.geometry.axes",
    "pca": "emovec.geometry.axes",
    "pole_cosines": "emovec.geometry.axes",
    "Cells": "emovec.geometry.cells",
    "topic_cells": "emovec.geometry.cells",
    "k_means": "emovec.geometry.clusters",
    "umap_embedding": "emovec.geometry.clusters",
    "confound_table": "emovec.geometry.confounds",
    "cross_lingual_cosine": "emovec.geometry.crosslingual",
    "choose_layer": "emovec.geometry.decoding",
    "decode": "emovec.geometry.decoding",
    "cka": "emovec.geometry.distances",
    "crossnobis": "emovec.geometry.distances",
    "debiased_cka": "emovec.geometry.distances",
    "layer_agreement": "emovec.geometry.distances",
    "geodesic_rsa": "emovec.geometry.geodesic",
    "isomap": "emovec.geometry.geodesic",
    "language_agreement": "emovec.geometry.languages",
    "language_map": "emovec.geometry.languages",
    "lens_hits": "emovec.geometry.lens",
    "logit_lens": "emovec.geometry.lens",
    "aligned_umap": "emovec.geometry.manifold",
    "pca_path": "emovec.geometry.manifold",
    "geodesic_distances": "emovec.geometry.neighbour_paths",
    "outlier_dimensions": "emovec.geometry.outliers",
    "outlier_tokens": "emovec.geometry.outliers",
    "partial_correlations": "emovec.geometry.partial_correlation",
    "mean_embeddings": "emovec.geometry.profiles",
    "profile_cosines": "emovec.geometry.profiles",
    "ANALYSES": "emovec.geometry.registry",
    "run_analysis": "emovec.geometry.registry",
    "rsa": "emovec.geometry.representational",
    "analytic_choices": "emovec.geometry.robustness",
    "pooling_choices": "emovec.geometry.robustness",
    "cosine_matrices": "emovec.geometry.similarity",
    "cosine_table": "emovec.geometry.similarity",
    "leaf_order": "emovec.geometry.similarity",
    "transfer_accuracy": "emovec.geometry.transfer",
    "transfer_texts": "emovec.geometry.transfer",
    "layer_uncertainty": "emovec.geometry.uncertainty",
    "decode_words": "emovec.geometry.word_decoding",
    "load_norms": "emovec.languages.norms",
    "norm_agreement": "emovec.languages.norms",
    "bootstrap_weights": "emovec.stats.resampling",
    "half_weights": "emovec.stats.resampling",
    "intervals": "emovec.stats.resampling",
    "jackknife_interval": "emovec.stats.resampling",
    "jackknife_weights": "emovec.stats.resampling",
    "held_out_predictions": "emovec.stats.ridge",
}
__all__ = sorted(_MODULES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'emovec.geometry' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
