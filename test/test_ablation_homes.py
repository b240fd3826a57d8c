"""The ablations on whole homes: rooms, halves of the furniture and of the styles, and their tables."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_runs import WIDTH, write_measured

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import ablation_homes
from ablation_homes_report import FURNITURE, HALF_ARMS, ROOM_ARMS, SHIPPED_ALONE, STYLE_ARMS, TOLD_WHICH, resampled
from ablation_homes_report import Record as HomesRecord
from ablation_homes_report import tables as homes_tables
from ablation_homes_world import HALVES, Half, World, halves, room_figures, room_questions, true_rooms
from ablation_rooms import frozen, scored
from ablation_styles import MIXED, Styles, in_halves

from locate3d_ros.data.scene_folder import SceneRoom
from locate3d_ros.errors import InputError
from locate3d_ros.geometry.boxes import box_iou
from locate3d_ros.model.proposal_checkpoint import load_proposal_checkpoint, save_proposal_checkpoint
from locate3d_ros.model.proposal_config import ProposalDecoderConfig
from locate3d_ros.model.proposal_decoder import ProposalDecoder
from locate3d_ros.model.proposal_ensemble import ProposalEnsemble
from locate3d_ros.model.proposal_rooms import RoomContext
from locate3d_ros.training.proposal_scenes import ProposalSample

STYLES = (("carpet", [0.8, 0.8, 0.8]), ("tiles", [0.9, 0.9, 0.9]))  # of hall and den: floor, colour of the walls


@pytest.fixture(scope="module")
def homes(tmp_path_factory) -> Path:
    """Two homes of two rooms with a crate in each, of different models."""
    folder = write_measured(tmp_path_factory.mktemp("homes") / "homes", "train", "val")
    for name in "ab":
        scene = folder / "scenes" / name
        items = json.loads((scene / "objects.json").read_text())
        for item, room in zip(items, ("hall", "den"), strict=True):
            item |= {"room": room, "model": f"{room} crate", "seen_max": item["box_max"]}
        (scene / "objects.json").write_text(json.dumps(items))
        left, right = ([[0, low], [3, low], [3, low + 1], [0, low + 1]] for low in (0, -1))
        rooms = [{"name": "hall", "polygon": left}, {"name": "den", "polygon": right}]
        (scene / "scene.json").write_text(json.dumps({"id": name, "rooms": rooms}))
    return folder


@pytest.fixture(scope="module")
def styled(homes, tmp_path_factory) -> Path:
    """The same homes with a stool in each room; hall and den are of different styles, and tell so."""
    folder = shutil.copytree(homes, tmp_path_factory.mktemp("styled") / "homes")
    for name in "ab":
        scene = folder / "scenes" / name
        items, about = (json.loads((scene / file).read_text()) for file in ("objects.json", "scene.json"))
        stools = [item | {"id": 20 + item["id"], "category": "stool", "model": "stool"} for item in items]
        (scene / "objects.json").write_text(json.dumps(items + stools))
        for room, (floor, colour) in zip(about["rooms"], STYLES, strict=True):
            colours = {"floor_colour": [0.5, 0.5, 0.5], "wall_colour": colour}
            room["surfaces"] = {"floor": floor, "wall": "plaster", **colours}
        # The den lies around the hall, so that proposals on nothing are in both.
        about["rooms"][1]["polygon"] = [[0, -1], [3, -1], [3, 4], [0, 4]]
        (scene / "scene.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(scope="module")
def initial(homes, tmp_path_factory) -> Path:
    """A decoder for the homes' features."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    decoder = ProposalDecoder(ProposalDecoderConfig(feature_dim=WIDTH))
    save_proposal_checkpoint(folder, decoder, World.of(homes, "train").homes.trained_on)
    return folder


def test_every_arm_on_homes_leaves_figures_and_is_not_computed_twice(styled, initial, tmp_path, monkeypatch, capsys):
    before = torch.get_num_threads()
    places = ["--homes", str(styled), "--held-out", str(styled), "--model", str(initial), "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["ablation_homes.py", "--small", "--seeds", "0", *places])
    found = []
    for _ in range(2):
        ablation_homes.main()
        found.append({case["name"]: case["value"] for case in json.loads(capsys.readouterr().out)["cases"]})
    assert found[0] == found[1]
    told, text = (SHIPPED_ALONE, TOLD_WHICH, *ROOM_ARMS), (tmp_path / "homes.md").read_text()
    assert all(0 <= found[0][f"{arm}: {what}: all"] <= 1 for arm in told for what in ("sentences", "questions"))
    assert all(0 <= found[0][f"{arm}: things: named {half}"] <= 1 for arm in HALF_ARMS for half in HALVES)
    assert all(found[0][f"{arm}: trained on: n homes"] == 1 for arm in STYLE_ARMS)
    rows = (*told, *(f"trained on {arm}" for arm in HALF_ARMS), *FURNITURE)
    assert all(f"| {row} | 1 |" in text for row in rows)
    arms = (*told, *HALF_ARMS, *STYLE_ARMS)
    assert len((tmp_path / "homes.jsonl").read_text().splitlines()) == 1 + len(arms)
    torch.set_num_threads(before)


def test_a_half_sees_nothing_of_the_other(homes):
    world = World.of(homes, "train")
    half = Half(world, {"hall crate": "A", "den crate": "B"}, "A")
    red = next(number for number, model in world.models("a").items() if model == "hall crate")
    sample, full = half.homes(world.homes).scene("a"), world.homes.scene("a")
    assert sample.truth.ids == (red,)
    assert len(full.boxes) - len(sample.boxes) >= 8  # those on the other crate
    assert sample.truth.overlaps.shape == (len(sample.boxes), 1)
    hidden = full.truth.boxes[[place for place, number in enumerate(full.truth.ids) if number != red]]
    assert float(box_iou(sample.boxes_map, hidden).max()) < 0.1


def test_models_are_dealt_into_halves_where_a_name_has_several(homes):
    world = World.of(homes, "train")
    assert sorted(halves(world).values()) == ["A", "B"]
    for name in "ab":
        items = world.objects(name)
        items.update({number: replace(item, category=f"crate {number}") for number, item in items.items()})
    assert halves(world) == {}  # each name has one model


def test_homes_that_do_not_tell_what_covers_their_rooms_are_refused(homes, initial, tmp_path, monkeypatch):
    before = torch.get_num_threads()
    places = ["--homes", str(homes), "--held-out", str(homes), "--model", str(initial), "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["ablation_homes.py", "--small", "--seeds", "0", *places])
    with pytest.raises(InputError, match="has no surfaces of its rooms; generate the homes again"):
        ablation_homes.main()
    assert not (tmp_path / "homes.jsonl").exists()  # before anything is computed
    torch.set_num_threads(before)


def test_a_room_is_of_a_half_where_floor_and_walls_are(styled):
    world = World.of(styled, "train")
    dealt = [Styles.dealt(world, seed).of["a"] for seed in range(16)]
    assert {(rooms["hall"], rooms["den"]) for rooms in dealt} == {("A", "B"), ("B", "A"), (MIXED, MIXED)}


def test_kinds_are_dealt_into_halves_of_one_size_by_chance():
    kinds = {(0.1 * place,) for place in range(8)}
    dealt = [in_halves(kinds, np.random.default_rng(seed)) for seed in (0, 0, 2)]
    assert dealt[0] == dealt[1] != dealt[2]
    assert sorted(dealt[0].values()) == list("AAAABBBB")


def test_rooms_of_a_style_are_all_that_is_left_of_a_home(styled):
    world = World.of(styled, "train")
    styles = Styles(world, {home: {"hall": "A", "den": MIXED} for home in "ab"})
    hall, full = styles.within(world.homes.scene("a"), "A"), world.homes.scene("a")
    assert {world.objects("a")[number].room for number in hall.truth.ids} == {"hall"}
    assert 0 < len(hall.boxes) == int((true_rooms(world.dataset.scene("a").rooms(), full.boxes_map) == 0).sum())
    assert hall.truth.overlaps.shape == (len(hall.boxes), 2)  # a crate and a stool
    assert list(styles.homes(world.homes, "A", least=2).expressions) == ["a", "b"]
    with pytest.raises(InputError, match="no home has 3 things in rooms of styles A"):
        styles.homes(world.homes, "A", least=3)


def test_questions_about_rooms_are_asked_where_the_room_alone_tells_things_apart(homes):
    said = room_questions(World.of(homes, "val")).expressions["a"]
    assert {each.text: each.target_ids[0] for each in said} == {"the crate in the hall": 7, "the crate in the den": 9}


def test_a_head_begins_without_effect_and_sees_rooms_where_its_arm_has_them(homes, initial):
    torch.manual_seed(1)
    world, decoder = World.of(homes, "val"), load_proposal_checkpoint(initial).decoder
    home = frozen(decoder, room_questions(world), world, lambda _: (), 12)[0]
    head = RoomContext(decoder.config).eval()
    assert torch.equal(scored(head, home, "rooms"), home.choice)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    other = replace(home, rooms={**home.rooms, "rooms": torch.arange(len(home.tokens)) % 2})
    assert not torch.allclose(scored(head, home, "rooms"), scored(head, other, "rooms"))
    assert torch.equal(scored(head, home, "no rooms"), scored(head, other, "no rooms"))


def test_of_several_decoders_the_one_without_rooms_is_told_of_them(initial, tmp_path):
    one = load_proposal_checkpoint(initial)
    told = ProposalDecoder(replace(one.decoder.config, rooms=True))
    save_proposal_checkpoint(tmp_path / "two", ProposalEnsemble([told, one.decoder]), one.trained_on)
    assert ablation_homes.told_of_none(tmp_path / "two").rooms is None
    assert ablation_homes.told_of_none(ablation_homes.WITHOUT_ROOMS).rooms is None
    save_proposal_checkpoint(tmp_path / "told", told, one.trained_on)
    with pytest.raises(InputError, match="told: was trained with rooms; give --model one that was not"):
        ablation_homes.told_of_none(tmp_path / "told")


def test_things_belong_to_the_room_that_they_stand_in_or_next_to():
    square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    rooms = [SceneRoom("a", square), SceneRoom("b", square + [2.1, 0.0])]
    boxes = torch.tensor([[x, 0.9, 0, x + 0.2, 1.1, 1] for x in (0.9, 3.0, -5.0, 9.0)])
    assert true_rooms(rooms, boxes).tolist() == [0, 1, 0, 1]


def test_rooms_as_they_are_built_are_found_without_fault(homes):
    world = World.of(homes, "val")

    def built(sample: ProposalSample) -> ProposalSample:
        return replace(sample, rooms=true_rooms(world.dataset.scene(sample.scene_id).rooms(), sample.boxes_map))

    figures = room_figures(replace(world, homes=world.homes.changed(built)))
    assert (figures["exact"], figures["alone"]) == (1.0, 0.0)  # two crates, in two rooms


def test_a_half_is_compared_with_the_other_seed_by_seed():
    records = [
        HomesRecord(f"half {own}", seed, {
            "things": {
                f"named {own}": 0.5 + 0.1 * seed, f"named {other}": 0.3 + 0.1 * seed,
                f"found {own}": 0.8, f"found {other}": 0.4 + 0.1 * seed,
            },
        })
        for seed in (0, 1)
        for own, other in (("A", "B"), ("B", "A"))
    ]  # fmt: skip
    row = next(line for line in homes_tables(records).splitlines() if line.startswith("| mean of both ways"))
    assert "-20.0 ± 0.0" in row  # although the seeds differ by 10


def test_styles_are_compared_seed_by_seed_over_all_pairings():
    def share(arm: str, furniture: str, styles: str, seed: int) -> float:
        half, own = STYLE_ARMS[arm]
        return 0.6 + 0.1 * seed - 0.2 * (furniture not in (half, "neither")) - 0.05 * (styles != own)

    records = [
        HomesRecord(arm, seed, {
            "things": {
                f"{what} {furniture}, styles {styles}": share(arm, furniture, styles, seed)
                for what in ("named", "found") for furniture in ("A", "B", "neither") for styles in HALVES
            },
        })
        for seed in (0, 1)
        for arm in STYLE_ARMS
    ]  # fmt: skip
    lines = homes_tables([*records, HomesRecord("half A, styles A", 2, {})]).splitlines()  # a seed that is not whole
    row = next(line for line in lines if line.startswith("| other half | 2 |"))
    assert row.count("-5.0 ± 0.0") == 2  # although the seeds differ by 10
    assert "| other half, other styles | 2 | -25.0 ± 0.0 | -25.0 ± 0.0 |" in lines


def test_a_gain_over_homes_is_that_of_all_sentences_and_its_interval_holds_it():
    gains = np.array([[1.0, 10.0], [3.0, 10.0], [-1.0, 5.0]])
    mean, low, high = resampled(gains)
    assert mean == 3 / 25
    assert low < mean < high
    assert resampled(np.tile([2.0, 10.0], (6, 1))) == (0.2, 0.2, 0.2)


def test_what_questions_gain_is_told_over_homes():
    records = [
        HomesRecord(arm, seed, {"sentences": {}, "questions": {"all": share, "home a": share, "n home a": 4.0}})
        for arm, share in (("no rooms", 0.25), ("rooms", 0.5), ("the model alone", 0.5))
        for seed in (0, 1)
    ]
    text = homes_tables(records)
    assert "rooms less no rooms, over homes: +25.0 [25.0, 25.0]" in text
    assert "rooms less the model alone, over homes: +0.0 [0.0, 0.0]" in text
