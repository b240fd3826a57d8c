"""Build the packages in msg/ into the virtual environment whose Python runs this, so that `import` finds them.

The ROS wheels are ordinary Python packages. Three things make them a place to build in: their CMake files must name
this environment instead of the folder they were built in, the ament index must be found without a set-up script, and
colcon must install its Python files where this Python looks for them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parent.parent
PREFIX = Path(sys.prefix)
PACKAGES = Path(sysconfig.get_paths()["purelib"])
WORK = PREFIX / "setup"
# msg/ has our own interfaces; the stand-ins below it are hidden from colcon and named one by one.
BASE_PATHS = ("msg", "msg/fallback/tf2_msgs", "msg/fallback/vision_msgs")
WHEEL_BUILD_FOLDER = re.compile(r"/opt/python/cp\d+-cp\d+(/lib/\S*?/numpy/_core/include|/include/python[\d.]+)?")


def main() -> None:
    """Prepare the wheels, forget the previous build, build."""
    relocate_cmake_files()
    publish_ament_index()
    remove_previous_build()
    build()


def relocate_cmake_files() -> None:
    """Let the wheels' CMake files name this environment, and the headers of this Python and this numpy."""
    for path in (PREFIX / "share").rglob("*.cmake"):
        text = path.read_text()
        relocated = WHEEL_BUILD_FOLDER.sub(_here, text)
        if relocated != text:
            path.write_text(relocated)


def _here(match: re.Match[str]) -> str:
    part = match.group(1)
    if part is None:
        return str(PREFIX)
    return numpy.get_include() if "/numpy/" in part else sysconfig.get_paths()["include"]


def publish_ament_index() -> None:
    """Make this environment the default ament prefix of its own processes; a sourced workspace still wins."""
    line = "import os, sys; os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix)\n"
    (PACKAGES / "ros_ament_prefix.pth").write_text(line)


def remove_previous_build() -> None:
    """Remove what an earlier build installed: colcon never takes away the files of a deleted interface."""
    for manifest in WORK.glob("build/*/install_manifest.txt"):
        for name in manifest.read_text().splitlines():
            Path(name).unlink(missing_ok=True)
    shutil.rmtree(WORK / "build", ignore_errors=True)


def build() -> None:
    """Run colcon. Raises CalledProcessError; colcon has shown the compiler's words by then."""
    command = [sys.executable, "-m", "colcon", "--log-base", str(WORK / "log"), "build", "--base-paths", *BASE_PATHS]
    command += ["--build-base", str(WORK / "build"), "--merge-install", "--install-base", str(PREFIX)]
    command += ["--cmake-args", "-GNinja", "-DBUILD_TESTING=OFF", f"-DPython3_EXECUTABLE={sys.executable}"]
    command += ["-DPython3_FIND_VIRTUALENV=ONLY", f"-DPYTHON_INSTALL_DIR={PACKAGES.relative_to(PREFIX)}"]
    variables = os.environ | {"AMENT_PREFIX_PATH": str(PREFIX), "CMAKE_PREFIX_PATH": str(PREFIX)}
    subprocess.run(command, check=True, cwd=ROOT, env=variables)


if __name__ == "__main__":
    main()
