"""Random rooms are decided by their seed, and nothing in them floats or stands in something else."""

import itertools

import numpy as np
import pytest

from locate3d_ros.data.synthetic.furniture import INSTALLED_FOLDER
from locate3d_ros.data.synthetic.room import make_room
from locate3d_ros.data.synthetic.scene_folder import render_room

if not INSTALLED_FOLDER.is_dir():
    pytest.skip("furniture libraries not installed (package sweethome3d-furniture)", allow_module_level=True)
try:
    import open3d  # noqa: F401
except (ImportError, OSError) as error:
    pytest.skip(f"open3d cannot be imported: {error}; install the extra `scenes`", allow_module_level=True)

SEED = 4  # a room with few, simple models


@pytest.fixture(scope="module")
def room():
    return make_room(SEED)


def test_same_seed_gives_the_same_room(room):
    again = make_room(SEED)
    assert [o.name for o in room.objects] == [o.name for o in again.objects]
    for a, b in zip(room.objects, again.objects, strict=True):
        np.testing.assert_array_equal(a.mesh.vertices, b.mesh.vertices)


def test_things_are_inside_the_room_and_on_something(room):
    for item in room.objects:
        assert (item.mesh.low > -1e-6).all()
        assert (item.mesh.high < np.array([room.width, room.depth, room.height]) + 1e-6).all()
        if item.support:
            below = room.objects[item.support - 1].mesh
            assert below.low[2] < item.mesh.low[2] <= below.high[2] + 0.002
        elif item.name not in ("window", "picture"):
            assert item.mesh.low[2] < 0.01


def test_boxes_of_things_on_the_floor_do_not_overlap(room):
    loose = [o for o in room.objects if o.name not in ("rug", "chair") and not o.support]
    for a, b in itertools.combinations(loose, 2):
        apart = np.maximum(a.mesh.low - b.mesh.high, b.mesh.low - a.mesh.high).max()
        assert apart > 0.0, (a.name, b.name)


def test_every_model_has_a_known_licence(room):
    assert {o.licence for o in room.objects} <= {"CC0-1.0", "CC-BY-3.0", "Apache-2.0"}


def test_rendered_room_is_named_after_its_seed(tmp_path):
    folder = render_room(SEED, tmp_path, frames=2, width=64, height=48)
    assert folder == tmp_path / "scenes" / f"room{SEED:04d}"
    assert len(list((folder / "recording").glob("*.color.jpg"))) == 2
