"""Gradients written by hand: each must be what PyTorch finds by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
from torch.nn import functional

from llmagent_os.training import decoder_functions
from llmagent_os.training.decoder_functions import Projection, attend, project, rms_norm, rotate


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape))).requires_grad_()


def assert_same(
    ours: Callable[..., torch.Tensor], theirs: Callable[..., torch.Tensor], inputs: list[torch.Tensor]
) -> None:
    """The same value, and the same gradient of each input, towards a random direction."""
    results: list[list[Any]] = []
    for function in (ours, theirs):
        value = function(*inputs)
        found = cast("Any", torch.autograd).grad((value * value.detach().cos()).sum(), inputs)
        results.append([value, *found])
    for mine, their in zip(*results, strict=True):
        assert torch.allclose(mine, their, atol=1e-5)


def test_rms_norm() -> None:
    weight = numbers(8).detach()

    def ours(x: torch.Tensor) -> torch.Tensor:
        return rms_norm(x, weight, 1e-5, torch.float32)

    def theirs(x: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(x, (8,), weight, 1e-5)

    assert_same(ours, theirs, [numbers(2, 3, 8)])


def test_rotation() -> None:
    angles = numbers(2, 5, 3).detach()
    cos, sin = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)

    def theirs(x: torch.Tensor) -> torch.Tensor:
        first, second = x.chunk(2, -1)
        return x * cos[:, :, None] + torch.cat([-second, first], -1) * sin[:, :, None]

    def ours(x: torch.Tensor) -> torch.Tensor:
        return rotate(x, cos, sin)

    assert_same(ours, theirs, [numbers(2, 5, 4, 6)])


@pytest.mark.parametrize("kept", [0, 2**22])
@pytest.mark.parametrize("longest", [0, 1024])
def test_attention(monkeypatch: pytest.MonkeyPatch, kept: int, longest: int) -> None:
    """Kept weights, weights computed again, and PyTorch's own attention where rows are long."""
    monkeypatch.setattr(decoder_functions, "_KEPT_WEIGHTS", kept)
    monkeypatch.setattr(decoder_functions, "_PLAIN_ATTENTION_TOKENS", longest)
    visible = torch.ones(2, 3, 5, dtype=torch.bool).tril(2)
    visible[1, 2, 1] = False

    def theirs(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        keys, values = keys.repeat_interleave(2, 2), values.repeat_interleave(2, 2)
        scores = torch.einsum("rqhd,rkhd->rhqk", queries, keys) * 0.3
        weights = torch.softmax(scores.masked_fill(~visible[:, None], -torch.inf), -1)
        return torch.einsum("rhqk,rkhd->rqhd", weights, values).flatten(2)

    inputs = [numbers(2, 3, 4, 6), numbers(2, 5, 2, 6), numbers(2, 5, 2, 6, seed=1)]

    def ours(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return attend(queries, keys, values, visible, 0.3)

    assert_same(ours, theirs, inputs)


def test_projections_of_one_input() -> None:
    """One with a LoRA and a bias, one without a LoRA, and one with a LoRA of another rank."""
    weights = [numbers(4, 6).detach(), numbers(5, 6).detach(), numbers(3, 6).detach()]
    bias = numbers(4).detach()

    def ours(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
        first = Projection(weights[0], bias, a, b, 2.0)
        second = Projection(weights[1], None, None, None, 1.0)
        return torch.cat(project(x, [first, second, Projection(weights[2], None, c, d, 0.5)]), -1)

    def theirs(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
        first = x @ weights[0].T + bias + 2.0 * (x @ a.T @ b.T)
        return torch.cat([first, x @ weights[1].T, x @ weights[2].T + 0.5 * (x @ c.T @ d.T)], -1)

    assert_same(ours, theirs, [numbers(2, 7, 6), numbers(2, 6), numbers(4, 2), numbers(1, 6), numbers(3, 1)])
