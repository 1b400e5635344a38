"""Activations: the mean residual stream of each text at each layer, extracted once and kept in shards."""

RECIPE = 1
"""Part of every key of activations: raise it when a change of the code alters their numbers."""
