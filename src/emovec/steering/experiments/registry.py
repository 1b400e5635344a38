"""All steering experiments, by name."""

from emovec.steering.experiments import calibration, implicit, intensity, preferences, rules
from emovec.steering.experiments.experiment import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    "calibration": calibration.EXPERIMENT,
    "implicit": implicit.EXPERIMENT,
    "intensity": intensity.EXPERIMENT,
    "preferences": preferences.EXPERIMENT,
    "rules": rules.EXPERIMENT,
}
