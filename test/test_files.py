from __future__ import annotations

from pathlib import Path

import pytest

from locate3d_ros.errors import InputError
from locate3d_ros.files import write_file


def test_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "map.bin"
    write_file(target, b"old")
    write_file(target, b"new content")
    assert target.read_bytes() == b"new content"
    assert list(tmp_path.iterdir()) == [target]


def test_file_in_a_missing_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing/out.png: cannot be written \(No such file or directory\)"):
        write_file(tmp_path / "missing" / "out.png", b"")


def test_target_that_is_a_folder_is_refused_and_no_temporary_file_stays(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InputError, match="folder: cannot be written"):
        write_file(folder, b"x")
    assert list(tmp_path.iterdir()) == [folder]


def test_file_gets_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_file(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode
