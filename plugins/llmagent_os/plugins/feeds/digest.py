"""The digest: once a day, what is new in a person's feeds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from llmagent_os.languages import ngettext
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.feeds.feed import DigestTime, Feed
from llmagent_os.plugins.feeds.feed_reading import FeedError, FeedItem, ReadFeed, read_feed
from llmagent_os.plugins.kit.numbered_items import NumberedItems

MAX_FEEDS = 20  #: of one person
MAX_TOLD = 10  #: items of one feed in a digest
AT_ONCE = 5  #: feeds that are read at the same time
TIMER = "digest"
_TIME = "time"


class FeedCall:
    """The feeds of one person during one request."""

    def __init__(self, context: ToolContext) -> None:
        self.context = context
        self.items = NumberedItems(context.records, Feed)

    async def time(self) -> DigestTime:
        """When the digest comes."""
        record = await self.context.records.get(_TIME)
        return DigestTime() if record is None else msgspec.convert(record, DigestTime)

    async def set_time(self, when: DigestTime) -> None:
        """Keep when the digest comes."""
        await self.context.records.put(_TIME, msgspec.to_builtins(when))

    async def schedule(self) -> None:
        """Set the timer of the next digest, or end it where there are no feeds."""
        if not await self.items.all():
            await self.context.timers.cancel(TIMER)
            return
        when = (await self.time()).next_after(self.context.now, self.context.time_zone)
        await self.context.timers.set(TIMER, when, deferrable=True)

    async def digest(self, at: datetime | None = None) -> ToolResult | None:
        """Read all feeds, and tell what is new. None: nothing is.

        Args:
            at: the moment of the timer, which after a crash is answered a second time; None: the person asks now.
        """
        when = await self.time()
        feeds = await self.items.all()
        if at is not None and when.told == at:
            return _told(feeds, when.last, [])
        limit = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(*(self._read(feed, limit) for feed in feeds))
        news: dict[str, list[FeedItem]] = {}
        broken: list[str] = []
        for feed, read in zip(feeds, found, strict=True):
            if isinstance(read, str):
                broken += [read] if not feed.problem or at is None else []  # a broken feed is told of once
                await self.items.put(replace(feed, problem=read))
            elif read is not None:
                new = feed.new_in(read)
                news |= {str(feed.number): new} if new else {}
                await self.items.put(feed.after(read))
            elif feed.problem:
                await self.items.put(replace(feed, problem=""))
        kept = {number: items[:MAX_TOLD] for number, items in news.items()}
        await self.set_time(replace(when, told=at.astimezone(UTC) if at else when.told, last=kept))
        return _told(feeds, news, broken)

    async def _read(self, feed: Feed, limit: asyncio.Semaphore) -> ReadFeed | str | None:
        """What a feed holds; why it cannot be read; or None: nothing has changed."""
        async with limit:
            try:
                return await read_feed(feed.url, self.context.web, etag=feed.etag, modified=feed.modified)
            except FeedError as error:
                return str(error)


def _told(feeds: list[Feed], news: dict[str, list[FeedItem]], broken: list[str]) -> ToolResult | None:
    parts: list[str] = []
    for feed in feeds:
        if items := news.get(str(feed.number)):
            lines = [_line(item) for item in items[:MAX_TOLD]]
            more = len(items) - MAX_TOLD
            lines += [ngettext("… and {count} more", "… and {count} more", more)] if more > 0 else []
            parts.append("\n".join([f"**{escaped(feed.title)}**", *lines]))
    count = sum(len(items) for items in news.values())
    if not parts and not broken:
        return None
    lead = [ngettext("{count} new item in your feeds:", "{count} new items in your feeds:", count)] if parts else []
    text = "\n\n".join([*lead, *parts, *broken])
    return ToolResult({"status": "digest", "count": str(count)}, text[:15_000], word_for_word=True)


def _line(item: FeedItem) -> str:
    return f"- [{escaped(item.title)}]({item.link})" if item.link else f"- {escaped(item.title)}"


def escaped(text: str) -> str:
    """Text of others in Markdown: none of its characters are marks."""
    return "".join(f"\\{each}" if each in "\\`*_[]<>#|~" else each for each in text)
