"""Other colours for furniture."""

from __future__ import annotations

import colorsys
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.mesh import Material, Mesh
from locate3d_ros.data.synthetic.vectors import norm

# Colours that furniture is painted in, where a model may be painted: name -> sRGB.
PALETTE = {
    "red": (0.72, 0.10, 0.09),
    "blue": (0.10, 0.22, 0.62),
    "green": (0.16, 0.45, 0.18),
    "yellow": (0.90, 0.72, 0.12),
    "orange": (0.92, 0.45, 0.08),
    "white": (0.88, 0.87, 0.84),
    "black": (0.06, 0.06, 0.065),
    "gray": (0.45, 0.45, 0.46),
    "pink": (0.90, 0.52, 0.62),
    "brown": (0.36, 0.20, 0.11),
}


def painted(mesh: Mesh, colour: tuple[float, float, float]) -> Mesh:
    """Give every light, plain material of a mesh another colour (sRGB)."""
    return replace(mesh, materials=tuple(_painted(m, colour) for m in mesh.materials))


def _painted(material: Material, colour: tuple[float, float, float]) -> Material:
    _, saturation, value = colorsys.rgb_to_hsv(*material.colour)
    plain = material.texture is None and saturation < 0.25 and value > 0.45
    return replace(material, colour=tuple(np.clip(colour, 0.0, 1.0))) if plain else material


def repainted(mesh: Mesh, colour: tuple[float, float, float]) -> Mesh:
    """Give the material with the largest surface of a mesh another colour (sRGB); a texture keeps its pattern."""
    corners = mesh.vertices[mesh.triangles]
    area = norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    largest = int(np.bincount(mesh.material, weights=area, minlength=len(mesh.materials)).argmax())
    materials = list(mesh.materials)
    materials[largest] = _repainted(materials[largest], np.asarray(colour))
    return replace(mesh, materials=tuple(materials))


def _repainted(material: Material, colour: NDArray[np.float64]) -> Material:
    if material.texture is None:
        return replace(material, colour=tuple(colour))
    grey = material.texture.mean(axis=2, keepdims=True)
    pattern = grey / max(float(grey.mean()), 1.0)
    texture = np.clip(pattern * colour * 255.0, 0.0, 255.0).astype(np.uint8)
    return replace(material, texture=texture)
