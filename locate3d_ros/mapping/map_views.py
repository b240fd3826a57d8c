"""Thumbnails in map files: lossless PNG bytes, depth in whole millimetres, poses and cameras in the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import require_rigid
from locate3d_ros.types import Intrinsics, View

_MAX_DEPTH_MM = 65535


def encode_views(views: Sequence[View]) -> dict[str, Tensor]:
    """Return PNG bytes (uint8, flat) as views.<i>.rgb and, where there is depth, views.<i>.depth."""
    tensors = {}
    for i, view in enumerate(views):
        tensors[f"views.{i}.rgb"] = _png(view.rgb.numpy()[..., ::-1])
        if view.depth is not None:
            millimetres = torch.nan_to_num(view.depth, nan=0.0, posinf=0.0, neginf=0.0).mul(1000.0).round().numpy()
            known = (millimetres > 0) & (millimetres <= _MAX_DEPTH_MM)
            tensors[f"views.{i}.depth"] = _png(np.where(known, millimetres, 0).astype(np.uint16))
    return tensors


def views_header(views: Sequence[View]) -> str:
    """Return what is not pictures, as one line of JSON."""
    return json.dumps(
        [
            {
                "stamp": view.stamp,
                "camera": view.camera,
                "intrinsics": asdict(view.intrinsics),
                "T_map_camera": view.T_map_camera.tolist(),
            }
            for view in views
        ]
    )


def decode_views(header: str, tensors: Mapping[str, Tensor], source: str) -> tuple[View, ...]:
    """Return the views of a map file. Raises InputError where one is damaged."""
    try:
        return tuple(_decode_view(i, entry, tensors, source) for i, entry in enumerate(json.loads(header)))
    except (ValueError, KeyError, TypeError, cv2.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source}: thumbnails are damaged ({error!r}); save the map again") from error


def _decode_view(i: int, entry: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> View:
    intrinsics = Intrinsics(**entry["intrinsics"])
    rgb = _pixels(tensors[f"views.{i}.rgb"], cv2.IMREAD_COLOR, intrinsics)[..., ::-1]
    depth = None
    if f"views.{i}.depth" in tensors:
        millimetres = _pixels(tensors[f"views.{i}.depth"], cv2.IMREAD_UNCHANGED, intrinsics)
        depth = torch.from_numpy(millimetres.astype(np.float32) / 1000.0)
    T_map_camera = require_rigid(torch.tensor(entry["T_map_camera"], dtype=torch.float64), f"{source}: view {i}")
    picture = torch.from_numpy(np.ascontiguousarray(rgb))
    return View(picture, intrinsics, T_map_camera, float(entry["stamp"]), str(entry["camera"]), depth)


def _png(image: npt.NDArray[Any]) -> Tensor:
    done, encoded = cv2.imencode(".png", image)
    if not done:
        raise InputError(f"thumbnail of shape {image.shape}: cannot be encoded as PNG; build the map without views")
    return torch.from_numpy(encoded.reshape(-1))


def _pixels(encoded: Tensor, flag: int, intrinsics: Intrinsics) -> npt.NDArray[Any]:
    image = cv2.imdecode(encoded.numpy(), flag)
    if image is None or image.shape[:2] != (intrinsics.height, intrinsics.width):
        raise ValueError("a picture cannot be decoded or has another size than its camera")
    return image
