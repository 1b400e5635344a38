"""All steering experiments, by name."""

from emovec.steering.experiments.experiment import Experiment
from emovec.steering.experiments.registry import calibration, implicit, intensity, preferences, rules

EXPERIMENTS: dict[str, Experiment] = {
    "calibration": calibration.EXPERIMENT,
    "implicit": implicit.EXPERIMENT,
    "intensity": intensity.EXPERIMENT,
    "preferences": preferences.EXPERIMENT,
    "rules": rules.EXPERIMENT,
}
