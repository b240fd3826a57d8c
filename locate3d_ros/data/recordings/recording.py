"""What a recording is: frames that are read while one walks over them, and a list of those that could not be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from locate3d_ros.data.bad_file import BadFileError as BadFileError
from locate3d_ros.errors import InputError
from locate3d_ros.types import Frame


@dataclass(frozen=True)
class SkippedFrame:
    """One frame that was left out."""

    file: str  # or topic and stamp
    reason: str  # and mend; one line

    def __post_init__(self) -> None:
        """Keep to one line, whatever a library's message inside the reason does."""
        object.__setattr__(self, "reason", " ".join(self.reason.split()))


class Recording(Protocol):
    """Frames in time order. Walking it again reads it again."""

    @property
    def frame_id(self) -> str:
        """The frame that poses lead to: "map" is upright, "world" is the recording's own."""

    @property
    def cameras(self) -> tuple[str, ...]:
        """The names of the cameras."""

    @property
    def skipped(self) -> Sequence[SkippedFrame]:
        """What the latest walk left out so far."""

    def __len__(self) -> int:
        """Count the frames that are there to be read, faulty ones included."""

    def __iter__(self) -> Iterator[Frame]:
        """Read frame after frame. Raises InputError at the end where none was usable."""

    def select(self, positions: Sequence[int]) -> Recording:
        """Return the recording of these of its frames, counted from 0. Raises InputError where one is not there."""


class FolderRecording:
    """A recording whose frames are files: each is read by its own call, when its turn comes."""

    cameras: tuple[str, ...] = ("camera",)

    def __init__(
        self,
        source: Path,
        readers: Sequence[Callable[[], Frame]],
        frame_id: str,
        rejected: Sequence[SkippedFrame] = (),
    ) -> None:
        """Take one call per frame, in time order; `rejected` was found to be faulty already."""
        self.frame_id = frame_id
        self.skipped: list[SkippedFrame] = list(rejected)
        self._source = source
        self._readers = readers
        self._rejected = rejected

    def __len__(self) -> int:
        """Count the frames that are there to be read."""
        return len(self._readers)

    def select(self, positions: Sequence[int]) -> FolderRecording:
        """Return the recording of these of its frames; what was rejected stays listed."""
        require_positions(self._source, positions, len(self))
        return FolderRecording(self._source, [self._readers[i] for i in positions], self.frame_id, self._rejected)

    def __iter__(self) -> Iterator[Frame]:
        """Read frame after frame, leaving out and listing the faulty ones."""
        self.skipped = list(self._rejected)
        usable = 0
        for read in self._readers:
            try:
                frame = read()
            except BadFileError as error:
                self.skipped.append(SkippedFrame(error.file, error.reason))
                continue
            usable += 1
            yield frame
        if usable == 0:
            raise no_usable_frame(self._source, self.skipped)


def no_usable_frame(source: Path, skipped: Sequence[SkippedFrame]) -> InputError:
    """Make the error of a recording of which nothing is left, with the first reason as an example."""
    example = f"; the first of {len(skipped)} faults is {skipped[0].file}: {skipped[0].reason}" if skipped else ""
    return InputError(f"{source}: no usable frame{example or '; give a recording with colour, depth and poses'}")


def require_positions(source: Path, positions: Sequence[int], count: int) -> None:
    """Refuse positions that a recording of `count` frames does not have. Raises InputError."""
    wrong = [position for position in positions if not 0 <= position < count]
    if wrong:
        raise InputError(f"{source}: no frame at position {wrong[0]} of {count}; give the whole recording")
