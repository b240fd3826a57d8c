"""What learns when: the schedule against a table, and the average of weights against sums."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from locate3d_ros.errors import InputError
from locate3d_ros.training.averaging import AveragedState
from locate3d_ros.training.config import ScheduleConfig
from locate3d_ros.training.schedule import Schedule

PAPER = Schedule(ScheduleConfig(learning_rate=1e-4, warmup_steps=50, last_rate=0.0), steps_per_epoch=10)
# 400 steps; after the warm-up of 50, half a cosine over 350 steps: (1 + cos(pi * (step - 50) / 350)) / 2.
TABLE = [  # step, decoder's share of its rate, encoder learns
    (0, 1 / 50, False),
    (24, 0.5, False),
    (49, 1.0, False),
    (50, 1.0, False),
    (137, 0.8550, False),
    (169, 0.7409, False),
    (170, 0.7369, True),
    (225, 0.5, True),
    (312, 0.1480, True),
    (399, 0.0000, True),
    (1000, 0.0, True),
]


@pytest.mark.parametrize(("step", "share", "learns"), TABLE)
def test_rates_follow_the_table(step, share, learns):
    rates = PAPER.at(step)
    assert rates.decoder == pytest.approx(1e-4 * share, abs=1e-4 * 2e-4)
    assert rates.encoder == pytest.approx(0.5 * rates.decoder if learns else 0.0)
    assert PAPER.steps == 400


def test_the_encoder_is_frozen_for_17_of_40_epochs_at_first():
    config = ScheduleConfig()
    assert (config.frozen_epochs, config.epochs, config.encoder_rate) == (17, 40, 0.5)


def test_a_schedule_shorter_than_its_warmup_ends_at_the_full_rate():
    short = Schedule(ScheduleConfig(epochs=1, frozen_epochs=0, warmup_steps=500), steps_per_epoch=4)
    assert [short.share(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_the_target_encoder_slows_down_to_a_stop():
    decays = [PAPER.target_decay(0.996, step) for step in (0, 100, 200, 300, 400, 500)]
    assert decays[0] == pytest.approx(0.996)
    assert decays == sorted(decays)
    assert decays[-1] == decays[-2] == 1.0


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"frozen_epochs": 41}, {"ema": 1.0}, {"warmup_steps": -1}])
def test_impossible_schedules_are_refused_by_name(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        ScheduleConfig(**wrong)


def test_the_average_follows_the_weights_and_leaves_them_alone():
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    average = AveragedState(module, decay=0.9)
    expected = 0.0
    for update in range(1, 40):
        with torch.no_grad():
            module.weight.fill_(update)
        average.update(module)
        decay = min(0.9, update / (update + 10))
        expected = decay * expected + (1 - decay) * update
    with average.applied(module):
        assert module.weight.item() == pytest.approx(expected, rel=1e-5)
    assert module.weight.item() == 39
