"""`locate3d weights`: which weight files there are, fetched and verified."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from locate3d_ros.cli.tables import print_plain_table
from locate3d_ros.cli.weights_arguments import FetchArguments, ListArguments, PlaceArguments, WeightsArguments
from locate3d_ros.errors import InputError
from locate3d_ros.weights.catalog import CATALOG, FOUNDATION, WeightFile, entry
from locate3d_ros.weights.fetching import fetch
from locate3d_ros.weights.store import Verified, WeightStore, cache_folder

_HEADS = ("name", "purpose", "GB", "licence", "source: huggingface.co/…", "sha256", "here")
_UNPUBLISHED = "the hub's, at the fetch"


def run_weights(arguments: WeightsArguments) -> None:
    """List, fetch or verify. Raises InputError for unknown names, missing and wrong files, and failed downloads."""
    action = arguments.action
    store = WeightStore(str(action.weights or ""))
    if isinstance(action, ListArguments):
        _require_folder(action, store)
        _list(store)
    elif isinstance(action, FetchArguments):
        _fetch([entry(name) for name in action.names or FOUNDATION], store)
    else:
        _require_folder(action, store)
        _verify(action.names, store)


def _list(store: WeightStore) -> None:
    rows = [
        (
            file.name,
            file.purpose,
            f"{file.gigabytes:.2f}",
            file.licence,
            f"{file.repository}/{file.path}",
            f"{file.sha256[:12]}… (below)" if file.sha256 else _UNPUBLISHED,
            "yes" if store.find(file) else "no",
        )
        for file in CATALOG
    ]
    print_plain_table(f"Weight files in {_place(store)}", _HEADS, rows)
    known = "".join(f"  {file.sha256}  {file.file}\n" for file in CATALOG if file.sha256)
    sys.stdout.write(f"sha256 that are known beforehand:\n{known}`--backend embedded` needs none of these files.\n")


def _fetch(files: Sequence[WeightFile], store: WeightStore) -> None:
    for file in files:
        if store.find(file) is None:
            _tell(f"{file.name}: {file.gigabytes:.2f} GB from huggingface.co/{file.repository}; {file.licence}")
        _print(file, fetch(file, store))


def _verify(names: Sequence[str], store: WeightStore) -> None:
    """Verify the named files, or all that are here, each whatever becomes of the others."""
    files = [entry(name) for name in names] or [file for file in CATALOG if store.find(file)]
    if not files:
        raise InputError(f"{_place(store)}: holds no weight file; run `locate3d weights fetch`, or give --weights DIR")
    faults = []
    for file in files:
        try:
            _print(file, _read(file, store))
        except InputError as fault:
            faults.append(str(fault))
    if faults:
        raise InputError("; ".join(faults))


def _read(file: WeightFile, store: WeightStore) -> Verified:
    # Only this needs torch, which takes seconds to import.
    from locate3d_ros.weights.state_dict import read_tensors

    path = store.find(file)
    if path is not None:
        read_tensors(path)
    return store.require(file, reread=True)


def _print(file: WeightFile, verified: Verified) -> None:
    sys.stdout.write(f"{file.name}: {verified.path}\n  sha256 {verified.sha256}, compared with {verified.against}\n")


def _require_folder(place: PlaceArguments, store: WeightStore) -> None:
    if store.folder is not None and not store.folder.is_dir():
        named = "--weights" if place.weights else "LOCATE3D_WEIGHTS"
        raise InputError(
            f"{named} {store.folder}: no such folder; check the path, or make it by `locate3d weights fetch`"
        )


def _place(store: WeightStore) -> Path:
    return store.folder or cache_folder()


def _tell(line: str) -> None:
    sys.stderr.write(f"fetching {line}\n")
