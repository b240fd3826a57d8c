"""The map as a PLY point cloud for viewers: true colours, or features as colours (their first principal components)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from locate3d_ros.errors import InputError
from locate3d_ros.files import whole_file
from locate3d_ros.types import MapSnapshot

Color = Literal["rgb", "features"]

_CHUNK = 65_536  # voxels whose features are widened to float32 at a time
_TAIL = 0.02  # share of the voxels beyond either end of the colour scale


def write_ply(snapshot: MapSnapshot, path: Path, color: Color) -> None:
    """Write a binary PLY through open3d: the finer grid in its colours, or the feature voxels in false ones.

    Raises InputError where open3d is missing, the map holds no such points, or the file cannot be written.
    """
    open3d = _import_open3d()
    xyz, rgb = _points(snapshot, color)
    if len(xyz) == 0:
        raise InputError(f"{path}: the map has no {'features' if color == 'features' else 'points'} to write")
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(xyz.cpu().to(torch.float64).numpy()))
    cloud.colors = open3d.utility.Vector3dVector(rgb.cpu().to(torch.float64).numpy())
    with whole_file(path) as unfinished, TemporaryDirectory(dir=path.parent) as folder:
        named = Path(folder) / "cloud.ply"  # open3d goes by the ending of the name
        if not open3d.io.write_point_cloud(str(named), cloud):
            raise OSError("open3d could not write it")
        named.replace(unfinished)


def feature_colors(snapshot: MapSnapshot) -> tuple[Tensor, Tensor]:
    """Return the voxels (n, 3) that have features, and colours (n, 3) in [0, 1]: alike features look alike.

    Red, green and blue are the first three principal components of all slots, each slot's vectors made unit length.
    """
    kept = snapshot.has_features.nonzero().squeeze(1)
    vectors = torch.cat([_unit(values, kept) for values in snapshot.features.values()], dim=1)
    if len(kept) == 0:
        return snapshot.xyz[kept], snapshot.rgb[kept]
    scores = (vectors - vectors.mean(dim=0)) @ _principal_axes(vectors)
    low, high = (torch.quantile(_thinned(scores), share, dim=0) for share in (_TAIL, 1 - _TAIL))
    return snapshot.xyz[kept], ((scores - low) / (high - low).clamp(min=1e-9)).clamp(0.0, 1.0)


def _points(snapshot: MapSnapshot, color: Color) -> tuple[Tensor, Tensor]:
    if color == "features":
        return feature_colors(snapshot)
    fine = snapshot.fine
    return (fine.xyz, fine.rgb) if len(fine.xyz) else (snapshot.xyz, snapshot.rgb)


def _unit(values: Tensor, kept: Tensor) -> Tensor:
    return torch.cat(
        [normalize(values[rows].to(torch.float32), dim=1) for rows in torch.split(kept, _CHUNK)] or [values[:0]]
    )


def _principal_axes(vectors: Tensor) -> Tensor:
    """Return the first three principal axes (D, 3) of vectors (n, D), zero where there are fewer dimensions.

    An axis has no sign of its own: its largest entry is made positive, so that the same map gets the same colours.
    """
    centred = vectors - vectors.mean(dim=0)
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(dims=(1,))[:, :3]
    largest = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True))
    three = torch.zeros((len(axes), 3), dtype=axes.dtype, device=axes.device)
    three[:, : axes.shape[1]] = axes * largest.sign()
    return three


def _thinned(scores: Tensor) -> Tensor:
    """Quantiles of a sample are good enough, and torch computes none of very many values."""
    sample: Tensor = scores[:: max(1, len(scores) // 1_000_000)]
    return sample


def _import_open3d() -> Any:  # noqa: ANN401 - a module without type stubs
    try:
        import open3d
    except (ImportError, OSError) as error:
        raise InputError(
            f"open3d cannot be imported ({error}); install the extra: pip install locate3d_ros[scenes]"
        ) from None
    return open3d
