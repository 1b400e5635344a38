"""Emotion vectors: labelled arrays, how they are built from activations, and their file."""
