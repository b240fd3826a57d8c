from __future__ import annotations

import pytest
import torch

from locate3d_ros.model.sparse_conv import SubmanifoldConv, neighbour_table


def random_cells(n: int, side: int, seed: int = 0) -> torch.Tensor:
    places = torch.randperm(side**3, generator=torch.Generator().manual_seed(seed))[:n]
    return torch.stack((places // side**2, places // side % side, places % side), dim=1)


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_convolution_equals_the_dense_one_at_occupied_cells(kernel_size: int) -> None:
    cells, side = random_cells(60, 6), 6
    conv = SubmanifoldConv(4, 7, kernel_size, bias=True)
    torch.nn.init.normal_(conv.bias)
    features = torch.randn(60, 4)
    dense = torch.zeros(1, 4, side, side, side)
    x, y, z = cells.unbind(dim=1)
    dense[0, :, x, y, z] = features.T
    weight = conv.weight.permute(0, 4, 1, 2, 3)
    expected = torch.nn.functional.conv3d(dense, weight, conv.bias, padding=kernel_size // 2)[0, :, x, y, z].T
    torch.testing.assert_close(conv(features, neighbour_table(cells, kernel_size)), expected, atol=1e-5, rtol=1e-5)


def test_far_apart_cells_see_only_themselves() -> None:
    cells = torch.tensor([[0, 0, 0], [60000, 60000, 60000]])
    conv = SubmanifoldConv(2, 2, 3, bias=False)
    features = torch.randn(2, 2)
    torch.testing.assert_close(conv(features, neighbour_table(cells, 3)), features @ conv.weight[:, 1, 1, 1].T)


def test_rows_that_share_a_cell_each_use_their_own_feature() -> None:
    cells = torch.tensor([[1, 1, 1], [1, 1, 1], [1, 1, 2]])
    conv = SubmanifoldConv(1, 1, 3, bias=False)
    torch.nn.init.ones_(conv.weight)
    features = torch.tensor([[1.0], [10.0], [100.0]])
    convolved = conv(features, neighbour_table(cells, 3))[:, 0].tolist()
    assert convolved[:2] == [101.0, 110.0]
    assert convolved[2] in (101.0, 110.0)


def test_gradient_reaches_weight_bias_and_input() -> None:
    conv = SubmanifoldConv(3, 3, 3, bias=True)
    features = torch.randn(20, 3, requires_grad=True)
    conv(features, neighbour_table(random_cells(20, 3), 3)).square().sum().backward()
    assert all(t.grad is not None and t.grad.abs().sum() > 0 for t in (conv.weight, conv.bias, features))
