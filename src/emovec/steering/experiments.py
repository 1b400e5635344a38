"""All steering experiments, by name."""

from emovec.steering import calibration, implicit, intensity, preferences, rule_following
from emovec.steering.experiment import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    "calibration": calibration.EXPERIMENT,
    "implicit": implicit.EXPERIMENT,
    "intensity": intensity.EXPERIMENT,
    "preferences": preferences.EXPERIMENT,
    "rules": rule_following.EXPERIMENT,
}
