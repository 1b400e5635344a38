"""The analyses of the geometry stage: every `Analysis` of this folder, in an order in which they can run."""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from emovec.geometry.analysis import Analysis, AnalysisResult, Inputs
from emovec.vectors.control_vectors import usual_layer

__all__ = ["ANALYSES", "GIVEN_BY", "TABLES", "run_analysis"]


def _found() -> Iterator[Analysis]:
    for module in iter_modules([str(Path(__file__).parent)]):
        path = f"{__package__}.{module.name}"
        for value in vars(import_module(path)).values():
            if isinstance(value, Analysis) and value.run.__module__ == path:
                yield value


_FOUND = list(_found())

GIVEN_BY: dict[str, Analysis] = {name: analysis for analysis in _FOUND for name in analysis.passed_on}
"""Which analysis gives what others take as an input: `decoding` its table, `choice` the `layer`."""


def _rank(analysis: Analysis) -> int:
    """How many analyses have to run one after the other before this one can."""
    return max((1 + _rank(GIVEN_BY[name]) for name in analysis.inputs if name in GIVEN_BY), default=0)


ANALYSES: dict[str, Analysis] = {
    analysis.name: analysis for analysis in sorted(_FOUND, key=lambda one: (_rank(one), one.name))
}
"""By name; an analysis that takes what another gives comes after it, and otherwise the alphabet decides."""

TABLES = {name: table for analysis in ANALYSES.values() for name, table in analysis.tables.items()}
"""Every table of the stage by name."""

_SETTINGS = ("permutations", "bootstraps", "seed", "top_k", "fixed_layer", "layer")


def run_analysis(name: str, inputs: Inputs) -> AnalysisResult:
    """Run one analysis of `ANALYSES`.

    Raises:
        KeyError: if there is none of that name.
    """
    analysis = ANALYSES[name]
    if inputs.layer is None and "layer" in analysis.inputs:
        inputs = replace(inputs, layer=usual_layer(inputs.vectors))
    given = {each: getattr(inputs, each) for each in analysis.inputs}
    outcome = analysis.run(**given)
    used = {key: given[key] for key in _SETTINGS if key in given}
    return AnalysisResult(
        name,
        {table: columns.of(outcome.tables[table]) for table, columns in analysis.tables.items()},
        used | {"hook_point": "resid_post"} | outcome.parameters,
        outcome.summary,
    )
