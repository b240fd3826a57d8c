"""`locate3d weights list|fetch|verify`, against a stand-in of the hub and folders; no real network is reached."""

from __future__ import annotations

import dataclasses

import pytest
from hub_server import hub_server
from weights_parts import CONTENT, SHA256, isolate

from locate3d_ros.cli import weights_command
from locate3d_ros.cli.main import main
from locate3d_ros.weights import catalog
from locate3d_ros.weights.catalog import CATALOG, FOUNDATION, LOCATE3D

pytest.importorskip("huggingface_hub", reason="weights are fetched through huggingface_hub")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub with small files in the places of the large ones."""
    table = tuple(dataclasses.replace(file, sha256="") for file in CATALOG if file.file.endswith(".safetensors"))
    monkeypatch.setattr(catalog, "CATALOG", table)
    monkeypatch.setattr(weights_command, "CATALOG", table)
    monkeypatch.setattr(weights_command, "FOUNDATION", FOUNDATION[:2])
    with hub_server() as hub:
        isolate(monkeypatch, tmp_path, hub.endpoint)
        hub.files.update({f"{file.repository}/{file.path}": CONTENT for file in table})
        yield hub


def run(capfd, *words) -> tuple[int, str, str]:
    status = main(["weights", *map(str, words)])
    out, err = capfd.readouterr()
    return status, out, err


def test_the_list_names_every_file_with_licence_source_and_checksum(monkeypatch, tmp_path, capfd):
    isolate(monkeypatch, tmp_path, "http://127.0.0.1:9")
    status, out, err = run(capfd, "list")
    assert (status, err) == (0, "")
    words = "".join(out.replace("│", " ").split())
    for file in CATALOG:
        assert file.name in out
        assert file.sha256 in words
    assert out.count("non-commercial") == len(LOCATE3D)
    assert str(tmp_path / "hf" / "hub") in out
    assert "`--backend embedded` needs none" in out


def test_the_list_says_what_is_here(tmp_path, capfd):
    (tmp_path / "sam_vit_b_01ec64.pth").touch()
    status, out, _ = run(capfd, "list", "--weights", tmp_path)
    (row,) = [line for line in out.splitlines() if "sam-vit-b" in line]
    assert status == 0
    assert row.rstrip().endswith("│ yes  │")
    assert out.count("│ no ") == len(CATALOG) - 1


def test_fetch_without_names_brings_what_the_foundation_backend_needs(hub, capfd):
    status, out, err = run(capfd, "fetch")
    assert status == 0
    assert len(hub.ranges) == 2
    assert [line.split(":")[0] for line in out.splitlines()[::2]] == list(FOUNDATION[:2])
    assert out.count(f"sha256 {SHA256}, compared with the hub") == 2
    assert err.splitlines()[0] == f"fetching {FOUNDATION[0]}: 1.71 GB from huggingface.co/{CATALOG[0].repository}; MIT"
    assert run(capfd, "fetch")[2] == ""
    assert len(hub.ranges) == 2
    status, out, _ = run(capfd, "list")
    assert (status, out.count("│ yes ")) == (0, 2)


def test_fetch_into_a_folder_names_the_licence_and_verify_reads_it_there(hub, tmp_path, capfd):
    folder = tmp_path / "robot"
    status, out, err = run(capfd, "fetch", "locate-3d", "--weights", folder)
    assert (status, (folder / "locate-3d.safetensors").read_bytes()) == (0, CONTENT)
    assert "non-commercial use only" in err
    assert str(folder / "locate-3d.safetensors") in out
    hub.files.clear()
    assert run(capfd, "verify", "--weights", folder) == (0, out, "")


def test_a_cut_and_a_resumed_fetch(hub, capfd, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)
    hub.cuts = [100_000]
    status, out, err = run(capfd, "fetch", "locate-3d")
    assert (status, out) == (2, "")
    assert "run the same command again" in err.splitlines()[-1]
    assert run(capfd, "fetch", "locate-3d")[0] == 0
    assert hub.ranges[0] == ""
    assert hub.ranges[1].startswith("bytes=")


@pytest.mark.usefixtures("hub")
def test_verify_tells_all_wrong_files_after_the_right_ones(tmp_path, capfd):
    run(capfd, "fetch", *LOCATE3D, FOUNDATION[0], "--weights", tmp_path)
    (tmp_path / "locate-3d.safetensors").write_bytes(CONTENT[:-4])
    (tmp_path / "locate-3d-plus.safetensors").write_bytes(CONTENT[:-4] + b"else")
    status, out, err = run(capfd, "verify", "--weights", tmp_path)
    assert (status, len(out.splitlines()), err.count("\n")) == (2, 2, 1)
    assert out.startswith(FOUNDATION[0])
    assert "locate-3d.safetensors: damaged or no weight file" in err
    assert "locate-3d-plus.safetensors: not the file of facebook/locate-3d-plus" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["verify"], "holds no weight file; run `locate3d weights fetch`"),
        (["verify", "locate-3d"], "is not here; run `locate3d weights fetch locate-3d`"),
        (["verify", "--weights", "nowhere"], "no such folder"),
        (["list", "--weights", "nowhere"], "no such folder"),
        (["fetch", "clip"], "'clip': unknown; give one of clip-vit-l14"),
        (["fetch", "locate-3d"], "check the network"),
        ([], "list, fetch, verify"),
        (["lend"], "lend"),
    ],
)
def test_wrong_requests_are_one_line_and_status_2(monkeypatch, tmp_path, capfd, words, reason):
    isolate(monkeypatch, tmp_path, "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capfd, *words)
    assert (status, out) == (2, "")
    assert reason in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("locate3d: ")
