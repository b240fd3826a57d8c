"""Linear maps and normalisations that mix precisions by themselves, without autocast's cost at every operation."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Linear(nn.Linear):
    """A linear map computed in the type of its weights."""

    def forward(self, x: Tensor) -> Tensor:
        """Map x (..., in) -> (..., out)."""
        return functional.linear(x.to(self.weight.dtype), self.weight, self.bias)


class LayerNorm(nn.LayerNorm):
    """Layer normalisation in float32, whatever comes."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (..., width)."""
        return functional.layer_norm(x.float(), self.normalized_shape, self.weight, self.bias, self.eps)
