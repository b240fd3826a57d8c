"""Batch normalisation over the rows of all processes; on the CPU too, where torch has none."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class SynchronisedBatchNorm(nn.BatchNorm1d):
    """`nn.BatchNorm1d` for (1, channels, rows) whose statistics, in training, are those of all processes' rows."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (1, channels, rows); in evaluation with the stored statistics."""
        if not self.training:
            return super().forward(x)
        rows = x.float().transpose(0, 1).flatten(1)  # [channels, rows]
        count = torch.full((1,), rows.shape[1], dtype=rows.dtype, device=rows.device)
        sums = _over_all(torch.cat((rows.sum(dim=1), count)))
        mean, total = sums[:-1] / sums[-1], sums[-1]
        centred = rows - mean[:, None]
        variance = _over_all(centred.square().sum(dim=1)) / total
        self._note(mean.detach(), variance.detach() * total / (total - 1).clamp(min=1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normalised: Tensor = centred * scale[:, None] + self.bias[:, None]
        return normalised.reshape(x.shape[1], x.shape[0], -1).transpose(0, 1).to(x.dtype)

    @torch.no_grad()
    def _note(self, mean: Tensor, variance: Tensor) -> None:
        momentum = 0.1 if self.momentum is None else self.momentum
        for stored, new in ((self.running_mean, mean), (self.running_var, variance)):
            if stored is not None:
                stored.lerp_(new, momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def synchronised(module: nn.Module) -> nn.Module:
    """Exchange every BatchNorm1d in a module, in place, for one over all processes; names and values stay."""
    for name, child in module.named_children():
        if type(child) is nn.BatchNorm1d:
            exchanged = SynchronisedBatchNorm(child.num_features, child.eps, child.momentum)
            exchanged.load_state_dict(child.state_dict())
            setattr(module, name, exchanged)
        else:
            synchronised(child)
    return module


def keep_statistics(module: nn.Module) -> None:
    """Let every batch normalisation use its stored statistics from now on, in training too."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.eval()


def _over_all(sums: Tensor) -> Tensor:
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return sums
    reduced: Tensor = all_reduce(sums)  # type: ignore[no-untyped-call]
    return reduced
