"""The 3D-JEPA encoder: every voxel's features and colour in the context of the scene. Source: MODEL_SPEC §1, §2."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from locate3d_ros.model.config import EncoderConfig
from locate3d_ros.model.layers import LayerNorm, Linear
from locate3d_ros.model.point_transformer import PointTransformerV3, build_pyramid
from locate3d_ros.model.rows import in_pieces
from locate3d_ros.model.sparse_conv import ConvolutionBackend


def harmonic_embedding(colour: Tensor, harmonics: int) -> Tensor:
    """Embed colours (n, 3) in 0-255 as (n, 3 (2 harmonics + 1)).

    The cosine is the sine of the float32 argument plus the float32 pi/2, as in the released model: arguments reach
    8.4e6, where the rounding of that sum shows (MODEL_SPEC §1.4).
    """
    frequencies = 2.0 ** torch.arange(harmonics, device=colour.device, dtype=torch.float32)
    arguments = (colour.float()[:, :, None] * frequencies).flatten(1)
    return torch.cat((arguments.sin(), (arguments + 1.57079637).sin(), colour.float()), dim=1)


def grid_cells(xyz: Tensor, voxel_size: float) -> Tensor:
    """Return the integer cells (n, 3) int64 of points (n, 3), counted from the scene's least coordinates."""
    return ((xyz - xyz.min(dim=0).values) / voxel_size).trunc().to(torch.int64)


class Encoder3DJepa(nn.Module):
    """Voxel features and colours -> contextual features."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.convolution: ConvolutionBackend = "portable"
        harmonic_dim = 3 * (2 * config.harmonics + 1)
        self.zero_token = nn.Parameter(torch.zeros(config.feature_dim))
        self.feat_norm = LayerNorm(config.feature_dim, eps=1e-6)
        self.rgb_harmonic_norm = LayerNorm(harmonic_dim, eps=1e-6)
        self.rgb_projector = nn.Sequential(
            Linear(harmonic_dim, config.rgb_dim), nn.GELU(), LayerNorm(config.rgb_dim, eps=1e-6)
        )
        self.feature_embed = Linear(config.rgb_dim + config.feature_dim, config.embed_dim)
        self.transformer_input_norm = LayerNorm(config.embed_dim, eps=1e-6)
        self.point_transformer_v3 = PointTransformerV3(config.backbone)

    def forward(self, xyz: Tensor, rgb: Tensor, features: Tensor, cells: Tensor | None = None) -> Tensor:
        """Encode a scene: xyz (n, 3) metres, rgb (n, 3) in [0, 1], features (n, feature_dim) -> (n, channels).

        `cells` (n, 3) are the map's own voxels; without them the released model's rule applies, which can put two
        voxel centroids into one cell.
        """
        grid = grid_cells(xyz, self.config.voxel_size) if cells is None else cells.long() - cells.long().amin(dim=0)
        embedded = in_pieces(self.embed, rgb, features)
        pyramid = build_pyramid(grid, self.config.backbone, self.convolution)
        encoded: Tensor = self.point_transformer_v3(embedded, pyramid)
        return encoded

    def embed(self, rgb: Tensor, features: Tensor) -> Tensor:
        """Join colour and features of every voxel into the transformer's input (n, embed_dim)."""
        empty = features.abs().sum(dim=1, keepdim=True) == 0
        features = torch.where(empty, self.zero_token, features)
        # The released encoder was fed rgb in 0-255 before its harmonic embedding; the map stores 0-1.
        with torch.autocast(rgb.device.type, enabled=False):
            harmonic = harmonic_embedding(rgb * 255.0, self.config.harmonics)
            colour = self.rgb_projector(self.rgb_harmonic_norm(harmonic))
        joined = torch.cat((colour, self.feat_norm(features)), dim=1)
        embedded: Tensor = self.transformer_input_norm(self.feature_embed(joined))
        return embedded
