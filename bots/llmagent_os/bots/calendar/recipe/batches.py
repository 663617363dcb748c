"""Draws conversations without end, and turns them into tensors.

Batch ``b`` of group ``g`` is a pure function of the recipe. So a run that resumes at ``(g, b)`` sees the same data as a
run without the break.
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

IGNORED_TARGET = -100  #: the target of a position without one; ``cross_entropy`` leaves it out by default
_PADDING = 0  #: <|endoftext|>

_Row = tuple[list[int], list[bool]]  #: token ids, and whether each of them is learned


@dataclass(frozen=True)
class Batch:
    """The data of one step: B conversations with the same first P tokens, the system message with the tools."""

    prefix: Tensor  #: int64 [P]: the ids of the shared beginning
    ids: Tensor  #: int64 [B, S]: the ids after the prefix, padded on the right
    targets: Tensor  #: int64 [B, S]: for every position of ``ids``, the next id or IGNORED_TARGET


def corpus(writer: Writer, seed: int, size: int) -> Iterator[str]:
    """Yield ``size`` conversations, and some tool lists, for learning the tokenizer."""
    rng = random.Random(f"{seed}-tokenizer")
    yield from (tools_text(rng) for _ in range(size // 100))
    for number in range(size):
        dialogue = writer.conversation(rng) if number % 5 == 0 else writer.single(rng)
        yield "".join(text for text, _ in dialogue.segments())


def batches(writer: Writer, tokenizer: Tokenizer, recipe: Recipe, group: int, *, stream: str = "train") -> list[Batch]:
    """Draw the batches of one group of conversations with the same tools. One group in twenty has no tools.

    A batch holds conversations of similar length, so that little is padding. The batches are shuffled.

    Args:
        writer: writes the conversations.
        tokenizer: turns text into token ids.
        recipe: gives the seed, the group's size and the batches' size.
        group: the group's number.
        stream: names a separate series of groups, such as the one for validation.
    """
    rng = random.Random(f"{recipe.seed}-{stream}-{group}")
    tooled = rng.random() > 0.05
    prefix = torch.tensor(_ids(tokenizer, tools_text(rng) if tooled else NO_TOOLS))
    drawn = [_any_dialogue(writer, rng) if tooled else writer.untooled(rng) for _ in range(recipe.group)]
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
    """Yield all batches, beginning with number ``batch`` of ``group``.

    Every batch comes with the group and the number of the batch after it.
    """
    while True:
        drawn = batches(writer, tokenizer, recipe, group)
        for number in range(batch, len(drawn)):
            yield drawn[number], group, number + 1
        group, batch = group + 1, 0


def _any_dialogue(writer: Writer, rng: random.Random) -> Dialogue:
    """Write a conversation. Most are single messages, which teach the choice of a tool and copying."""
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
    targets = torch.full((len(rows), width), IGNORED_TARGET)
    for row, (tokens, learned) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        following = [token if target else IGNORED_TARGET for token, target in zip(tokens, learned, strict=True)][1:]
        targets[row, : len(following)] = torch.tensor(following)
    return Batch(prefix, ids, targets)
