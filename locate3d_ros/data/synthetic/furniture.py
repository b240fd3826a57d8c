"""Reader of Sweet Home 3D furniture libraries (.sh3f: a zip of a catalogue and textured OBJ models)."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.mesh import Mesh
from locate3d_ros.data.synthetic.wavefront import read_obj
from locate3d_ros.errors import InputError

CATALOGUE = "PluginFurnitureCatalog.properties"
INSTALLED_FOLDER = Path("/usr/share/sweethome3d/furniture")  # of Debian's package sweethome3d-furniture

_ENTRY = re.compile(r"(\w+)#(\d+)\s*=\s*(.*)")
_LICENCES = (
    ("CC0-1.0", re.compile(r"publicdomain/(zero|mark)|Creative Commons Zero|CC-0", re.IGNORECASE)),
    ("CC-BY-3.0", re.compile(r"licenses/by/|Creative Commons Attribution", re.IGNORECASE)),
)


@dataclass(frozen=True)
class FurnitureEntry:
    """One model of a catalogue."""

    key: str  # file name of the model without its suffix: unique within a library
    name: str
    category: str
    model: str  # path within the library
    size: tuple[float, float, float]  # width, depth, height in metres
    elevation: float  # metres above the floor
    rotation: tuple[float, ...]  # 9 numbers, rows of the matrix that sets the model upright
    creator: str


class FurnitureLibrary:
    """An opened library. Raises InputError where the file is missing or no library."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
            text = self._zip.read(CATALOGUE).decode("latin-1")
        except FileNotFoundError:
            raise InputError(f"{path}: no such furniture library; install sweethome3d-furniture") from None
        except (zipfile.BadZipFile, KeyError):
            raise InputError(f"{path}: not a furniture library (zip with {CATALOGUE}); give an .sh3f file") from None
        self._files = {name.lstrip("/"): name for name in self._zip.namelist()}
        self.entries = _parse_catalogue(text)

    def load(self, key: str) -> Mesh:
        """Load a model in metres, z up, front towards -y, standing on z = 0, its footprint centred on the origin.

        Raises InputError where the library has no such model.
        """
        if key not in self.entries:
            raise InputError(f"{self.path}: no model {key!r}; choose one of the {len(self.entries)} in its catalogue")
        entry = self.entries[key]
        return _stand(read_obj(entry.model, self._read), entry)

    def licence(self, key: str) -> str:
        """Return the SPDX name of the model's licence, read from its own folder, else from the library's file."""
        folder = self.entries[key].model.rpartition("/")[0] + "/"
        own = [n for n in self._files if n.startswith(folder) and "licen" in n.lower()]
        for name in [*own, "LICENSE.TXT"]:
            found = _licence_of(self._read(name).decode("latin-1"))
            if found:
                return found
        raise InputError(f"{self.path}: no licence found for {key!r}; do not use this model")

    def _read(self, path: str) -> bytes:
        return self._zip.read(self._files[path])


def _licence_of(text: str) -> str | None:
    """Return the licence a text names; one that names several is of the stricter."""
    found = [name for name, pattern in _LICENCES if pattern.search(text)]
    return found[-1] if found else None


def _parse_catalogue(text: str) -> dict[str, FurnitureEntry]:
    values: dict[int, dict[str, str]] = {}
    for line in text.splitlines():
        match = _ENTRY.match(line.strip())
        if match:
            values.setdefault(int(match[2]), {})[match[1]] = match[3].strip()
    entries = (_entry(v) for _, v in sorted(values.items()))
    return {entry.key: entry for entry in entries}


def _entry(values: dict[str, str]) -> FurnitureEntry:
    model = values["model"].lstrip("/")
    rotation = tuple(float(v) for v in values.get("modelRotation", "1 0 0 0 1 0 0 0 1").split())
    width, depth, height = (float(values[k]) / 100.0 for k in ("width", "depth", "height"))
    return FurnitureEntry(
        key=model.rpartition("/")[2].removesuffix(".obj"),
        name=values["name"],
        category=values["category"],
        model=model,
        size=(width, depth, height),
        elevation=float(values.get("elevation", "0")) / 100.0,
        rotation=rotation,
        creator=values.get("creator", ""),
    )


def _stand(mesh: Mesh, entry: FurnitureEntry) -> Mesh:
    """Rotate upright, scale to the catalogue's size (y is up and z the front in a model), and set on the floor."""
    upright = mesh.vertices @ np.asarray(entry.rotation).reshape(3, 3).T
    xyz: NDArray[np.float64] = np.stack((upright[:, 0], -upright[:, 2], upright[:, 1]), axis=1)
    used = xyz[mesh.triangles]
    low, high = used.min(axis=(0, 1)), used.max(axis=(0, 1))
    scale = np.asarray(entry.size) / np.maximum(high - low, 1e-9)
    origin = np.array([(low[0] + high[0]) / 2.0, (low[1] + high[1]) / 2.0, low[2]])
    return replace(mesh, vertices=(xyz - origin) * scale)
