"""The parts of a decoder block with gradients written by hand, for training a LoRA.

PyTorch would keep every intermediate tensor and run two to three times as many small operations. Here each part keeps
only what its gradient needs. Frozen weights get no gradient. Sources:

- RMS norm: Zhang & Sennrich 2019, Root Mean Square Layer Normalization, https://arxiv.org/abs/1910.07467.
- Rotary positions: Su et al. 2021, RoFormer, https://arxiv.org/abs/2104.09864.
- Attention with shared keys: Ainslie et al. 2023, GQA, https://arxiv.org/abs/2305.13245.
- LoRA: Hu et al. 2021, https://arxiv.org/abs/2106.09685.

Left out: dropout, and gradients of second order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch.nn import functional

#: On a CPU, attention over at most so many tokens is faster as plain matrix products than in blocks.
_PLAIN_ATTENTION_TOKENS = 1024
#: Larger attention weights, in numbers, are computed again for the gradient instead of being kept.
_KEPT_WEIGHTS = 2**22


class Projection(NamedTuple):
    """A frozen linear layer and its LoRA: ``y = x W^T + bias + scale (x A^T) B^T``."""

    weight: torch.Tensor  #: W, ``[outputs, inputs]``
    bias: torch.Tensor | None  #: ``[outputs]``
    a: torch.Tensor | None  #: A, ``[rank, inputs]``; None: there is no LoRA, or it is off
    b: torch.Tensor | None  #: B, ``[outputs, rank]``
    scale: float


def project(x: torch.Tensor, projections: Sequence[Projection]) -> tuple[torch.Tensor, ...]:
    """Compute several projections of the same input ``[…, inputs]``; each gives ``[…, outputs]``."""
    frozen = tuple((each.weight, each.bias, each.scale) for each in projections)
    loras = [part for each in projections for part in (each.a, each.b)]
    found: tuple[torch.Tensor, ...] = cast("Any", _Project).apply(x.flatten(0, -2), frozen, *loras)
    return tuple(each.view(*x.shape[:-1], each.shape[-1]) for each in found)


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, frozen: Any, *loras: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
        downs = [a for a in loras[::2] if a is not None]
        ups = [
            None if b is None else (b * scale).to(x.dtype)  # [outputs, rank]
            for b, (_, _, scale) in zip(loras[1::2], frozen, strict=True)
        ]
        down = torch.cat(downs).to(x.dtype) if downs else x.new_zeros(0, x.shape[1])  # [all ranks, inputs]
        inner = x @ down.T  # [tokens, all ranks]
        outputs: list[torch.Tensor] = []
        parts = iter(torch.split(inner, [len(a) for a in downs], 1))
        for (weight, bias, _), up in zip(frozen, ups, strict=True):
            output = functional.linear(x, weight, bias)  # [tokens, outputs]
            outputs.append(output if up is None else output.addmm_(next(parts), up.T))
        ctx.save_for_backward(x, down, inner)
        ctx.frozen, ctx.ups = frozen, ups
        ctx.ranks = [None if a is None else len(a) for a in loras[::2]]
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        x, down, inner = ctx.saved_tensors
        inner_gradient = torch.empty_like(inner)
        ups: list[torch.Tensor | None] = []
        at = 0
        for gradient, (_, _, scale), up, rank in zip(gradients, ctx.frozen, ctx.ups, ctx.ranks, strict=True):
            if rank is None:
                ups.append(None)
                continue
            part = slice(at, at := at + rank)
            ups.append((gradient.T @ inner[:, part]).float().mul_(scale))  # [outputs, rank]
            inner_gradient[:, part] = gradient @ up
        down_gradient = (inner_gradient.T @ x).float()  # [all ranks, inputs]
        downs = iter(down_gradient.split([rank for rank in ctx.ranks if rank is not None]))
        loras = [part for up in ups for part in ((None, None) if up is None else (next(downs), up))]
        x_gradient = None
        if ctx.needs_input_grad[0]:
            x_gradient = inner_gradient @ down  # [tokens, inputs]
            for gradient, (weight, _, _) in zip(gradients, ctx.frozen, strict=True):
                x_gradient.addmm_(gradient, weight)
        return x_gradient, None, *loras


def rms_norm(x: torch.Tensor, weight: torch.Tensor, epsilon: float, dtype: torch.dtype) -> torch.Tensor:
    """Compute ``w x / rms(x)`` in fp32, of ``x`` ``[…, width]``; gives it in ``dtype``."""
    found: torch.Tensor = cast("Any", _RmsNorm).apply(x.float(), weight.float(), epsilon, dtype)
    return found


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float, dtype: torch.dtype) -> torch.Tensor:
        norm: torch.Tensor = cast("Any", torch.linalg).vector_norm(x, dim=-1, keepdim=True)
        mean_square = norm.square_().div_(x.shape[-1])
        inverse = mean_square.add_(epsilon).rsqrt_()  # […, 1]
        ctx.save_for_backward(x, weight, inverse)
        return (x * inverse).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        x, weight, inverse = ctx.saved_tensors
        found = gradients[0].float() * weight  # […, width]
        along = (found * x).sum(-1, keepdim=True).mul_(inverse.pow(3).div_(x.shape[-1]))
        return found.mul_(inverse).addcmul_(x, along, value=-1), None, None, None


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turn pairs of numbers of ``x`` ``[rows, tokens, heads, size]`` by their positions' angles ``[…, tokens, size]``.

    The number at ``i`` and that at ``i + size / 2`` are a pair.
    """
    found: torch.Tensor = cast("Any", _Rotate).apply(x, cos[..., None, :], sin[..., None, :])
    return found


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        cos, sin = ctx.saved_tensors
        return _turned(gradients[0], cos, sin, -1), None, None


def _turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, sign: int) -> torch.Tensor:
    half = x.shape[-1] // 2
    found = x * cos
    found[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-sign)
    found[..., half:].addcmul_(x[..., :half], sin[..., half:], value=sign)
    return found


def attend(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, visible: torch.Tensor, scale: float
) -> torch.Tensor:
    """Compute ``softmax(scale Q K^T) V`` where ``visible``.

    Args:
        queries: ``[rows, asked tokens, heads, size]``.
        keys: ``[rows, tokens, key heads, size]``; several heads share a key head.
        values: as ``keys``.
        visible: bool, ``[rows or 1, asked tokens, tokens]``: which tokens an asked token sees, itself at least.
        scale: of the scores.

    Returns:
        ``[rows, asked tokens, heads * size]``.
    """
    if queries.device.type == "cpu" and keys.shape[1] <= _PLAIN_ATTENTION_TOKENS:
        plain: torch.Tensor = cast("Any", _Attend).apply(queries, keys, values, visible, scale)
        return plain
    found = functional.scaled_dot_product_attention(
        queries.transpose(1, 2),
        keys.transpose(1, 2),
        values.transpose(1, 2),
        attn_mask=visible[:, None],
        scale=scale,
        enable_gqa=queries.shape[2] != keys.shape[2],
    )
    return found.transpose(1, 2).flatten(2)


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, visible: torch.Tensor, scale: float
    ) -> torch.Tensor:
        rows, asked, heads, _ = queries.shape
        shape = rows, keys.shape[2], heads // keys.shape[2], asked  # heads with a common key head lie side by side
        q, k, v = _grouped(queries, shape), _key_heads(keys), _key_heads(values)
        weights = _attention_weights(q.mul_(scale), k, visible, shape)
        ctx.save_for_backward(q, k, v, visible, weights if weights.numel() <= _KEPT_WEIGHTS else None)
        ctx.shape, ctx.scale = shape, scale
        return _ungrouped(torch.bmm(weights, v), shape).flatten(2)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        q, k, v, visible, weights = ctx.saved_tensors
        rows, key_heads, group, asked = shape = ctx.shape
        if weights is None:
            weights = _attention_weights(q, k, visible, shape)
        gradient = _grouped(gradients[0].reshape(rows, asked, key_heads * group, -1), shape)
        value_gradient = torch.bmm(weights.transpose(1, 2), gradient)
        scores: torch.Tensor = cast("Any", torch)._softmax_backward_data(
            torch.bmm(gradient, v.transpose(1, 2)), weights, -1, weights.dtype
        )
        query_gradient = torch.bmm(scores, k).mul_(ctx.scale)
        key_gradient = torch.bmm(scores.transpose(1, 2), q)
        keys = [each.view(rows, key_heads, *each.shape[1:]).transpose(1, 2) for each in (key_gradient, value_gradient)]
        return _ungrouped(query_gradient, shape), *keys, None, None


def _attention_weights(
    q: torch.Tensor, k: torch.Tensor, visible: torch.Tensor, shape: tuple[int, int, int, int]
) -> torch.Tensor:
    """Compute ``softmax(Q K^T)`` where visible: ``[rows * key heads, group * asked, tokens]``."""
    scores = torch.bmm(q, k.transpose(1, 2))
    hidden = torch.zeros_like(visible, dtype=q.dtype).masked_fill_(~visible, -torch.inf)
    scores.view(*shape, -1).add_(hidden[:, None, None])
    return torch.softmax(scores, -1)


def _grouped(x: torch.Tensor, shape: tuple[int, int, int, int]) -> torch.Tensor:
    """Lay ``[rows, asked, heads, size]`` out anew as ``[rows * key heads, group * asked, size]``."""
    rows, key_heads, group, asked = shape
    parts = x.reshape(rows, asked, key_heads, group, -1).permute(0, 2, 3, 1, 4)
    return parts.clone(memory_format=torch.contiguous_format).view(rows * key_heads, group * asked, -1)


def _ungrouped(x: torch.Tensor, shape: tuple[int, int, int, int]) -> torch.Tensor:
    """Lay ``[rows * key heads, group * asked, size]`` out as ``[rows, asked, heads, size]``."""
    return x.view(*shape, -1).permute(0, 3, 1, 2, 4).flatten(2, 3)


def _key_heads(x: torch.Tensor) -> torch.Tensor:
    """Lay ``[rows, tokens, key heads, size]`` out as ``[rows * key heads, tokens, size]``."""
    return x.transpose(1, 2).flatten(0, 1)
