"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from locate3d_ros.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path`; when the block ends well it is synced and renamed over it.

    A crash at any moment leaves the old file or the new one. Raises InputError naming the path where it cannot be
    written; nothing is left behind then.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        unfinished.touch()
        mode = unfinished.stat().st_mode  # what the user's umask gives; some libraries make files private
        yield unfinished
        unfinished.chmod(mode)
        _sync(unfinished)
        unfinished.replace(path)
        _sync(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path}: cannot be written ({reason}); free space or give another place") from error
    finally:
        if path.parent.is_dir():
            unfinished.unlink(missing_ok=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file's whole content; errors as `whole_file`."""
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)


def _sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
