"""The plugin of feeds: what is new in RSS and Atom feeds, once a day at a time of the person's choice.

================  ====================================================================================================
``feed_reading``  reads a feed from the web
``feed_form``     the form in which a person follows one
``feed``          a feed that a person follows, and when their digest comes
``digest``        reads all feeds of a person, and tells what is new
================  ====================================================================================================
"""

from __future__ import annotations

import re
from datetime import datetime

from msgspec.structs import replace

from llmagent_os.languages import gettext, gettext_noop, ngettext
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import (
    Button,
    Card,
    FormErrors,
    FormValues,
    Span,
    ToolCall,
    ToolContext,
    ToolResult,
    form_button,
    tool,
)
from llmagent_os.plugins.feeds.digest import MAX_FEEDS, FeedCall, escaped
from llmagent_os.plugins.feeds.feed import Feed
from llmagent_os.plugins.feeds.feed_form import MAX_ADDRESS, NEW_FEED
from llmagent_os.plugins.feeds.feed_reading import FeedError, read_feed
from llmagent_os.plugins.kit.open_question import ANSWER, answers_question, ask, close_question, take_question
from llmagent_os.plugins.kit.serialized_plugin import SerializedPlugin, serialized

__all__ = ["FeedsPlugin"]

_ADDRESS = re.compile(r"https?://\S+", re.I)
_CLOCK = re.compile(r"(?P<hour>[01]?\d|2[0-3])(?::(?P<minute>[0-5]\d))?", re.I)
_FOLLOW = re.compile(r"(?:please )?(?:follow|subscribe to) (?:the )?feed (?P<url>https?://\S+?)[.!]*", re.I)
_WORDS = re.compile(r"(?P<verb>add|remove|at|now|off)(?:\s+(?P<rest>.+))?", re.I | re.S)


class FeedsPlugin(SerializedPlugin):
    """Keeps every person's feeds in the plugin's records, and one timer for their digest."""

    name = "feeds"
    about = "news of RSS and Atom feeds, once a day"
    work = "is reading your feeds…"
    commands = {  # noqa: RUF012
        "feeds": gettext_noop(
            "news of RSS and Atom feeds: /feeds add ADDRESS, /feeds at 8:00, /feeds now, /feeds remove 2"
        )
    }

    reading = ("/feeds",)
    forms = (NEW_FEED,)

    @tool(permission="feeds.write")
    @serialized
    async def follow_feed(self, context: ToolContext, address: Span) -> ToolResult:
        """Follow an RSS or Atom feed: its news come in a daily digest.

        Args:
            context: of the person
            address: of the feed
        """
        return await _add(FeedCall(context), address)

    @tool(permission="feeds.read", read_only=True)
    @serialized
    async def list_feeds(self, context: ToolContext) -> ToolResult:
        """List the feeds that the person follows."""
        return await _list(FeedCall(context))

    @serialized
    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        call, words = FeedCall(context), arguments.strip()
        await close_question(context)
        if not words:
            listed = await _list(call)
            return replace(listed, buttons=(*listed.buttons, form_button(NEW_FEED)))
        if _ADDRESS.fullmatch(words):
            return await _add(call, words)
        asked = _WORDS.fullmatch(words)
        verb, rest = (asked["verb"].lower(), asked["rest"] or "") if asked else ("", "")
        if verb == "add" or words.lower() == "new":
            added = await _add(call, rest)
            is_asked = added.data["status"] == "missing"
            return replace(added, buttons=(form_button(NEW_FEED),)) if is_asked else added
        if verb == "remove" and rest.strip().isdecimal():
            feed = await call.items.get(int(rest.strip()[:6]))
            return _gone() if feed is None else await _remove(call, feed)
        if verb == "at" and (clock := _CLOCK.fullmatch(rest.strip())):
            return await _set_time(call, int(clock["hour"]), int(clock["minute"] or 0))
        if verb == "now":
            told = await call.digest()
            return told or ToolResult({"status": "nothing"}, gettext("Nothing is new in your feeds."))
        text = gettext("I know “/feeds add ADDRESS”, “/feeds remove 2”, “/feeds at 8:00” and “/feeds now”.")
        return ToolResult({"status": "unclear"}, text)

    @serialized
    async def submitted(self, context: ToolContext, form: str, values: FormValues) -> ToolResult | FormErrors:
        address, clock = values.text("address"), values.clock("time")
        if not _ADDRESS.fullmatch(address):
            return FormErrors({"address": gettext("That is no address: it begins with https://")})
        call = FeedCall(context)
        await close_question(context)
        added = await _add(call, address)
        if added.data["status"] in ("refused", "unreadable"):
            return FormErrors({"address": added.text})
        if clock is None or added.data["status"] == "full":
            return added
        said = await _set_time(call, clock.hour, clock.minute)
        return replace(said, buttons=added.buttons) if added.data["status"] == "added" else said

    @serialized
    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        verb, _, rest = value.partition(":")
        call = FeedCall(context)
        if verb == ANSWER and await take_question(context) is not None and context.text:
            return await _add(call, context.text)
        if verb == "undo" and (back := await call.items.restore(rest)) is not None:
            await call.schedule()
            text = gettext("You follow {title} again.", title=escaped(back.title))
            return ToolResult({"status": "restored", "title": back.title}, text)
        feed = await call.items.by_ref(rest) if verb == "remove" else None
        return _gone() if feed is None else await _remove(call, feed)

    async def button_meant(self, context: ToolContext) -> str | None:
        """An address after "Which feed?" answers it. Other words do not."""
        if await answers_question(context) is None:
            return None
        return ANSWER if _ADDRESS.search(context.text) else None

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...] | ToolResult:
        """Read "follow the feed https://…"."""
        asked = _FOLLOW.fullmatch(context.text.strip())
        return () if asked is None else (ToolCall("follow_feed", {"address": asked["url"]}),)

    @serialized
    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        call = FeedCall(context)
        result = await call.digest(at)
        await call.schedule()
        return result

    async def profile_changed(self, context: ToolContext, before: Profile, assumed_zone: str) -> ToolResult | None:
        """The digest follows the person's clock."""
        async with self.locks.of(context.user_id):
            await FeedCall(context).schedule()
        return None


async def _add(call: FeedCall, text: str) -> ToolResult:
    context, found = call.context, _ADDRESS.search(text)
    if found is None:
        await ask(context, "feed")
        question = gettext("Which feed? Send me its address: it begins with https://")
        return ToolResult({"status": "missing", "need": "address"}, question)
    url, known = found[0].rstrip(".,;!)>"), await call.items.all()
    if len(url) > MAX_ADDRESS:
        return ToolResult({"status": "refused"}, gettext("That address is too long."))
    if same := next((each for each in known if each.url == url and each.made_by != context.call_id), None):
        text = gettext("You follow {title} already.", title=escaped(same.title))
        return ToolResult({"status": "known", "title": same.title}, text)
    if len(known) >= MAX_FEEDS:
        text = gettext("You follow {count} feeds, and I read no more. Remove one first: /feeds.", count=MAX_FEEDS)
        return ToolResult({"status": "full"}, text)
    try:
        read = await read_feed(url, context.web)
    except FeedError as error:
        return ToolResult({"status": "unreadable"}, str(error), word_for_word=True)
    if read is None:
        return ToolResult(
            {"status": "unreadable"}, gettext("{url} holds no RSS or Atom feed that I can read.", url=url)
        )
    feed = await call.items.add(Feed(url=url, title=read.title or url, made_by=context.call_id).after(read))
    await call.schedule()
    text = gettext(
        "You follow {title}. What is new comes every day at {clock}; “/feeds at 18:30” changes that.",
        title=escaped(feed.title),
        clock=(await call.time()).clock,
    )
    return ToolResult({"status": "added", "title": feed.title}, text, buttons=(_remove_button(feed),))


async def _list(call: FeedCall) -> ToolResult:
    feeds = await call.items.all()
    if not feeds:
        return ToolResult({"status": "empty"}, gettext("You follow no feeds. “/feeds add ADDRESS” adds one."))
    rows = tuple((str(each.number), each.title + (f"\n{each.problem}" if each.problem else "")) for each in feeds)
    clock = (await call.time()).clock
    text = ngettext(
        "You follow {count} feed. Its news come every day at {clock}.",
        "You follow {count} feeds. Their news come every day at {clock}.",
        len(feeds),
        clock=clock,
    )
    return ToolResult(
        {"status": "listed", "count": str(len(feeds)), "feeds": "; ".join(each.title for each in feeds)},
        text,
        card=Card(rows=rows),
        buttons=tuple(_remove_button(each) for each in feeds),
    )


async def _remove(call: FeedCall, feed: Feed) -> ToolResult:
    await call.items.delete(feed.number)
    await call.schedule()
    text = gettext("You no longer follow {title}.", title=escaped(feed.title))
    undo = Button(gettext("Undo"), f"undo:{feed.ref}")
    return ToolResult({"status": "removed", "title": feed.title}, text, buttons=(undo,))


async def _set_time(call: FeedCall, hour: int, minute: int) -> ToolResult:
    when = await call.time()
    when = type(when)(hour, minute, when.told, when.last)
    await call.set_time(when)
    await call.schedule()
    text = gettext("News of your feeds come every day at {clock}.", clock=when.clock)
    return ToolResult({"status": "set", "clock": when.clock}, text)


def _remove_button(feed: Feed) -> Button:
    return Button(gettext("Remove {number}", number=feed.number), f"remove:{feed.ref}")


def _gone() -> ToolResult:
    return ToolResult({"status": "stale"}, gettext("You do not follow that feed."))
