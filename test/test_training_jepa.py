"""3D-JEPA: what is hidden, what each encoder sees, and the signs of a collapse."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_runs import toy_sample_source

from locate3d_ros.errors import InputError
from locate3d_ros.model.config import ORDERS
from locate3d_ros.model.encoder import Encoder3DJepa
from locate3d_ros.model.serialization import bit_depth, curve_codes
from locate3d_ros.training.averaging_start import start_averaging, start_near
from locate3d_ros.training.config import JepaConfig
from locate3d_ros.training.jepa import JepaModule, JepaScene
from locate3d_ros.training.masking import ball_of_voxels, block_of_voxels, hidden_voxels, random_voxels, run_of_curve
from locate3d_ros.training.monitors import effective_rank, feature_spread
from locate3d_ros.training.predictor import Predictor, first_places, rotary_angles, rotate
from locate3d_ros.training.presets import SMOKE, SMOKE_MODEL

KINDS = ("run", "random", "block", "radius")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def voxels():
    source = toy_sample_source()
    return source.voxels(next(iter(source.expressions)))


@pytest.fixture(scope="module")
def module():
    torch.manual_seed(0)
    return JepaModule(Encoder3DJepa(SMOKE_MODEL.encoder), SMOKE.jepa)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 1000), share=st.floats(0.01, 0.95), count=st.integers(1, 6), side=st.integers(2, 9))
@settings(max_examples=15, deadline=None)
def test_some_voxels_are_hidden_never_all(kind, seed, share, count, side):
    cells = torch.cartesian_prod(torch.arange(side), torch.arange(side), torch.arange(2)) - 3
    config = JepaConfig(mask=kind, mask_share=share, mask_count=count)
    hidden = hidden_voxels(cells, config, seeded(seed))
    assert 1 <= int(hidden.sum()) < len(cells)
    assert int(hidden.sum()) <= count * max(1, round(share * len(cells)))
    assert torch.equal(hidden, hidden_voxels(cells, config, seeded(seed)))


def test_a_run_is_contiguous_along_one_of_the_curves(voxels):
    cells = voxels.cells - voxels.cells.amin(dim=0)
    rows = run_of_curve(cells, 100, seeded())
    spreads = []
    for codes in curve_codes(cells, ORDERS, bit_depth(cells)):
        places = torch.empty(len(cells), dtype=torch.long)
        places[codes.argsort()] = torch.arange(len(cells))
        spreads.append(int(places[rows].max() - places[rows].min()) + 1)
    assert min(spreads) == 100


def test_block_and_ball_are_the_nearest_voxels_and_random_ones_are_not(voxels):
    cells = voxels.cells
    for mask, norm in ((block_of_voxels, float("inf")), (ball_of_voxels, 2.0)):
        rows = mask(cells, 60, seeded(3))
        middle = cells[int(torch.randint(len(cells), (1,), generator=seeded(3)))]
        away = torch.linalg.vector_norm((cells - middle).float(), ord=norm, dim=1)
        assert float(away[rows].max()) <= float(away.sort().values[60]) + 1e-6
    scattered = random_voxels(cells, 60, seeded(3))
    assert float(cells[scattered].float().std(dim=0)[:2].min()) > float(cells[rows].float().std(dim=0)[:2].max())


def test_a_scene_of_one_voxel_cannot_be_masked():
    with pytest.raises(ValueError, match="nothing would stay"):
        hidden_voxels(torch.zeros(1, 3, dtype=torch.long), JepaConfig(), seeded())


def test_the_context_does_not_see_what_is_hidden_but_the_target_does(module, voxels):
    hidden = hidden_voxels(voxels.cells, JepaConfig(), seeded())
    features = voxels.features.clone()
    features[hidden] *= -1
    changed = replace(voxels, features=features)
    predicted = {}
    module.predictor.register_forward_hook(lambda _, __, output: predicted.setdefault(len(predicted), output))
    for each in (voxels, changed):
        module.scene_loss(JepaScene(each, hidden), module.target_features(each))
    assert torch.equal(predicted[0], predicted[1])
    assert not torch.allclose(module.target_features(voxels), module.target_features(changed), atol=1e-3)


def test_only_context_encoder_and_predictor_learn(module, voxels):
    hidden = hidden_voxels(voxels.cells, JepaConfig(), seeded())
    module.zero_grad()
    module.scene_loss(JepaScene(voxels, hidden), module.target_features(voxels)).backward()
    assert all(p.grad is None for p in module.target.parameters())
    assert all(p.grad is not None for p in module.predictor.parameters())
    assert float(module.encoder.zero_token.grad.abs().sum()) == 0  # no toy voxel lacks features
    assert sum(float(p.grad.abs().sum()) for p in module.encoder.parameters() if p.grad is not None) > 0


def started(encoder: Encoder3DJepa) -> Encoder3DJepa:
    start_averaging(encoder)
    return encoder


def explained(features: torch.Tensor, wanted: torch.Tensor) -> float:
    """Return the share of the variance of `wanted` that the best linear map of the features explains on other rows."""
    features, wanted = features - features.mean(dim=0), wanted - wanted.mean(dim=0)
    fitted, others = slice(0, None, 2), slice(1, None, 2)
    penalised = features[fitted].T @ features[fitted] + torch.eye(features.shape[1])
    weights = torch.linalg.solve(penalised, features[fitted].T @ wanted[fitted])
    return 1 - float((wanted[others] - features[others] @ weights).square().sum() / wanted[others].square().sum())


def test_a_started_encoder_tells_more_of_its_features_than_a_drawn_one(voxels):
    torch.manual_seed(0)
    drawn, averaging = Encoder3DJepa(SMOKE_MODEL.encoder), started(Encoder3DJepa(SMOKE_MODEL.encoder))
    owner = voxels.object_ids.long()
    sums = torch.zeros(int(owner.max()) + 1, voxels.features.shape[1]).index_add(0, owner, voxels.features)
    means = (sums / owner.bincount()[:, None])[owner]
    with torch.inference_mode():
        given = (voxels.xyz, voxels.rgb, voxels.features, voxels.cells)
        assert explained(averaging(*given), means) > 0.7
        assert explained(drawn(*given), means) < 0.5


def test_a_started_encoder_adds_what_is_around_a_voxel(voxels):
    encoder = started(Encoder3DJepa(SMOKE_MODEL.encoder))
    place = int((voxels.cells - voxels.cells.float().mean(dim=0)).square().sum(dim=1).argmin())
    changed = voxels.features.clone()
    changed[place] *= -3
    with torch.inference_mode():
        before, after = (encoder(voxels.xyz, voxels.rgb, each, voxels.cells) for each in (voxels.features, changed))
    moved = (after - before).abs().amax(dim=1)
    away = (voxels.cells - voxels.cells[place]).abs().amax(dim=1)
    assert float(moved[away == 1].min()) > 0.01
    assert float(moved[place]) > float(moved[away == 1].mean()) > float(moved[away > 8].mean())


def test_a_started_encoders_silent_parts_learn(voxels):
    module = JepaModule(started(Encoder3DJepa(SMOKE_MODEL.encoder)), SMOKE.jepa)
    hidden = hidden_voxels(voxels.cells, JepaConfig(), seeded())
    module.scene_loss(JepaScene(voxels, hidden), module.target_features(voxels)).backward()
    named = dict(module.encoder.named_parameters())
    silent = [p for name, p in named.items() if name.endswith(("attn.proj.weight", "fc2.weight"))]
    assert silent
    assert all(not bool(p.any()) and bool(p.grad.any()) for p in silent)


def test_the_target_follows_by_its_decay():
    module = JepaModule(Encoder3DJepa(SMOKE_MODEL.encoder), SMOKE.jepa)
    before = [p.clone() for p in module.target.parameters()]
    with torch.no_grad():
        for parameter in module.encoder.parameters():
            parameter.add_(1.0)
    module.follow(0.75)
    for old, new in zip(before, module.target.parameters(), strict=True):
        assert torch.allclose(new, old + 0.25, atol=1e-6)


def test_rotated_products_depend_on_differences_of_places_alone():
    q, k = torch.randn(2, 18, generator=seeded())
    a, b = torch.tensor([[0.3, -1.0, 2.0]]), torch.tensor([[1.1, 0.4, 0.0]])
    products = [
        float(rotate(q[None], rotary_angles(a + shift, 18)) @ rotate(k[None], rotary_angles(b + shift, 18)).T)
        for shift in (0.0, torch.tensor([[1.7, -0.2, 0.9]]))
    ]
    assert products[0] == pytest.approx(products[1], abs=1e-3)
    assert products[0] != pytest.approx(float(q @ k), abs=1e-2)


def test_the_predictor_answers_for_every_hidden_voxel_by_its_place(voxels):
    torch.manual_seed(0)
    predictor = Predictor(32, JepaConfig(predictor_width=48, predictor_layers=2, predictor_window=100))
    hidden = hidden_voxels(voxels.cells, JepaConfig(), seeded())
    context = torch.randn(int((~hidden).sum()), 32, generator=seeded())
    with torch.no_grad():
        predicted = predictor(context, hidden, voxels.xyz, voxels.cells)
        moved = predictor(context, hidden, voxels.xyz + torch.tensor([3.0, -2.0, 1.0]), voxels.cells + 7)
    assert predicted.shape == (int(hidden.sum()), 32)
    assert float(predicted.std(dim=0).max()) > 0.01  # the same token, told apart by place
    assert torch.allclose(predicted, moved, atol=1e-2)


def test_a_started_predictor_answers_with_what_is_near(voxels):
    torch.manual_seed(0)
    predictor = Predictor(32, JepaConfig(predictor_width=128, predictor_layers=2, predictor_window=len(voxels)))
    start_near(predictor)
    hidden = torch.zeros(len(voxels), dtype=torch.bool)
    hidden[len(voxels) // 2] = True
    away = (voxels.xyz[~hidden] - voxels.xyz[hidden]).norm(dim=1)
    context = torch.randn(len(away), 32, generator=seeded(), requires_grad=True)
    predictor(context, hidden, voxels.xyz, voxels.cells).square().sum().backward()
    pull = context.grad.norm(dim=1)
    near, far = pull[away.topk(10, largest=False).indices], pull[away > away.median()]
    assert float(near.mean()) > 10 * float(far.mean())


def test_first_places_of_rows_that_stand_twice():
    assert first_places(torch.tensor([2, 0, 1, 0, 2]), 3).tolist() == [1, 2, 0]


def test_monitors_fall_when_features_collapse():
    spread = torch.randn(500, 16, generator=seeded())
    line = torch.randn(500, 1, generator=seeded()) * torch.ones(1, 16) + 5
    assert float(feature_spread(spread)) == pytest.approx(1.0, abs=0.05)
    assert float(effective_rank(spread)) == pytest.approx(16, abs=0.5)
    assert float(effective_rank(line)) == pytest.approx(1.0, abs=1e-3)
    same = torch.ones(500, 16)
    assert float(feature_spread(same)) == pytest.approx(0.0, abs=1e-6)
    assert float(effective_rank(same)) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("wrong", [{"mask_share": 0.0}, {"mask_count": 0}, {"predictor_width": 50}])
def test_impossible_masks_are_refused_by_name(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        JepaConfig(**wrong)
