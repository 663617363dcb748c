"""The agent has to speak to the calendar model as it was taught, and to believe the replies that it was taught.

A small model copies tokens: a result written in another way, if only without its spaces, is one it has never seen.
"""

from __future__ import annotations

import random

import pytest

from llmagent_os.bots.calendar.recipe.chatml import result_text
from llmagent_os.bots.calendar.recipe.dialogues import load_writer
from llmagent_os.bots.calendar.recipe.replies import own_words, reply
from llmagent_os.bots.calendar.recipe.style import MODES, VERBOSITIES, Style
from llmagent_os.chat import ChatRequest, ToolCall
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction
from llmagent_os.modules import PrivacyModule
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.conversation_memory import Episode
from llmagent_os.reply.grounding_check import fault_in
from llmagent_os.reply.tool_loop import converse
from llmagent_os.testing import ScriptedLLM

CREATED = {"status": "created", "title": "café “Luna”", "when": "Friday 27 November at noon"}
WRITER = load_writer()


async def test_a_result_is_written_as_in_training() -> None:
    """Without the spaces after commas and colons the model copies wrong words into more than half of its replies."""
    llm = ScriptedLLM(ToolCall("create_event", {"title": "café “Luna”"}), "Done.")

    async def call(call: ToolCall, number: str) -> ToolResult:
        return ToolResult(dict(CREATED), "I've added it.")

    request = ChatRequest(messages=[{"role": "system", "content": ""}, {"role": "user", "content": "add café “Luna”"}])
    await converse(llm, request, call, rounds=1, privacy=PrivacyModule())
    assert llm.requests[1].messages[-1] == {"role": "tool", "content": result_text(CREATED)}


def test_a_remembered_result_is_written_as_in_training() -> None:
    """The same, of the exchanges before this one: "make it 4 instead" depends on them."""
    turn = Interaction(
        interaction_id="1",
        event_id="1",
        episode_id="1",
        user_id=Identity("u"),
        conversation_key="c",
        said="add café “Luna”",
        completion="Done.",
        tool_calls=[{"name": "create_event", "arguments": {}, "result": CREATED}],
    )
    assert {"role": "tool", "content": result_text(CREATED)} in Episode("1", (turn,)).messages()


@pytest.mark.parametrize(
    ("tool", "data", "text"),
    [
        (
            "create_event",
            {"status": "created", "title": "lunch with Ana", "when": "Friday 27 November at noon"},
            "I've added lunch with Ana for Friday 27 November at noon.",
        ),
        (
            "list_events",
            {
                "status": "listed",
                "count": "2",
                "events": "lunch with Ana at noon; tea at 12:30 PM",
                "when": "tomorrow, Friday 27 November",
            },
            "You have 2 events tomorrow, Friday 27 November: lunch with Ana at noon and tea at 12:30 PM.",
        ),
        (
            "move_event",
            {
                "status": "moved",
                "title": "lunch with Ana",
                "when": "Friday 27 November at 1 PM",
                "old": "Friday 27 November at noon",
                "conflict": "tea at 12:30 PM",
            },
            "I've moved lunch with Ana to Friday 27 November at 1 PM. It overlaps with tea at 12:30 PM.",
        ),
        (
            "move_event",
            {"status": "moved", "title": "tea", "when": "Friday 27 November at 1 PM", "place": "home"},
            "I've changed tea: it is now tea at home, Friday 27 November at 1 PM.",
        ),
        (
            "delete_event",
            {"status": "confirm", "count": "2", "events": "tea at 1 PM; gym at 6 PM", "when": "Friday 27 November"},
            "That deletes 2 events on Friday 27 November: tea at 1 PM and gym at 6 PM. Are you sure?",
        ),
        (
            "create_event",
            {"status": "unclear", "need": "repeat", "heard": "twice a week", "title": "yoga"},
            "I couldn't work out the repetition “twice a week”. Could you say it another way?",
        ),
    ],
)
def test_a_right_reply_is_believed(tool: str, data: dict[str, str], text: str) -> None:
    """A reply taken for a wrong copy is replaced by the plugin's own, and the person's style is lost."""
    own = frozenset(own_words(WRITER.grammar))
    for mode in MODES:
        for verbosity in VERBOSITIES:
            style = Style(mode, verbosity)
            said = reply(WRITER.phrases, tool, data, style, random.Random(0))
            assert fault_in(said, [*data.values(), text, style.system()], own) is None, said
