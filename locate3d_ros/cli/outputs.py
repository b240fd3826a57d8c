"""Files that a command will write, tried before the long work."""

from __future__ import annotations

import tempfile
from pathlib import Path

from locate3d_ros.errors import InputError


def require_writable(option: str, path: Path | None) -> None:
    """Raise InputError, naming the option, unless a file can be written at `path`; None is no file."""
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"{option} {path}: is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise InputError(f"{option} {path}: folder {path.parent} does not exist; create it or give another path")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(
            f"{option} {path}: cannot be written ({error.strerror}); give a folder that you may write to"
        ) from None
