"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of the outside test data; the test is skipped where it is missing."""
    folder = Path(os.environ.get("LOCATE3D_TEST_DATA", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"outside test data not found: {folder}; set LOCATE3D_TEST_DATA")
    return folder
