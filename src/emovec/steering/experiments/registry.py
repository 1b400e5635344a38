"""The steering experiments: every `EXPERIMENT` of this folder, by name."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from emovec.errors import EmovecError, did_you_mean
from emovec.steering.experiments.experiment import Experiment

_MODULES = [import_module(f"{__package__}.{each.name}") for each in iter_modules([str(Path(__file__).parent)])]

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT for module in _MODULES if hasattr(module, "EXPERIMENT")
}
"""By name, in the order of the alphabet."""

COLUMNS = {table: columns for each in EXPERIMENTS.values() for table, columns in each.tables.items()}
"""The columns of every table of the stage, by the table's name."""


def require_experiments(names: Iterable[str]) -> None:
    """Make sure that there are experiments of these names.

    Raises:
        EmovecError: at the first that is none.
    """
    for name in names:
        if name not in EXPERIMENTS:
            raise EmovecError(
                f"steering.experiments: '{name}' is no steering experiment{did_you_mean(name, EXPERIMENTS)}; there are "
                f"{', '.join(EXPERIMENTS)}."
            )
