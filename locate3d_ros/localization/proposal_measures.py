"""What the proposal decoder reads: measures of every proposal, and of how two proposals lie to one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from locate3d_ros.localization.clusters import structure_mask
from locate3d_ros.localization.encoders import ClassHead
from locate3d_ros.localization.lexicon.kinds import RelationKind
from locate3d_ros.localization.proposal_points import sample_points
from locate3d_ros.localization.regions import membership, region_boxes
from locate3d_ros.localization.relations import box_gap, covered_share, plan_gap, relation_score, same_region
from locate3d_ros.localization.rooms import find_rooms
from locate3d_ros.localization.scene import SimilarityScene

KINDS = (
    RelationKind.ON, RelationKind.UNDER, RelationKind.ABOVE, RelationKind.IN, RelationKind.NEXT_TO,
    RelationKind.OPPOSITE, RelationKind.AGAINST, RelationKind.PART_OF, RelationKind.LEFT_OF, RelationKind.RIGHT_OF,
    RelationKind.IN_FRONT_OF, RelationKind.BEHIND,
)  # fmt: skip
LEAST_EDGE = 0.01  # metres
FAR = 2.0  # metres that heights are compared within
BESIDE = (1.0, 3.0)  # metres over which nearness falls: within reach, within a room
DEEP = 4.0  # metres that distances from the viewer are compared within


@dataclass(frozen=True)
class ProposalMeasures:
    """Measures of p proposals of a scene."""

    boxes: Tensor  # [p, 6] upright frame, metres
    boxes_map: Tensor  # [p, 6] map frame, metres
    features: Tensor  # [p, D] mean map features; zeros where none are known
    meaning: Tensor  # [p, E] class names' vectors, each by how much the class stands out here; zeros likewise
    shape: Tensor  # [p, 31] see `_shape`
    points: Tensor  # [p, k, 9] see `proposal_points`
    rooms: Tensor  # [p] int64 room of each
    viewpoint: Tensor | None  # [4, 4] latest camera pose, upright frame

    def __len__(self) -> int:
        return len(self.boxes)


def measure_proposals(
    scene: SimilarityScene, head: ClassHead, feature_dim: int, rooms: bool = True
) -> ProposalMeasures:
    """Measure a scene's proposals; `head` names the classes of its features, of `feature_dim` channels.

    Without `rooms`, for models that read none, all count as in one.
    """
    groups, cloud = scene.proposals.groups, scene.cloud
    boxes_map = region_boxes(groups, cloud.xyz, scene.snapshot.fine.voxel_size)
    names = head.name_vectors.cpu()
    if scene.features is None:
        features, meaning = torch.zeros(len(groups), feature_dim), torch.zeros(len(groups), names.shape[1])
    else:
        features, meaning = scene.features.means, scene.features.classes.standardised @ names
    return ProposalMeasures(
        torch.from_numpy(scene.proposals.boxes),
        torch.from_numpy(boxes_map),
        features,
        meaning,
        _shape(scene),
        sample_points(scene.surface, groups, scene.proposals.boxes),
        _rooms(scene) if rooms else torch.zeros(len(groups), dtype=torch.long),
        scene.viewpoint,
    )


def _rooms(scene: SimilarityScene) -> Tensor:
    snapshot = scene.snapshot
    xyz = snapshot.xyz.cpu().numpy() @ scene.R_upright_map.T.astype(np.float32)
    return torch.from_numpy(find_rooms(xyz, snapshot.voxel_size).of_boxes(scene.proposals.boxes))


def _shape(scene: SimilarityScene) -> Tensor:
    """Measure size, points, thing-likeness, support, colour, and how much is floor or wall (p, 31)."""
    members = membership(scene.proposals.groups, len(scene.cloud.rgb))
    points = np.asarray(members.sum(axis=1))
    count = np.maximum(points, 1.0)
    mean = np.asarray(members @ scene.cloud.rgb) / count
    spread = np.sqrt(np.maximum(np.asarray(members @ scene.cloud.rgb**2) / count - mean**2, 0.0))
    edges = (scene.proposals.boxes[:, 3:] - scene.proposals.boxes[:, :3]).clip(min=LEAST_EDGE)
    plan = np.sort(edges[:, :2], axis=1)
    cues = scene.cues
    columns = (
        np.log(np.stack((edges[:, 2], plan[:, 1], plan[:, 0]), axis=1)),
        np.log(count) / 3,
        np.stack((*cues.objectness().T, cues.bottom, cues.top, cues.carried, cues.by_wall), axis=1),
        2 * np.concatenate((mean, spread), axis=1) - 0.5,
        scene.colours.numpy(),
        np.zeros((len(count), 1)) if scene.features is None else scene.features.seen[:, None],
        np.asarray(members @ structure_mask(scene.surface, scene.planes).astype(np.float32))[:, None] / count,
    )
    return torch.from_numpy(np.concatenate(columns, axis=1).astype(np.float32))


def measure_pairs(boxes: Tensor, viewpoint: Tensor | None, rooms: Tensor) -> Tensor:
    """Measure how each box (n, 6) lies to each other one, upright frame, metres -> (n, n, 26).

    The last measure is whether both are in the same of rooms (n,); not every model reads it.
    """
    centre = (boxes[:, :3] + boxes[:, 3:]) / 2
    apart = (centre[:, None, :2] - centre[None, :, :2]).norm(dim=2)
    covered = covered_share(boxes, boxes)
    volume = (boxes[:, 3:] - boxes[:, :3]).clamp(min=LEAST_EDGE).prod(dim=1).log()
    measures = [
        *(relation_score(kind, boxes, boxes, viewpoint) for kind in KINDS),
        apart.log1p(),
        plan_gap(boxes, boxes).log1p(),
        box_gap(boxes, boxes).log1p(),
        *((-apart / reach).exp() for reach in BESIDE),
        (boxes[:, None, 2] - boxes[None, :, 5]).clamp(-FAR, FAR),
        (boxes[:, None, 5] - boxes[None, :, 2]).clamp(-FAR, FAR),
        covered,
        covered.T,
        same_region(boxes, boxes),
        (volume[:, None] - volume[None]) / 3,
        *_viewed(centre, viewpoint),
        (rooms[:, None] == rooms[None]).to(boxes),
    ]
    return torch.stack(measures, dim=2)


def _viewed(centre: Tensor, viewpoint: Tensor | None) -> tuple[Tensor, Tensor]:
    """Measure who is farther from the viewer, and who is more to the left, each (n, n); 0 without a viewer."""
    if viewpoint is None:
        nothing = centre.new_zeros(len(centre), len(centre))
        return nothing, nothing
    ahead = centre[:, :2] - viewpoint[:2, 3].to(centre)
    depth, angle = ahead.norm(dim=1), torch.atan2(ahead[:, 1], ahead[:, 0])
    return (depth[:, None] - depth[None]).clamp(-DEEP, DEEP) / 2, (angle[:, None] - angle[None]).sin()
