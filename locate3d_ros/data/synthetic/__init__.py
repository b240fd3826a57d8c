"""Synthetic furnished rooms with ground truth: models, layouts, rendering, and the data set folder (DESIGN 5.5)."""
