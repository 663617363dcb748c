"""Feeds: news that come twice, not at all or from inside the operator's network are worse than no news."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from llmagent_os.plugin import WebAccess
from llmagent_os.plugins.feeds import FeedsPlugin
from llmagent_os.plugins.feeds.feed_reading import parse_feed
from tests.unit.plugins.everyday_person import EverydayPerson


class Publisher:
    """A server of feeds on this machine."""

    def __init__(self) -> None:
        self.items = ["One", "Two"]
        self.kind = "rss"
        self.asked: list[int] = []  #: the status of each answer

    def body(self) -> bytes:
        if self.kind == "atom":
            entries = "".join(
                f"<entry><id>{each}</id><title type='html'>&lt;b&gt;{each}&lt;/b&gt;</title></entry>"
                for each in self.items
            )
            return f"<feed xmlns='http://www.w3.org/2005/Atom'><title>Atoms</title>{entries}</feed>".encode()
        items = "".join(
            f"<item><guid>{each}</guid><title>{each}</title><link>https://example.org/{each}</link></item>"
            for each in self.items
        )
        return f"<rss version='2.0'><channel><title>News</title>{items}</channel></rss>".encode()

    async def answer(self, request: web.Request) -> web.Response:
        tag = f'"{len(self.items)}{self.kind}"'
        if self.kind == "broken":
            response = web.Response(status=500)
        elif self.kind == "html":
            response = web.Response(text="<!doctype html><html><body>Hello</body></html>", content_type="text/html")
        elif self.kind == "nothing":
            response = web.Response(body=b"\x00\x01\x02")
        elif self.kind == "huge":
            response = web.Response(body=b"<rss>" + b"x" * 2_000_001)
        elif request.headers.get("If-None-Match") == tag:
            response = web.Response(status=304)
        else:
            response = web.Response(body=self.body(), content_type="application/xml", headers={"ETag": tag})
        self.asked.append(response.status)
        return response


@pytest.fixture
async def publisher() -> AsyncIterator[tuple[Publisher, str]]:
    found = Publisher()
    app = web.Application()
    app.router.add_get("/{name}", found.answer)
    async with TestServer(app) as server:
        yield found, str(server.make_url("/news"))


@pytest.fixture
def person() -> EverydayPerson:
    return EverydayPerson(FeedsPlugin(), web=WebAccess(allow_private=True))


async def test_news_come_once_at_the_hour_of_choice(person: EverydayPerson, publisher: tuple[Publisher, str]) -> None:
    server, address = publisher
    added = await person.command(f"/feeds add {address}")
    assert "You follow News." in added.text and "8:00" in added.text
    await person.command("/feeds at 18:30")
    assert [f"{at:%d %H:%M}" for at in person.timers.pending.values()] == ["01 17:30"]
    assert await person.wait(hours=10, minutes=30) == []  # what was there when the feed was added is no news
    server.items.insert(0, "Th*ree")
    (told,) = await person.wait(days=1)
    assert told.text == "1 new item in your feeds:\n\n**News**\n- [Th\\*ree](https://example.org/Th*ree)"
    assert await person.wait(days=1) == []
    assert server.asked == [200, 304, 200, 304]


async def test_a_crash_in_between_tells_the_same_news_again(
    person: EverydayPerson, publisher: tuple[Publisher, str]
) -> None:
    server, address = publisher
    await person.command(f"/feeds {address}")
    server.items.insert(0, "Three")
    at = datetime.fromisoformat("2026-12-02T07:00:00+00:00")
    said = [await person.plugins.due("feeds", "digest", at, person.context()) for _ in range(2)]
    assert [each is not None and "Three" in each.text for each in said] == [True, True]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("broken", "the server answers 500"),
        ("html", "is a web page, not a feed"),
        ("nothing", "holds no RSS or Atom feed"),
        ("huge", "I could not read"),
    ],
)
async def test_what_is_no_feed_is_named(
    person: EverydayPerson, publisher: tuple[Publisher, str], kind: str, told: str
) -> None:
    server, address = publisher
    server.kind = kind
    assert told in (await person.command(f"/feeds add {address}")).text
    assert (await person.command("/feeds")).data["status"] == "empty"


async def test_a_feed_that_breaks_is_told_of_once_and_the_others_come(
    person: EverydayPerson, publisher: tuple[Publisher, str]
) -> None:
    server, address = publisher
    await person.command(f"/feeds add {address}")
    server.kind = "broken"
    (told,) = await person.wait(days=1, hours=1)
    assert "answers 500" in told.text
    assert await person.wait(days=1) == []
    listed = await person.command("/feeds")
    assert listed.card is not None and "answers 500" in listed.card.rows[0][1]
    server.kind, server.items = "rss", ["Back", *server.items]
    (told,) = await person.wait(days=1)
    assert "Back" in told.text


async def test_addresses_inside_of_the_network_are_refused(publisher: tuple[Publisher, str]) -> None:
    """Whoever may talk to the bot could read the operator's own servers otherwise."""
    person, (server, address) = EverydayPerson(FeedsPlugin()), publisher
    assert (await person.command(f"/feeds add {address}")).data["status"] == "unreadable"
    assert server.asked == []


async def test_feeds_are_asked_for_listed_and_removed(person: EverydayPerson, publisher: tuple[Publisher, str]) -> None:
    server, address = publisher
    server.kind = "atom"
    assert (await person.command("/feeds add")).data["need"] == "address"
    assert await person.say("what is a feed?") is None
    added = await person.say(f"it is {address}")
    assert added is not None and added.data == {"status": "added", "title": "Atoms"}
    assert (await person.command(f"/feeds add {address}")).data["status"] == "known"
    assert (await person.command("/feeds now")).data["status"] == "nothing"
    await person.command("/feeds")
    await person.press("Remove 1")
    assert person.timers.pending == {}
    await person.press("Undo")
    assert len(person.timers.pending) == 1
    assert (await person.command("/feeds remove 9")).data["status"] == "stale"
    assert (await person.command("/feeds at 25:00")).data["status"] == "unclear"
    assert (await person.plugins.press("feeds:remove:1.x", person.context())).data["status"] == "stale"
    assert (await person.call("list_feeds")).data["feeds"] == "Atoms"


async def test_many_feeds_and_items_are_bounded(person: EverydayPerson, publisher: tuple[Publisher, str]) -> None:
    server, address = publisher
    for number in range(20):
        await person.command(f"/feeds add {address}{number}")
    assert (await person.command(f"/feeds add {address}")).data["status"] == "full"
    server.items = [f"Item {number}" for number in range(500)]
    (told,) = await person.wait(days=1, hours=1)
    assert len(told.text) <= 15_000 and "… and 90 more" in told.text
    assert max(len(record.get("seen", ())) for _, record in await person.records.items()) <= 300


@pytest.mark.parametrize(
    ("body", "titles"),
    [
        (b"<rss version='2.0'><channel><item><title>a &amp;lt;b&gt;c</title></item>", ["a c"]),  # cut off
        (
            b"<rss version='2.0'><channel><item><link>javascript:x()</link><title>x</title></item></channel></rss>",
            ["x"],
        ),
        (
            b"<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><rss version='2.0'><channel><item>"
            b"<title>y&b;</title></item></channel></rss>",
            ["y&b"],
        ),
    ],
)
def test_hostile_feeds_are_read_as_plain_text(body: bytes, titles: list[str]) -> None:
    read = parse_feed(body, {})
    assert read is not None and [item.title[:3] for item in read.items] == titles
    assert all(item.link == "" for item in read.items)
