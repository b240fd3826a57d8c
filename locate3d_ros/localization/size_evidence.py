"""How well the sizes and places of proposals fit each entry of the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from locate3d_ros.localization.cues import ProposalCues
from locate3d_ros.localization.lexicon.size_table import SizeEntry, Support

Values = NDArray[np.float32]

BLUR = 0.03  # metres: what the fine grid and sensor noise add to or hide of an edge
UNSEEN = 0.25  # sigma of the logarithm: what a partial view hides of an edge
TAIL = 6.0  # degrees of freedom: a wrong edge counts much, an absurd one not without end
LIFT = 0.25  # metres above the floor within which a floor-standing thing's seen part begins
CEILING = 1.9  # metres above the floor


def size_likelihoods(entries: Sequence[SizeEntry], boxes: Values) -> Values:
    """Return the log-likelihoods [V, P] of upright boxes (P, 6), above those for any of the entries."""
    size = np.maximum(boxes[:, 3:] - boxes[:, :3], 1e-3)
    flat = np.sort(size[:, :2], axis=1)[:, ::-1]
    upright = np.column_stack((size[:, 2], flat))  # [P, 3] height, length, width
    lying = np.sort(size, axis=1)[:, ::-1]
    rows = [_edges(entry, upright if entry.upright else lying) for entry in entries]
    table = np.stack(rows)
    return np.asarray(table - logsumexp(table, axis=0) + np.log(len(rows)), dtype=np.float32)


def _edges(entry: SizeEntry, edges: Values) -> NDArray[np.float64]:
    usual = np.array([entry.height, entry.length, entry.width])
    if not entry.upright:
        usual = np.sort(usual)[::-1]
    spread = np.sqrt(entry.spread**2 + UNSEEN**2 + (BLUR / usual) ** 2)
    deviation = (np.log(edges) - np.log(usual)) / spread
    density = -0.5 * (TAIL + 1.0) * np.log1p(deviation**2 / TAIL) - np.log(spread)
    return np.asarray(density.sum(axis=1))


def support_likelihoods(entries: Sequence[SizeEntry], cues: ProposalCues) -> Values:
    """Return the log-likelihoods [V, P] of what carries the proposals, at most 0."""
    bottom = np.maximum(cues.bottom, 0.0)
    on_floor = -np.minimum((bottom / LIFT) ** 2, 9.0) / 3.0
    resting = -2.0 * (1.0 - np.minimum(cues.carried / 0.5, 1.0)) - 0.7 * (bottom < 0.15)
    on_wall = -2.0 * (1.0 - cues.by_wall) - 1.0 * (bottom < 0.3)
    hanging = -np.minimum(np.maximum(CEILING - cues.top, 0.0) / 0.3, 3.0)
    table = {
        Support.FLOOR: on_floor,
        Support.SURFACE: resting,
        Support.WALL: on_wall,
        Support.CEILING: hanging,
        Support.ANY: np.full(len(bottom), -0.7),
    }
    rows = [table[entry.support] for entry in entries]
    return np.stack(rows).astype(np.float32)
