"""Conversations as tensors, drawn for as long as anybody wants them.

Batch ``b`` of group ``g`` is a pure function of the recipe: a run that goes on at ``(g, b)`` sees what it would have
seen without the break.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from llmagent_os.bots.calendar.recipe.chatml import NO_TOOLS, Dialogue, tools_text
from llmagent_os.bots.calendar.recipe.dialogues import Writer
from llmagent_os.bots.calendar.recipe.hyperparameters import Recipe

IGNORED = -100  #: a target that is none; what ``cross_entropy`` leaves out by default
_PADDING = 0  #: <|endoftext|>

_Row = tuple[list[int], list[bool]]  #: token ids, and which of them are to be learned


@dataclass(frozen=True)
class Batch:
    """One step's data: B conversations that all begin with the same P tokens, the system message with the tools."""

    prefix: Tensor  #: int64 [P]: the ids of the beginning
    ids: Tensor  #: int64 [B, S]: what follows it, padded on the right
    targets: Tensor  #: int64 [B, S]: for each position of ``ids`` the id that comes next, or IGNORED


def corpus(writer: Writer, seed: int, size: int) -> Iterator[str]:
    """``size`` conversations for the tokenizer: what the model will read and write."""
    rng = random.Random(f"{seed}-tokenizer")
    yield from (tools_text(rng) for _ in range(size // 100))
    for number in range(size):
        dialogue = writer.conversation(rng) if number % 5 == 0 else writer.single(rng)
        yield "".join(text for text, _ in dialogue.segments())


def batches(writer: Writer, tokenizer: Tokenizer, recipe: Recipe, group: int, *, stream: str = "train") -> list[Batch]:
    """The batches of one group of conversations, which share their tools; one group in twenty has none.

    Conversations of similar length come together, so that little is padding; the batches are shuffled.

    Args:
        writer: writes the conversations.
        tokenizer: makes numbers of them.
        recipe: gives the seed, the size of the group and of the batches.
        group: the group's number.
        stream: other groups of the same numbers, such as for validation.
    """
    rng = random.Random(f"{recipe.seed}-{stream}-{group}")
    tooled = rng.random() > 0.05
    prefix = torch.tensor(_ids(tokenizer, tools_text(rng) if tooled else NO_TOOLS))
    drawn = [_mixed(writer, rng) if tooled else writer.untooled(rng) for _ in range(recipe.group)]
    rows = sorted((_encoded(tokenizer, dialogue) for dialogue in drawn), key=lambda row: len(row[0]))
    made: list[Batch] = []
    start = 0
    while start < len(rows):
        stop = start + 1
        while stop < len(rows) and (stop + 1 - start) * len(rows[stop][0]) <= recipe.tokens:
            stop += 1
        made.append(_padded(prefix, rows[start:stop]))
        start = stop
    rng.shuffle(made)
    return made


def endless(
    writer: Writer, tokenizer: Tokenizer, recipe: Recipe, group: int, batch: int
) -> Iterator[tuple[Batch, int, int]]:
    """Every batch from number ``batch`` of ``group`` on, each with the group and the number of the one after it."""
    while True:
        drawn = batches(writer, tokenizer, recipe, group)
        for number in range(batch, len(drawn)):
            yield drawn[number], group, number + 1
        group, batch = group + 1, 0


def _mixed(writer: Writer, rng: random.Random) -> Dialogue:
    """Mostly single messages: that is where most of the choosing and copying is."""
    draw = rng.random()
    if draw < 0.7:
        return writer.single(rng)
    if draw < 0.9:
        return writer.conversation(rng)
    return writer.informed(rng)


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def _encoded(tokenizer: Tokenizer, dialogue: Dialogue) -> _Row:
    ids: list[int] = []
    learned: list[bool] = []
    for text, target in dialogue.segments():
        piece = _ids(tokenizer, text)
        ids += piece
        learned += [target] * len(piece)
    return ids, learned


def _padded(prefix: Tensor, rows: list[_Row]) -> Batch:
    width = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), width), _PADDING)
    targets = torch.full((len(rows), width), IGNORED)
    for row, (tokens, learned) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        following = [token if target else IGNORED for token, target in zip(tokens, learned, strict=True)][1:]
        targets[row, : len(following)] = torch.tensor(following)
    return Batch(prefix, ids, targets)
