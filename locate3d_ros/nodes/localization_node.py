"""/locate3d/localization: text requests into boxes, masks and pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from diagnostic_msgs.msg import DiagnosticStatus
from locate3d_msgs.srv import Localize
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from locate3d_ros.build import build_extractor, build_localizer
from locate3d_ros.config import Config
from locate3d_ros.nodes.base_node import BaseNode
from locate3d_ros.nodes.diagnostics import request_health, request_values, to_status
from locate3d_ros.nodes.guard import guarded, guarded_service
from locate3d_ros.nodes.live_map import MapSource
from locate3d_ros.nodes.mapping_node import MakeExtractor
from locate3d_ros.nodes.outputs import Outputs, Shown
from locate3d_ros.nodes.own_map import own_map
from locate3d_ros.nodes.replies import Replier, default_request, refuse, to_request
from locate3d_ros.nodes.requests import Answer, Request, RequestDesk
from locate3d_ros.nodes.runner import run
from locate3d_ros.nodes.scene_cache import SceneCache
from locate3d_ros.nodes.transforms import listen
from locate3d_ros.nodes.worker import Worker
from locate3d_ros.types import Localization, Localizer, Status

MAX_SHOWN = 4  # answers that wait to be published at most

MakeLocalizer = Callable[[Config, torch.device], Localizer]


def is_of_localization(parameter: str) -> bool:
    """Tell whether the localization node reads a parameter."""
    return not parameter.startswith("mapping.") and parameter not in _OF_MAPPING_ALONE


_OF_MAPPING_ALONE = ("base_frame", "cameras", "map_directory", "autostart")


class LocalizationNode(BaseNode):
    """Answers the localize service and the query topic, and shows every answer on its topics."""

    def __init__(
        self,
        source: MapSource | None = None,
        make_localizer: MakeLocalizer = build_localizer,
        make_extractor: MakeExtractor = build_extractor,
        **options: Any,  # noqa: ANN401 - of rclpy.Node
    ) -> None:
        """Answer from a live map, or (None) from map_file or ~/feature_map. Raises InputError for bad parameters."""
        super().__init__("localization", is_of_localization, **options)
        localizer = self.make(make_localizer)
        self._source = own_map(self, self.make(make_extractor)) if source is None else source
        limits = self.config.localization
        self._scenes = SceneCache(self._source, localizer, limits.encode_min_interval, self.report)
        self._desk = RequestDesk(self._scenes, localizer, lambda: self._source.hint, self.report)
        self._replier = Replier(listen(self))
        self._outputs: Worker[Shown] = Worker("outputs", Outputs(self).show, MAX_SHOWN, self.report)
        self._last: Localization | None = None
        self._requests = 0
        group = ReentrantCallbackGroup()
        call = guarded_service(self.get_logger(), "~/localize", self._localize, _say_failed)
        self.create_service(Localize, "~/localize", call, callback_group=group)
        query = guarded(self.get_logger(), "~/query", self._query)
        self.create_subscription(String, "~/query", query, QoSProfile(depth=10), callback_group=group)

    def start(self) -> None:
        """Begin to prepare the map and to answer."""
        for each in (self._scenes, self._desk, self._outputs):
            each.start()
        self.get_logger().info(f"ready for requests on {self.get_fully_qualified_name()}/localize")

    def stop(self) -> None:
        """End the threads."""
        for each in (self._desk, self._scenes, self._outputs):
            each.stop()

    def health(self) -> list[DiagnosticStatus]:
        """Return the status of the requests."""
        ready = self._scenes.ready
        level, message = request_health(self._last, ready)
        values = request_values(self._last, ready, self._desk.pending, self._requests)
        return [to_status(self, "requests", level, message, values)]

    def _localize(self, message: Localize.Request, response: Localize.Response) -> None:
        request = to_request(message, self.config.localization)
        if isinstance(request, str):
            self._last = refuse(response, Status.BAD_REQUEST, request)
            return
        answer = self._ask(request)
        self._replier.fill(response, answer, message.target_frame)

    def _query(self, message: String) -> None:
        self._ask(default_request(message.data, self.config.localization))

    def _ask(self, request: Request) -> Answer:
        answer = self._desk.ask(request)
        self._last, self._requests = answer.localization, self._requests + 1
        self._outputs.put(Shown(request.text, answer))
        return answer


def _say_failed(response: Any, message: str) -> None:  # noqa: ANN401 - Localize.Response
    refuse(response, Status.FAILED, message)


def main(arguments: list[str] | None = None) -> int:
    """Run the node until it is told to end; 2 for parameters that cannot be."""
    return run(lambda: [LocalizationNode()], arguments)


if __name__ == "__main__":
    sys.exit(main())
