"""The pinhole camera. Pixel centres are at whole numbers (FEATURES_SPEC §4.3); depth is z, not range."""

from __future__ import annotations

import torch
from torch import Tensor

from locate3d_ros.types import Intrinsics


def pixel_rays(intrinsics: Intrinsics, device: torch.device | str = "cpu") -> Tensor:
    """Return (height, width, 3) float32: the camera-frame point of every pixel at depth 1."""
    v, u = torch.meshgrid(
        torch.arange(intrinsics.height, dtype=torch.float32, device=device),
        torch.arange(intrinsics.width, dtype=torch.float32, device=device),
        indexing="ij",
    )
    x = (u - intrinsics.cx) / intrinsics.fx
    y = (v - intrinsics.cy) / intrinsics.fy
    return torch.stack((x, y, torch.ones_like(x)), dim=-1)


def project(xyz_camera: Tensor, intrinsics: Intrinsics) -> tuple[Tensor, Tensor]:
    """Project camera-frame points (n, 3) -> (pixels (n, 2) as u, v; depth (n,)). Points at z <= 0 give nan pixels."""
    z = xyz_camera[:, 2]
    safe = torch.where(z > 0, z, torch.full_like(z, float("nan")))
    u = xyz_camera[:, 0] / safe * intrinsics.fx + intrinsics.cx
    v = xyz_camera[:, 1] / safe * intrinsics.fy + intrinsics.cy
    return torch.stack((u, v), dim=-1), z


def scale_intrinsics(intrinsics: Intrinsics, width: int, height: int) -> Intrinsics:
    """Return the camera of the same image resized to width x height (pixel areas keep their rays)."""
    sx, sy = width / intrinsics.width, height / intrinsics.height
    return Intrinsics(
        fx=intrinsics.fx * sx,
        fy=intrinsics.fy * sy,
        cx=(intrinsics.cx + 0.5) * sx - 0.5,
        cy=(intrinsics.cy + 0.5) * sy - 0.5,
        width=width,
        height=height,
    )
