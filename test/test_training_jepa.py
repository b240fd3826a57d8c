"""3D-JEPA: what is hidden, what the encoders see, and the figures that watch for collapse."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from locate3d_ros.model.encoder import Encoder3DJepa
from locate3d_ros.model.serialization import bit_depth, curve_codes
from locate3d_ros.training.config import JepaConfig
from locate3d_ros.training.jepa import JepaBatch, JepaModule, JepaScene
from locate3d_ros.training.masking import hidden_voxels, run_of_curve
from locate3d_ros.training.monitors import effective_rank, feature_spread
from locate3d_ros.training.predictor import first_places, rotary_angles, rotate
from locate3d_ros.training.presets import SMOKE, SMOKE_MODEL
from locate3d_ros.training.toy_scenes import ToySource

KINDS = ("run", "random", "block", "radius")


@pytest.fixture(scope="module")
def voxels():
    return ToySource(1).voxels("toy0-000")


@pytest.fixture
def module():
    torch.manual_seed(0)
    return JepaModule(Encoder3DJepa(SMOKE_MODEL.encoder), SMOKE.jepa).eval()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("share", "count"), [(0.08, 1), (0.08, 4), (0.3, 2)])
def test_masks_hide_their_share(voxels, kind, share, count):
    config = JepaConfig(mask=kind, mask_share=share, mask_count=count)
    hidden = hidden_voxels(voxels.cells, config, torch.Generator().manual_seed(1))
    size = round(share * len(voxels))
    assert size <= int(hidden.sum()) <= min(count * size, 0.9 * len(voxels))
    assert count > 1 or int(hidden.sum()) == size


def test_masks_differ_and_come_again_with_their_seed(voxels):
    config = JepaConfig()
    first, again, other = (hidden_voxels(voxels.cells, config, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_some_context_always_stays(voxels):
    config = JepaConfig(mask="random", mask_share=0.8, mask_count=20)
    assert 0 < int(hidden_voxels(voxels.cells, config, torch.Generator().manual_seed(1)).sum()) <= 0.9 * len(voxels)
    two = torch.tensor([[0, 0, 0], [1, 0, 0]])
    assert int(hidden_voxels(two, config, torch.Generator()).sum()) == 1
    with pytest.raises(ValueError, match="1 voxels"):
        hidden_voxels(two[:1], config, torch.Generator())


def test_run_is_contiguous_on_one_curve(voxels):
    rows = run_of_curve(voxels.cells - voxels.cells.amin(dim=0), 50, torch.Generator().manual_seed(4))
    cells = voxels.cells - voxels.cells.amin(dim=0)
    codes = curve_codes(cells, ("z", "z-trans", "hilbert", "hilbert-trans"), bit_depth(cells))
    places = codes.argsort(dim=1).argsort(dim=1)[:, rows]
    assert any(int(each.max() - each.min()) == 49 for each in places)


@pytest.mark.parametrize(("kind", "spread"), [("block", 0.6), ("radius", 0.6), ("random", 10)])
def test_blocks_and_balls_are_compact(voxels, kind, spread):
    config = JepaConfig(mask=kind, mask_share=0.02, mask_count=1)
    own = voxels.xyz[hidden_voxels(voxels.cells, config, torch.Generator().manual_seed(2))]
    extent = float((own.amax(dim=0) - own.amin(dim=0)).max())
    assert extent <= spread
    assert kind != "random" or extent > 1


def test_prediction_does_not_see_what_is_hidden(voxels, module):
    hidden = hidden_voxels(voxels.cells, SMOKE.jepa, torch.Generator().manual_seed(3))
    changed = voxels.features.clone()
    changed[hidden] += 5.0
    target = module.target_features(voxels)
    before = module.scene_loss(JepaScene(voxels, hidden), target)
    after = module.scene_loss(JepaScene(replace(voxels, features=changed), hidden), target)
    torch.testing.assert_close(before, after, atol=0, rtol=0)
    seen = voxels.features.clone()
    seen[~hidden] += 5.0
    assert not torch.equal(module.scene_loss(JepaScene(replace(voxels, features=seen), hidden), target), before)


def test_target_encoder_follows_and_is_not_trained(voxels, module):
    hidden = hidden_voxels(voxels.cells, SMOKE.jepa, torch.Generator().manual_seed(3))
    loss, figures = module(JepaBatch((JepaScene(voxels, hidden),), ("toy",)), 1.0)
    loss.backward()
    assert all(p.grad is None for p in module.target.parameters())
    assert any(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in module.encoder.parameters())
    assert set(figures) == {"feature_std", "effective_rank"}
    own, before = next(module.encoder.parameters()), next(module.target.parameters()).clone()
    with torch.no_grad():
        own += 1
    module.follow(0.75)
    torch.testing.assert_close(next(module.target.parameters()), before + 0.25)


def test_rotary_products_depend_on_differences_of_places_alone():
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 24, generator=generator, dtype=torch.float64)
    places = torch.randn(2, 1, 3, generator=generator, dtype=torch.float64)
    shift = torch.tensor([[3.0, -2.0, 1.0]], dtype=torch.float64)
    dots = [
        (rotate(q, rotary_angles(places[0] + s, 24)) * rotate(k, rotary_angles(places[1] + s, 24))).sum()
        for s in (0 * shift, shift)
    ]
    torch.testing.assert_close(dots[0], dots[1])
    assert not torch.allclose(dots[0], (q * k).sum())


def test_every_row_is_taken_from_its_first_window():
    assert first_places(torch.tensor([2, 0, 1, 0, 1]), 3).tolist() == [1, 2, 0]
    assert first_places(torch.tensor([1, 0]), 2).tolist() == [1, 0]


def test_monitors_fall_when_features_collapse():
    generator = torch.Generator().manual_seed(0)
    rich = torch.randn(4000, 16, generator=generator)
    flat = torch.ones(4000, 16)
    line = torch.randn(4000, 1, generator=generator) * torch.ones(1, 16)
    assert float(feature_spread(rich)) == pytest.approx(1, abs=0.05)
    assert float(feature_spread(flat)) == pytest.approx(0, abs=1e-5)
    assert float(effective_rank(rich)) == pytest.approx(16, rel=0.02)
    assert float(effective_rank(line)) == pytest.approx(1, abs=0.01)
    assert math.isfinite(float(effective_rank(flat)))
