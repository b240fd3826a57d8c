"""3D-JEPA pretraining: predict a whole scene's features at voxels that the encoder does not see. MODEL_SPEC §20."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from locate3d_ros.model.encoder import Encoder3DJepa
from locate3d_ros.training.config import JepaConfig
from locate3d_ros.training.monitors import effective_rank, feature_spread
from locate3d_ros.training.predictor import Predictor
from locate3d_ros.training.scene import Voxels


@dataclass(frozen=True)
class JepaScene:
    """A scene and what is hidden of it, on the device."""

    voxels: Voxels
    hidden: Tensor  # [n] bool


@dataclass(frozen=True)
class JepaBatch:
    """What one pass computes."""

    scenes: tuple[JepaScene, ...]
    names: tuple[str, ...]

    @property
    def count(self) -> int:
        """Count the scenes: each counts alike, however large it is."""
        return len(self.scenes)


class JepaModule(nn.Module):
    """Context encoder, target encoder and predictor, with the loss."""

    def __init__(self, encoder: Encoder3DJepa, config: JepaConfig) -> None:
        """Copy the encoder as the target, which follows it and is not trained."""
        super().__init__()
        self.encoder = encoder
        self.target = copy.deepcopy(encoder).requires_grad_(False)
        self.predictor = Predictor(encoder.config.backbone.decoder_channels[0], config)

    def forward(self, batch: JepaBatch, normaliser: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a pass divided by `normaliser`, and the figures to watch, divided likewise."""
        losses, figures = [], []
        for scene in batch.scenes:
            target = self.target_features(scene.voxels)
            losses.append(self.scene_loss(scene, target))
            figures.append(torch.stack((feature_spread(target), effective_rank(target))))
        spread, rank = (torch.stack(figures).sum(dim=0) / normaliser).unbind()
        return torch.stack(losses).sum() / normaliser, {"feature_std": spread, "effective_rank": rank}

    @torch.no_grad()
    def target_features(self, voxels: Voxels) -> Tensor:
        """Return the target encoder's features (n, channels) of the whole scene."""
        features: Tensor = self.target(voxels.xyz, voxels.rgb, voxels.features, voxels.cells)
        return features.float()

    def scene_loss(self, scene: JepaScene, target: Tensor) -> Tensor:
        """Return the smooth L1 distance from the prediction to the normalised targets at the hidden voxels."""
        seen = scene.voxels.rows(~scene.hidden)
        context = self.encoder(seen.xyz, seen.rgb, seen.features, seen.cells)
        predicted = self.predictor(context, scene.hidden, scene.voxels.xyz, scene.voxels.cells)
        wanted = functional.layer_norm(target[scene.hidden], target.shape[1:])
        return functional.smooth_l1_loss(predicted.float(), wanted)

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Move the target encoder towards the context encoder."""
        for target, own in zip(self.target.parameters(), self.encoder.parameters(), strict=True):
            target.lerp_(own, 1 - decay)
