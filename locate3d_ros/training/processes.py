"""One process or several under torchrun: devices, wrapping, sums over all, whole tensors of sharded ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh

from locate3d_ros.build import resolve_device
from locate3d_ros.errors import InputError
from locate3d_ros.model.point_transformer import Block


@contextmanager
def process_group(device_name: str) -> Iterator[torch.device]:
    """Join the processes that torchrun started, if it did, and return this one's device."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield resolve_device(device_name)
        return
    device = resolve_device(device_name)
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Return this process's number, 0 alone."""
    return dist.get_rank() if dist.is_initialized() else 0


def first_process() -> bool:
    """Whether this is the process that speaks, also before it joined the others and after it left them."""
    return int(os.environ.get("RANK", "0")) == 0


def world() -> int:
    """Count the processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def wrap(module: nn.Module, strategy: str, device: torch.device) -> nn.Module:
    """Return the module as several processes call it; alone it is the module itself."""
    if world() == 1:
        return module
    if strategy == "ddp":
        ids = [device] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=ids, broadcast_buffers=False)
    return module  # sharded in place


def shard(module: nn.Module, strategy: str, device: torch.device) -> None:
    """Give each process its share of the weights, in place; nothing to do alone or with ddp."""
    if world() == 1 or strategy != "fsdp":
        return
    try:
        from torch.distributed.fsdp import fully_shard
    except ImportError:
        raise InputError("strategy = 'fsdp': needs torch 2.6 or newer; give ddp") from None
    mesh = init_device_mesh(device.type, (world(),))
    # The decoder's attentions are used in parts, so only the backbone's blocks are gathered one by one.
    for part in list(module.modules()):
        if isinstance(part, Block):
            fully_shard(part, mesh=mesh)
    fully_shard(module, mesh=mesh)


def total(value: float, device: torch.device) -> float:
    """Return the sum of a number over all processes."""
    if world() == 1:
        return value
    summed = torch.tensor([value], dtype=torch.float64, device=device)
    dist.all_reduce(summed)
    return float(summed)


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor whole, on the CPU, from every process's share (all processes must ask)."""
    full = cast(Any, tensor).full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return cast(Tensor, full).detach().cpu().clone()


@torch.no_grad()
def fill(tensor: Tensor, values: Tensor) -> None:
    """Copy whole values into a tensor or into this process's share of it."""
    if hasattr(tensor, "full_tensor"):
        from torch.distributed.tensor import distribute_tensor

        sharded = cast(Any, tensor)
        values = distribute_tensor(values.to(tensor.device), sharded.device_mesh, sharded.placements)
    tensor.copy_(values)
