"""Fill a virtual environment with all that runs and tests the project, ROS 2 included: `make setup`.

Needs Python's standard library only. Every step leaves a stamp with the digest of its inputs once it is done: a
second run takes seconds, and an interrupted step is done again. A sourced ROS distribution is left out of it.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import system_packages

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements.txt"
ROS_REQUIREMENTS = ROOT / "tools" / "ros_requirements.txt"
INTERFACE_BUILDER = ROOT / "tools" / "build_interfaces.py"
# Variables of a sourced distribution, or of another environment, that would mix its files with ours.
FOREIGN_VARIABLES = (
    "AMENT_PREFIX_PATH",
    "CMAKE_PREFIX_PATH",
    "COLCON_PREFIX_PATH",
    "LD_LIBRARY_PATH",
    "PYTHONHOME",
    "PYTHONPATH",
    "_ROS_WHEELS_BOOTSTRAP_COMPLETE",
)


class Environment:
    """A virtual environment and the stamps of the steps that filled it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        self._stamps = folder / "setup"

    def run(self, *command: str | Path) -> None:
        """Run a command as if the environment were active. Raises CalledProcessError."""
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
        path = f"{self.folder / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
        subprocess.run(command, check=True, cwd=ROOT, env=kept | {"VIRTUAL_ENV": str(self.folder), "PATH": path})

    def install(self, *arguments: str | Path) -> None:
        """Install packages by pip."""
        self._remove_torn_packages()
        self.run(self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments)

    def create(self) -> None:
        """Make the environment, or make it anew where its Python is gone."""
        if not self._python_runs():
            say(f"virtual environment in {self.folder} ...")
            subprocess.run([sys.executable, "-m", "venv", "--clear", self.folder], check=True)

    def step(self, name: str, inputs: Iterable[str | Path], action: Callable[[], None]) -> None:
        """Do a step unless its stamp says that it was finished with the same inputs (files count by content)."""
        stamp, key = self._stamps / name, digest(inputs)
        if stamp.is_file() and stamp.read_text() == key:
            return
        say(f"{name} ...")
        stamp.unlink(missing_ok=True)
        action()
        self._stamps.mkdir(exist_ok=True)
        stamp.write_text(key)

    def _python_runs(self) -> bool:
        try:
            return subprocess.run([self.python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL).returncode == 0
        except OSError:
            return False

    def _remove_torn_packages(self) -> None:
        # pip writes INSTALLER after a package's files: a record without it is of an installation that was cut off,
        # and pip would take the package for complete.
        for record in self.folder.glob("lib/python*/site-packages/*.dist-info"):
            if not (record / "INSTALLER").is_file():
                shutil.rmtree(record)


def main() -> int:
    """Run every step that is not done yet."""
    arguments = parse_arguments()
    try:
        with one_at_a_time():
            set_up(Environment(arguments.venv.absolute()), arguments.torch, arguments.extras)
    except system_packages.MissingPackagesError as error:
        say(str(error))
        return 2
    except subprocess.CalledProcessError as error:
        say(f"this command failed with status {error.returncode}: {shlex.join(map(str, error.cmd))}")
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="folder of the virtual environment")
    parser.add_argument("--torch", default="torch", help="what pip installs as torch, with pip's own options")
    parser.add_argument("--extras", default="", help="extras of the project, separated by commas")
    return parser.parse_args()


def set_up(environment: Environment, torch: str, extras: str) -> None:
    """Make the environment, install the packages, build the interfaces, add the extras."""
    system_packages.ensure(system_packages.BUILD)
    environment.create()
    project: list[str | Path] = [torch, ROOT / "pyproject.toml", ROOT / "setup.py", REQUIREMENTS, ROS_REQUIREMENTS]
    interfaces: list[str | Path] = [INTERFACE_BUILDER, ROS_REQUIREMENTS, *files_below(ROOT / "msg")]
    environment.step("torch", [torch], lambda: environment.install(*shlex.split(torch)))
    environment.step("packages", project, lambda: environment.install("-r", ROS_REQUIREMENTS, "-e", "."))
    environment.step("interfaces", interfaces, lambda: environment.run(environment.python, INTERFACE_BUILDER))
    if extras:
        system_packages.ensure(system_packages.OPEN3D)
        with_extras = f".[{extras}]"
        environment.step(
            "extras", [extras, *project], lambda: environment.install("-r", ROS_REQUIREMENTS, "-e", with_extras)
        )


def files_below(folder: Path) -> list[Path]:
    """List the files of a folder in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def digest(inputs: Iterable[str | Path]) -> str:
    """Hash strings, and files by name and content."""
    total = hashlib.sha256()
    for item in inputs:
        content = item.read_bytes() if isinstance(item, Path) else item.encode()
        name = str(item.relative_to(ROOT)) if isinstance(item, Path) else "text"
        total.update(f"{name} {len(content)}\n".encode() + content)
    return total.hexdigest()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait for another set-up of this clone to end, then hold off the next."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(line: str) -> None:
    """Tell the user at once, also through a pipe."""
    print(f"setup: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
