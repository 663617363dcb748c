"""What breaks without this: a reaction is lost, is counted twice, or lands on another reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Literal

import pytest

from llmagent_os.adapter import Receipt, Reply, Thumbs
from llmagent_os.events import PRESSED_DOWN, PRESSED_UP, Conversation, Message, Reaction, Sender
from llmagent_os.feedback.emoji_table import EMOJI
from llmagent_os.feedback.reactions import Reactions
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction, Ledger

ROOM = Conversation(platform="web", channel="c")
SAID = Message(event_id="m", conversation=ROOM, sender=Sender("ana"), text="hi", message_id="m")
ANSWER = Interaction(interaction_id="web:m", event_id="m", user_id=Identity("web::ana"), conversation_key=ROOM.key)


@pytest.fixture
async def ledger() -> AsyncGenerator[Ledger]:
    """A ledger that holds one reply, whose message id is not known yet."""
    opened = await Ledger.open("sqlite://")
    await opened.accept(SAID, max_pending=9)
    await opened.prepare(SAID, Reply("hello"), ANSWER)
    yield opened
    await opened.close()


def reaction(
    event_id: str,
    emoji: str,
    action: Literal["added", "removed", "pressed"] = "added",
    user: str = "ana",
    is_bot: bool = False,
) -> Reaction:
    sender = Sender(user, is_bot=is_bot)
    return Reaction(event_id=event_id, conversation=ROOM, sender=sender, message_id="reply", emoji=emoji, action=action)


async def rewards(ledger: Ledger, *events: Reaction) -> list[float | None]:
    """What each reaction changes; None: it is no reward."""
    reactions = Reactions(ledger, EMOJI, 0.0)
    found = [await reactions.join(event) for event in events]
    return [None if joined is None else joined[1].reward for joined in found]


async def test_a_reaction_changes_the_raters_opinion_and_no_more(ledger: Ledger) -> None:
    await ledger.finish(SAID, Receipt(("reply",)))
    given = (
        reaction("1", "👍"),
        reaction("2", "👎"),
        reaction("3", "🦑"),
        reaction("4", "👎", "removed"),
        reaction("5", "👍", "removed"),
        reaction("6", "👍", "removed"),
    )
    assert await rewards(ledger, *given) == [1.0, -2.0, 0.0, 2.0, -1.0, 0.0]


async def test_a_reaction_that_is_delivered_twice_is_one(ledger: Ledger) -> None:
    await ledger.finish(SAID, Receipt(("reply",)))
    assert await rewards(ledger, reaction("1", "👍"), reaction("1", "👍")) == [1.0, 1.0]
    assert len(await ledger.rewards_of("web:m")) == 1


async def test_reactions_of_bots_and_on_other_messages_are_no_rewards(ledger: Ledger) -> None:
    assert await rewards(ledger, reaction("1", "👍")) == [None], "no reply has that id"
    await ledger.finish(SAID, Receipt(("reply",)))
    assert await rewards(ledger, reaction("2", "👍", is_bot=True)) == [None]

    async def nobody(_event: Reaction) -> bool:
        return False

    assert await Reactions(ledger, EMOJI, 0.0, nobody).join(reaction("3", "👍")) is None


async def test_a_reaction_waits_for_the_reply_that_is_being_sent_there(ledger: Ledger) -> None:
    reactions = Reactions(ledger, EMOJI, 600.0)
    assert not await reactions.may_join(reaction("1", "👍"))
    reactions.sending("web:m", ROOM)
    assert await reactions.may_join(reaction("1", "👍"))
    joining = asyncio.create_task(reactions.join(reaction("1", "👍")))
    await ledger.rewards_of("web:m")
    assert not joining.done()
    await ledger.finish(SAID, Receipt(("reply",)))
    reactions.sent("web:m")
    joined = await joining
    assert joined is not None and joined[0].interaction_id == "web:m"


async def test_the_last_press_of_a_feedback_button_counts_beside_the_reactions_of_that_person(ledger: Ledger) -> None:
    await ledger.finish(SAID, Receipt(("reply",)))
    given = (
        reaction("1", PRESSED_UP),
        reaction("2", PRESSED_DOWN),
        reaction("3", PRESSED_DOWN),
        reaction("4", "👍"),
        reaction("5", "👍", "removed"),
        reaction("6", PRESSED_UP, user="ben"),
        reaction("7", PRESSED_DOWN, "removed"),
        reaction("1", PRESSED_UP),
    )
    changes = [1.0, -2.0, 0.0, 2.0, -2.0, 1.0, 1.0, 1.0]
    assert await rewards(ledger, *given) == changes, "one verdict a person; a released button leaves none behind"
    assert len(await ledger.rewards_of("web:m")) == 7, "the redelivered press is no new row"


async def test_a_press_is_worth_what_the_bot_says_of_that_thumb(ledger: Ledger) -> None:
    await ledger.finish(SAID, Receipt(("reply",)))
    mapping = EMOJI.changed({"👍": 0.5, "👎": 0.0}, {"web": {"👎": -0.25}})
    reactions = Reactions(ledger, mapping, 0.0)
    joined = [
        await reactions.join(reaction(str(number), name)) for number, name in enumerate((PRESSED_UP, PRESSED_DOWN))
    ]
    assert [each and each[1].reward for each in joined] == [0.5, -0.75]


async def test_a_second_press_takes_back_and_a_redelivered_press_is_no_second(ledger: Ledger) -> None:
    await ledger.finish(SAID, Receipt(("reply",)))
    presses = [
        reaction("1", PRESSED_DOWN, "pressed"),
        reaction("2", PRESSED_UP, "pressed"),
        reaction("3", PRESSED_UP, "pressed", user="ben"),
        reaction("4", PRESSED_UP, "pressed"),
        reaction("4", PRESSED_UP, "pressed"),
    ]
    assert await rewards(ledger, *presses) == [-1.0, 2.0, 1.0, -1.0, -1.0]
    assert await Reactions(ledger, EMOJI, 0.0).thumbs(ANSWER) == Thumbs(up=1), "Ben's"
    assert await asked_for(ledger, reaction("5", PRESSED_DOWN, "pressed")) == "added"
    await rewards(ledger, reaction("6", PRESSED_DOWN, "pressed"))
    assert await asked_for(ledger, reaction("7", PRESSED_DOWN, "pressed")) == "removed"


async def asked_for(ledger: Ledger, event: Reaction) -> str:
    """The action of the reaction that it is asked about whether it counts."""
    asked: list[str] = []

    async def may_rate(given: Reaction) -> bool:
        asked.append(given.action)
        return False

    await Reactions(ledger, EMOJI, 0.0, may_rate).join(event)
    return asked[0]
