"""Furniture made from numbers stands on its foot, has the size of such things, and another form for another seed."""

import numpy as np
import pytest

from locate3d_ros.data.synthetic.made.kinds import KINDS, mesh_of
from locate3d_ros.data.synthetic.mesh import corner_normals
from locate3d_ros.data.synthetic.painting import PALETTE

ROLES = {"low", "bedside", "counter", "tall", "floor", "chair", "armchair", "sofa", "bed", "dining", "coffee", "desk"}
SMALL = {"top": (0.05, 0.65), "tv": (0.6, 1.4)}  # role -> longest side in metres; of the others 0.25 to 2.3


@pytest.mark.parametrize("key", KINDS)
def test_every_kind_stands_on_its_foot_and_has_the_size_of_such_things(key):
    kind = KINDS[key]
    assert kind.role in ROLES | set(SMALL)
    assert set(kind.colours) <= set(PALETTE)
    low, high = SMALL.get(kind.role, (0.25, 2.3))
    for seed in range(6):
        mesh = mesh_of(key, "", seed)
        np.testing.assert_allclose(mesh.low[2], 0.0, atol=1e-9)
        np.testing.assert_allclose((mesh.low + mesh.high)[:2], 0.0, atol=1e-9)
        assert low < float((mesh.high - mesh.low).max()) < high
        assert len(mesh.triangles) < 8000
        assert np.isfinite(corner_normals(mesh)).all()


@pytest.mark.parametrize("key", KINDS)
def test_a_seed_gives_one_form_and_another_seed_another(key):
    first, again, other = (mesh_of(key, "", seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.vertices, again.vertices)
    assert first.vertices.shape != other.vertices.shape or not np.allclose(first.vertices, other.vertices)


@pytest.mark.parametrize("key", [key for key, kind in KINDS.items() if len(kind.colours) > 5])
def test_the_colour_that_is_said_is_seen(key):
    """Of a thing that may be red or blue the red one is redder."""
    red, blue = (_mean_colour(mesh_of(key, colour, 3)) for colour in ("red", "blue"))
    assert red[0] - red[2] > blue[0] - blue[2] + 0.05


def _mean_colour(mesh):
    """Return the colour [3] of a mesh, weighted by area."""
    corners = mesh.vertices[mesh.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    colours = [
        np.asarray(m.colour) if m.texture is None else m.texture.reshape(-1, 3).mean(axis=0) / 255.0
        for m in mesh.materials
    ]
    return np.average(np.stack(colours)[mesh.material], axis=0, weights=area)
