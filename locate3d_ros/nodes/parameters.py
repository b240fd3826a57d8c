"""ROS parameters, generated from the configuration dataclasses: every default stands there, once."""

from __future__ import annotations

import ast
import difflib
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from locate3d_ros.config import Config, MappingConfig
from locate3d_ros.errors import InputError

NAMESPACE = "locate3d"
"""Of the nodes and their topics, unless remapped."""


_LEAST = {
    "tf_timeout": 0.0,
    "sync_slop": 0.0,
    "queue_size": 1,
    "feature_map_interval": 0.1,
    "submap_length": 0.0,
    "jump_translation": 0.0,
    "jump_rotation": 0.0,
    "reset_translation": 0.0,
}


@dataclass(frozen=True)
class NodeMappingConfig(MappingConfig):
    """How live frames become the map: the core's settings and those of messages and TF."""

    tf_timeout: float = 1.0
    """How long a frame waits for its transforms and camera_info after it arrived, seconds."""
    sync_slop: float = 0.02
    """Colour and depth belong together when their stamps differ by no more than this, seconds."""
    queue_size: int = 8
    """Frames that wait for the map at most; beyond it the oldest is dropped."""
    feature_map_interval: float = 2.0
    """Seconds between two messages of ~/feature_map, while a localization node elsewhere listens."""
    compression: str = ""
    """A compressed map (`locate3d compress`): features are stored as it stores them; empty: whole."""
    submap_length: float = 4.0
    """Metres of way in a piece of the map that a loop closure can move, at twice the cost of a frame; 0: none can."""
    jump_translation: float = 0.1
    """map <- odom that changes by more than this within a second corrects the past, metres at the robot…"""
    jump_rotation: float = 0.05
    """… or by more than this, radians."""
    reset_translation: float = 3.0
    """A larger change is a new map frame: the map is kept, marked stale, and frames are not added, metres."""

    def __post_init__(self) -> None:
        """Refuse values that no frame could meet."""
        super().__post_init__()
        for name, least in _LEAST.items():
            if not getattr(self, name) >= least:
                raise InputError(f"{name} = {getattr(self, name)!r}: out of range; give {least} or more")


@dataclass(frozen=True)
class NodeConfig(Config):
    """Everything that the nodes can be told."""

    map_frame: str = "map"
    """Fixed frame of the map and of replies without a target frame."""
    odom_frame: str = "odom"
    """Frame that the robot drifts in; what map <- odom does tells of loop closures. Empty: nothing is told."""
    base_frame: str = "base_link"
    """Frame of the robot's body; tells which half of a broken transform chain is missing."""
    cameras: tuple[str, ...] = ()
    """Prefixes of the cameras' topics (front: front/rgb/image and so on); empty: one camera without prefix."""
    map_directory: str = "~/.ros/locate3d"
    """Folder in which save_map and load_map resolve names."""
    map_file: str = ""
    """A localization_node on its own answers from this map file and follows its changes; empty: from ~/feature_map."""
    autostart: bool = True
    """Map from the start; otherwise the node starts paused."""
    mapping: NodeMappingConfig = field(default_factory=NodeMappingConfig)

    def __post_init__(self) -> None:
        """Refuse frames and camera prefixes that name nothing."""
        super().__post_init__()
        for name in ("map_frame", "base_frame", "map_directory"):
            if not getattr(self, name).strip():
                raise InputError(f"{name} = {getattr(self, name)!r}: empty; give a name")
        if len(set(self.cameras)) != len(self.cameras) or not all(map(_is_prefix, self.cameras)):
            raise InputError(
                f"cameras = {list(self.cameras)!r}: not distinct topic prefixes; give names such as 'front'"
            )


@dataclass(frozen=True)
class ParameterField:
    """One parameter, as its dataclass field describes it."""

    name: str
    default: Any
    hint: Any  # the field's type
    description: str

    def parse(self, value: object) -> object:
        """Return the value in the field's type. Raises InputError naming parameter, value and mend."""
        if get_origin(self.hint) is Literal:
            return self._checked(value, value in get_args(self.hint), f"give one of {', '.join(get_args(self.hint))}")
        if self.hint is float:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return float(self._checked(value, is_number, "give a number"))  # type: ignore[arg-type]
        if self.hint == tuple[str, ...]:
            # rcl hands over an empty list on the command line as no value at all.
            names = [] if value is None else value
            is_list = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
            self._checked(value, is_list, "give a list of strings")
            return tuple(name for name in names if name)  # type: ignore[attr-defined]
        right = isinstance(value, self.hint) and not (self.hint is int and isinstance(value, bool))
        return self._checked(value, right, f"give a value of type {self.hint.__name__}")

    def _checked(self, value: object, holds: bool, mend: str) -> object:
        if not holds:
            raise InputError(f"parameter {self.name} = {value!r}: not understood; {mend}")
        return value


def parameter_fields(config: object, prefix: str = "") -> Iterator[ParameterField]:
    """Yield a field for every leaf of a configuration, nested ones as "mapping.voxel_size"."""
    hints, docs = get_type_hints(type(config)), field_docs(type(config))
    for each in fields(config):  # type: ignore[arg-type]
        value = getattr(config, each.name)
        if is_dataclass(value):
            yield from parameter_fields(value, f"{prefix}{each.name}.")
        else:
            yield ParameterField(f"{prefix}{each.name}", value, hints[each.name], docs.get(each.name, ""))


def with_values(config: Any, values: Mapping[str, object], prefix: str = "") -> Any:  # noqa: ANN401 - any dataclass
    """Return the configuration with the named leaves replaced; its own checks run again.

    Raises InputError naming the parameter, its value and the mend.
    """
    changes: dict[str, object] = {}
    for each in fields(config):
        name, value = f"{prefix}{each.name}", getattr(config, each.name)
        if is_dataclass(value):
            changes[each.name] = with_values(value, values, f"{name}.")
        elif name in values:
            changes[each.name] = values[name]
    try:
        return replace(config, **changes)
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith("parameter ") else f"parameter {prefix}{message}") from None


def field_docs(kind: type) -> dict[str, str]:
    """Return the string that follows each field of a dataclass and its bases, in one line."""
    docs: dict[str, str] = {}
    for base in reversed([each for each in kind.__mro__ if is_dataclass(each)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body  # type: ignore[attr-defined]
        for statement, following in zip(body, body[1:], strict=False):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                text = _string_of(following)
                if text:
                    docs[statement.target.id] = " ".join(text.split())
    return docs


def read_overrides(values: Mapping[str, object], config: NodeConfig, wanted: Callable[[str], bool]) -> NodeConfig:
    """Return `config` with a node's overrides applied, as far as the node wants those parameters.

    Raises InputError for a name that no node knows, and for wrong types and values.
    """
    known = {each.name: each for each in parameter_fields(config)}
    for name in values:
        if name not in known and not name.startswith(_OF_ROS):
            near = difflib.get_close_matches(name, known, n=1)
            mend = f"did you mean {near[0]}?" if near else "see docs/ros.md for the names"
            raise InputError(f"parameter {name} = {values[name]!r}: unknown; {mend}")
    parsed = {name: known[name].parse(value) for name, value in values.items() if name in known and wanted(name)}
    result: NodeConfig = with_values(config, parsed)
    return result


_OF_ROS = ("use_sim_time", "qos_overrides.", "start_type_description_service")


def _string_of(statement: ast.stmt) -> str | None:
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    value = statement.value.value if is_text else None  # type: ignore[attr-defined]
    return value if isinstance(value, str) else None


def _is_prefix(name: str) -> bool:
    return all(part.isidentifier() for part in name.strip("/").split("/"))
