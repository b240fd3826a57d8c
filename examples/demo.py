"""Start the real nodes, play the recording that ships with the package, ask for objects by name, draw the answers.

python examples/demo.py [--output demo] [--rate 4]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A demo is nobody else's business: a domain of its own, on this machine only.
os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")

import numpy as np
import rclpy
import torch
from diagnostic_msgs.msg import DiagnosticArray
from locate3d_msgs.msg import Instance as InstanceMessage
from locate3d_msgs.srv import Localize, SaveMap
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rich.console import Console
from rich.table import Table

import locate3d_ros
from locate3d_ros.build import build_extractor
from locate3d_ros.config import Config
from locate3d_ros.data.recordings import load_recording
from locate3d_ros.errors import InputError
from locate3d_ros.geometry.boxes import box_iou, box_tensor
from locate3d_ros.mapping.map_file import load_map
from locate3d_ros.types import Box, Instance, Localization, MapSnapshot, Role, Status
from locate3d_ros.visualization.picture import write_picture

ROOM = Path(locate3d_ros.__file__).parent / "data" / "demo_room"
MAP_NAME = "demo_room"
PATIENCE = 180.0  # seconds for each step, on a slow machine
QUEUE = 64  # frames: on a slow machine the demo's map is late, not full of holes
console = Console(width=None if sys.stdout.isatty() else 120)


@dataclass(frozen=True)
class Request:
    """One sentence of the demo and where its object really is."""

    text: str
    truth: Box | None  # None: the room holds no such thing


class Client(Node):
    """Asks the nodes, as a robot's own program would."""

    def __init__(self) -> None:
        super().__init__("demo", namespace="locate3d")
        self.figures: dict[str, str] = {}
        self.reports = 0  # of the mapping node
        self.create_subscription(DiagnosticArray, "/diagnostics", self._note, 10)
        self._localize = self.create_client(Localize, "localization/localize")
        self._save = self.create_client(SaveMap, "mapping/save_map")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def localize(self, text: str) -> Localize.Response:
        """Ask for a thing by name."""
        return self._call(self._localize, Localize.Request(text=text, timeout=60.0))

    def save_map(self, name: str) -> SaveMap.Response:
        """Have the map written to the node's map directory."""
        return self._call(self._save, SaveMap.Request(name=name, overwrite=True))

    def wait_for_nodes(self) -> None:
        """Wait until both nodes answer."""
        for client in (self._localize, self._save):
            if not client.wait_for_service(PATIENCE):
                raise InputError(f"{client.srv_name}: the node did not start; see its lines above")

    def integrated(self) -> int:
        """Return how many frames the mapping node reports in its map."""
        return int(self.figures.get("integrated", 0))

    def settle(self) -> None:
        """Wait until the queue is worked off, no frame came between three reports, and the whole map can be asked."""
        reports: list[int] = []

        def is_still() -> bool:
            if len(reports) < self.reports:
                reports.extend([self.integrated()] * (self.reports - len(reports)))
            return self.figures.get("queue") == "0" and len(set(reports[-3:])) == 1 and len(reports) >= 3

        self.spin_until(is_still, "every frame in the map")
        newest = self.figures["revision"]
        self.spin_until(lambda: self.figures.get("prepared revision") == newest, "the whole map prepared for requests")

    def spin_until(self, done: Callable[[], bool], what: str) -> None:
        """Handle messages until something holds."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > deadline:
                raise InputError(f"{what}: still not so after {PATIENCE:.0f} s; see the nodes' lines above")
            self._executor.spin_once(timeout_sec=0.1)

    def _call(self, client: Any, request: Any) -> Any:  # noqa: ANN401 - any service
        future = client.call_async(request)
        self._executor.spin_until_future_complete(future, timeout_sec=PATIENCE)
        if not future.done():
            raise InputError(f"{client.srv_name}: no reply within {PATIENCE:.0f} s; see the nodes' lines above")
        return future.result()

    def _note(self, array: DiagnosticArray) -> None:
        for status in array.status:
            self.figures |= {pair.key: pair.value for pair in status.values}
            self.reports += status.name.endswith("mapping: map")


@contextmanager
def running(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of the package's executables until the block ends."""
    process = subprocess.Popen([sys.executable, "-m", f"locate3d_ros.nodes.{module}", *arguments])
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()


def read_requests() -> list[Request]:
    """Read the demo's sentences and the true boxes of the things that they name."""
    boxes = {
        thing["id"]: Box(tuple(thing["box_min"]), tuple(thing["box_max"]))
        for thing in json.loads((ROOM / "objects.json").read_text())
    }
    return [
        Request(each["text"], boxes[each["target_ids"][0]] if each["target_ids"] else None)
        for each in json.loads((ROOM / "sentences.json").read_text())
    ]


def to_localization(reply: Localize.Response) -> Localization:
    """Turn a service reply back into the core's answer, for the picture."""
    return Localization(
        Status(reply.status),
        reply.message,
        tuple(to_instance(each) for each in reply.instances),
        reply.map_revision,
        reply.seconds,
    )


def to_instance(message: InstanceMessage) -> Instance:
    """Read an instance's message; replies in the map frame have axis-aligned boxes."""
    center = np.array([message.pose.position.x, message.pose.position.y, message.pose.position.z])
    half = np.array([message.size.x, message.size.y, message.size.z]) / 2
    columns = np.frombuffer(message.points.data, np.float32).reshape(-1, message.points.point_step // 4)
    xyz = torch.from_numpy(columns[:, :3].copy())
    return Instance(
        id=message.id,
        phrase=message.phrase,
        role=Role(message.role),
        score=message.score,
        box=Box(tuple((center - half).tolist()), tuple((center + half).tolist())),
        mask=torch.zeros(0, dtype=torch.bool),
        xyz=xyz,
        rgb=torch.zeros_like(xyz),
    )


def print_table(requests: list[Request], answers: list[Localization]) -> None:
    """Print what was asked, what came back, and how it compares with the truth."""
    table = Table("sentence", "status", "score", "centre (m)", "size (m)", "IoU with truth", "s", title="Answers")
    for request, answer in zip(requests, answers, strict=True):
        found = answer.status is Status.FOUND
        figures = describe(answer.best) if found else ("", "", "")
        verdict = compare(request, answer)
        table.add_row(request.text, answer.status.name.lower(), *figures, verdict, f"{answer.seconds:.2f}")
    console.print(table)


def describe(instance: Instance) -> tuple[str, str, str]:
    """Return score, centre and size as text."""
    center, size = (" ".join(f"{value:.2f}" for value in triple) for triple in (instance.box.center, instance.box.size))
    return f"{instance.score:.2f}", center, size


def compare(request: Request, answer: Localization) -> str:
    """Return the overlap with the true box, or whether an absent thing was refused."""
    if request.truth is None:
        return "absent: wrong" if answer.instances else "absent: right"
    if not answer.instances:
        return "missed"
    iou = box_iou(box_tensor(answer.best.box)[None], box_tensor(request.truth)[None])
    return f"{float(iou):.2f}"


def run_demo(output: Path, rate: float) -> None:
    """Map, ask, print, draw."""
    requests = read_requests()
    frames = len(load_recording(ROOM / "recording"))
    with ExitStack() as stack:
        parameters = ("-p", f"map_directory:={output}", "-p", f"mapping.queue_size:={QUEUE}")
        stack.enter_context(running("locate3d_node", "--ros-args", *parameters, "--log-level", "warn"))
        client = Client()
        console.print("starting the nodes …")
        client.wait_for_nodes()
        console.print(f"playing {frames} frames of {ROOM.name} at {rate:g} frames/s …")
        player = (str(ROOM / "recording"), "--rate", f"{rate:g}", "--ros-args", "--log-level", "warn")
        playing = stack.enter_context(running("play_recording", *player))
        client.spin_until(lambda: client.integrated() >= frames // 2, "half of the recording in the map")
        early = client.localize(requests[0].text)
        console.print(f"asked while mapping goes on: {Status(early.status).name.lower()} in {early.seconds:.2f} s")
        client.spin_until(lambda: playing.poll() is not None, "the recording played")
        client.settle()
        console.print(f"{client.integrated()} frames in the map")
        replies = [client.localize(request.text) for request in requests]
        saved = client.save_map(MAP_NAME)
    if not saved.success:
        raise InputError(f"save_map: {saved.message}")
    answers = [to_localization(reply) for reply in replies]
    print_table(requests, answers)
    picture = output / "found.png"
    pairs = [(request.text, answer) for request, answer in zip(requests, answers, strict=True)]
    write_picture(picture, read_map(Path(saved.path)), pairs)
    console.print(f"map     {saved.path} ({saved.voxels} voxels)\npicture {picture}", soft_wrap=True)


def read_map(path: Path) -> MapSnapshot:
    """Read the map that the node saved."""
    return load_map(path, build_extractor(Config(), torch.device("cpu")))


def main() -> int:
    """Run the demo; 2 where something that a user can mend stopped it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder for the map and the picture")
    parser.add_argument("--rate", type=float, default=4.0, help="frames per second")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    rclpy.init()
    try:
        run_demo(options.output.resolve(), options.rate)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
