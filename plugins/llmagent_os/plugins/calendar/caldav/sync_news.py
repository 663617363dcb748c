"""What a sync has to tell the person: it waits until the bot may begin something by itself, and the sync does not.

Syncs go on in quiet hours, since what comes from the phone may be due before they are over. Their news come by a timer
of their own that may be held back, together where there are several.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from llmagent_os.plugin import Button, ToolContext, ToolResult

NEWS_TIMER = "caldav-news"  #: the key of the timer that tells them
_RECORD = "caldav-news"

MAX_NEWS = 5  #: sentences that are told
MAX_KEPT = 50  #: sentences that are kept; further ones are counted


class _News(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What waits to be told."""

    texts: tuple[str, ...] = ()
    more: int = 0  #: how many sentences there is no room for
    renew: bool = False  #: the connection is refused: the person can renew it
    told: str = ""  #: for which moment of the timer they were told; empty: not yet


async def keep_news(context: ToolContext, texts: Sequence[str], *, renew: bool = False) -> None:
    """Have the person told, as soon as the bot may begin something by itself."""
    known = await _read(context)
    before = known if known is not None and not known.told else _News()
    every = (*before.texts, *texts)
    news = _News(texts=every[:MAX_KEPT], more=before.more + len(every[MAX_KEPT:]), renew=before.renew or renew)
    await context.records.put(_RECORD, msgspec.to_builtins(news))
    await context.timers.set(NEWS_TIMER, context.now, deferrable=True)


async def tell_news(context: ToolContext, at: datetime) -> ToolResult | None:
    """Answer the timer at ``at``: the same words also where it is answered again after a crash. None: no news."""
    news = await _read(context)
    if news is None or news.told not in ("", at.isoformat()) or not news.texts:
        return None
    await context.records.put(_RECORD, msgspec.to_builtins(msgspec.structs.replace(news, told=at.isoformat())))
    more = len(news.texts[MAX_NEWS:]) + news.more
    text = " ".join([*news.texts[:MAX_NEWS], *([f"And {more} more."] if more else [])])
    if news.renew:
        return ToolResult({"status": "failed"}, text, buttons=(Button("Renew", "caldav:renew"),))
    return ToolResult({"status": "synced"}, text)


async def drop_news(context: ToolContext) -> None:
    """Forget what waits: the person has ended the connection."""
    await context.timers.cancel(NEWS_TIMER)
    await context.records.delete(_RECORD)


async def _read(context: ToolContext) -> _News | None:
    found = await context.records.get(_RECORD)
    try:
        return None if found is None else msgspec.convert(found, _News)
    except msgspec.ValidationError:
        return None
