"""The error of one file or message that cannot be used."""

from __future__ import annotations

from pathlib import Path

from locate3d_ros.errors import InputError


class BadFileError(InputError):
    """A file (or message) that cannot be used, kept apart from the reason for lists."""

    def __init__(self, file: Path | str, reason: str) -> None:
        """Join both to the one line that users see."""
        self.file = str(file)
        self.reason = " ".join(reason.split())
        super().__init__(f"{self.file}: {self.reason}")

    @classmethod
    def of(cls, file: Path | str, error: Exception) -> BadFileError:
        """Attribute an error to a file; a name of the file in front of the message is not repeated."""
        return cls(file, str(error).removeprefix(f"{file}: "))
