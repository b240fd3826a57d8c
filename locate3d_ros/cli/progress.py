"""How far long work is: a bar on a terminal, plain lines otherwise; on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import track

from locate3d_ros.data.recordings import Recording, SkippedFrame
from locate3d_ros.types import Frame

_INTERVAL = 5.0  # seconds between two plain lines
_SHOWN = 5  # skipped frames that are named


def frames_with_progress(recording: Recording, doing: str) -> Iterator[Frame]:
    """Walk a recording and tell how far it is."""
    if sys.stderr.isatty():
        yield from track(recording, doing, total=len(recording), console=Console(stderr=True), transient=True)
        return
    told = time.monotonic()
    for done, frame in enumerate(recording, start=1):
        yield frame
        if time.monotonic() - told >= _INTERVAL:
            told = time.monotonic()
            sys.stderr.write(f"{doing}: {done + len(recording.skipped)} of {len(recording)} frames\n")


def tell_skipped(skipped: Sequence[SkippedFrame], total: int) -> None:
    """Say how many frames were left out, and name the first ones."""
    if not skipped:
        return
    lines = [f"left out {len(skipped)} of {total} frames:"]
    lines += [f"  {skip.file}: {skip.reason}" for skip in skipped[:_SHOWN]]
    if len(skipped) > _SHOWN:
        lines.append(f"  and {len(skipped) - _SHOWN} more")
    sys.stderr.write("\n".join(lines) + "\n")
