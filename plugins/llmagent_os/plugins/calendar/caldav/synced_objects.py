"""What both sides had after the last sync: the base of the comparison that finds out which side has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from llmagent_os.plugins.calendar.ics.import_plan import CARRIED
from llmagent_os.plugins.calendar.ics.series import Series
from llmagent_os.records import Records

PREFIX = "dav:"  #: begins the keys of the records


class SyncedObject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One object of the server, and the events here that were the same."""

    uid: str
    href: str  #: its path on the server
    etag: str = ""  #: of what the server had; empty: not known, so it is read again
    digest: str = ""  #: of the events here, see :func:`digest_of`; empty: there were none
    unreadable: bool = False  #: the object holds what the calendar cannot keep: it is left alone
    alarms: str = ""  #: of the lead reminders that were written there, see :func:`alarms_of`; empty: there were none
    phone_alarms: tuple[str, ...] = ()  #: ids of the reminders here that stand for alarms of the object
    refused: str = ""  #: the digest of events that the server did not take


def digest_of(events: Iterable[CalendarEvent]) -> str:
    """A short name for what ``events`` say. What only this calendar knows of them does not count."""
    written = sorted(msgspec.json.encode([getattr(event, name) for name in CARRIED]) for event in events)
    if not written:
        return ""
    return hashlib.sha256(b"\n".join(written)).hexdigest()[:24]


def alarms_of(series: Series, synced: SyncedObject | None) -> str:
    """A short name for the reminders before the events of ``series``, which become alarms. Empty: there are none.

    Args:
        series: the events of one UID.
        synced: says which of the reminders stand for alarms that are there already.
    """
    known = synced.phone_alarms if synced else ()
    leads = [f"{lead.event_id} {lead.lead} {lead.title}" for lead in series.leads if lead.event_id not in known]
    return stable_id(*leads) if leads else ""


class SyncedObjects:
    """The synced objects of one person."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.by_uid: dict[str, SyncedObject] = {}
        self.by_href: dict[str, SyncedObject] = {}

    async def load(self) -> None:
        """Read what is kept."""
        for key, record in await self._records.items():
            if key.startswith(PREFIX):
                self._note(msgspec.convert(record, SyncedObject))

    async def keep(self, synced: SyncedObject) -> None:
        """Keep an object, in the place of an earlier one with its UID."""
        old = self.by_uid.get(synced.uid)
        if old is not None:
            self.by_href.pop(old.href, None)
        self._note(synced)
        await self._records.put(_key(synced.uid), msgspec.to_builtins(synced))

    async def drop(self, synced: SyncedObject) -> None:
        """Forget an object that both sides have no more."""
        self.by_uid.pop(synced.uid, None)
        self.by_href.pop(synced.href, None)
        await self._records.delete(_key(synced.uid))

    async def drop_all(self) -> None:
        """Forget all objects."""
        for synced in [*self.by_uid.values()]:
            await self.drop(synced)

    def _note(self, synced: SyncedObject) -> None:
        self.by_uid[synced.uid] = synced
        self.by_href[synced.href] = synced


def _key(uid: str) -> str:
    return f"{PREFIX}{stable_id(uid)}"
