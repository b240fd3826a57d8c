"""The whole evaluation: a hand-made data set, the real parts, all reports."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import torch
from dataset_folders import sentence, write_dataset

from locate3d_ros.build import build_similarity
from locate3d_ros.cli.main import main
from locate3d_ros.config import Config
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.evaluation.contestants import OracleCluster, Proposals, RandomCluster
from locate3d_ros.evaluation.questions import read_questions
from locate3d_ros.evaluation.scene_cache import read_cached_scene
from locate3d_ros.geometry.boxes import box_iou, box_tensor

TIMES = re.compile(r'.*"(seconds|peak)_.*')


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Evaluate once for all tests; return the data set and the reports' folder."""
    folder = tmp_path_factory.mktemp("evaluation")
    dataset = write_dataset(folder / "crates", ("a", "b", "c"))
    out = [f"--{form}={folder / f'out.{form}'}" for form in ("json", "markdown", "html")]
    assert main(["evaluate", str(dataset), *out]) == 0
    return dataset, folder


def test_json_has_what_the_schema_names(measured):
    report = json.loads((measured[1] / "out.json").read_text())
    assert (report["schema"], report["dataset"], report["split"]) == ("locate3d/evaluation@1", "crates", "val")
    assert (report["model"], report["n"], report["n_present"]) == ("locate3d-tiny", 9, 6)
    assert set(report["by_kind"]) == {"attribute"}
    assert report["by_distractors"]["1"]["n"] == 6
    assert report["interval95"]["acc25"][0] <= report["acc25"] <= report["interval95"]["acc25"][1]
    assert report["interval95"]["refused"] is None  # of three sentences
    assert 0.0 <= report["refusal_auroc"] <= 1.0
    assert 0.0 <= report["mask_iou"] <= 1.0
    assert report["seconds_per_request"] > 0
    assert report["peak_memory_mb"] > 100


def test_the_oracle_bounds_all_and_chance_is_below_it(measured):
    report = json.loads((measured[1] / "out.json").read_text())
    oracle, chance = (report["baselines"][name]["acc25"] for name in ("oracle cluster", "random cluster"))
    assert oracle == 1.0  # two crates that stand free are surely among the proposals
    assert max(report["acc25"], chance) <= oracle
    assert 0.0 < chance < 1.0
    assert report["baselines"]["oracle cluster"]["refusal_auroc"] is None


def test_the_same_seed_gives_the_same_numbers(measured):
    dataset, folder = measured
    reports = []
    for seed in (0, 0, 1):
        assert main(["evaluate", str(dataset), "--json", str(folder / "again.json"), "--seed", str(seed)]) == 0
        lines = (folder / "again.json").read_text().splitlines()
        reports.append([line for line in lines if not TIMES.match(line)])
    assert reports[0] == reports[1] != reports[2]
    first = (folder / "out.json").read_text().splitlines()
    assert reports[0] == [line for line in first if not TIMES.match(line)]


def test_page_and_tables_show_every_contestant_and_pictures(measured):
    page, tables = (measured[1] / "out.html").read_text(), (measured[1] / "out.markdown").read_text()
    for name in ("locate3d-tiny", "similarity", "random cluster", "oracle cluster"):
        assert name in page
        assert f"| {name} |" in tables
    assert page.count("<img ") == page.count("data:image/jpeg;base64,") > 3
    assert "<svg" in page
    assert not re.search(r'(src|href)="http', page)
    assert "the red crate" in page


def test_scenes_are_lifted_once(measured):
    assert len(list(measured[0].glob("cache/*/*.safetensors"))) == 3


def test_chance_is_the_share_of_right_proposals_and_the_oracle_the_best(measured):
    dataset = DatasetFolder(measured[0])
    snapshot = read_cached_scene(next(measured[0].glob("cache/*/a.safetensors"))).snapshot
    proposals = Proposals(build_similarity(Config(), torch.device("cpu")))
    chance, oracle = RandomCluster(proposals, 0), OracleCluster(proposals)
    chance.prepare(snapshot)
    oracle.prepare(snapshot)
    asked = read_questions(dataset, "val")["a"][0]
    scene = proposals.of(snapshot)
    low_high = proposals.overlaps(scene, asked)
    right = [sum(float(iou) >= level for iou in low_high) / len(scene) for level in (0.25, 0.5)]
    assert chance.guess(asked).chances == pytest.approx(tuple(right))
    best = box_iou(box_tensor(oracle.guess(asked).instance.box)[None], asked.boxes)
    assert float(best.max()) == pytest.approx(float(low_high.max()), abs=0.1)


def faulty(folder, words):
    return main(["evaluate", *(word.format(folder) for word in words)])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["{}/nowhere"], "no such folder"),
        (["{}", "--split", "test"], "no split 'test'; there is val"),
        (["{}", "--model", "nothing"], "model = 'nothing'"),
        (["{}", "--json", "{}/no/out.json"], "folder"),
        (["{}", "--seed", "-1"], "--seed -1: give 0 or more"),
        (["{}", "--device", "abacus"], "device = 'abacus'"),
    ],
)
def test_wrong_arguments_end_in_one_line(measured, capsys, words, reason):
    assert faulty(measured[0], words) == 2
    told = capsys.readouterr().err
    assert reason in told
    assert told.count("\n") == 1


def test_a_target_that_the_scene_does_not_hold_is_told(measured, tmp_path, capsys):
    dataset = tmp_path / "set"
    shutil.copytree(measured[0], dataset)
    (dataset / "annotations" / "odd.jsonl").write_text(json.dumps(sentence("a", "the red crate", "class", 8)))
    assert main(["evaluate", str(dataset), "--split", "odd"]) == 2
    assert "asks for object 8, which objects.json does not hold" in capsys.readouterr().err
