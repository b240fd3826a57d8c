"""Lifted scenes of a data set, one file each: a map and the object of every voxel (docs/evaluation.md)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from locate3d_ros.config import Config
from locate3d_ros.data.scene_folder import SceneFolder
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.object_votes import ObjectVotes, objects_of_boxes
from locate3d_ros.evaluation.variation import varied
from locate3d_ros.files import whole_file
from locate3d_ros.mapping.keyframes import KeyframeRule, map_frame
from locate3d_ros.mapping.map_file import load_any_map, map_metadata, map_tensors
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.types import FeatureExtractor, MapSnapshot

SUFFIX = ".safetensors"
OBJECT_IDS = "object_ids"
_MEND = "remove it and run `locate3d cache` again"


@dataclass(frozen=True)
class CachedScene:
    """A lifted scene."""

    snapshot: MapSnapshot  # on the CPU
    object_ids: Tensor  # [N] int32 object of every voxel; 0 = none


def cache_key(config: Config, extractor: FeatureExtractor) -> str:
    """Name what decides a lifted scene's content: backend, quality, the extractor's weights, the mapping."""
    parts = [config.backend, config.quality, extractor.name, extractor.digest, asdict(config.mapping)]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return f"{config.backend}-{config.quality}-{digest[:12]}"


def cache_folder(root: Path, config: Config, extractor: FeatureExtractor) -> Path:
    """Return the folder below `root`, mostly DATASET/cache, of the lifted scenes for this configuration."""
    return root / cache_key(config, extractor)


def cached_path(folder: Path, name: str) -> Path:
    """Return the file of a lifted scene, or of a variant of one, in a cache folder."""
    return folder / f"{name}{SUFFIX}"


def lift_scene(
    scene: SceneFolder, extractor: FeatureExtractor, config: Config, device: torch.device, variant: int = 0
) -> CachedScene:
    """Map a scene's recording and find the object of every voxel; without instance images, by the objects' boxes.

    Raises InputError where a file of the scene is missing or wrong, or where no depth is usable.
    """
    mapping = config.mapping
    voxel_map = VoxelFeatureMap(mapping, extractor, device)
    keyframes = KeyframeRule(mapping)
    votes = ObjectVotes(mapping) if scene.has_instance_ids else None
    for number, frame in varied(scene.frames(), scene.id, variant):
        map_frame(frame, keyframes, extractor, voxel_map)
        if votes is not None:
            votes.add(frame, scene.instance_ids(number))
    snapshot = voxel_map.snapshot()
    if len(snapshot) == 0:
        raise InputError(
            f"{scene.recording_path}: no depth between {mapping.min_depth} and {mapping.max_depth} m; "
            "check the depth images' unit or change max_depth"
        )
    if votes is None:
        return CachedScene(snapshot, objects_of_boxes(snapshot.xyz.cpu(), scene.objects()))
    return CachedScene(snapshot, votes.winners(snapshot.cells))


def write_cached_scene(path: Path, scene: CachedScene) -> None:
    """Write a lifted scene, whole or not at all. Raises InputError where it cannot be written."""
    tensors = {**map_tensors(scene.snapshot), OBJECT_IDS: scene.object_ids.contiguous()}
    with whole_file(path) as unfinished:
        try:
            save_file(tensors, unfinished, map_metadata(scene.snapshot))
        except SafetensorError as error:
            raise OSError(str(error)) from error  # the library's word for a full disk


def read_scene(path: Path, scene: SceneFolder) -> CachedScene:
    """Read a lifted scene; where boxes alone tell its objects, they are asked again, for they may have been corrected.

    Raises InputError where a file is missing or damaged.
    """
    cached = read_cached_scene(path)
    if scene.has_instance_ids:
        return cached
    return replace(cached, object_ids=objects_of_boxes(cached.snapshot.xyz, scene.objects()))


def read_cached_scene(path: Path) -> CachedScene:
    """Read a lifted scene onto the CPU. Raises InputError where the file is missing, damaged, or only a map."""
    snapshot = load_any_map(path)
    try:
        with safe_open(path, framework="pt") as file:
            ids: Tensor = file.get_tensor(OBJECT_IDS)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: no {OBJECT_IDS} in it ({error}); {_MEND}") from None
    if ids.dtype != torch.int32 or ids.shape != (len(snapshot),):
        raise InputError(f"{path}: {OBJECT_IDS} {list(ids.shape)} for {len(snapshot)} voxels; {_MEND}")
    return CachedScene(snapshot, ids)
