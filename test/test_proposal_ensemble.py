from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from locate3d_ros.errors import InputError
from locate3d_ros.model.checkpoint import TrainedOn
from locate3d_ros.model.proposal_checkpoint import load_proposal_checkpoint, save_proposal_checkpoint
from locate3d_ros.model.proposal_config import ProposalDecoderConfig
from locate3d_ros.model.proposal_decoder import ProposalDecoder
from locate3d_ros.model.proposal_embedding import ProposalInput
from locate3d_ros.model.proposal_ensemble import ProposalEnsemble
from locate3d_ros.model.proposal_reader import padded
from locate3d_ros.training.config import RunConfig, TrainingConfig
from locate3d_ros.training.proposal_task import starting_decoder

CONFIG = ProposalDecoderConfig(feature_dim=8, meaning_dim=12, text_dim=16, width=32, proposals=5)
COUNT = 7
TRAINED_ON = TrainedOn((("image", 8),), "0" * 64)


def decoder_of(seed: int, rooms: bool = False) -> ProposalDecoder:
    torch.manual_seed(seed)
    return ProposalDecoder(replace(CONFIG, rooms=rooms)).eval()


def said_by(decoder):
    generator = torch.Generator().manual_seed(9)
    widths = (CONFIG.feature_dim, CONFIG.meaning_dim, CONFIG.shape_dim)
    measures = [torch.randn(COUNT, width, generator=generator) for width in widths]
    proposals = ProposalInput(*measures, torch.randn(COUNT, 6, 9, generator=generator))
    pairs = torch.randn(COUNT, COUNT, CONFIG.pair_dim + 1, generator=generator)
    sentences = padded([torch.randn(length, CONFIG.text_dim, generator=generator) for length in (4, 6)])
    with torch.no_grad():
        tokens = decoder.encode(decoder.embed(proposals), pairs)
        return decoder.things(decoder.embed(proposals)), tokens.box_shift, decoder(tokens, *sentences)


def test_ensemble_of_one_twice_says_what_the_one_says():
    one = decoder_of(0)
    for single, double in zip(said_by(one)[:2], said_by(ProposalEnsemble([one, one]))[:2], strict=True):
        torch.testing.assert_close(double, single)
    single, double = said_by(one)[2], said_by(ProposalEnsemble([one, one]))[2]
    torch.testing.assert_close(double.choice, single.choice.log_softmax(dim=1))
    for name in ("absent", "words", "parts", "places"):
        torch.testing.assert_close(getattr(double, name), getattr(single, name))


def test_choice_is_the_mean_of_the_members_probabilities():
    members = [decoder_of(0), decoder_of(1), decoder_of(2, rooms=True)]
    alone = torch.stack([said_by(member)[2].choice.softmax(dim=1) for member in members])
    torch.testing.assert_close(said_by(ProposalEnsemble(members))[2].choice.exp(), alone.mean(dim=0))


def test_ensemble_reads_rooms_where_a_member_does():
    assert ProposalEnsemble([decoder_of(0), decoder_of(1, rooms=True)]).config.rooms
    assert not ProposalEnsemble([decoder_of(0), decoder_of(1)]).config.rooms


def test_doubt_is_added_to_what_all_say():
    ensemble = ProposalEnsemble([decoder_of(0), decoder_of(1)])
    before = said_by(ensemble)[2].absent
    ensemble.doubt(1.5)
    torch.testing.assert_close(said_by(ensemble)[2].absent, before + 1.5)


def test_ensemble_is_loaded_as_it_was_saved(tmp_path):
    ensemble = ProposalEnsemble([decoder_of(0), decoder_of(1, rooms=True)])
    save_proposal_checkpoint(tmp_path / "two", ensemble, TRAINED_ON)
    loaded = load_proposal_checkpoint(tmp_path / "two")
    assert isinstance(loaded.decoder, ProposalEnsemble)
    torch.testing.assert_close(said_by(loaded.decoder)[2].choice, said_by(ensemble)[2].choice, atol=0.02, rtol=0.02)


def test_training_does_not_go_on_with_an_ensemble(tmp_path):
    save_proposal_checkpoint(tmp_path / "two", ProposalEnsemble([decoder_of(0), decoder_of(1)]), TRAINED_ON)
    config = TrainingConfig(run=RunConfig(initial=str(tmp_path / "two")))
    with pytest.raises(InputError, match="two: holds several decoders; start from the folder of one"):
        starting_decoder(config, TRAINED_ON, [])
