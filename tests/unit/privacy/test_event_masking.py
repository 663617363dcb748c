"""What breaks without this: a pasted token is stored, shown to a model and said back before anybody masks it."""

from __future__ import annotations

from typing import Any

from llmagent_os.events import Command, Conversation, Edit, Message, Sender
from llmagent_os.privacy.event_masking import LONG_CHARACTERS, mask_event, mask_text

_TOKEN = "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOp"
_HERE: dict[str, Any] = {"conversation": Conversation(platform="test", channel="c"), "sender": Sender("u1")}


async def test_what_a_person_wrote_is_masked_in_every_kind_of_event() -> None:
    said = Message(event_id="1", text=f"use {_TOKEN}", message_id="m", **_HERE)
    edited = Edit(event_id="2", text=f"use {_TOKEN}", message_id="m", **_HERE)
    typed = Command(event_id="3", name="note", arguments=f"use {_TOKEN}", **_HERE)
    assert (await mask_event(said)).text == (await mask_event(edited)).text == "use [secret]"
    assert (await mask_event(typed)).arguments == "use [secret]"


async def test_an_event_without_a_secret_is_the_same_object() -> None:
    said = Message(event_id="1", text="call 212-736-5000", message_id="m", **_HERE)
    assert await mask_event(said) is said


async def test_a_long_text_is_masked_too() -> None:
    text = "lunch with ana. " * LONG_CHARACTERS
    assert await mask_text(text + _TOKEN) == text + "[secret]"
