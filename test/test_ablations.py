"""The ablations in their least form: every arm leaves figures, what is there is not computed again, tables say it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import ablations
from ablation_furniture import coarser, toy_furniture
from ablation_report import COLUMNS, TABLES, interval, tables
from ablation_training import Record
from ablation_world import RoomSource, turned


def call(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    monkeypatch.setattr(sys, "argv", ["ablations.py", "--small", "--seeds", "0", "--data", str(folder)])
    ablations.main()
    return {case["name"]: case["value"] for case in json.loads(capsys.readouterr().out)["cases"]}


def test_every_arm_leaves_figures_and_is_not_computed_twice(tmp_path, monkeypatch, capsys):
    before = torch.get_num_threads()
    found = call(tmp_path, monkeypatch, capsys)
    for arm in ablations.ARMS:
        assert all(0 <= found[f"{arm.name}: {figure}"] <= 1 for figure in COLUMNS)
    for masking in (*ablations.MASKINGS, "not pretrained"):
        assert 0 <= found[f"probe: {masking}: recall"] <= 1
    written = (tmp_path / "records.jsonl").read_text()
    gradients = {json.loads(line)["arm"]: json.loads(line)["curve"] for line in written.splitlines()}
    assert gradients["boxes alone"][-1]["gradient_mask_head"] == 0 < gradients["joint"][-1]["gradient_mask_head"]
    assert gradients["masks alone"][-1]["gradient_box_head"] == 0 < gradients["joint"][-1]["gradient_box_head"]
    assert gradients["frozen"][-1]["gradient_encoder"] == 0 < gradients["naive"][-1]["gradient_encoder"]
    for table in TABLES:
        assert table.title in (tmp_path / "tables.md").read_text()
    (tmp_path / "records.jsonl").write_text(written + '{"arm": "joint", "se')  # as an interruption leaves it
    assert call(tmp_path, monkeypatch, capsys) == found
    torch.set_num_threads(before)


def test_every_arm_of_a_table_is_computed():
    names = {arm.name for arm in ablations.ARMS}
    assert {arm for table in TABLES for arm in table.arms} == names


def test_things_of_a_room_do_not_touch_and_sentences_name_one_thing():
    rooms = RoomSource(toy_furniture(0), 12, 3, ("fine",))
    for scene_id, said in rooms.expressions.items():
        voxels, boxes = rooms.voxels(scene_id), rooms.boxes(scene_id)
        assert len(torch.unique(voxels.cells, dim=0)) == len(voxels)
        for number, box in boxes.items():
            others = voxels.object_ids.bool() & (voxels.object_ids != number)
            inside = (voxels.xyz[others] > box[:3]).all(dim=1) & (voxels.xyz[others] < box[3:]).all(dim=1)
            assert not bool(inside.any())
        names = list(rooms.things(scene_id).values())
        for expression in said:
            assert names.count(expression.text.removeprefix("the ").split()[-1]) == 1
        assert bool((voxels.features[:, :8] != 0).any())
        assert not bool(voxels.features[:, 8:].any())  # of the scales that were left out


def test_four_quarter_turns_change_nothing():
    block = toy_furniture(0).pieces[5].voxels
    assert torch.allclose(turned(block, 4).xyz, block.xyz, atol=1e-6)
    assert torch.equal(turned(block, 4).cells, block.cells)
    once = turned(block, 1)
    assert torch.equal(torch.floor(once.xyz / once.voxel_size).long(), once.cells)


def test_coarser_voxels_are_the_means_of_what_they_hold():
    fine = toy_furniture(0).pieces[3].voxels
    coarse = coarser(fine)
    assert torch.equal(coarse.cells, fine.cells)
    assert torch.allclose(coarse.xyz, fine.xyz)


def test_an_interval_is_students_over_seeds():
    mean, half = interval([1.0, 2.0, 3.0])
    assert (mean, round(half, 2)) == (2.0, 2.48)  # 4.303 / sqrt(3)


def test_differences_are_taken_seed_by_seed():
    answers = dict.fromkeys(COLUMNS, 0.5)
    records = [
        Record(arm, seed, {**answers, "mask_iou": 0.1 * seed + gain}, [])
        for seed in (0, 1)
        for arm, gain in (("joint", 0.0), ("naive", 0.2))
    ]
    row = next(line for line in tables(records).splitlines() if line.startswith("| naive"))
    assert "+20.0 ± 0.0" in row  # although the seeds differ by 10
