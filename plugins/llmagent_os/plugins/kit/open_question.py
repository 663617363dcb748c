"""A question that a plugin has asked in a conversation, and that the next words there answer.

``button_meant`` of a plugin asks :func:`answers_question`, and returns :data:`ANSWER` where the words answer one. The
host then presses that button, and the plugin takes the question with :func:`take_question`. No model is asked.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from llmagent_os.plugin import ToolContext

ANSWER = "answer"  #: the value of the button that an answer stands for
OPEN_FOR = timedelta(minutes=5)  #: a question waits for its answer

_NEVER_MIND = re.compile(r"(?:no|nope|never ?mind|cancel|forget it|stop|nothing)[\s,.!]*(?:thanks)?[\s.!]*", re.I)


class OpenQuestion(msgspec.Struct, frozen=True):
    """What was asked, and what is known already."""

    what: str  #: the plugin's own name for the question
    at: datetime  #: when it was asked
    given: dict[str, str] = {}  #: what the answer is added to


async def ask(context: ToolContext, question: str, /, **given: str) -> None:
    """Note a question. It takes the place of an earlier one in the conversation."""
    await context.records.put(_key(context), msgspec.to_builtins(OpenQuestion(question, context.now, given)))


async def answers_question(context: ToolContext) -> OpenQuestion | None:
    """The question that ``context.text`` may answer. None: none is open. "Never mind" closes it."""
    kept = await context.records.get(_key(context))
    if kept is None:
        return None
    question = msgspec.convert(kept, OpenQuestion)
    if context.now - question.at > OPEN_FOR or _NEVER_MIND.fullmatch(context.text.strip()):
        await context.records.delete(_key(context))
        return None
    return question


async def take_question(context: ToolContext) -> OpenQuestion | None:
    """The open question, which is then closed. None: none is open."""
    question = await answers_question(context)
    await close_question(context)
    return question


async def close_question(context: ToolContext) -> None:
    """Close the question of the conversation, if there is one."""
    await context.records.delete(_key(context))


def _key(context: ToolContext) -> str:
    return f"asked:{context.conversation_key}"
