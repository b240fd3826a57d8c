"""The localize service: request message -> request, answer -> response message."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import torch
from locate3d_msgs.srv import Localize

from locate3d_ros.config import LocalizationConfig
from locate3d_ros.nodes.answers import to_instance
from locate3d_ros.nodes.clouds import to_header, to_time
from locate3d_ros.nodes.requests import Answer, Request
from locate3d_ros.nodes.transform_buffer import StampedTransform, TransformUnavailableError
from locate3d_ros.nodes.transforms import Transforms, wait_for_transform
from locate3d_ros.types import Localization, LocalizeOptions, Status

TRANSFORM_WAIT = 0.5
"""Seconds for which a reply waits for the transform into its target frame."""

# Statuses of requests that had a map to look into.
_LOOKED = (Status.FOUND, Status.NOT_FOUND)


def to_request(message: Localize.Request, config: LocalizationConfig) -> Request | str:
    """Return the request with the node's defaults filled in, or the sentence that says what is wrong with it."""
    if not math.isfinite(message.timeout):
        return f"timeout {message.timeout}: not a time; give seconds, or 0 for the node's own"
    if not message.min_score <= 1.0:
        return f"min_score {message.min_score}: no score is above 1; give a value in (0, 1], or 0 for the node's own"
    options = LocalizeOptions(
        min_score=float(message.min_score) if message.min_score > 0 else config.min_score,
        max_instances=int(message.max_instances) or config.max_instances,
        refine=bool(message.refine),
    )
    timeout = float(message.timeout) if message.timeout > 0 else config.timeout
    return Request(message.text, options, timeout)


def default_request(text: str, config: LocalizationConfig) -> Request:
    """Return a request of nothing but a text."""
    return Request(text, LocalizeOptions(config.min_score, config.max_instances), config.timeout)


class Replier:
    """Fills responses, in the frame that the caller wants."""

    def __init__(self, transforms: Transforms) -> None:
        """Look target frames up in `transforms`."""
        self._transforms = transforms

    def fill(self, response: Localize.Response, answer: Answer, target_frame: str) -> None:
        """Write an answer into the response; an unreachable target frame makes it NO_TRANSFORM."""
        found, snapshot = answer.localization, answer.snapshot
        if snapshot is not None and found.status in _LOOKED:
            frame = target_frame.strip().lstrip("/") or snapshot.frame_id
            try:
                transform = self._transform(frame, snapshot.frame_id)
            except TransformUnavailableError as error:
                found = replace(found, status=Status.NO_TRANSFORM, message=str(error), instances=())
            else:
                # In a moving frame the box is right at the moment of the transform, not of the map.
                header = to_header(frame, snapshot.stamp)
                if transform.stamp is not None:
                    header.stamp = to_time(transform.stamp)
                response.instances = [to_instance(each, header, transform.T_target_source) for each in found.instances]
            response.map_revision, response.map_stamp = found.revision, to_header("", snapshot.stamp).stamp
        response.status, response.message, response.seconds = int(found.status), found.message, float(found.seconds)

    def _transform(self, target: str, map_frame: str) -> StampedTransform:
        if target == map_frame:
            return StampedTransform(torch.eye(4, dtype=torch.float64), None)
        return wait_for_transform(self._transforms, target, map_frame, None, time.monotonic() + TRANSFORM_WAIT)


def refuse(response: Localize.Response, status: Status, message: str) -> Localization:
    """Write a refusal into the response; return it as a localization."""
    response.status, response.message, response.instances = int(status), message, []
    return Localization(status, message)
