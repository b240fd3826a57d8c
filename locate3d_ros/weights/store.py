"""Where weight files lie, and whether they are the right ones: the user's folder, else the hub's cache.

Checksums are remembered with a file's size and time of change, so that a file of gigabytes is read once, not at every
start; a file that changed is read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locate3d_ros.errors import InputError
from locate3d_ros.files import write_file
from locate3d_ros.weights.catalog import WeightFile

FOLDER_VARIABLE = "LOCATE3D_WEIGHTS"
RECORD_NAME = "locate3d-checksums.json"
SHA256 = re.compile(r"[0-9a-f]{64}")
# What a checksum was compared with.
THE_TABLE = "the table of known checksums"
THE_HUB = "the hub"
NOTHING = "nothing: no checksum of it is known"
_BLOCK = 1 << 22  # bytes read at once


@dataclass(frozen=True)
class Verified:
    """A weight file that is what it should be."""

    path: Path
    sha256: str
    against: str  # what the checksum was compared with


class WeightsError(InputError):
    """A weight file that is missing or not the right one: it may be there the next time."""


class WeightStore:
    """Finds and verifies weight files."""

    def __init__(self, folder: str = "") -> None:
        """Take the user's folder; empty: that of LOCATE3D_WEIGHTS, else the hub's cache."""
        chosen = folder or os.environ.get(FOLDER_VARIABLE, "")
        self.folder = Path(chosen).expanduser().absolute() if chosen else None

    def find(self, file: WeightFile) -> Path | None:
        """Return where a file lies; None where it is missing."""
        if self.folder is None:
            return _in_cache(file)
        path = self.folder / file.file
        return path if path.is_file() else None

    def require(self, file: WeightFile, reread: bool = False) -> Verified:
        """Return a file that is there and right. Raises WeightsError, one line with the mend, otherwise."""
        path = self.find(file)
        if path is None:
            raise WeightsError(self._missing(file))
        return self.verify(file, path, reread)

    def verify(self, file: WeightFile, path: Path, reread: bool = False) -> Verified:
        """Compare a file with its known checksum, else with the one that the hub named when it was fetched.

        `reread` trusts no checksum that was computed before. Raises WeightsError where the checksum differs.
        """
        sha256 = self._sha256(path, reread)
        expected, against = self._expected(file, path)
        if expected and sha256 != expected:
            raise WeightsError(self._wrong(file, path, sha256, (expected, against)))
        return Verified(path, sha256, against)

    def record(self, file: WeightFile, path: Path, sha256: str, is_named: bool) -> None:
        """Keep the checksum of a file that was fetched; `is_named`: the hub named the same one."""
        named = {file.name: {"sha256": sha256}} if is_named else {}
        self._write(self._record() | named | {str(path): {"sha256": sha256, "state": _state(path)}})

    def place(self, file: WeightFile) -> str:
        """Return where a user puts a file by hand."""
        return str(self.folder / file.file) if self.folder else f"{file.file} in a folder that you give as --weights"

    def _expected(self, file: WeightFile, path: Path) -> tuple[str, str]:
        if file.sha256:
            return file.sha256, THE_TABLE
        blob = path.resolve().name  # the hub's cache names a large file by the sha256 that the server gave
        if path.is_symlink() and SHA256.fullmatch(blob):
            return blob, THE_HUB
        named = str(self._record().get(file.name, {}).get("sha256", ""))
        return named, THE_HUB if named else NOTHING

    @staticmethod
    def _wrong(file: WeightFile, path: Path, sha256: str, expected: tuple[str, str]) -> str:
        return (
            f"{path.resolve()}: not the file of {file.repository}: sha256 {sha256[:12]}…, {expected[1]} says "
            f"{expected[0][:12]}…; delete it and run `locate3d weights fetch {file.name}`"
        )

    def _sha256(self, path: Path, reread: bool) -> str:
        known = self._record().get(str(path), {})
        if not reread and known.get("state") == _state(path):
            return str(known.get("sha256"))
        sha256 = file_sha256(path)
        self._write(self._record() | {str(path): {"sha256": sha256, "state": _state(path)}})
        return sha256

    def _record_path(self) -> Path:
        return (self.folder or cache_folder()) / RECORD_NAME

    def _record(self) -> dict[str, dict[str, Any]]:
        try:
            record = json.loads(self._record_path().read_bytes())
        except (OSError, ValueError):
            return {}
        entries = record.items() if isinstance(record, dict) else ()
        return {key: entry for key, entry in entries if isinstance(entry, dict)}

    def _write(self, record: dict[str, dict[str, Any]]) -> None:
        # Without a place to write to, every file is read again at every start.
        if os.access(self._record_path().parent, os.W_OK):
            with suppress(InputError):
                write_file(self._record_path(), json.dumps(record, indent=1).encode())

    def _missing(self, file: WeightFile) -> str:
        return (
            f"{file.name}: {file.path} of huggingface.co/{file.repository} ({file.gigabytes:g} GB) is not here; run "
            f"`locate3d weights fetch {file.name}`, or put it as {self.place(file)}; `--backend embedded` needs none"
        )


def file_sha256(path: Path) -> str:
    """Return a file's sha256. Raises InputError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; make the file readable") from None
    return digest.hexdigest()


def joint_digest(parts: tuple[Verified, ...]) -> str:
    """Return the digest of a set of weight files: the sha256 over their sha256s, in order."""
    return hashlib.sha256("\n".join(part.sha256 for part in parts).encode()).hexdigest()


def cache_folder(file: WeightFile | None = None) -> Path:
    """Return the hub's cache, or a file's repository in it: by the hub's own variables, also without its library."""
    home = Path(os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    return cache if file is None else cache / f"models--{file.repository.replace('/', '--')}"


def _in_cache(file: WeightFile) -> Path | None:
    repository = cache_folder(file)
    try:
        commit = (repository / "refs" / "main").read_text().strip()
    except OSError:
        return None
    path = repository / "snapshots" / commit / file.path
    return path if path.is_file() else None


def _state(path: Path) -> list[int]:
    """Return what changes when a file does: its size and its time of change."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
