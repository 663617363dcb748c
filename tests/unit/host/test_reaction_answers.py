"""What breaks without this: a 👎 is asked about and the answer is lost, or the question stays when the 👎 is gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from llmagent_os.adapter import Thumbs
from llmagent_os.agent import Agent
from llmagent_os.events import PRESSED_DOWN, Conversation, Event, Reaction, Sender, now
from llmagent_os.feedback.reason_questions import QUESTION, WHY, ReasonQuestions, closed_question
from llmagent_os.host.host import Host
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.reply.reason_in_words import IN_WORDS, NOTED
from llmagent_os.reply.services import Services
from llmagent_os.testing import MemoryAdapter, ScriptedLLM, Sent, running


class ThumbAdapter(MemoryAdapter):
    """A platform in memory whose feedback buttons show what was pressed."""

    def __init__(self) -> None:
        super().__init__()
        self.thumbs: list[tuple[str, Thumbs]] = []

    async def show_thumbs(self, conversation: Conversation, message_id: str, thumbs: Thumbs) -> None:
        self.thumbs.append((message_id, thumbs))
        self._notify()


class Talk:
    """A host whose agent says "Fine.", and a person who does not like that."""

    def __init__(self, ledger: Ledger, platform: ThumbAdapter, profiles: Profiles) -> None:
        self.ledger, self.platform, self.profiles = ledger, platform, profiles
        self.count = 0

    async def dislike(self) -> tuple[Sent, Sent]:
        """A reply, its 👎, and the question why."""
        await self.platform.say("what is on?")
        reply = (await self.platform.sent(1))[0]
        await self.platform.react(reply, "👎")
        return reply, (await self.platform.sent(2))[1]

    async def press_thumb(self, on: Sent, emoji: str, action: Literal["pressed", "removed"] = "pressed") -> None:
        self.count += 1
        await self.platform.deliver(
            Reaction(
                event_id=f"p{self.count}",
                conversation=on.conversation,
                sender=Sender("u1"),
                message_id=on.message_id,
                emoji=emoji,
                action=action,
            )
        )

    async def reasons(self) -> list[str]:
        """What the ledger keeps of reasons, once nothing waits."""
        while await self.ledger.unfinished():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        rows = await self.ledger.rewards_after(0, 100)
        return [row.reward.raw_value for row in rows if row.reward and (row.reward.kind, row.reward.op) == WHY_ROW]


WHY_ROW = ("reason", "add")


@contextlib.asynccontextmanager
async def talking(
    ledger: Ledger, folder: Path, quiet_until: Callable[[Event], Awaitable[datetime | None]] | None = None
) -> AsyncGenerator[Talk]:
    platform, profiles = ThumbAdapter(), Profiles(folder)
    services = Services(ledger=ledger, profiles=profiles)
    questions = ReasonQuestions(ledger, services.directory, pause_replies=3, quiet_until=quiet_until)
    agent = Agent(llm=ScriptedLLM("Fine."), services=services)
    async with running(Host(agent, ledger, [platform], question=questions.question)):
        yield Talk(ledger, platform, profiles)


async def test_one_tap_keeps_the_reason_and_nothing_more_is_said(ledger: Ledger, tmp_path: Path) -> None:
    async with talking(ledger, tmp_path) as talk:
        reply, asked = await talk.dislike()
        assert (asked.reply.text, asked.reply.under, asked.reply_to) == (
            str(QUESTION),
            reply.message_id,
            reply.message_id,
        )
        await talk.platform.press(asked, asked.reply.buttons[1].value)
        assert await talk.reasons() == ["too_long"]
        assert len(talk.platform.posted) == 2


async def test_something_else_is_said_in_words_which_are_no_request(ledger: Ledger, tmp_path: Path) -> None:
    async with talking(ledger, tmp_path) as talk:
        _, asked = await talk.dislike()
        await talk.platform.press(asked, asked.reply.buttons[5].value)
        assert (await talk.platform.sent(3))[2].reply.text == str(IN_WORDS)
        await talk.platform.say("the room was taken already")
        assert (await talk.platform.sent(4))[3].reply.text == str(NOTED)
        assert await talk.reasons() == ["other", "words:the room was taken already"]
        await talk.platform.say("book another one")
        assert (await talk.platform.sent(5))[4].reply.text == "Fine.", "the next message is a message again"


async def test_a_message_long_after_something_else_is_a_message(ledger: Ledger, tmp_path: Path) -> None:
    """The next morning's first request was taken as the reason, and nothing was done with it."""
    async with talking(ledger, tmp_path) as talk:
        _, asked = await talk.dislike()
        await talk.platform.press(asked, asked.reply.buttons[5].value)
        await talk.platform.sent(3)
        later = talk.platform.message("book another one")
        await talk.platform.deliver(msgspec.structs.replace(later, at=later.at + timedelta(minutes=11)))
        assert (await talk.platform.sent(4))[3].reply.text == "Fine."
        assert await talk.reasons() == ["other"]


async def test_words_of_their_own_accord_are_a_reason_and_are_answered_too(ledger: Ledger, tmp_path: Path) -> None:
    async with talking(ledger, tmp_path) as talk:
        await talk.dislike()
        await talk.platform.say("way too long")
        assert (await talk.platform.sent(3))[2].reply.text == "Fine."
        assert await talk.reasons() == ["wording:-long"]
        await talk.platform.say("way too long")
        await talk.platform.sent(4)
        assert await talk.reasons() == ["wording:-long"], "this reply was not disliked"


async def test_taking_the_thumb_back_closes_the_question_and_a_late_tap_says_so(ledger: Ledger, tmp_path: Path) -> None:
    async with talking(ledger, tmp_path) as talk:
        reply, asked = await talk.dislike()
        await talk.platform.react(reply, "👎", removed=True)
        await talk.platform.until(lambda: talk.platform.edits == [(asked.message_id, closed_question())])
        await talk.platform.press(asked, asked.reply.buttons[0].value)
        assert (await talk.platform.sent(3))[2].reply.text == closed_question().text
        assert await talk.reasons() == []


async def test_the_question_is_closed_after_a_restart_too_and_forgotten_then(ledger: Ledger, tmp_path: Path) -> None:
    async with talking(ledger, tmp_path) as talk:
        reply, asked = await talk.dislike()
        await talk.reasons()
    async with talking(ledger, tmp_path) as talk:
        await talk.press_thumb(reply, "👎", "removed")
        await talk.platform.until(lambda: talk.platform.edits == [(asked.message_id, closed_question())])
    assert (await ledger.export(Identity("memory::u1")))["open_questions"] == []


async def test_nobody_is_asked_in_quiet_hours(ledger: Ledger, tmp_path: Path) -> None:
    quiet = [True]

    async def quiet_until(_event: Event) -> datetime | None:
        return now() if quiet[0] else None

    async with talking(ledger, tmp_path, quiet_until) as talk:
        for count in (1, 2):
            await talk.platform.say("what is on?")
            await talk.platform.react((await talk.platform.sent(count))[-1], "👎")
            assert await talk.reasons() == []
        quiet[0] = False
        await talk.platform.say("what is on?")
        await talk.platform.react((await talk.platform.sent(3))[-1], "👎")
        assert (await talk.platform.sent(4))[-1].reply.text == str(QUESTION), (
            "a question that was not asked counts as none"
        )


async def test_who_does_not_want_to_be_asked_is_not_asked_again(ledger: Ledger, tmp_path: Path) -> None:
    async with talking(ledger, tmp_path) as talk:
        _, asked = await talk.dislike()
        await talk.platform.press(asked, asked.reply.buttons[-1].value)
        assert "do not ask you why any more" in (await talk.platform.sent(3))[2].reply.text
        person = await ledger.identities.person((await ledger.rewards_after(0, 9))[0].identities[0])
        assert (await talk.profiles.get(person)).preferences == {"ask_why": "off"}


async def test_a_made_up_tap_keeps_nothing(ledger: Ledger, tmp_path: Path) -> None:
    async with talking(ledger, tmp_path) as talk:
        _, asked = await talk.dislike()
        await talk.platform.press(asked, f"{WHY}too_long:{'x' * 500}")
        await talk.platform.press(asked, f"{WHY}made_up:{asked.key}")
        await talk.platform.press(asked, asked.reply.buttons[1].value, user="somebody")
        await talk.platform.sent(5)
        assert await talk.reasons() == []


async def test_pressed_thumbs_are_shown_and_a_second_press_takes_back(ledger: Ledger, tmp_path: Path) -> None:
    async with talking(ledger, tmp_path) as talk:
        await talk.platform.say("what is on?")
        reply = (await talk.platform.sent(1))[0]
        await talk.press_thumb(reply, PRESSED_DOWN)
        await talk.platform.until(lambda: talk.platform.thumbs == [(reply.message_id, Thumbs(down=1))])
        await talk.press_thumb(reply, PRESSED_DOWN)
        await talk.platform.until(lambda: len(talk.platform.thumbs) == 2)
        assert talk.platform.thumbs[1] == (reply.message_id, Thumbs())
