"""`locate3d map`: from a recording to a map file."""

from __future__ import annotations

import sys

from locate3d_ros.cli.arguments import MapArguments
from locate3d_ros.cli.mapping_run import add_recording
from locate3d_ros.cli.outputs import require_writable
from locate3d_ros.data.recordings import load_recording
from locate3d_ros.errors import InputError
from locate3d_ros.pipeline import Locate3D


def run_map(arguments: MapArguments) -> None:
    """Build the map and write it. Raises InputError for a wrong source or output."""
    require_writable("-o", arguments.output)
    recording = load_recording(arguments.source, arguments.recording)
    robot = Locate3D.create(arguments.config)
    seconds = add_recording(robot, recording, arguments.source)
    snapshot = robot.snapshot()
    if len(snapshot) == 0:
        limits = arguments.config.mapping
        raise InputError(
            f"{arguments.source}: no depth between {limits.min_depth} and {limits.max_depth} m, so the map would be "
            "empty; check the depth images' unit or change --max-depth"
        )
    robot.save(arguments.output)
    sys.stdout.write(
        f"{arguments.output}: {len(snapshot)} voxels of {snapshot.voxel_size:g} m from {snapshot.revision} frames "
        f"in {seconds:.1f} s, frame {snapshot.frame_id}\n"
    )
