"""The error that a user can mend."""

from __future__ import annotations


class InputError(ValueError):
    """Wrong input: one line that names the file, topic or option, the reason and the mend."""
