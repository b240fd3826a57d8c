from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from locate3d_ros.errors import InputError
from locate3d_ros.model.checkpoint import TrainedOn
from locate3d_ros.model.proposal_checkpoint import (
    is_proposal_checkpoint,
    load_proposal_checkpoint,
    save_proposal_checkpoint,
)
from locate3d_ros.model.proposal_config import ProposalDecoderConfig
from locate3d_ros.model.proposal_decoder import PARTS, ProposalDecoder, ProposalInput
from locate3d_ros.model.proposal_reader import padded

CONFIG = ProposalDecoderConfig(feature_dim=8, meaning_dim=12, text_dim=16, width=32, proposals=5)
COUNT = 7
TRAINED_ON = TrainedOn((("image", 8),), "0" * 64)


@pytest.fixture(scope="module")
def decoder() -> ProposalDecoder:
    torch.manual_seed(0)
    return ProposalDecoder(CONFIG).eval()


@pytest.fixture(scope="module")
def scene() -> tuple[ProposalInput, torch.Tensor]:
    torch.manual_seed(1)
    measures = [torch.randn(COUNT, width) for width in (CONFIG.feature_dim, CONFIG.meaning_dim, CONFIG.shape_dim)]
    return ProposalInput(*measures, torch.randn(COUNT, 6, 9)), torch.randn(COUNT, COUNT, CONFIG.pair_dim + 1)


def decoded(decoder, proposals, pairs, sentences):
    with torch.no_grad():
        return decoder(decoder.encode(decoder.embedding(proposals), pairs), *padded(sentences))


def words(*lengths):
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(length, CONFIG.text_dim, generator=generator) for length in lengths]


def test_every_sentence_gets_a_choice_among_the_proposals(decoder, scene):
    said = decoded(decoder, *scene, words(4, 6, 3))
    assert said.choice.shape == (3, COUNT)
    assert said.absent.shape == (3,)
    assert said.words.shape == (3, COUNT, 6)
    assert said.parts.shape == (3, 6, PARTS + 1)
    assert said.places.shape == (PARTS, 3, COUNT)
    assert torch.isfinite(said.choice).all()


def test_order_of_the_proposals_does_not_matter(decoder, scene):
    proposals, pairs = scene
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(3))
    shuffled = decoded(decoder, proposals.rows(order), pairs[order][:, order], words(5))
    plain = decoded(decoder, proposals, pairs, words(5))
    torch.testing.assert_close(shuffled.choice, plain.choice[:, order], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(shuffled.absent, plain.absent, rtol=1e-4, atol=1e-5)


def test_sentence_is_read_alike_beside_a_longer_one(decoder, scene):
    short, long = words(3, 9)
    alone = decoded(decoder, *scene, [short])
    beside = decoded(decoder, *scene, [short, long])
    torch.testing.assert_close(beside.choice[:1], alone.choice, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(beside.absent[:1], alone.absent, rtol=1e-4, atol=1e-5)


def test_how_proposals_lie_changes_the_choice(decoder, scene):
    proposals, pairs = scene
    moved = decoded(decoder, proposals, pairs + 1.0, words(5))
    assert not torch.allclose(moved.choice, decoded(decoder, proposals, pairs, words(5)).choice, atol=1e-4)


def in_rooms(pairs, rooms):
    same = (torch.tensor(rooms)[:, None] == torch.tensor(rooms)).float()
    return torch.cat((pairs[..., :-1], same[..., None]), dim=2)


@pytest.fixture(scope="module")
def room_decoder() -> ProposalDecoder:
    torch.manual_seed(0)
    decoder = ProposalDecoder(replace(CONFIG, rooms=True)).eval()
    for parameter in decoder.rooms.parameters():  # some begin as zeros
        torch.nn.init.normal_(parameter)
    return decoder


def test_a_decoder_that_knows_no_rooms_reads_none(decoder, scene):
    proposals, pairs = scene
    one, two = (decoded(decoder, proposals, in_rooms(pairs, rooms), words(5)) for rooms in ([1] * 7, [1, 2] * 3 + [1]))
    assert torch.equal(one.choice, two.choice)


def test_what_is_in_its_room_changes_how_well_a_proposal_fits(room_decoder, scene):
    proposals, pairs = scene
    one, two = (in_rooms(pairs, rooms) for rooms in ([1] * 7, [1, 1, 1, 1, 2, 2, 2]))
    alike, apart = (decoded(room_decoder, proposals, each, words(5, 3)).choice for each in (one, two))
    assert torch.isfinite(apart).all()
    assert not torch.allclose(alike, apart, atol=1e-4)
    renamed = decoded(room_decoder, proposals, in_rooms(pairs, [9, 9, 9, 9, 3, 3, 3]), words(5, 3))
    assert torch.equal(renamed.choice, apart)


def test_proposals_of_a_room_share_its_vector(room_decoder, scene):
    proposals, pairs = scene
    with torch.no_grad():
        embedded = room_decoder.embedding(proposals)
        rooms = room_decoder.encode(embedded, in_rooms(pairs, [1, 1, 2, 2, 2, 1, 0])).rooms
        score = room_decoder.rooms.score(rooms, torch.randn(2, 4, CONFIG.width), torch.ones(2, 4, dtype=torch.bool))
    torch.testing.assert_close(rooms[[0, 2]], rooms[[5, 4]])
    torch.testing.assert_close(score[:, [0, 2]], score[:, [5, 4]])
    assert not torch.allclose(rooms[0], rooms[2], atol=1e-4)


def test_a_sentence_with_rooms_is_read_alike_beside_a_longer_one(room_decoder, scene):
    short, long = words(3, 9)
    proposals, pairs = scene
    lie = in_rooms(pairs, [1, 2, 1, 2, 1, 2, 1])
    beside, alone = (decoded(room_decoder, proposals, lie, said).choice[0] for said in ([short, long], [short]))
    torch.testing.assert_close(beside, alone, rtol=1e-4, atol=1e-5)


def test_checkpoints_from_before_rooms_are_loaded_without(decoder, tmp_path):
    save_proposal_checkpoint(tmp_path, decoder, TRAINED_ON)
    file = tmp_path / "config.json"
    description = json.loads(file.read_text())
    del description["decoder"]["rooms"]
    file.write_text(json.dumps(description))
    assert load_proposal_checkpoint(tmp_path).decoder.rooms is None


def test_new_decoder_leaves_boxes_where_they_are(decoder, scene):
    proposals, pairs = scene
    assert not decoder.encode(decoder.embedding(proposals), pairs).box_shift.any()


def test_checkpoint_brings_back_the_decoder(decoder, scene, tmp_path):
    save_proposal_checkpoint(tmp_path / "tiny", decoder, TRAINED_ON)
    assert is_proposal_checkpoint(tmp_path / "tiny")
    loaded = load_proposal_checkpoint(tmp_path / "tiny")
    assert (loaded.name, loaded.trained_on, loaded.decoder.config) == ("tiny", TRAINED_ON, CONFIG)
    said, before = (decoded(each, *scene, words(5)).choice for each in (loaded.decoder, decoder))
    torch.testing.assert_close(said, before, rtol=0.02, atol=0.02)  # stored in half precision


def test_other_folders_are_no_proposal_checkpoints(tmp_path):
    assert not is_proposal_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"schema": "locate3d/model@1"}))
    assert not is_proposal_checkpoint(tmp_path)


def damage_config(folder):
    (folder / "config.json").write_text("{")


def damage_size(folder):
    description = json.loads((folder / "config.json").read_text())
    description["decoder"]["width"] = 64
    (folder / "config.json").write_text(json.dumps(description))


def damage_field(folder):
    description = json.loads((folder / "config.json").read_text())
    description["decoder"]["depth"] = 64
    (folder / "config.json").write_text(json.dumps(description))


def damage_keys(folder):
    tensors = load_file(folder / "model.safetensors")
    del tensors["prior.weight"]
    save_file(tensors, folder / "model.safetensors")


def damage_weights(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:100])


@pytest.mark.parametrize("damage", [damage_config, damage_size, damage_field, damage_keys, damage_weights])
def test_damaged_checkpoint_is_refused_in_one_line(decoder, tmp_path, damage):
    save_proposal_checkpoint(tmp_path, decoder, TRAINED_ON)
    damage(tmp_path)
    with pytest.raises(InputError) as fault:
        load_proposal_checkpoint(tmp_path)
    assert str(tmp_path) in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("wrong", [{"width": 30}, {"proposals": 0}])
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(InputError):
        ProposalDecoderConfig(**wrong)


def test_decoder_of_other_measures_is_refused_in_one_line(tmp_path):
    save_proposal_checkpoint(tmp_path / "old", ProposalDecoder(replace(CONFIG, shape_dim=30)), TRAINED_ON)
    with pytest.raises(InputError, match="old: reads 30 measures of a proposal's shape, this version has 31; train it"):
        load_proposal_checkpoint(tmp_path / "old")
