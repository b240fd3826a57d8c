"""Where weight files are looked for, and what is said of missing and changed ones."""

from __future__ import annotations

import dataclasses
import json
import os

import pytest
from weights_parts import CONTENT, SHA256, isolate, weight_file

from locate3d_ros.errors import InputError
from locate3d_ros.weights import store as store_module
from locate3d_ros.weights.catalog import CATALOG, CLIP, DINO, FOUNDATION, LOCATE3D, SAM, entry
from locate3d_ros.weights.store import NOTHING, RECORD_NAME, THE_TABLE, WeightStore, cache_folder, joint_digest

SMALL = weight_file()
KNOWN = weight_file(sha256=SHA256)
NO_SERVER = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_hub(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path, NO_SERVER)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / SMALL.file).write_bytes(CONTENT)
    return folder


@pytest.fixture
def read_files(monkeypatch):
    """The files that are read to compute a checksum."""
    read, compute = [], store_module.file_sha256
    monkeypatch.setattr(store_module, "file_sha256", lambda path: (read.append(path), compute(path))[1])
    return read


# --- the table


def test_names_files_and_places_of_the_table_are_distinct():
    for key in ("name", "file"):
        assert len({getattr(file, key) for file in CATALOG}) == len(CATALOG)
    assert len({(file.repository, file.path) for file in CATALOG}) == len(CATALOG)
    assert {file.name for file in CATALOG} == {CLIP, DINO, *SAM, *LOCATE3D}


def test_checksums_of_the_table_are_whole():
    known = {file.name for file in CATALOG if file.sha256}
    assert known == set(SAM)
    assert all(store_module.SHA256.fullmatch(entry(name).sha256) for name in known)


def test_non_commercial_files_say_so_and_are_never_fetched_unasked():
    non_commercial = {file.name for file in CATALOG if "non-commercial" in file.licence}
    assert non_commercial == set(LOCATE3D)
    assert not non_commercial & set(FOUNDATION)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=f"'clip': unknown; give one of {CLIP}, "):
        entry("clip")


# --- finding


def test_a_missing_file_is_one_line_with_its_origin_its_place_and_the_way_without_it(tmp_path):
    for store, place in (
        (WeightStore(), "small.safetensors in a folder that you give as --weights"),
        (WeightStore(str(tmp_path / "none")), str(tmp_path / "none" / "small.safetensors")),
    ):
        with pytest.raises(InputError) as caught:
            store.require(SMALL)
        assert str(caught.value) == (
            "small: parts/model.safetensors of huggingface.co/owner/small-model (0.2 GB) is not here; run "
            f"`locate3d weights fetch small`, or put it as {place}; `--backend embedded` needs none"
        )


def test_the_option_comes_before_the_variable_and_the_variable_before_the_cache(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LOCATE3D_WEIGHTS", str(folder))
    assert WeightStore().find(SMALL) == folder / SMALL.file
    assert WeightStore(str(tmp_path)).find(SMALL) is None
    monkeypatch.delenv("LOCATE3D_WEIGHTS")
    assert WeightStore().find(SMALL) is None


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({"HOME": "/home/robot"}, "/home/robot/.cache/huggingface/hub"),
    ],
)
def test_the_cache_is_where_the_hubs_own_rules_put_it(monkeypatch, variables, expected):
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(cache_folder()) == expected


def test_a_cache_whose_snapshot_is_gone_has_no_file():
    (cache_folder(SMALL) / "refs").mkdir(parents=True)
    (cache_folder(SMALL) / "refs" / "main").write_text("0123")
    assert WeightStore().find(SMALL) is None


# --- verifying


def test_a_file_is_compared_with_its_known_checksum(folder):
    verified = WeightStore(str(folder)).require(KNOWN)
    assert (verified.sha256, verified.against) == (SHA256, THE_TABLE)
    assert WeightStore(str(folder)).require(SMALL).against == NOTHING


def test_a_wrong_file_is_one_line_with_both_checksums_and_the_mend(folder):
    (folder / SMALL.file).write_bytes(b"something else")
    with pytest.raises(InputError) as caught:
        WeightStore(str(folder)).require(KNOWN)
    message = str(caught.value)
    assert message.startswith(f"{folder / SMALL.file}: not the file of owner/small-model: sha256 ")
    assert SHA256[:12] in message
    assert message.endswith("delete it and run `locate3d weights fetch small`")


def test_a_file_is_read_once_until_it_changes(folder, read_files):
    for _ in range(2):
        WeightStore(str(folder)).require(KNOWN)
    assert len(read_files) == 1
    os.utime(folder / SMALL.file, ns=(1, 1))
    WeightStore(str(folder)).require(KNOWN)
    WeightStore(str(folder)).require(KNOWN, reread=True)
    assert len(read_files) == 3


def test_a_change_that_keeps_size_and_time_is_found_when_the_file_is_read_again(folder):
    store = WeightStore(str(folder))
    store.require(KNOWN)
    state = (folder / SMALL.file).stat()
    (folder / SMALL.file).write_bytes(bytes(len(CONTENT)))
    os.utime(folder / SMALL.file, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(InputError, match="not the file of"):
        store.require(KNOWN, reread=True)


@pytest.mark.parametrize("content", ["", "[]", "not JSON", '{"small": 3}', '{"small": {"sha256": ""}}'])
def test_a_damaged_record_is_like_none(folder, content):
    (folder / RECORD_NAME).write_text(content)
    assert WeightStore(str(folder)).require(SMALL).against == NOTHING
    assert str(folder / SMALL.file) in json.loads((folder / RECORD_NAME).read_text())


def test_a_folder_that_cannot_be_written_is_read_every_time(folder, read_files, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    for _ in range(2):
        assert WeightStore(str(folder)).require(KNOWN).sha256 == SHA256
    assert len(read_files) == 2
    assert not (folder / RECORD_NAME).exists()


def test_an_unreadable_file_is_one_line(folder):
    (folder / SMALL.file).unlink()
    (folder / SMALL.file).mkdir()
    with pytest.raises(InputError, match="make the file readable"):
        store_module.file_sha256(folder / SMALL.file)


def test_the_joint_digest_depends_on_every_file_and_the_order(folder):
    one = WeightStore(str(folder)).require(SMALL)
    other = dataclasses.replace(one, sha256="f" * 64)
    digests = [joint_digest(parts) for parts in ((one,), (one, other), (other, one))]
    assert len(set(digests)) == 3
    assert joint_digest((one, other)) == digests[1]
