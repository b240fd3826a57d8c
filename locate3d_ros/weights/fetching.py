"""Downloads through huggingface_hub, into its usual cache or the user's folder; a cut one goes on where it stopped.

The library's own call throws away what it has received when it fails. So its transfer fills a file of ours, which gets
its final name only once it is whole and right; in the cache, the library's call then finds the blob and links it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from locate3d_ros.errors import InputError
from locate3d_ros.weights.catalog import WeightFile
from locate3d_ros.weights.store import SHA256, THE_HUB, THE_TABLE, Verified, WeightStore, cache_folder, file_sha256

_ETAG = re.compile(r"[\w-]{1,128}")  # becomes a file's name
_NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR)


@dataclass(frozen=True)
class _Remote:
    """A file as the hub describes it."""

    url: str
    etag: str  # sha256 of large files
    size: int  # bytes


def fetch(file: WeightFile, store: WeightStore) -> Verified:
    """Bring a file here unless it is, and verify it; an interrupted download goes on where it stopped.

    Raises InputError where the hub cannot be reached, refuses the file or sends another one; nothing is left under the
    file's name then.
    """
    path = store.find(file)
    return store.verify(file, path) if path is not None else _download(file, store)


def _download(file: WeightFile, store: WeightStore) -> Verified:
    hub = _hub()
    try:
        remote = _look_up(hub, file)
        if store.folder is not None:
            path = store.folder / file.file
            sha256 = _bring(hub, file, remote, path)
        else:
            sha256 = _bring(hub, file, remote, cache_folder(file) / "blobs" / remote.etag)
            path = Path(
                hub.hf_hub_download(file.repository, file.path, cache_dir=cache_folder(), endpoint=_endpoint(hub))
            )
    except _failures(hub) as error:
        raise InputError(f"{_reason(file, error)}; {_mend(file, error, store)}") from None
    store.record(file, path, sha256, is_named=sha256 == remote.etag)
    return store.verify(file, path)


def _look_up(hub: Any, file: WeightFile) -> _Remote:  # noqa: ANN401 - a module
    url = hub.hf_hub_url(file.repository, file.path, endpoint=_endpoint(hub))
    found = hub.get_hf_file_metadata(url)
    if not found.size or not _ETAG.fullmatch(found.etag or ""):
        raise InputError(f"{file.name}: {url} says neither size nor checksum; is HF_ENDPOINT a hub?")
    if file.sha256 and SHA256.fullmatch(found.etag) and found.etag != file.sha256:
        raise InputError(_other_file(file, found.etag, file.sha256, THE_TABLE))
    return _Remote(url, found.etag, found.size)


def _bring(hub: Any, file: WeightFile, remote: _Remote, target: Path) -> str:  # noqa: ANN401 - a module
    """Download what is missing of a file, give it its name once it is right, and return its sha256."""
    if target.is_file():
        return file_sha256(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{file.file}.{remote.etag[:16]}.part")
    with part.open("ab") as stream:
        _lock(stream, file)
        _transfer(hub, file, remote, stream)
        stream.flush()
        os.fsync(stream.fileno())
        sha256 = _checked(file, remote, part)
        part.replace(target)
    return sha256


def _transfer(hub: Any, file: WeightFile, remote: _Remote, stream: BinaryIO) -> None:  # noqa: ANN401 - a module
    done = stream.seek(0, os.SEEK_END)
    if done > remote.size:
        done = stream.truncate(0)
    free = shutil.disk_usage(stream.name).free
    if free < remote.size - done:
        raise InputError(
            f"{file.name}: needs {(remote.size - done) / 1e9:.2f} GB, {Path(stream.name).parent} has "
            f"{free / 1e9:.2f} GB left; free space or give another folder as --weights"
        )
    if done == remote.size:
        return  # some versions of the library would ask for the nothing that is missing, which servers refuse
    import_module("huggingface_hub.file_download").http_get(
        remote.url,
        stream,
        resume_size=done,
        headers=hub.utils.build_hf_headers(),
        expected_size=remote.size,
        displayed_filename=file.name,
    )


def _checked(file: WeightFile, remote: _Remote, part: Path) -> str:
    """Return the sha256 of a whole download; a wrong one is deleted. Raises InputError then."""
    sha256 = file_sha256(part)
    expected, against = (file.sha256, THE_TABLE) if file.sha256 else (remote.etag, THE_HUB)
    if SHA256.fullmatch(expected) and sha256 != expected:
        part.unlink()
        raise InputError(_other_file(file, sha256, expected, against))
    return sha256


def _other_file(file: WeightFile, sha256: str, expected: str, against: str) -> str:
    return (
        f"{file.name}: another file came from {file.repository}: sha256 {sha256[:12]}…, {against} says "
        f"{expected[:12]}…; nothing was kept; fetch it again, or look at HF_ENDPOINT and what stands between"
    )


def _lock(stream: BinaryIO, file: WeightFile) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"{file.name}: another process is fetching it; wait until it is done") from None


def _endpoint(hub: Any) -> str:  # noqa: ANN401 - a module
    # Read when it is needed: the library itself reads HF_ENDPOINT once, when it is imported.
    return os.environ.get("HF_ENDPOINT") or str(hub.constants.ENDPOINT)


def _failures(hub: Any) -> tuple[type[BaseException], ...]:  # noqa: ANN401 - a module
    """Return what a failed request raises: the base classes stand for whichever HTTP client the library uses."""
    return (OSError, *hub.utils.HfHubHTTPError.__bases__)


def _reason(file: WeightFile, error: BaseException) -> str:
    detail = " ".join(str(error).split())[:160]
    return f"{file.name}: {file.path} of {file.repository} was not fetched ({type(error).__name__}: {detail})"


def _mend(file: WeightFile, error: BaseException, store: WeightStore) -> str:
    name = type(error).__name__
    if name in ("GatedRepoError", "RepositoryNotFoundError"):
        return f"accept the licence at huggingface.co/{file.repository} and log in with `hf auth login`"
    if isinstance(error, OSError) and error.errno in _NO_PLACE:
        return "free space, or give a folder that you may write to as --weights"
    again = "check the network and run the same command again: it goes on where it stopped"
    if name in ("EntryNotFoundError", "RemoteEntryNotFoundError"):
        again = "it is not there any more"
    return f"{again}; or put it as {store.place(file)}; `--backend embedded` needs none"


def _hub() -> Any:  # noqa: ANN401 - a module
    try:
        return import_module("huggingface_hub")
    except ImportError as error:
        raise InputError(f"weights: {error}; pip install 'locate3d_ros[foundation]'") from None
