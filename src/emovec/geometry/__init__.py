"""Read-outs of emotion vectors: pure functions over labelled arrays that return tidy tables.

Layer k is always the output of 0-based block k before any final norm (resid_post).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emovec.geometry.analyses import ANALYSES, run_analysis
    from emovec.geometry.axes import axis_correlations, pca, pole_cosines
    from emovec.geometry.clusters import k_means, umap_embedding
    from emovec.geometry.crosslingual import cross_lingual_cosine
    from emovec.geometry.decoding import choose_layer, decode
    from emovec.geometry.inputs import AnalysisResult, Inputs
    from emovec.geometry.lens import lens_hits, logit_lens
    from emovec.geometry.lexical import decode_words
    from emovec.geometry.norms import load_norms, norm_agreement
    from emovec.geometry.outliers import outlier_dimensions, outlier_tokens
    from emovec.geometry.representational import layer_rsa, rsa
    from emovec.geometry.similarity import cosine_matrices, cosine_table, leaf_order

_HOME = {
    "ANALYSES": "analyses",
    "AnalysisResult": "inputs",
    "Inputs": "inputs",
    "axis_correlations": "axes",
    "choose_layer": "decoding",
    "cosine_matrices": "similarity",
    "cosine_table": "similarity",
    "cross_lingual_cosine": "crosslingual",
    "decode": "decoding",
    "decode_words": "lexical",
    "k_means": "clusters",
    "layer_rsa": "representational",
    "leaf_order": "similarity",
    "lens_hits": "lens",
    "load_norms": "norms",
    "logit_lens": "lens",
    "norm_agreement": "norms",
    "outlier_dimensions": "outliers",
    "outlier_tokens": "outliers",
    "pca": "axes",
    "pole_cosines": "axes",
    "rsa": "representational",
    "run_analysis": "analyses",
    "umap_embedding": "clusters",
}

__all__ = [  # noqa: RUF022
    "ANALYSES",
    "AnalysisResult",
    "Inputs",
    "run_analysis",
    "axis_correlations",
    "choose_layer",
    "cosine_matrices",
    "cosine_table",
    "cross_lingual_cosine",
    "decode",
    "decode_words",
    "k_means",
    "layer_rsa",
    "leaf_order",
    "lens_hits",
    "load_norms",
    "logit_lens",
    "norm_agreement",
    "outlier_dimensions",
    "outlier_tokens",
    "pca",
    "pole_cosines",
    "rsa",
    "umap_embedding",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'emovec.geometry' has no attribute '{name}'")
    return getattr(import_module(f"emovec.geometry.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
