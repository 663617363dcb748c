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

from llmagent_os.serving.drawn_words import DrawnWords


@dataclass(eq=False)
class ResponseRow:
    """A prompt with a response, and what is remembered of them."""

    prompt: tuple[int, ...]
    response: tuple[int, ...]
    drawn: DrawnWords | None = None  #: the rule that the response was drawn by, if that is asked for
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
    #: [asked tokens]: the places of the tokens that response tokens follow from, in ``tokens``, flattened
    asked: torch.Tensor
    laid: torch.Tensor  #: [sequences, most asked]: each sequence's part of ``asked``, filled with its first
    unlaid: torch.Tensor  #: [asked tokens]: where each of ``asked`` is in ``laid``, flattened
    order: torch.Tensor  #: [response tokens]: where the token that each one follows from is in ``asked``

    def asked_of(self, states: torch.Tensor) -> torch.Tensor:
        """Take the asked tokens out of ``[sequences, longest, …]``: ``[asked tokens, …]``."""
        return states.flatten(0, 1).index_select(0, self.asked)

    def lay(self, asked: torch.Tensor) -> torch.Tensor:
        """Lay ``[asked tokens, …]`` out as ``[sequences, most asked, …]``."""
        return asked.index_select(0, self.laid.flatten()).view(*self.laid.shape, *asked.shape[1:])

    def unlay(self, laid: torch.Tensor) -> torch.Tensor:
        """Undo :meth:`lay`."""
        return laid.flatten(0, 1).index_select(0, self.unlaid)

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
                end = at + max(0, len(row.response) - 1)
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
    sequences = [_Sequence(group) for group in groups]
    longest = max(len(each.tokens) for each in sequences)
    most = max(len(each.asked) for each in sequences)
    asked: list[int] = []
    laid: list[list[int]] = []
    unlaid: list[int] = []
    places: dict[int, list[int]] = {}  # of each row
    for number, each in enumerate(sequences):
        begin = len(asked)
        places |= {key: [begin + at for at in found] for key, found in each.places.items()}
        asked += [number * longest + at for at in each.asked]
        laid.append([*range(begin, len(asked)), *[begin] * (most - len(each.asked))])
        unlaid += range(number * most, number * most + len(each.asked))
    visible = torch.ones(longest, longest, dtype=torch.bool, device=device).tril()[None]
    positions = torch.arange(longest, device=device)[None]
    if len(groups) < len(rows):
        branches = _filled([each.branches for each in sequences], device)
        seen = branches[:, None, :]  # [sequences, 1, seen token]
        visible = visible & ((seen == 0) | (seen == branches[:, :, None]))
        positions = _filled([each.positions for each in sequences], device)
    return PromptBatch(
        groups=groups,
        tokens=_filled([each.tokens for each in sequences], device),
        positions=positions,
        visible=visible,
        asked=torch.tensor(asked, device=device),
        laid=torch.tensor(laid, device=device),
        unlaid=torch.tensor(unlaid, device=device),
        order=torch.tensor([at for row in rows for at in places[id(row)]], dtype=torch.long, device=device),
    )


class _Sequence:
    """A prompt and its responses as lists, one entry a token."""

    def __init__(self, group: Sequence[ResponseRow]) -> None:
        length = len(group[0].prompt)
        self.tokens = [*group[0].prompt]
        self.positions = [*range(length)]
        self.branches = [0] * length  # 0: the prompt; n: the n-th response
        self.asked = [length - 1]  # the places of tokens that a response token follows from
        self.places: dict[int, list[int]] = {}  # of each row: where these are in ``asked``
        for number, row in enumerate(group, 1):
            own = max(0, len(row.response) - 1)
            self.places[id(row)] = [0, *range(len(self.asked), len(self.asked) + own)] if row.response else []
            self.asked += range(len(self.tokens), len(self.tokens) + own)
            self.tokens += row.response[:-1]
            self.positions += range(length, length + own)
            self.branches += [number] * own


def _filled(rows: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
    """Make a tensor ``[rows, longest]``, filled with 0."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=device)
