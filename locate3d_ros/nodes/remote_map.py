"""The map of a mapping node in another process, as its ~/feature_map tells it."""

from __future__ import annotations

import time

import torch
from locate3d_msgs.msg import FeatureMap

from locate3d_ros.mapping.map_changes import apply_change, decode
from locate3d_ros.mapping.selecting import to_device
from locate3d_ros.types import FeatureExtractor, MapSnapshot


class RemoteMap:
    """Follows the messages of a mapping node, on the device of the localizer."""

    def __init__(self, extractor: FeatureExtractor, topic: str, empty: MapSnapshot, device: torch.device) -> None:
        """`topic` is the resolved name that messages about faults use; `empty` is the map until the first message."""
        self.generation = 0
        self.hint = f"waiting for {topic}; is a mapping node running, and has it seen anything?"
        self._extractor = extractor
        self._topic = topic
        self._device = device
        self._map_id = ""
        self._snapshot = empty
        self._received = float("-inf")

    @property
    def revision(self) -> int:
        """The mapping node's revision of the newest state."""
        return self._snapshot.revision

    @property
    def age(self) -> float:
        """Seconds since the last message that could be used; infinite before the first."""
        return time.monotonic() - self._received

    def snapshot(self) -> MapSnapshot:
        """Return the newest state."""
        return self._snapshot

    def take(self, message: FeatureMap) -> None:
        """Bring the map up to date. Raises InputError, and keeps the map, where a message cannot be used.

        A change of a state that this node has not got is waited out: the whole map comes now and then.
        """
        change = decode(message.data.tobytes(), self._extractor, self._topic)
        is_whole = change.base_revision == 0
        if not is_whole and (change.map_id, change.base_revision) != (self._map_id, self._snapshot.revision):
            return
        self._snapshot = to_device(change.snapshot if is_whole else apply_change(self._snapshot, change), self._device)
        if change.map_id != self._map_id:
            self._map_id = change.map_id
            self.generation += 1
        self._received = time.monotonic()
