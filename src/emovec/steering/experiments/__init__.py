"""The steering experiments, a file each."""
