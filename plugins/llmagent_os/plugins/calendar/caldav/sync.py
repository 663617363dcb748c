"""One sync: what has changed on the server is taken over, then what has changed here is written there.

A sync may end anywhere, by a crash or because its time is up. The next one compares again: what one side has already is
written to nobody twice, because an object's path follows from its UID, and a server refuses to make a path twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import unquote, urlsplit

import msgspec

from llmagent_os.plugins.calendar.caldav.account import DavAccount
from llmagent_os.plugins.calendar.caldav.calendar_object import ReadObject, object_text, read_object
from llmagent_os.plugins.calendar.caldav.dav_client import DavClient, DavError, RemoteObject
from llmagent_os.plugins.calendar.caldav.phone_alarms import follow_alarms
from llmagent_os.plugins.calendar.caldav.reconcile import Winner, decide, with_own_ids
from llmagent_os.plugins.calendar.caldav.synced_objects import SyncedObject, SyncedObjects, alarms_of, digest_of
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.ics.series import Series, series_of
from llmagent_os.plugins.calendar.lead_reminders import with_lead_reminders

FETCHED_TOGETHER = 50  #: objects of one request
_CHANGED = 412  #: the server's answer where the object is not as it was


@dataclass
class SyncReport:
    """What a sync has done."""

    news: list[str] = field(default_factory=list[str])  #: sentences for the person: conflicts, and what was refused
    complete: bool = True  #: False: there is more to do
    token: str = ""  #: for the next sync


class Sync:
    """One sync of one person.

    Args:
        call: the person's calendar.
        client: the server.
        account: which calendar, and the token of the last sync.
        deadline: when to stop, as ``clock`` tells it.
        clock: seconds that only ever increase.
    """

    def __init__(
        self,
        call: CalendarCall,
        client: DavClient,
        account: DavAccount,
        deadline: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._call = call
        self._client = client
        self._account = account
        self._deadline = deadline
        self._clock = clock
        self._synced = SyncedObjects(call.context.records)
        self._here: dict[str, Series] = {}
        self._report = SyncReport(token=account.token)

    async def run(self) -> SyncReport:
        """Sync.

        Raises:
            DavError: the server cannot be used now. What was done so far stays.
        """
        await self._synced.load()
        await self._read_calendar()
        await self._pull()
        if self._report.complete:
            await self._read_calendar()
            await self._push()
        return self._report

    async def _read_calendar(self) -> None:
        events = [event for event in await self._call.store.events() if event.start is not None]
        self._here = {series.uid: series for series in series_of(events)}

    # ── from the server ───────────────────────────────────────────────────────────────────────────────────────────

    async def _pull(self) -> None:
        known = {href: synced.etag for href, synced in self._synced.by_href.items()}
        found = await self._client.changes(self._account.calendar, self._account.token, known)
        wanted = [href for href, etag in found.changed.items() if not etag or known.get(href) != etag]
        for first in range(0, len(wanted), FETCHED_TOGETHER):
            if self._is_late():
                self._report.complete = False
                return
            objects = await self._client.fetch(self._account.calendar, wanted[first : first + FETCHED_TOGETHER])
            for each in objects:
                await self._take(each)
        for href in found.deleted:
            await self._take_deletion(href)
        self._report.token = found.sync_token

    async def _take(self, remote: RemoteObject) -> None:
        now = self._call.context.now
        read = await asyncio.to_thread(read_object, remote.data, self._call.zone.key, now)
        base = self._synced.by_href.get(remote.href)
        if read is None:  # a task or a note, or damaged: it is left alone
            uid = base.uid if base else f"path:{remote.href}"
            await self._synced.keep(SyncedObject(uid=uid, href=remote.href, etag=remote.etag, unreadable=True))
            return
        base = base or self._synced.by_uid.get(read.uid)
        mine = self._events_here(read.uid)
        if not read.events and not read.cancelled:  # nothing of it can be kept: what is here stays as it is
            await self._synced.keep(_synced(read, remote, digest_of(mine), base))
            return
        theirs = with_own_ids(read, mine)
        decision = decide(mine, theirs, base, here_at=await self._changed_at(mine, base), there_at=read.changed)
        if decision.winner is Winner.REMOTE:
            await self._take_over(mine, theirs)
            mine = theirs
        if decision.is_conflict and read.cancelled:
            self._tell_kept(mine)
        elif decision.is_conflict:
            self._tell(read.events or mine, decision.winner)
        base_digest = base.digest if base and decision.winner is Winner.HERE else digest_of(mine)
        synced = _synced(read, remote, base_digest, base)
        if self._account.alarms and decision.winner is not Winner.HERE:
            ids = await follow_alarms(self._call, read, mine, synced.phone_alarms)
            synced = msgspec.structs.replace(synced, phone_alarms=ids)
        await self._synced.keep(synced)

    async def _take_deletion(self, href: str) -> None:
        base = self._synced.by_href.get(href)
        if base is None:
            return
        mine = self._events_here(base.uid)
        decision = decide(mine, (), base, here_at=None, there_at=None)
        if decision.winner is Winner.REMOTE:
            await self._take_over(mine, ())
        if decision.is_conflict:
            self._tell_kept(mine)
        await self._synced.drop(base)

    async def _take_over(self, mine: tuple[CalendarEvent, ...], theirs: tuple[CalendarEvent, ...]) -> None:
        """Have the events here be as on the server. The reminders before them follow."""
        change = with_lead_reminders(Change(before=mine, after=theirs), await self._call.store.events())
        await self._call.store.take_over(change.before, change.after)

    def _events_here(self, uid: str) -> tuple[CalendarEvent, ...]:
        series = self._here.get(uid)
        return series.events if series else ()

    async def _changed_at(self, mine: tuple[CalendarEvent, ...], base: SyncedObject | None) -> datetime | None:
        """When the events here were changed, if they were."""
        if base is None or digest_of(mine) == base.digest:
            return None
        ids = {event.event_id for event in mine} or {base.uid.partition("@")[0], stable_id("ics", base.uid, "")}
        return await self._call.store.changed_at(ids)

    # ── to the server ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _push(self) -> None:
        for uid, series in self._here.items():
            synced, digest = self._synced.by_uid.get(uid), digest_of(series.events)
            if synced is not None and (synced.unreadable or _is_there(series, synced, digest)):
                continue
            if self._is_late():
                self._report.complete = False
                return
            await self._write(series, synced, digest)
        for synced in [*self._synced.by_uid.values()]:
            if synced.uid in self._here or not synced.digest or synced.unreadable:
                continue
            if self._is_late():
                self._report.complete = False
                return
            status = await self._client.delete(self._account.calendar, synced.href, synced.etag)
            if status == _CHANGED:
                self._report.complete = False  # it was changed there in the meantime: the next sync compares
            elif status in (200, 202, 204, 404, 410):
                await self._synced.drop(synced)
            else:
                raise DavError(f"the server answers {status}")

    async def _write(self, series: Series, synced: SyncedObject | None, digest: str) -> None:
        calendar = self._account.calendar
        href = synced.href if synced else _path_of(calendar, series.uid)
        old, etag = "", ""
        if synced is not None and synced.digest:
            there = await self._client.fetch(calendar, [href])
            if not there or (synced.etag and there[0].etag != synced.etag):
                self._report.complete = False  # the next sync takes over what was changed there
                return
            old, etag = there[0].data, there[0].etag
        content = await asyncio.to_thread(object_text, series, self._call.context.now, old)
        status, new_etag = await self._client.write(calendar, href, content, etag)
        base = synced or SyncedObject(uid=series.uid, href=href)
        if status in (200, 201, 204):
            alarms = alarms_of(series, synced)
            written = msgspec.structs.replace(base, etag=new_etag, digest=digest, alarms=alarms, refused="")
            await self._synced.keep(written)
        elif status == _CHANGED:
            self._report.complete = False
        else:
            await self._synced.keep(msgspec.structs.replace(base, refused=digest))
            title = series.events[0].title
            self._report.news.append(f"The calendar server did not take {title} (it answers {status}).")

    def _is_late(self) -> bool:
        return self._clock() > self._deadline

    def _tell_kept(self, mine: tuple[CalendarEvent, ...]) -> None:
        self._report.news.append(f"{mine[0].title} was deleted on another device after it was changed here. I kept it.")

    def _tell(self, events: tuple[CalendarEvent, ...], winner: Winner) -> None:
        kept = "the change made there" if winner is Winner.REMOTE else "the one made here"
        self._report.news.append(
            f"{events[0].title} was changed here and on another device. I kept {kept}, because it is later."
        )


def _is_there(series: Series, synced: SyncedObject, digest: str) -> bool:
    """Whether the server has this already, or did not take it."""
    return digest == synced.refused or (digest, alarms_of(series, synced)) == (synced.digest, synced.alarms)


def _synced(read: ReadObject, remote: RemoteObject, digest: str, base: SyncedObject | None) -> SyncedObject:
    return SyncedObject(
        uid=read.uid,
        href=remote.href,
        etag=remote.etag,
        digest=digest,
        unreadable=read.unreadable,
        alarms=base.alarms if base else "",
        phone_alarms=base.phone_alarms if base else (),
    )


def _path_of(calendar: str, uid: str) -> str:
    """The path of the object of a UID: always the same, so that it cannot be made twice."""
    return f"{unquote(urlsplit(calendar).path).rstrip('/')}/{stable_id(uid)}.ics"
