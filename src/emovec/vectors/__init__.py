"""Emotion vectors: labelled arrays, how they are built from activations, and their file."""

RECIPE = 2
"""Part of every key of vectors: raise it when a change of the code alters their numbers."""
