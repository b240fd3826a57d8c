"""What colcon and pip build. The rest is in pyproject.toml, which the setuptools of ROS 2 Humble does not read."""

import re
from pathlib import Path

from setuptools import find_packages, setup

NAME = "locate3d_ros"
VERSION = re.search(r'__version__ = "(.+)"', Path(NAME, "__init__.py").read_text(encoding="utf-8")).group(1)
NODES = ("mapping_node", "localization_node", "locate3d_node", "play_recording")


def shared(folder, pattern):
    """Files that `ros2 launch` and RViz look for in the package's share folder."""
    return (f"share/{NAME}/{folder}", sorted(str(path) for path in Path(folder).glob(pattern)))


def package_data():
    """Weights, tables and the demo recording: all that is not code. (`**` means nothing to Humble's setuptools.)"""
    files = (path.relative_to(NAME) for path in Path(NAME).rglob("*") if path.is_file())
    return sorted(str(path) for path in files if path.suffix not in (".py", ".pyc"))


setup(
    name=NAME,
    version=VERSION,
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: package_data()},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        shared("launch", "*.launch.py"),
        shared("config", "*.yaml"),
        shared("rviz", "*.rviz"),
    ],
    entry_points={
        "console_scripts": [
            "locate3d = locate3d_ros.cli.main:main",
            *(f"{name} = {NAME}.nodes.{name}:main" for name in NODES),
        ]
    },
    zip_safe=False,
)
