"""Furniture libraries are read as their catalogue means them: upright, to size, with colours and licence."""

import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pytest

from locate3d_ros.data.synthetic.furniture import CATALOGUE, INSTALLED_FOLDER, FurnitureLibrary
from locate3d_ros.data.synthetic.mesh import Material, corner_normals, merge
from locate3d_ros.data.synthetic.models import MODELS, TRAINING_MODELS
from locate3d_ros.data.synthetic.painting import PALETTE, painted, repainted
from locate3d_ros.data.synthetic.shapes import box, quad, turned
from locate3d_ros.data.synthetic.variation import PROPORTION, SIZE, varied
from locate3d_ros.errors import InputError

# A slab of 2 x 1 x 4 in the file's axes (y up, z front), with one quad face, one triangle pair and one pane of glass.
SLAB = """mtllib slab.mtl
v 0 0 0
v 2 0 0
v 2 1 0
v 0 1 0
v 0 0 4
v 2 0 4
v 2 1 4
v 0 1 4
vt 0 0
vt 1 0
vt 1 1
usemtl painted
f 1/1 2/2 3/3 4/1
f -4 -3 -2
f -4 -2 -1
usemtl glass
f 1 2 6
"""
MATERIALS = """newmtl painted
Kd 0.5 0.25 1.0
Ks 0.3 0.3 0.3
map_Kd wood.png
newmtl glass
Kd 1 1 1
d 0.1
"""
ENTRIES = """name=Test
name#1=Slab
category#1=Test
model#1=/test/slab/slab.obj
width#1=100
depth#1=50
height#1=30
elevation#1=12
creator#1=Somebody
name#2=Slab on its side
category#2=Test
model#2=/test/side/side.obj
width#2=100
depth#2=30
height#2=50
modelRotation#2=1 0 0 0 0 -1 0 1 0
"""


@pytest.fixture
def library(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    image[..., 2] = 200  # OpenCV's order: red
    path = tmp_path / "test.sh3f"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CATALOGUE, ENTRIES)
        archive.writestr("LICENSE.TXT", "Creative Commons Zero")
        archive.writestr("test/side/LICENSE.html", "see https://creativecommons.org/licenses/by/3.0/")
        for name in ("slab", "side"):
            archive.writestr(f"test/{name}/{name}.obj", SLAB)
            archive.writestr(f"test/{name}/slab.mtl", MATERIALS)
            archive.writestr(f"test/{name}/wood.png", cv2.imencode(".png", image)[1].tobytes())
    return FurnitureLibrary(path)


def test_model_stands_on_the_floor_at_its_catalogue_size(library):
    mesh = library.load("slab")
    np.testing.assert_allclose(mesh.low, [-0.5, -0.25, 0.0], atol=1e-9)
    np.testing.assert_allclose(mesh.high, [0.5, 0.25, 0.3], atol=1e-9)
    assert library.entries["slab"].elevation == pytest.approx(0.12)


def test_front_of_a_model_looks_towards_minus_y(library):
    mesh = library.load("slab")
    front_corner = mesh.vertices[4]  # z = 4 in the file, the front
    assert front_corner[1] == pytest.approx(-0.25)


def test_model_rotation_of_the_catalogue_sets_it_upright(library):
    mesh = library.load("side")
    # y' = -z and z' = y: the file's length of 4 becomes the height.
    np.testing.assert_allclose(mesh.high - mesh.low, [1.0, 0.3, 0.5], atol=1e-9)
    assert mesh.vertices[4][2] == pytest.approx(0.0)
    assert mesh.vertices[0][2] == pytest.approx(0.5)


def test_polygons_become_triangles_and_clear_glass_is_left_out(library):
    mesh = library.load("slab")
    assert len(mesh.triangles) == 4
    assert mesh.triangles[2].tolist() == [4, 5, 6]


def test_texture_and_colours_are_read(library):
    material = library.load("slab").materials[library.load("slab").material[0]]
    assert material.texture is not None
    assert material.texture[0, 0].tolist() == [200, 0, 0]
    assert material.shine == pytest.approx(0.3)


def test_own_licence_of_a_model_wins_over_the_librarys(library):
    assert library.licence("slab") == "CC0-1.0"
    assert library.licence("side") == "CC-BY-3.0"


def test_unknown_model_is_refused_by_name(library):
    with pytest.raises(InputError, match="no model 'sofa'"):
        library.load("sofa")


def test_file_that_is_no_library_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such furniture library"):
        FurnitureLibrary(tmp_path / "missing.sh3f")
    (tmp_path / "text.sh3f").write_text("hello")
    with pytest.raises(InputError, match="not a furniture library"):
        FurnitureLibrary(tmp_path / "text.sh3f")


def test_broken_line_of_a_model_is_named(tmp_path):
    path = tmp_path / "broken.sh3f"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CATALOGUE, ENTRIES)
        archive.writestr("test/slab/slab.obj", "v 0 0\nv one two three\n")
    with pytest.raises(InputError, match="line 2"):
        FurnitureLibrary(path).load("slab")


def test_table_of_models_names_models_that_exist():
    if not INSTALLED_FOLDER.is_dir():
        pytest.skip("furniture libraries not installed (package sweethome3d-furniture)")
    models = (*MODELS, *TRAINING_MODELS)
    assert len({(m.library, m.key) for m in models}) == len(models)
    for library in {m.library for m in models}:
        entries = FurnitureLibrary(INSTALLED_FOLDER / f"{library}.sh3f").entries
        assert {m.key for m in models if m.library == library} <= set(entries)
    assert {m.colour for m in models} <= {*PALETTE, "", "*"}


def test_painting_changes_light_plain_materials_only():
    mesh = merge(
        [box((0, 0, 0), (1, 1, 1), Material((0.8, 0.8, 0.8))), box((0, 0, 1), (1, 1, 2), Material((0.8, 0.1, 0.1)))]
    )
    assert [m.colour for m in painted(mesh, (0.1, 0.2, 0.6)).materials] == [(0.1, 0.2, 0.6), (0.8, 0.1, 0.1)]


def test_repainting_gives_the_largest_surface_a_colour_and_keeps_its_pattern():
    stripes = np.zeros((4, 4, 3), np.uint8)
    stripes[:, ::2], stripes[:, 1::2] = (40, 80, 60), (120, 240, 180)
    large, small = Material((1.0, 1.0, 1.0), stripes), Material((0.8, 0.1, 0.1))
    mesh = repainted(merge([box((0, 0, 0), (2, 2, 2), large), box((0, 0, 2), (1, 1, 3), small)]), (0.3, 0.1, 0.6))
    pattern = mesh.materials[0].texture
    assert (pattern[0, 1] > 2 * pattern[0, 0]).all()
    np.testing.assert_allclose(pattern.mean(axis=(0, 1)) / 255, (0.3, 0.1, 0.6), atol=0.01)
    assert mesh.materials[1] == small


def test_repainting_a_plain_mesh_changes_its_colour():
    assert repainted(box((0, 0, 0), (1, 1, 1), Material((0, 0, 0))), (0.3, 0.1, 0.6)).materials[0].colour == (
        0.3,
        0.1,
        0.6,
    )


def test_stretching_scales_from_the_origin_and_keeps_normals_upright():
    tilted = quad((0, 0, 0), (1, 0, 0), (0, 1, 1), Material((1, 1, 1)))
    mesh = replace(tilted, normals=corner_normals(tilted)).stretched((1.0, 1.0, 3.0))
    np.testing.assert_allclose(mesh.high, [1.0, 1.0, 3.0])
    np.testing.assert_allclose(mesh.normals, corner_normals(replace(mesh, normals=None)), atol=1e-12)


def test_varied_models_differ_from_home_to_home_within_their_limits():
    once, again = (varied(MODELS, np.random.default_rng(seed)) for seed in (1, 2))
    assert once == varied(MODELS, np.random.default_rng(1))
    assert once != again
    limits = (1 - SIZE) * (1 - PROPORTION), (1 + SIZE) * (1 + PROPORTION)
    assert all(limits[0] <= factor <= limits[1] for model in once for factor in model.stretch)
    assert all(model.colour == model.paint for model in once if model.paint)


def test_plants_and_food_keep_their_colours():
    natural = {"plant", "cactus", "bread", "fruit bowl", "flowers", "basketball"}
    drawn = [varied(MODELS, np.random.default_rng(seed)) for seed in range(5)]
    assert not any(model.paint for models in drawn for model in models if model.name in natural)
    assert any(model.paint for models in drawn for model in models if model.name == "sofa")


def test_normals_of_a_box_are_sharp_and_of_a_cylinder_smooth():
    cube = box((0, 0, 0), (2, 1, 0.1), Material((1, 1, 1)))
    assert np.allclose(np.abs(corner_normals(cube)).max(axis=-1), 1.0)
    tube = turned([(1.0, 0.0), (1.0, 1.0)], Material((1, 1, 1)), segments=24)
    corners = tube.vertices[tube.triangles]
    radial = corners * [1.0, 1.0, 0.0]
    np.testing.assert_allclose((corner_normals(tube) * radial).sum(axis=-1), 1.0, atol=1e-3)


def test_moving_turns_about_z_and_then_shifts():
    mesh = quad((1, 0, 0), (1, 0, 0), (0, 0, 1), Material((1, 1, 1))).moved(10.0, 0.0, 0.5, np.pi / 2.0)
    np.testing.assert_allclose(mesh.low, [10.0, 1.0, 0.5], atol=1e-12)
    np.testing.assert_allclose(mesh.high, [10.0, 2.0, 1.5], atol=1e-12)
