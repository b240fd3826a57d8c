"""The nodes' parts without topics: pairing, queues, the scene cache, the request desk, names of map files."""

import os
import threading
import time

import pytest
import torch
from fakes import FakeExtractor, FakeLocalizer
from robot import wait_for

from locate3d_ros.config import MappingConfig
from locate3d_ros.errors import InputError
from locate3d_ros.geometry.transforms import matrix_from_quaternion
from locate3d_ros.mapping.anchored_map import AnchoredMap
from locate3d_ros.mapping.voxel_map import VoxelFeatureMap
from locate3d_ros.nodes.clouds import quaternion_of
from locate3d_ros.nodes.live_map import LiveMap
from locate3d_ros.nodes.map_directory import MapDirectory
from locate3d_ros.nodes.requests import MAX_PENDING, MAX_TEXT, Request, RequestDesk
from locate3d_ros.nodes.scene_cache import SceneCache
from locate3d_ros.nodes.synchronizer import Synchronizer
from locate3d_ros.nodes.worker import Worker
from locate3d_ros.types import Frame, Intrinsics, LocalizeOptions, Status

MS = 1_000_000
OPTIONS = LocalizeOptions(min_score=0.5, max_instances=10)


def red_frame(stamp=1.0):
    rgb = torch.zeros(8, 8, 3, dtype=torch.uint8)
    rgb[..., 0] = 255
    pose = torch.eye(4, dtype=torch.float64)
    return Frame(rgb, torch.full((8, 8), 1.0), Intrinsics(8, 8, 3.5, 3.5, 8, 8), pose, stamp)


@pytest.fixture
def live_map():
    grids = VoxelFeatureMap(MappingConfig(), FakeExtractor(), torch.device("cpu"))
    return LiveMap(AnchoredMap(grids, MappingConfig(), FakeExtractor(), 0.0), "drive around")


class TestSynchronizer:
    def setup_method(self):
        self.given_up = []
        self.pairs = Synchronizer(0.02, 3, lambda stream, count: self.given_up.append((stream, count)))

    def test_pairs_what_is_close_in_either_order(self):
        assert self.pairs.add("rgb", 100 * MS, "c1") is None
        pair = self.pairs.add("depth", 110 * MS, "d1")
        assert (pair.rgb, pair.depth) == ("c1", "d1")
        assert self.pairs.add("depth", 200 * MS, "d2") is None
        pair = self.pairs.add("rgb", 195 * MS, "c2")
        assert (pair.rgb, pair.depth) == ("c2", "d2")
        assert self.given_up == []

    def test_never_pairs_what_is_farther_apart_than_the_slop(self):
        assert self.pairs.add("rgb", 100 * MS, "c1") is None
        assert self.pairs.add("depth", 121 * MS, "d1") is None

    def test_takes_the_closest_and_gives_up_what_came_before(self):
        for stamp in (80, 100, 115):
            self.pairs.add("depth", stamp * MS, f"d{stamp}")
        assert self.pairs.add("rgb", 101 * MS, "c").depth == "d100"
        assert self.given_up == [("depth", 1)]
        assert self.pairs.add("rgb", 116 * MS, "c").depth == "d115"

    def test_each_message_is_used_once(self):
        self.pairs.add("rgb", 100 * MS, "c")
        assert self.pairs.add("depth", 100 * MS, "d") is not None
        assert self.pairs.add("depth", 101 * MS, "d2") is None

    def test_a_stream_without_partner_stays_bounded(self):
        for stamp in range(0, 1000, 100):
            assert self.pairs.add("rgb", stamp * MS, "c") is None
        assert self.given_up == [("rgb", 1)] * 7

    def test_stamps_that_jump_back_are_paired_again(self):
        self.pairs.add("rgb", 5000 * MS, "old")
        self.pairs.add("rgb", 100 * MS, "c")
        assert self.pairs.add("depth", 100 * MS, "d").rgb == "c"


class TestWorker:
    def test_drops_the_oldest_and_says_so(self):
        done, hold = [], threading.Event()
        worker = Worker("test", lambda item: (hold.wait(5), done.append(item)), 2, pytest.fail)
        worker.start()
        worker.put(0)
        wait_for(lambda: worker.depth == 0)
        assert [worker.put(item) for item in (1, 2, 3)] == [0, 0, 1]
        hold.set()
        wait_for(lambda: done == [0, 2, 3])
        worker.stop()

    def test_survives_an_exception(self):
        done, reports = [], []

        def work(item):
            if item == 1:
                raise RuntimeError("bad\nitem")
            done.append(item)

        worker = Worker("test", work, 5, reports.append)
        worker.start()
        for item in (1, 2):
            worker.put(item)
        wait_for(lambda: done == [2])
        worker.stop()
        assert reports == ["RuntimeError: bad item"]


class TestSceneCache:
    def test_an_empty_map_has_no_scene(self, live_map):
        assert SceneCache(live_map, FakeLocalizer(), 0.0, pytest.fail).scene() is None

    def test_a_request_prepares_what_is_not_ready_and_the_next_one_reuses_it(self, live_map):
        prepared = []
        cache = SceneCache(live_map, FakeLocalizer(on_prepare=prepared.append), 60.0, pytest.fail)
        live_map.add(red_frame(), None)
        first = cache.scene()
        live_map.add(red_frame(2.0), None)
        assert cache.scene() is first
        assert len(prepared) == 1

    def test_the_changed_map_is_prepared_in_the_background_not_oftener_than_the_interval(self, live_map):
        times = []
        cache = SceneCache(
            live_map, FakeLocalizer(on_prepare=lambda _: times.append(time.monotonic())), 0.4, pytest.fail
        )
        cache.start()
        for stamp in range(30):
            live_map.add(red_frame(stamp), None)
            time.sleep(0.04)
        wait_for(lambda: cache.ready.revision == live_map.revision)
        cache.stop()
        assert 2 <= len(times) <= 5
        assert min(b - a for a, b in zip(times, times[1:], strict=False)) >= 0.4

    def test_work_in_the_background_yields_to_mapping_once_there_is_an_answer(self, live_map):
        niceness = []
        note = lambda _: niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))  # noqa: E731
        cache = SceneCache(live_map, FakeLocalizer(on_prepare=note), 0.0, pytest.fail)
        cache.start()
        for count in (1, 2):
            live_map.add(red_frame(), None)
            wait_for(lambda: len(niceness) == count)  # noqa: B023 - called within the loop
        cache.stop()
        assert niceness[0] == os.getpriority(os.PRIO_PROCESS, 0)
        assert niceness[1] >= niceness[0]
        assert niceness[1] >= 5

    def test_a_cleared_map_is_not_answered_from_its_past(self, live_map):
        cache = SceneCache(live_map, FakeLocalizer(), 60.0, pytest.fail)
        live_map.add(red_frame(), None)
        assert cache.scene() is not None
        live_map.clear()
        assert cache.scene() is None
        live_map.add(red_frame(), None)
        assert len(cache.scene().snapshot) > 0

    def test_a_failure_in_the_background_is_reported_and_tried_again(self, live_map):
        reports, tries = [], []

        def fail_once(_):
            tries.append(1)
            if len(tries) == 1:
                raise RuntimeError("not today")

        cache = SceneCache(live_map, FakeLocalizer(on_prepare=fail_once), 0.0, reports.append)
        live_map.add(red_frame(), None)
        cache.start()
        wait_for(lambda: cache.ready)
        cache.stop()
        assert "not today" in reports[0]


class TestRequestDesk:
    @pytest.fixture
    def open_desk(self, live_map):
        desks = []

        def open_one(localizer, is_empty=False):
            if not is_empty:
                live_map.add(red_frame(), None)
            reports = []
            cache = SceneCache(live_map, localizer, 60.0, reports.append)
            desk = RequestDesk(cache, localizer, lambda: live_map.hint, reports.append)
            desk.start()
            desks.append(desk)
            return desk, reports

        yield open_one
        for desk in desks:
            desk.stop()

    def test_answers(self, open_desk):
        desk, _ = open_desk(FakeLocalizer())
        answer = desk.ask(Request("the red thing", OPTIONS, 5.0))
        assert answer.localization.status is Status.FOUND
        assert answer.localization.seconds > 0
        assert len(answer.snapshot) > 0

    @pytest.mark.parametrize("text", ["", "   ", "\n", "x" * (MAX_TEXT + 1)])
    def test_refuses_what_is_no_sentence(self, open_desk, text):
        desk, _ = open_desk(FakeLocalizer())
        assert desk.ask(Request(text, OPTIONS, 5.0)).localization.status is Status.BAD_REQUEST

    def test_says_how_an_empty_map_gets_filled(self, open_desk):
        desk, _ = open_desk(FakeLocalizer(), is_empty=True)
        answer = desk.ask(Request("red", OPTIONS, 5.0)).localization
        assert answer.status is Status.MAP_EMPTY
        assert "drive around" in answer.message

    def test_an_exception_becomes_a_status_and_a_report(self, open_desk):
        desk, reports = open_desk(FakeLocalizer(on_answer=lambda _: 1 / 0))
        answer = desk.ask(Request("red", OPTIONS, 5.0)).localization
        assert answer.status is Status.FAILED
        assert "ZeroDivisionError" in answer.message
        assert "red" in reports[0]
        assert desk.pending == 0

    def test_a_slow_answer_is_given_up_in_time_and_the_next_one_comes(self, open_desk):
        desk, _ = open_desk(FakeLocalizer(on_answer=lambda text: time.sleep(0.5) if "slow" in text else None))
        started = time.monotonic()
        answer = desk.ask(Request("slow red", OPTIONS, 0.1)).localization
        assert answer.status is Status.TIMEOUT
        assert time.monotonic() - started < 0.4
        assert desk.ask(Request("red", OPTIONS, 5.0)).localization.status is Status.FOUND

    def test_too_many_at_once_are_told_so_at_once(self, open_desk):
        hold = threading.Event()
        desk, _ = open_desk(FakeLocalizer(on_answer=lambda _: hold.wait(10)))
        statuses = []
        ask = lambda: statuses.append(desk.ask(Request("red", OPTIONS, 5.0)).localization.status)  # noqa: E731
        threads = [threading.Thread(target=ask) for _ in range(MAX_PENDING + 2)]
        for thread in threads:
            thread.start()
        wait_for(lambda: statuses == [Status.BUSY] * 2)
        hold.set()
        for thread in threads:
            thread.join(5)
        assert sorted(statuses) == [Status.FOUND] * MAX_PENDING + [Status.BUSY] * 2
        assert desk.pending == 0


class TestMapDirectory:
    def test_names_resolve_inside_the_folder(self, tmp_path):
        folder = MapDirectory(str(tmp_path / "maps"))
        assert folder.to_save("kitchen", overwrite=False) == tmp_path / "maps" / "kitchen.safetensors"
        assert folder.to_save("floor 2.v1.safetensors", overwrite=False).name == "floor 2.v1.safetensors"

    @pytest.mark.parametrize(
        "name", ["", "../x", "a/b", "/etc/x", "..", ".hidden", "a\0b", "~", "a\\b", "x" * 200, "a/../b"]
    )
    def test_a_name_that_leads_elsewhere_is_refused(self, tmp_path, name):
        folder = MapDirectory(str(tmp_path))
        for use in (lambda: folder.to_save(name, overwrite=True), lambda: folder.to_load(name)):
            with pytest.raises(InputError, match="name"):
                use()

    def test_a_link_out_of_the_folder_is_refused(self, tmp_path):
        (tmp_path / "maps").mkdir()
        (tmp_path / "secret.safetensors").touch()
        (tmp_path / "maps" / "x.safetensors").symlink_to(tmp_path / "secret.safetensors")
        with pytest.raises(InputError, match="leads out"):
            MapDirectory(str(tmp_path / "maps")).to_load("x")

    def test_files_are_overwritten_on_request_only_and_missing_ones_named(self, tmp_path):
        folder = MapDirectory(str(tmp_path))
        (tmp_path / "a.safetensors").touch()
        with pytest.raises(InputError, match="overwrite"):
            folder.to_save("a", overwrite=False)
        assert folder.to_save("a", overwrite=True).name == "a.safetensors"
        with pytest.raises(InputError, match="there are: a"):
            folder.to_load("b")


@pytest.mark.parametrize("xyzw", [(0, 0, 0, 1), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0.5, -0.5, 0.5, 0.5)])
def test_a_rotation_becomes_its_quaternion(xyzw):
    assert quaternion_of(matrix_from_quaternion((0, 0, 0), xyzw)) == pytest.approx(xyzw)
