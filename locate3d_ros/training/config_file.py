"""The configuration of a run from its file. Imports nothing heavy: the command line reads it for its defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from locate3d_ros.errors import InputError
from locate3d_ros.training.config import TrainingConfig

SETTINGS = "training.json"

T = TypeVar("T")


def config_of_json(file: Path) -> tuple[str, TrainingConfig]:
    """Read task and configuration of a run. Raises InputError where the file is missing or not a run's."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        task = content.pop("task")
        return str(task), _from_mapping(TrainingConfig, content)
    except OSError:
        raise InputError(f"{file.parent}: holds no run ({file.name} is missing); give the folder of a run") from None
    except InputError as error:
        raise InputError(f"{file}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: not the configuration of a run ({error}); restore it") from None


def _from_mapping(kind: type[T], values: Mapping[str, Any]) -> T:
    hints = get_type_hints(kind)
    unknown = set(values) - {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown:
        raise InputError(f"unknown fields {sorted(unknown)}; use a newer version")
    given = {}
    for name, value in values.items():
        if is_dataclass(hints[name]):
            given[name] = _from_mapping(hints[name], value)  # type: ignore[arg-type]
        else:
            given[name] = tuple(value) if isinstance(value, list) else value
    return kind(**given)
