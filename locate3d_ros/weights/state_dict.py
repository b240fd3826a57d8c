"""State dicts from files, without unpickling anything but tensors, and into modules, each key and shape checked."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from zipfile import BadZipFile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from locate3d_ros.errors import InputError

State = dict[str, Tensor]


def read_tensors(path: Path) -> State:
    """Read a file of named tensors. Raises InputError as `read_content`, and for a file that holds anything else."""
    return require_tensors(read_content(path), path)


def read_content(path: Path) -> object:
    """Read what a weight file holds: safetensors, or .pt, .pth and .bin with weights only; memory-mapped.

    Raises InputError for a file that is missing, damaged or carries code.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a weight file that is there") from None
    except pickle.UnpicklingError:
        raise InputError(f"{path}: holds more than tensors, such as code; convert it to safetensors") from None
    except (SafetensorError, RuntimeError, BadZipFile, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:120]
        raise InputError(f"{path}: damaged or no weight file ({reason}); fetch it again") from None


def require_tensors(content: object, path: Path) -> State:
    """Return content as a state dict. Raises InputError where it is none."""
    if not isinstance(content, Mapping) or not content or not all(isinstance(t, Tensor) for t in content.values()):
        raise InputError(f"{path}: holds no state dict; give the model's weights")
    return dict(content)


def assemble(make: Callable[[], nn.Module], state: Mapping[str, Tensor], source: Path) -> nn.Module:
    """Make a module without spending time or memory on random weights, and give it exactly these tensors.

    Raises InputError naming the first keys that are missing, unexpected or of another shape.
    """
    with torch.device("meta"):
        module = make()
    require_state(module, state, source)
    module.load_state_dict(dict(state), strict=True, assign=True)
    return module.eval().requires_grad_(False)


def require_state(module: nn.Module, state: Mapping[str, Tensor], source: Path) -> None:
    """Raise InputError unless a state dict has a module's keys and shapes."""
    found = differences(module, state)
    if found:
        raise InputError(f"{source}: not the expected weights: {found}; fetch the right file")


def differences(module: nn.Module, state: Mapping[str, Tensor]) -> str:
    """Name the first keys that are missing, unexpected or of another shape; empty where there are none."""
    expected = module.state_dict()
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    misshapen = [
        f"{key} {list(state[key].shape)} instead of {list(tensor.shape)}"
        for key, tensor in expected.items()
        if key in state and state[key].shape != tensor.shape
    ]
    return "; ".join(
        f"{len(keys)} {what} keys ({', '.join(keys[:2])})"
        for what, keys in (("missing", missing), ("unexpected", unexpected), ("misshapen", misshapen))
        if keys
    )
