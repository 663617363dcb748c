"""Reads a feed from the web: RSS or Atom, at an address that a person gave. Nothing in it is trusted.

The library feedparser reads the formats, with their faults. What people read of a feed is plain text.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import feedparser  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import msgspec

from llmagent_os.adapter_kit.guarded_http import AddressError, GuardedHttp
from llmagent_os.errors import LLMAgentOSError
from llmagent_os.languages import gettext
from llmagent_os.plugin import WebAccess

MAX_BYTES = 2_000_000  #: of one feed
READING_SECONDS = 6.0  #: for one feed
MAX_ITEMS = 100  #: of one feed that are looked at, in its order
MAX_TITLE = 150  #: characters

_ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1"
_parse = cast("Callable[..., dict[str, Any]]", feedparser.parse)  # pyright: ignore[reportUnknownMemberType]
_TAG = re.compile(r"<[^<>]*>")
_LINK = re.compile(r"https?://[^\s<>\"'|()\[\]]+", re.I)


class FeedError(LLMAgentOSError):
    """A feed cannot be read. The message is a sentence for the person."""


class FeedItem(msgspec.Struct, frozen=True):
    """One item of a feed."""

    item_id: str  #: a hash of what the feed calls it
    title: str
    link: str  #: empty: it has none that is safe to show


class ReadFeed(msgspec.Struct, frozen=True):
    """What a feed holds now."""

    title: str
    items: tuple[FeedItem, ...]  #: in the feed's order, mostly the newest first
    etag: str = ""  #: what to ask with next time
    modified: str = ""  #: as ``etag``


async def read_feed(url: str, web: WebAccess, *, etag: str = "", modified: str = "") -> ReadFeed | None:
    """Read a feed.

    Args:
        url: its address.
        web: what the installation allows.
        etag: that the server gave last time; empty: none.
        modified: the ``Last-Modified`` that it gave last time; empty: none.

    Returns:
        The feed. None: it has not changed since.

    Raises:
        FeedError: the address cannot be read, or holds no feed.
    """
    headers = {"Accept": _ACCEPT}
    headers |= {"If-None-Match": etag} if etag else {}
    headers |= {"If-Modified-Since": modified} if modified else {}
    try:
        async with GuardedHttp(allow_private=web.allow_private, seconds=READING_SECONDS, max_bytes=MAX_BYTES) as http:
            response = await http.request("GET", url, headers=headers)
    except AddressError as error:
        raise FeedError(gettext("I could not read {url}: {why}.", url=url, why=error)) from None
    if response.status == 304:
        return None
    if response.status != 200:
        text = gettext("I could not read {url}: the server answers {status}.", url=url, status=response.status)
        raise FeedError(text)
    found = await asyncio.to_thread(parse_feed, response.body, response.headers)
    if found is None:
        if b"<html" in response.body[:2000].lower():
            raise FeedError(gettext("{url} is a web page, not a feed. Give me the address of its RSS feed.", url=url))
        raise FeedError(gettext("{url} holds no RSS or Atom feed that I can read.", url=url))
    return msgspec.structs.replace(
        found, etag=response.headers.get("etag", "")[:200], modified=response.headers.get("last-modified", "")[:100]
    )


def parse_feed(body: bytes, headers: Mapping[str, str]) -> ReadFeed | None:
    """Parse a feed. It blocks. None: it is none.

    >>> parse_feed(b"<html><body>Hello</body></html>", {})
    """
    given = {"content-type": headers.get("content-type", "application/xml")}
    # Markup is taken out below, and links are only shown if they are whole: the library need not look at them.
    parsed = _parse(body, response_headers=given, sanitize_html=False, resolve_relative_uris=False)
    if not parsed.get("version"):
        return None
    entries: list[dict[str, Any]] = parsed.get("entries", [])
    feed: dict[str, Any] = parsed.get("feed", {})
    items = [_item(entry) for entry in entries[:MAX_ITEMS]]
    return ReadFeed(_plain(str(feed.get("title", ""))), tuple(dict.fromkeys(items)))


def _item(entry: Mapping[str, Any]) -> FeedItem:
    link = str(entry.get("link", "")).strip()
    link = link if len(link) <= 500 and _LINK.fullmatch(link) else ""
    title = _plain(str(entry.get("title", ""))) or _plain(str(entry.get("summary", ""))) or link
    name = str(entry.get("id") or link or title)
    return FeedItem(hashlib.sha256(name.encode(errors="replace")).hexdigest()[:16], title, link)


def _plain(text: str) -> str:
    """Text without markup, in one line."""
    kept = " ".join(_TAG.sub(" ", html.unescape(text[:5000])).split())
    kept = "".join(each if each.isprintable() else " " for each in kept)
    return kept if len(kept) <= MAX_TITLE else f"{kept[: MAX_TITLE - 1].rstrip()}…"
