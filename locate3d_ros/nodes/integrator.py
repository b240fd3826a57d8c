"""The mapping thread: messages -> frame -> map; keyframes go through the extractor's thread on their way.

While the extractor is busy, keyframes that come are mapped without features. Nothing waits for it: once it is idle, the
next frame that is due is taken, so that it always works on the newest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from nav_msgs.msg import Path
from torch import Tensor

from locate3d_ros.errors import InputError
from locate3d_ros.mapping.keyframes import KeyframeRule
from locate3d_ros.nodes.camera_input import CameraInput, RgbdMessages
from locate3d_ros.nodes.corrections import Corrections
from locate3d_ros.nodes.drops import DroppedFrameError
from locate3d_ros.nodes.feature_stage import FeatureStage, Keyframe
from locate3d_ros.nodes.frame_assembler import FrameAssembler
from locate3d_ros.nodes.live_map import LiveMap
from locate3d_ros.nodes.parameters import NodeMappingConfig
from locate3d_ros.nodes.rates import Rate
from locate3d_ros.nodes.worker import Worker, describe
from locate3d_ros.types import FeatureExtractor, MapSnapshot


class Integrator:
    """Brings frames into the map, one after another, in a thread of its own."""

    def __init__(
        self,
        assembler: FrameAssembler,
        extractor: FeatureExtractor,
        live_map: LiveMap,
        corrections: Corrections,
        config: NodeMappingConfig,
        report: Callable[[str], None],
    ) -> None:
        """`report` gets unexpected exceptions."""
        self.keyframes = Rate()
        self.passed_over = Rate()
        """Keyframes that were mapped without features because the extractor was busy."""
        self._assembler = assembler
        self._extractor = extractor
        self._map = live_map
        self._corrections = corrections
        self._report = report
        self._rule = KeyframeRule(config)
        self._replacing = threading.Lock()
        self.worker: Worker[RgbdMessages] = Worker("mapping", self._work, config.queue_size, report)
        self._features = FeatureStage(self._work_on_keyframe, report)

    def start(self) -> None:
        """Begin to work."""
        self._features.start()
        self.worker.start()

    def stop(self) -> None:
        """End both threads."""
        self.worker.stop()
        self._features.stop()

    @property
    def is_busy(self) -> bool:
        """Whether frames wait or features are being computed."""
        return self.worker.depth > 0 or self._features.is_busy

    def put(self, messages: RgbdMessages) -> None:
        """Queue what belongs together; when mapping is behind, the oldest is given up."""
        if self.worker.put(messages):
            messages.camera.drops.count("queue full")

    def clear(self) -> None:
        """Empty the map; frames that wait are forgotten with it."""
        with self._replacing:
            self.worker.clear()
            self._map.clear()
            self._corrections.forget()
            self._rule.reset()

    def remove_box(self, T_map_box: Tensor, size: Tensor) -> int:
        """Forget what is in a box, as LiveMap.remove_box."""
        with self._replacing:
            self._rule.reset()  # what is there now gets features at once
            return self._map.remove_box(T_map_box, size)

    def restore(self, snapshot: MapSnapshot) -> None:
        """Replace the map. Raises InputError, and keeps it, where the snapshot does not fit."""
        with self._replacing:
            self._map.restore(snapshot)
            self._corrections.forget()
            self.worker.clear()
            self._rule.reset()

    def merge(self, snapshot: MapSnapshot, T_map_file: Tensor) -> None:
        """Add another map to the running one. Raises InputError, and keeps it, where it does not fit."""
        with self._replacing:
            self._map.merge(snapshot, T_map_file)

    def follow(self, path: Path) -> None:
        """Correct the past by the robot's way. Raises InputError for a path that cannot be followed."""
        with self._replacing:
            self._corrections.follow(path)

    def _work(self, messages: RgbdMessages) -> None:
        self._counted(messages.camera, lambda: self._integrate(messages))

    def _work_on_keyframe(self, keyframe: Keyframe) -> None:
        self._counted(keyframe.camera, lambda: self._integrate_keyframe(keyframe))

    def _counted(self, camera: CameraInput, integrate: Callable[[], bool]) -> None:
        """Count a frame of a camera as integrated where it was, or by the reason why it was dropped."""
        try:
            if integrate():
                camera.integrated.count()
        except DroppedFrameError as error:
            camera.drops.add(error.reason, str(error))
        except InputError as error:
            camera.drops.add("refused", f"{camera.rgb.name}: {error}")
        except Exception as error:  # noqa: BLE001 - counted as this camera's; the next frame gets its turn
            camera.drops.add("internal error", f"{camera.rgb.name}: {describe(error)}")
            self._report(f"mapping: {describe(error)}")

    def _integrate(self, messages: RgbdMessages) -> bool:
        """Map a frame without features, or hand it to the extractor; return whether it is in the map."""
        generation = self._map.generation
        frame = self._assembler.assemble(messages)
        with self._replacing:
            self._corrections.before(frame)
        if self._rule.is_due(frame):
            if self._features.offer(Keyframe(frame, messages.camera, generation, self._corrections.count)):
                self._rule.take(frame)
                return False
            self.passed_over.count()
        with self._replacing:
            if generation != self._map.generation:
                return False  # it was taken for a map that has been cleared or replaced meanwhile
            self._map.add(frame, None)
            self._rule.note(frame, self._map.newly_seen)
        return True

    def _integrate_keyframe(self, keyframe: Keyframe) -> bool:
        features = self._extractor.extract(keyframe.frame)
        with self._replacing:
            if keyframe.generation != self._map.generation:
                return False
            if keyframe.corrections != self._corrections.count:
                raise DroppedFrameError(
                    "pose corrected", f"{keyframe.camera.rgb.name}: SLAM has moved the map meanwhile"
                )
            self._map.add(keyframe.frame, features)
        self.keyframes.count()
        return True
