"""Recordings, annotations, synthetic scenes."""
