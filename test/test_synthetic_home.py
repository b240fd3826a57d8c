"""Random homes are decided by their seed; in them nothing floats, nothing intersects, and one can walk through."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from locate3d_ros.data.synthetic.furniture import INSTALLED_FOLDER
from locate3d_ros.data.synthetic.home import make_home
from locate3d_ros.data.synthetic.loose_things import ON_FLOORS, ON_SURFACES, ON_WALLS
from locate3d_ros.data.synthetic.models import MODELS, TRAINING_MODELS, models_of
from locate3d_ros.data.synthetic.options import SceneOptions
from locate3d_ros.data.synthetic.painting import PALETTE
from locate3d_ros.data.synthetic.styles import STYLES
from locate3d_ros.data.synthetic.tour import home_tour, make_walk

if not INSTALLED_FOLDER.is_dir():
    pytest.skip("furniture libraries not installed (package sweethome3d-furniture)", allow_module_level=True)
try:
    import open3d  # noqa: F401
except (ImportError, OSError) as error:
    pytest.skip(f"open3d cannot be imported: {error}; install the extra `scenes`", allow_module_level=True)

SEED = [3, 5]
ON_A_WALL = {"window", "door", "picture", *(kind.name for kind in ON_WALLS)}
LOOSE = {kind.name for kind in (*ON_SURFACES, *ON_WALLS, *ON_FLOORS)}
TWO_ROOMS = SceneOptions(min_rooms=2, max_rooms=2)


@pytest.fixture(scope="module", params=[{}, {"clutter": 4.0}, {"made": 8}], ids=["tidy", "cluttered", "made"])
def options(request):
    return replace(TWO_ROOMS, **request.param)


@pytest.fixture(scope="module")
def home(options):
    return make_home(SEED, "home", options)


def test_same_seed_gives_the_same_home(home, options):
    again = make_home(SEED, "home", options)
    assert [o.name for o in home.objects] == [o.name for o in again.objects]
    for a, b in zip(home.objects, again.objects, strict=True):
        np.testing.assert_array_equal(a.mesh.vertices, b.mesh.vertices)


def test_rooms_are_covered_in_the_styles_of_their_split(home):
    covers, styles = [room.surfaces for room in home.rooms], STYLES["train"]
    assert all((each.floor, each.floor_colour) in styles.dry_floors + styles.wet_floors for each in covers)
    assert all(each.wall in styles.walls and each.wall_colour in styles.wall_colours for each in covers)


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
            assert below.low[2] < item.mesh.low[2] <= below.high[2] + 0.01
        elif item.name not in ON_A_WALL:
            assert item.mesh.low[2] < 0.01, item.name
        elif item.name in LOOSE:
            sides = np.stack((item.mesh.low[:2] - room.low, room.high - item.mesh.high[:2]))
            assert np.abs(sides).min() < 1e-6, item.name


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


def test_clutter_is_on_tables_walls_and_floor_and_nowhere_without_being_asked_for():
    tidy, cluttered = (make_home(SEED, "home", replace(TWO_ROOMS, clutter=amount)) for amount in (0.0, 4.0))
    own = [o for o in cluttered.objects if o.name in LOOSE and o.source == "own geometry"]
    assert not [o for o in tidy.objects if o.name in LOOSE and o.source == "own geometry"]
    assert sum(bool(o.support) for o in own) >= 5
    assert {o.name for o in own} & {kind.name for kind in ON_WALLS}
    assert len({o.name for o in own}) >= 8


def test_made_furniture_is_most_of_what_there_is_and_nowhere_without_being_asked_for():
    usual, made = (make_home(SEED, "home", replace(TWO_ROOMS, made=count)) for count in (0, 20))
    assert not [o for o in usual.objects if o.source.startswith("made/")]
    of_models = [o for o in made.objects if o.source != "own geometry"]
    ours = [o for o in of_models if o.source.startswith("made/")]
    assert len(ours) > 0.6 * len(of_models)
    assert {o.licence for o in ours} == {"Apache-2.0"}
    assert len({o.source for o in ours}) > 5


@pytest.mark.parametrize("kind", [*ON_SURFACES, *ON_WALLS, *ON_FLOORS], ids=lambda kind: kind.name)
def test_every_loose_thing_is_of_the_size_of_such_things_and_rests_on_its_foot(kind):
    for seed in range(3):
        mesh = kind.make(np.random.default_rng(seed), PALETTE["blue"])
        extent = mesh.high - mesh.low
        assert abs(float(mesh.low[2])) < 1e-9
        assert 0.03 < float(extent.max()) < 1.2
        assert len(mesh.triangles) < 1500
        assert float(mesh.high[1]) < 1e-9 or kind not in ON_WALLS


def test_every_model_has_a_known_licence(home):
    assert {o.licence for o in home.objects} <= {"CC0-1.0", "CC-BY-3.0", "Apache-2.0"}


def test_no_model_of_validation_is_in_training():
    train, val = models_of("train"), models_of("val")
    assert not set(train) & set(val)
    assert set(val) < set(MODELS)
    assert len(train) + len(val) == len(MODELS) + len(TRAINING_MODELS)
    assert {m.role for m in val} >= {"sofa", "bed", "chair", "dining", "tall", "low", "counter", "bath", "top", "floor"}
    assert len(val) > 40
