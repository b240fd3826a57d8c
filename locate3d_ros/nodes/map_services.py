"""The mapping node's services about the whole map: save, load, clear, clear a region."""

from __future__ import annotations

import math

import torch
from locate3d_msgs.srv import ClearRegion, LoadMap, SaveMap
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from std_srvs.srv import Trigger
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.map_file import load_map, save_map
from locate3d_ros.nodes.base_node import BaseNode
from locate3d_ros.nodes.clouds import from_pose, to_matrix
from locate3d_ros.nodes.integrator import Integrator
from locate3d_ros.nodes.live_map import LiveMap
from locate3d_ros.nodes.map_directory import MapDirectory
from locate3d_ros.nodes.transform_buffer import TransformUnavailableError
from locate3d_ros.nodes.transforms import Transforms, to_nanoseconds
from locate3d_ros.types import FeatureExtractor


class MapServices:
    """Answers them, one at a time; what cannot be done is said in `message`, and the running map stays."""

    def __init__(
        self,
        node: BaseNode,
        integrator: Integrator,
        live_map: LiveMap,
        transforms: Transforms,
        extractor: FeatureExtractor,
    ) -> None:
        """Offer them."""
        self._integrator = integrator
        self._map = live_map
        self._transforms = transforms
        self._extractor = extractor
        self._map_frame = node.config.map_frame
        self._directory = MapDirectory(node.config.map_directory)
        group = MutuallyExclusiveCallbackGroup()
        node.serve(SaveMap, "~/save_map", self._save, group)
        node.serve(LoadMap, "~/load_map", self._load, group)
        node.serve(Trigger, "~/clear_map", self._clear, group)
        node.serve(ClearRegion, "~/clear_region", self._clear_region, group)

    def _save(self, request: SaveMap.Request, response: SaveMap.Response) -> None:
        snapshot = self._map.snapshot()
        try:
            if len(snapshot) == 0:
                raise InputError(f"the map is empty; {self._map.hint}")
            path = self._directory.to_save(request.name, request.overwrite)
            save_map(snapshot, path)
        except InputError as error:
            response.success, response.message = False, str(error)
            return
        response.success, response.path, response.voxels = True, str(path), len(snapshot)
        response.message = f"saved {len(snapshot)} voxels"

    def _load(self, request: LoadMap.Request, response: LoadMap.Response) -> None:
        try:
            self._restore(request)
        except InputError as error:
            response.success, response.message = False, f"{error} (the running map stays)"
            return
        response.success, response.voxels = True, len(self._map)
        response.message = f"{'merged into' if request.merge else 'loaded'} {len(self._map)} voxels"

    def _restore(self, request: LoadMap.Request) -> None:
        path = self._directory.to_load(request.name)
        if request.merge:
            T_map_file = to_matrix(request.transform)
            self._integrator.merge(load_map(path, self._extractor), T_map_file)
            return
        snapshot = load_map(path, self._extractor)
        if snapshot.frame_id != self._map_frame:
            raise InputError(
                f"{path}: a map in the frame {snapshot.frame_id!r}, but map_frame is {self._map_frame!r}; "
                "start the node with the map's frame, or merge it with the transform between them"
            )
        self._integrator.restore(snapshot)

    def _clear(self, _: Trigger.Request, response: Trigger.Response) -> None:
        self._integrator.clear()
        response.success, response.message = True, "the map is empty"

    def _clear_region(self, request: ClearRegion.Request, response: ClearRegion.Response) -> None:
        try:
            removed = self._integrator.remove_box(*self._region(request))
        except InputError as error:
            response.success, response.message = False, f"{error} (the running map stays)"
            return
        response.success, response.voxels = True, removed
        response.message = f"removed {removed} voxels, {len(self._map)} are left"

    def _region(self, request: ClearRegion.Request) -> tuple[Tensor, Tensor]:
        """Return T_map_box (4, 4) and the box's size (3,), metres. Raises InputError where there is none."""
        edges = (request.size.x, request.size.y, request.size.z)
        if not all(math.isfinite(edge) and edge > 0 for edge in edges):
            raise InputError(f"size {edges}: give three finite edges above 0, metres")
        T_frame_box = from_pose(request.pose)
        frame_id = request.header.frame_id.lstrip("/")
        size = torch.tensor(edges, dtype=torch.float64)
        if frame_id in ("", self._map_frame):
            return T_frame_box, size
        stamp = to_nanoseconds(request.header.stamp) or None
        try:
            found = self._transforms.lookup(self._map_frame, frame_id, stamp)
        except TransformUnavailableError as error:
            raise InputError(f"{error}; give the region in {self._map_frame}") from None
        return found.T_target_source @ T_frame_box, size
