"""Rigid transforms, the pinhole camera, axis-aligned boxes."""
