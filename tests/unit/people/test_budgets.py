"""What may be used. What breaks without this: one person, or one loop, spends what was meant for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmagent_os.admin import usage_command
from llmagent_os.agent import Agent
from llmagent_os.bot import Bot
from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.events import Command, Conversation, Event, Message, Sender
from llmagent_os.handler import Draft, Outcome
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.usage_sums import Account, Used
from llmagent_os.llm import LLM
from llmagent_os.people.budget_config import BudgetConfig
from llmagent_os.people.budgeting import Budgeting
from llmagent_os.people.budgets import Budgets, begins_at, next_period
from llmagent_os.people.directory import Directory
from llmagent_os.reply.services import Services
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.token_tally import TokenTally, note_embedded, note_speech

NOON = datetime(2030, 5, 6, 12, 30, tzinfo=UTC)
PRICE = {"read": 1.0, "written": 2.0, "currency": "EUR"}

_NUMBERS = count(1)  #: no two messages have one event id


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    ledger = await Ledger.open("sqlite://")
    yield ledger
    await ledger.close()


class Counted:
    """A backend whose server says how many tokens a reply took."""

    def __init__(self) -> None:
        self.asked = 0

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        self.asked += 1
        if self.asked == 99:
            raise ModelError("broken")
        return Completion(text="Hello.", server_tokens=(100, 50))

    async def aclose(self) -> None: ...

    def close(self) -> None: ...


class Office:
    """An agent whose budgets are kept."""

    def __init__(self, ledger: Ledger, **limits: Any) -> None:
        self.now = NOON
        self.backend = Counted()
        config = BudgetConfig.model_validate({"price": PRICE, **limits})
        self.budgets = Budgets(ledger, Directory(ledger, None), config, "test", "Europe/Berlin", lambda: self.now)
        services = Services(ledger=ledger, budgets=self.budgets)
        self.handler = Budgeting(Agent(llm=LLM("counted", self.backend), services=services), self.budgets)

    def message(self, user: str = "u1", *, group: str = "", addressed: bool = True, workspace: str = "T1") -> Message:
        number = str(next(_NUMBERS))
        room = Conversation(
            platform="slack", workspace=workspace, channel=group or f"D{user}", kind="group" if group else "direct"
        )
        return Message(
            event_id=number,
            conversation=room,
            sender=Sender(user),
            text="hi there",
            message_id=number,
            addressed=addressed,
            at=self.now,
        )

    async def say(self, user: str = "u1", **given: Any) -> str | None:
        reply = (await self.handler.handle(self.message(user, **given), _no_draft)).reply
        return None if reply is None else reply.text

    async def usage(self, user: str = "u1", *, group: str = "") -> dict[str, str]:
        said = self.message(user, group=group)
        command = Command(
            event_id="c" + said.event_id, conversation=said.conversation, sender=said.sender, name="usage"
        )
        reply = (await self.handler.handle(command, _no_draft)).reply
        assert reply is not None
        assert reply.card is not None
        return dict(reply.card.rows)


async def _no_draft(text: str) -> None: ...


async def test_the_message_after_the_last_one_is_answered_in_words_and_asks_no_model(ledger: Ledger) -> None:
    office = Office(ledger, person={"day": {"messages": 2}})
    assert [await office.say(), await office.say()] == ["Hello.", "Hello."]
    assert await office.say() == (
        "You have used what there is for this day: 2 messages. I answer messages again from Tuesday 7 May, 00:00 "
        "(Europe/Berlin). Commands and buttons work all the same; `/usage` shows what you have used."
    )
    assert office.backend.asked == 2
    assert await office.say("u2") == "Hello.", "another person has a budget of their own"
    assert (await office.usage())["Today"] == "2 of 2 messages, 300 tokens, 0.40 EUR"


async def test_a_new_period_has_a_new_budget(ledger: Ledger) -> None:
    office = Office(ledger, person={"hour": {"messages": 1}, "month": {"messages": 2}})
    await office.say()
    assert "from 15:00 (Europe/Berlin)" in str(await office.say())
    office.now = NOON.replace(hour=13)
    assert await office.say() == "Hello."
    office.now = NOON.replace(hour=14)
    assert "this month: 2 messages. I answer messages again from Saturday 1 June, 00:00" in str(await office.say())
    office.now = datetime(2030, 6, 1, tzinfo=UTC)
    assert await office.say() == "Hello."


@pytest.mark.parametrize(
    ("limit", "words"), [({"tokens": 300}, "300 tokens"), ({"money": 0.4}, "0.40 EUR"), ({"money": 0.3}, "0.30 EUR")]
)
async def test_tokens_and_money_are_limits_too(ledger: Ledger, limit: dict[str, Any], words: str) -> None:
    office = Office(ledger, bot={"day": limit})
    assert [await office.say(), await office.say("u2")] == ["Hello."] * 2
    assert f"I have used what there is for this day: {words}." in str(await office.say("u3"))


async def test_a_channel_has_a_budget_and_its_people_are_told_alone(ledger: Ledger) -> None:
    office = Office(ledger, channel={"day": {"messages": 1}})
    assert await office.say("u1", group="C1") == "Hello."
    refused = await office.handler.handle(office.message("u2", group="C1"), _no_draft)
    assert refused.reply is not None
    assert (refused.reply.text[:22], refused.reply.only_for) == ("This channel has used ", "u2")
    assert await office.say("u2", group="C1", addressed=False) is None, "talk among people is not interrupted"
    assert await office.say("u2", group="C2") == "Hello."
    assert await office.say("u2") == "Hello.", "a direct conversation is no channel"
    assert (await office.usage("u2", group="C1"))["This channel, today"] == "1 of 1 messages, 150 tokens, 0.20 EUR"


async def test_accounts_of_one_person_and_forgetting_do_not_make_a_new_budget(ledger: Ledger) -> None:
    office = Office(ledger, person={"day": {"messages": 3}})
    await office.say("u1")
    await office.say("u2")
    await ledger.identities.issue(Identity("slack:T1:u1"), "code", NOON, NOON - NOON.replace(hour=11))
    await ledger.identities.join(Identity("slack:T1:u2"), "code", NOON)
    assert await office.say("u2") == "Hello."
    assert "3 messages" in str(await office.say("u1"))
    exported = (await ledger.export(Identity("slack:T1:u1")))["usage"]
    assert sorted(each["messages"] for each in exported if each["period"] == "day") == [1, 2]
    for _ in range(2):  # the second time there are sums under the pseudonym already
        await ledger.forget(Identity("slack:T1:u1"))
        assert {name[0] for name, _ in await ledger.usage.most("test", "person", "day", _day(), 9)} == {"~"}
    assert (await office.usage("u1"))["Today"].startswith("2 of 3 messages")
    assert await office.say("u1") == "Hello."
    await ledger.forget(Identity("slack:T1:u1"))
    assert "3 messages" in str(await office.say("u1"))


async def test_sums_survive_a_restart_and_no_history_is_read(tmp_path: Path) -> None:
    for _ in range(2):
        ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db", synchronous="NORMAL")
        assert await Office(ledger, person={"day": {"messages": 2}}).say() == "Hello."
        await ledger.close()
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db", synchronous="NORMAL")
    office = Office(ledger, person={"day": {"messages": 2}})
    assert "2 messages" in str(await office.say())
    await ledger.close()


async def test_a_failed_answer_counts_and_a_loop_of_bots_does_not(ledger: Ledger) -> None:
    class Failing:
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            await LLM("counted", Counted()).complete(ChatRequest(messages=[{"role": "user", "content": "hi"}]))
            raise RuntimeError("after the model was asked")

    office = Office(ledger, person={"day": {"messages": 5}})
    with pytest.raises(RuntimeError):
        await Budgeting(Failing(), office.budgets).handle(office.message(), _no_draft)
    bot = msgspec.structs.replace(office.message(), sender=Sender("u1", is_bot=True))
    await office.handler.handle(bot, _no_draft)
    assert (await office.usage())["Today"].startswith("1 of 5 messages, 150 tokens")


async def test_a_message_that_is_answered_again_after_an_interruption_is_counted_once(ledger: Ledger) -> None:
    office = Office(ledger, person={"day": {"messages": 1}})
    event = office.message()
    for _ in range(2):
        assert await office.budgets.take(event) is None
        office.now = office.now.replace(hour=office.now.hour + 1)
    assert await office.budgets.take(office.message()) is not None
    assert (await office.usage())["Today"].startswith("1 of 1 messages")


async def test_the_tokens_of_an_answer_that_takes_too_long_are_counted_under_no_name(ledger: Ledger) -> None:
    class Endless:
        async def handle(self, event: Event, draft: Draft) -> Outcome:
            await LLM("counted", Counted()).complete(ChatRequest(messages=[{"role": "user", "content": "hi"}]))
            await asyncio.Event().wait()
            raise AssertionError

    office = Office(ledger, person={"day": {"messages": 5}})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await Budgeting(Endless(), office.budgets).handle(office.message(), _no_draft)
    assert (await office.usage())["Today"].startswith("1 of 5 messages, 150 tokens")
    tokens = {name[0]: used.tokens for name, used in await ledger.usage.most("test", "person", "day", _day(), 9)}
    assert tokens == {"s": 0, "~": 150}, "the person may have been erased meanwhile"


async def test_old_sums_are_deleted(ledger: Ledger) -> None:
    begins = begins_at(datetime(2020, 1, 1, tzinfo=UTC))
    await ledger.usage.add("test", [Account("bot")], begins, Used(messages=1))
    assert await ledger.prune() == 3


def test_a_month_and_a_change_of_clocks_end_when_they_do() -> None:
    office = datetime(2030, 12, 31, 23, 59, tzinfo=UTC)
    assert next_period(office, "month") == next_period(office, "day") == datetime(2031, 1, 1, tzinfo=UTC)
    from zoneinfo import ZoneInfo

    summer = datetime(2030, 3, 31, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert f"{next_period(summer, 'hour'):%H:%M}" == "03:00", "there is no second hour on that day"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("person.day = { money = 1.0 }", r"budgets.person.day.money` needs prices"),
        ("person.week = { messages = 1 }", r"budgets.person.week"),
        ("person.day = { messages = -1 }", r"budgets.person.day.messages"),
        ('price = { currency = "euro" }', r"budgets.price.currency"),
    ],
)
def test_a_wrong_budget_is_named(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "bot.toml").write_text(f'name = "b"\nmodel = "calendar"\n[budgets]\n{text}\n')
    with pytest.raises(ConfigError, match=error):
        Bot.load(tmp_path)


async def test_the_command_line_lists_what_was_used(tmp_path: Path) -> None:
    settings = Settings.load(env_file=None, data=tmp_path, time_zone="Europe/Berlin")
    ledger = await Ledger.open(settings.ledger_url)
    budgets = Budgets(ledger, Directory(ledger, None), BudgetConfig(), "calendar", settings.zone)
    office = Office(ledger)
    event = office.message("u1", group="C1")
    assert await budgets.take(event) is None
    await budgets.add(event, TokenTally(1000, 200))
    await ledger.close()
    lines = (await usage_command.listing(settings, "calendar", "day")).splitlines()
    assert lines[1:] == [
        "altogether: 1 messages, 1,200 tokens",
        "channel slack:T1:C1: 1 messages, 1,200 tokens",
        "person slack:T1:u1: 1 messages, 1,200 tokens",
    ]


def _day() -> float:
    from zoneinfo import ZoneInfo

    return begins_at(NOON.astimezone(ZoneInfo("Europe/Berlin")))["day"]


class Listening:
    """A handler that listens, reads aloud and embeds."""

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        note_speech(heard=90.0)
        note_speech(spoken=30.0)
        note_embedded(["x" * 400])
        return Outcome(None)


async def test_speech_and_embeddings_are_counted_priced_and_limited(ledger: Ledger) -> None:
    """Otherwise somebody who only sends recordings spends what was meant for everybody."""
    office = Office(
        ledger,
        price={"heard": 2.0, "spoken": 4.0, "embedded": 10.0, "currency": "EUR"},
        person={"day": {"speech": 2.0}},
    )
    handler = Budgeting(Listening(), office.budgets)
    await handler.handle(office.message(), _no_draft)
    assert (await office.usage())["Today"] == (
        "1 messages, 0 tokens, 2.0 of 2 minutes of speech, 100 tokens embedded, 6.00 EUR"
    )
    refused = (await handler.handle(office.message(), _no_draft)).reply
    assert refused is not None
    assert refused.text.startswith("You have used what there is for this day: 2 minutes of speech.")
