"""AdamW over the groups of a run, and its state by the names of the parameters: whole, however they are spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from locate3d_ros.training.config import ScheduleConfig
from locate3d_ros.training.processes import fill, whole


def make_optimizer(module: nn.Module, encoder: Sequence[nn.Parameter], config: ScheduleConfig) -> torch.optim.AdamW:
    """Make AdamW over four groups: of the encoder or not ("encoder"), with weight decay (matrices) or without."""
    ours = {id(parameter) for parameter in encoder}
    groups = []
    for of_encoder in (False, True):
        for decays in (True, False):
            members = [
                p
                for p in module.parameters()
                if p.requires_grad and (id(p) in ours) == of_encoder and (p.ndim > 1) == decays
            ]
            decay = config.weight_decay if decays else 0.0
            if members:
                groups.append({"params": members, "encoder": of_encoder, "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def optimizer_state(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, dict[str, Tensor]]:
    """Return the state of every parameter that was trained (all processes must ask)."""
    named = [(name, p) for name, p in module.named_parameters() if p in optimizer.state]
    return {name: {key: whole(value) for key, value in optimizer.state[p].items()} for name, p in named}


def restore_optimizer(
    optimizer: torch.optim.Optimizer, module: nn.Module, state: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Give every parameter the state of its name, or this process's share of it."""
    for name, parameter in module.named_parameters():
        if name not in state:
            continue
        own = optimizer.state[parameter]
        for key, value in state[name].items():
            own[key] = value.clone() if key == "step" else torch.zeros_like(parameter)
            fill(own[key], value)
