"""A robot as the nodes see it: a camera that looks at a wall with a red square, TF, and a client of the services."""

from __future__ import annotations

import time
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from geometry_msgs.msg import TransformStamped
from locate3d_msgs.srv import Localize
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from tf2_msgs.msg import TFMessage

from locate3d_ros.nodes.guard import Spinner

WIDTH, HEIGHT, FOCAL = 64, 48, 50.0
ASK_AGAIN = 4.0  # seconds without a reply
WALL = 2.0  # metres in front of the camera
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def wall_rgb():
    """[48, 64, 3] uint8: a grey wall with a red square of 16x16 pixels in the middle."""
    rgb = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    rgb[16:32, 24:40] = (255, 0, 0)
    return rgb


def image(array, encoding, frame_id="camera", stamp=None):
    height, width = array.shape[:2]
    message = Image(height=height, width=width, encoding=encoding, step=array.strides[0])
    message.header.frame_id = frame_id
    message.data = array.tobytes()
    return stamped(message, stamp)


def compressed(array, suffix, name, frame_id="camera", stamp=None):
    message = CompressedImage(format=name)
    message.header.frame_id = frame_id
    message.data = cv2.imencode(suffix, array)[1].tobytes()
    return stamped(message, stamp)


def stamped(message, stamp):
    message.header.stamp = Time(nanoseconds=now() if stamp is None else stamp).to_msg()
    return message


def camera_info(frame_id="camera", width=WIDTH, height=HEIGHT, focal=FOCAL, d=()):
    info = CameraInfo(width=width, height=height, distortion_model="plumb_bob", d=list(d))
    info.header.frame_id = frame_id
    cx, cy = (width - 1) / 2, (height - 1) / 2
    info.k = [focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0]
    info.p = [focal, 0.0, cx, 0.0, 0.0, focal, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info


def transform(parent, child, stamp, translation=(0.0, 0.0, 0.0), xyzw=(0.0, 0.0, 0.0, 1.0)):
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp = Time(nanoseconds=stamp).to_msg()
    t, q = message.transform.translation, message.transform.rotation
    t.x, t.y, t.z = translation
    q.x, q.y, q.z, q.w = xyzw
    return message


def now():
    return time.time_ns()


class Robot(Node):
    """Publishes what a robot does; `start` of topic names can be a camera's prefix."""

    def __init__(self, image_types=(Image, Image), start="", context=None):
        super().__init__("robot", namespace="locate3d", context=context)
        self.rgb = self.create_publisher(image_types[0], f"{start}rgb/image", 10)
        self.depth = self.create_publisher(image_types[1], f"{start}depth/image", 10)
        self.rgb_info = self.create_publisher(CameraInfo, f"{start}rgb/camera_info", 10)
        self.tf = self.create_publisher(TFMessage, "/tf", 100)
        self.tf_static = self.create_publisher(TFMessage, "/tf_static", LATCHED)
        self._localize = self.create_client(Localize, "localization/localize")
        self._own_clients = {}
        self._start = start

    def wait_for_mapping(self, mapping=None):
        """Wait until the robot knows its listeners, and the mapping node, where it is of this process, the robot.

        The two ends find each other one after the other: what is sent in between is lost.
        """
        for publisher in (self.rgb, self.depth, self.rgb_info, self.tf, self.tf_static):
            wait_for_each_other(publisher, mapping)

    def stand(self, frame_id="camera", position=(0.0, 0.0, 0.0), stamp=None):
        """Say where the camera is, half a second before and after a stamp."""
        stamp = now() if stamp is None else stamp
        around = [transform("map", frame_id, stamp + d, position) for d in (-500_000_000, 500_000_000)]
        self.tf.publish(TFMessage(transforms=around))

    def see(self, rgb=None, depth=None, stamp=None, info=None):
        """Publish one colour and depth image of the wall, with camera_info and TF."""
        stamp = now() if stamp is None else stamp
        self.stand(stamp=stamp)
        self.rgb_info.publish(camera_info() if info is None else info)
        self.rgb.publish(image(wall_rgb(), "rgb8", stamp=stamp) if rgb is None else stamped(rgb, stamp))
        wall = np.full((HEIGHT, WIDTH), WALL * 1000, np.uint16)
        self.depth.publish(image(wall, "16UC1", stamp=stamp) if depth is None else stamped(depth, stamp))

    def ask(self, text, **fields):
        return self.call(self._localize, Localize.Request(text=text, **fields), 20.0)

    def call(self, client, request, timeout=10.0):
        """Return the reply. A service that has not found a new client yet loses its reply: ask again now and then."""
        assert client.wait_for_service(timeout), f"no service {client.srv_name}"
        futures, deadline = [], time.monotonic() + timeout
        while time.monotonic() < deadline:
            futures.append(client.call_async(request))
            pause = time.monotonic() + ASK_AGAIN
            while time.monotonic() < min(pause, deadline):
                if replied := [future for future in futures if future.done()]:
                    return replied[0].result()
                time.sleep(0.01)
        raise AssertionError(f"{client.srv_name}: no reply within {timeout} s")

    def request(self, kind, service, **fields):
        return self.call(self.client(kind, service), kind.Request(**fields))

    def client(self, kind, service):
        """Return the client of a service, always the same."""
        if service not in self._own_clients:
            self._own_clients[service] = self.create_client(kind, service)
        return self._own_clients[service]


def heard_by(node, topic):
    """Whether a subscription of this node has found a publisher of a topic."""
    own = [each for each in node.subscriptions if each.topic_name == topic]
    return any(each.get_publisher_count() for each in own)


def wait_for_each_other(publisher, node):
    """Wait until a publisher knows a listener, and a node of this process (None: of another) the publisher."""
    wait_for(publisher.get_subscription_count)
    if node is not None:
        wait_for(lambda: heard_by(node, publisher.topic_name))


def wait_for(condition, timeout=30.0, name="condition"):
    """Return the first true value of `condition`."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {name}"
        time.sleep(0.01)
    return value


@contextmanager
def spinning(node):
    spinner = Spinner(node, 2)
    try:
        yield node
    finally:
        spinner.stop()
        node.destroy_node()


class Listener:
    """Collects the messages of a topic."""

    def __init__(self, node, kind, topic, qos=LATCHED):
        self.messages = []
        self.subscription = node.create_subscription(kind, topic, self.messages.append, qos)

    def newest(self, condition=lambda _: True, timeout=5.0):
        return wait_for(lambda: next((m for m in reversed(self.messages) if condition(m)), None), timeout)


def integrated(mapping, camera=0):
    return mapping.cameras[camera].integrated.total


def drops(mapping):
    return mapping.cameras[0].drops.counts()


def assert_red_square(instance, z=WALL):
    """The red square is 16 pixels wide at 2 m: 0.64 m, in the middle of the view; voxels at its rim are mixed."""
    p, s = instance.pose.position, instance.size
    assert (p.x, p.y, p.z) == pytest.approx((0.0, 0.0, z), abs=0.05)
    assert (s.x, s.y, s.z) == pytest.approx((0.6, 0.6, 0.0), abs=0.1)
