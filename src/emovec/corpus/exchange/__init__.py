"""Texts of others in, texts for others out."""
