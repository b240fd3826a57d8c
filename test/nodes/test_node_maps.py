"""The map through its services and topics: saved, loaded, merged, forgotten in part, shown as a cloud."""

import numpy as np
import pytest
from geometry_msgs.msg import Point, Pose, Quaternion, Transform, Vector3
from locate3d_msgs.srv import ClearRegion, LoadMap, Localize, SaveMap
from robot import (
    WALL,
    Listener,
    assert_red_square,
    integrated,
    wait_for,
)
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from std_srvs.srv import Trigger

RESPONSE = Localize.Response


def region(x=0.0, y=0.0, z=WALL, size=(0.9, 0.9, 0.4), frame_id="map", orientation=None):
    """The fields of a request to clear a box."""
    pose = Pose(position=Point(x=x, y=y, z=z), orientation=orientation or Quaternion(w=1.0))
    return {"header": Header(frame_id=frame_id), "pose": pose, "size": Vector3(x=size[0], y=size[1], z=size[2])}


def test_a_map_is_saved_cleared_and_loaded_and_a_bad_file_changes_nothing(start, tmp_path):
    robot, mapping, _ = start()
    assert not robot.request(SaveMap, "mapping/save_map", name="early").success
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    saved = robot.request(SaveMap, "mapping/save_map", name="room")
    assert saved.success
    assert saved.path == str(tmp_path / "room.safetensors")
    assert saved.voxels > 100
    assert "overwrite" in robot.request(SaveMap, "mapping/save_map", name="room").message
    assert robot.request(SaveMap, "mapping/save_map", name="room", overwrite=True).success
    assert not robot.request(SaveMap, "mapping/save_map", name="../room").success

    assert robot.request(Trigger, "mapping/clear_map").success
    assert robot.ask("red").status == RESPONSE.MAP_EMPTY
    loaded = robot.request(LoadMap, "mapping/load_map", name="room")
    assert loaded.success
    assert loaded.voxels == saved.voxels
    assert_red_square(robot.ask("red").instances[0])

    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "room.safetensors").read_bytes()[:100])
    for name, merge in [("cut", False), ("cut", True), ("none", False), ("/etc/passwd", False)]:
        refused = robot.request(LoadMap, "mapping/load_map", name=name, merge=merge)
        assert not refused.success
        assert "running map stays" in refused.message
    assert robot.ask("red").status == RESPONSE.FOUND


def test_a_saved_map_is_merged_where_a_transform_puts_it(start):
    robot, mapping, _ = start()
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    saved = robot.request(SaveMap, "mapping/save_map", name="room")
    moved = Transform(translation=Vector3(x=10.0), rotation=Quaternion(w=1.0))
    merged = robot.request(LoadMap, "mapping/load_map", name="room", merge=True, transform=moved)
    assert merged.success, merged.message
    assert merged.voxels == pytest.approx(2 * saved.voxels, rel=0.1)
    half = len([x for x in mapping.live_map.snapshot().xyz[:, 0].tolist() if x > 5.0])
    assert half == pytest.approx(saved.voxels, rel=0.1)
    nothing = Transform(rotation=Quaternion(x=0.0, y=0.0, z=0.0, w=0.0))
    refused = robot.request(LoadMap, "mapping/load_map", name="room", merge=True, transform=nothing)
    assert "quaternion" in refused.message
    assert "running map stays" in refused.message
    robot.see()
    wait_for(lambda: integrated(mapping) == 2)
    assert len(mapping.live_map) == pytest.approx(merged.voxels, rel=0.02)


@pytest.mark.parametrize(("frame_id", "z"), [("map", WALL), ("", WALL), ("gripper", WALL - 1.0)])
def test_a_region_is_forgotten_until_it_is_seen_again(start, frame_id, z):
    robot, mapping, _ = start()
    robot.stand("gripper", position=(0.0, 0.0, 1.0))
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    before = len(mapping.live_map)
    cleared = robot.request(ClearRegion, "mapping/clear_region", **region(z=z, frame_id=frame_id))
    assert cleared.success, cleared.message
    assert 100 < cleared.voxels == before - len(mapping.live_map)
    left = mapping.live_map.snapshot().xyz
    assert not ((left[:, :2].abs() < 0.45).all(dim=1)).any()
    assert robot.ask("red").status == RESPONSE.NOT_FOUND
    robot.see()
    wait_for(lambda: integrated(mapping) == 2)
    assert mapping.live_map.snapshot().has_features.all()
    wait_for(lambda: robot.ask("red").status == RESPONSE.FOUND)


def test_a_turned_region_is_turned(start):
    robot, mapping, _ = start()
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    eighth = Quaternion(z=float(np.sin(np.pi / 8)), w=float(np.cos(np.pi / 8)))
    assert robot.request(ClearRegion, "mapping/clear_region", **region(orientation=eighth)).success
    x, y = mapping.live_map.snapshot().xyz[:, :2].T
    assert not ((x + y).abs() / 2**0.5 < 0.45).logical_and((x - y).abs() / 2**0.5 < 0.45).any()
    assert ((x.abs() < 0.45) & (y.abs() < 0.45)).any()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (region(size=(0.0, 1.0, 1.0)), "size"),
        (region(size=(1.0, float("nan"), 1.0)), "size"),
        (region(x=float("inf")), "finite"),
        (region(orientation=Quaternion(x=0.0, y=0.0, z=0.0, w=0.0)), "quaternion"),
        (region(frame_id="gripper"), "gripper"),
    ],
)
def test_regions_that_are_none_are_refused(start, fields, named):
    robot, mapping, _ = start()
    robot.see()
    wait_for(lambda: integrated(mapping) == 1)
    before = len(mapping.live_map)
    refused = robot.request(ClearRegion, "mapping/clear_region", **fields)
    assert not refused.success
    assert named in refused.message
    assert "running map stays" in refused.message
    assert len(mapping.live_map) == before


def test_the_map_is_published_as_a_cloud(start):
    robot, mapping, _ = start()
    cloud = Listener(robot, PointCloud2, "mapping/map_points")
    robot.see()
    found = cloud.newest()
    assert found.header.frame_id == "map"
    assert [field.name for field in found.fields] == ["x", "y", "z", "rgb"]
    assert found.width == len(mapping.live_map)
    robot.request(Trigger, "mapping/clear_map")
    cloud.newest(lambda message: message.width == 0)
