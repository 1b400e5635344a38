"""Activations: the mean residual stream of each text at each layer, extracted once and kept in shards."""
