"""Tensor fields of frozen dataclasses that are gathered when they are first read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import NamedTuple, TypeVar, cast

from torch import Tensor

_T = TypeVar("_T")


class _Lazy(NamedTuple):
    gather: Callable[[], Tensor]


def lazily(gather: Callable[[], Tensor]) -> Tensor:
    """Give a field of a `gathering` dataclass what makes its tensor, once, when it is first read."""
    return cast(Tensor, _Lazy(gather))


class _Gathered:
    """A dataclass field whose tensor may be gathered when it is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __set__(self, instance: object, value: Tensor | _Lazy) -> None:
        instance.__dict__[self._name] = value

    def __get__(self, instance: object, owner: type) -> Tensor:
        value: Tensor | _Lazy = instance.__dict__[self._name]
        if isinstance(value, _Lazy):
            value = instance.__dict__[self._name] = value.gather()
        return value


def gathering(cls: type[_T]) -> type[_T]:
    """Let all tensor fields of a dataclass take `lazily` as well."""
    for declared in fields(cls):  # type: ignore[arg-type]
        if declared.type == "Tensor":
            setattr(cls, declared.name, _Gathered(declared.name))
    return cls
