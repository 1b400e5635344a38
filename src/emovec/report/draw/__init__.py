"""Figures: in the page, for papers, as films."""
