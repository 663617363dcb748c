"""Reads the bot's own curated set: what its makers wrote down as good answers. Nobody's opinion is in it.

An example has no rater, and no reward model is fitted to it. Its origin says the file and the line. All turns of a
conversation are in one set: training, validation or test.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from llmagent_os.chat import Message, ToolSpec
from llmagent_os.training.example_cleaning import clean_examples
from llmagent_os.training.example_files import read_examples
from llmagent_os.training.example_splits import ExampleSplits, split_examples
from llmagent_os.training.training_example import CURATED, TrainingExample

#: Of fewer conversations, none is held out.
LEAST_CONVERSATIONS = 8
_VALIDATION_SHARE, _TEST_SHARE = 0.1, 0.15


def curated_examples(files: Sequence[str], *, system: str = "", tools: tuple[ToolSpec, ...] = ()) -> ExampleSplits:
    """Read the files, and split them by conversation.

    Args:
        files: of the kinds that :mod:`~llmagent_os.training.example_files` reads.
        system: the bot's system message, which stands before an example that has none.
        tools: the tools of examples that name none themselves.

    Raises:
        ConfigError: a file cannot be read, or an example is wrong; the message names the file and the line.
    """
    found = [
        _curated(each, system)
        for file in files
        for each in read_examples(Path(file), systems=(system or None,), tools=tools)
    ]
    clean = clean_examples(found).examples
    if len({each.conversation for each in clean}) < LEAST_CONVERSATIONS:
        return ExampleSplits(training=clean, validation=(), test=())
    return split_examples(clean, by="conversation", validation=_VALIDATION_SHARE, test=_TEST_SHARE)


def _curated(example: TrainingExample, system: str) -> TrainingExample:
    """A chat without a system message gets the bot's: people are never answered without it."""
    first: tuple[Message, ...] = ({"role": "system", "content": system},)
    alone = not system or example.messages[0]["role"] == "system"
    return msgspec.structs.replace(
        example,
        messages=example.messages if alone else (*first, *example.messages),
        origin=f"{CURATED}{example.origin}",
        conversation=f"{CURATED}{example.conversation}",
    )


def with_curated(splits: ExampleSplits, curated: ExampleSplits) -> ExampleSplits:
    """Put curated examples beside what people judged, set by set."""
    return ExampleSplits(
        training=(*curated.training, *splits.training),
        validation=(*curated.validation, *splits.validation),
        test=(*curated.test, *splits.test),
    )
