"""The files of a bag, and what a crash or a full disk leaves of them."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from locate3d_ros.data.recordings.recording import SkippedFrame

SUFFIXES = (".mcap", ".db3")
MEND = "truncated or damaged; mend it with `ros2 bag reindex` or `mcap recover`, or record it again"

# MCAP's specification: magic at both ends; records of a one-byte kind, an eight-byte length, content.
_MAGIC = b"\x89MCAP0\r\n"
_RECORD = struct.Struct("<BQ")
_FOOTER, _DATA_END = 0x02, 0x0F
_END = _RECORD.pack(_DATA_END, 4) + bytes(4) + _RECORD.pack(_FOOTER, 20) + bytes(20) + _MAGIC


@dataclass(frozen=True)
class BagFiles:
    """What to open, and which of it is known to lack its end."""

    paths: tuple[Path | CutMcap, ...]
    faults: tuple[SkippedFrame, ...]


def find_bag_files(path: Path) -> BagFiles:
    """List what to open of a bag: the folder itself where it is whole, else its files one by one.

    A recorder that was killed leaves a folder without metadata.yaml and a last file without its end.
    """
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
    cut = [file for file in files if (_is_cut_mcap(file) if file.suffix == ".mcap" else _is_cut_database(file))]
    faults = tuple(SkippedFrame(str(file), f"the rest is {MEND}") for file in cut)
    if not any(file.suffix == ".mcap" for file in cut) and (path.is_file() or (path / "metadata.yaml").is_file()):
        return BagFiles((path,), faults)
    opened = [CutMcap(file) if file in cut and file.suffix == ".mcap" else file for file in files]
    # Of a file that was only just begun nothing is left; it must not cost the others.
    usable = [file for file in opened if not (isinstance(file, CutMcap) and file.is_empty)]
    return BagFiles(tuple(usable or opened), faults)


class CutMcap:
    """An MCAP file without its end, seen as if it had been closed after its last whole record.

    It stands in for a `Path` where rosbags opens one, so that a large bag need not be copied to be read.
    """

    def __init__(self, path: Path) -> None:
        """Find the last whole record."""
        self.name, self.suffix, self.stem = path.name, path.suffix, path.stem
        self._path = path
        self._end = _end_of_whole_records(path)

    def __str__(self) -> str:
        return str(self._path)

    @property
    def is_empty(self) -> bool:
        """Whether there is no whole record."""
        return self._end <= len(_MAGIC)

    def exists(self) -> bool:
        """Answer as the path does."""
        return self._path.exists()

    def is_dir(self) -> bool:
        """Answer as the path of a file does."""
        return False

    def open(self, _mode: str) -> BinaryIO:
        """Open the whole records, followed by the end that is missing, for reading."""
        return io.BufferedReader(_Closed(self._path.open("rb"), self._end))


class _Closed(io.RawIOBase):
    """The first bytes of a file, then the end of an MCAP file."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file, self._end, self._position = file, end, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end + len(_END)}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._position < self._end:
            self._file.seek(self._position)
            content = self._file.read(min(len(buffer), self._end - self._position))
        else:
            content = _END[self._position - self._end :][: len(buffer)]
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        self._file.close()
        super().close()


def _is_cut_mcap(path: Path) -> bool:
    size = path.stat().st_size
    if size < len(_MAGIC) + len(_END):
        return True
    with path.open("rb") as file:
        file.seek(-len(_MAGIC), io.SEEK_END)
        return file.read() != _MAGIC


def _end_of_whole_records(path: Path) -> int:
    """Return the offset after the last whole record of the data section."""
    size, end = path.stat().st_size, len(_MAGIC)
    with path.open("rb") as file:
        while end + _RECORD.size <= size:
            file.seek(end)
            kind, length = _RECORD.unpack(file.read(_RECORD.size))
            if kind in (_DATA_END, _FOOTER) or end + _RECORD.size + length > size:
                break
            end += _RECORD.size + length
    return min(end, size)


def _is_cut_database(path: Path) -> bool:
    """Tell whether a SQLite file is shorter than its header says: SQLite itself reads zeros for what is missing."""
    with path.open("rb") as database:
        header = database.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        return False
    # Offsets 16, 24, 28, 92 of SQLite's file format: page size, change counter, pages, counter that "pages" is of.
    (page_size,) = struct.unpack_from(">H", header, 16)
    changes, pages = struct.unpack_from(">II", header, 24)
    (pages_of,) = struct.unpack_from(">I", header, 92)
    bytes_per_page = 65536 if page_size == 1 else page_size
    return bool(changes == pages_of and path.stat().st_size < pages * bytes_per_page)
