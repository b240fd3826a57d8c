"""What the similarity localizer computes from one map state alone: proposals and their evidence for every noun."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from locate3d_ros.localization.chance import Background, measure_background
from locate3d_ros.localization.class_evidence import ClassScores, class_evidence, class_places, standardise
from locate3d_ros.localization.colours import colour_shares, estimate_white
from locate3d_ros.localization.combination import SimilarityWeights
from locate3d_ros.localization.cues import ProposalCues, measure_cues
from locate3d_ros.localization.encoders import ClassHead
from locate3d_ros.localization.gravity import up_direction, upright_rotation
from locate3d_ros.localization.planes import Planes, find_planes
from locate3d_ros.localization.proposals import RawProposals, VoxelFeatures, propose
from locate3d_ros.localization.regions import VoxelLinks, link_voxels, membership, region_boxes
from locate3d_ros.localization.size_evidence import size_likelihoods, support_likelihoods
from locate3d_ros.localization.surface import Surface, surface_of
from locate3d_ros.localization.thing_scores import Evidence, thing_totals
from locate3d_ros.localization.thinning import ThinCloud, thin
from locate3d_ros.localization.vocabulary import Vocabulary
from locate3d_ros.types import MapSnapshot

MERGE_CHANNELS = 48  # feature channels that hierarchies compare


@dataclass(frozen=True)
class ProposalFeatures:
    """What the map's class features say of P proposals."""

    means: Tensor  # [P, D] float32; the scene's mean where a proposal has none
    seen: NDArray[np.float32]  # [P] 1 where a voxel of the proposal has features
    classes: ClassScores


@dataclass(frozen=True)
class SimilarityScene:
    """A prepared map state: P proposals, V vocabulary entries, C classes (implements `PreparedScene`)."""

    snapshot: MapSnapshot
    cloud: ThinCloud  # map frame; what regions index
    surface: Surface  # upright
    R_upright_map: NDArray[np.float64]  # [3, 3]
    planes: Planes
    proposals: RawProposals  # upright
    links: VoxelLinks
    points_per_voxel: NDArray[np.int64]  # [N] fine points
    cues: ProposalCues
    colours: Tensor  # [P, T] share of each basic colour term
    features: ProposalFeatures | None  # None: the map has none
    evidence: NDArray[np.float32]  # [V, P] class evidence of every entry
    background: Background  # of every entry's scores here
    viewpoint: Tensor | None  # [4, 4] float32 latest camera pose in the upright frame; None: unknown
    bounds: Tensor  # [6] box of the whole scene, upright
    sizes: NDArray[np.float32]  # [V, P] log-likelihoods, above those for any everyday thing
    supports: NDArray[np.float32]  # [V, P] log-likelihoods

    def __len__(self) -> int:
        """Count the proposals."""
        return len(self.proposals.groups)

    @property
    def classes(self) -> ClassScores | None:
        """The classes of the proposals; None: the map has no features."""
        return None if self.features is None else self.features.classes


def prepare_scene(
    snapshot: MapSnapshot, vocabulary: Vocabulary, head: ClassHead, weights: SimilarityWeights
) -> SimilarityScene:
    """Propose regions and measure them."""
    cloud = thin(snapshot.fine)
    surface_map = surface_of(cloud)
    R_upright_map = upright_rotation(up_direction(snapshot, surface_map))
    surface = surface_map.rotated(R_upright_map)
    planes = find_planes(surface)
    links = link_voxels(surface_map.xyz, snapshot.cells.cpu().numpy(), snapshot.voxel_size)
    proposals = propose(surface, planes, VoxelFeatures(links, _merge_features(snapshot)))
    members = membership(proposals.groups, len(surface))
    cues = measure_cues(surface, planes, members, proposals.boxes)
    features = _proposal_features(snapshot, links.weights(proposals.groups), head)
    entries = _entry_evidence(vocabulary, features, proposals, cues)
    return SimilarityScene(
        snapshot=snapshot,
        cloud=cloud,
        surface=surface,
        R_upright_map=R_upright_map,
        planes=planes,
        proposals=proposals,
        links=links,
        points_per_voxel=links.points_per_voxel(),
        cues=cues,
        viewpoint=_viewpoint(snapshot, R_upright_map),
        bounds=_bounds(surface),
        colours=_colours(snapshot, cloud, members),
        features=features,
        evidence=entries.evidence,
        background=measure_background(thing_totals(entries, cues, weights.rank), proposals.boxes, vocabulary.entries),
        sizes=entries.size,
        supports=entries.support,
    )


def _entry_evidence(
    vocabulary: Vocabulary, features: ProposalFeatures | None, proposals: RawProposals, cues: ProposalCues
) -> Evidence:
    """Return the evidence (V, P) of every entry of the vocabulary in every proposal."""
    count, classes = len(proposals.groups), None if features is None else features.classes
    return Evidence(
        evidence=class_evidence(vocabulary.class_weights, vocabulary.class_trust, classes, count),
        place=class_places(vocabulary.class_weights, classes, count),
        size=size_likelihoods(vocabulary.entries, proposals.boxes),
        support=support_likelihoods(vocabulary.entries, cues),
    )


@dataclass(frozen=True)
class _ClassFeatures:
    """The features that the classifier reads."""

    stored: Tensor  # [N, C] float16
    columns: Tensor | None  # [D, C] of a compressed map: stored @ columns.T are the features; None: C = D

    def first(self, channels: int) -> Tensor:
        """Return the features' first channels [N, channels] float32."""
        if self.columns is None:
            return self.stored[:, :channels].float()
        return self.stored.float() @ self.columns[:channels].to(self.stored.device).T

    def whole(self, means: Tensor) -> Tensor:
        """Return what means [n, C] float32 of stored features stand for [n, D]."""
        return means if self.columns is None else means @ self.columns.to(means.device).T


def _class_features(snapshot: MapSnapshot) -> _ClassFeatures | None:
    """Return the first slot; None where no voxel has any features."""
    if not snapshot.features or not bool(snapshot.has_features.any()):
        return None
    name = next(iter(snapshot.features))
    return _ClassFeatures(snapshot.features[name], snapshot.projections.get(name))


def _merge_features(snapshot: MapSnapshot) -> NDArray[np.float32]:
    """Return a few centred feature channels per voxel (N, D), zero where unknown."""
    features = _class_features(snapshot)
    if features is None:
        return np.zeros((len(snapshot), 1), dtype=np.float32)
    values = features.first(MERGE_CHANNELS)
    known = snapshot.has_features
    centred = torch.where(known[:, None], values - values[known].mean(dim=0), torch.zeros_like(values))
    return np.asarray(centred.cpu().numpy(), dtype=np.float32)


def _proposal_features(snapshot: MapSnapshot, voxel_weights: csr_matrix, head: ClassHead) -> ProposalFeatures | None:
    """Average the class features of every proposal and classify the means."""
    features = _class_features(snapshot)
    if features is None or voxel_weights.shape[0] == 0:
        return None
    known = snapshot.has_features.cpu().numpy().astype(np.float32)
    values = np.where(known[:, None] > 0, features.stored.float().cpu().numpy(), 0.0).astype(np.float32)
    total = voxel_weights @ known
    means = (voxel_weights @ values) / np.maximum(total, 1.0)[:, None]
    means[total == 0] = means[total > 0].mean(axis=0) if (total > 0).any() else 0.0
    whole = features.whole(torch.from_numpy(means))
    logits = head.logits(whole.to(head.name_vectors.device)).cpu()
    return ProposalFeatures(whole, np.asarray(total > 0, dtype=np.float32), standardise(logits.log_softmax(dim=1)))


def _colours(snapshot: MapSnapshot, cloud: ThinCloud, members: csr_matrix) -> Tensor:
    """Return the mean colour shares [P, T] of the proposals' points, in the scene's own light."""
    shares = colour_shares(torch.from_numpy(cloud.rgb), estimate_white(snapshot.fine.rgb.cpu())).numpy()
    count = np.maximum(np.asarray(members.sum(axis=1)), 1.0)
    return torch.from_numpy(np.asarray((members @ shares) / count, dtype=np.float32))


def _viewpoint(snapshot: MapSnapshot, R_upright_map: NDArray[np.float64]) -> Tensor | None:
    if snapshot.camera_pose is None:
        return None
    T_upright_map = torch.eye(4, dtype=torch.float64)
    T_upright_map[:3, :3] = torch.from_numpy(R_upright_map)
    return (T_upright_map @ snapshot.camera_pose.cpu().double()).float()


def _bounds(surface: Surface) -> Tensor:
    if len(surface) == 0:
        return torch.zeros(6)
    return torch.from_numpy(region_boxes([np.arange(len(surface))], surface.xyz, surface.voxel_size)[0])
