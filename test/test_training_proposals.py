"""Training the proposal decoder: its targets, its terms, and whole runs on measured scenes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from training_runs import WIDTH, ran, weights, write_measured

from locate3d_ros.build import build_localizer
from locate3d_ros.config import Config
from locate3d_ros.data.annotations import GroundedExpression, Span
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.scene_cache import cached_path
from locate3d_ros.localization.proposal_localizer import ProposalLocalizer
from locate3d_ros.model.proposal_checkpoint import load_proposal_checkpoint
from locate3d_ros.model.proposal_config import ProposalDecoderConfig
from locate3d_ros.model.proposal_decoder import OUTSIDE, ProposalDecoder
from locate3d_ros.training.config import DataConfig, TrainingConfig, ValidationConfig
from locate3d_ros.training.presets import TINY, for_proposals
from locate3d_ros.training.proposal_module import ProposalModule, choice_term, corner_term, share_term
from locate3d_ros.training.proposal_scenes import FOLDER, MeasuredSource, ProposalTruth, read_measures
from locate3d_ros.training.proposal_targets import ProposalTargets, targets_of
from locate3d_ros.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    return write_measured(tmp_path_factory.mktemp("data") / "homes", "train", "val")


@pytest.fixture
def config(dataset) -> TrainingConfig:
    config = for_proposals(TINY)
    schedule = replace(config.schedule, epochs=60, warmup_steps=5, ema=0.9)
    run = replace(config.run, device="cpu", threads=1, log_every=1)
    return replace(config, data=DataConfig(data=(str(dataset),), batch=2, sentences=3), schedule=schedule, run=run)


def lines_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_learns_which_crate_is_meant_and_that_one_is_missing(config, dataset, tmp_path):
    validation = ValidationConfig((str(dataset),), validate_every=60)
    ran("proposals", replace(config, validation=validation), tmp_path, 60)
    lines = lines_of(tmp_path)
    assert lines[-1]["loss"] < 0.5 * lines[0]["loss"]
    assert lines[-1]["val_acc25"] == 1.0
    assert lines[-1]["val_auroc"] > 0.9
    assert load_proposal_checkpoint(tmp_path).trained_on.slots == (("image", WIDTH),)


def test_a_run_with_rooms_makes_a_decoder_that_knows_them(config, tmp_path):
    told = replace(config, proposals=replace(config.proposals, rooms=True))
    before = weights(ran("proposals", told, tmp_path / "one", 1))
    after = weights(ran("proposals", told, tmp_path / "two", 4))
    decoder = load_proposal_checkpoint(tmp_path / "two").decoder
    assert decoder.config.rooms
    for name in ("telling", "kind.0", "told", "attended", "query", "key"):
        assert not torch.equal(before[f"decoder.rooms.{name}.weight"], after[f"decoder.rooms.{name}.weight"]), name


def test_a_run_goes_on_to_the_bit_where_it_was_cut_off(config, tmp_path):
    whole = ran("proposals", config, tmp_path / "whole", 4)
    ran("proposals", config, tmp_path / "parts", 2)
    again = ran("proposals", RunFolder(tmp_path / "parts").config()[1], tmp_path / "parts", 4, resumed=True)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[name]), name


def test_trained_folder_is_loaded_as_what_chooses_among_proposals(config, tmp_path):
    ran("proposals", config, tmp_path, 1)
    localizer = build_localizer(Config(model=str(tmp_path)), torch.device("cpu"))
    assert isinstance(localizer, ProposalLocalizer)


def test_training_begins_with_the_weights_of_initial(config, tmp_path):
    before = weights(ran("proposals", config, tmp_path / "first", 2))
    slow = replace(config, schedule=replace(config.schedule, learning_rate=1e-9))
    second = replace(slow, run=replace(slow.run, initial=str(tmp_path / "first")))
    after = weights(ran("proposals", second, tmp_path / "second", 1))
    averaged = load_proposal_checkpoint(tmp_path / "first").decoder.state_dict()
    for name, tensor in averaged.items():
        torch.testing.assert_close(after[f"decoder.{name}"], tensor, rtol=1e-4, atol=1e-4)
    assert not torch.equal(before["decoder.prior.weight"], after["decoder.prior.weight"])


def test_training_chooses_among_fewer_proposals_than_it_is_asked_about_later(dataset, config):
    decoder = ProposalDecoder(ProposalDecoderConfig(feature_dim=WIDTH))
    sample = MeasuredSource(dataset, "train").scene("a")
    few, all_of_them = (
        len(ProposalModule(decoder, replace(config.proposals, chosen_among=count))._looked_at(sample))
        for count in (3, 192)
    )
    assert few <= 3 + len(sample.truth.ids) < all_of_them
    with pytest.raises(InputError, match="chosen_among"):
        replace(config.proposals, chosen_among=0)


def test_data_that_is_missing_is_named(config, dataset, tmp_path):
    with pytest.raises(InputError, match="--data"):
        ran("proposals", replace(config, data=DataConfig()), tmp_path, 1)
    with pytest.raises(InputError, match="split"):
        MeasuredSource(dataset, "nosuchsplit")


def test_damaged_measures_are_refused_with_their_file(dataset, tmp_path):
    good = cached_path(dataset / "cache" / "flat" / FOLDER, "a")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(good.read_bytes()[:200])
    with pytest.raises(InputError, match="broken.safetensors"):
        read_measures(broken)
    kept = read_measures(good)
    assert kept.viewpoint is None
    assert kept.features.shape == (24, WIDTH)


def test_measures_of_another_width_are_refused_with_the_mend(dataset, tmp_path):
    tensors = load_file(cached_path(dataset / "cache" / "flat" / FOLDER, "a"))
    tensors["shape"] = tensors["shape"][:, :-1].contiguous()
    save_file(tensors, tmp_path / "narrow.safetensors")
    with pytest.raises(InputError, match=r"narrow.safetensors: measured by another version; remove its folder"):
        read_measures(tmp_path / "narrow.safetensors")


def test_measures_of_an_earlier_form_are_refused_with_the_mend(dataset, tmp_path):
    tensors = load_file(cached_path(dataset / "cache" / "flat" / FOLDER, "a"))
    del tensors["points"]
    save_file(tensors, tmp_path / "early.safetensors")
    with pytest.raises(InputError, match=r"early.safetensors: not readable .*points.*remove it, and it is made again"):
        read_measures(tmp_path / "early.safetensors")


TEXT = "the mug on the desk"
OFFSETS = ((0, 0), (0, 3), (4, 7), (8, 10), (11, 14), (15, 19), (0, 0))


def test_targets_say_what_each_word_and_each_part_means():
    truth = ProposalTruth(
        (3, 5), ("mug", "desk"), torch.tensor([[0.0] * 3 + [1.0] * 3, [2.0] * 3 + [4.0] * 3]), None, None
    )
    overlaps = torch.tensor([[0.9, 0.0], [0.3, 0.0], [0.0, 0.6]])
    said = GroundedExpression(TEXT, tuple(TEXT.split()), (Span((1,), (3,)), Span((4,), (5,))), (3,), "s", "relation")
    targets = targets_of([said], [OFFSETS], truth, overlaps)
    assert targets.parts[0].tolist() == [OUTSIDE, OUTSIDE, 0, OUTSIDE, OUTSIDE, 1, OUTSIDE]
    torch.testing.assert_close(targets.places[0, 0], overlaps[:, 0])
    torch.testing.assert_close(targets.places[1, 0], overlaps[:, 1])
    assert not targets.places[2].any()
    assert targets.words[0, :, 2].tolist() == [1.0, 0.0, 0.0]
    assert targets.words[0, :, 5].tolist() == [0.0, 0.0, 1.0]
    assert targets.boxes[0].tolist() == [0.0] * 3 + [1.0] * 3
    assert targets.absent.tolist() == [False]


def test_targets_of_an_absent_thing_name_nothing():
    truth = ProposalTruth((5,), ("desk",), torch.tensor([[2.0] * 3 + [4.0] * 3]), None, None)
    said = GroundedExpression(TEXT, tuple(TEXT.split()), (), (), "s", "absent")
    targets = targets_of([said], [OFFSETS], truth, torch.tensor([[0.6]]))
    assert targets.absent.tolist() == [True]
    assert not targets.places.any()
    assert not targets.words.any()


def test_choice_is_least_where_only_absent_things_leave_every_logit_below_none():
    places = torch.zeros(3, 2, 2)
    places[0, 0, 1] = 0.9
    targets = ProposalTargets(
        places, torch.zeros(2, 1), torch.zeros(2, 2, 1), torch.tensor([False, True]), torch.zeros(2, 6)
    )
    best = choice_term(torch.tensor([[-9.0, 9.0], [-9.0, -9.0]]), targets)
    assert best < 0.01
    for worse in ([[-9.0, -9.0], [-9.0, -9.0]], [[9.0, -9.0], [-9.0, -9.0]], [[-9.0, 9.0], [-9.0, 9.0]]):
        assert choice_term(torch.tensor(worse), targets) > 1.0


def test_share_term_is_least_where_the_choice_follows_the_overlaps():
    overlaps = torch.tensor([[0.8, 0.4, 0.1]])
    best = torch.tensor([[0.8**2, 0.4**2, 1e-9]]).log()
    assert share_term(best, overlaps) < share_term(torch.zeros(1, 3), overlaps)
    assert share_term(best, overlaps) < share_term(best.flip(1), overlaps)
    assert share_term(torch.randn(1, 3), torch.full((1, 3), 0.2)) == 0.0


def test_corner_term_looks_at_proposals_on_the_target_alone():
    targets = ProposalTargets(
        torch.tensor([[[0.9, 0.1]]]), torch.zeros(1, 1), torch.zeros(1, 2, 1), torch.tensor([False]),
        torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]),
    )  # fmt: skip
    near = torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0, 1.2], [5.0] * 6])
    far = torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0, 1.2], [9.0] * 6])
    assert corner_term(near, targets) == corner_term(far, targets) > 0
    assert corner_term(near[:, :6] - torch.tensor([0, 0, 0, 0, 0, 0.2]), targets) < corner_term(near, targets)
