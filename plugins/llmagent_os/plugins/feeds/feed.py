"""A feed that a person reads, and when their digest comes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from llmagent_os.plugins.feeds.feed_reading import MAX_ITEMS, FeedItem, ReadFeed
from llmagent_os.plugins.kit.numbered_items import Item
from llmagent_os.plugins.kit.said_moment import to_aware

MAX_SEEN = 3 * MAX_ITEMS  #: ids of told items that are remembered of one feed


class Feed(Item, frozen=True, kw_only=True):
    """A feed that a person follows."""

    url: str
    title: str
    seen: tuple[str, ...] = ()  #: the ids of items that need not be told any more, the latest first
    etag: str = ""  #: of what was read last
    modified: str = ""  #: the ``Last-Modified`` of what was read last
    problem: str = ""  #: why it could not be read the last time; empty: it could

    def after(self, found: ReadFeed) -> Feed:
        """The feed after what was found in it was told."""
        now = [item.item_id for item in found.items]
        seen = tuple(dict.fromkeys((*now, *self.seen)))[:MAX_SEEN]
        return replace(self, seen=seen, etag=found.etag, modified=found.modified, problem="")

    def new_in(self, found: ReadFeed) -> list[FeedItem]:
        """The items that were not told yet."""
        seen = set(self.seen)
        return [item for item in found.items if item.item_id not in seen]


class DigestTime(msgspec.Struct, frozen=True):
    """When the digest comes, every day."""

    hour: int = 8
    minute: int = 0
    told: datetime | None = None  #: the moment of the last digest that was made, in UTC
    #: what the last digest told, by number of the feed: after a crash it is told again
    last: dict[str, list[FeedItem]] = {}

    @property
    def clock(self) -> str:
        """The time of day, for replies."""
        return f"{self.hour}:{self.minute:02}"

    def next_after(self, now: datetime, zone: str) -> datetime:
        """The next digest after ``now``, in UTC. On a day when the clocks skip the time, it comes when they go on."""
        here = now.astimezone(ZoneInfo(zone))
        for days in (0, 1, 2):
            wall = datetime.combine(here.date() + timedelta(days=days), time(self.hour, self.minute))
            moment = to_aware(wall, ZoneInfo(zone)).astimezone(UTC)
            if moment > now:
                return moment
        raise ValueError(f"no {self.clock} after {now} in {zone}")
