"""A node survives anything that a topic can carry: afterwards a good frame is mapped and a request answered."""

import math
import threading
import time

import numpy as np
import pytest
from fakes import FakeExtractor
from locate3d_msgs.srv import Localize
from robot import (
    HEIGHT,
    WIDTH,
    camera_info,
    compressed,
    image,
    now,
    stamped,
    transform,
    wait_for,
    wait_for_each_other,
    wall_rgb,
)
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

WALL = np.full((HEIGHT, WIDTH), 2000, np.uint16)


def changed(message, **fields):
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def rgb(**fields):
    return changed(image(wall_rgb(), "rgb8", stamp=1), **fields)


def depth(**fields):
    return changed(image(WALL, "16UC1", stamp=1), **fields)


BAD_IMAGES = {
    "no pixels": (rgb(width=0, height=0, step=0, data=b""), None, "size"),
    "too little data": (rgb(data=b"\1\2\3"), None, "size"),
    "huge without data": (rgb(width=2**32 - 1, height=2**32 - 1, data=b""), None, "size"),
    "unknown encoding": (rgb(encoding="yuv9"), None, "encoding"),
    "depth cut": (None, depth(data=WALL.tobytes()[:-2]), "size"),
    "depth as colour": (None, depth(encoding="rgb8"), "encoding"),
    "other size than camera_info": (image(wall_rgb()[:20].copy(), "rgb8"), None, "size"),
    "depth of another shape": (None, image(WALL[:10].copy(), "16UC1"), "size"),
}


def dropped(mapping, reason):
    return mapping.cameras[0].drops.counts().get(reason, 0)


def assert_well(robot, mapping):
    before = mapping.cameras[0].integrated.total
    robot.see()
    wait_for(lambda: mapping.cameras[0].integrated.total == before + 1)
    assert robot.ask("red").status == Localize.Response.FOUND


def test_wrong_images_are_dropped_for_their_reason(start):
    robot, mapping, _ = start()
    for name, (bad_rgb, bad_depth, reason) in BAD_IMAGES.items():
        before = dropped(mapping, reason)
        robot.see(rgb=bad_rgb, depth=bad_depth)
        wait_for(lambda: dropped(mapping, reason) == before + 1, name=name)  # noqa: B023 - called within the loop
    assert mapping.cameras[0].integrated.total == 0
    assert "/locate3d/" in mapping.cameras[0].drops.recent(10)
    assert_well(robot, mapping)


def test_wrong_compressed_images_are_dropped_for_their_reason(start):
    robot, mapping, _ = start(robot_options={"image_types": (CompressedImage, Image)})
    good = compressed(wall_rgb()[:, :, ::-1].copy(), ".jpg", "jpeg")
    whole = good.data.tobytes()
    for content, reason in [
        (whole[:200], "truncated"),
        (b"", "encoding"),
        (b"\xff\xd8\xff\xd9", "corrupt"),
        (b"\x89PNG" + b"x" * 100, "truncated"),
    ]:
        before = dropped(mapping, reason)
        robot.see(rgb=changed(compressed(wall_rgb(), ".jpg", "jpeg"), data=content))
        wait_for(lambda: dropped(mapping, reason) == before + 1)  # noqa: B023 - called within the loop
    robot.see(rgb=good)
    wait_for(lambda: mapping.cameras[0].integrated.total == 1)


@pytest.mark.parametrize("bad", [math.nan, 0.0, -5.0, math.inf])
def test_a_camera_info_that_cannot_be_is_refused(start, bad):
    robot, mapping, _ = start()
    robot.see(info=camera_info(focal=bad))
    wait_for(lambda: dropped(mapping, "camera_info") == 1)
    assert_well(robot, mapping)


def test_headers_that_say_nothing_are_refused(start):
    robot, mapping, _ = start()
    robot.see(rgb=image(wall_rgb(), "rgb8", frame_id=""))
    wait_for(lambda: dropped(mapping, "frame_id") == 1)
    robot.see(rgb=image(wall_rgb(), "rgb8", frame_id="///"))
    wait_for(lambda: dropped(mapping, "frame_id") == 2)
    robot.rgb.publish(stamped(image(wall_rgb(), "rgb8"), 0))
    wait_for(lambda: dropped(mapping, "stamp") == 1)
    assert_well(robot, mapping)


@pytest.mark.parametrize("shift", [-3600, 3600])
def test_stamps_without_transforms_are_dropped(start, shift):
    robot, mapping, _ = start(mapping__tf_timeout=0.1)
    robot.see()
    wait_for(lambda: mapping.cameras[0].integrated.total == 1)
    stamp = now() + shift * 1_000_000_000
    robot.rgb.publish(image(wall_rgb(), "rgb8", stamp=stamp))
    robot.depth.publish(image(WALL, "16UC1", stamp=stamp))
    wait_for(lambda: dropped(mapping, "no transform") == 1)
    assert_well(robot, mapping)


def test_wrong_transforms_are_ignored(start):
    robot, mapping, _ = start()
    nan = math.nan
    bad = [
        transform("camera", "camera", now()),
        transform("camera", "map", now()),
        transform("map", "camera", now(), (nan, 0.0, 0.0)),
        transform("map", "camera", now(), xyzw=(nan, nan, nan, nan)),
        transform("map", "camera", now(), xyzw=(0.0, 0.0, 0.0, 0.0)),
        transform("", "", now()),
        transform("/map", "/x", now()),
    ]
    robot.stand()
    for each in bad:
        robot.tf.publish(TFMessage(transforms=[each]))
        robot.tf_static.publish(TFMessage(transforms=[each]))
    robot.tf.publish(TFMessage())
    time.sleep(0.3)
    assert_well(robot, mapping)


def test_bytes_that_are_no_message_end_nothing(start):
    robot, mapping, localization = start()
    query = robot.create_publisher(String, "localization/query", 10)
    wait_for_each_other(query, localization)
    # A string of four bytes that are not UTF-8, as another client library may send it.
    query.publish(b"\x00\x01\x00\x00\x05\x00\x00\x00\xff\xfe\xfd\xfc\x00")
    robot.rgb.publish(b"\x00\x01\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff")
    time.sleep(0.3)
    assert_well(robot, mapping)


def test_texts_of_any_kind_are_answered(start):
    robot, mapping, _ = start()
    assert_well(robot, mapping)
    for text in ["x" * 100_000, "\0", "🫖 rot", "'; drop table", "red " * 400]:
        assert robot.ask(text).status in (0, 1, 3)
    for frame in ["///", " ", "a" * 5000, "\n"]:
        assert robot.ask("red", target_frame=frame).status in (0, 4)


def test_colour_images_alone_leave_memory_bounded(start):
    robot, mapping, _ = start()
    stamp = now()
    for number in range(60):
        robot.rgb.publish(image(wall_rgb(), "rgb8", stamp=stamp + number * 100_000_000))
        time.sleep(0.005)
    wait_for(lambda: dropped(mapping, "unpaired rgb") > 10)
    assert_well(robot, mapping)


def test_a_defect_in_the_extractor_costs_its_frame_alone(start):
    calls = []

    def fail_once(_):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("out of memory")

    robot, mapping, _ = start(extractor=FakeExtractor(fail_once), mapping__keyframe_interval=0.0)
    robot.see()
    wait_for(lambda: dropped(mapping, "internal error") == 1)
    assert "out of memory" in mapping.cameras[0].drops.recent(10)
    assert_well(robot, mapping)


def test_a_frame_that_was_under_way_does_not_survive_clear_map(start):
    busy, go_on = threading.Event(), threading.Event()
    robot, mapping, _ = start(extractor=FakeExtractor(lambda _: (busy.set(), go_on.wait(5))))
    robot.see()
    assert busy.wait(5)
    assert robot.request(Trigger, "mapping/clear_map").success
    go_on.set()
    wait_for(lambda: not mapping.integrator.is_busy)
    time.sleep(0.3)
    assert len(mapping.live_map) == 0
    assert_well(robot, mapping)


def test_frames_are_mapped_while_the_extractor_is_busy_and_the_newest_keyframe_is_next(start):
    busy, go_on = threading.Event(), threading.Event()
    extractor = FakeExtractor(lambda _: (busy.set(), go_on.wait(5)))
    robot, mapping, _ = start(extractor=extractor, mapping__keyframe_interval=0.0)
    robot.see()
    assert busy.wait(5)
    for count in range(1, 6):
        robot.see()
        wait_for(lambda: mapping.cameras[0].integrated.total == count)  # noqa: B023 - called within the loop
    assert mapping.integrator.passed_over.total == 5
    assert not mapping.live_map.snapshot().has_features.any()
    go_on.set()
    wait_for(lambda: not mapping.integrator.is_busy)
    assert mapping.cameras[0].integrated.total == 6
    assert mapping.live_map.snapshot().has_features.any()
    robot.see()
    wait_for(lambda: len(extractor.extracted) == 2)
    assert extractor.extracted[1].stamp > extractor.extracted[0].stamp
    values = {pair.key: pair.value for status in mapping.health() for pair in status.values}
    assert values["keyframes without features"] == "5"


def test_features_for_poses_that_slam_has_corrected_meanwhile_are_dropped(start):
    busy, go_on = threading.Event(), threading.Event()
    robot, mapping, _ = start(extractor=FakeExtractor(lambda _: (busy.set(), go_on.wait(5))))
    robot.see()
    assert busy.wait(5)
    mapping.corrections.count += 1
    go_on.set()
    wait_for(lambda: dropped(mapping, "pose corrected") == 1)
    assert len(mapping.live_map) == 0
