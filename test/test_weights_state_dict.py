"""State dicts from files: tensors alone, and exactly those of the module."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from locate3d_ros.errors import InputError
from locate3d_ros.weights.state_dict import assemble, read_tensors, require_state

STATE = {"weight": torch.tensor([[1.0, 2.0]]), "bias": torch.tensor([3.0])}


class _Code:
    """What a file with code in it looks like to the reader."""

    def __reduce__(self):
        return (print, ("this was executed",))


def make_linear():
    return nn.Linear(2, 1)


@pytest.fixture(params=["model.safetensors", "model.pth"])
def path(request, tmp_path):
    path = tmp_path / request.param
    (save_file if path.suffix == ".safetensors" else torch.save)(STATE, path)
    return path


def test_tensors_are_read_as_they_were_written(path):
    state = read_tensors(path)
    assert set(state) == set(STATE)
    assert all(torch.equal(state[key], STATE[key]) for key in STATE)


def test_a_module_gets_exactly_these_tensors_and_is_ready(path):
    module = assemble(make_linear, read_tensors(path), path)
    assert module(torch.tensor([1.0, 1.0])).item() == 6.0
    assert not module.training
    assert not any(parameter.requires_grad for parameter in module.parameters())


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({"weight": STATE["weight"]}, r"1 missing keys \(bias\)"),
        (STATE | {"extra": torch.zeros(1)}, r"1 unexpected keys \(extra\)"),
        (STATE | {"bias": torch.zeros(2)}, r"1 misshapen keys \(bias \[2\] instead of \[1\]\)"),
    ],
)
def test_other_keys_and_shapes_are_named(tmp_path, state, problem):
    with pytest.raises(InputError, match=f"x.pth: not the expected weights: {problem}; fetch the right file"):
        require_state(make_linear(), state, tmp_path / "x.pth")


def test_code_in_a_file_is_refused_and_not_run(tmp_path, capsys):
    torch.save({"weight": _Code()}, tmp_path / "evil.pth")
    with pytest.raises(InputError, match="holds more than tensors"):
        read_tensors(tmp_path / "evil.pth")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["page.safetensors", "page.pth"])
@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x80\x02}q\x00."])
def test_what_is_no_weight_file_is_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        read_tensors(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_cut_is_one_line(path):
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="fetch it again"):
        read_tensors(path)


def test_a_missing_file_is_one_line(tmp_path):
    for name in ("none.safetensors", "none.pth"):
        with pytest.raises(InputError, match=f"{name}: no such file"):
            read_tensors(tmp_path / name)


@pytest.mark.parametrize("content", [[torch.zeros(1)], {}, {"model": {"weight": torch.zeros(1)}}])
def test_a_file_without_a_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(InputError, match="holds no state dict"):
        read_tensors(tmp_path / "other.pth")
