"""Multi-head attention with packed projections, as torch's state dicts name them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from locate3d_ros.model.layers import Linear

KeysValues = tuple[Tensor, Tensor]  # each [1, heads, m, width / heads]


class PackedAttention(nn.Module):
    """Attention of one set of rows to another; keys and values come from the same memory."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        """Attend from queries (q, width) to memory (m, width) -> (q, width)."""
        return self.attend(queries, self.keys_values(memory))

    def keys_values(self, memory: Tensor) -> KeysValues:
        """Project memory (m, width) to keys and values."""
        width = memory.shape[1]
        memory = memory.to(self.in_proj_weight.dtype)
        return self.by_head(functional.linear(memory, self.in_proj_weight[width:], self.in_proj_bias[width:]))

    def by_head(self, both: Tensor) -> KeysValues:
        """Split projected keys and values, side by side (m, 2 width), into heads."""
        key, value = torch.split(both, both.shape[1] // 2, dim=1)
        return self._by_head(key), self._by_head(value)

    def attend(self, queries: Tensor, keys_values: KeysValues) -> Tensor:
        """Attend from queries (q, width) to projected memory -> (q, width)."""
        width = queries.shape[1]
        queries = queries.to(self.in_proj_weight.dtype)
        query = functional.linear(queries, self.in_proj_weight[:width], self.in_proj_bias[:width])
        attended = functional.scaled_dot_product_attention(self._by_head(query), *keys_values)
        output: Tensor = self.out_proj(attended[0].transpose(0, 1).flatten(1))
        return output

    def _by_head(self, rows: Tensor) -> Tensor:
        """(r, width) -> (1, heads, r, width / heads)."""
        return rows.reshape(len(rows), self.heads, -1).transpose(0, 1)[None]
