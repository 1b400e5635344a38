"""Runs the stages of a study, checks before they start, and tells what they will cost."""
