"""/locate3d/mapping: RGB-D topics and TF into the live feature map."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from diagnostic_msgs.msg import DiagnosticStatus
from nav_msgs.msg import Path
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from sensor_msgs.msg import PointCloud2
from std_srvs.srv import SetBool

from locate3d_ros.build import build_extractor
from locate3d_ros.config import Config
from locate3d_ros.errors import InputError
from locate3d_ros.nodes.base_node import LATCHED, BaseNode
from locate3d_ros.nodes.camera_input import CameraInput, RgbdMessages
from locate3d_ros.nodes.clouds import to_cloud, to_header
from locate3d_ros.nodes.corrections import STALE_MAP, Corrections
from locate3d_ros.nodes.diagnostics import OK, WARN, camera_health, camera_values, to_status
from locate3d_ros.nodes.drops import DropCounter
from locate3d_ros.nodes.feature_map_output import FeatureMapOutput
from locate3d_ros.nodes.frame_assembler import FrameAssembler
from locate3d_ros.nodes.guard import guarded
from locate3d_ros.nodes.integrator import Integrator
from locate3d_ros.nodes.live_map import new_live_map
from locate3d_ros.nodes.map_services import MapServices
from locate3d_ros.nodes.runner import run
from locate3d_ros.nodes.transforms import listen
from locate3d_ros.types import FeatureExtractor

LOOK_PERIOD = 0.2  # seconds between two looks at who publishes images
CLOUD_PERIOD = 1.0  # seconds between two map clouds at least

MakeExtractor = Callable[[Config, torch.device], FeatureExtractor]


def is_of_mapping(parameter: str) -> bool:
    """Tell whether the mapping node reads a parameter."""
    return not parameter.startswith("localization.") and parameter not in ("model", "map_file")


class MappingNode(BaseNode):
    """Keeps the map; offers it as a cloud, saves, loads, clears and pauses it."""

    def __init__(self, make_extractor: MakeExtractor = build_extractor, **options: Any) -> None:  # noqa: ANN401
        """Assemble the node. Raises InputError for parameters that cannot be."""
        super().__init__("mapping", is_of_mapping, **options)
        extractor = self.make(make_extractor)
        mapping = self.config.mapping
        self.live_map = new_live_map(self.config, extractor, self.device)
        transforms = listen(self)
        assembler = FrameAssembler(transforms, self.config, self.device)
        self.corrections = Corrections(transforms, self.config, self.live_map, self.get_logger().warning)
        self.integrator = Integrator(assembler, extractor, self.live_map, self.corrections, mapping, self.report)
        self.cameras = [self._camera(prefix) for prefix in self.config.cameras or ("",)]
        self._is_paused = not self.config.autostart
        self._published: tuple[int, int] | None = None
        self._points = self.create_publisher(PointCloud2, "~/map_points", LATCHED)
        self.every(LOOK_PERIOD, "cameras", self._look, self._background)
        self.every(CLOUD_PERIOD, "map_points", self._publish_points, MutuallyExclusiveCallbackGroup())
        features = FeatureMapOutput(self, self.live_map)
        self.every(mapping.feature_map_interval, "feature_map", features.publish, MutuallyExclusiveCallbackGroup())
        self._map_services = MapServices(self, self.integrator, self.live_map, transforms, extractor)
        group = MutuallyExclusiveCallbackGroup()
        self.serve(SetBool, "~/pause", self._pause, group)
        path = guarded(self.get_logger(), "~/corrected_path", self._follow)
        self.create_subscription(Path, "~/corrected_path", path, 1, callback_group=group)

    def start(self) -> None:
        """Begin to integrate frames."""
        self.integrator.start()
        names = ", ".join(topic.name for camera in self.cameras for topic in (camera.rgb, camera.depth))
        self.get_logger().info(f"mapping {names} into {self.config.map_frame}{', paused' if self._is_paused else ''}")

    def stop(self) -> None:
        """End the mapping threads."""
        self.integrator.stop()

    def health(self) -> list[DiagnosticStatus]:
        """Return a status for every camera and one for the map."""
        statuses = []
        for camera in self.cameras:
            level, message = camera_health(camera, self._is_paused)
            statuses.append(to_status(self, camera.name, level, message, camera_values(camera)))
        values = {
            "voxels": len(self.live_map),
            "revision": self.live_map.revision,
            "memory (MB)": self.live_map.nbytes / 1e6,
            "voxels on disk": self.live_map.on_disk,
            "voxels lost by the disk": self.live_map.lost,
            "keyframe rate (Hz)": self.integrator.keyframes.hertz,
            "keyframes without features": self.integrator.passed_over.total,
            "queue": self.integrator.worker.depth,
            "pieces": len(self.live_map.submaps),
            "corrections": self.corrections.count,
            "paused": self._is_paused,
        }
        level, message = (WARN, STALE_MAP) if self.corrections.is_stale else (OK, "paused" if self._is_paused else "ok")
        return [*statuses, to_status(self, "map", level, message, values)]

    def _camera(self, prefix: str) -> CameraInput:
        drops = DropCounter(self.get_logger().warning)
        return CameraInput(self, prefix.strip("/"), self.config.mapping, drops, self._take)

    def _take(self, messages: RgbdMessages) -> None:
        if not self._is_paused:
            self.integrator.put(messages)

    def _look(self) -> None:
        for camera in self.cameras:
            camera.look()

    def _publish_points(self) -> None:
        state = (self.live_map.generation, self.live_map.revision)
        if state == self._published or self._points.get_subscription_count() == 0:
            return
        snapshot = self.live_map.snapshot()
        self._published = state
        self._points.publish(to_cloud(to_header(snapshot.frame_id, snapshot.stamp), snapshot.xyz, snapshot.rgb))

    def _follow(self, path: Path) -> None:
        try:
            self.integrator.follow(path)
        except InputError as error:
            self.get_logger().warning(f"~/corrected_path: {error} (ignored)", throttle_duration_sec=5.0)

    def _pause(self, request: SetBool.Request, response: SetBool.Response) -> None:
        self._is_paused = bool(request.data)
        for camera in self.cameras:
            camera.clear()
        response.success, response.message = True, "mapping is paused" if self._is_paused else "mapping goes on"


def main(arguments: list[str] | None = None) -> int:
    """Run the node until it is told to end; 2 for parameters that cannot be."""
    return run(lambda: [MappingNode()], arguments)


if __name__ == "__main__":
    sys.exit(main())
