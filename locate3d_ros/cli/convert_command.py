"""`locate3d convert`: from a data set of the field to a data set folder."""

from __future__ import annotations

import re
import sys

from locate3d_ros.cli.convert_arguments import ConvertArguments
from locate3d_ros.data.conversion import ConvertReport, ConvertRequest, Roots, convert
from locate3d_ros.errors import InputError

_SHOWN = 5  # faults that are named


def run_convert(arguments: ConvertArguments) -> None:
    """Convert and say what became of it. Raises InputError for wrong arguments, files and folders."""
    if not arguments.annotations:
        raise InputError("ANNOTATIONS: no file is given; add one of L3DD, ScanRefer, ScanEnts3D, NR3D or SR3D")
    if not re.fullmatch(r"[\w-]+", arguments.split):
        raise InputError(f"--split {arguments.split}: give a name of letters, digits, - and _")
    if arguments.frame_step < 1:
        raise InputError(f"--frame-step {arguments.frame_step}: give 1 or more")
    for name in ("scannet", "scannetpp", "arkitscenes"):
        root = getattr(arguments, name)
        if root is not None and not root.is_dir():
            raise InputError(f"--{name} {root}: no such folder; check the path")
    roots = Roots(arguments.scannet, arguments.scannetpp, arguments.arkitscenes)
    request = ConvertRequest(
        arguments.annotations, arguments.output, roots, arguments.split, arguments.as_written, arguments.frame_step
    )
    report = convert(request, _tell)
    _print(report, arguments)


def _print(report: ConvertReport, arguments: ConvertArguments) -> None:
    if report.faults:
        lines = [f"left out {len(report.faults)} samples and scenes, {report.lost} sentences with them:"]
        lines += [f"  {fault}" for fault in report.faults[:_SHOWN]]
        lines += [f"  and {len(report.faults) - _SHOWN} more"] if len(report.faults) > _SHOWN else []
        sys.stderr.write("\n".join(lines) + "\n")
    counted = f", {report.left_out} more not counted by the protocol" if report.left_out else ""
    sys.stdout.write(
        f"{arguments.output}: {report.scenes} scenes ({report.kept} there already), {report.expressions} sentences in "
        f"annotations/{arguments.split}.jsonl{counted}\n"
    )


def _tell(line: str) -> None:
    sys.stderr.write(f"converting: {line}\n")
