"""Steering: what the vectors do to a model."""
