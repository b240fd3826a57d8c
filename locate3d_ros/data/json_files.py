"""JSON files of others, with their faults named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from locate3d_ros.data.bad_file import BadFileError


def read_json(path: Path, mend: str) -> object:
    """Read a JSON file. Raises BadFileError, which ends with `mend`, where it is missing, cut short or none."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise BadFileError(path, f"cannot be read ({error.strerror}); {mend}") from None
    except (ValueError, RecursionError) as error:
        raise BadFileError(path, f"not whole JSON ({error}); {mend}") from None


def object_of(value: object, what: str) -> Mapping[str, object]:
    """Return a JSON object. Raises ValueError, which names it, where the value is something else."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is not an object")
    return value


def list_of(value: object, what: str) -> Sequence[object]:
    """Return a JSON list. Raises ValueError, which names it, where the value is something else."""
    if not isinstance(value, list):
        raise ValueError(f"{what} is not a list")
    return value


def text_of(value: object, what: str) -> str:
    """Return a JSON string. Raises ValueError, which names it, where the value is something else or empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{what} is {value!r}, not a text")
    return value


def whole_number(value: object, what: str) -> int:
    """Return a whole number, also from a string as some data sets write ids. Raises ValueError where it is none."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if type(value) is not int or value < 0:
        raise ValueError(f"{what} is {value!r}, not a whole number from 0")
    return value
