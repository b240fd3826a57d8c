from __future__ import annotations

import pytest
import torch

from locate3d_ros.errors import InputError
from locate3d_ros.model.sparse_conv import GatherTable, PairTable, SubmanifoldConv, find_neighbours
from locate3d_ros.model.spconv_backend import SpconvTable

portable = pytest.mark.parametrize("table", [PairTable, GatherTable])


def random_cells(n: int, side: int, seed: int = 0) -> torch.Tensor:
    places = torch.randperm(side**3, generator=torch.Generator().manual_seed(seed))[:n]
    return torch.stack((places // side**2, places // side % side, places % side), dim=1)


@portable
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_convolution_equals_the_dense_one_at_occupied_cells(table, kernel_size: int) -> None:
    cells, side = random_cells(60, 6), 6
    conv = SubmanifoldConv(4, 7, kernel_size, bias=True)
    torch.nn.init.normal_(conv.bias)
    features = torch.randn(60, 4)
    dense = torch.zeros(1, 4, side, side, side)
    x, y, z = cells.unbind(dim=1)
    dense[0, :, x, y, z] = features.T
    weight = conv.weight.permute(0, 4, 1, 2, 3)
    expected = torch.nn.functional.conv3d(dense, weight, conv.bias, padding=kernel_size // 2)[0, :, x, y, z].T
    torch.testing.assert_close(conv(features, table.of(cells, kernel_size)), expected, atol=1e-5, rtol=1e-5)


@portable
def test_far_apart_cells_see_only_themselves(table) -> None:
    cells = torch.tensor([[0, 0, 0], [60000, 60000, 60000]])
    conv = SubmanifoldConv(2, 2, 3, bias=False)
    features = torch.randn(2, 2)
    torch.testing.assert_close(conv(features, table.of(cells, 3)), features @ conv.weight[:, 1, 1, 1].T)


@portable
def test_rows_that_share_a_cell_each_use_their_own_feature(table) -> None:
    cells = torch.tensor([[1, 1, 1], [1, 1, 1], [1, 1, 2]])
    conv = SubmanifoldConv(1, 1, 3, bias=False)
    torch.nn.init.ones_(conv.weight)
    features = torch.tensor([[1.0], [10.0], [100.0]])
    convolved = conv(features, table.of(cells, 3))[:, 0].tolist()
    assert convolved[:2] == [101.0, 110.0]
    assert convolved[2] in (101.0, 110.0)


@portable
def test_gradient_reaches_weight_bias_and_input(table) -> None:
    conv = SubmanifoldConv(3, 3, 3, bias=True)
    features = torch.randn(20, 3, requires_grad=True)
    conv(features, table.of(random_cells(20, 3), 3)).square().sum().backward()
    assert all(t.grad is not None and t.grad.abs().sum() > 0 for t in (conv.weight, conv.bias, features))


def test_gather_in_pieces_equals_one_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    conv = SubmanifoldConv(5, 4, 3, bias=True)
    features, table = torch.randn(50, 5), GatherTable.of(random_cells(50, 5), 3)
    whole = conv(features, table)
    monkeypatch.setattr("locate3d_ros.model.sparse_conv.GATHERED", 7 * 27 * 5)
    torch.testing.assert_close(conv(features, table), whole)


def test_spconv_is_refused_on_a_cpu_in_one_line() -> None:
    with pytest.raises(InputError, match="runs on CUDA only; give convolution = 'portable'"):
        find_neighbours(random_cells(5, 3), 3, "spconv")


@pytest.mark.cuda
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_every_backend_on_a_gpu_gives_the_numbers_of_the_cpu(kernel_size: int) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    cells, features, conv = (
        random_cells(3000, 25),
        torch.randn(3000, 32),
        SubmanifoldConv(32, 48, kernel_size, bias=True),
    )
    expected = conv(features, PairTable.of(cells, kernel_size))
    on_gpu = conv.cuda()
    gathered = on_gpu(features.cuda(), find_neighbours(cells.cuda(), kernel_size))
    torch.testing.assert_close(gathered.cpu(), expected, atol=1e-4, rtol=1e-4)
    pytest.importorskip("spconv", reason="spconv is not installed")
    table = SpconvTable.of(cells.cuda(), kernel_size)
    torch.testing.assert_close(on_gpu(features.cuda(), table).cpu(), expected, atol=2e-3, rtol=2e-3)
    with torch.no_grad():
        torch.testing.assert_close(on_gpu(features.cuda(), table).cpu(), expected, atol=2e-3, rtol=2e-3)
