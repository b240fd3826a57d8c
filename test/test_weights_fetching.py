"""Downloads from a stand-in of the hub: whole, cut, resumed, wrong, refused, and without any network."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest
from hub_server import hub_server
from weights_parts import CONTENT, SHA256, isolate, weight_file

from locate3d_ros.errors import InputError
from locate3d_ros.weights.fetching import fetch
from locate3d_ros.weights.store import RECORD_NAME, THE_HUB, THE_TABLE, WeightStore, cache_folder

pytest.importorskip("huggingface_hub", reason="weights are fetched through huggingface_hub")

SMALL = weight_file()
KNOWN = weight_file(sha256=SHA256)


@pytest.fixture(autouse=True)
def hub(monkeypatch, tmp_path):
    with hub_server() as hub:
        isolate(monkeypatch, tmp_path, hub.endpoint)
        monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)
        hub.files[f"{SMALL.repository}/{SMALL.path}"] = CONTENT
        yield hub


@pytest.fixture(params=["cache", "folder"])
def store(request, tmp_path):
    """A store in the hub's cache, or in a folder of the user's that is not there yet."""
    return WeightStore("" if request.param == "cache" else str(tmp_path / "new" / "weights"))


def parts(store):
    folder = store.folder or cache_folder(SMALL)
    return [path for path in folder.rglob("*.part") if path.is_file()]


def fault(file, store) -> str:
    with pytest.raises(InputError) as caught:
        fetch(file, store)
    message = str(caught.value)
    assert message.startswith(f"{file.name}: ")
    assert "\n" not in message
    assert store.find(file) is None
    return message


def test_a_file_is_fetched_once_and_found_from_then_on(store, hub):
    verified = fetch(SMALL, store)
    assert verified.path.read_bytes() == CONTENT
    assert (verified.sha256, verified.against) == (SHA256, THE_HUB)
    assert parts(store) == []
    assert fetch(SMALL, store) == verified == store.require(SMALL)
    assert hub.ranges == [""]


def test_a_token_is_shown_to_the_hub_alone(store, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(SMALL, store)
    assert hub.tokens == {"hub": {"Bearer hf_secret"}, "store": {""}}


def test_the_cache_is_the_librarys_own():
    import huggingface_hub

    path = fetch(SMALL, WeightStore()).path
    found = huggingface_hub.try_to_load_from_cache(SMALL.repository, SMALL.path, cache_dir=cache_folder())
    assert str(path) == found
    (repository,) = huggingface_hub.scan_cache_dir(cache_folder()).repos
    assert (repository.repo_id, repository.size_on_disk) == (SMALL.repository, len(CONTENT))


def test_what_the_library_has_fetched_is_not_fetched_again(hub):
    import huggingface_hub

    huggingface_hub.hf_hub_download(SMALL.repository, SMALL.path, cache_dir=cache_folder(), endpoint=hub.endpoint)
    hub.files.clear()
    assert fetch(SMALL, WeightStore()).against == THE_HUB


def test_a_cut_download_goes_on_where_it_stopped(store, hub):
    hub.cuts = [120_000]
    message = fault(SMALL, store)
    assert "run the same command again" in message
    (part,) = parts(store)
    done = part.stat().st_size
    assert 0 < done <= 120_000
    assert fetch(SMALL, store).path.read_bytes() == CONTENT
    assert hub.ranges == ["", f"bytes={done}-"]
    assert parts(store) == []


def test_a_server_that_ends_too_early_is_asked_for_the_rest(hub):
    hub.cuts, hub.resets = [120_000, 50_000], False
    for _ in range(3):  # newer versions of the library ask by themselves, older ones when the user does
        with suppress(InputError):
            path = fetch(SMALL, WeightStore()).path
    assert path.read_bytes() == CONTENT
    assert hub.ranges == ["", "bytes=120000-", "bytes=170000-"]


def test_a_download_that_was_whole_but_not_yet_named_is_not_repeated(store, hub):
    target = store.folder / SMALL.file if store.folder else cache_folder(SMALL) / "blobs" / SHA256
    target.parent.mkdir(parents=True)
    target.with_name(f".{SMALL.file}.{SHA256[:16]}.part").write_bytes(CONTENT)
    assert fetch(SMALL, store).sha256 == SHA256
    assert hub.ranges == []


def test_a_part_that_is_too_long_is_begun_again(store, hub):
    target = store.folder / SMALL.file if store.folder else cache_folder(SMALL) / "blobs" / SHA256
    target.parent.mkdir(parents=True)
    target.with_name(f".{SMALL.file}.{SHA256[:16]}.part").write_bytes(b"x" * (len(CONTENT) + 1))
    assert fetch(SMALL, store).path.read_bytes() == CONTENT
    assert hub.ranges == [""]


@pytest.mark.parametrize("file", [SMALL, KNOWN], ids=["as the hub says", "as is known"])
def test_another_content_is_refused_and_not_kept(store, hub, file):
    hub.sends = bytes(len(CONTENT))
    message = fault(file, store)
    assert SHA256[:12] in message
    assert parts(store) == []
    hub.sends = None
    assert fetch(file, store).path.read_bytes() == CONTENT


def test_a_mirror_that_names_another_checksum_is_refused_before_the_download(store, hub):
    hub.named[f"{SMALL.repository}/{SMALL.path}"] = "f" * 64
    assert THE_TABLE in fault(KNOWN, store)
    assert hub.ranges == []


def test_a_mirror_that_names_no_sha256_is_checked_by_what_is_known(store, hub):
    hub.named[f"{SMALL.repository}/{SMALL.path}"] = "W-0123"
    assert fetch(KNOWN, store).against == THE_TABLE


@pytest.mark.parametrize("etag", ["../../escape", "a/b", "."])
def test_an_etag_that_is_no_file_name_is_refused(store, hub, etag):
    hub.named[f"{SMALL.repository}/{SMALL.path}"] = etag
    assert "HF_ENDPOINT" in fault(SMALL, store)


def test_a_damaged_file_in_the_cache_is_named_so_that_deleting_it_helps():
    store = WeightStore()
    blob = fetch(SMALL, store).path.resolve()
    blob.write_bytes(bytes(len(CONTENT)))
    os.utime(blob, (1, 1))
    with pytest.raises(InputError, match=f"{blob}: not the file of .* delete it"):
        fetch(SMALL, store)
    blob.unlink()
    assert fetch(SMALL, store).path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("refusal", "mend"),
    [
        ((403, "GatedRepo"), "accept the licence at huggingface.co/owner/small-model"),
        ((401, "RepoNotFound"), "hf auth login"),
        ((404, "EntryNotFound"), "put it as"),
        ((500, "InternalError"), "check the network"),
    ],
)
def test_a_refusal_names_its_mend(store, hub, refusal, mend):
    hub.refusal = refusal
    assert mend in fault(SMALL, store)


def test_without_a_network_one_line_says_what_to_do(store, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
    message = fault(SMALL, store)
    assert "parts/model.safetensors of owner/small-model was not fetched" in message
    assert "small.safetensors" in message
    assert "`--backend embedded` needs none" in message


def test_too_little_space_is_found_before_the_download(store, hub, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert "free space" in fault(SMALL, store)
    assert hub.ranges == []


def test_two_processes_do_not_write_one_file(store, monkeypatch):
    def locked(*_):
        raise BlockingIOError

    monkeypatch.setattr(fcntl, "flock", locked)
    assert "another process is fetching it" in fault(SMALL, store)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    assert "a folder that you may write to" in fault(SMALL, WeightStore(str(tmp_path / "file")))


def test_without_the_library_the_mend_is_its_installation(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match=r"pip install 'locate3d_ros\[foundation\]'"):
        fetch(SMALL, store)


def test_a_folder_that_was_copied_keeps_what_the_hub_said(tmp_path):
    fetch(SMALL, WeightStore(str(tmp_path / "here")))
    (tmp_path / "here").rename(tmp_path / "robot")
    store = WeightStore(str(tmp_path / "robot"))
    assert store.require(SMALL).against == THE_HUB
    (tmp_path / "robot" / SMALL.file).write_bytes(bytes(len(CONTENT)))
    with pytest.raises(InputError, match="the hub says"):
        store.require(SMALL)
    assert sorted(path.name for path in (tmp_path / "robot").iterdir()) == sorted([RECORD_NAME, SMALL.file])
