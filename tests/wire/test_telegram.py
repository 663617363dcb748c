"""Telegram over its real client and sockets: polling, webhook, the Bot API."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.adapter import Button, Card, DeletesMessages, Reacts, Reply
from llmagent_os.adapters.telegram.adapter import TelegramAdapter
from llmagent_os.adapters.telegram.rate_limiter import Rate, RateLimiter, Rates
from llmagent_os.adapters.telegram.webhook import Webhook
from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.errors import (
    AdapterError,
    BadEventError,
    ConfigError,
    HostBusyError,
    NotConfiguredError,
    TryLaterError,
)
from llmagent_os.events import ButtonPress, Command, Edit, Event, Message, Reaction
from llmagent_os.languages import translated
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM, accepting
from llmagent_os.tools.registry import Plugins
from tests.free_port import free_port
from tests.platforms.raw_http import raw_post
from tests.platforms.telegram import BOT, TOKEN, TelegramServer
from tests.unit.agent_bench import no_draft

from .contract import AdapterContract, Inbox, Platform, Served
from .fuzz import JSON, mutated

FAST = Rates(
    overall=Rate(10_000, 0.0001),
    chat=Rate(10_000, 0.0001),
    group=Rate(10_000, 0.0001),
    reserved_for_messages=0,
    draft_seconds=0.0,
)


class TelegramPlatform(Served[TelegramServer]):
    """The platform for the contract: Ana in her private chat with the bot."""

    def __init__(self, server: TelegramServer, data: Path, *, webhook: bool = False, **options: Any) -> None:
        self.commands: dict[str, str] = {"profile": "what I know about you", "forget": "erase it"}
        if webhook:
            port = free_port()
            options["webhook"] = Webhook(url=f"http://127.0.0.1:{port}/telegram", port=port)
        super().__init__(server, data, **{"rates": FAST, "poll_seconds": 5, **options})

    def make(self) -> TelegramAdapter:
        return TelegramAdapter(
            token=TOKEN,
            api_url=self.server.url,
            data=self.data,
            store=self.store,
            commands=lambda: {name: translated(about) for name, about in self.commands.items()},
            languages=("en", "de"),
            **self.options,
        )


@pytest.fixture(params=["polling", "webhook"])
async def platform(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TelegramPlatform]:
    server = TelegramServer()
    await server.start()
    platform = TelegramPlatform(server, tmp_path, webhook=request.param == "webhook")
    await platform.open()
    yield platform
    await platform.running.stop()
    await server.stop()


class TestTelegram(AdapterContract):
    @pytest.fixture
    def platform(self, platform: TelegramPlatform) -> Platform:
        return platform


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    server = TelegramServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def telegram(server: TelegramServer, tmp_path: Path) -> AsyncIterator[TelegramPlatform]:
    """A platform that is connected by polling."""
    platform = TelegramPlatform(server, tmp_path)
    await platform.open()
    yield platform
    await platform.running.stop()


def called(server: TelegramServer, method: str) -> list[dict[str, Any]]:
    return [given for name, given in server.calls if name == method]


# ── the connection ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_poll_that_is_never_answered_is_given_up(server: TelegramServer, tmp_path: Path) -> None:
    """A router may forget a connection without closing it: the bot would wait for ever."""
    telegram = TelegramPlatform(server, tmp_path, poll_seconds=0, margin_seconds=0.3)
    await telegram.open()
    server.hanging = True
    telegram.server.calls.clear()
    await server.say("anybody?")
    await asyncio.sleep(0.5)
    server.hanging = False
    assert (await telegram.inbox.wait(Message))[0].text == "anybody?"
    await telegram.running.stop()


async def test_another_process_that_polls_is_outlived(telegram: TelegramPlatform) -> None:
    url = f"{telegram.server.url}/bot{TOKEN}/getUpdates?timeout=0"
    async with aiohttp.ClientSession() as other, other.get(url) as answer:
        assert answer.status == 200
    said = await telegram.asked("after it")
    assert said.text == "after it"


async def test_a_webhook_that_somebody_has_set_is_taken_away(telegram: TelegramPlatform) -> None:
    """While there is a webhook nothing can be polled: the bot would get no messages."""
    async with aiohttp.ClientSession() as other:
        await other.post(f"{telegram.server.url}/bot{TOKEN}/setWebhook", json={"url": "http://127.0.0.1:9/"})
    await telegram.server.drop()
    assert (await telegram.asked("back again")).text == "back again"
    assert telegram.server.webhook["url"] == ""


async def test_what_is_said_while_the_process_is_down_is_heard_after_it(telegram: TelegramPlatform) -> None:
    await telegram.running.stop()
    await telegram.server.say("good morning")
    await telegram.reborn()
    assert [said.text for said in await telegram.inbox.wait(Message)] == ["good morning"]


async def test_a_chat_that_the_host_has_no_room_for_keeps_its_order(telegram: TelegramPlatform) -> None:
    telegram.inbox.full = True
    await telegram.server.say("one")
    await telegram.server.say("two")
    await asyncio.sleep(0.2)
    telegram.inbox.full = False
    assert [said.text for said in await telegram.inbox.wait(Message, 2)] == ["one", "two"]


SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


async def test_a_request_without_the_secret_is_refused(server: TelegramServer, tmp_path: Path) -> None:
    """Anybody can find the address, and could write in another person's name."""
    telegram = TelegramPlatform(server, tmp_path, webhook=True)
    await telegram.open()
    url, secret = server.webhook["url"], server.webhook["secret_token"]
    assert len(secret) >= 32
    update = {"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": {"id": 5, "type": "private"}}}
    async with aiohttp.ClientSession() as stranger:
        for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "guess"}, {"X-Telegram-Bot-Api-Secret-Token": "é"}):
            async with stranger.post(url, json=update, headers=headers) as answer:
                assert answer.status == 403
        known = {"X-Telegram-Bot-Api-Secret-Token": secret}
        for body in (b"no json", b"", b"[" * 100_000, b"7", b'{"update_id": null}'):
            async with stranger.post(url, data=body, headers=known) as answer:
                assert answer.status == 200
        async with stranger.get(url) as answer:
            assert answer.status == 405
    for odd in (b"\xff\xfe", secret.encode() + b"\xe9", b"\xc3\xa9" * 40):
        assert await raw_post(url, b"X-Telegram-Bot-Api-Secret-Token: " + odd + b"\r\n") == 403
    huge = 2**63
    for raw in (
        update | {"update_id": huge},
        {"update_id": 2, "message": {"message_id": huge, "date": huge, "chat": {"id": huge, "type": "private"}}},
        {"update_id": 3, "message": {"message_id": 1, "date": -huge, "chat": {"id": 5, "type": "private"}}},
        {"update_id": 4, "message": {"message_id": 1, "date": 1, "chat": {"id": "5\n", "type": "private"}}},
    ):
        assert await raw_post(url, f"{SECRET_HEADER}: {secret}\r\n".encode(), json.dumps(raw).encode()) == 200
    assert telegram.inbox.events == {}
    await telegram.running.stop()


async def test_telegram_keeps_what_a_full_host_did_not_take(server: TelegramServer, tmp_path: Path) -> None:
    telegram = TelegramPlatform(server, tmp_path, webhook=True)
    await telegram.open()
    telegram.inbox.full = True
    await server.say("too much")
    await server.wait(lambda: "503" in server.webhook.get("last_error_message", ""))
    telegram.inbox.full = False
    assert (await telegram.inbox.wait(Message))[0].text == "too much"
    await telegram.running.stop()


async def test_a_webhook_that_was_changed_is_set_again(server: TelegramServer, tmp_path: Path) -> None:
    telegram = TelegramPlatform(server, tmp_path, webhook=True, watch_seconds=0.05)
    await telegram.open()
    url = server.webhook["url"]
    server.webhook["url"] = "https://somebody.example/"
    await server.wait(lambda: server.webhook["url"] == url)
    await telegram.running.stop()


async def test_a_port_that_is_taken_is_named(server: TelegramServer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        telegram = TelegramPlatform(server, tmp_path)
        telegram.options["webhook"] = Webhook(url=f"http://127.0.0.1:{port}/", port=port)
        with pytest.raises(ConfigError, match=f"{port}.*TELEGRAM_HTTP_PORT"):
            await telegram.make().run(telegram.inbox.accept)


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_token_it_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(NotConfiguredError, match="TELEGRAM_TOKEN"):
        TelegramAdapter(token="", data=tmp_path)


def test_a_secret_that_no_header_carries_is_refused() -> None:
    with pytest.raises(ConfigError, match="TELEGRAM_WEBHOOK_SECRET"):
        Webhook(url="https://bot.example/", secret="with spaces")


async def test_a_bad_token_is_a_configuration_error_that_says_what_to_do(
    server: TelegramServer, tmp_path: Path
) -> None:
    server.revoked = True
    adapter = TelegramPlatform(server, tmp_path).make()
    with pytest.raises(ConfigError, match=r"TELEGRAM_TOKEN.*@BotFather") as caught:
        await adapter.run(Inbox().accept)
    assert TOKEN not in str(caught.value)


async def test_a_token_that_is_revoked_ends_it_once(telegram: TelegramPlatform) -> None:
    said = await telegram.asked()
    telegram.server.revoked = True
    with pytest.raises(ConfigError, match="TELEGRAM_TOKEN"):
        await telegram.adapter.send(said.conversation, Reply("hello"), key="k1")
    await telegram.server.drop()
    with pytest.raises(ConfigError, match="TELEGRAM_TOKEN"):
        await telegram.running.end()


# ── reactions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def reacted(telegram: TelegramPlatform, old: list[Any], new: list[Any], **by: Any) -> None:
    server = telegram.server
    reaction: dict[str, Any] = {
        "chat": {"id": int(server.group), "type": "supergroup", "title": "Team"},
        "message_id": 7,
        "date": 1_780_000_000,
        "old_reaction": old,
        "new_reaction": new,
        **(by or {"user": {"id": int(server.ana), "is_bot": False, "first_name": "Ana"}}),
    }
    await server.raw({"message_reaction": reaction})


async def test_the_sets_before_and_after_become_what_was_put_on_and_taken_off(telegram: TelegramPlatform) -> None:
    thumb, heart, fire = ({"type": "emoji", "emoji": each} for each in ("👍", "❤", "🔥"))
    custom = {"type": "custom_emoji", "custom_emoji_id": "5368324170671202286"}
    await reacted(telegram, [thumb, heart], [heart, fire, custom])
    changes = {(event.action, event.emoji) for event in await telegram.inbox.wait(Reaction, 3)}
    assert changes == {("removed", "👍"), ("added", "🔥"), ("added", "5368324170671202286")}
    assert len({event.event_id for event in telegram.inbox.of(Reaction)}) == 3


async def test_the_bots_own_reactions_never_count(telegram: TelegramPlatform) -> None:
    await reacted(telegram, [], [{"type": "emoji", "emoji": "👍"}], user=BOT)
    await telegram.asked()
    assert telegram.inbox.of(Reaction) == []


async def test_somebody_who_reacts_as_a_channel_is_that_channel(telegram: TelegramPlatform) -> None:
    chat = {"id": -1009, "type": "channel", "title": "News"}
    await reacted(telegram, [], [{"type": "paid"}], actor_chat=chat)
    event = (await telegram.inbox.wait(Reaction))[0]
    assert (event.sender.user_id, event.emoji) == ("-1009", "⭐")


async def test_anonymous_counts_become_reactions_that_can_be_taken_back(telegram: TelegramPlatform) -> None:
    """Also after a restart: the new process must know the counts that the old one has seen."""
    server = telegram.server
    said = await telegram.asked(channel=server.group, mention=True)
    receipt = await telegram.adapter.send(said.conversation, Reply("hello"), key="k1")
    (message_id,) = receipt.message_ids
    await server.count(message_id, {"👍": 2})
    first = await telegram.inbox.wait(Reaction, 2)
    await telegram.reborn()
    await server.count(message_id, {"👍": 1, "🔥": 1})
    events = await telegram.inbox.wait(Reaction, 4)
    steps = {(event.emoji, event.action, event.sender.user_id) for event in events[2:]}
    assert {(event.action, event.sender.user_id) for event in first} == {
        ("added", "anonymous-1"),
        ("added", "anonymous-2"),
    }
    assert steps == {("👍", "removed", "anonymous-2"), ("🔥", "added", "anonymous-1")}
    assert {event.message_id for event in events} == {message_id}


# ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_long_pause_is_left_to_the_host_and_other_chats_go_on(telegram: TelegramPlatform) -> None:
    here = (await telegram.asked()).conversation
    there = (await telegram.asked(user=telegram.server.ben)).conversation
    telegram.server.limit(30)
    with pytest.raises(TryLaterError) as caught:
        await telegram.adapter.send(here, Reply("later"), key="k1")
    assert caught.value.seconds == 30
    await telegram.adapter.send(there, Reply("now"), key="k2")
    with pytest.raises(TryLaterError):  # without a request, which would only prolong the pause
        await telegram.adapter.send(here, Reply("later"), key="k1")
    assert len(called(telegram.server, "sendMessage")) == 2


async def test_a_reply_half_sent_by_a_process_that_died_is_finished(telegram: TelegramPlatform) -> None:
    words = [f"word{number}" for number in range(2000)]
    said = await telegram.asked()
    telegram.server.limit_after(1, 30)
    with pytest.raises(TryLaterError):
        await telegram.adapter.send(said.conversation, Reply(" ".join(words)), key="k1")
    await telegram.reborn()
    await telegram.adapter.send(said.conversation, Reply(" ".join(words)), key="k1", again=True)
    assert " ".join(one.text for one in telegram.server.shown()).split() == words


async def test_a_group_that_became_a_supergroup_is_followed(telegram: TelegramPlatform) -> None:
    server = telegram.server
    said = await telegram.asked(channel=server.group, mention=True)
    await server.migrate(server.group, "-1002")
    await telegram.adapter.send(said.conversation, Reply("still here"), key="k1")
    assert [one.text for one in server.shown("-1002")] == ["still here"]
    await telegram.reborn()
    await telegram.adapter.send(said.conversation, Reply("known by now"), key="k2")
    assert [one.text for one in server.shown("-1002")] == ["still here", "known by now"]


async def test_a_topic_that_was_deleted_does_not_swallow_the_answer(telegram: TelegramPlatform) -> None:
    server = telegram.server
    said = await telegram.asked(channel=server.group, mention=True, thread="plans")
    await telegram.adapter.send(said.conversation, Reply("in the topic"), key="k1")
    server.closed_topics.add(int(said.conversation.thread or 0))
    await telegram.adapter.send(said.conversation, Reply("beside it"), key="k2")
    assert [one.thread is None for one in server.shown(server.group)] == [False, True]


async def test_html_that_telegram_cannot_read_is_sent_as_text(telegram: TelegramPlatform) -> None:
    telegram.server.html_known = False
    said = await telegram.asked()
    await telegram.adapter.send(said.conversation, Reply("**1 < 2**"), key="k1")
    assert [one.text for one in telegram.server.shown()] == ["1 < 2"]


async def test_what_is_for_somebody_who_never_wrote_directly_is_not_said_in_the_group(
    telegram: TelegramPlatform,
) -> None:
    server = telegram.server
    server.strangers.add(server.ben)
    said = await telegram.asked(user=server.ben, channel=server.group, mention=True)
    receipt = await telegram.adapter.send(said.conversation, Reply("Your code", only_for=server.ben), key="k1")
    (hint,) = server.shown(server.group)
    assert "Your code" not in hint.text
    assert "@calendar_bot" in hint.text
    assert receipt.message_ids == (hint.message_id,)


async def test_cards_show_their_rows(telegram: TelegramPlatform) -> None:
    said = await telegram.asked()
    card = Card("Lunch <1>", (("When", "today & tomorrow"), ("Where", "x" * 5000)))
    await telegram.adapter.send(said.conversation, Reply("Booked.", card), key="k1")
    shown = telegram.server.shown()
    assert "Lunch <1>\nWhen: today & tomorrow" in shown[0].text
    assert all(len(one.text) <= 4096 for one in shown)


async def test_a_row_of_several_lines_stands_below_its_label(telegram: TelegramPlatform) -> None:
    said = await telegram.asked()
    card = Card(rows=(("Friday", "10 AM gym\nnoon lunch"), ("Every day", "run")))
    await telegram.adapter.send(said.conversation, Reply("You have 3 events.", card), key="k1")
    (shown,) = telegram.server.shown()
    assert shown.text == "You have 3 events.\n\nFriday\n10 AM gym\nnoon lunch\nEvery day: run"


async def test_files_that_cannot_be_sent_do_not_cost_the_words(telegram: TelegramPlatform, tmp_path: Path) -> None:
    picture = tmp_path / "chart.png"
    picture.write_bytes(b"\x89PNG")
    said = await telegram.asked()
    reply = Reply("Here.", files=(str(tmp_path / "gone.ics"), str(picture)))
    receipt = await telegram.adapter.send(said.conversation, reply, key="k1")
    shown = telegram.server.shown()
    assert [one.text for one in shown] == ["Here.", "(gone.ics could not be attached.)", ""]
    assert shown[2].files == ("photo.jpg",)
    assert len(receipt.message_ids) == 3


async def test_an_export_is_an_archive_and_a_calendar_beside_it(telegram: TelegramPlatform, tmp_path: Path) -> None:
    """The .ics file opens with one tap on a phone, and a zip file does not."""
    ledger = await Ledger.open("sqlite://")
    async with Plugins(installed=(), records=ledger.records) as plugins:
        await plugins.add(CalendarPlugin())
        services = Services(ledger=ledger, profiles=Profiles(tmp_path / "p"), plugins=plugins, outgoing=tmp_path / "o")
        book = ToolCall("create_event", {"title": "gym", "date": "tomorrow", "time": "6pm"})
        agent = Agent(llm=ScriptedLLM(book, "Done."), services=services)
        await agent.handle(await telegram.asked("gym tomorrow at 6pm"), no_draft)
        await telegram.server.say("/export")
        (command,) = await telegram.inbox.wait(Command)
        outcome = await agent.handle(command, no_draft)
        assert outcome.reply is not None
        await telegram.adapter.send(command.conversation, outcome.reply, key="k1")
    await ledger.close()
    shown = telegram.server.shown()
    assert [name for one in shown for name in one.files] == ["your-data.zip", "calendar.ics"]
    assert "calendar.ics is beside it" in shown[0].text


# ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_in_a_private_chat_telegrams_own_drafts_are_used(telegram: TelegramPlatform) -> None:
    said = await telegram.asked()
    for text in ("You", "You have **lun", "You have **lunch**"):
        await telegram.adapter.draft(said.conversation, text, key="k1")
    (draft,) = telegram.server.shown()
    assert (draft.draft, draft.text) == (True, "You have lunch")
    assert len({given["draft_id"] for given in called(telegram.server, "sendMessageDraft")}) == 1
    await telegram.adapter.send(said.conversation, Reply("You have lunch at noon."), key="k1")
    assert [(one.text, one.draft) for one in telegram.server.shown()] == [("You have lunch at noon.", False)]


async def test_a_server_without_drafts_is_asked_once(telegram: TelegramPlatform) -> None:
    telegram.server.drafts_known = False
    said = await telegram.asked()
    await telegram.adapter.draft(said.conversation, "You", key="k1")
    await telegram.adapter.draft(said.conversation, "You have", key="k1")
    await telegram.adapter.send(said.conversation, Reply("You have lunch."), key="k1")
    assert [one.text for one in telegram.server.shown()] == ["You have lunch."]


@pytest.mark.parametrize("dies", [False, True])
async def test_in_a_group_the_draft_becomes_the_reply(telegram: TelegramPlatform, dies: bool) -> None:
    """Also in a new process: people would see the unfinished draft for ever, and the whole reply below it."""
    server = telegram.server
    said = await telegram.asked(channel=server.group, mention=True)
    await telegram.adapter.draft(said.conversation, "You have", key="k1")
    await telegram.adapter.draft(said.conversation, "You have lunch", key="k1")
    if dies:
        await telegram.reborn()
    reply = Reply("You have lunch at noon.", buttons=(Button("Move it", "calendar:move"),))
    receipt = await telegram.adapter.send(said.conversation, reply, key="k1")  # sent anew by the new process
    (shown,) = server.shown(server.group)
    assert (shown.text, shown.buttons) == ("You have lunch at noon.", ("Move it",))
    assert receipt.message_ids == (shown.message_id,)


async def test_drafts_wait_for_their_turn_and_leave_room_for_messages(server: TelegramServer, tmp_path: Path) -> None:
    """A group takes 20 messages a minute: drafts must not use all of them."""
    rates = Rates(group=Rate(20, 3.0), reserved_for_messages=5, draft_seconds=0.0)
    telegram = TelegramPlatform(server, tmp_path, rates=rates)
    await telegram.open()
    said = await telegram.asked(channel=server.group, mention=True)
    for number in range(40):
        await telegram.adapter.draft(said.conversation, "x" * (number + 1), key="k1")
    assert len(called(server, "editMessageText")) < 16
    await telegram.adapter.send(said.conversation, Reply("whole"), key="k1")
    for number in range(3):
        await telegram.adapter.send(said.conversation, Reply(f"more {number}"), key=f"more{number}")
    assert [one.text for one in server.shown(server.group)] == ["whole", "more 0", "more 1", "more 2"]
    await telegram.running.stop()


async def test_too_much_for_one_chat_is_put_off_and_nothing_is_used_up() -> None:
    limiter = RateLimiter(Rates(group=Rate(2, 30.0)))
    assert await limiter.acquire(-1) == 0.0
    assert await limiter.acquire(-1) == 0.0
    for _ in range(3):
        with pytest.raises(TryLaterError) as caught:
            await limiter.acquire(-1)
        assert 29 <= (caught.value.seconds or 0) <= 30
    assert await limiter.acquire(-2) == 0.0


# ── buttons and commands ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_values_longer_than_telegram_carries_come_back_whole(telegram: TelegramPlatform) -> None:
    """Also after a restart: a button may be pressed weeks later."""
    long = "calendar:delete:" + "é" * 100
    said = await telegram.asked()
    buttons = (Button("Delete", long), Button("Mark", "~starts like a short name"))
    (message_id,) = (
        await telegram.adapter.send(said.conversation, Reply("Sure?", buttons=buttons), key="k1")
    ).message_ids
    await telegram.server.press(message_id, "Mark")
    await telegram.inbox.wait(ButtonPress)
    await telegram.server.wait(lambda: not telegram.server.shown()[0].buttons)
    await telegram.adapter.edit(said.conversation, message_id, Reply("Sure?", buttons=buttons))
    await telegram.reborn()
    await telegram.server.press(message_id, "Delete")
    presses = await telegram.inbox.wait(ButtonPress, 2)
    assert [press.value for press in presses] == ["~starts like a short name", long]


async def test_a_pressed_button_is_acknowledged_and_gone(telegram: TelegramPlatform) -> None:
    server = telegram.server
    said = await telegram.asked()
    reply = Reply("Sure?", buttons=(Button("Yes", "calendar:yes"),))
    (message_id,) = (await telegram.adapter.send(said.conversation, reply, key="k1")).message_ids
    await server.press(message_id, "Yes")
    await server.wait(lambda: not server.shown()[0].buttons)
    assert called(server, "answerCallbackQuery")[0]["text"] == "✓ Yes"


async def test_another_persons_press_is_refused_to_them_alone_and_the_button_stays(
    telegram: TelegramPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a group, everybody sees my Undo: what they press must neither work nor look as if it had."""
    alerts = partial(called, telegram.server, "answerCallbackQuery")
    monkeypatch.setattr(telegram, "saw_refusal", lambda: len(alerts()) == 1)
    message_id = await telegram.refused()
    (alert,) = alerts()
    assert (alert["text"], alert["show_alert"]) == ("This button is for the person whom I answered here.", True)
    await telegram.still_open(message_id)


async def test_a_button_whose_value_is_gone_is_not_marked_as_chosen(telegram: TelegramPlatform) -> None:
    """ "✓ Delete" would say that it was done."""
    server = telegram.server
    said = await telegram.asked()
    reply = Reply("Sure?", buttons=(Button("Delete", "x" * 200),))
    (message_id,) = (await telegram.adapter.send(said.conversation, reply, key="k1")).message_ids
    for key, _ in await telegram.store.items():
        await telegram.store.delete(key)
    await server.press(message_id, "Delete")
    await server.wait(lambda: len(called(server, "answerCallbackQuery")) == 1)
    assert called(server, "answerCallbackQuery")[0]["text"] == "This button is no longer open."
    assert server.shown()[0].buttons == ("Delete",)


async def test_the_menu_follows_the_plugins(server: TelegramServer, tmp_path: Path) -> None:
    telegram = TelegramPlatform(server, tmp_path, watch_seconds=0.05)
    await telegram.open()
    await server.wait(lambda: [each["command"] for each in server.commands] == ["profile", "forget"])
    telegram.commands = {"roll": "roll a die", "No Command": "x", "today": ""}
    await server.wait(lambda: [each["command"] for each in server.commands] == ["roll", "today"])
    telegram.commands = {"help": "what I can do"}
    german = [{"command": "help", "description": "was ich kann"}]
    await server.wait(lambda: server.localized_commands.get("de") == german)
    assert server.commands == [{"command": "help", "description": "what I can do"}]
    await telegram.running.stop()


async def test_commands_for_other_bots_are_left_to_them(telegram: TelegramPlatform) -> None:
    server = telegram.server
    for text in ("/profile@other_bot", "/weather"):
        await server.say(text, channel=server.group)
    await server.say("/weather tomorrow")  # in a direct chat there is no other bot
    await server.say("/profile", channel=server.group)
    await telegram.inbox.wait(Command, 2)
    said = [(event.name, event.conversation.kind) for event in telegram.inbox.of(Command)]
    assert sorted(said) == [("profile", "group"), ("weather", "direct")]


# ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_file_that_is_too_large_is_named_and_not_fetched(server: TelegramServer, tmp_path: Path) -> None:
    telegram = TelegramPlatform(server, tmp_path, max_file_bytes=10)
    await telegram.open()
    said = await telegram.asked("look", files={"big.txt": b"x" * 11})
    (attachment,) = said.attachments
    assert attachment.path == ""
    assert "larger than" in attachment.problem
    assert called(server, "getFile") == []
    await telegram.running.stop()


async def test_files_of_other_peoples_talk_are_not_fetched(telegram: TelegramPlatform) -> None:
    server = telegram.server
    said = await telegram.asked("our plans", files={"plans.txt": b"secret"}, channel=server.group)
    assert not said.addressed
    assert said.attachments[0].path == ""
    assert called(server, "getFile") == []


async def test_a_mention_under_a_picture_counts(telegram: TelegramPlatform) -> None:
    server = telegram.server
    said = await telegram.asked("what is it?", files={"a.txt": b"x"}, channel=server.group, mention=True)
    assert (said.addressed, said.text) == (True, "what is it?")


# ── malformed payloads ────────────────────────────────────────────────────────────────────────────────────────────────

_USER = {"id": 1001, "is_bot": False, "first_name": "Ana"}
_CHAT = {"id": 1001, "type": "private", "first_name": "Ana"}
_SAID = {"message_id": 3, "date": 1_780_000_000, "chat": _CHAT, "from": _USER, "text": "hi"}
_VALID: dict[str, dict[str, Any]] = {
    "message": {**_SAID, "entities": [{"type": "mention", "offset": 0, "length": 2}], "reply_to_message": _SAID},
    "edited_message": {**_SAID, "edit_date": 1_780_000_001},
    "callback_query": {"id": "5", "from": _USER, "message": _SAID, "chat_instance": "1", "data": "x:y"},
    "message_reaction": {
        "chat": _CHAT,
        "message_id": 3,
        "user": _USER,
        "date": 1_780_000_000,
        "old_reaction": [],
        "new_reaction": [{"type": "emoji", "emoji": "👍"}],
    },
    "message_reaction_count": {
        "chat": _CHAT,
        "message_id": 3,
        "date": 1_780_000_000,
        "reactions": [{"type": {"type": "emoji", "emoji": "👍"}, "total_count": 2}],
    },
    "my_chat_member": {"chat": _CHAT, "from": _USER, "date": 1_780_000_000},
}


REAL = [{kind: payload} for kind, payload in _VALID.items()]


@settings(max_examples=25, deadline=None)
@given(payloads=st.lists(mutated(REAL) | st.dictionaries(st.sampled_from(sorted(_VALID)), JSON), max_size=25))
async def test_no_payload_ends_the_bot(payloads: list[dict[str, Any]]) -> None:
    """The malformed updates come over the wire, and a valid message follows."""
    server = TelegramServer()
    await server.start()
    with tempfile.TemporaryDirectory() as folder:
        telegram = TelegramPlatform(server, Path(folder))
        await telegram.open()
        try:
            for payload in payloads:
                await server.raw(payload)
            await server.say("still there?", user=server.ben)
            await telegram.inbox.until(lambda: any(each.text == "still there?" for each in telegram.inbox.of(Message)))
        finally:
            await telegram.running.stop()
            await server.stop()


async def test_an_edit_of_nothing_is_an_error(telegram: TelegramPlatform) -> None:
    said = await telegram.asked()
    for message_id in ("no number", "99999"):
        with pytest.raises(AdapterError):
            await telegram.adapter.edit(said.conversation, message_id, Reply("x"))


async def test_what_is_secret_is_not_said_where_somebody_hides_behind_the_group(telegram: TelegramPlatform) -> None:
    """An anonymous administrator has the group's own id: everybody in the group would read the answer."""
    server = telegram.server
    said = await telegram.asked(channel=server.group, mention=True)
    await telegram.adapter.send(said.conversation, Reply("Your code", only_for=server.group), key="k1")
    assert ["Your code" in one.text for one in server.shown(server.group)] == [False]


async def test_a_flood_keeps_others_from_the_bot_for_a_bounded_time_only(
    telegram: TelegramPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmagent_os.adapters.telegram.receiving.BUSY_SECONDS", 0.5)
    server = telegram.server
    ana = server.ana
    accept = telegram.inbox.accept

    async def full_for_ana(event: Event) -> bool:
        if event.sender.user_id == ana:
            raise HostBusyError("full")
        return await accept(event)

    telegram.inbox.accept = accepting(full_for_ana)
    await telegram.reborn()
    for number in range(250):
        await server.say(f"{number}")
    await server.say("and me?", user=server.ben)
    assert (await telegram.inbox.wait(Message))[0].text == "and me?"


async def test_strangers_files_are_not_fetched(server: TelegramServer, tmp_path: Path) -> None:
    async def wants(event: Event) -> bool:
        return event.sender.user_id == server.ana

    telegram = TelegramPlatform(server, tmp_path)
    telegram.inbox.accept = accepting(telegram.inbox.accept, wants)
    await telegram.reborn()
    for user in (server.ana, server.ben):
        await telegram.asked("look", files={"a.txt": b"x"}, user=user)
    assert [bool(said.attachments[0].path) for said in telegram.inbox.of(Message)] == [True, False]
    await telegram.running.stop()


# ── albums ────────────────────────────────────────────────────────────────────────────────────────────────────────────

PICTURES = {f"{number}.txt": f"picture {number}".encode() for number in range(3)}


async def contents(said: Message) -> list[bytes]:
    return [await asyncio.to_thread(Path(each.path).read_bytes) for each in said.attachments]


async def test_an_album_is_one_message_with_all_files_and_its_caption(platform: TelegramPlatform) -> None:
    """Polled, and over the webhook."""
    said = await platform.asked("our trip", files=PICTURES, album="a1")
    assert said.text == "our trip"
    assert await contents(said) == list(PICTURES.values())
    assert (await platform.asked("next")).text == "next"
    assert [each.text for each in platform.inbox.of(Message)] == ["our trip", "next"]


async def test_what_is_said_after_an_album_does_not_overtake_it(platform: TelegramPlatform) -> None:
    await platform.server.say("our trip", files=PICTURES, album="a1")
    await platform.server.say("where was it?")
    said = await platform.inbox.wait(Message, 2)
    assert [(each.text, len(each.attachments)) for each in said] == [("our trip", 3), ("where was it?", 0)]


async def test_an_album_holds_up_no_other_chat(telegram: TelegramPlatform) -> None:
    await telegram.server.say("our trip", files=PICTURES, album="a1")
    await telegram.server.say("hi", user=telegram.server.ben)
    said = await telegram.inbox.wait(Message, 2)
    assert [each.text for each in said] == ["hi", "our trip"]


async def test_pieces_that_come_a_little_later_belong_to_the_album(telegram: TelegramPlatform) -> None:
    for name, data in PICTURES.items():
        await telegram.server.say("our trip" if name == "0.txt" else "", files={name: data}, album="a1")
        await telegram.server.until_polled()
    (said,) = await telegram.inbox.wait(Message)
    assert await contents(said) == list(PICTURES.values())


async def test_a_piece_that_comes_much_later_is_a_message_of_its_own(telegram: TelegramPlatform) -> None:
    await telegram.asked("our trip", files=PICTURES, album="a1")
    late = await telegram.asked("", files={"late.txt": b"late"}, album="a1")
    assert await contents(late) == [b"late"]
    assert [len(each.attachments) for each in telegram.inbox.of(Message)] == [3, 1]


async def test_a_process_that_dies_while_it_collects_an_album_loses_and_doubles_nothing(
    platform: TelegramPlatform,
) -> None:
    """Polled, and over the webhook, which has told Telegram already that the pieces arrived."""
    await platform.server.say("our trip", files=PICTURES, album="a1")
    await platform.server.until_polled()
    await platform.running.stop()
    assert platform.inbox.of(Message) == []
    await platform.reborn()
    (said,) = await platform.inbox.wait(Message)
    assert (said.text, await contents(said)) == ("our trip", list(PICTURES.values()))
    await platform.asked("next")
    assert len(platform.inbox.of(Message)) == 2
    assert [key for key, _ in await platform.store.items() if key.startswith("album:")] == []


async def test_what_cannot_be_read_or_taken_of_an_album_stays_nowhere(server: TelegramServer, tmp_path: Path) -> None:
    """Otherwise the bot would not start, or what a person wrote would stay in a place that no erasure knows."""
    telegram = TelegramPlatform(server, tmp_path, webhook=True)
    await telegram.store.put("album:1:a0", {"damaged": True})
    await telegram.open()

    async def refuse(event: Event) -> bool:
        if isinstance(event, Message) and event.attachments:
            raise BadEventError("no JSON can hold it")
        return await accept(event)

    accept = telegram.inbox.accept
    telegram.inbox.accept = accepting(refuse)
    await telegram.reborn()
    await server.say("our trip", files=PICTURES, album="a1")
    await server.say("next")
    assert [each.text for each in await telegram.inbox.wait(Message)] == ["next"]
    assert [key for key, _ in await telegram.store.items() if key.startswith("album:")] == []
    await telegram.running.stop()


async def test_pieces_of_other_peoples_albums_are_stored_nowhere(server: TelegramServer, tmp_path: Path) -> None:
    telegram = TelegramPlatform(server, tmp_path, webhook=True)
    await telegram.open()
    await server.say("our plans", files=PICTURES, album="a1", channel=server.group)

    async def nothing(event: Event) -> bool:
        return False

    telegram.inbox.accept.wants = nothing  # type: ignore[method-assign]
    await server.say("our plans", files=PICTURES, album="a2", channel=server.group)
    await server.until_polled()
    assert [key for key, _ in await telegram.store.items() if "a2" in key] == []
    await telegram.running.stop()


async def test_an_album_that_is_delivered_again_has_the_same_id(telegram: TelegramPlatform) -> None:
    """The host has taken it, and the process died before Telegram was told."""
    said = await telegram.asked("our trip", files=PICTURES, album="a1")
    await telegram.running.stop()
    telegram.server._updates += telegram.server.delivered  # pyright: ignore[reportPrivateUsage]
    await telegram.reborn()
    await telegram.asked("next")
    assert [each.text for each in telegram.inbox.of(Message)] == ["our trip", "next"]
    assert said.event_id.endswith(f":{said.message_id}")


async def test_an_album_that_the_host_had_no_room_for_comes_again_whole(telegram: TelegramPlatform) -> None:
    telegram.inbox.full = True
    await telegram.server.say("our trip", files=PICTURES, album="a1")
    for _ in range(5):
        await telegram.server.until_polled()
    telegram.inbox.full = False
    (said,) = await telegram.inbox.wait(Message)
    assert await contents(said) == list(PICTURES.values())


async def test_an_album_of_one_and_an_album_of_too_many(platform: TelegramPlatform) -> None:
    assert len((await platform.asked("one", files={"a.txt": b"a"}, album="a1")).attachments) == 1
    many = {f"{number:02}.txt": b"%d" % number for number in range(12)}
    await platform.server.say("many", files=many, album="a2")
    said = await platform.inbox.wait(Message, 3)
    assert [len(each.attachments) for each in said] == [1, 10, 2]
    assert [each.text for each in said] == ["one", "many", ""]


async def test_two_files_of_an_album_with_one_name_are_two_files(telegram: TelegramPlatform) -> None:
    await telegram.server.say("a", files={"a.txt": b"1"}, album="a1")
    await telegram.server.say("", files={"a.txt": b"2"}, album="a1")
    (said,) = await telegram.inbox.wait(Message)
    assert await contents(said) == [b"1", b"2"]


async def test_a_mention_under_an_album_counts_for_all_of_it(telegram: TelegramPlatform) -> None:
    group = telegram.server.group
    said = await telegram.asked("what is it?", files=PICTURES, album="a1", channel=group, mention=True)
    assert (said.text, said.addressed, len(await contents(said))) == ("what is it?", True, 3)
    ours = await telegram.asked("our plans", files=PICTURES, album="a2", channel=group)
    assert (ours.addressed, [each.path for each in ours.attachments]) == (False, ["", "", ""])


# ── what people write ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        (": add lunch", "add lunch"),
        (", add lunch", "add lunch"),
        (" - add lunch", "add lunch"),
        (" -5 degrees", "-5 degrees"),
        (" add lunch", "add lunch"),
    ],
)
async def test_the_mark_after_the_bots_name_goes_with_it(telegram: TelegramPlatform, rest: str, text: str) -> None:
    name = f"@{BOT['username']}"
    entity = {"type": "mention", "offset": 0, "length": len(name)}
    said = await telegram.asked(name + rest, entities=[entity], channel=telegram.server.group)
    assert (said.text, said.addressed) == (text, True)


async def test_links_and_people_are_found_behind_wide_characters(telegram: TelegramPlatform) -> None:
    """Offsets count UTF-16 code units: an emoji is two."""
    ben = {"id": int(telegram.server.ben), "is_bot": False, "first_name": "Ben"}
    text = "🍜🍜 ask Ben about this"
    said = await telegram.asked(
        text,
        entities=[
            {"type": "text_mention", "offset": 9, "length": 3, "user": ben},
            {"type": "text_link", "offset": 19, "length": 4, "url": "https://e.org/a"},
            {"type": "bold", "offset": 0, "length": 4},
        ],
    )
    assert said.text == "🍜🍜 ask Ben about this (https://e.org/a)"
    assert [(each.user_id, each.name) for each in said.mentions] == [(telegram.server.ben, "Ben")]


@pytest.mark.parametrize(
    ("origin", "author"),
    [
        (
            {"type": "user", "sender_user": {"id": 5, "is_bot": False, "first_name": "Ben", "last_name": "B"}},
            " from Ben B",
        ),
        ({"type": "hidden_user", "sender_user_name": "Zoë"}, " from Zoë"),
        ({"type": "chat", "sender_chat": {"id": -5, "type": "group", "title": "Team"}}, " from Team"),
        ({"type": "channel", "chat": {"id": -6, "type": "channel", "title": "News"}, "message_id": 1}, " from News"),
    ],
)
async def test_a_forwarded_message_is_quoted_with_its_author(
    telegram: TelegramPlatform, origin: dict[str, Any], author: str
) -> None:
    said = await telegram.asked("lunch?\nat noon", more={"forward_origin": {**origin, "date": 1700000000}})
    assert said.text == f"Forwarded message{author}:\n> lunch?\n> at noon"


async def test_a_forwarded_message_is_no_command_and_no_mention(telegram: TelegramPlatform) -> None:
    """A person shows the bot what another one wrote: /forget must not happen."""
    origin = {"forward_origin": {"type": "hidden_user", "sender_user_name": "Ben", "date": 1700000000}}
    said = await telegram.asked("/forget", more=origin)
    assert said.text == "Forwarded message from Ben:\n> /forget"
    ours = await telegram.asked("hi", channel=telegram.server.group, mention=True, more=origin)
    assert not ours.addressed


async def test_the_message_that_a_person_answers_is_read_with_the_answer(telegram: TelegramPlatform) -> None:
    server = telegram.server
    of_ben = await server.say("lunch at noon?", channel=server.group, user=server.ben)
    await telegram.inbox.wait(Message)
    said = await telegram.asked("add this", channel=server.group, mention=True, reply_to=of_ben)
    assert said.text == "add this\n\nIn reply to a message from Ben:\n> lunch at noon?"
    assert said.reply_to == of_ben


async def test_an_edit_that_changes_nothing_has_the_same_text(telegram: TelegramPlatform) -> None:
    """Telegram also reports changes that a bot does not see. Other words would count as "the reply was wrong"."""
    server = telegram.server
    of_ben = await server.say("lunch at noon?", channel=server.group, user=server.ben)
    await telegram.inbox.wait(Message)
    said = await telegram.asked("add this", channel=server.group, mention=True, reply_to=of_ben)
    await server.change(said.message_id, f"@{BOT['username']} add this")
    (edit,) = await telegram.inbox.wait(Edit)
    assert edit.text == said.text


async def test_the_part_that_a_person_quotes_is_read(telegram: TelegramPlatform) -> None:
    first = await telegram.asked("tea and cake")
    quote = {"quote": {"text": "cake", "position": 8, "is_manual": True}}
    said = await telegram.asked("more of this", reply_to=first.message_id, more=quote)
    assert said.text == "more of this\n\nIn reply to a part of a message from Ana:\n> cake"


async def test_the_bot_puts_an_emoji_on_a_message(telegram: TelegramPlatform) -> None:
    await telegram.server.say("thanks", channel=telegram.server.group)
    (heard,) = await telegram.inbox.wait(Message, 1)
    assert isinstance(telegram.adapter, Reacts)
    await telegram.adapter.add_reaction(heard.conversation, heard.message_id, "👍")
    (given,) = called(telegram.server, "setMessageReaction")
    assert (given["message_id"], given["reaction"]) == (int(heard.message_id), [{"type": "emoji", "emoji": "👍"}])
    for unknown in ("999999", "no number"):
        with pytest.raises(AdapterError):
            await telegram.adapter.add_reaction(heard.conversation, unknown, "👍")


async def test_what_another_bot_has_written_for_a_person_is_not_answered(telegram: TelegramPlatform) -> None:
    """An inline bot's words come from an account of a person: two bots could answer each other for ever."""
    other = {"id": 77, "is_bot": True, "first_name": "Gif", "username": "gif"}
    await telegram.server.say("a picture of a cat", more={"via_bot": other})
    await telegram.server.say("hello")
    (heard,) = await telegram.inbox.wait(Message, 1)
    assert heard.text == "hello"


async def test_a_message_with_a_password_is_deleted(telegram: TelegramPlatform) -> None:
    assert isinstance(telegram.adapter, DeletesMessages)
    await telegram.server.say("/credentials add mail hunter2")
    (said,) = await telegram.inbox.wait(Command)
    await telegram.adapter.delete_message(said.conversation, said.message_id)
    (deleted,) = [given for method, given in telegram.server.calls if method == "deleteMessage"]
    assert str(deleted["chat_id"]) == said.conversation.channel
    assert str(deleted["message_id"]) == said.message_id
