"""The map of a localization node on its own: a map file, read again whenever it is replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.map_file import load_map
from locate3d_ros.nodes.live_map import LiveMap
from locate3d_ros.types import FeatureExtractor


class FileMap:
    """Brings a map file into a map; map files are renamed into place, so that a changed one is whole."""

    def __init__(
        self, path: Path, extractor: FeatureExtractor, live_map: LiveMap, warn: Callable[[str], object]
    ) -> None:
        """`warn` hears of files that cannot be used; the running map stays then."""
        self._path = path
        self._extractor = extractor
        self._map = live_map
        self._warn = warn
        self._seen: tuple[int, int, int] | None = None
        self._was_missed = False

    def look(self) -> bool:
        """Read the file if it is new; return whether the map was replaced."""
        try:
            stat = self._path.stat()
        except OSError as error:
            if not self._was_missed:
                self._warn(f"map_file {self._path}: {error.strerror}; the node waits for it")
            self._was_missed = True
            return False
        seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if seen == self._seen:
            return False
        self._seen, self._was_missed = seen, False
        try:
            self._map.restore(load_map(self._path, self._extractor))
        except InputError as error:
            self._warn(f"map_file: {error} (the running map stays)")
            return False
        return True
