"""Splits examples into a training, a validation and a test set, so that nothing leaks from one into another."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.training.training_example import TrainingExample

#: What is never parted: all that one person said and thought; what one person said in one conversation; or what came
#: before a moment and what came after it.
Unit = Literal["person", "conversation", "time"]


class ExampleSplits(msgspec.Struct, frozen=True, kw_only=True):
    """Three sets of examples, each in the order in which the examples were given."""

    training: tuple[TrainingExample, ...]
    validation: tuple[TrainingExample, ...]  #: says when to stop; empty: there was too little to split
    test: tuple[TrainingExample, ...]  #: says what was learned; empty: there was too little to split


def split_examples(
    examples: Sequence[TrainingExample],
    *,
    by: Unit = "person",
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
) -> ExampleSplits:
    """Split examples. The same examples and the same seed give the same sets.

    With more examples, most of the earlier ones stay in their sets: a unit's place is a hash of its name. Examples of
    nobody are parted by their conversation, and where they have none, by their origin.

    Args:
        examples: what to split.
        by: what is never parted. ``person`` is for models that many people share. ``conversation`` is for what one
            person has said in several. ``time`` is for one person's own model: the latest examples are the test set,
            those before them the validation set, as they will be when the model serves.
        validation: the share of the validation set, in [0, 1).
        test: the share of the test set, in [0, 1).
        seed: fixes which units are in which set.

    Raises:
        ConfigError: the shares leave nothing to train on; the message names them.
    """
    if validation < 0 or test < 0 or validation + test >= 1:
        raise ConfigError(f"validation ({validation}) and test ({test}) must be shares of 0 or more, below 1 together")
    units: dict[str, list[int]] = {}
    name = _NAMES[by]
    for at, example in enumerate(examples):
        units.setdefault(name(example), []).append(at)
    order = list(units) if by == "time" else sorted(units, key=lambda unit: _hash(seed, unit))
    if by == "time":
        order.reverse()  # the latest first
    chosen = _chosen([units[unit] for unit in order], len(examples), (test, validation), in_order=by == "time")
    held = chosen[0] | chosen[1]
    return ExampleSplits(
        training=tuple(each for at, each in enumerate(examples) if at not in held),
        validation=tuple(each for at, each in enumerate(examples) if at in chosen[1]),
        test=tuple(each for at, each in enumerate(examples) if at in chosen[0]),
    )


def _chosen(
    units: Sequence[Sequence[int]], whole: int, shares: tuple[float, float], *, in_order: bool
) -> tuple[set[int], set[int]]:
    """The places of the examples of the test and the validation set.

    A set takes units until it has its share, and no unit that would make it more than twice as big: one person who says
    more than all others belongs into the training set. Each set takes one unit at least, if one is left to train on.
    """
    found: tuple[set[int], set[int]] = (set(), set())
    left = list(units)
    for chosen, share in zip(found, shares, strict=True):
        wanted = math.ceil(share * whole - 1e-9)
        for unit in list(left):
            if len(chosen) >= wanted or len(left) < 2:
                break
            if (chosen and len(chosen) + len(unit) > 2 * wanted) or len(unit) > max(2 * wanted, whole // 4):
                if in_order:
                    break
                continue
            chosen.update(unit)
            left.remove(unit)
    return found


def _hash(seed: int, unit: str) -> bytes:
    return hashlib.sha256(f"{seed}:{unit}".encode()).digest()


def _reply(example: TrainingExample) -> str:
    """The reply that an example is about: a reply, and the call that it should have been, are one."""
    return example.origin.partition("#")[0]


def _conversation(example: TrainingExample) -> str:
    return f"{example.person} {example.conversation or example.origin}"


def _person(example: TrainingExample) -> str:
    return example.person or _conversation(example)


_NAMES: dict[Unit, Callable[[TrainingExample], str]] = {
    "person": _person,
    "conversation": _conversation,
    "time": _reply,
}
