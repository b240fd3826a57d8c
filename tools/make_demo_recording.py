"""Render the recording that ships with the package: the demo's room, its ground truth and its sentences."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from locate3d_ros.data.synthetic.demo_recording import write_demo
from locate3d_ros.errors import InputError

SHIPPED = Path(__file__).resolve().parent.parent / "locate3d_ros" / "data" / "demo_room"


def main() -> int:
    """Render into a temporary folder beside the target, then put it in the target's place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=SHIPPED, help="folder to make (default: the shipped one)")
    output: Path = parser.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        try:
            made = write_demo(Path(scratch) / output.name)
        except InputError as error:
            print(error, file=sys.stderr)
            return 2
        if output.exists():
            shutil.rmtree(output)
        made.rename(output)
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    print(f"{output}: {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
