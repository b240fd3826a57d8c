"""A sentence about a scene, and which of its words mean which objects (DESIGN 5.5)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from locate3d_ros.errors import InputError
from locate3d_ros.files import write_file


@dataclass(frozen=True)
class Span:
    """Some words of a sentence and the objects that they mean."""

    tokens: tuple[int, ...]  # indices into the sentence's tokens
    object_ids: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        if not self.tokens or not self.object_ids:
            raise InputError("a span without tokens or without object_ids; leave it out")
        if min(self.tokens) < 0:
            raise InputError(f"token {min(self.tokens)}; count tokens from 0")
        _require_ids(self.object_ids)


@dataclass(frozen=True)
class GroundedExpression:
    """One sentence about one scene; without targets it is true of nothing there."""

    text: str
    tokens: tuple[str, ...]
    spans: tuple[Span, ...]
    target_ids: tuple[int, ...]
    scene_id: str
    kind: str  # class, attribute, relation, room, absent, or a data set's own word

    def __post_init__(self) -> None:
        """Refuse ids that are none, and spans over words that are not there."""
        if not self.text.strip():
            raise InputError("empty text; give the sentence")
        _require_ids(self.target_ids)
        last = max((token for span in self.spans for token in span.tokens), default=-1)
        if last >= len(self.tokens):
            raise InputError(f"a span has token {last}, the sentence has {len(self.tokens)}; count tokens from 0")


def read_expressions(path: Path) -> list[GroundedExpression]:
    """Read a file of one JSON object a line. Raises InputError that names the line where one is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a file of annotations") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; give one JSON object a line") from None
    return [_expression_of_line(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def write_expressions(path: Path, expressions: Iterable[GroundedExpression]) -> None:
    """Write one JSON object a line; errors as `write_file`."""
    lines = [json.dumps(expression_json(expression), ensure_ascii=False) + "\n" for expression in expressions]
    write_file(path, "".join(lines).encode())


def expression_json(expression: GroundedExpression) -> dict[str, object]:
    """Return the JSON object of DESIGN 5.5."""
    return {
        "text": expression.text,
        "tokens": list(expression.tokens),
        "spans": [{"tokens": list(s.tokens), "object_ids": list(s.object_ids)} for s in expression.spans],
        "target_ids": list(expression.target_ids),
        "scene_id": expression.scene_id,
        "kind": expression.kind,
    }


def expression_of_json(entry: object) -> GroundedExpression:
    """Turn a JSON object of DESIGN 5.5 into an expression. Raises InputError where it is none."""
    if not isinstance(entry, Mapping):
        raise InputError("not a JSON object; give text, tokens, spans, target_ids, scene_id, kind")
    try:
        return GroundedExpression(
            text=_text(entry, "text"),
            tokens=tuple(str(token) for token in entry["tokens"]),
            spans=tuple(Span(_integers(s["tokens"]), _integers(s["object_ids"])) for s in entry["spans"]),
            target_ids=_integers(entry["target_ids"]),
            scene_id=_text(entry, "scene_id"),
            kind=_text(entry, "kind"),
        )
    except KeyError as error:
        raise InputError(f"{error} is missing; give text, tokens, spans, target_ids, scene_id, kind") from None
    except TypeError as error:
        raise InputError(f"wrong type ({error}); see docs/datasets.md") from None


def _expression_of_line(path: Path, number: int, line: str) -> GroundedExpression:
    try:
        return expression_of_json(json.loads(line))
    except InputError as error:
        raise InputError(f"{path} line {number}: {error}") from None
    except ValueError as error:
        raise InputError(f"{path} line {number}: not JSON ({error}); give one JSON object a line") from None


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry[key]
    if not isinstance(value, str):
        raise InputError(f"{key} is {value!r}; give a string")
    return value


def _integers(values: object) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise InputError(f"{values!r} is no list of whole numbers; give ids and token indices as [1, 2]")
    return tuple(values)


def _require_ids(ids: tuple[int, ...]) -> None:
    """Object ids count from 1: 0 is "no object" in instance images."""
    if any(number < 1 for number in ids):
        raise InputError(f"object id {min(ids)}; ids are whole numbers above 0")
