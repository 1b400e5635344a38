"""The analyses of the geometry stage: what each needs, what it gives, in the order in which a study runs them."""

from emovec.geometry.analyses import (
    affect,
    alignment,
    confusion,
    controls,
    distances,
    geodesic,
    languages,
    manifold,
    published,
    robustness,
    stability,
    uncertainty,
)
from emovec.geometry.analyses.analysis import Analysis, Outcome, plain
from emovec.geometry.inputs import AnalysisResult, Inputs
from emovec.geometry.tables import tidy

__all__ = ["ANALYSES", "Analysis", "Outcome", "plain", "run_analysis"]

ANALYSES: dict[str, Analysis] = {
    **published.ANALYSES,
    **uncertainty.ANALYSES,
    **controls.ANALYSES,
    **distances.ANALYSES,
    **languages.ANALYSES,
    **robustness.ANALYSES,
    **stability.ANALYSES,
    **geodesic.ANALYSES,
    **manifold.ANALYSES,
    **confusion.ANALYSES,
    **affect.ANALYSES,
    **alignment.ANALYSES,
}
"""`decoding` and `choice` come first: from `choice` on, `Inputs.layer` is the layer that was chosen."""

_SETTINGS = ("permutations", "bootstraps", "seed", "top_k", "layer")


def run_analysis(name: str, inputs: Inputs) -> AnalysisResult:
    """Run one analysis of `ANALYSES`.

    Raises:
        KeyError: if there is none of that name.
    """
    analysis = ANALYSES[name]
    outcome = analysis.run(inputs)
    used = {key: getattr(inputs, key) for key in _SETTINGS if key in analysis.inputs}
    return AnalysisResult(
        name,
        {table: tidy(table, outcome.tables[table]) for table in analysis.tables},
        used | {"hook_point": "resid_post"} | outcome.parameters,
        outcome.summary,
    )
