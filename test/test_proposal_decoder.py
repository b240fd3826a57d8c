from __future__ import annotations

import json

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
    return ProposalInput(*measures), torch.randn(COUNT, COUNT, CONFIG.pair_dim)


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
