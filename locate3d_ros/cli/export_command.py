"""`locate3d export`: from a map file to a point cloud that any viewer shows."""

from __future__ import annotations

import sys

from locate3d_ros.cli.arguments import ExportArguments
from locate3d_ros.cli.outputs import require_writable
from locate3d_ros.mapping.map_file import load_any_map
from locate3d_ros.mapping.ply import write_ply


def run_export(arguments: ExportArguments) -> None:
    """Read the map, whatever its features come from, and write the cloud. Raises InputError for wrong files."""
    require_writable("-o", arguments.output)
    snapshot = load_any_map(arguments.source)
    write_ply(snapshot, arguments.output, arguments.color)
    what = "features as colours" if arguments.color == "features" else "colours"
    sys.stdout.write(f"{arguments.output}: the map's {what}, {len(snapshot)} voxels, frame {snapshot.frame_id}\n")
