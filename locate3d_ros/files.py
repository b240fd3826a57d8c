"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from locate3d_ros.errors import InputError


def write_file(path: Path, content: bytes) -> None:
    """Write to a temporary file beside `path`, sync it, rename it: a crash leaves the old file or the new one.

    Raises InputError naming the path where it cannot be written; nothing is left behind then.
    """
    try:
        handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); give a folder that you may write to") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.fsync(file.fileno())
        Path(unfinished).replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        Path(unfinished).unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({error.strerror}); free space or give another place") from None


def _umask() -> int:
    # The only portable way to read it is to set it; both calls are quick and restore the value.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
