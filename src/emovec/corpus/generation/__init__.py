"""Texts written by a language model: requests, answers, resuming, costs."""
