"""Spatial relations between axis-aligned boxes, as scores in [0, 1]: metres, map frame, z up.

Every score is a product of soft steps, each about one distance; the reaches are everyday lengths, fitted on nothing.
Left, right, front and back are the viewer's: the camera's pose, its view taken level (REP-103 optical frame).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from locate3d_ros.localization.lexicon.kinds import RelationKind

CONTACT = 0.05  # metres: gap between touching things that a map cannot tell from none
NEAR_REACH = 0.6  # metres: gap at which small things stop being next to each other
SIZE_REACH = 0.35  # what an edge metre of the two things adds to that reach
OPPOSITE_REACH = 2.5  # metres across a room
VERTICAL_REACH = 1.2  # metres that "above" and "under" reach
SIDE_REACH = 1.5  # metres that "left of", "behind" and so on reach

VIEWER_KINDS = frozenset({RelationKind.LEFT_OF, RelationKind.RIGHT_OF, RelationKind.IN_FRONT_OF, RelationKind.BEHIND})
"""Relations that need a viewpoint; without one they score 0.5 everywhere, which says nothing."""

Pairwise = Callable[[Tensor, Tensor], Tensor]


def relation_score(kind: RelationKind, boxes: Tensor, anchors: Tensor, viewpoint: Tensor | None = None) -> Tensor:
    """Score how well each box lies so to each anchor.

    boxes (n, 6), anchors (m, 6); viewpoint (4, 4): T_map_camera -> (n, m) in [0, 1]. NEAREST and FARTHEST rank the
    boxes among one another. BETWEEN needs two anchors at once: raises ValueError, use `between_score`.
    """
    if kind is RelationKind.BETWEEN:
        raise ValueError("relation_score: BETWEEN takes two anchors; call between_score")
    boxes, anchors = boxes.float(), anchors.float()
    if kind not in VIEWER_KINDS:
        return _SCORES[kind](boxes, anchors)
    if viewpoint is None:
        return boxes.new_full((len(boxes), len(anchors)), 0.5)
    return _viewed(kind, boxes, anchors, viewpoint.to(boxes))


def between_score(boxes: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Score how well boxes (n, 6) lie between first (m, 6) and second (k, 6) -> (n, m, k) in [0, 1].

    1 on the straight line between the centres, in plan; an anchor is not between itself and another.
    """
    centre, a, b = (_centres(part.float())[:, :2] for part in (boxes, first, second))
    line = b[None, :] - a[:, None]  # [m, k, 2]
    length = line.norm(dim=2).clamp(min=1e-6)
    offset = centre[:, None, None] - a[None, :, None]  # [n, m, 1, 2]
    share = (offset * line).sum(dim=3) / length.square()  # [n, m, k]: 0 at the first, 1 at the second
    aside = (offset - share[..., None] * line).norm(dim=3)
    inside = torch.exp(-((share - 0.5).abs() - 0.3).clamp(min=0.0).square() / (2 * 0.12**2))
    straight = torch.exp(-(aside / (0.2 + 0.3 * length)).square() / 2)
    different = (1 - same_region(boxes, first))[:, :, None] * (1 - same_region(boxes, second))[:, None, :]
    score: Tensor = inside * straight * different * (length > 0.05)
    return score


def corner_score(boxes: Tensor, room: Tensor) -> Tensor:
    """Score how near boxes (n, 6) are to a corner, in plan, of the room's box (6,) -> (n,) in [0, 1]."""
    gap_x = torch.minimum((boxes[:, 0] - room[0]).abs(), (room[3] - boxes[:, 3]).abs())
    gap_y = torch.minimum((boxes[:, 1] - room[1]).abs(), (room[4] - boxes[:, 4]).abs())
    return _falls(torch.hypot(gap_x, gap_y), 0.0, 0.7)


def box_gap(a: Tensor, b: Tensor) -> Tensor:
    """Return the distance (n, m) between the surfaces of boxes (n, 6) and (m, 6); 0 where they touch or overlap."""
    apart = torch.maximum(a[:, None, :3] - b[None, :, 3:], b[None, :, :3] - a[:, None, 3:])
    return apart.clamp(min=0.0).square().sum(dim=2).sqrt()


def _on(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Rest on the top, stand on a shelf inside, or hang on a wall."""
    bottom, top = boxes[:, None, 2], anchors[None, :, 5]
    footprint = covered_share(boxes, anchors)
    resting = _near_zero(bottom - top, 0.06) * footprint
    within = (boxes[:, None, 2] > anchors[None, :, 2] + CONTACT) & (bottom < top)
    shelved = 0.7 * footprint * within * _is_smaller(boxes, anchors)
    thin = (anchors[:, 3:5] - anchors[:, :2]).amin(dim=1) < 0.25
    upright = (anchors[:, 5] - anchors[:, 2]) > 1.2
    hanging = 0.9 * _falls(box_gap(boxes, anchors), CONTACT, 0.06) * (thin & upright)[None] * within
    return torch.maximum(torch.maximum(resting, shelved), hanging) * (1 - same_region(boxes, anchors))


def _above(boxes: Tensor, anchors: Tensor) -> Tensor:
    gap = boxes[:, None, 2] - anchors[None, :, 5]
    higher = torch.sigmoid((_centres(boxes)[:, None, 2] - anchors[None, :, 5]) / 0.05)
    aside = plan_gap(boxes, anchors)
    return higher * _falls(aside, CONTACT, 0.25) * _falls(gap, 0.3, VERTICAL_REACH) * (1 - same_region(boxes, anchors))


def _under(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Lie below, or below the top inside the footprint: a bin under a desk, whose box holds the bin."""
    sheltered = (
        0.9
        * covered_share(boxes, anchors)
        * torch.sigmoid((_centres(anchors)[None, :, 2] - _centres(boxes)[:, None, 2]) / 0.05)
    )
    sheltered = sheltered * _is_smaller(boxes, anchors) * _falls(boxes[:, None, 5] - anchors[None, :, 5], -0.02, 0.05)
    return torch.maximum(_above(anchors, boxes).T, sheltered) * (1 - same_region(boxes, anchors))


def _in(boxes: Tensor, anchors: Tensor) -> Tensor:
    low = torch.maximum(boxes[:, None, :3], anchors[None, :, :3])
    high = torch.minimum(boxes[:, None, 3:], anchors[None, :, 3:])
    edge = (boxes[:, 3:] - boxes[:, :3]).clamp(min=0.02)
    share = ((high - low).clamp(min=0.0) / edge[:, None]).clamp(max=1.0)
    return share[..., 0] * share[..., 1] * share[..., 2].sqrt() * _is_smaller(boxes, anchors)


def _next_to(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Fall with the gap, measured against the sizes of both; things inside each other are not next to each other."""
    edges = _edge(boxes)[:, None] + _edge(anchors)[None]
    reach = NEAR_REACH + SIZE_REACH * edges / 2
    return torch.exp(-(box_gap(boxes, anchors) / reach).square()) * (1 - same_region(boxes, anchors))


def _opposite(boxes: Tensor, anchors: Tensor) -> Tensor:
    gap = plan_gap(boxes, anchors)
    return torch.exp(-(gap / OPPOSITE_REACH).square()) * (1 - same_region(boxes, anchors))


def _against(boxes: Tensor, anchors: Tensor) -> Tensor:
    return _falls(box_gap(boxes, anchors), CONTACT, 0.1) * (1 - same_region(boxes, anchors))


def _with(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Carry, hold or have the anchor right beside it."""
    return torch.maximum(torch.maximum(_on(anchors, boxes).T, _in(anchors, boxes).T), _against(boxes, anchors))


def _part_of(boxes: Tensor, anchors: Tensor) -> Tensor:
    return _falls(box_gap(boxes, anchors), 0.02, 0.06) * _is_smaller(boxes, anchors)


def _nearest(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Rank by distance: 1 for the nearest, then falling with how much farther a box is; an anchor never is its own."""
    distance = _distances(boxes, anchors)
    itself = same_region(boxes, anchors)
    others = distance.masked_fill(itself > 0.5, torch.inf)
    nearest = others.amin(dim=0, keepdim=True) if len(boxes) else others
    return torch.nan_to_num(torch.exp(-(others - nearest) / 0.4), nan=0.0) * (1 - itself)


def _farthest(boxes: Tensor, anchors: Tensor) -> Tensor:
    distance = _distances(boxes, anchors)
    farthest = distance.amax(dim=0, keepdim=True) if len(boxes) else distance
    return torch.exp(-(farthest - distance) / 0.4)


def _viewed(kind: RelationKind, boxes: Tensor, anchors: Tensor, T_map_camera: Tensor) -> Tensor:
    """Score left, right, front and behind: the angle off the named direction, then the distance."""
    eye = T_map_camera[:2, 3]
    centre, anchor = _centres(boxes)[:, :2], _centres(anchors)[:, :2]
    ahead = anchor - eye
    # Straight above or below the anchor there is no line of sight in plan: the camera's own axis stands in.
    ahead = torch.where(ahead.norm(dim=1, keepdim=True) > 0.05, ahead, T_map_camera[:2, 2].expand_as(ahead))
    ahead = ahead / ahead.norm(dim=1, keepdim=True).clamp(min=1e-6)  # [m, 2]
    right = torch.stack((ahead[:, 1], -ahead[:, 0]), dim=1)
    wanted = {
        RelationKind.RIGHT_OF: right,
        RelationKind.LEFT_OF: -right,
        RelationKind.BEHIND: ahead,
        RelationKind.IN_FRONT_OF: -ahead,
    }[kind]
    offset = centre[:, None] - anchor[None]  # [n, m, 2]
    distance = offset.norm(dim=2)
    cosine = (offset * wanted[None]).sum(dim=2) / distance.clamp(min=1e-6)
    facing = torch.sigmoid((cosine - 0.5) / 0.12) * (distance > 0.02)
    score: Tensor = (
        facing * torch.exp(-(plan_gap(boxes, anchors) / SIDE_REACH).square()) * (1 - same_region(boxes, anchors))
    )
    return score


def _centres(boxes: Tensor) -> Tensor:
    return (boxes[:, :3] + boxes[:, 3:]) / 2


def _edge(boxes: Tensor) -> Tensor:
    """Return a typical edge (n,) in plan: that of the square of the same area."""
    return (boxes[:, 3:5] - boxes[:, :2]).clamp(min=0.01).prod(dim=1).sqrt()


def _distances(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Return the gap, with a tenth of the centres' distance to part those that touch (n, m)."""
    apart = (_centres(boxes)[:, None] - _centres(anchors)[None]).square().sum(dim=2).sqrt()
    return box_gap(boxes, anchors) + 0.1 * apart


def plan_gap(a: Tensor, b: Tensor) -> Tensor:
    """Return the distance (n, m) between boxes (n, 6) and (m, 6) in plan, whatever their heights."""
    apart = torch.maximum(a[:, None, :2] - b[None, :, 3:5], b[None, :, :2] - a[:, None, 3:5])
    return apart.clamp(min=0.0).square().sum(dim=2).sqrt()


def covered_share(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Return the share (n, m) of each box's footprint over each anchor's."""
    low = torch.maximum(boxes[:, None, :2], anchors[None, :, :2])
    high = torch.minimum(boxes[:, None, 3:5], anchors[None, :, 3:5])
    edge = (boxes[:, 3:5] - boxes[:, :2]).clamp(min=0.02)
    return ((high - low).clamp(min=0.0) / edge[:, None]).clamp(max=1.0).prod(dim=2)


def same_region(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Return 1 (n, m) where both boxes are one thing: most of the volume of either lies in both."""
    low = torch.maximum(boxes[:, None, :3], anchors[None, :, :3])
    high = torch.minimum(boxes[:, None, 3:], anchors[None, :, 3:])
    both = (high - low).clamp(min=0.0).prod(dim=2)
    larger = torch.maximum(_volumes(boxes)[:, None], _volumes(anchors)[None])
    return (both > 0.5 * larger).float()


def _is_smaller(boxes: Tensor, anchors: Tensor) -> Tensor:
    return (_volumes(boxes)[:, None] < _volumes(anchors)[None]).float()


def _volumes(boxes: Tensor) -> Tensor:
    return (boxes[:, 3:] - boxes[:, :3]).clamp(min=1e-3).prod(dim=1)


def _near_zero(distance: Tensor, reach: float) -> Tensor:
    return torch.exp(-(distance / reach).square() / 2)


def _falls(distance: Tensor, start: float, reach: float) -> Tensor:
    """Return 1 up to `start`, then falling to 0.6 at `reach` more and on towards 0."""
    return _near_zero((distance - start).clamp(min=0.0), reach)


_SCORES: dict[RelationKind, Pairwise] = {
    RelationKind.ON: _on,
    RelationKind.UNDER: _under,
    RelationKind.ABOVE: _above,
    RelationKind.IN: _in,
    RelationKind.NEXT_TO: _next_to,
    RelationKind.NEAREST: _nearest,
    RelationKind.FARTHEST: _farthest,
    RelationKind.OPPOSITE: _opposite,
    RelationKind.AGAINST: _against,
    RelationKind.IN_CORNER: _next_to,
    RelationKind.WITH: _with,
    RelationKind.PART_OF: _part_of,
}
