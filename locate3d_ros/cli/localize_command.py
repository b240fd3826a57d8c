"""`locate3d localize`: sentences in, boxes out."""

from __future__ import annotations

import time
from pathlib import Path

from locate3d_ros.cli.arguments import LocalizeArguments
from locate3d_ros.cli.mapping_run import add_recording
from locate3d_ros.cli.outputs import require_writable
from locate3d_ros.cli.report import Report, print_table, report_json
from locate3d_ros.data.recordings import load_recording
from locate3d_ros.errors import InputError
from locate3d_ros.files import write_file
from locate3d_ros.mapping.map_file import is_map_file
from locate3d_ros.pipeline import Locate3D


def run_localize(arguments: LocalizeArguments) -> None:
    """Answer every sentence. Raises InputError for a wrong source, sentence file or output."""
    require_writable("--json", arguments.json)
    require_writable("--picture", arguments.picture)
    texts = (*arguments.text, *_read_texts(arguments.texts))
    if not texts:
        raise InputError("TEXT: no sentence is given; add one after SOURCE, or a file by --texts")
    robot, seconds = _mapped(arguments)
    snapshot = robot.snapshot()
    report = Report(
        source=str(arguments.source),
        backend=arguments.config.backend,
        model=robot.localizer.name,
        snapshot=snapshot,
        seconds=seconds,
        results=tuple((text, robot.localize(text)) for text in texts),
    )
    if arguments.json is not None:
        write_file(arguments.json, report_json(report, with_points=arguments.points).encode())
    if arguments.picture is not None:
        from locate3d_ros.visualization.picture import write_picture

        write_picture(arguments.picture, snapshot, report.results)
    print_table(report)


def _mapped(arguments: LocalizeArguments) -> tuple[Locate3D, float]:
    """Return the system with the source's map in it, and the seconds that took."""
    if is_map_file(arguments.source):
        robot = Locate3D.create(arguments.config)
        started = time.monotonic()
        robot.load(arguments.source)
        return robot, time.monotonic() - started
    if arguments.source.suffix == ".safetensors" and arguments.source.is_file():
        raise InputError(f"{arguments.source}: truncated, or not a map file; give a file of `locate3d map`")
    recording = load_recording(arguments.source, arguments.recording)
    robot = Locate3D.create(arguments.config)
    return robot, add_recording(robot, recording, arguments.source)


def _read_texts(path: Path | None) -> list[str]:
    """Read one sentence a line; empty lines are ignored."""
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"--texts {path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise InputError(f"--texts {path}: not a text file in UTF-8; give one sentence a line") from None
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise InputError(f"--texts {path}: holds no sentence; give one a line")
    return texts
