"""Data sets are resumable, whole scene by scene, the same for the same seed; what changed over time is told."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from locate3d_ros.cli.scenes_arguments import GenerateArguments
from locate3d_ros.cli.scenes_command import dataset_options
from locate3d_ros.data.annotations.grounded_expression import read_expressions
from locate3d_ros.data.recordings import load_recording
from locate3d_ros.data.synthetic import dataset
from locate3d_ros.data.synthetic.contact_sheet import write_sheet
from locate3d_ros.data.synthetic.dataset import generate
from locate3d_ros.data.synthetic.furniture import INSTALLED_FOLDER
from locate3d_ros.data.synthetic.options import PRESETS, DatasetOptions, SceneOptions, SensorEffects
from locate3d_ros.errors import InputError

if not INSTALLED_FOLDER.is_dir():
    pytest.skip("furniture libraries not installed (package sweethome3d-furniture)", allow_module_level=True)
try:
    import open3d  # noqa: F401
except (ImportError, OSError) as error:
    pytest.skip(f"open3d cannot be imported: {error}; install the extra `scenes`", allow_module_level=True)

SMALL = SceneOptions(min_rooms=1, max_rooms=1, frames=8, width=96, height=72, sentences=20)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One small scene."""
    options = DatasetOptions(tmp_path_factory.mktemp("scenes") / "set", 1, 5, scenes=SMALL)
    return options, list(generate(options))


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_scene_is_whole_and_its_sentences_are_in_the_split(made):
    options, (done,) = made
    assert (done.made, done.error) == (True, "")
    scene = options.folder / "scenes" / done.scene_id
    assert len(load_recording(scene)) == SMALL.frames
    assert {e.scene_id for e in read_expressions(options.folder / "annotations" / "train.jsonl")} == {done.scene_id}
    told = json.loads((scene / "scene.json").read_text())
    assert len(told["rooms"]) == 1
    assert len(told["rooms"][0]["polygon"]) == 4
    assert set(told["rooms"][0]["surfaces"]) == {"floor", "floor_colour", "wall", "wall_colour"}
    assert {entry["licence"] for entry in told["licences"]} <= {"CC0-1.0", "CC-BY-3.0", "Apache-2.0"}


def test_same_seed_gives_the_same_bytes(made, tmp_path):
    options, _ = made
    again = replace(options, folder=tmp_path / "again")
    list(generate(again))
    assert contents(options.folder) == contents(again.folder)


def test_whole_scenes_are_kept_and_missing_ones_made(made, monkeypatch):
    options, (done,) = made
    monkeypatch.setattr(dataset, "_record", lambda *_: pytest.fail("a whole scene was made again"))
    assert [d.made for d in generate(options)] == [False]
    assert (options.folder / "scenes" / done.scene_id).is_dir()


def test_failed_scene_leaves_nothing_and_does_not_stop_others(tmp_path, monkeypatch):
    def record(_options, index, folder):
        folder.mkdir()
        if index == 0:
            raise ValueError("no room")
        (folder / "annotations.jsonl").touch()

    monkeypatch.setattr(dataset, "_record", record)
    first, second = generate(DatasetOptions(tmp_path / "set", 2, 0, scenes=SMALL))
    assert (first.made, first.error) == (False, "ValueError: no room")
    assert second.made
    assert [p.name for p in (tmp_path / "set" / "scenes").iterdir()] == [second.scene_id]


def test_episode_tells_what_was_where_and_what_changed(tmp_path):
    options = DatasetOptions(tmp_path / "set", 1, 6, scenes=replace(SMALL, dynamic=True))
    (done,) = generate(options)
    assert done.error == ""
    scene = options.folder / "scenes" / done.scene_id
    episode = json.loads((scene / "episode.json").read_text())
    before, after = ({o["id"]: o for o in p["objects"]} for p in episode["passes"])
    assert [(p["first_frame"], p["last_frame"]) for p in episode["passes"]] == [(0, 3), (4, 7)]
    for change in episode["changes"]:
        number = change["id"]
        assert change["frame"] == 4
        assert (number in before) == (change["kind"] != "added")
        assert (number in after) == (change["kind"] != "removed")
        if change["kind"] == "moved":
            assert before[number]["box_min"] != after[number]["box_min"]
    same = set(before) & set(after) - {c["id"] for c in episode["changes"]}
    assert all(before[i]["box_min"] == after[i]["box_min"] for i in same)
    assert {o["id"] for o in json.loads((scene / "objects.json").read_text())} == set(after)
    for name in (f"{i:06d}.png" for i in range(4, 8)):
        shown = set(np.unique(cv2.imread(str(scene / "instances" / name), cv2.IMREAD_UNCHANGED)).tolist()) - {0}
        assert shown <= set(after)


def test_contact_sheet_shows_a_row_per_scene(made, tmp_path):
    options, _ = made
    assert write_sheet(options.folder, tmp_path / "sheet.png", (3, 4), objects=True) == 1
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (180, 4 * 240, 3)
    with pytest.raises(InputError, match="no scenes"):
        write_sheet(tmp_path, tmp_path / "sheet.png", (3, 4), objects=False)


def test_preset_gives_what_the_command_line_leaves_open(tmp_path):
    own = GenerateArguments(tmp_path, count=3, preset="val-small", scenes=SceneOptions(frames=10))
    options = dataset_options(own)
    assert (options.count, options.seed) == (3, PRESETS["val-small"].seed)
    assert (options.scenes.split, options.scenes.frames) == ("val", 10)
    with pytest.raises(InputError, match="give -n N"):
        dataset_options(GenerateArguments(tmp_path))


@pytest.mark.parametrize("wrong", [{"min_rooms": 3, "max_rooms": 2}, {"frames": 1}, {"width": 8}])
def test_impossible_options_are_refused(wrong):
    with pytest.raises(InputError, match="out of range"):
        SceneOptions(**wrong)


def test_presets_share_no_seed():
    assert len({p.seed for p in PRESETS.values()}) == len(PRESETS)
    assert SensorEffects() == PRESETS["val"].scenes.sensor
