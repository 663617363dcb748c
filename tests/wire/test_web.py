"""The web chat over its real server and WebSockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from llmagent_os.adapter import Accept, Button, Card, Picture, Receipt, Reply
from llmagent_os.adapter_kit.pages import PageRequest, PageResponse
from llmagent_os.adapters.web import WebAdapter, uploads
from llmagent_os.errors import AdapterError, ConfigError, HostBusyError, LedgerError
from llmagent_os.events import ButtonPress, Conversation, Event, Message, Reaction
from llmagent_os.testing import accepting
from tests.platforms.raw_http import raw_post
from tests.platforms.server import Shown

from .contract import CALENDAR_FILE, AdapterContract, Inbox, Platform, Running
from .page import FakePage

TOKEN = "a-token-of-enough-length"


class WebPlatform:
    """The platform for the contract: one person at one page."""

    server = None

    def __init__(self, data: Path) -> None:
        self.adapter = WebAdapter(port=0, data=data)
        self.inbox = Inbox()
        self.running = Running(self.adapter, self.inbox.accept)
        self.page: FakePage | None = None
        self.last: dict[str, Any] = {}
        self.count = 0

    async def open(self) -> FakePage:
        self.running.start()
        url = await self.adapter.started()
        self.page = self.page or FakePage(url)
        await self.page.open()
        return self.page

    async def restart(self) -> None:
        await self.running.stop()
        assert self.page is not None
        assert await self.page.closed() == 1001
        await self.open()

    async def say(self, text: str, *, thread: str | None = None) -> None:
        assert thread is None
        self.last = self._frame("message", text=text)
        await self.say_again()

    async def say_again(self) -> None:
        assert self.page is not None
        await self.page.act(self.last)

    async def react(self, message_id: str, emoji: str, *, on: bool) -> None:
        assert self.page is not None
        await self.page.act(self._frame("reaction", message_id=message_id, emoji=emoji, on=on))

    async def press(self, message_id: str, label: str) -> None:
        assert self.page is not None
        buttons = self.page.items[message_id]["buttons"]
        value = next(button["value"] for button in buttons if button["label"] == label)
        await self.page.act(self._frame("press", message_id=message_id, value=value))

    async def send_garbage(self) -> None:
        assert self.page is not None
        page, wanted = self.page, len(GARBAGE)
        for raw in GARBAGE:
            await page.send(raw)
        await page.until(lambda: sum(frame["type"] in ("error", "refused") for frame in page.frames) == wanted)

    async def shown(self, ready: Callable[[list[Shown]], bool]) -> list[Shown]:
        assert self.page is not None
        page = self.page

        def seen() -> list[Shown]:
            whole = [
                Shown(
                    message_id=item["message_id"],
                    text=item["text"],
                    buttons=tuple(button["label"] for button in item.get("buttons", ())),
                )
                for item in page.listed("bot")
            ]
            return whole + [Shown(message_id=key, text=text, draft=True) for key, text in page.drafts.items()]

        await page.until(lambda: ready(seen()))
        return seen()

    def _frame(self, kind: str, **fields: Any) -> dict[str, Any]:
        self.count += 1
        return {"type": kind, "id": f"event-{self.count:03}"} | fields


GARBAGE: list[str | bytes] = [
    "",
    "{",
    "null",
    "[]",
    '"message"',
    "{}",
    b"\xff\xfe\x00",
    '{"type": "message"}',
    '{"type": "dance", "id": "12345678"}',
    '{"type": "message", "id": "short", "conversation": "c", "text": "x"}',
    '{"type": "message", "id": "no-text-123", "conversation": "c"}',
    '{"type": "message", "id": "wrong-type-1", "conversation": "c", "text": 7}',
    '{"type": "message", "id": "surrogate-1", "conversation": "c", "text": "\\ud800"}',
    '{"type": "message", "id": "not-mine-1", "conversation": "somebody-elses", "text": "x"}',
    '{"type": "reaction", "id": "spaces-123", "conversation": "c", "message_id": "m", "emoji": "a b", "on": true}',
    '{"type": "open", "after": -1}',
    '{"type": "earlier", "before": 1e400}',
    "[" * 50_000,
    '{"type": "ping", "more": ' + "[" * 50_000 + "]" * 50_000 + "}",
]

GARBAGE_OF_VOICE = (
    '{"type": "voice", "id": "short", "conversation": "c"}',
    '{"type": "voice", "id": "seconds-123", "conversation": "c", "seconds": -1}',
)


class TestWeb(AdapterContract):
    @pytest.fixture
    async def platform(self, tmp_path: Path) -> AsyncIterator[Platform]:
        platform = WebPlatform(tmp_path)
        page = await platform.open()
        yield platform
        await page.quit()
        await platform.running.stop()


# Beyond the contract.


class Site:
    """A running adapter, and browsers that are closed after the test."""

    def __init__(self, adapter: WebAdapter, accept: Accept) -> None:
        self.adapter = adapter
        self.running = Running(adapter, accept)
        self.pages: list[FakePage] = []

    async def start(self) -> None:
        self.running.start()
        await self.adapter.started()

    async def page(self, *, opened: bool = True, **options: Any) -> FakePage:
        page = FakePage(self.adapter.url, **options)
        self.pages.append(page)
        if opened:
            await page.open()
        return page


@pytest.fixture
async def inbox() -> Inbox:
    return Inbox()


@contextlib.asynccontextmanager
async def serving(inbox: Inbox, data: Path, **options: Any) -> AsyncGenerator[Site]:
    site = Site(WebAdapter(port=0, data=data, **options), inbox.accept)
    await site.start()
    try:
        yield site
    finally:
        for page in site.pages:
            await page.quit()
        await site.running.stop()


@pytest.fixture
async def site(inbox: Inbox, tmp_path: Path) -> AsyncIterator[Site]:
    async with serving(inbox, tmp_path, title="Calendar", examples=("What is on?",)) as site:
        yield site


def message(text: str, number: int = 1) -> dict[str, Any]:
    return {"type": "message", "id": f"message-{number}", "text": text}


async def answer(site: Site, inbox: Inbox, page: FakePage, reply: Reply, key: str = "k1") -> tuple[Message, Receipt]:
    count = len(inbox.of(Message)) + 1
    await page.act(message("hello", 1000 + count))
    said = (await inbox.wait(Message, count))[-1]
    receipt = await site.adapter.send(said.conversation, reply, key=key, reply_to=said.message_id)
    await page.until(lambda: receipt.message_ids[0] in page.items)
    return said, receipt


async def test_the_page_is_told_what_the_bot_is(site: Site) -> None:
    page = await site.page()
    welcome = page.frames[0]
    assert (welcome["title"], welcome["examples"]) == ("Calendar", ["What is on?"])


async def test_a_message_is_in_the_transcript_before_its_acknowledgement(site: Site) -> None:
    """Otherwise the page would drop its own copy and show a gap."""
    page = await site.page()
    await page.act(message("hi"))
    assert [frame["type"] for frame in page.frames] == ["welcome", "items", "items", "ack"]


async def test_a_page_that_resumes_gets_what_it_missed_and_nothing_twice(site: Site, inbox: Inbox) -> None:
    page = await site.page()
    said, _ = await answer(site, inbox, page, Reply("one"))
    await page.close()
    seen = len(page.frames)
    await site.adapter.send(said.conversation, Reply("two"), key="k2")
    await page.open()
    await page.until(lambda: len(page.items) == 3)
    sent = [item["text"] for frame in page.frames[seen:] if frame["type"] == "items" for item in frame["items"]]
    assert sent == ["two"]


async def test_a_new_process_shows_the_whole_conversation_again(inbox: Inbox, tmp_path: Path) -> None:
    """After a restart and a reload, the text, the reactions, the pressed button and the card are there."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with serving(inbox, tmp_path) as site:
        page = await site.page(jar=jar)
        reply = Reply(
            "Delete?", card=Card("Friday", (("9:00", "sync"),)), buttons=(Button("Yes", "p:1"), Button("No", "p:0"))
        )
        _, receipt = await answer(site, inbox, page, reply)
        target = {"message_id": receipt.message_ids[0]}
        await page.act({"type": "reaction", "id": "react-up", "emoji": "👍", "on": True} | target)
        await page.act({"type": "reaction", "id": "react-party", "emoji": "🎉", "on": True} | target)
        await page.act({"type": "reaction", "id": "react-down", "emoji": "👍", "on": False} | target)
        await page.act({"type": "press", "id": "press-yes", "value": "p:1"} | target)
        before = page.listed()
    async with serving(inbox, tmp_path) as site:
        page = FakePage(site.adapter.url, jar=jar)
        site.pages.append(page)
        await page.open()
        await page.until(lambda: len(page.items) == 2)
        assert page.listed() == before
        shown = page.listed("bot")[0]
        assert (shown["reactions"], shown["pressed"]) == (["🎉"], "p:1")
        assert shown["card"]["rows"] == [["9:00", "sync"]]


async def test_a_question_stands_under_the_reply_and_goes_with_the_answer_or_with_the_thumb(
    site: Site, inbox: Inbox
) -> None:
    page = await site.page()
    said, receipt = await answer(site, inbox, page, Reply("Here is all of it."))
    target = {"message_id": receipt.message_ids[0]}
    question = Reply("Why?", buttons=(Button("Too long", "w:1"), Button("Wrong", "w:2")), under=receipt.message_ids[0])

    def asked() -> list[str]:
        return [each["label"] for each in page.listed("bot")[0].get("question", {}).get("buttons", [])]

    await site.adapter.send(said.conversation, question, key="early")
    await page.act({"type": "reaction", "id": "react-one", "emoji": "👎", "on": True} | target)
    assert asked() == [], "there was no thumb any more when it was asked"
    assert await site.adapter.send(said.conversation, question, key="k2") == Receipt(())
    await page.until(lambda: asked() == ["Too long", "Wrong"])
    await page.act({"type": "press", "id": "press-one", "value": "w:1"} | target)
    assert [press.value for press in await inbox.wait(ButtonPress)] == ["w:1"]
    await page.until(lambda: asked() == [])
    await site.adapter.send(said.conversation, question, key="k3")
    await page.until(lambda: asked() == ["Too long", "Wrong"])
    await page.act({"type": "reaction", "id": "react-off", "emoji": "👎", "on": False} | target)
    await page.until(lambda: asked() == [])
    assert len(page.listed("bot")) == 1, "no message of its own"


async def test_two_pages_of_a_person_show_the_same(site: Site, inbox: Inbox) -> None:
    one, two = await site.page(person="ana"), await site.page(person="ana")
    _, receipt = await answer(site, inbox, one, Reply("hi"))
    await two.until(lambda: len(two.items) == 2)
    await two.act(
        {"type": "reaction", "id": "react-one", "message_id": receipt.message_ids[0], "emoji": "👍", "on": True}
    )
    await one.until(lambda: one.listed("bot")[0].get("reactions") == ["👍"])
    # The first page did not know yet: the host must not count the reaction twice.
    await one.act(
        {"type": "reaction", "id": "react-two", "message_id": receipt.message_ids[0], "emoji": "👍", "on": True}
    )
    assert len(inbox.of(Reaction)) == 1


async def test_what_comes_late_over_an_old_connection_does_not_undo_what_came_since(site: Site, inbox: Inbox) -> None:
    """A page reloads while a reaction is on its way, sends it again, and removes it; then the first one arrives."""
    old, new = await site.page(person="ana"), await site.page(person="ana")
    _, receipt = await answer(site, inbox, new, Reply("hi"))
    put = {"type": "reaction", "message_id": receipt.message_ids[0], "emoji": "👍", "on": True}
    await new.act(put | {"id": "react-on-1"})
    await new.act(put | {"id": "react-off-1", "on": False})
    assert (await old.act(put | {"id": "react-on-1"}))["type"] == "ack"
    await old.until(lambda: len(old.items) == 2)
    assert "reactions" not in old.listed("bot")[0]
    assert [reaction.action for reaction in inbox.of(Reaction)] == ["added", "removed"]
    assert inbox.deliveries == 3


async def test_a_password_is_in_no_transcript_and_reaches_the_host(site: Site, inbox: Inbox) -> None:
    ana = await site.page(person="ana")
    await ana.act(message("/credentials add mail hunter2"))
    await ana.until(lambda: bool(ana.listed("person")))
    assert [item["text"] for item in ana.listed("person")] == ["/credentials add •••"]
    assert [said.text for said in inbox.of(Message)] == ["/credentials add mail hunter2"]


async def test_people_do_not_see_each_other(site: Site, inbox: Inbox) -> None:
    ana, ben = await site.page(person="Ana"), await site.page(person="Ben")
    said, receipt = await answer(site, inbox, ana, Reply("for Ana only"))
    assert said.sender.name == "Ana"
    assert ana.conversation is not None
    await ben.send({"type": "open", "conversation": ana.conversation, "after": 0})
    refused = await ben.act(message("let me in") | {"conversation": ana.conversation})
    assert (refused["type"], refused["again"]) == ("refused", False)
    press = {"type": "reaction", "id": "react-ben", "message_id": receipt.message_ids[0], "emoji": "👎", "on": True}
    assert (await ben.act(press | {"conversation": ana.conversation}))["type"] == "refused"
    assert ben.items == {}
    assert len(inbox.events) == 1


async def test_a_browser_is_the_same_person_as_long_as_it_keeps_its_cookie(site: Site, inbox: Inbox) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    first, stranger = await site.page(jar=jar), await site.page()
    await first.act(message("one"))
    await stranger.act(message("two"))
    again = FakePage(site.adapter.url, jar=jar)
    site.pages.append(again)
    await again.open()
    await again.act(message("three", 3))
    one, two, three = await inbox.wait(Message, 3)
    assert one.sender == three.sender
    assert one.sender != two.sender
    secret = next(cookie.value for cookie in jar if cookie.key == "llmagent_person")
    assert secret not in one.sender.user_id
    cookie = next(cookie for cookie in jar if cookie.key == "llmagent_person")
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"


async def test_a_person_can_have_several_conversations(site: Site, inbox: Inbox) -> None:
    page = await site.page()
    await page.act(message("plan my week"))
    old = page.conversation
    await page.send({"type": "new"})
    await page.until(lambda: page.conversation != old)
    assert page.items == {}
    new = page.conversation
    await page.send({"type": "new"})  # it has no messages, so it counts as new
    await page.send({"type": "list"})
    await page.until(lambda: page.frames[-1]["type"] == "conversations")
    assert page.conversation == new
    listed = page.frames[-1]["conversations"]
    assert [(line["id"], line["title"]) for line in listed] == [(new, ""), (old, "plan my week")]
    await page.send({"type": "open", "conversation": old, "after": 0})
    await page.until(lambda: len(page.items) == 1)
    assert len(inbox.events) == 1


async def test_earlier_messages_are_fetched_in_stretches(site: Site, inbox: Inbox) -> None:
    """A reload must not load all of a long conversation."""
    page = await site.page()
    said, _ = await answer(site, inbox, page, Reply("0"))
    for number in range(1, 250):
        await site.adapter.send(said.conversation, Reply(str(number)), key=f"n{number}")
    await page.until(lambda: len(page.items) == 251)
    late = await site.page(jar=page.http.cookie_jar)
    await late.until(lambda: len(late.items) == 200)
    assert late.frames[-1]["more"] is True
    await late.send({"type": "earlier", "before": late.listed()[0]["position"]})
    await late.until(lambda: len(late.items) == 251)
    assert "more" not in late.frames[-1]
    assert late.listed() == page.listed()


async def test_a_page_that_comes_while_a_reply_is_written_sees_what_there_is(site: Site, inbox: Inbox) -> None:
    page = await site.page(person="ana")
    await page.act(message("hi"))
    said = (await inbox.wait(Message))[0]
    await site.adapter.draft(said.conversation, "so far", key="k1")
    late = await site.page(person="ana")
    await late.until(lambda: list(late.drafts.values()) == ["so far"])
    receipt = await site.adapter.send(said.conversation, Reply("so far, so good"), key="k1")
    await late.until(lambda: late.drafts == {} and receipt.message_ids[0] in late.items)


async def test_typing_is_shown_only_where_it_happens(site: Site, inbox: Inbox) -> None:
    ana, ben = await site.page(person="ana"), await site.page(person="ben")
    await ana.act(message("hi"))
    await site.adapter.typing((await inbox.wait(Message))[0].conversation)
    await ana.until(lambda: ana.frames[-1]["type"] == "typing")
    await ben.act(message("hi"))
    assert all(frame["type"] != "typing" for frame in ben.frames)


async def test_a_full_host_is_said_and_the_message_can_be_sent_again(site: Site, inbox: Inbox) -> None:
    page = await site.page()
    inbox.full = True
    refused = await page.act(message("one too many"))
    assert (refused["type"], refused["again"]) == ("refused", True)
    assert page.items == {}
    inbox.full = False
    assert (await page.act(message("one too many")))["type"] == "ack"
    assert [item["text"] for item in page.listed()] == ["one too many"]


@pytest.mark.parametrize(
    ("text", "reason"), [("   \n", "empty"), ("x" * 16_001, "16,001"), ("\u202e" * 16_001, "16,001")]
)
async def test_a_message_that_cannot_be_taken_is_refused_for_good(
    site: Site, inbox: Inbox, text: str, reason: str
) -> None:
    """Otherwise the page would send it for ever."""
    page = await site.page()
    refused = await page.act(message(text))
    assert reason in refused["reason"]
    assert refused["again"] is False
    assert inbox.events == {}


async def test_an_unreadable_frame_with_an_id_is_refused_by_that_id(site: Site) -> None:
    page = await site.page()
    refused = await page.act({"type": "message", "id": "no-text-here"})
    assert refused["again"] is False


async def test_a_frame_that_is_far_too_long_ends_the_connection_and_nothing_else(site: Site, inbox: Inbox) -> None:
    page, other = await site.page(), await site.page()
    await page.send(json.dumps(message("x" * 300_000)))
    assert await page.closed() == 1009
    await other.act(message("still here"))
    await page.open()
    assert [said.text for said in inbox.of(Message)] == ["still here"]


async def test_a_button_is_pressed_once(site: Site, inbox: Inbox) -> None:
    page = await site.page()
    _, receipt = await answer(site, inbox, page, Reply("Delete?", buttons=(Button("Yes", "p:1"), Button("No", "p:0"))))
    press = {"type": "press", "message_id": receipt.message_ids[0]}
    assert (await page.act(press | {"id": "press-none", "value": "p:2"}))["type"] == "refused"
    assert (await page.act(press | {"id": "press-yes-1", "value": "p:1"}))["type"] == "ack"
    assert (await page.act(press | {"id": "press-yes-2", "value": "p:1"}))["type"] == "ack"
    assert (await page.act(press | {"id": "press-no-1", "value": "p:0"}))["type"] == "refused"
    assert [event.value for event in inbox.of(ButtonPress)] == ["p:1"]


async def test_who_asks_to_be_forgotten_is_told_so_on_an_empty_page(site: Site, inbox: Inbox) -> None:
    """The page would wait for ever in a conversation that was erased."""
    page = await site.page()
    said, _ = await answer(site, inbox, page, Reply("hi"))
    before = page.conversation
    for number in (1, 2):  # whoever asks twice gets two answers
        assert await site.adapter.forget(said.sender.user_id) == 1
        await site.adapter.send(said.conversation, Reply("You are forgotten."), key=f"k{number}")
        await page.until(lambda: [item["text"] for item in page.listed()] == ["You are forgotten."])
        assert page.conversation != before
        before = page.conversation
    await answer(site, inbox, page, Reply("hello again"), key="k3")


async def test_a_reply_to_a_conversation_that_is_not_there_is_an_error(site: Site) -> None:
    with pytest.raises(AdapterError):
        await site.adapter.send(Conversation(platform="web", channel="nowhere"), Reply("x"), key="k")


async def test_being_forgotten_before_the_press_is_noted_is_no_failure(inbox: Inbox, tmp_path: Path) -> None:
    """The button with which a person asks to be forgotten is erased too."""

    adapter = WebAdapter(port=0, data=tmp_path)

    async def accept(event: Event) -> bool:
        if isinstance(event, ButtonPress):
            await adapter.forget(event.sender.user_id)
        return await inbox.accept(event)

    site = Site(adapter, accepting(accept))
    await site.start()
    page = await site.page()
    _, receipt = await answer(site, inbox, page, Reply("Sure?", buttons=(Button("Yes", "agent:forget"),)))
    press = {"type": "press", "message_id": receipt.message_ids[0], "id": "press-forget", "value": "agent:forget"}
    assert (await page.act(press))["type"] == "ack"
    await page.quit()
    await site.running.stop()


@pytest.mark.parametrize("crash", ["before", "after"])
async def test_a_crash_around_the_hosts_inbox_neither_loses_nor_repeats(tmp_path: Path, crash: str) -> None:
    """The process dies just before, or just after, the host has stored the message; the page sends it again."""
    inbox = Inbox()

    async def dying(event: Event) -> bool:
        if crash == "after":
            await inbox.accept(event)
        raise RuntimeError("the process is gone")

    jar = aiohttp.CookieJar(unsafe=True)
    site = Site(WebAdapter(port=0, data=tmp_path), accepting(dying))
    await site.start()
    page = await site.page(jar=jar)
    assert (await page.act(message("hold on")))["again"] is True
    assert page.items == {}
    await page.quit()
    await site.running.stop()

    site = Site(WebAdapter(port=0, data=tmp_path), inbox.accept)
    await site.start()
    if crash == "after":  # the host answers before the page is back: the answer must be below the question
        said = inbox.of(Message)[0]
        await site.adapter.send(said.conversation, Reply("answered"), key="k1", reply_to=said.message_id)
    page = await site.page(jar=jar)
    assert (await page.act(message("hold on")))["type"] == "ack"
    assert len(inbox.events) == 1
    assert [item["author"] for item in page.listed()] == (["person", "bot"] if crash == "after" else ["person"])
    await page.quit()
    await site.running.stop()


async def test_a_stopping_host_refuses_and_closes_with_going_away(inbox: Inbox, tmp_path: Path) -> None:
    async with serving(inbox, tmp_path) as site:
        page = await site.page()
        _, receipt = await answer(site, inbox, page, Reply("hi"))
        await site.running.stop()
        assert await page.closed() == 1001
        # A reply that the host finishes while it stops is kept until the page is back.
        said = inbox.of(Message)[0]
        late = await site.adapter.send(said.conversation, Reply("finished"), key="k2")
        await site.start()
        await page.open()
        await page.until(lambda: late.message_ids[0] in page.items)
        assert receipt != late


# Files


async def test_a_file_is_served_under_an_address_that_nobody_guesses(site: Site, inbox: Inbox, tmp_path: Path) -> None:
    export = tmp_path / "my calendar “ü”.ics"
    export.write_text("BEGIN:VCALENDAR")
    page = await site.page()
    _, receipt = await answer(site, inbox, page, Reply("Here.", files=(str(export), str(tmp_path / "gone.ics"))))
    files = page.items[receipt.message_ids[0]]["files"]
    assert [(file["name"], file["size"]) for file in files] == [(export.name, 15)]
    async with page.http.get(site.adapter.url.rstrip("/") + files[0]["url"]) as got:
        assert (got.status, await got.text()) == (200, "BEGIN:VCALENDAR")
        assert got.headers["Content-Disposition"].startswith("attachment")
        assert got.headers["Content-Security-Policy"] == "sandbox"
        assert got.content_type == "text/calendar"
    token = files[0]["url"].split("/")[2]
    assert len(token) == 32
    for wrong in (
        f"files/{token}/web.db",
        f"files/{'A' * 32}/{export.name}",
        "files/../web.db",
        f"files/{token}/..%2fweb.db",
    ):
        async with page.http.get(site.adapter.url + wrong) as got:
            assert got.status == 404


async def upload(page: FakePage, name: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    """Attach a file as the page does. Returns the status and the answer."""
    query = {"name": name} | ({"person": page.query.partition("=")[2]} if page.query else {})
    async with page.http.post(f"{page.url}uploads", params=query, data=body, headers=headers) as answer:
        return answer.status, await answer.json() if answer.content_type == "application/json" else {}


async def test_an_attached_file_arrives_with_its_message_and_is_shown(site: Site, inbox: Inbox, tmp_path: Path) -> None:
    page = await site.page()
    _, first = await upload(page, "../team.ics", CALENDAR_FILE)
    _, second = await upload(page, "team.ics", b"other")
    said = message("") | {"files": [first["id"], second["id"]]}
    assert (await page.act(said))["type"] == "ack"
    assert (await page.act(said))["type"] == "ack"  # sent again after a lost answer
    (arrived,) = await inbox.wait(Message, 1)
    files = [(file.name, file.content_type, file.size, file.problem) for file in arrived.attachments]
    assert files == [("team.ics", "text/calendar", len(CALENDAR_FILE), ""), ("team.ics", "text/calendar", 5, "")]
    contents = [await asyncio.to_thread(Path(file.path).read_bytes) for file in arrived.attachments]
    assert contents == [CALENDAR_FILE, b"other"]
    assert all(Path(file.path).is_relative_to(tmp_path / "files") for file in arrived.attachments)
    (shown,) = page.listed("person")
    async with page.http.get(page.url.rstrip("/") + shown["files"][0]["url"]) as got:
        assert await got.read() == CALENDAR_FILE
    await page.send({"type": "list"})
    await page.until(lambda: page.frames[-1]["type"] == "conversations")
    assert page.frames[-1]["conversations"][0]["title"] == "team.ics, team.ics"


async def test_a_message_that_comes_again_after_its_file_was_listened_to_is_taken(site: Site, inbox: Inbox) -> None:
    page = await site.page()
    _, sound = await upload(page, "memo.ogg", b"OggS")
    said = message("") | {"files": [sound["id"]]}
    assert (await page.act(said))["type"] == "ack"
    (arrived,) = await inbox.wait(Message, 1)
    await asyncio.to_thread(Path(arrived.attachments[0].path).unlink)
    assert (await page.act(said))["type"] == "ack"
    assert len(inbox.of(Message)) == 1


async def test_files_that_no_message_names_are_bounded_and_erased_after_an_hour(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "WAITING_OF_VISITOR", 2)
    monkeypatch.setattr(uploads, "WAITING_OF_ALL", 3)
    async with serving(inbox, tmp_path, max_file_bytes=1000) as site:
        ana = await site.page(person="ana")
        _, named = await upload(ana, "a.txt", bytes(1000))
        assert (await upload(ana, "a.txt", bytes(1000)))[0] == 200
    async with serving(inbox, tmp_path, max_file_bytes=1000) as site:  # a restart empties no disk
        ana, ben = await site.page(person="ana"), await site.page(person="ben")
        assert await upload(ana, "a.txt", b"x") == (413, {"problem": "too many files wait to be sent"})
        assert (await upload(ben, "a.txt", bytes(1000)))[0] == 200
        assert (await upload(ben, "a.txt", b"x"))[0] == 413, "all visitors together"
        assert (await ana.act(message("see") | {"files": [named["id"]]}))["type"] == "ack"
        assert (await upload(ana, "a.txt", b"x"))[0] == 200
    async with serving(inbox, tmp_path, max_file_bytes=1000) as site:
        ben = await site.page(person="ben")
        monkeypatch.setattr(uploads, "UNNAMED_SECONDS", -1.0)
        assert (await upload(ben, "b.txt", b"x"))[0] == 200
        left = await asyncio.to_thread(lambda: sorted(path.name for path in (tmp_path / "files").rglob("*.txt")))
        assert left == ["a.txt", "b.txt"], "what a message names stays"


async def test_a_file_of_somebody_else_or_of_nobody_is_refused(site: Site, inbox: Inbox) -> None:
    ana, ben = await site.page(person="ana"), await site.page(person="ben")
    _, of_ana = await upload(ana, "a.txt", b"secret")
    for wrong in (of_ana["id"], "never-uploaded", "..", "../../web"):
        refused = await ben.act(message("read it") | {"id": f"try-{len(ben.frames):06}", "files": [wrong]})
        assert refused["reason"] == "An attached file is not here any more. Please attach it again."
    many = await ben.act(message("many", 9) | {"files": [of_ana["id"]] * 11})
    assert many["type"] == "refused"
    assert inbox.of(Message) == []


async def test_a_file_that_cannot_be_taken_is_refused_with_the_reason(inbox: Inbox, tmp_path: Path) -> None:
    async with serving(inbox, tmp_path, max_file_bytes=1000) as site:
        page = await site.page()
        assert await upload(page, "a.txt", bytes(1001)) == (413, {"problem": "larger than 0.001 MB"})
        assert await upload(page, "a.txt", b"") == (400, {"problem": "it is empty"})
        assert await upload(page, " ", b"x") == (400, {"problem": "it has no name"})
        assert (await upload(page, "a.txt", b"x", Origin="http://evil.example"))[0] == 403
        stranger = await site.page(opened=False)  # without the cookie of a session
        assert (await upload(stranger, "a.txt", b"x"))[0] == 401

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield bytes(100)

        async with page.http.post(f"{page.url}uploads", params={"name": "a.txt"}, data=endless()) as answer:
            assert (answer.status, await answer.json()) == (413, {"problem": "larger than 0.001 MB"})
        kept = [path for path in (tmp_path / "files").rglob("*") if path.is_file() and path.stat().st_size]
        assert kept == []


# Voice

OGG = b"OggS" + bytes(2000)


async def upload_recording(
    page: FakePage, data: bytes, *, id: str = "voice-001", kind: str = "audio/webm;codecs=opus"
) -> int:
    """Upload a recording as the page does; returns the status."""
    headers = {"Origin": page.origin, "Content-Type": kind}
    async with page.http.post(f"{page.url}recordings?id={id}", data=data, headers=headers) as answer:
        page.said = await answer.text()
        return answer.status


def spoken(id: str = "voice-001", **more: Any) -> dict[str, Any]:
    return {"type": "voice", "id": id, "seconds": 4.6} | more


async def test_a_recording_reaches_the_host_with_its_bytes_once(inbox: Inbox, tmp_path: Path) -> None:
    async with serving(inbox, tmp_path, listens=True) as site:
        page = await site.page()
        assert page.frames[0]["voice"] is True
        assert await upload_recording(page, OGG) == 200
        assert (await page.act(spoken()))["type"] == "ack"
        (said,) = await inbox.wait(Message)
        (recording,) = said.attachments
        assert (said.text, recording.voice, recording.content_type) == ("", True, "audio/webm")
        path = Path(recording.path)
        assert await asyncio.to_thread(path.read_bytes) == OGG
        assert path.is_relative_to(tmp_path / "files"), "where /forget looks for it"
        assert (await asyncio.to_thread(path.stat)).st_mode & 0o077 == 0, "nobody else may hear it"
        assert [item["text"] for item in page.listed()] == ["Voice message (0:04)"]
        # The answer to the frame got lost, and the bot has listened and erased the file: nothing is sent twice.
        await asyncio.to_thread(path.unlink)
        assert (await page.act(spoken()))["type"] == "ack"
        assert len(inbox.events) == 1


async def test_a_recording_that_does_not_fit_or_did_not_arrive_is_refused_in_words(
    inbox: Inbox, tmp_path: Path
) -> None:
    async with serving(inbox, tmp_path, listens=True, max_file_bytes=1000) as site:
        page = await site.page()
        assert await upload_recording(page, OGG) == 422
        assert "larger than" in page.said
        assert await upload_recording(page, OGG, kind="text/html") == 422
        assert "text/html" in page.said
        assert await upload_recording(page, OGG, id="..%2f..%2fweb.db") == 422
        refused = await page.act(spoken())
        assert (refused["type"], refused["again"]) == ("refused", False)
        assert "did not arrive" in refused["reason"]
        assert not inbox.events
        for raw in GARBAGE_OF_VOICE:
            await page.send(raw)
        await page.until(lambda: sum(frame["type"] in ("error", "refused") for frame in page.frames) == 3)


async def test_nobody_uploads_for_others_or_without_the_token(inbox: Inbox, tmp_path: Path) -> None:
    async with serving(inbox, tmp_path, listens=True, token=TOKEN) as site:
        ana, ben = await site.page(token=TOKEN), await site.page(token=TOKEN)
        assert await upload_recording(ana, OGG) == 200
        assert "did not arrive" in (await ben.act(spoken()))["reason"]
        stranger = await site.page(opened=False)
        assert await upload_recording(stranger, OGG) == 401
        async with ana.http.post(
            f"{ana.url}recordings?id=voice-002", headers={"Origin": "http://evil.example"}
        ) as answer:
            assert answer.status == 403


async def test_a_bot_that_does_not_listen_offers_no_microphone(site: Site) -> None:
    page = await site.page()
    assert "voice" not in page.frames[0]
    assert await upload_recording(page, OGG) == 404
    assert "please write" in (await page.act(spoken()))["reason"]


async def test_a_reply_that_is_read_aloud_can_be_played(site: Site, inbox: Inbox, tmp_path: Path) -> None:
    speech = tmp_path / "reply-1.ogg"
    speech.write_bytes(OGG)
    page = await site.page()
    _, receipt = await answer(site, inbox, page, Reply("At noon.", speech=str(speech)))
    (file,) = page.items[receipt.message_ids[0]]["files"]
    async with page.http.get(site.adapter.url.rstrip("/") + file["url"], headers={"Range": "bytes=4-"}) as got:
        assert (got.status, got.content_type, len(await got.read())) == (206, "audio/ogg", 2000)
        assert got.headers["Content-Range"] == "bytes 4-2003/2004"
    for asked, status, size in (("bytes=-4", 206, 4), ("bytes=9000-", 416, 0), ("bytes=0-1,3-4", 200, 2004)):
        async with page.http.get(site.adapter.url.rstrip("/") + file["url"], headers={"Range": asked}) as got:
            assert (got.status, len(await got.read())) == (status, size)


# Access


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "chat.example.org"])
def test_a_server_that_others_can_reach_needs_a_token(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match=r"`token`.*is required"):
        WebAdapter(host=host, data=tmp_path)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_a_loopback_server_needs_none(tmp_path: Path, host: str) -> None:
    WebAdapter(host=host, data=tmp_path)


@pytest.mark.parametrize("token", ["schlüssel-schlüssel", "“a-token-of-enough-length”", " a-token-of-enough-length"])
def test_a_token_that_no_header_carries_is_refused(tmp_path: Path, token: str) -> None:
    """Nobody could ever sign in, and nobody would know why."""
    with pytest.raises(ConfigError, match="`token`"):
        WebAdapter(port=0, data=tmp_path, token=token)


async def test_odd_bytes_in_a_token_or_cookie_are_refused(inbox: Inbox, tmp_path: Path) -> None:
    async with serving(inbox, tmp_path, token=TOKEN) as site:
        for header in (
            b"Authorization: Bearer \xff\xfe",
            b"Authorization: Bearer \xc3\xa9",
            b"Cookie: llmagent_token=\xff",
        ):
            assert await raw_post(f"{site.adapter.url}session", header + b"\r\n") == 401
        for header in (b"Origin: \xff", b"Origin: http://[::1", b"Origin: http://x:99999999999999999999"):
            assert await raw_post(f"{site.adapter.url}session", header + b"\r\n") == 403


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="16 or more"):
        WebAdapter(token="hunter2", data=tmp_path)


async def test_a_port_that_is_taken_is_named(site: Site, tmp_path: Path) -> None:
    port = int(site.adapter.url.rstrip("/").rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"`port` {port}"):
        await WebAdapter(port=port, data=tmp_path / "other").run(Inbox().accept)


async def test_without_the_token_there_is_no_session_and_no_socket(inbox: Inbox, tmp_path: Path) -> None:
    async with serving(inbox, tmp_path, host="0.0.0.0", token=TOKEN) as site:
        page = await site.page(opened=False)
        for headers in ({}, {"Authorization": "Bearer wrong-wrong-wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            async with page.http.post(f"{page.url}session", headers=headers) as got:
                assert got.status == 401
        socket = await page.http.ws_connect(f"{page.url}socket?person=ana")
        assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 4401
        async with page.http.get(page.url) as got:  # the page itself is not secret: it asks for the token
            assert got.status == 200


async def test_the_token_is_shown_once_and_becomes_a_cookie(inbox: Inbox, tmp_path: Path) -> None:
    async with serving(inbox, tmp_path, token=TOKEN) as site:
        page = await site.page(token=TOKEN)
        page.headers = {}
        await page.close()
        await page.open()
        await page.act(message("hi"))
        assert all(TOKEN not in cookie.value for cookie in page.http.cookie_jar)


async def test_names_in_the_address_count_only_where_nobody_else_can_come(inbox: Inbox, tmp_path: Path) -> None:
    """Otherwise anybody with the token could take another person's name."""
    async with serving(inbox, tmp_path, host="0.0.0.0", token=TOKEN) as site:
        page = await site.page(token=TOKEN, person="ana")
        await page.act(message("hi"))
        assert (await inbox.wait(Message))[0].sender.name == ""


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:1", "null", "https://127.0.0.1", "http://[", "x"]
)
async def test_another_sites_page_cannot_open_the_socket(site: Site, origin: str) -> None:
    """The browser would send the person's cookies along: cross-site WebSocket hijacking."""
    page = await site.page()
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await page.http.ws_connect(f"{page.url}socket", headers={"Origin": origin})
    assert caught.value.status == 403
    async with page.http.post(f"{page.url}session", headers={"Origin": origin}) as got:
        assert got.status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", "", "[", "10.0.0.1"])
async def test_a_name_that_was_pointed_at_this_machine_is_not_answered(site: Site, host: str) -> None:
    """DNS rebinding: the name of another site resolves to 127.0.0.1, and its page reads the conversations."""
    page = await site.page(opened=False)
    for path in ("", "socket", "metrics", "healthz"):
        async with page.http.get(page.url + path, headers={"Host": host}) as got:
            assert got.status in (400, 403)


async def test_pages_of_plugins_are_served_under_any_name(inbox: Inbox, tmp_path: Path) -> None:
    """A phone reads a calendar under the address of a proxy. It has no cookie, and the secret is in the address."""

    async def pages(plugin: str, request: PageRequest) -> PageResponse | None:
        if (plugin, request.path) != ("calendar", "feed/secret.ics"):
            return None
        return PageResponse(content_type="text/calendar", body=b"BEGIN:VCALENDAR")

    async with serving(inbox, tmp_path, token=TOKEN, pages=pages) as site:
        page = await site.page(token=TOKEN, opened=False)
        async with aiohttp.ClientSession() as phone:
            headers = {"Host": "bot.example.org"}
            async with phone.get(f"{page.url}pages/calendar/feed/secret.ics", headers=headers) as got:
                assert (got.status, await got.text()) == (200, "BEGIN:VCALENDAR")
                assert got.headers["X-Content-Type-Options"] == "nosniff"
                assert got.headers["Referrer-Policy"] == "no-referrer"
            async with phone.get(f"{page.url}pages/calendar/feed/other.ics") as got:
                assert got.status == 404


async def test_a_proxys_addresses_can_be_allowed(inbox: Inbox, tmp_path: Path) -> None:
    async with serving(inbox, tmp_path, token=TOKEN, origins=["https://chat.example.org"]) as site:
        page = await site.page(token=TOKEN, opened=False)
        page.origin = "https://chat.example.org"
        headers = page.headers | {"Origin": page.origin}
        async with page.http.post(f"{page.url}session", headers=headers) as got:
            assert got.status == 200
            assert all("Secure" in cookie for cookie in got.headers.getall("Set-Cookie"))


async def test_what_is_served_may_load_nothing_from_elsewhere(site: Site) -> None:
    page = await site.page(opened=False)
    for path in ("", "chat.js", "style.css", "icon.svg", "nothing-here"):
        async with page.http.get(page.url + path) as got:
            assert got.headers["Content-Security-Policy"].startswith("default-src 'self'")
            assert got.headers["X-Content-Type-Options"] == "nosniff"
            text = await got.text()
            assert "https://" not in text
            etag = got.headers.get("ETag")
        if etag:
            async with page.http.get(page.url + path, headers={"If-None-Match": etag}) as got:
                assert got.status == 304


# Health and metrics


async def test_health_and_metrics_come_from_the_hooks(inbox: Inbox, tmp_path: Path) -> None:
    state = {"ok": True, "queue": 3}

    async def health() -> dict[str, Any]:
        return state

    async with serving(inbox, tmp_path, health=health, metrics=lambda: b"replies 7\n", token=TOKEN) as site:
        page = await site.page(opened=False)
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        async with page.http.get(f"{page.url}healthz") as got:
            assert (got.status, await got.json()) == (200, {"ok": True})
        async with page.http.get(f"{page.url}healthz", headers=bearer) as got:
            assert await got.json() == state
        state["ok"] = False
        async with page.http.get(f"{page.url}healthz") as got:
            assert got.status == 503
        async with page.http.get(f"{page.url}metrics") as got:
            assert got.status == 401
        async with page.http.get(f"{page.url}metrics", headers=bearer) as got:
            assert (got.status, await got.read()) == (200, b"replies 7\n")


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    adapter = WebAdapter(port=0, data=tmp_path / "file")
    with pytest.raises(ConfigError, match=r"data folder '.*file' cannot be written"):
        await adapter.transcript.latest("ana")


async def test_what_people_said_is_not_readable_for_others_on_the_machine(site: Site, tmp_path: Path) -> None:
    await site.page()
    assert (await asyncio.to_thread((tmp_path / "web.db").stat)).st_mode & 0o077 == 0


async def test_an_accept_that_fails_unforeseen_does_not_end_the_connection(tmp_path: Path) -> None:
    async def broken(event: Event) -> bool:
        raise HostBusyError if event.event_id.endswith("busy-one") else ZeroDivisionError

    site = Site(WebAdapter(port=0, data=tmp_path), accepting(broken))
    await site.start()
    page = await site.page()
    for number in range(3):
        refused = await page.act(message("x", number))
        assert refused["again"] is True
    await page.quit()
    await site.running.stop()


async def test_a_damaged_transcript_is_said_at_the_start(inbox: Inbox, tmp_path: Path) -> None:
    """Otherwise the bot would start, and every page would fail."""
    (tmp_path / "web.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigError, match=r"web\.db is damaged.*not a database.*Move it away"):
        await WebAdapter(port=0, data=tmp_path).run(inbox.accept)


# ── a store that takes nothing, or is damaged ─────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def locked(path: Path) -> Generator[None]:
    """Another program writes to the file, and does not end."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_message_at_a_locked_store_is_said_not_to_be_taken(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page would wait for ever, or show the message as sent."""
    monkeypatch.setattr("llmagent_os.adapters.web.transcript_file.BUSY_MILLISECONDS", 0)
    async with serving(inbox, tmp_path) as site:
        page = await site.page()
        await page.act(message("before", 9))
        with locked(tmp_path / "web.db"):
            refused = await page.act(message("hello"))
            assert (refused["type"], refused["again"]) == ("refused", True)
            assert "not taken" in refused["reason"]
            assert [said.text for said in inbox.of(Message)] == ["before"]
        assert (await page.act(message("hello")))["type"] == "ack"
        assert [item["text"] for item in page.listed()] == ["before", "hello"]


async def test_a_message_on_a_full_disk_is_said_not_to_be_taken(inbox: Inbox, tmp_path: Path) -> None:
    async with serving(inbox, tmp_path) as site:
        page = await site.page()
        transcript: Any = site.adapter.transcript

        def limit(pages: int) -> Callable[[Any, Any], None]:
            def work(db: Any, _: Any) -> None:
                most = pages or db.exec_driver_sql("PRAGMA page_count").scalar()
                db.exec_driver_sql(f"PRAGMA max_page_count = {most}")

            return work

        await transcript._do(limit(0))
        refused = await page.act(message("x" * 15_000))
        assert (refused["type"], refused["again"]) == ("refused", True)
        assert "not taken" in refused["reason"]
        assert inbox.events == {}
        await transcript._do(limit(1_000_000))
        assert (await page.act(message("x" * 15_000)))["type"] == "ack"


async def test_a_ledger_that_takes_nothing_is_said_on_the_page(tmp_path: Path) -> None:
    errors: list[Exception] = [LedgerError("the ledger cannot be written: database or disk is full")]
    inbox = Inbox()

    async def accept(event: Event) -> bool:
        if errors:
            raise errors.pop()
        return await inbox.accept(event)

    site = Site(WebAdapter(port=0, data=tmp_path), accepting(accept))
    await site.start()
    page = await site.page()
    refused = await page.act(message("hello"))
    assert "not taken" in refused["reason"]
    assert page.items == {}
    assert (await page.act(message("hello")))["type"] == "ack"
    await page.quit()
    await site.running.stop()


@pytest.mark.parametrize("body", ["x'7b'", "x'ff'", "'7'", "7", "x'5b5d'", "x'7b7d'"])
async def test_a_damaged_message_is_put_aside_and_the_conversation_goes_on(
    inbox: Inbox, tmp_path: Path, body: str
) -> None:
    """One damaged row would make the frame with all messages unreadable."""
    async with serving(inbox, tmp_path) as site:
        page = await site.page(person="ana")
        _, damaged = await answer(site, inbox, page, Reply("zeppelin"), "k1")
        await answer(site, inbox, page, Reply("two", buttons=(Button("Yes", "y"),)), "k2")
        with contextlib.closing(sqlite3.connect(tmp_path / "web.db")) as database:
            where = f"message_id = '{damaged.message_ids[0]}'"
            database.execute(f"UPDATE messages SET body = {body} WHERE {where}")
            database.commit()
        other = await site.page(person="ana")
        await other.until(lambda: bool(other.items))
        assert [item["text"] for item in other.listed()] == ["hello", "hello", "two"]
        await answer(site, inbox, other, Reply("zeppelin"), "k1")  # the same reply, sent again
        assert [item["text"] for item in other.listed("bot")] == ["two", "zeppelin"]
        (exported,) = await site.adapter.export("person-ana")
        assert len(exported["damaged"]) == 1
        with contextlib.closing(sqlite3.connect(tmp_path / "web.db")) as database:
            kept = database.execute('SELECT "table", "key" FROM damaged').fetchall()
            assert kept == [("messages", damaged.message_ids[0])]
        await site.adapter.forget("person-ana")
        with contextlib.closing(sqlite3.connect(tmp_path / "web.db")) as database:
            assert database.execute("SELECT count(*) FROM damaged").fetchone() == (0,)


# ── frames that mean to break something ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "raw",
    [
        f'{{"type": "open", "after": {2**63}}}',
        f'{{"type": "open", "after": {2**64}}}',
        f'{{"type": "earlier", "before": {2**63}}}',
        '{"type": "open", "after": 1e300}',
        '{"type": "earlier", "before": NaN}',
        '{"type": "earlier", "before": Infinity}',
        '{"type": "earlier", "before": ' + "9" * 5000 + "}",
        '{"type": "open", "conversation": "c\\n"}',
        '{"type": "open", "conversation": "\\u0000"}',
        '{"type": "open", "conversation": "\\ud800"}',
        '{"type": "message", "id": "message-1\\n", "conversation": "c", "text": "x"}',
        '{"type": "reaction", "id": "react-123", "conversation": "c", "message_id": "m\\n", "emoji": "x", "on": true}',
        '{"type": "reaction", "id": "react-123", "conversation": "c", "message_id": "m", "emoji": "x\\n", "on": true}',
    ],
)
async def test_odd_numbers_and_ids_are_refused_as_frames(site: Site, raw: str) -> None:
    """SQLite has no number of 2^63, and ``$`` in a pattern lets a newline at the end pass."""
    page = await site.page()

    def refusals() -> list[dict[str, Any]]:
        return [frame for frame in page.frames if frame["type"] in ("error", "refused")]

    await page.send(raw)
    await page.until(lambda: bool(refusals()))
    assert "went wrong" not in refusals()[0]["reason"], "it is the frame that is wrong"
    assert (await page.act(message("still here")))["type"] == "ack"


async def test_a_picture_is_shown_with_its_words(site: Site, inbox: Inbox, tmp_path: Path) -> None:
    week, export = tmp_path / "week.png", tmp_path / "a.ics"
    week.write_bytes(b"\x89PNG")
    export.write_bytes(b"x")
    page = await site.page()
    reply = Reply("Your week.", files=(str(export),), pictures=(Picture(str(week), "Your week: gym"),))
    said, receipt = await answer(site, inbox, page, reply)
    files = page.items[receipt.message_ids[0]]["files"]
    assert [(file["name"], file.get("alt")) for file in files] == [("week.png", "Your week: gym"), ("a.ics", None)]
    async with page.http.get(site.adapter.url.rstrip("/") + files[0]["url"]) as got:
        assert (got.status, got.headers["Content-Type"], await got.read()) == (200, "image/png", b"\x89PNG")
    again = Reply("Changed.", pictures=(Picture(str(week), "Nothing"),))
    await site.adapter.edit(said.conversation, receipt.message_ids[0], again)
    await page.until(lambda: page.items[receipt.message_ids[0]]["files"][0].get("alt") == "Nothing")
