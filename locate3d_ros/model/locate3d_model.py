"""Locate 3D: encode a scene once, decode any number of sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from locate3d_ros.model.config import ModelConfig
from locate3d_ros.model.decoder import Decoder, DecoderScene, Prediction
from locate3d_ros.model.encoder import Encoder3DJepa


@dataclass(frozen=True)
class SceneEncoding:
    """Everything that depends on the scene alone."""

    features: Tensor  # [n, channels] the encoder's output
    xyz: Tensor  # [n, 3] metres
    scene: DecoderScene | None  # None: computed anew for every call of `decode`, to save memory


class Locate3DModel(nn.Module):
    """The encoder and the decoder, under the keys of the released checkpoints."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder3DJepa(config.encoder)
        self.decoder = Decoder(config.decoder)

    def encode(self, xyz: Tensor, rgb: Tensor, features: Tensor, cells: Tensor | None = None) -> SceneEncoding:
        """Encode a scene: xyz (n, 3) metres, rgb (n, 3) in [0, 1], features (n, feature_dim), n >= 1.

        `cells` (n, 3) are the map's own voxels (one voxel, one cell); None is the released model's own rule.
        Raises ValueError for an empty scene, other shapes, or features that are not finite.
        """
        _require_scene(xyz, rgb, features, self.config.encoder.feature_dim)
        encoded = self.encoder(xyz, rgb, features, cells)
        return SceneEncoding(encoded, xyz, self.decoder.project_scene(encoded, xyz))

    def decode(self, encoding: SceneEncoding, word_states: Sequence[Tensor]) -> Iterator[Prediction]:
        """Yield the last layer's prediction for each sentence's word states (t, text width)."""
        scene = encoding.scene or self.decoder.project_scene(encoding.features, encoding.xyz)
        for states in word_states:
            yield self.decoder(scene, states)[-1]


def _require_scene(xyz: Tensor, rgb: Tensor, features: Tensor, feature_dim: int) -> None:
    n = len(xyz)
    if n == 0:
        raise ValueError("encode: the scene has no points")
    if xyz.shape != (n, 3) or rgb.shape != (n, 3) or features.shape != (n, feature_dim):
        raise ValueError(
            f"encode: xyz {tuple(xyz.shape)}, rgb {tuple(rgb.shape)}, features {tuple(features.shape)}; "
            f"give (n, 3), (n, 3), (n, {feature_dim})"
        )
    # The extremes of a tensor that holds nan are nan.
    extremes = torch.stack([extreme for tensor in (xyz, rgb, features) for extreme in tensor.aminmax()])
    if not bool(torch.isfinite(extremes).all()):
        raise ValueError("encode: xyz, rgb or features hold nan or infinity")
