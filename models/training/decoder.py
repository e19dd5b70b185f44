"""A small decoder of the LLaMA kind (RMSNorm, rotary positions, SwiGLU, tied embeddings) with a key-value cache."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

# Keys and values of one layer, each [batch, heads, past, head_size].
Cache = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Shape:
    vocabulary: int
    context: int
    layers: int
    width: int
    heads: int
    hidden: int

    @property
    def head_size(self) -> int:
        return self.width // self.heads


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = nn.RMSNorm(shape.width, eps=1e-6)
        self.attention = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.attention_out = nn.Linear(shape.width, shape.width, bias=False)
        self.mlp_norm = nn.RMSNorm(shape.width, eps=1e-6)
        self.mlp = nn.Linear(shape.width, 2 * shape.hidden, bias=False)
        self.mlp_out = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor, rotation: Cache, mask: Tensor, past: Cache | None) -> tuple[Tensor, Cache]:
        batch, length, width = x.shape
        parts = self.attention(self.attention_norm(x)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        query, key = rotate(query, rotation), rotate(key, rotation)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.attention_out(mixed.transpose(1, 2).reshape(batch, length, width))
        gate, up = self.mlp(self.mlp_norm(x)).chunk(2, dim=-1)
        return x + self.mlp_out(functional.silu(gate) * up), (key, value)


class Decoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=1e-6)
        frequency = 10_000.0 ** -(torch.arange(0, shape.head_size, 2) / shape.head_size)
        self.register_buffer("frequency", frequency, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, past: list[Cache] | None = None
    ) -> tuple[Tensor, list[Cache]]:
        """Logits [batch, sequence, vocabulary] and the cache, the new tokens' part included.

        attention_mask covers past and new tokens; 0 hides padding, which stands on the left.
        """
        angles = position_ids[:, None, :, None].float() * self.frequency
        rotation = (angles.cos(), angles.sin())
        mask = self.mask(input_ids, attention_mask)
        x = self.embedding(input_ids)
        cache: list[Cache] = []
        for index, layer in enumerate(self.layers):
            x, present = layer(x, rotation, mask, past[index] if past else None)
            cache.append(present)
        return functional.linear(self.norm(x), self.embedding.weight), cache

    def mask(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """What is added to the scores: 0 where a token is seen, a very small number where not.

        Not minus infinity: a row of padding alone would give NaN.
        """
        length, total = input_ids.shape[1], attention_mask.shape[1]
        at = torch.arange(total, device=input_ids.device)
        causal = at[None, :] <= at[total - length :, None]
        seen = causal[None, None] & (attention_mask[:, None, None, :] > 0)
        return torch.where(seen, 0.0, -1e9)


def rotate(x: Tensor, rotation: Cache) -> Tensor:
    """Rotary positions: the first half of a head against the second (Su et al., 2021; halves as LLaMA has them)."""
    cos, sin = rotation
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)
