"""Finds out what a source is, and opens it."""

from __future__ import annotations

import re
from pathlib import Path

from locate3d_ros.data.recordings.bag_files import SUFFIXES
from locate3d_ros.data.recordings.plain import load_plain
from locate3d_ros.data.recordings.recording import Recording
from locate3d_ros.data.recordings.seven_scenes import load_seven_scenes
from locate3d_ros.data.recordings.tum import FILES as TUM_FILES
from locate3d_ros.data.recordings.tum import load_tum
from locate3d_ros.errors import InputError

_FRAME_FILE = re.compile(r"(frame-)?\d+\.(color\.(png|jpg|jpeg)|depth\.png|pose\.txt)")
_MEND = "give a rosbag2, a 7-Scenes, TUM or plain folder (docs/recordings.md)"


def load_recording(source: str | Path) -> Recording:
    """Open a recording in any layout that docs/recordings.md lists.

    Images are read while walking it. A faulty frame is left out and listed in `skipped`.
    Raises InputError where the source as a whole is wrong, or, at the end of the walk, where no frame was usable.
    """
    source = Path(source).expanduser()
    if not source.exists():
        raise InputError(f"{source}: no such file or folder; check the path")
    try:
        return _load_folder(source) if source.is_dir() else _load_file(source)
    except PermissionError:
        raise InputError(f"{source}: may not be read; check its permissions") from None


def _load_file(path: Path) -> Recording:
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: not a recording; {_MEND}")
    # Bags bring a reader of their own, which the other layouts should not wait for.
    from locate3d_ros.data.recordings.bag import load_bag

    return load_bag(path)


def _load_folder(folder: Path) -> Recording:
    names = {path.name for path in folder.iterdir()}
    if not names:
        raise InputError(f"{folder}: empty folder; {_MEND}")
    if "metadata.yaml" in names or any(name.endswith(SUFFIXES) for name in names):
        from locate3d_ros.data.recordings.bag import load_bag

        return load_bag(folder)
    frames = [match for match in map(_FRAME_FILE.fullmatch, names) if match]
    if any(match[1] for match in frames):
        return load_seven_scenes(folder)
    if frames:
        return load_plain(folder)
    if names & set(TUM_FILES):
        return load_tum(folder)
    if "recording" in names:
        return load_recording(folder / "recording")
    raise InputError(f"{folder}: unknown layout; {_MEND}")
