"""Vector arithmetic on rows, faster than reductions over axes of length three."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def dot(a: Array, b: Array) -> Array:
    """Return the inner products [...] of vectors [..., 3]."""
    return np.asarray(a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2])


def norm(a: Array) -> Array:
    """Return the lengths [...] of vectors [..., 3]."""
    return np.asarray(np.sqrt(dot(a, a)))


def unit(a: Array) -> Array:
    """Return vectors [..., 3] at length one; zero stays zero."""
    return np.asarray(a / np.maximum(norm(a), 1e-12)[..., None])
