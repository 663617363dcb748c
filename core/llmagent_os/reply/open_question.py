"""Reminds a person of the question of the turn before, where their message did not answer it."""

from __future__ import annotations

from llmagent_os.languages import gettext
from llmagent_os.reply.conversation_memory import Episode
from llmagent_os.tools.result_statuses import CONFIRM


def open_question(episode: Episode) -> str:
    """Return a sentence that names what waits for the person's yes; empty: nothing was asked in the turn before.

    A question is open as long as nothing but reminders and commands came after it. The press of a button answers it.
    """
    for turn in reversed(episode.turns):
        if turn.tool_calls and turn.tool_calls[-1].get("result", {}).get("status") == CONFIRM:
            return gettext("I'm still waiting for your answer: {question}", question=turn.context.get("reply", ""))
        if turn.said:
            return ""
    return ""
