"""Small weight files, the hub that has them, and an environment that knows no other."""

from __future__ import annotations

import hashlib

import pytest
import torch
from safetensors.torch import save

from locate3d_ros.weights.catalog import WeightFile

CONTENT = save({"weight": torch.arange(50_000, dtype=torch.float32)})
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def weight_file(**changes) -> WeightFile:
    """Return an entry of the table for CONTENT, without a checksum that is known beforehand."""
    values = {
        "name": "small",
        "purpose": "a test",
        "repository": "owner/small-model",
        "path": "parts/model.safetensors",
        "file": "small.safetensors",
        "gigabytes": 0.2,
        "licence": "MIT",
    }
    return WeightFile(**(values | changes))


def isolate(monkeypatch: pytest.MonkeyPatch, tmp_path, endpoint: str) -> None:
    """Let the commands find no cache, no token and no server but these, and let nobody wait before another try."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("HF_HUB_CACHE", "HF_TOKEN", "LOCATE3D_WEIGHTS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
