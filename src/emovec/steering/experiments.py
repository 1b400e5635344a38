"""All steering experiments, by name."""

from emovec.steering.experiment import Experiment

EXPERIMENTS: dict[str, Experiment] = {}
