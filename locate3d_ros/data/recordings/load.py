"""Finds out what a source is, and opens it."""

from __future__ import annotations

import re
from pathlib import Path

from locate3d_ros.config import RecordingConfig
from locate3d_ros.data.recordings import arkitscenes, replica, scannet, scannetpp, stray_scanner
from locate3d_ros.data.recordings.bag_files import SUFFIXES
from locate3d_ros.data.recordings.plain import load_plain
from locate3d_ros.data.recordings.recording import Recording
from locate3d_ros.data.recordings.sens import SUFFIX as SENS_SUFFIX
from locate3d_ros.data.recordings.sens import load_sens
from locate3d_ros.data.recordings.seven_scenes import load_seven_scenes
from locate3d_ros.data.recordings.tum import FILES as TUM_FILES
from locate3d_ros.data.recordings.tum import load_tum
from locate3d_ros.errors import InputError

_FRAME_FILE = re.compile(r"(frame-)?\d+\.(color\.(png|jpg|jpeg)|depth\.png|pose\.txt)")
_LAYOUTS = "a rosbag2, 7-Scenes, TUM, ScanNet, ScanNet++, ARKitScenes, Replica, Stray Scanner or plain folder"
_MEND = f"give {_LAYOUTS} (docs/recordings.md)"
_AS_RECORDED = RecordingConfig()


def load_recording(source: str | Path, config: RecordingConfig = _AS_RECORDED) -> Recording:
    """Open a recording in any layout that docs/recordings.md lists.

    Images are read while walking it. A faulty frame is left out and listed in `skipped`.
    Raises InputError where the source as a whole is wrong, or, at the end of the walk, where no frame was usable.
    """
    source = Path(source).expanduser()
    if not source.exists():
        raise InputError(f"{source}: no such file or folder; check the path")
    try:
        recording = _load_folder(source, config) if source.is_dir() else _load_file(source, config)
    except PermissionError:
        raise InputError(f"{source}: may not be read; check its permissions") from None
    return recording if config.step == 1 else recording.select(range(0, len(recording), config.step))


def _load_file(path: Path, config: RecordingConfig) -> Recording:
    if path.suffix == SENS_SUFFIX:
        return load_sens(path, config)
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: not a recording; {_MEND}")
    return _load_bag(path)


def _load_folder(folder: Path, config: RecordingConfig) -> Recording:
    names = {path.name for path in folder.iterdir()}
    if not names:
        raise InputError(f"{folder}: empty folder; {_MEND}")
    if "metadata.yaml" in names or any(name.endswith(SUFFIXES) for name in names):
        return _load_bag(folder)
    recording = _load_frame_files(folder, names) or _load_data_set(folder, names, config)
    if recording is not None:
        return recording
    if "recording" in names:
        return _load_folder(folder / "recording", config)
    shown = ", ".join(sorted(names)[:3]) + (" …" if len(names) > 3 else "")
    raise InputError(f"{folder}: unknown layout ({len(names)} entries: {shown}); {_MEND}")


def _load_bag(path: Path) -> Recording:
    # Bags bring a reader of their own, which the other layouts should not wait for.
    from locate3d_ros.data.recordings.bag import load_bag

    return load_bag(path)


def _load_frame_files(folder: Path, names: set[str]) -> Recording | None:
    """Open a folder of three files per frame, or of lists of them."""
    frames = [match for match in map(_FRAME_FILE.fullmatch, names) if match]
    if any(match[1] for match in frames):
        return load_seven_scenes(folder)
    if frames:
        return load_plain(folder)
    return load_tum(folder) if names & set(TUM_FILES) else None


def _load_data_set(folder: Path, names: set[str], config: RecordingConfig) -> Recording | None:
    """Open a folder in the layout of a data set of the field."""
    if {replica.IMAGES, replica.TRACK} <= names:
        return replica.load_replica(folder)
    if names >= stray_scanner.SIGNS:
        return stray_scanner.load_stray_scanner(folder)
    if (frames := arkitscenes.frames_folder(folder)) is not None:
        return arkitscenes.load_arkitscenes(frames, config)
    if scannetpp.PHONE in names:
        return scannetpp.load_scannetpp(folder / scannetpp.PHONE, config)
    if names & set(scannetpp.SIGNS):
        return scannetpp.load_scannetpp(folder, config)
    return _load_scannet(folder, names, config)


def _load_scannet(folder: Path, names: set[str], config: RecordingConfig) -> Recording | None:
    for place in (folder, folder / "frames"):
        if all((place / part).is_dir() for part in scannet.FOLDERS):
            return scannet.load_scannet(place, config)
    if scannet.MATRIX in names and any(map(scannet.POSED_FILE.fullmatch, names)):
        return scannet.load_posed_images(folder, config)
    streams = sorted(folder / name for name in names if name.endswith(SENS_SUFFIX))
    return load_sens(streams[0], config) if len(streams) == 1 else None
