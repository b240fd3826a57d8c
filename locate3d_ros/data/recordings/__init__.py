"""Recordings of RGB-D cameras, as an iterable of frames (docs/recordings.md)."""

from locate3d_ros.data.recordings.load import load_recording
from locate3d_ros.data.recordings.recording import Recording, SkippedFrame

__all__ = ["Recording", "SkippedFrame", "load_recording"]
