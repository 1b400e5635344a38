"""Steered models and tasks for Inspect."""
