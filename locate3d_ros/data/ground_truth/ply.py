"""The vertices of a PLY file, text or binary; nothing else of it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from locate3d_ros.data.bad_file import BadFileError

_MEND = "download it again"
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_LONGEST_HEADER = 1000  # lines


@dataclass(frozen=True)
class _Header:
    order: str  # numpy's byte order; "": text
    count: int
    columns: tuple[tuple[str, str], ...]  # name and numpy type of each property of a vertex


def read_vertices(path: Path) -> npt.NDArray[np.float64]:
    """Read the vertices' positions [V, 3]. Raises BadFileError where the file is cut short or no such PLY."""
    try:
        with path.open("rb") as file:
            header = _read_header(path, file)
            vertices = _read_text(path, file, header) if header.order == "" else _read_binary(path, file, header)
    except OSError as error:
        raise BadFileError(path, f"cannot be read ({error.strerror}); {_MEND}") from None
    if not np.isfinite(vertices).all():
        raise BadFileError(path, f"a vertex is not finite; {_MEND}")
    return vertices


def _read_header(path: Path, file: BinaryIO) -> _Header:
    lines = []
    for _ in range(_LONGEST_HEADER):
        lines.append(file.readline(_LONGEST_HEADER).decode("ascii", "replace").split())
        if lines[-1] == ["end_header"] or not lines[-1]:
            break
    if lines[0] != ["ply"] or lines[-1] != ["end_header"]:
        raise BadFileError(path, f"no PLY file; {_MEND}")
    order = next((_ORDERS.get(line[1]) for line in lines if line[0] == "format" and len(line) > 1), None)
    elements = [i for i, line in enumerate(lines) if line[0] == "element"]
    first = lines[elements[0]] if elements else []
    if order is None or len(first) != 3 or first[1] != "vertex" or not first[2].isdecimal():
        raise BadFileError(path, f"a PLY file of another form; {_MEND}")
    end = elements[1] if len(elements) > 1 else len(lines)
    properties = [line for line in lines[elements[0] : end] if line[0] == "property"]
    if any(len(line) != 3 or line[1] not in _TYPES for line in properties):
        raise BadFileError(path, f"vertices with a property of unknown type; {_MEND}")
    columns = tuple((line[2], order + _TYPES[line[1]]) for line in properties)
    if len({name for name, _ in columns}) != len(columns) or not {"x", "y", "z"} <= {name for name, _ in columns}:
        raise BadFileError(path, f"vertices without one x, y, z each; {_MEND}")
    return _Header(order, int(first[2]), columns)


def _read_binary(path: Path, file: BinaryIO, header: _Header) -> npt.NDArray[np.float64]:
    kind = np.dtype(list(header.columns))
    # The size is compared before it is asked for: a wrong count must not ask for all memory.
    if path.stat().st_size - file.tell() < header.count * kind.itemsize:
        raise BadFileError(path, f"truncated in its {header.count} vertices; {_MEND}")
    table = np.frombuffer(file.read(header.count * kind.itemsize), dtype=kind)
    return np.stack([table[axis] for axis in "xyz"], axis=1).astype(np.float64)


def _read_text(path: Path, file: BinaryIO, header: _Header) -> npt.NDArray[np.float64]:
    names = [name for name, _ in header.columns]
    places = [names.index(axis) for axis in "xyz"]
    vertices = []
    for _ in range(header.count):
        words = file.readline(1 << 16).split()
        try:
            vertices.append([float(words[place]) for place in places])
        except (IndexError, ValueError):
            message = f"vertex {len(vertices)} of {header.count} is missing or no numbers; {_MEND}"
            raise BadFileError(path, message) from None
    return np.array(vertices, dtype=np.float64).reshape(-1, 3)
