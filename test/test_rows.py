from __future__ import annotations

import pytest
import torch

from locate3d_ros.model import rows
from locate3d_ros.model.rows import in_pieces


@pytest.mark.parametrize(("n", "multiple"), [(1, 1), (999, 1), (7, 7), (70, 7), (96, 32)])
def test_pieces_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch, n: int, multiple: int) -> None:
    monkeypatch.setattr(rows, "PIECE_ROWS", {"cpu": 10})
    a, b, seen = torch.randn(n, 3), torch.randn(n, 2), []

    def function(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        return torch.cat((y, x * 2), dim=1)

    assert torch.equal(in_pieces(function, a, b, multiple=multiple), function(a, b))
    assert all(length % multiple == 0 for length in seen)
    assert max(seen[:-1]) <= max(10, multiple)


def test_gradient_passes_through_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "PIECE_ROWS", {"cpu": 4})
    x = torch.randn(11, 2, requires_grad=True)
    in_pieces(lambda piece: piece**2, x).sum().backward()
    torch.testing.assert_close(x.grad, 2 * x.detach())
