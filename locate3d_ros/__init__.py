"""Robots find things by name: RGB-D frames in, text requests answered with 3D boxes and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from locate3d_ros.data.recordings import load_recording as load_recording
    from locate3d_ros.pipeline import Locate3D as Locate3D

__version__ = "0.1.0"
__all__ = ["Locate3D", "__version__", "load_recording"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - module attribute hook of PEP 562
    """Import the two public entry points on first use, so that `import locate3d_ros` needs no torch."""
    if name == "Locate3D":
        from locate3d_ros.pipeline import Locate3D

        return Locate3D
    if name == "load_recording":
        from locate3d_ros.data.recordings import load_recording

        return load_recording
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
