"""Holds a model to what it said before, while it learns examples that somebody wrote.

Examples are of one sort, and the bot is asked all sorts of things. Without anchors the model forgets how it answered
the rest, and the gate rejects what it has learned. The anchors are kept in a file: a training that goes on after a kill
needs the same ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from llmagent_os.errors import ModelError
from llmagent_os.llm import LLM
from llmagent_os.training.anchor_samples import write_anchors
from llmagent_os.training.bot_prompts import BotPrompts
from llmagent_os.training.control_prompts import ANCHORS
from llmagent_os.training.lesson_anchors import CALL_TOKENS
from llmagent_os.training.reaction_data import asked_text
from llmagent_os.training.reaction_lessons import HELD_OUT_ANCHOR
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_example import TrainingExample


class WrittenAnchors(msgspec.Struct, frozen=True):
    """The model's own replies to other prompts than those of the examples."""

    training: tuple[TokenSample, ...] = ()
    validation: tuple[TokenSample, ...] = ()


async def written_anchors(
    llm: LLM, prompts: BotPrompts, examples: Sequence[TrainingExample], file: Path
) -> WrittenAnchors:
    """Let the model answer unrelated prompts and the bot's ordinary work, or read what it has answered before.

    Args:
        llm: the model, as training finds it.
        prompts: how the bot's model is asked.
        examples: what is learned: at what they ask, the model is not held.
        file: keeps the anchors until the training is over.

    Raises:
        ModelError: the model cannot answer, or the file cannot be written.
    """
    with suppress(OSError, msgspec.MsgspecError):  # not there, or cut short by a kill
        return msgspec.json.decode(await asyncio.to_thread(file.read_bytes), type=WrittenAnchors)
    learned = {asked_text(each.messages) for each in examples}
    system, tools = prompts.system, prompts.tools
    general, own = (
        [said for said in each if asked_text([{"role": "user", "content": said}]) not in learned]
        for each in (ANCHORS, prompts.anchors)
    )
    samples = [
        *await write_anchors(llm, general, system=system, tools=tools),
        *await write_anchors(llm, own, system=system, tools=tools, max_tokens=CALL_TOKENS),
    ]
    training = tuple(each for at, each in enumerate(samples) if at % HELD_OUT_ANCHOR)
    anchors = WrittenAnchors(training, tuple(samples[::HELD_OUT_ANCHOR]))
    try:
        await asyncio.to_thread(_write, file, msgspec.json.encode(anchors))
    except OSError as error:
        raise ModelError(f"{file} cannot be written: {error.strerror or error}") from error
    return anchors


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
