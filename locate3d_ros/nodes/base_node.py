"""What both nodes share: parameters from the dataclasses, diagnostics, orderly start and end."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from locate3d_ros.build import resolve_device
from locate3d_ros.config import Config
from locate3d_ros.nodes.diagnostics import ERROR, to_array, to_status
from locate3d_ros.nodes.guard import guarded_service, guarded_timer
from locate3d_ros.nodes.parameters import NAMESPACE, NodeConfig, ParameterField, parameter_fields, read_overrides
from locate3d_ros.nodes.waiting import with_weights

DIAGNOSTICS_PERIOD = 1.0  # seconds

_T = TypeVar("_T")

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""Reliable; who comes late gets the last message."""


class BaseNode(Node):
    """A node with a configuration, a device and diagnostics."""

    def __init__(self, name: str, wanted: Callable[[str], bool], **options: Any) -> None:  # noqa: ANN401 - of rclpy.Node
        """Declare the wanted parameters and read them. Raises InputError naming parameter, value and mend."""
        super().__init__(name, namespace=NAMESPACE, **options)
        self.config = declare_parameters(self, wanted)
        self.device = resolve_device(self.config.device)
        if self.config.threads > 0:
            torch.set_num_threads(self.config.threads)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", QoSProfile(depth=10))
        self._background = MutuallyExclusiveCallbackGroup()
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.every(DIAGNOSTICS_PERIOD, "diagnostics", self._publish_diagnostics, self._background)

    def start(self) -> None:
        """Begin the work in the background."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the work in the background."""
        raise NotImplementedError

    def health(self) -> list[DiagnosticStatus]:
        """Return what /diagnostics is to say."""
        raise NotImplementedError

    def every(self, period: float, name: str, callback: Callable[[], None], group: Any) -> None:  # noqa: ANN401
        """Call back every `period` seconds of real time, simulated or not; an exception ends nothing."""
        call = guarded_timer(self.get_logger(), name, callback)
        self.create_timer(period, call, callback_group=group, clock=self._steady_clock)

    def serve(self, kind: type, name: str, callback: Callable[[Any, Any], None], group: Any) -> None:  # noqa: ANN401
        """Offer a service that reports failures in `success` and `message`."""
        call = guarded_service(self.get_logger(), name, callback, _say_failed)
        self.create_service(kind, name, call, callback_group=group)

    def make(self, kind: Callable[[Config, torch.device], _T]) -> _T:
        """Return a part made from the configuration; while its weight files are missing, wait for them and say so."""
        return with_weights(lambda: kind(self.config, self.device), self._tell_missing)

    def _tell_missing(self, sentence: str) -> None:
        self.get_logger().error(f"{sentence} (the node waits for it)", throttle_duration_sec=60.0)
        self._diagnostics.publish(to_array(self, [to_status(self, "weights", ERROR, sentence, {})]))

    def report(self, sentence: str) -> None:
        """Log a defect of ours; called while its exception is handled, with where it happened."""
        self.get_logger().error(f"{sentence}\n{traceback.format_exc()}", throttle_duration_sec=1.0)

    def _publish_diagnostics(self) -> None:
        self._diagnostics.publish(to_array(self, self.health()))


def declare_parameters(node: Node, wanted: Callable[[str], bool]) -> NodeConfig:
    """Declare a parameter for every wanted field of the configuration; return it with the overrides applied.

    They are read once, hence read-only. Raises InputError naming parameter, value and mend.
    """
    declared = [each for each in parameter_fields(NodeConfig()) if wanted(each.name)]
    # What nobody declares, rclpy keeps silent about; a mistyped name must not pass for a setting.
    overrides = {name: each.value for name, each in getattr(node, "_parameter_overrides", {}).items()}
    config = read_overrides(overrides, NodeConfig(), wanted)
    for each in declared:
        default = list(each.default) if isinstance(each.default, tuple) else each.default
        node.declare_parameter(each.name, default, _descriptor(each))
    return config


def _descriptor(field: ParameterField) -> ParameterDescriptor:
    # `dynamic_typing`: "4" for a float is fine, and types are checked with a sentence of ours.
    return ParameterDescriptor(name=field.name, description=field.description, read_only=True, dynamic_typing=True)


def _say_failed(response: Any, message: str) -> None:  # noqa: ANN401 - any service's response
    response.success, response.message = False, message
