"""Map files by name, inside one folder and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

from locate3d_ros.errors import InputError

SUFFIX = ".safetensors"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,119}")


class MapDirectory:
    """Resolves the names of save_map and load_map."""

    def __init__(self, directory: str) -> None:
        """Take the folder as a parameter holds it; it is made when the first map is saved."""
        self._folder = Path(directory).expanduser()

    def to_save(self, name: str, overwrite: bool) -> Path:
        """Return the path for a new map. Raises InputError for a bad name, or a file that is there already."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"map_directory {self._folder}: cannot be made ({error.strerror}); give another folder"
            ) from None
        path = self._resolve(name)
        if path.exists() and not overwrite:
            raise InputError(f"{path}: exists already; set overwrite, or give another name")
        return path

    def to_load(self, name: str) -> Path:
        """Return the path of a saved map. Raises InputError for a bad name or no such map."""
        path = self._resolve(name)
        if not path.is_file():
            raise InputError(f"{path}: no such map; there are: {', '.join(self._names()) or 'none'}")
        return path

    def _resolve(self, name: str) -> Path:
        plain = name.removesuffix(SUFFIX)
        if not _NAME.fullmatch(plain) or ".." in plain:
            raise InputError(f"name {name!r}: not a plain file name; give letters, digits, '.', '_', '-', no folders")
        path = self._folder / f"{plain}{SUFFIX}"
        if path.resolve().parent != self._folder.resolve():
            raise InputError(f"{path}: leads out of map_directory {self._folder}; give the name of a file inside")
        return path

    def _names(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob(f"*{SUFFIX}"))[:10]
