"""Reader of Wavefront OBJ models and their MTL materials, from any store of named bytes."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.mesh import Material, Mesh
from locate3d_ros.errors import InputError

ReadFile = Callable[[str], bytes]

# Glass that is clearer than this is left out: light and depth cameras see through it.
MIN_OPACITY = 0.35


@dataclass
class _Faces:
    """What the lines of an OBJ file pile up."""

    vertices: list[list[float]] = field(default_factory=list)
    uv: list[list[float]] = field(default_factory=list)
    corners: list[tuple[int, int]] = field(default_factory=list)  # vertex and texture index, three per triangle
    material: list[int] = field(default_factory=list)  # one per triangle
    names: dict[str, int] = field(default_factory=dict)
    library: str = ""


def read_obj(path: str, read_file: ReadFile) -> Mesh:
    """Read the model at `path`, in the file's own axes and units.

    `read_file` gives the bytes of a path ("/"-separated). Polygons become fans of triangles; lines and points are
    left out, and so is clear glass. Raises InputError where the model has no triangle or a line is broken.
    """
    faces = _Faces()
    current = _material_index(faces, "")
    for number, line in enumerate(read_file(path).decode("latin-1").splitlines(), start=1):
        words = line.split()
        try:
            current = _take_line(faces, words, current)
        except (ValueError, IndexError):
            raise InputError(f"{path}: line {number}: {line.strip()!r} is not OBJ; give another model") from None
    if not faces.material:
        raise InputError(f"{path}: no face; give a model with triangles")
    return _to_mesh(faces, read_materials(posixpath.join(posixpath.dirname(path), faces.library), read_file))


def _take_line(faces: _Faces, words: list[str], current: int) -> int:
    """Add one line; return the material index that holds for the next one."""
    kind = words[0] if words else ""
    if kind == "v":
        faces.vertices.append([float(w) for w in words[1:4]])
    elif kind == "vt":
        faces.uv.append([float(w) for w in words[1:3]])
    elif kind == "f":
        corners = [_corner(w, len(faces.vertices), len(faces.uv)) for w in words[1:]]
        for i in range(1, len(corners) - 1):
            faces.corners.extend((corners[0], corners[i], corners[i + 1]))
            faces.material.append(current)
    elif kind == "usemtl":
        return _material_index(faces, " ".join(words[1:]))
    elif kind == "mtllib":
        faces.library = " ".join(words[1:])
    return current


def _material_index(faces: _Faces, name: str) -> int:
    return faces.names.setdefault(name, len(faces.names))


def _corner(word: str, vertices: int, textures: int) -> tuple[int, int]:
    """Return zero-based vertex and texture index (-1: none) of one corner; negative numbers count from the end."""
    parts = word.split("/")
    vertex = int(parts[0])
    texture = int(parts[1]) if len(parts) > 1 and parts[1] else 0
    return (
        vertex - 1 if vertex > 0 else vertices + vertex,
        texture - 1 if texture > 0 else textures + texture if texture < 0 else -1,
    )


def _to_mesh(faces: _Faces, library: dict[str, tuple[Material, float]]) -> Mesh:
    corners = np.asarray(faces.corners, dtype=np.int64).reshape(-1, 3, 2)
    table = np.asarray([*faces.uv, [0.0, 0.0]], dtype=np.float64)  # index -1 is the last row: no coordinates
    entries = [library.get(name, (Material((0.7, 0.7, 0.7)), 1.0)) for name in faces.names]
    material = np.asarray(faces.material, dtype=np.int64)
    seen = np.asarray([opacity >= MIN_OPACITY for _, opacity in entries])[material]
    return Mesh(
        vertices=np.asarray(faces.vertices, dtype=np.float64),
        triangles=corners[seen][..., 0],
        uv=table[corners[seen][..., 1]],
        material=material[seen],
        materials=tuple(entry for entry, _ in entries),
    )


def read_materials(path: str, read_file: ReadFile) -> dict[str, tuple[Material, float]]:
    """Read an MTL file: material and opacity by name. A file that is not there gives no materials."""
    try:
        lines = read_file(path).decode("latin-1").splitlines()
    except KeyError:
        return {}
    blocks: dict[str, dict[str, str]] = {}
    block: dict[str, str] = {}
    for line in lines:
        key, _, value = line.strip().partition(" ")
        if key == "newmtl":
            block = blocks.setdefault(value.strip(), {})
        else:
            block[key] = value.strip()
    folder = posixpath.dirname(path)
    return {name: _material(values, folder, read_file) for name, values in blocks.items()}


def _material(values: dict[str, str], folder: str, read_file: ReadFile) -> tuple[Material, float]:
    diffuse = [min(1.0, float(v)) for v in values.get("Kd", "0.7 0.7 0.7").split()[:3]]
    specular = [float(v) for v in values.get("Ks", "0 0 0").split()[:3]]
    texture = None
    if "map_Kd" in values:
        texture = _read_texture(posixpath.join(folder, values["map_Kd"].split()[-1]), read_file)
    material = Material(
        colour=(diffuse[0], diffuse[1], diffuse[2]), texture=texture, shine=min(1.0, sum(specular) / 3.0)
    )
    return material, float(values.get("d", "1").split()[-1])


def _read_texture(path: str, read_file: ReadFile) -> NDArray[np.uint8] | None:
    """Decode a texture to RGB [h, w, 3]; one that is missing or broken gives None, and the plain colour holds."""
    try:
        encoded = np.frombuffer(read_file(path), dtype=np.uint8)
    except KeyError:
        return None
    bgr = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    return None if bgr is None else np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8)
