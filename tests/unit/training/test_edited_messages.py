"""Messages that people changed. What breaks without this: such a correction, plain on Slack, teaches nothing."""

from __future__ import annotations

from typing import Any

import pytest

from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.testing import ScriptedLLM
from llmagent_os.training.edited_messages import EDITED_WEIGHT, edited_calls
from llmagent_os.training.training_example import CORRECTED, TrainingExample

SPAN = {"type": "string", "x-span": True}
ADD = ToolSpec(name="add", description="Adds.", parameters={"properties": {"title": SPAN, "date": SPAN}})


def example(said: str, edited: str, **call: str) -> TrainingExample:
    calls: dict[str, Any] = {"tool_calls": [{"function": {"name": "add", "arguments": call}}]} if call else {}
    return TrainingExample(
        messages=({"role": "user", "content": said}, {"role": "assistant", "content": "Hm?" * (not call), **calls}),
        tools=(ADD,),
        origin="ledger:1",
        reward=-0.5,
        edited=edited,
    )


async def test_the_call_for_changed_words_is_what_the_first_words_should_have_led_to() -> None:
    llm = ScriptedLLM(ToolCall("add", {"title": "gym", "date": "friday"}))
    (target,) = await edited_calls(llm, [example("jot gym fri", "add gym friday", title="jot gym")], "base")
    assert target.messages[-1]["tool_calls"][0]["function"]["arguments"] == {"title": "gym", "date": "fri"}
    assert (target.messages[0]["content"], target.origin) == ("jot gym fri", "ledger:1" + CORRECTED)
    assert (target.reward, target.weight) == (0.5, EDITED_WEIGHT)
    assert llm.requests[0].messages[-1]["content"] == "add gym friday"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("add gym thurs", ToolCall("add", {"title": "gym", "date": "friday"})),
        ("jot gym fri", ToolCall("drop", {"title": "gym"})),
        ("jot gym fri", "What do you mean?"),
    ],
)
async def test_words_that_say_something_new_teach_nothing(said: str, answer: str | ToolCall) -> None:
    """Most people who change a message have changed their mind, or a typing mistake."""
    assert await edited_calls(ScriptedLLM(answer), [example(said, "add gym friday", title="jot gym")], "base") == []


async def test_nobody_is_asked_where_no_words_were_changed() -> None:
    llm = ScriptedLLM()
    assert await edited_calls(llm, [example("jot gym fri", "", title="jot gym")], "base") == []
    assert llm.requests == []
