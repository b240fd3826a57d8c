"""Checkpoints of the proposal decoder: config.json and model.safetensors in a folder, strictly checked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from locate3d_ros.errors import InputError
from locate3d_ros.files import write_file
from locate3d_ros.model.checkpoint import CONFIG_NAME, WEIGHT_NAMES, TrainedOn, load_strict, read_state, weight_file
from locate3d_ros.model.config_io import from_mapping
from locate3d_ros.model.proposal_config import ProposalDecoderConfig
from locate3d_ros.model.proposal_decoder import ProposalDecoder
from locate3d_ros.model.proposal_ensemble import ProposalEnsemble

SCHEMA = "locate3d/proposal-decoder@1"
Decoder = ProposalDecoder | ProposalEnsemble


@dataclass(frozen=True)
class ProposalCheckpoint:
    """A loaded decoder and what it expects."""

    name: str
    decoder: Decoder
    trained_on: TrainedOn

    @property
    def members(self) -> list[ProposalDecoder]:
        """The decoders that answer together; the only one, where there is one."""
        return self.decoder.decoders if isinstance(self.decoder, ProposalEnsemble) else [self.decoder]


def is_proposal_checkpoint(path: Path) -> bool:
    """Whether a folder says that it holds a proposal decoder."""
    description = _description(path) if (path / CONFIG_NAME).is_file() else None
    return isinstance(description, dict) and description.get("schema") == SCHEMA


def load_proposal_checkpoint(path: Path, device: torch.device | str = "cpu") -> ProposalCheckpoint:
    """Load a folder. Raises InputError, one line, where a file of it is missing, damaged, or of another size."""
    description = _description(path)
    try:
        members = description.get("members", [description["decoder"]])
        configs = [from_mapping(ProposalDecoderConfig, each) for each in members]
        given = description["trained_on"]
        trained_on = TrainedOn(tuple((str(n), int(w)) for n, w in given["slots"]), str(given["digest"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path / CONFIG_NAME}: not a proposal decoder's ({error}); restore it") from None
    if configs[0].shape_dim != ProposalDecoderConfig.shape_dim:
        raise InputError(
            f"{path}: reads {configs[0].shape_dim} measures of a proposal's shape, this version has "
            f"{ProposalDecoderConfig.shape_dim}; train it again"
        )
    with torch.device("meta"):
        decoders = [ProposalDecoder(config) for config in configs]
        decoder = decoders[0] if len(decoders) == 1 else ProposalEnsemble(decoders)
    load_strict(decoder, {key: value.float() for key, value in read_state(weight_file(path)).items()}, path)
    return ProposalCheckpoint(path.name, decoder.to(device).eval(), trained_on)


def save_proposal_checkpoint(folder: Path, decoder: Decoder, trained_on: TrainedOn) -> None:
    """Write a folder, each file whole or not at all; weights in half precision, which costs no accuracy here."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: tensor.detach().cpu().half().contiguous() for key, tensor in decoder.state_dict().items()}
    description: dict[str, Any] = {
        "schema": SCHEMA,
        "decoder": asdict(decoder.config),
        "trained_on": asdict(trained_on),
    }
    if isinstance(decoder, ProposalEnsemble):
        description["members"] = [asdict(member.config) for member in decoder.decoders]
    write_file(folder / WEIGHT_NAMES[0], save(tensors))
    write_file(folder / CONFIG_NAME, json.dumps(description, indent=1).encode())


def _description(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    file = path / CONFIG_NAME
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); give a model folder") from None
    except ValueError as error:
        raise InputError(f"{file}: not JSON ({error}); restore the model's configuration") from None
