"""Prepares examples that somebody wrote: steps 1 and 2 of fine-tuning, for a file and not for reactions."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from llmagent_os.chat import ToolSpec
from llmagent_os.errors import ConfigError
from llmagent_os.training.example_cleaning import CleanExamples, clean_examples
from llmagent_os.training.example_files import read_examples
from llmagent_os.training.example_splits import ExampleSplits, split_examples
from llmagent_os.training.training_example import TrainingExample

#: With fewer examples, all of them are trained on: what could be held out would say nothing.
LEAST_HELD_OUT = 20

#: From so many examples on, each is learned with one of the system messages, in turn: all are met often enough.
MANY = 100

_VALIDATION_SHARE, _TEST_SHARE = 0.1, 0.1


class WrittenExamples(msgspec.Struct, frozen=True, kw_only=True):
    """Examples in three sets, each once with every system message that it is learned with."""

    splits: ExampleSplits
    told: str  #: what was read, dropped and held out, in a sentence


def prepare_written(
    data: str | os.PathLike[str],
    *,
    systems: Sequence[str | None],
    tools: Sequence[ToolSpec],
    test: str | os.PathLike[str] | None = None,
) -> WrittenExamples:
    """Read, clean and split a file of examples.

    Args:
        data: the file.
        systems: the system messages that each example is learned with.
        tools: the tools of examples that name none themselves.
        test: the file of the test set. None: a tenth is held out.

    Raises:
        ConfigError: a file or an example is wrong, or no example is left; the message says what to do.
    """
    clean = clean_examples(_examples(data, systems, tools))
    if not clean.examples:
        raise ConfigError(f"{data}: {clean.summary}: there is nothing to train on")
    own = () if test is None else read_written(test, systems, tools)
    texts = {str(each.messages) for each in own}
    kept = [each for each in clean.examples if str(each.messages) not in texts]
    if not kept:
        raise ConfigError(f"{data}: every example is in {test}, too: there is nothing to train on")
    enough = len({each.conversation for each in kept}) >= LEAST_HELD_OUT
    shares = (_VALIDATION_SHARE if enough else 0.0, _TEST_SHARE if enough and test is None else 0.0)
    splits = split_examples(kept, by="conversation", validation=shares[0], test=shares[1])
    splits = msgspec.structs.replace(splits, test=(*splits.test, *own))
    return WrittenExamples(splits=splits, told=_told(_counted(clean, len(systems)), splits))


def read_written(
    data: str | os.PathLike[str], systems: Sequence[str | None], tools: Sequence[ToolSpec]
) -> tuple[TrainingExample, ...]:
    """Read and clean a file of examples that nothing is trained on; see :func:`prepare_written`.

    Raises:
        ConfigError: the file or an example is wrong, or no example is left.
    """
    clean = clean_examples(_examples(data, systems, tools))
    if not clean.examples:
        raise ConfigError(f"{data}: {clean.summary}: there is nothing to measure with")
    return clean.examples


def _examples(
    data: str | os.PathLike[str], systems: Sequence[str | None], tools: Sequence[ToolSpec]
) -> list[TrainingExample]:
    """The examples of a file. Of many, each pair of input and output has one of the system messages, in turn."""
    lines: dict[str, list[TrainingExample]] = {}
    for each in read_examples(data, systems=systems, tools=tools):
        lines.setdefault(each.origin, []).append(each)
    if len(lines) < MANY:
        return [each for same in lines.values() for each in same]
    return [each for number, same in enumerate(lines.values()) for each in _in_turn(same, number, len(systems))]


def _in_turn(same: list[TrainingExample], number: int, systems: int) -> list[TrainingExample]:
    """One of the examples of a line that differ in their system message alone; all turns of a chat."""
    alike = len(same) == systems and all(each.messages[-2:] == same[0].messages[-2:] for each in same)
    return [same[number % systems]] if alike else same


def _counted(clean: CleanExamples, systems: int) -> str:
    """What was read, where a file has fewer examples than are learned."""
    lines = len({each.origin for each in clean.examples})
    if lines == len(clean.examples):
        return clean.summary
    every = f", with each of {systems} system messages" if systems > 1 and lines < MANY else ""
    return f"{clean.summary} (from {lines} in the file: every turn is learned{every})"


def _told(cleaned: str, splits: ExampleSplits) -> str:
    sets = {name: len({each.origin for each in getattr(splits, name)}) for name in ("training", "validation", "test")}
    if not splits.test:
        return f"{cleaned}; too few to hold any out: what was learned can be seen in the loss only"
    return f"{cleaned}; " + ", ".join(f"{count} for {name}" for name, count in sets.items())
