"""Emotion vectors in open language models."""
