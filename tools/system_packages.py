"""The few things that only the system's package manager can provide."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path


class MissingPackagesError(RuntimeError):
    """Something is missing that we may not install ourselves; one line with the mend."""


def _command(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _library(name: str) -> Callable[[], bool]:
    return lambda: ctypes.util.find_library(name) is not None


def _python_headers() -> bool:
    return (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file()


def _can_make_environments() -> bool:
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


# Debian package -> whether what we need of it is there already.
BUILD: Mapping[str, Callable[[], bool]] = {
    "g++": _command("g++"),
    "python3-dev": _python_headers,
    "python3-venv": _can_make_environments,
}
# open3d links against these even where it draws nothing.
OPEN3D: Mapping[str, Callable[[], bool]] = {
    "libegl1": _library("EGL"),
    "libgl1": _library("GL"),
    "libgomp1": _library("gomp"),
    "libidn2-0": _library("idn2"),
    "libudev1": _library("udev"),
    "libusb-1.0-0": _library("usb-1.0"),
    "libx11-6": _library("X11"),
}


def ensure(packages: Mapping[str, Callable[[], bool]]) -> None:
    """Install what is missing by apt where we are root. Raises MissingPackagesError with a one-line hint otherwise."""
    missing = [name for name, is_there in packages.items() if not is_there()]
    if not missing:
        return
    command = f"apt-get install -y --no-install-recommends {' '.join(missing)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingPackagesError(f"system packages are missing; run: sudo {command}")
    print(f"setup: {command} ...", flush=True)
    variables = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for step in ("apt-get update -q", command):
        subprocess.run(step.split(), check=True, env=variables, stdout=subprocess.DEVNULL)
