"""What breaks without this: people are asked why after every 👎, or where others read the question."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from llmagent_os.adapter import Capabilities, Receipt, Reply
from llmagent_os.events import PRESSED_DOWN, Conversation, Message, Reaction, Sender
from llmagent_os.feedback.emoji_table import EMOJI
from llmagent_os.feedback.kept_reasons import reason_row
from llmagent_os.feedback.reactions import Reactions
from llmagent_os.feedback.reason_questions import ReasonQuestions
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction, Ledger
from llmagent_os.people.directory import Directory
from llmagent_os.people.profiles import Profiles

ROOM = Conversation(platform="slack", workspace="T1", channel="c")
GROUP = msgspec.structs.replace(ROOM, kind="group")
CAN = Capabilities(buttons=True)


class Talk:
    """Replies to Ana, her reactions, and what she is asked."""

    def __init__(self, ledger: Ledger, profiles: Profiles, pause: int) -> None:
        self.ledger, self.profiles = ledger, profiles
        self.questions = ReasonQuestions(ledger, Directory(ledger, profiles), pause_replies=pause)
        self.reactions = Reactions(ledger, EMOJI, 0.0)
        self.count = 0

    async def reply(self, action: dict[str, str] | None = None, room: Conversation = ROOM) -> Interaction:
        self.count += 1
        key = str(self.count)
        said = Message(event_id=key, conversation=room, sender=Sender("ana"), text="hi", message_id=key)
        made = Interaction(
            interaction_id=f"slack:{key}",
            event_id=key,
            user_id=Identity("slack:T1:ana"),
            conversation_key=room.key,
            action={"verbosity": "brief"} if action is None else action,
        )
        await self.ledger.accept(said, max_pending=100)
        await self.ledger.prepare(said, Reply("hello"), made)
        await self.ledger.finish(said, Receipt((f"r{key}",)))
        return made

    async def dislike(
        self,
        on: Interaction,
        *,
        user: str = "ana",
        emoji: str = "👎",
        action: Literal["added", "removed", "pressed"] = "added",
        room: Conversation = ROOM,
        can: Capabilities = CAN,
        again: bool = False,
    ) -> Reply | None:
        self.count += not again
        event = Reaction(
            event_id=f"d{self.count}",
            conversation=room,
            sender=Sender(user),
            message_id=f"r{on.event_id}",
            emoji=emoji,
            action=action,
        )
        await self.reactions.join(event)
        return await self.questions.question(event, on, can)

    async def answer(self, on: Interaction) -> None:
        said = Message(event_id="why", conversation=ROOM, sender=Sender("ana"), text="", message_id="why")
        await self.ledger.add_reward(reason_row(on, said, "add", said.at, "tone"))


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    ledger = await Ledger.open("sqlite://")
    yield Talk(ledger, Profiles(tmp_path), pause=2)
    await ledger.close()


async def test_a_person_is_asked_once_and_then_not_for_some_replies_and_longer_if_they_do_not_answer(
    talk: Talk,
) -> None:
    asked = [await talk.dislike(await talk.reply()) is not None for _ in range(12)]
    assert asked == [at in (0, 4) for at in range(12)], "two replies, doubled after each question that was ignored"


async def test_who_answers_is_asked_again_after_the_usual_pause(talk: Talk) -> None:
    first = await talk.reply()
    question = await talk.dislike(first)
    assert question is not None and question.under == "r1" and len(question.buttons) == 7
    await talk.answer(first)
    assert await talk.dislike(await talk.reply()) is None
    assert await talk.dislike(await talk.reply()) is not None


async def test_the_same_reaction_delivered_again_after_a_crash_asks_the_same(talk: Talk) -> None:
    reply = await talk.reply()
    assert await talk.dislike(reply) == await talk.dislike(reply, again=True) is not None
    assert await talk.dislike(reply, action="removed") is None
    assert await talk.dislike(reply) is None, "once for each reply"


async def test_nobody_is_asked_about_what_teaches_nothing(talk: Talk) -> None:
    assert await talk.dislike(await talk.reply({})) is None, "an answer to a command"
    assert await talk.dislike(await talk.reply(), emoji="👍") is None
    assert await talk.dislike(await talk.reply(), user="ben") is None, "a bystander"
    assert await talk.dislike(await talk.reply(), can=Capabilities()) is None, "no buttons"


@pytest.mark.parametrize("switch", ["ask_why", "learning"])
async def test_who_has_said_no_is_not_asked(talk: Talk, switch: str) -> None:
    person = await talk.ledger.identities.person(Identity("slack:T1:ana"))
    await talk.profiles.update(person, **{switch: "off"})
    assert await talk.dislike(await talk.reply()) is None


async def test_in_a_group_one_person_alone_is_asked_or_who_has_pressed_a_button(talk: Talk) -> None:
    reply = await talk.reply(room=GROUP)
    assert await talk.dislike(reply, room=GROUP) is None, "everybody would read it"
    whispers = Capabilities(buttons=True, whispers=True)
    second = await talk.reply(room=GROUP)
    question = await talk.dislike(second, room=GROUP, can=whispers)
    assert question is not None and question.only_for == "ana"
    await talk.answer(second)
    await talk.reply()
    pressed = await talk.dislike(await talk.reply(room=GROUP), room=GROUP, emoji=PRESSED_DOWN, action="pressed")
    assert pressed is not None and pressed.only_for == "ana"
