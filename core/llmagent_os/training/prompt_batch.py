"""Lays prompts and responses out as tensors. Responses to the same prompt share its tokens, which are computed once.

A sequence is a prompt and its responses, one after the other::

    prompt  response 1  response 2
    p0 p1   a0 a1       b0 b1

``a0`` and ``b0`` both stand at position 2. A response sees the prompt and itself, and no other response. The last token
of a response is left out: nothing follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch.nn.utils.rnn import pad_sequence


@dataclass(eq=False)
class ResponseRow:
    """A prompt with a response, and what is remembered of them."""

    prompt: tuple[int, ...]
    response: tuple[int, ...]
    frozen: torch.Tensor | None = None  #: [tokens but the last, width]: the states below the LoRA
    #: [response tokens]: the reference's log-probabilities
    reference: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    #: [response tokens, width]: the reference's last states before each response token
    reference_states: torch.Tensor = field(default_factory=lambda: torch.zeros(0, 0))

    @property
    def length(self) -> int:
        """The number of tokens of prompt and response."""
        return len(self.prompt) + len(self.response)


@dataclass(eq=False)
class PromptBatch:
    """Sequences of one batch. Each is filled up at its end, where nothing looks."""

    groups: list[list[ResponseRow]]  #: the rows of each sequence
    tokens: torch.Tensor  #: [sequences, longest]
    positions: torch.Tensor  #: [sequences or 1, longest]
    visible: torch.Tensor  #: bool, [sequences or 1, longest, longest]: which tokens a token sees
    asked: torch.Tensor  #: [sequences, most asked]: the places of tokens that a response token follows; filled with 0
    order: torch.Tensor  #: [response tokens]: where each response token's predecessor is in ``asked``, flattened

    def asked_of(self, states: torch.Tensor) -> torch.Tensor:
        """Take the asked places out of ``[sequences, longest, …]``: ``[sequences, most asked, …]``."""
        return states[torch.arange(len(self.tokens), device=states.device)[:, None], self.asked]

    def frozen(self) -> torch.Tensor | None:
        """The remembered states below the LoRA, ``[sequences, longest, width]``, if all rows have them."""
        found: list[torch.Tensor] = []
        for first, *others in self.groups:
            if first.frozen is None or any(each.frozen is None for each in others):
                return None
            parts = [each.frozen[len(each.prompt) :] for each in others if each.frozen is not None]
            found.append(torch.cat([first.frozen, *parts]) if parts else first.frozen)
        return pad_sequence(found, batch_first=True)

    def keep_frozen(self, states: torch.Tensor) -> None:
        """Give every row its part of the states below the LoRA, ``[sequences, longest, width]``."""
        for group, own in zip(self.groups, states, strict=True):
            at = prompt = len(group[0].prompt)
            for row in group:
                end = at + len(row.response) - 1
                row.frozen = torch.cat([own[:prompt], own[at:end]])
                at = end


def grouped(rows: Sequence[ResponseRow]) -> list[list[ResponseRow]]:
    """Put rows with the same prompt together; groups and rows stay in the order of their first row."""
    found: dict[tuple[int, ...], list[ResponseRow]] = {}
    for row in rows:
        found.setdefault(row.prompt, []).append(row)
    return list(found.values())


def prompt_batch(rows: Sequence[ResponseRow], device: torch.device, *, share: bool) -> PromptBatch:
    """Lay rows out.

    Args:
        rows: prompts and responses.
        device: where the tensors lie.
        share: whether rows with the same prompt share a sequence.
    """
    groups = grouped(rows) if share else [[row] for row in rows]
    tokens: list[list[int]] = []
    positions: list[list[int]] = []
    branches: list[list[int]] = []  # 0: the prompt; n: the n-th response
    asked: list[list[int]] = []
    places: dict[int, tuple[int, list[int]]] = {}  # of each row: its sequence, and where its predecessors are in asked
    for number, group in enumerate(groups):
        prompt = len(group[0].prompt)
        sequence, position, branch = [*group[0].prompt], [*range(prompt)], [0] * prompt
        wanted = [prompt - 1]
        for response, row in enumerate(group, 1):
            own = len(row.response) - 1
            places[id(row)] = number, [0, *range(len(wanted), len(wanted) + own)]
            wanted += range(len(sequence), len(sequence) + own)
            sequence += row.response[:-1]
            position += range(prompt, prompt + own)
            branch += [response] * own
        tokens.append(sequence)
        positions.append(position)
        branches.append(branch)
        asked.append(wanted)
    most = max(map(len, asked))
    order = [number * most + at for number, found in (places[id(row)] for row in rows) for at in found]
    laid = _filled(tokens, device)
    causal = torch.ones(laid.shape[1], laid.shape[1], dtype=torch.bool, device=device).tril()[None]
    if len(groups) < len(rows):
        branch_of = _filled(branches, device)
        other = branch_of[:, None, :]  # [sequences, 1, seen token]
        causal = causal & ((other == 0) | (other == branch_of[:, :, None]))
        position_of = _filled(positions, device)
    else:
        position_of = torch.arange(laid.shape[1], device=device)[None]
    return PromptBatch(groups, laid, position_of, causal, _filled(asked, device), torch.tensor(order, device=device))


def _filled(rows: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
    """Make a tensor ``[rows, longest]``, filled with 0."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=device)
