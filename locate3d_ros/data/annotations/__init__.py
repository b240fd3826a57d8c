"""Referring expressions with what their words mean, from data sets and from own files (docs/datasets.md)."""

from locate3d_ros.data.annotations.grounded_expression import (
    GroundedExpression,
    Span,
    read_expressions,
    write_expressions,
)

__all__ = ["GroundedExpression", "Span", "read_expressions", "write_expressions"]
