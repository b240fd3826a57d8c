"""Lifting many scenes: in a pool of processes and on a Ray cluster, a scene that fails costs only itself."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cache_works import work

from locate3d_ros.config import Config
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.cache_jobs import CacheJob
from locate3d_ros.evaluation.cache_pool import lift_in_pool
from locate3d_ros.evaluation.cache_ray import lift_on_ray

HERE = Path(__file__).resolve().parent
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")


def jobs(folder: Path, *names: str) -> list[CacheJob]:
    return [CacheJob(str(folder), str(folder), name, Config(), 1) for name in names]


def attempts(folder: Path) -> dict[str, int]:
    return {path.stem: len(path.read_text().splitlines()) for path in folder.glob("*.attempts")}


def test_failing_and_dying_scenes_are_retried_then_listed(tmp_path):
    wanted = jobs(tmp_path, "good1", "fails", "died_once", "good2", "dies", "failed_once", "good3")
    faults = {outcome.name: outcome.fault for outcome in lift_in_pool(wanted, 1, work)}
    assert faults.pop("fails") == "fails: wrong"
    assert faults.pop("dies").startswith("its process died")
    assert faults == dict.fromkeys(["good1", "good2", "good3", "died_once", "failed_once"], "")
    assert {name: attempts(tmp_path)[name] for name in ("fails", "dies", "good1")} == {
        "fails": 2,
        "dies": 2,
        "good1": 1,
    }


def test_a_death_costs_no_other_scene_of_a_pool(tmp_path):
    names = ["good1", "dies", "good2", "good3", "good4"]
    faults = {outcome.name: outcome.fault for outcome in lift_in_pool(jobs(tmp_path, *names), 2, work)}
    assert sorted(faults) == sorted(names)
    assert [name for name, fault in faults.items() if fault] == ["dies"]


ON_TWO_NODES = """
import json, sys
from pathlib import Path
from ray.cluster_utils import Cluster
from cache_works import work
from test_cache_engines import jobs
from locate3d_ros.evaluation.cache_ray import lift_on_ray
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1)
wanted = jobs(Path(sys.argv[1]), "good1", "fails", "failed_once", "dies", "good2")
faults = {o.name: o.fault for o in lift_on_ray(wanted, cluster.address, work)}
cluster.shutdown()
print(json.dumps(faults))
"""


@needs_ray
def test_two_ray_nodes_lift_all_scenes_but_the_wrong_ones(tmp_path):
    paths = os.pathsep.join([str(HERE), str(HERE.parent)])
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO_NODES, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | {"PYTHONPATH": paths, "RAY_USAGE_STATS_ENABLED": "0"},
    )
    assert done.returncode == 0, done.stderr
    faults = json.loads(done.stdout.splitlines()[-1])
    assert faults.pop("fails") == "fails: wrong"
    assert faults.pop("dies").startswith("its worker was lost")
    assert faults == dict.fromkeys(["good1", "good2", "failed_once"], "")
    assert {name: attempts(tmp_path)[name] for name in ("fails", "dies", "good1")} == {
        "fails": 2,
        "dies": 2,
        "good1": 1,
    }


def test_without_ray_the_option_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'locate3d_ros\[ray\]'"):
        list(lift_on_ray(jobs(HERE, "good"), "auto", work))
