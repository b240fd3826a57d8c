"""Random homes are decided by their seed; in them nothing floats, nothing intersects, and one can walk through."""

import itertools

import numpy as np
import pytest

from locate3d_ros.data.synthetic.furniture import INSTALLED_FOLDER
from locate3d_ros.data.synthetic.home import make_home
from locate3d_ros.data.synthetic.models import MODELS, TRAINING_MODELS, models_of
from locate3d_ros.data.synthetic.options import SceneOptions
from locate3d_ros.data.synthetic.tour import home_tour, make_walk

if not INSTALLED_FOLDER.is_dir():
    pytest.skip("furniture libraries not installed (package sweethome3d-furniture)", allow_module_level=True)
try:
    import open3d  # noqa: F401
except (ImportError, OSError) as error:
    pytest.skip(f"open3d cannot be imported: {error}; install the extra `scenes`", allow_module_level=True)

SEED = [3, 5]
BUILT_IN = {"window", "door", "picture"}


@pytest.fixture(scope="module")
def home():
    return make_home(SEED, "home", SceneOptions(min_rooms=2, max_rooms=2))


def test_same_seed_gives_the_same_home(home):
    again = make_home(SEED, "home", SceneOptions(min_rooms=2, max_rooms=2))
    assert [o.name for o in home.objects] == [o.name for o in again.objects]
    for a, b in zip(home.objects, again.objects, strict=True):
        np.testing.assert_array_equal(a.mesh.vertices, b.mesh.vertices)


def test_things_are_inside_their_room_and_on_something(home):
    rooms = {room.name: room for room in home.rooms}
    objects = {o.id: o for o in home.objects}
    for item in home.objects:
        room = rooms[item.room]
        assert (item.mesh.low > np.array([*room.low, 0.0]) - 1e-6).all(), item.name
        assert (item.mesh.high < np.array([*room.high, room.height]) + 1e-6).all(), item.name
        if item.support:
            below = objects[item.support].mesh
            # A mesh that was made lighter ends some millimetres above what it stands on.
            assert below.low[2] < item.mesh.low[2] <= below.high[2] + 0.005
        elif item.name not in BUILT_IN:
            assert item.mesh.low[2] < 0.01, item.name


def test_boxes_of_things_do_not_overlap(home):
    """But for rugs, which things stand on, and chairs, which are pushed under tables."""
    loose = [o for o in home.objects if o.name != "rug" and "chair" not in o.name]
    for a, b in itertools.combinations(loose, 2):
        apart = np.maximum(a.mesh.low - b.mesh.high, b.mesh.low - a.mesh.high).max()
        assert apart > 0.0 or b.support == a.id, (a.name, b.name)


def test_every_room_can_be_reached_and_the_walk_keeps_off_furniture(home):
    rng = np.random.default_rng(0)
    walk = make_walk(rng, "handheld")
    poses = home_tour(home, 40, walk, rng)
    assert len(poses) == 40
    eyes = np.array([pose[:3, 3] for pose in poses])
    for room in home.rooms:
        assert ((eyes[:, :2] > room.low) & (eyes[:, :2] < room.high)).all(axis=1).any(), room.name
    for item in home.objects:
        if item.mesh.high[2] > 0.1:
            inside = ((eyes > item.mesh.low + 0.05) & (eyes < item.mesh.high - 0.05)).all(axis=1)
            assert not inside.any(), item.name


def test_every_model_has_a_known_licence(home):
    assert {o.licence for o in home.objects} <= {"CC0-1.0", "CC-BY-3.0", "Apache-2.0"}


def test_no_model_of_validation_is_in_training():
    train, val = models_of("train"), models_of("val")
    assert not set(train) & set(val)
    assert set(val) < set(MODELS)
    assert len(train) + len(val) == len(MODELS) + len(TRAINING_MODELS)
    assert {m.role for m in val} >= {"sofa", "bed", "chair", "dining", "tall", "low", "counter", "bath", "top", "floor"}
    assert len(val) > 40
