"""Credentials that are typed. What breaks without this: a password stays in the inbox, in a prompt or in a file."""

from __future__ import annotations

import os
from functools import partial

import pytest

from llmagent_os.credentials.typed_secret import drop_taken, gives_secret, hidden_in, take_secret
from llmagent_os.events import Conversation, Edit, Event, Message, Sender
from llmagent_os.host.host import Host
from llmagent_os.host.slash_commands import command_of
from llmagent_os.privacy.event_masking import mask_event
from llmagent_os.privacy.secret_store import SecretStore
from llmagent_os.testing import MemoryAdapter, running
from tests.unit.credentials.test_vault import ANA, ROOM, SECRET, Desk, desk

__all__ = ["desk"]

SHAPES = (
    "/credentials add mail {}",
    " /credentials add mail {}",
    "/credentials mail {}",
    "/credentials {}",
    "/credentials add {}",
    "/credentials set mail {}",
    "/credentials renew mail {}",
    "/credentials remove mail {}",
    "/credentials add mail={}",
    "/credential add mail {}",
    "/credentails add mail {}",
    "/credentials: add mail {}",
    "/credentials@my_bot add mail {}",
    "@bot /credentials add mail {}",
    "<@U1> credentials add mail {}",
    "`/credentials add mail {}`",
    "```\n/credentials add mail {}\n```",
    "> /credentials add mail {}",
    "\u200b/credentials add mail {}",
    "Here it is: /credentials add mail {}",
)


def left(desk: Desk) -> list[str]:
    return sorted(path.name for path in (desk.bench.folder / "secrets").rglob("*") if path.is_file())


def message(text: str, *, key: str = "e1", user: str = "u1", room: Conversation = ROOM) -> Message:
    return Message(event_id=key, conversation=room, sender=Sender(user), text=text, message_id="m1")


@pytest.mark.parametrize("shape", SHAPES)
async def test_no_shape_of_the_command_is_stored_with_the_secret(shape: str) -> None:
    said = message(shape.format(SECRET))
    edit = Edit(event_id="e2", conversation=ROOM, sender=Sender("u1"), message_id="m1", text=said.text)
    events: list[Event] = [said, edit, *filter(None, [command_of(said)])]
    for event in events:
        masked = await mask_event(event)
        assert SECRET not in repr(masked)
        assert gives_secret(masked), "the message is taken out of the chat"
    hidden = hidden_in(said.text)
    assert SECRET not in hidden, "the transcript of the web chat"
    assert hidden_in(hidden) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "/credentials",
        "/credentials list",
        "/credentials remove mail",
        "How do I use `/credentials`?",
        "my credentials are at https://example.org/credentials today",
        "/credits 5",
    ],
)
async def test_what_holds_no_secret_is_left(text: str) -> None:
    assert hidden_in(text) == text
    assert not gives_secret(message(text))


@pytest.mark.parametrize("arguments", [f"add mial {SECRET}", f"mail {SECRET}", f"{SECRET}", f"add {SECRET}"])
async def test_a_mistyped_command_keeps_and_repeats_nothing(desk: Desk, arguments: str) -> None:
    assert "There are: `post.mail`" in await desk.give(arguments)
    assert left(desk) == []


async def test_a_command_that_runs_again_after_a_crash_knows_what_it_has_done(desk: Desk) -> None:
    event = await take_secret(desk.vault, desk.typed(f"add mail {SECRET}"))
    assert left(desk) != []
    for _ in range(2):
        assert (await desk.handled(event)).startswith("Thank you: I can sign in to your mailbox now.")
        assert left(desk) == ["post.mail"]


async def test_a_command_that_is_not_run_keeps_nothing(desk: Desk) -> None:
    async def admits(event: Event) -> bool:
        return event.sender.user_id == "u1"

    platform = MemoryAdapter("memory")
    host = Host(
        desk.agent(),
        desk.bench.ledger,
        [platform],
        admits=admits,
        take_secret=partial(take_secret, desk.vault),
        drop_secret=partial(drop_taken, desk.vault),
    )
    async with running(host):
        said = message(f"/credentials add mail {SECRET}")
        await platform.deliver(said)
        await platform.sent(1)
        await platform.deliver(said)  # again
        assert left(desk) == ["post.mail"]
        await platform.deliver(message(said.text, key="e2", user="u2"))  # a stranger
        assert left(desk) == ["post.mail"]
        await desk.bench.ledger.close()
        with pytest.raises(Exception, match="ledger"):
            await platform.deliver(message(said.text, key="e3"))
        assert left(desk) == ["post.mail"]


async def test_what_was_never_answered_is_erased_after_a_day(desk: Desk) -> None:
    await take_secret(desk.vault, desk.typed(f"add mail {SECRET}"))
    store = SecretStore(desk.bench.folder)
    assert await store.prune() == 0
    for path in (desk.bench.folder / "secrets").rglob("typed.*"):
        os.utime(path, (0, 0))
    await desk.vault.secrets(ANA).put("post.mail", "kept")
    assert await store.prune() == 1
    assert left(desk) == ["post.mail"]


async def test_a_novel_is_not_kept(desk: Desk) -> None:
    await take_secret(desk.vault, desk.typed("add mail " + "x" * 20_000))
    assert left(desk) == []
